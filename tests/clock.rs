//! The clock of the lease counts the time that a machine sleeps (pain E8): `Instant` does not.
//!
//! A machine cannot be put to sleep by a test, but a time namespace can be: in it, the clock that counts sleep is 100,000 s
//! ahead, as if the machine had slept that long, and the monotonic one is not.

use std::{process::Command, time::Duration};

const SLEPT: &str = "100000";
const CHILD: &str = "DCS_ZK_TEST_TELL_TIME";

#[test]
fn time_asleep_counts() {
    if std::env::var_os(CHILD).is_some() {
        // Standard error is not captured by this command line.
        eprintln!("now={}", zk_session::now().since_epoch().as_secs());
        return;
    }
    let before = zk_session::now().since_epoch();
    let asleep = Command::new("unshare")
        .args(["--map-root-user", "--time", "--boottime", SLEPT, "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "time_asleep_counts", "--nocapture"])
        .env(CHILD, "1")
        .output();
    let told = asleep.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
    let Some(now) = told.lines().find_map(|line| line.strip_prefix("now=")) else {
        eprintln!("NOT TESTED: no time namespace can be had here: {told}");
        return;
    };
    let passed = Duration::from_secs(now.parse().unwrap()).saturating_sub(before).as_secs();
    let slept: u64 = SLEPT.parse().unwrap();
    assert!((slept - 1..slept + 60).contains(&passed), "{passed} s instead of {slept} s");
}
