//! Histories in files: JSON lines.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::Record;

/// Why a history could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is no record.
    #[error("{}:{line}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads a history. What follows the last line feed is left out: the process that wrote it was killed in the middle of the line.
///
/// # Errors
///
/// When the file cannot be read, or a whole line is no record.
pub fn read(path: &Path) -> Result<Vec<Record>, FileError> {
    let text = fs::read(path).map_err(|source| FileError::Io { path: path.to_owned(), source })?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let lines = text.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|source| FileError::Line {
                path: path.to_owned(),
                line: index + 1,
                source,
            })
        })
        .collect()
}

/// Writes a history, in place of what the file held.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(path: &Path, records: &[Record]) -> Result<(), FileError> {
    let whole = || {
        let mut file = io::BufWriter::new(fs::File::create(path)?);
        for record in records {
            serde_json::to_writer(&mut file, record)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    whole().map_err(|source| FileError::Io { path: path.to_owned(), source })
}
