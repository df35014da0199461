//! Seeded faults on real ensembles, what clients saw of them, and a checker of that history.
//!
//! ```text
//!   schedule ──▶ run ──▶ history ──▶ checker ──▶ verdict ──▶ ledger
//!   (a seed)    (real servers,      (records)   (a model)
//!               real processes)
//! ```
//!
//! The program is `fault-schedule`:
//!
//! ```text
//! cargo run -p fault-schedules -- run --seed 40 --count 20              # what CI does, as a test
//! cargo run -p fault-schedules -- run --seed 17                         # one again; `plan --seed 17` prints it
//! cargo run -p fault-schedules -- run --seed 1000 --count 500 --ledger crates/fault-schedules/LEDGER.jsonl
//! cargo run -p fault-schedules -- expiries --count 1000                 # beliefs end before keys vanish
//! cargo run -p fault-schedules -- rolling --count 2                     # sessions outlive rolling restarts
//! cargo run -p fault-schedules -- watches --count 1                     # ten thousand watches across a restart
//! cargo run -p fault-schedules -- check HISTORY                         # judge what was kept
//! ```

pub mod checker;
pub mod expiries;
pub mod history;
pub mod ledger;
pub mod record;
pub mod roles;
pub mod rolling;
pub mod run;
pub mod schedule;
pub mod soak;
mod tree;
pub mod watches;
