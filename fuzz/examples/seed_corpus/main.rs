//! Writes the first inputs of the corpora: the golden frames of zk-jute, the few records they do not show, what Patroni
//! stores, and what is written by hand.
//!
//! Files that are there already are written again; others are left alone.

mod written;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use dcs_zk_fuzz::RECORDS;
use zk_jute::records::{
    Acl, CheckVersionRequest, ClientInfo, Id, MultiHeader, MultiResponse, SetSASLRequest, Stat,
};
use zk_jute::{Decode, Encode, Permissions};

/// The most inputs of one record.
const PER_RECORD: usize = 4;

/// The records of the ops whose name does not lead to them.
const REQUESTS: [(&str, &str); 11] = [
    ("create2", "CreateRequest"),
    ("createContainer", "CreateRequest"),
    ("createTTL", "CreateTTLRequest"),
    ("multiRead", "MultiRequest"),
    ("auth", "AuthPacket"),
    ("sasl", "GetSASLRequest"),
    ("setWatches", "SetWatches"),
    ("setWatches2", "SetWatches2"),
    ("ping", ""),
    ("closeSession", ""),
    ("whoAmI", ""),
];
const REPLIES: [(&str, &str); 13] = [
    ("createContainer", "Create2Response"),
    ("createTTL", "Create2Response"),
    ("reconfig", "GetDataResponse"),
    ("multiRead", "MultiResponse"),
    ("addWatch", "ErrorResponse"),
    ("sasl", "SetSASLResponse"),
    ("notification", "WatcherEvent"),
    ("delete", ""),
    ("auth", ""),
    ("checkWatches", ""),
    ("removeWatches", ""),
    ("setWatches", ""),
    ("setWatches2", ""),
];

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = fuzz.join("corpus");
    let mut records = Seeds::new(corpus.join("record_decode"))?;
    let round_trips = corpus.join("round_trip");
    let multis = Seeds::new(corpus.join("multi_reply"))?;
    let mut multi_count = 0;
    let streams = Seeds::new(corpus.join("frame_stream"))?;
    for file in fs::read_dir(fuzz.join("../crates/zk-jute/tests/golden"))? {
        let path = file?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a name")?.to_owned();
        let mut connections = BTreeMap::<String, Vec<u8>>::new();
        for line in fs::read_to_string(&path)?.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split(' ').collect();
            let [connection, direction, op, hex] = fields[..] else { return Err(line.into()) };
            let frame = from_hex(hex)?;
            let stream = connections.entry([connection, direction].concat()).or_default();
            stream.extend(u32::try_from(frame.len())?.to_be_bytes());
            stream.extend(&frame);
            for (record, bytes) in records_of(op, direction == ">", &frame) {
                records.record(&record, bytes)?;
                if record == "MultiResponse" && multi_count < 12 {
                    let bytes = Bytes::copy_from_slice(bytes);
                    let results = MultiResponse::from_bytes(&bytes)?.results.len();
                    multis.write(
                        &format!("golden-{multi_count}"),
                        &[&[u8::try_from(results)?], &bytes[..]].concat(),
                    )?;
                    multi_count += 1;
                }
            }
        }
        for (key, stream) in connections {
            let key = key.replace('>', "-client").replace('<', "-server");
            streams.write(&format!("{name}-{key}"), &[&[255, 5, 1, 3, 40, 0, 7], &stream[..]].concat())?;
        }
    }
    let id = Id { scheme: "world", id: "anyone" };
    records.record("Id", &id.to_bytes())?;
    records.record("Acl", &Acl { perms: Permissions::ALL, id }.to_bytes())?;
    records.record("ClientInfo", &ClientInfo { auth_scheme: "ip", user: "127.0.0.1" }.to_bytes())?;
    records.record("Stat", &Stat { czxid: 1, num_children: 2, ..Stat::default() }.to_bytes())?;
    records.record("MultiHeader", &MultiHeader::END.to_bytes())?;
    records.record("CheckVersionRequest", &CheckVersionRequest { path: "/a", version: 3 }.to_bytes())?;
    records.record("SetSASLRequest", &SetSASLRequest { token: Some(Bytes::from_static(b"t")) }.to_bytes())?;
    // The dialect of ClickHouse Keeper: an error without a record.
    records.record("MultiResponse", b"\0\0\0\x04\0\xff\xff\xff\x9b\xff\xff\xff\xff\x01\xff\xff\xff\xff")?;
    // An old connect response, and a null where an `int` could promise 2 GiB.
    records.record("ConnectResponse", &[0; 20])?;
    records.record("GetChildrenResponse", b"\x7f\xff\xff\xff")?;
    for (name, stream) in [
        ("negative", &b"\0\0\0\x01a\xff\xff\xff\xff"[..]),
        ("too-long", b"\0\0\0\0\x7f\xff\xff\xff"),
        ("at-the-limit", b"\0\0\0\x10aaaaaaaaaaaaaaaa"),
        ("above-the-limit", b"\0\0\0\x11aaaaaaaaaaaaaaaaa"),
        ("unfinished", b"\0\0\0\x05abc"),
        ("tls-alert", b"\x15\x03\x03\0\x02\x02\x50"),
        ("tls-handshake", b"\x16\x03\x01\x02\0\x01\0\x01"),
        ("http-response", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("http-request", b"GET / HTTP/1.1\r\n\r\n"),
    ] {
        streams.write(name, &[&[1, 1, 2], stream].concat())?;
    }
    let done = b"\xff\xff\xff\xff\x01\xff\xff\xff\xff";
    let deleted = b"\0\0\0\x02\0\0\0\0\0";
    let failed = b"\xff\xff\xff\xff\0\xff\xff\xff\x9b\xff\xff\xff\x9b";
    let in_header = b"\0\0\0\x04\0\xff\xff\xff\x9b";
    for (name, ops, body) in [
        ("empty", 0, vec![&done[..]]),
        ("short", 3, vec![deleted, done]),
        ("too-many", 1, vec![deleted, deleted, done]),
        ("failed", 2, vec![failed, failed, done]),
        ("error-in-header", 2, vec![deleted, in_header, done]),
        ("no-end", 2, vec![deleted, deleted]),
        ("trailing", 1, vec![deleted, done, b"x"]),
        ("unknown-op", 1, vec![b"\0\0\0\x63\0\0\0\0\0", done]),
        ("endless", 255, vec![deleted; 300]),
    ] {
        multis.write(name, &[&[ops], &body.concat()[..]].concat())?;
    }
    records.first_of_each(&round_trips)?;
    // A null password, which is written as an empty one.
    let number = RECORDS.iter().position(|name| *name == "ConnectResponse").ok_or("no ConnectResponse")?;
    let null_password = [&[u8::try_from(number)?][..], &[0; 16], b"\xff\xff\xff\xff"].concat();
    fs::write(round_trips.join("ConnectResponse-null-password"), null_password)?;
    for (target, inputs) in [
        ("connect_response", written::connect_responses()),
        ("session_operations", written::sessions()),
        ("dcs_json", written::values()),
        ("hosts_and_paths", written::texts()),
    ] {
        let seeds = Seeds::new(corpus.join(target))?;
        for (name, input) in inputs {
            seeds.write(&name, &input)?;
        }
    }
    Ok(())
}

