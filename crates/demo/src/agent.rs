//! The hidden subcommand: an agent in a process of its own.

use std::{ffi::OsString, io, process::ExitCode};

/// Is `dcsctl agent` with these arguments, and ends when standard input does: the one end of the pipe is with the demonstration,
/// and closes however that ends, killed or not.
pub(crate) async fn run(arguments: Vec<OsString>) -> ExitCode {
    // A thread, because nothing that an agent does or waits for shall keep it alive.
    let watching = std::thread::Builder::new().spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(0);
    });
    if watching.is_err() {
        return ExitCode::FAILURE;
    }
    dcsctl::run(["dcsctl", "agent"].map(OsString::from).into_iter().chain(arguments)).await
}
