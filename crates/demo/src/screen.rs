//! Where everything is shown: a terminal, a file or a pipe, a program.
//!
//! On a terminal the table stands below what was said, and is drawn anew in place:
//!
//! ```text
//!   what was said before          goes up, and stays
//!   +---------------------+  ┐
//!   | the table           |  │    `drawn` lines: the cursor goes up so many, all below is erased,
//!   +---------------------+  ┘    then comes what is said now, and the table again
//! ```

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use rustix::termios::tcgetwinsize;
use serde_json::Value;

use crate::table::{self, Row};

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    None,
    Bold,
    Green,
    Red,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Bold => "1",
            Self::Green => "1;32",
            Self::Red => "31",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Live,
    Plain,
    Json,
}

/// Standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    mode: Mode,
    colour: bool,
    rows: Vec<Row>,
    /// Lines of the table on the terminal.
    drawn: usize,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let terminal = io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let mode = match (json, terminal) {
            (true, _) => Mode::Json,
            (false, true) => Mode::Live,
            (false, false) => Mode::Plain,
        };
        Self { mode, colour: terminal && !set("NO_COLOR"), rows: Vec::new(), drawn: 0 }
    }

    /// Lines for people, which stay.
    pub(crate) fn say(&mut self, lines: &[(Paint, String)]) -> io::Result<()> {
        match self.mode {
            Mode::Json => Ok(()),
            Mode::Plain => self.write(&self.text(lines)),
            Mode::Live => self.draw(lines),
        }
    }

    /// An event for programs.
    pub(crate) fn tell(&self, event: &Value) -> io::Result<()> {
        if self.mode == Mode::Json { self.write(&format!("{event}\n")) } else { Ok(()) }
    }

    /// The members as they are now. Without a terminal, those that have changed are told.
    pub(crate) fn show(&mut self, now: &str, rows: Vec<Row>) -> io::Result<()> {
        if self.rows == rows {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.rows, rows);
        match self.mode {
            Mode::Json => Ok(()),
            Mode::Live => self.draw(&[]),
            Mode::Plain => {
                let is_news =
                    |index: usize, row: &Row| before.get(index).is_none_or(|before| row.is_news(before));
                let news = self.rows.iter().enumerate().filter(|(index, row)| is_news(*index, row));
                let lines: Vec<_> =
                    news.map(|(_, row)| (Paint::None, format!("   {now}  {}", row.line()))).collect();
                self.write(&self.text(&lines))
            }
        }
    }

    /// The table as it is now stays, and is not drawn any more.
    pub(crate) fn leave_table(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        match self.mode {
            Mode::Json => Ok(()),
            Mode::Live => {
                self.drawn = 0;
                Ok(())
            }
            Mode::Plain => self.write(&self.text(&table::render(&rows))),
        }
    }

    fn draw(&mut self, said: &[(Paint, String)]) -> io::Result<()> {
        let erase = if self.drawn == 0 { String::new() } else { format!("\u{1b}[{}A\u{1b}[J", self.drawn) };
        let mut table = if self.rows.is_empty() { Vec::new() } else { table::render(&self.rows) };
        // A line that wraps would be two to go up. A terminal that does not know how wide it is says 0.
        if let Ok(wide @ 1..) = tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col)) {
            for (_, line) in &mut table {
                *line = line.chars().take(wide).collect();
            }
        }
        // One write, so that nothing flickers.
        self.write(&format!("{erase}{}{}", self.text(said), self.text(&table)))?;
        self.drawn = table.len();
        Ok(())
    }

    fn text(&self, lines: &[(Paint, String)]) -> String {
        let mut out = String::new();
        for (paint, line) in lines {
            match *paint {
                paint if self.colour && paint != Paint::None => {
                    out.push_str(&format!("\u{1b}[{}m{line}\u{1b}[0m\n", paint.code()));
                }
                _ => out.push_str(&format!("{line}\n")),
            }
        }
        out
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}
