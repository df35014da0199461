//! The contenders in Rust with an allocator that counts. A program of its own, because counting costs time.

use std::{alloc::System, process::ExitCode};

use benches::{contender, report::note};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn allocations() -> u64 {
    let stats = ALLOCATOR.stats();
    (stats.allocations + stats.reallocations) as u64
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let served = match &words[..] {
        [role, name, connect_string, payload] if role == contender::ROLE => match payload.parse() {
            Ok(payload) => contender::serve(name, connect_string, payload, Some(allocations)),
            Err(error) => Err(format!("{payload}: {error}").into()),
        },
        _ => Err("this is a part of the program `throughput`".into()),
    };
    if let Err(error) = served {
        note(&format!("throughput-counted: {error}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
