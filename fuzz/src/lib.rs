//! The bodies of the fuzz targets, as plain functions that the corpus replay calls too.
//!
//! With a nightly toolchain and cargo-fuzz, from the root of the repository:
//!
//! ```text
//! cargo +nightly fuzz run record_decode --features libfuzzer
//! cargo +nightly fuzz run frame_stream --features libfuzzer
//! ```
//!
//! The corpora under `corpus/` begin with the golden frames of zk-jute; `cargo run -p dcs-zk-fuzz --example seed_corpus`
//! writes them.

#![forbid(unsafe_code)]

mod frame_stream;
mod record_decode;

pub use frame_stream::{Outcome, frame_stream};
pub use record_decode::{RECORDS, record_decode};
