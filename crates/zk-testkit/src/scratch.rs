//! The directory of an ensemble, which outlives nobody.

use std::{
    fs::File,
    path::Path,
    sync::Once,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use crate::error::{TestkitError, doing};

/// How the name of every ensemble's directory starts.
const PREFIX: &str = "zk-testkit-ensemble-";
/// The file whose lock says that the directory is in use.
const LOCK: &str = "in-use.lock";
/// Younger directories are never swept: their owner may not have locked them yet.
const SWEEP_AGE: Duration = Duration::from_secs(600);

/// A temporary directory with a lock in it. Removed on drop.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes the directory. The first call of a process also removes directories whose owner was killed.
    pub(crate) fn create() -> Result<Self, TestkitError> {
        static SWEEP: Once = Once::new();
        SWEEP.call_once(|| sweep(&std::env::temp_dir()));
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir()
            .map_err(doing("create a temporary directory"))?;
        let lock = File::create(directory.path().join(LOCK)).map_err(doing("create the lock file"))?;
        lock.try_lock().map_err(std::io::Error::from).map_err(doing("lock the temporary directory"))?;
        Ok(Self { directory, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes what killed processes left. Failures do not matter: the next run tries again.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_abandoned(&entry.path()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a directory is old and nobody holds its lock.
fn is_abandoned(directory: &Path) -> bool {
    let old = std::fs::metadata(directory)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > SWEEP_AGE));
    old && File::open(directory.join(LOCK)).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_and_unlocked_directories_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str, old: bool| {
            let path = parent.path().join(format!("{PREFIX}{name}"));
            std::fs::create_dir(&path).unwrap();
            let lock = File::create(path.join(LOCK)).unwrap();
            if old {
                let long_ago = SystemTime::now() - 2 * SWEEP_AGE;
                File::open(&path).unwrap().set_modified(long_ago).unwrap();
            }
            (path, lock)
        };
        let (young, _) = make("young", false);
        let (dead, _) = make("dead", true);
        let (alive, lock) = make("alive", true);
        lock.try_lock().unwrap();
        sweep(parent.path());
        assert!(young.exists());
        assert!(!dead.exists());
        assert!(alive.exists());
    }
}
