//! The contenders of `scale` with an allocator that counts. A program of its own, because counting costs time.

use std::{alloc::System, process::ExitCode};

use benches::{contender, report::note, scale};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn heap_bytes() -> i64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let served = match &words[..] {
        [role, name, connect_string] if role == contender::ROLE => {
            scale::serve(name, connect_string, Some(heap_bytes))
        }
        _ => Err("this is a part of the program `scale`".into()),
    };
    if let Err(error) = served {
        note(&format!("scale-counted: {error}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
