//! Servers that lie, stall or talk nonsense: the cases as data, the server that plays them, and this workspace's client under
//! them. `bad_servers.rs` and `hostile_memory.rs` judge this client; the program `hostile-comparison` runs the same cases
//! against other clients, too.

pub mod bytes;
pub mod cases;
pub mod ours;
pub mod server;

pub use cases::{Ask, Case, Expected, ITEMS, Stage, cases};
pub use server::{Bad, Step};