/// The header and the body of a frame, with the names of their records.
fn records_of<'f>(op: &str, from_client: bool, frame: &'f [u8]) -> Vec<(String, &'f [u8])> {
    let (direction, header, header_len, table): (_, _, _, &[_]) = match from_client {
        true => ("Request", "RequestHeader", 8, &REQUESTS),
        false => ("Response", "ReplyHeader", 16, &REPLIES),
    };
    if op == "connect" {
        return vec![(format!("Connect{direction}"), frame)];
    }
    let (head, body) = frame.split_at(header_len);
    let body_name = match table.iter().find(|(name, _)| *name == op) {
        Some((_, record)) => String::from(*record),
        None => op[..1].to_uppercase() + &op[1..] + direction,
    };
    let mut records = vec![(header.to_owned(), head)];
    if !body.is_empty() && !body_name.is_empty() {
        records.push((body_name, body));
    }
    records
}

fn from_hex(hex: &str) -> Outcome<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| Ok(u8::from_str_radix(&hex[at..at + 2], 16)?)).collect()
}

/// A folder of inputs.
struct Seeds {
    folder: PathBuf,
    count: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Seeds {
    fn new(folder: PathBuf) -> Outcome<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, count: BTreeMap::new() })
    }

    /// Writes the encoding of a record, unless there are enough of them.
    fn record(&mut self, record: &str, bytes: &[u8]) -> Outcome<()> {
        let number = RECORDS.iter().position(|name| *name == record).ok_or_else(|| format!("no {record}"))?;
        let known = self.count.entry(record.to_owned()).or_default();
        if known.len() >= PER_RECORD || known.iter().any(|other| other == bytes) {
            return Ok(());
        }
        known.push(bytes.to_vec());
        let name = format!("{record}-{}", known.len());
        self.write(&name, &[&[u8::try_from(number)?], bytes].concat())
    }

    /// Writes the first input of each record into another folder as well: one whose inputs are made alike.
    fn first_of_each(&self, folder: &Path) -> Outcome<()> {
        fs::create_dir_all(folder)?;
        for record in self.count.keys() {
            fs::copy(self.folder.join(format!("{record}-1")), folder.join(record))?;
        }
        Ok(())
    }

    fn write(&self, name: &str, input: &[u8]) -> Outcome<()> {
        Ok(fs::write(self.folder.join(name), input)?)
    }
}
