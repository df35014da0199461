//! The bodies of the fuzz targets, as plain functions that the corpus replay calls too.
//!
//! | target | what is read |
//! | --- | --- |
//! | `record_decode` | any bytes as any record |
//! | `frame_stream` | any stream in any slices |
//! | `round_trip` | any record, written and read again |
//! | `connect_response` | any bytes where the connect response is due |
//! | `multi_reply` | any answer to a multi |
//! | `session_operations` | whatever users, servers, networks and clocks do to a session |
//! | `dcs_json` | any bytes as the value of any of Patroni's keys |
//! | `hosts_and_paths` | any text as servers, paths, names and Patroni's YAML |
//!
//! With a nightly toolchain and cargo-fuzz, from the root of the repository:
//!
//! ```text
//! cargo +nightly fuzz run record_decode --features libfuzzer
//! ```
//!
//! `scripts/fuzz-soak.sh` runs them for hours, on a stable toolchain too, and keeps a record in `LEDGER.jsonl`.
//!
//! The corpora under `corpus/` begin with the golden frames of zk-jute and with what Patroni stores; `cargo run -p dcs-zk-fuzz
//! --example seed_corpus` writes them.

#![forbid(unsafe_code)]

mod connect_response;
mod dcs_json;
mod driver;
mod frame_stream;
mod hosts_and_paths;
mod input;
mod multi_reply;
mod record_decode;
mod records;
mod round_trip;
mod session_operations;

pub use connect_response::{Handshake, connect_response};
pub use dcs_json::{KEYS, dcs_json};
pub use frame_stream::{Outcome, frame_stream};
pub use hosts_and_paths::{Text, hosts_and_paths};
pub use multi_reply::{MultiReply, multi_reply};
pub use record_decode::record_decode;
pub use records::RECORDS;
pub use round_trip::round_trip;
pub use session_operations::{Operations, session_operations};
