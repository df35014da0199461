//! The four-letter words: one word in, text out, connection closed.

use std::fmt::Write;

use crate::engine::Report;

/// Every word a 3.8 server knows.
const KNOWN: [&[u8; 4]; 18] = [
    b"conf", b"cons", b"crst", b"dirs", b"dump", b"envi", b"gtmk", b"ruok", b"stmk", b"srvr", b"srst",
    b"stat", b"wchc", b"wchp", b"wchs", b"mntr", b"isro", b"hash",
];

/// What is told as the version: that of the server whose behaviour this is, and who says so.
const VERSION: &str =
    concat!("3.8.0-zk-embedded-", env!("CARGO_PKG_VERSION"), ", built on 2022-02-25 08:49 UTC");

/// The word that a connection begins with, if it is one.
pub(crate) fn recognise(first: &[u8]) -> Option<&'static str> {
    let word = KNOWN.into_iter().find(|known| first.starts_with(*known))?;
    std::str::from_utf8(word).ok()
}

/// The answer to a word.
pub(crate) fn answer(word: &str, report: &Report) -> String {
    if !report.serves && word != "ruok" {
        return match word {
            "isro" => "null".to_owned(),
            _ => "This ZooKeeper instance is not currently serving requests\n".to_owned(),
        };
    }
    match word {
        "ruok" => "imok".to_owned(),
        "isro" => if report.read_only { "ro" } else { "rw" }.to_owned(),
        "srvr" => status(report, false),
        "stat" => status(report, true),
        "cons" => connections(report, false),
        "wchs" => watches(report),
        "mntr" => monitor(report),
        "envi" => format!("Environment:\nzookeeper.version={VERSION}\nhost.name=localhost\n"),
        // As a server says that was not told to allow it.
        word => format!("{word} is not executed because it is not in the whitelist.\n"),
    }
}

fn status(report: &Report, with_clients: bool) -> String {
    let mut text = format!("Zookeeper version: {VERSION}\n");
    if report.read_only {
        text.push_str("READ-ONLY mode; serving only read-only clients\n");
    }
    if with_clients {
        text.push_str("Clients:\n");
        text.push_str(&connections(report, true));
    }
    let sum = |of: fn(&crate::engine::ConnectionReport) -> u64| {
        report.connections.iter().map(of).fold(0, u64::saturating_add)
    };
    // Writing into a string cannot fail.
    let _ = write!(
        text,
        "Latency min/avg/max: 0/0.0/0\nReceived: {}\nSent: {}\nConnections: {}\nOutstanding: {}\nZxid: {:#x}\n\
         Mode: {}\nNode count: {}\n",
        sum(|connection| connection.received),
        sum(|connection| connection.sent),
        report.connections.len(),
        report.connections.iter().map(|connection| connection.queued).fold(0, usize::saturating_add),
        report.zxid,
        report.mode,
        report.znodes,
    );
    text
}

fn connections(report: &Report, brief: bool) -> String {
    let mut text = String::new();
    for connection in &report.connections {
        let crate::engine::ConnectionReport { address, queued, received, sent, .. } = connection;
        let _ = write!(text, " /{address}[1](queued={queued},recved={received},sent={sent}");
        if let Some(session) = connection.session.filter(|_| !brief) {
            let _ = write!(text, ",sid={session:#x},to={}", connection.timeout.as_millis());
        }
        text.push_str(")\n");
    }
    text.push('\n');
    text
}

fn watches(report: &Report) -> String {
    let (connections, paths, watches) = report.watches;
    format!("{connections} connections watching {paths} paths\nTotal watches:{watches}\n")
}

fn monitor(report: &Report) -> String {
    format!(
        "zk_version\t{VERSION}\nzk_server_state\t{}\nzk_num_alive_connections\t{}\nzk_znode_count\t{}\n\
         zk_watch_count\t{}\nzk_ephemerals_count\t{}\nzk_approximate_data_size\t{}\n",
        report.mode,
        report.connections.len(),
        report.znodes,
        report.watches.2,
        report.ephemerals,
        report.data_size,
    )
}
