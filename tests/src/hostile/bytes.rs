//! What such servers send, byte for byte. None of it is made by the code under test.

/// A frame around this body.
///
/// # Panics
///
/// A body that no frame can hold.
pub fn frame(body: &[u8]) -> Vec<u8> {
    [&length(body.len()), body].concat()
}

/// The four bytes in front of what is counted.
fn length(len: usize) -> [u8; 4] {
    i32::try_from(len).expect("test data is short").to_be_bytes()
}

/// A reply to the request of this xid.
pub fn reply(xid: i32, code: i32, body: &[u8]) -> Vec<u8> {
    reply_at(1, xid, code, body)
}

/// A reply that says how far the server has come.
pub fn reply_at(zxid: i64, xid: i32, code: i32, body: &[u8]) -> Vec<u8> {
    [reply_head(zxid, xid, code, body.len()).as_slice(), body].concat()
}

/// What stands before a reply's body of this length.
pub fn reply_head(zxid: i64, xid: i32, code: i32, body: usize) -> Vec<u8> {
    [&length(16 + body)[..], &xid.to_be_bytes(), &zxid.to_be_bytes(), &code.to_be_bytes()].concat()
}

/// An event of a watch.
pub fn event(kind: i32, state: i32, path: &[u8]) -> Vec<u8> {
    reply(-1, 0, &[&kind.to_be_bytes(), &state.to_be_bytes(), &length(path.len()), path].concat())
}

/// An answer to the connect request.
pub fn connect_response(version: i32, timeout: i32, session: i64, password: &[u8]) -> Vec<u8> {
    let fixed =
        [&version.to_be_bytes()[..], &timeout.to_be_bytes(), &session.to_be_bytes(), &length(password.len())];
    frame(&[fixed.concat().as_slice(), password, &[0]].concat())
}

/// A session of a second.
pub fn granted() -> Vec<u8> {
    connect_response(0, 1_000, 0x5eed, &[7; 16])
}

/// The body of an honest answer to `getData`.
pub fn data() -> Vec<u8> {
    [&4i32.to_be_bytes()[..], b"data", &STAT].concat()
}

/// The body of an answer to `create2`: the path of the new node, and its stat.
pub fn created(path: &str) -> Vec<u8> {
    [text(path).as_slice(), &STAT].concat()
}

/// Text, with its length.
pub fn text(text: &str) -> Vec<u8> {
    [&length(text.len()), text.as_bytes()].concat()
}

/// The stat of a node about which there is nothing to say.
pub const STAT: [u8; 68] = [0; 68];

/// The largest length that four bytes can promise.
pub const HUGE: [u8; 4] = i32::MAX.to_be_bytes();

/// The longest frame that this workspace's client takes by default: 1 MiB and 4 KiB.
pub const LIMIT: i32 = 0x10_1000;
