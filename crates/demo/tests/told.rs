//! The whole story, as it is told to programs and to people.

mod common;

use std::{fs::File, io::Read, process::Stdio};

use common::{QUICK, demo, events};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::Value;

const STORY: [&str; 9] = [
    "servers-started",
    "leader-elected",
    "server-lost",
    "leader-moved",
    "leader-killed",
    "lease-ended",
    "new-leader",
    "beliefs",
    "done",
];

/// Runs it and checks what it tells, without trusting its own verdict.
fn is_told(more: &[&str]) {
    let output = demo(&[&QUICK[..], &["--json"], more].concat()).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let events = events(&output.stdout);
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, STORY);
    let [started, elected, lost, moved, killed, ended, new, beliefs, _] = events.as_slice() else { panic!() };
    assert_eq!(started["servers"].as_array().unwrap().len(), 3);
    assert_eq!(started["real"], more.contains(&"--ensemble"));

    let leader = &elected["leader"];
    assert_eq!((&lost["leader"], &moved["leader"], &killed["leader"]), (leader, leader, leader));
    assert_ne!(&new["leader"], leader);
    assert_eq!(lost["server"], elected["server"]);
    assert_ne!(moved["server"], lost["server"]);
    assert_eq!(moved["session"], elected["session"]);
    let offset = |event: &Value| event["offset_ms"].as_f64().unwrap();
    assert_eq!(offset(elected), 0.0);
    let in_order = [elected, lost, moved, killed, ended, new].map(offset);
    assert!(in_order.is_sorted(), "{in_order:?}");
    // The new leader had to wait for the old one's session, and did not wait much longer.
    let after_kill = new["after_kill_ms"].as_i64().unwrap();
    assert!((1_000..10_000).contains(&after_kill), "{new}");
    assert!(new["after_lease_ms"].as_i64().unwrap() >= 0, "{new}");

    let agents = beliefs["agents"].as_array().unwrap();
    assert_eq!(agents.len(), 3);
    let spans_of = |agent: &Value| agent["led"].as_array().unwrap().clone();
    let mut spans: Vec<(u64, u64)> = agents
        .iter()
        .flat_map(spans_of)
        .map(|span| (span["from_boottime_us"].as_u64().unwrap(), span["until_boottime_us"].as_u64().unwrap()))
        .collect();
    spans.sort_unstable();
    assert_eq!(spans.len(), 2, "{beliefs}");
    assert!(spans[0].0 < spans[0].1 && spans[0].1 <= spans[1].0 && spans[1].0 < spans[1].1, "{spans:?}");
}

#[test]
fn on_the_embedded_servers() {
    is_told(&[]);
}

#[test]
fn on_real_servers() {
    is_told(&["--ensemble"]);
}

#[test]
fn without_a_terminal_lines_follow_each_other() {
    let output = demo(&QUICK).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    let at = |wanted: &str| text.find(wanted).unwrap_or_else(|| panic!("no {wanted:?} in {text}"));
    let order =
        ["leader elected", "server lost", "leader moved", "leader killed", "lease ended", "new leader"];
    let order =
        [&order[..], &["Member | Role", "Timeline", "Who believed to lead", "▒", "nobody has led beyond"]]
            .concat();
    let places: Vec<usize> = order.into_iter().map(at).collect();
    assert!(places.is_sorted(), "{places:?}: {text}");
}

/// What it writes to a terminal of 60 columns, fewer than the table has.
fn on_a_terminal(no_color: &str) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize { ws_row: 50, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0 };
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let open = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let kept_open = open();
    tcsetwinsize(&kept_open, size).unwrap();
    let mut child =
        demo(&QUICK).env("NO_COLOR", no_color).stdin(Stdio::null()).stdout(open()).spawn().unwrap();
    drop(kept_open);
    let mut written = Vec::new();
    // It ends with an error: nobody has the other side open any more.
    let _ = File::from(terminal).read_to_end(&mut written);
    assert!(child.wait().unwrap().success());
    String::from_utf8(written).unwrap()
}

#[test]
fn on_a_terminal_the_table_is_drawn_in_place() {
    let text = on_a_terminal("");
    // Six lines up, and everything below is erased: there is one table at a time.
    let redrawn = text.matches("\u{1b}[6A\u{1b}[J").count();
    let tables = text.matches("Member | Role").count();
    assert!(redrawn > 20 && tables == redrawn + 1, "{redrawn} {tables}");
    assert!(text.contains("\u{1b}[1;32mnode"), "the leader is green");
    let rows = text.lines().filter(|line| line.contains(" | "));
    let longest = rows.map(|line| line.trim_start_matches("\u{1b}[6A\u{1b}[J").chars().count()).max();
    assert!(
        longest.is_some_and(|longest| longest <= 60 + 12),
        "60 and a colour, and nothing wraps: {longest:?}"
    );
}

#[test]
fn no_colour_when_none_is_wanted() {
    let text = on_a_terminal("1");
    assert!(text.contains("\u{1b}[6A") && text.contains("nobody has led beyond"));
    let colours = text
        .split("\u{1b}[")
        .skip(1)
        .filter(|code| code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'));
    assert_eq!(colours.count(), 0);
}
