//! The side-by-side programs of the workspace, and what they share. `benches/README.md` says how to run each.

pub mod contender;
pub mod loading;
mod process;
pub mod reconnect;
pub mod report;
pub mod scale;
pub mod servers;
pub mod spinner;
pub mod stub;
