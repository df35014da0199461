//! The program `dcsctl`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    dcsctl::run(std::env::args_os()).await
}
