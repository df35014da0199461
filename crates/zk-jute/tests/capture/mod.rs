//! The captures under `golden/`, frame by frame.

use bytes::Bytes;

pub(crate) const KAZOO: &str = include_str!("../golden/kazoo-2.11.0.txt");
pub(crate) const JAVA: &str = include_str!("../golden/java-3.8.0.txt");

/// One line of a file.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) line: usize,
    /// The number of the connection within the file.
    pub(crate) connection: &'static str,
    pub(crate) from_client: bool,
    /// What the proxy took it for: the request's op, and for a reply the op of the request with its xid.
    pub(crate) op: &'static str,
    pub(crate) bytes: Bytes,
}

/// The frames of a file, in order.
pub(crate) fn frames(file: &'static str) -> Vec<Frame> {
    let lines = file.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            let fields: Vec<_> = line.split(' ').collect();
            let [connection, direction, op, hex] = fields[..] else { panic!("line {number}: {line}") };
            let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            let bytes = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
            Frame { line: number + 1, connection, from_client: direction == ">", op, bytes }
        })
        .collect()
}
