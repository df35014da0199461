//! Benchmarks of the workspace: `cargo bench -p benches`. The programs are under `benches/`; there is no library.
