//! Stored values: as Patroni writes them, as it once wrote them, and as nobody ever should.

use fastrand::Rng;
use serde_json::json;

use super::corpus;

/// One znode of a case, by its path below the scope.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) path: String,
    pub(crate) value: Vec<u8>,
    pub(crate) version: i32,
    pub(crate) mzxid: i64,
    pub(crate) owner: i64,
}

/// Something to be written over what is stored.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) nodes: Vec<Node>,
    pub(crate) data: String,
    pub(crate) leader: String,
    pub(crate) candidate: String,
    pub(crate) standbys: Vec<String>,
    pub(crate) quorum: i64,
    pub(crate) scheduled_at: String,
    pub(crate) optime: i64,
    pub(crate) slots: String,
    pub(crate) retain_slots: Vec<String>,
    pub(crate) failsafe: String,
}

/// One question to the oracle.
#[derive(Debug, Clone)]
pub(crate) enum Case {
    Load { nodes: Vec<Node>, probes: Vec<String> },
    Convert { value: Vec<u8> },
    Compare { a: Vec<u8>, b: Vec<u8> },
    Write(Box<Write>),
}

impl Case {
    /// The case as a line for `oracle.py`.
    pub(crate) fn line(&self) -> String {
        let listed = |nodes: &[Node]| -> Vec<_> {
            nodes.iter().map(|n| json!([n.path, hex(&n.value), n.version, n.mzxid, n.owner])).collect()
        };
        let line = match self {
            Self::Load { nodes, probes } => json!({"kind": "load", "nodes": listed(nodes), "probes": probes}),
            Self::Convert { value } => json!({"kind": "convert", "value": hex(value)}),
            Self::Compare { a, b } => json!({"kind": "compare", "a": hex(a), "b": hex(b)}),
            Self::Write(w) => json!({
                "kind": "write", "nodes": listed(&w.nodes), "data": w.data, "leader": w.leader,
                "candidate": w.candidate, "standbys": w.standbys, "quorum": w.quorum,
                "scheduled_at": w.scheduled_at, "optime": w.optime, "slots": w.slots,
                "retain_slots": w.retain_slots, "failsafe": w.failsafe,
            }),
        };
        line.to_string()
    }

    /// The values of the case, for failure messages.
    pub(crate) fn shown(&self) -> String {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string().chars().take(300).collect::<String>();
        match self {
            Self::Load { nodes, .. } => nodes
                .iter()
                .map(|n| format!("{} = {}", n.path, text(&n.value)))
                .collect::<Vec<_>>()
                .join("; "),
            Self::Convert { value } => text(value),
            Self::Compare { a, b } => format!("{} / {}", text(a), text(b)),
            Self::Write(write) => format!("{write:?}"),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kinds of znode that a case can be about.
const KINDS: [&str; 10] = [
    "members/a",
    "members/a",
    "leader",
    "sync",
    "failover",
    "status",
    "optime/leader",
    "config",
    "history",
    "failsafe",
];

/// All cases: the hand-picked ones, then as many generated ones as asked for.
pub(crate) fn cases(seed: u64, generated: usize) -> Vec<Case> {
    let mut g = Generator { rng: Rng::with_seed(seed) };
    let mut cases = Vec::new();
    for value in corpus::documents() {
        cases.push(Case::Convert { value: value.clone() });
        for kind in &KINDS[1..] {
            cases.push(g.load(kind, value.clone()));
        }
    }
    for (kind, values) in corpus::BY_KIND {
        for value in *values {
            cases.push(g.load(kind, value.as_bytes().to_vec()));
        }
    }
    for i in 0..generated {
        cases.push(match i % 16 {
            0..=9 => {
                let kind = KINDS[i % 16];
                let value = g.value_of(kind);
                let value = if g.one_in(3) { g.mutate(value) } else { value };
                g.load(kind, value)
            }
            10 | 11 => g.whole_cluster(),
            12 | 13 => {
                let value = if g.one_in(2) { g.scalar().into_bytes() } else { g.json(3).into_bytes() };
                Case::Convert { value: if g.one_in(3) { g.mutate(value) } else { value } }
            }
            14 => g.compare(),
            _ => g.write(),
        });
    }
    cases
}

struct Generator {
    rng: Rng,
}

impl Generator {
    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.rng.usize(0..from.len())]
    }

    fn load(&mut self, kind: &str, value: Vec<u8>) -> Case {
        let mut nodes = vec![self.node(kind, value)];
        if kind.starts_with("members/") && self.one_in(2) {
            nodes.push(self.node("leader", b"a".to_vec()));
        }
        if kind == "optime/leader" && self.one_in(8) {
            let status = if self.one_in(2) { Vec::new() } else { self.value_of("status") };
            nodes.push(self.node("status", status));
        }
        Case::Load { nodes, probes: self.probes() }
    }

    fn probes(&mut self) -> Vec<String> {
        (0..3).map(|_| self.pick(corpus::NAMES).to_owned()).collect()
    }

    fn node(&mut self, path: &str, value: Vec<u8>) -> Node {
        let (version, mzxid, owner) =
            (self.rng.i32(0..5), self.rng.i64(1..1 << 40), self.rng.i64(0..1 << 60));
        Node { path: path.to_owned(), value, version, mzxid, owner }
    }

    fn whole_cluster(&mut self) -> Case {
        let paths = [
            "members/a",
            "members/B",
            "members/x.y-z",
            "initialize",
            "leader",
            "sync",
            "failover",
            "status",
            "optime/leader",
            "config",
            "history",
            "failsafe",
        ];
        let mut nodes = Vec::new();
        for path in paths {
            if !self.one_in(4) {
                let value = self.value_of(path);
                let value = if self.one_in(40) { self.mutate(value) } else { value };
                nodes.push(self.node(path, value));
            }
        }
        Case::Load { nodes, probes: self.probes() }
    }

    /// A value of a znode, mostly one that Patroni could have written.
    fn value_of(&mut self, path: &str) -> Vec<u8> {
        if self.one_in(25) {
            return self.json(4).into_bytes();
        }
        match path {
            "initialize" => self.pick(&["", "6971234567890123456", "é", "{}"]).as_bytes().to_vec(),
            "leader" => self.pick(corpus::NAMES).as_bytes().to_vec(),
            "sync" => self.fields(&["leader", "sync_standby", "quorum"]),
            "failover" if self.one_in(4) => {
                let (leader, candidate) = (self.pick(corpus::NAMES), self.pick(corpus::NAMES));
                self.pick(&["L:C", "L", ":C", " L : C :x", "L:"])
                    .replace('L', leader)
                    .replace('C', candidate)
                    .into_bytes()
            }
            "failover" => self.fields(&["leader", "member", "scheduled_at"]),
            "status" if self.one_in(6) => self.number().into_bytes(),
            "status" => self.fields(&["optime", "slots", "retain_slots"]),
            "optime/leader" => self.number().into_bytes(),
            "config" => {
                self.fields(&["ttl", "loop_wait", "retry_timeout", "postgresql", "slots", "synchronous_mode"])
            }
            "failsafe" => self.fields(&["a", "B", "c"]),
            "history" => {
                let lines: Vec<String> = (0..self.rng.usize(0..4)).map(|_| self.history_line()).collect();
                format!("[{}]", lines.join(",")).into_bytes()
            }
            _ if self.one_in(6) => {
                let url = self.pick(corpus::URLS);
                self.pick(&[
                    "U",
                    "U?application_name=http://h:8008/patroni",
                    "U?a=b&application_name=&application_name=x+%20%e9%C3%A9%zz",
                    "postgresql:U",
                    "U?application_name=%F0%9F%98%80é;x#f",
                ])
                .replace('U', url)
                .into_bytes()
            }
            _ => self.fields(&[
                "conn_url",
                "conn_kwargs",
                "api_url",
                "state",
                "role",
                "version",
                "tags",
                "checkpoint_after_promote",
                "xlog_location",
                "receive_lsn",
                "replay_lsn",
                "timeline",
            ]),
        }
    }

    fn history_line(&mut self) -> String {
        if self.one_in(12) {
            return self.json(2);
        }
        let mut items = vec![self.field("timeline"), self.number()];
        for _ in 0..self.rng.usize(0..4) {
            items.push(self.string());
        }
        format!("[{}]", items.join(","))
    }

    /// An object with some of the keys, in some order, sometimes with others or one of them twice.
    fn fields(&mut self, keys: &[&str]) -> Vec<u8> {
        let mut keys: Vec<&str> = keys.to_vec();
        let left_out = self.rng.usize(0..4);
        keys.retain(|_| left_out == 0 || self.rng.usize(0..4) >= left_out);
        if self.one_in(4) {
            self.rng.shuffle(&mut keys);
        }
        let mut parts: Vec<String> = Vec::new();
        for key in keys {
            parts.push(format!("\"{key}\":{}", self.field(key)));
            if self.one_in(30) {
                parts.push(format!("\"{key}\":{}", self.field(key)));
            }
            if self.one_in(20) {
                parts.push(format!("{}:{}", self.string(), self.json(2)));
            }
        }
        let comma = if self.one_in(6) { " ,\n\t" } else { "," };
        format!("{{{}}}", parts.join(comma)).into_bytes()
    }

    /// A value for a key, mostly of the type that it is meant to have.
    fn field(&mut self, key: &str) -> String {
        if self.one_in(12) {
            return self.json(2);
        }
        match key {
            "conn_url" => quoted(self.pick(corpus::URLS)),
            "api_url" | "a" | "B" | "c" => quoted(self.pick(corpus::API_URLS)),
            "conn_kwargs" if self.one_in(2) => "null".into(),
            "conn_kwargs" => String::from_utf8(self.fields(&["host", "port", "dbname", "user"])).unwrap(),
            "host" => quoted(self.pick(&["h", "::1", "[::1]", "h1,h2", "", "é"])),
            "port" => self.pick(&["5432", "\"5433\"", "0", "null", "5432.0"]).into(),
            "state" => quoted(self.pick(&["running", "starting", "stopped", "Running", ""])),
            "role" => quoted(self.pick(&["primary", "master", "replica", "standby_leader", "promoted"])),
            "version" => quoted(self.pick(corpus::VERSIONS)),
            "tags" => String::from_utf8(self.fields(&[
                "clonefrom",
                "nofailover",
                "failover_priority",
                "noloadbalance",
                "nosync",
                "sync_priority",
                "replicatefrom",
                "nostream",
                "custom",
            ]))
            .unwrap(),
            "clonefrom"
            | "nofailover"
            | "noloadbalance"
            | "nosync"
            | "nostream"
            | "checkpoint_after_promote" => self
                .pick(&["true", "false", "null", "0", "1", "\"\"", "\"false\"", "\"on\"", "1.0", "[]", "NaN"])
                .into(),
            "leader" | "member" | "replicatefrom" => quoted(self.pick(corpus::NAMES)),
            "sync_standby" => {
                quoted(self.pick(&["", "b", "B,c", " a , b,,", ",", "ΑΣ,é", "b\u{a0},\u{1c}c", "a,b,c"]))
            }
            "scheduled_at" => self.scheduled_at(),
            "slots" if self.one_in(3) => {
                let slots = String::from_utf8(self.fields(&["s1", "s2"])).unwrap();
                quoted(&slots)
            }
            "slots" => String::from_utf8(self.fields(&["s1", "s2", "s3"])).unwrap(),
            "retain_slots" => self
                .pick(&["[]", "[\"s1\",\"s2\"]", "\"[\\\"s1\\\"]\"", "[\"s1\",1]", "null", "\"\"", "{}"])
                .into(),
            "dbname" | "user" | "custom" => self.string(),
            _ => self.number(),
        }
    }

    fn scheduled_at(&mut self) -> String {
        let text = if self.one_in(5) {
            self.pick(corpus::TIMES).to_owned()
        } else {
            let (year, month, day) = (self.rng.u32(1990..2100), self.rng.u32(1..13), self.rng.u32(1..32));
            let (hour, minute, second) = (self.rng.u32(0..24), self.rng.u32(0..60), self.rng.u32(0..60));
            let date = match self.rng.u32(0..4) {
                0 => format!("{year}{month:02}{day:02}"),
                _ => format!("{year}-{month:02}-{day:02}"),
            };
            let fraction = self.pick(&["", "", ".1394", ".123456789", ",5", ".000001"]);
            let time = match self.rng.u32(0..6) {
                0 => format!("{hour:02}{minute:02}{second:02}{fraction}"),
                1 => format!("{hour:02}{minute:02}"),
                2 => format!("{hour:02}:{minute:02}"),
                _ => format!("{hour:02}:{minute:02}:{second:02}{fraction}"),
            };
            let zone = self.pick(&[
                "Z", "", "+00:00", "-00:00", "+02:00", "-0330", "+05", " +01:00", " UTC", "UTC", " GMT", "z",
            ]);
            format!("{date}{}{time}{zone}", self.pick(&["T", " ", "T"]))
        };
        let text = if self.one_in(8) {
            String::from_utf8_lossy(&self.mutate(text.into_bytes())).into_owned()
        } else {
            text
        };
        quoted(&text)
    }

    fn json(&mut self, depth: usize) -> String {
        let space = if self.one_in(10) { " \t" } else { "" };
        let len = self.rng.usize(0..4);
        match self.rng.u32(0..6) {
            0 if depth > 0 => {
                let items: Vec<String> = (0..len).map(|_| self.json(depth - 1)).collect();
                format!("[{space}{}{space}]", items.join(&format!("{space},{space}")))
            }
            1 if depth > 0 => {
                let items: Vec<String> = (0..len)
                    .map(|_| format!("{}{space}:{space}{}", self.string(), self.json(depth - 1)))
                    .collect();
                format!("{{{space}{}{space}}}", items.join(&format!("{space},{space}")))
            }
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) -> String {
        match self.rng.u32(0..8) {
            0 => self.pick(&["null", "true", "false", "NaN", "Infinity", "-Infinity"]).into(),
            1..=3 => self.number(),
            4 => quoted(&self.number()),
            5 => quoted(self.pick(corpus::NUMBERS_IN_STRINGS)),
            _ => self.string(),
        }
    }

    fn number(&mut self) -> String {
        match self.rng.u32(0..8) {
            0 => self.pick(corpus::NUMBERS).into(),
            1 => {
                let float = f64::from_bits(self.rng.u64(..));
                if float.is_finite() { format!("{float:e}") } else { "NaN".into() }
            }
            2 => format!("{}.{}", self.rng.i32(-1000..1000), self.rng.u32(0..1000)),
            3 => format!("{}e{}", self.rng.i32(-99..99), self.rng.i32(-30..30)),
            4 => self.rng.i64(..).to_string(),
            _ => self.rng.i64(0..1 << 34).to_string(),
        }
    }

    fn string(&mut self) -> String {
        if self.one_in(2) {
            return quoted(self.pick(corpus::NAMES));
        }
        let mut text = String::from("\"");
        for _ in 0..self.rng.usize(0..6) {
            match self.rng.u32(0..10) {
                0 => text.push_str(self.pick(&["\\n", "\\t", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r"])),
                1 => text.push_str(&format!("\\u{:04x}", self.rng.u16(0x20..0x3000))),
                2 => text.push_str("\\ud83d\\uDE00"),
                3 => text.push_str(self.pick(&["é", "😀", "ß", "Σ", "\u{7f}", "\u{a0}", "İ", "'"])),
                _ => text.push(char::from(self.rng.u8(b'0'..b'[')).to_ascii_lowercase()),
            }
        }
        text.push('"');
        text
    }

    /// One or two faults: bytes cut off, lost, changed, doubled or put in.
    fn mutate(&mut self, mut value: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.rng.usize(1..3) {
            let at = self.rng.usize(0..=value.len());
            match self.rng.u32(0..7) {
                0 => value.truncate(at),
                1 if at < value.len() => {
                    value.remove(at);
                }
                2 if at < value.len() => value[at] ^= 1 << self.rng.u32(0..7),
                3 => {
                    let end = (at + self.rng.usize(0..12)).min(value.len());
                    let copy = value[at..end].to_vec();
                    value.splice(at..at, copy);
                }
                4 if self.one_in(4) => value.insert(at, self.rng.u8(0x80..)),
                _ => {
                    let piece = self.pick(&[
                        "\"", ",", "{", "}", "[", "]", ":", "\\", "0", "-", ".", "e", " ", "\n", "\u{feff}",
                        "null", "\\ud800", "é", "\u{0}", "_", "1e999", "NaN",
                    ]);
                    value.splice(at..at, piece.bytes());
                }
            }
        }
        value
    }

    fn compare(&mut self) -> Case {
        let a =
            String::from_utf8(self.fields(&["state", "xlog_location", "tags", "conn_kwargs", "x"])).unwrap();
        let b = match self.rng.u32(0..6) {
            0 => String::from_utf8(self.fields(&["state", "xlog_location", "tags", "conn_kwargs", "x"]))
                .unwrap(),
            1 => a.clone(),
            // Values that may print alike: the same numbers and words in strings.
            2 => a.replace("true", "\"True\"").replace("null", "\"None\""),
            3 => a
                .replace("NaN", "\"nan\"")
                .replace("[]", "\"[]\"")
                .replace(":0", ":\"0\"")
                .replace(":{}", ":\"{}\""),
            4 => a.replace(".0", "").replace("1.0", "\"1.0\""),
            _ => {
                let object = dcs_model::json::Value::parse(&a).unwrap();
                let printed = object
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(key, value)| (key, value.to_python_str().into_owned()));
                printed.collect::<dcs_model::json::Object>().to_json()
            }
        };
        // A replacement inside a string may have left no JSON.
        let b = if dcs_model::json::Value::parse(&b).is_ok() { b } else { a.clone() };
        Case::Compare { a: a.into_bytes(), b: b.into_bytes() }
    }

    fn write(&mut self) -> Case {
        let data = String::from_utf8(
            self.fields(&["conn_url", "api_url", "state", "role", "version", "tags", "timeline"]),
        )
        .unwrap();
        let slots = String::from_utf8(self.fields(&["s1", "s2"])).unwrap();
        let failsafe = String::from_utf8(self.fields(&["a", "B"])).unwrap();
        let retain_slots: Vec<String> =
            (0..self.rng.usize(0..3)).map(|_| self.pick(corpus::NAMES).to_owned()).collect();
        let optime = self.rng.i64(1..1 << 40);
        let mut nodes = Vec::new();
        if !self.one_in(3) {
            let value =
                if self.one_in(2) { data.clone().into_bytes() } else { self.fields(&["conn_url", "state"]) };
            nodes.push(self.node("members/a", value));
        }
        if !self.one_in(3) {
            let value = if self.one_in(2) {
                format!("{{\"optime\":{optime},\"slots\":{slots},\"retain_slots\":[\"s1\"]}}").into_bytes()
            } else {
                self.fields(&["optime", "slots"])
            };
            nodes.push(self.node("status", value));
        }
        if !self.one_in(3) {
            let value = if self.one_in(2) { failsafe.clone().into_bytes() } else { self.fields(&["a", "c"]) };
            nodes.push(self.node("failsafe", value));
        }
        let times = [
            "",
            "2026-11-22T10:09:57.1394Z",
            "2026-11-22T10:09:00+02:00",
            "2026-11-22T10:09:00",
            "2026-11-22T10:09:57-03:30",
        ];
        Case::Write(Box::new(Write {
            nodes,
            data,
            leader: self.pick(corpus::NAMES).to_owned(),
            candidate: self.pick(corpus::NAMES).to_owned(),
            standbys: (0..self.rng.usize(0..4)).map(|_| self.pick(corpus::NAMES).to_owned()).collect(),
            quorum: self.rng.i64(0..3),
            scheduled_at: self.pick(&times).to_owned(),
            optime,
            slots,
            retain_slots,
            failsafe,
        }))
    }
}

/// A string of Unicode as JSON, written with few escapes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
