//! The real Patroni 4.1.5 as oracle: the same stored values must become the same cluster, and the same
//! cluster the same bytes.
//!
//! Values come from [`corpus`] and from [`generate`] with a fixed seed; `oracle/oracle.py` feeds them to the
//! real `patroni.dcs.zookeeper.ZooKeeper`. What may differ is in [`ALLOWED`], and in the documentation of the
//! crate.
//!
//! Python with Patroni is looked for in `DCS_ZK_PYTHON` and then in `.venv` of the workspace.
//! `DCS_ZK_ORACLE_SEED` and `DCS_ZK_ORACLE_CASES` ask for another run than the usual one.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dcs_model::json::{Int, Value};
use describe::{Description, describe};
use generate::{Case, Node, cases};

#[path = "oracle/corpus.rs"]
mod corpus;
#[path = "oracle/describe.rs"]
mod describe;
#[path = "oracle/generate.rs"]
mod generate;

const SEED: u64 = 0x5ca1_ab1e;
const GENERATED: usize = 32_000;
const INSTALL: &str = "Patroni 4.1.5 is needed here: run scripts/install-deps.sh, or point DCS_ZK_PYTHON at a Python that has it";

/// What may differ, why, and in how many fields of all cases: at least one, at most this many.
const ALLOWED: &[(&str, usize, &str)] = &[
    ("type", 7_400, "a field has one type here; Patroni keeps what is stored"),
    ("size", 5_000, "numbers that are counted with end at i64"),
    ("time", 650, "dateutil guesses at times that are not ISO 8601"),
    ("deep", 50, "documents of 513 to nearly a thousand levels"),
    ("surrogate", 60, "half a surrogate pair is U+FFFD"),
    ("unprintable", 20, "Python's repr escapes what its Unicode tables call unprintable"),
    ("load: not UTF-8", 750, "Patroni cannot load the cluster"),
    ("load: too deep", 22, "Patroni cannot load the cluster"),
    ("load: overflow", 22, "Patroni cannot load the cluster: an infinite quorum, a huge time"),
    ("load: scheduled_at", 540, "Patroni cannot load the cluster; the failover is empty here"),
    ("load: not a URL", 80, "Patroni cannot load the cluster; the member has no data here"),
    (
        "load: host in another form",
        1,
        "Patroni cannot load the cluster: NFKC makes a delimiter of a character of the host",
    ),
    ("raises: tags that are no object", 4_000, "no tags here"),
    ("raises: URL", 3_900, "nothing here"),
    ("raises: number", 15, "none here, where Python cannot make an int of infinity or of 4301 digits"),
    ("raises: int()", 1_900, "this is how int() says no"),
    ("raises: names in sync", 1_270, "a leader or sync_standby that is not a string"),
];

#[test]
fn the_same_as_patroni() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("DCS_ZK_ORACLE_SEED").unwrap_or(SEED);
    let generated = number("DCS_ZK_ORACLE_CASES").map_or(GENERATED, |n| usize::try_from(n).unwrap());
    let cases = cases(seed, generated);
    let mut fields = 0;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    let (versions, answers) = ask_patroni(&cases);
    for (case, patroni) in cases.iter().zip(answers) {
        let ours = describe(case);
        fields += patroni.len();
        for difference in differences(case, &patroni, &ours) {
            match difference {
                Ok(class) => *counts.entry(class).or_default() += 1,
                Err(message) => failures.push(format!("{message}\n    in {}", case.shown())),
            }
        }
    }
    println!(
        "{versions}, seed {seed}: {} cases, {fields} fields, {} differences; allowed: {counts:#?}",
        cases.len(),
        failures.len()
    );
    assert!(
        failures.is_empty(),
        "{} differences, such as\n{}",
        failures.len(),
        failures[..failures.len().min(25)].join("\n")
    );
    if (seed, generated) == (SEED, GENERATED) {
        for (class, most, why) in ALLOWED {
            let count = counts.remove(class).unwrap_or_default();
            assert!((1..=*most).contains(&count), "{count} times {class} ({why}), expected 1 to {most}");
        }
        assert!(counts.is_empty(), "not in the list of what may differ: {counts:?}");
    }
}

/// What Patroni calls itself, and its answers, one for each case.
fn ask_patroni(cases: &[Case]) -> (String, Vec<Description>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python =
        std::env::var_os("DCS_ZK_PYTHON").map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/oracle.py");
    let spawned = Command::new(&python)
        .arg(script)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else { panic!("{INSTALL}") };
    let mut input = child.stdin.take().unwrap();
    let lines: Vec<String> = cases.iter().map(Case::line).collect();
    let writer = std::thread::spawn(move || {
        for line in lines {
            // A child that is gone is noticed by its answers.
            if writeln!(input, "{line}").is_err() {
                break;
            }
        }
    });
    let mut errors = child.stderr.take().unwrap();
    let listener = std::thread::spawn(move || std::io::read_to_string(&mut errors).unwrap_or_default());
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let greeting = output.next().unwrap_or_default();
    let answers: Vec<Description> = if greeting.starts_with("patroni 4.1.5 ") {
        output.map(|line| serde_json::from_str(&line).unwrap()).collect()
    } else {
        Vec::new()
    };
    let _ = child.kill();
    child.wait().unwrap();
    writer.join().unwrap();
    let errors = listener.join().unwrap();
    assert!(greeting.starts_with("patroni 4.1.5 "), "{INSTALL}");
    assert_eq!(answers.len(), cases.len(), "Patroni stopped: {errors}");
    (greeting, answers)
}

/// Each difference between the answers: the class it belongs to, or a message.
fn differences(case: &Case, patroni: &Description, ours: &Description) -> Vec<Result<&'static str, String>> {
    if let Some(error) = patroni.get("load") {
        return vec![failed_load(case, error, ours)];
    }
    if let (Case::Convert { value }, Some(error)) =
        (case, patroni.get("json").filter(|text| text.starts_with('!')))
    {
        let ours = &ours["json"];
        return match error.as_str() {
            _ if ours == "error" => vec![],
            _ => vec![Err(format!("json: Patroni {error}, here {ours} {value:?}"))],
        };
    }
    let deep = deepest(case) > 512;
    let keys = patroni.keys().chain(ours.keys().filter(|key| !patroni.contains_key(*key)));
    keys.filter(|key| patroni.get(*key) != ours.get(*key))
        .map(|key| {
            let none = String::from("absent");
            let (theirs, our) = (patroni.get(key).unwrap_or(&none), ours.get(key).unwrap_or(&none));
            if deep {
                return Ok("deep");
            }
            if ["str", "a_b", "b_a"].contains(&key.as_str()) && unprintable(case) {
                return Ok("unprintable");
            }
            class_of(key, theirs, our, patroni)
                .ok_or_else(|| format!("{key}: Patroni {}, here {}", shorten(theirs), shorten(our)))
        })
        .collect()
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Patroni could not load the cluster. Here the znode at fault must have become the lenient value of its
/// kind.
fn failed_load(case: &Case, error: &str, ours: &Description) -> Result<&'static str, String> {
    let Case::Load { nodes, .. } = case else { return Err(format!("Patroni {error}")) };
    let class = match error {
        "!UnicodeDecodeError" => "load: not UTF-8",
        "!RecursionError" => "load: too deep",
        "!OverflowError" => "load: overflow",
        "!ParserError" | "!TypeError" => "load: scheduled_at",
        "!ValueError" => "load: not a URL",
        _ => return Err(format!("Patroni {error}")),
    };
    let is = |key: &str, value: &str| ours.get(key).is_some_and(|our| our == value);
    let host = |value: &[u8]| error == "!ValueError" && value.starts_with(b"postgres") && !value.is_ascii();
    let lenient = |node: &Node| match node.path.as_str() {
        "sync" => is("sync.leader", "none") && is("sync.quorum", "i:0"),
        "failover" => ["leader", "candidate", "scheduled_at"]
            .iter()
            .all(|field| is(&format!("failover.{field}"), "none")),
        "config" => is("config.data", "j:{}") && is("config.modify_version", "i:0"),
        "history" => is("history.lines", "j:[]"),
        "status" | "optime/leader" => is("status.is_empty", "true"),
        "failsafe" => is("failsafe", "none"),
        "leader" | "initialize" => std::str::from_utf8(&node.value).is_err(),
        _ => (0..3).any(|i| is(&format!("members.{i}.data"), "j:{}")),
    };
    if nodes.iter().any(lenient) {
        Ok(class)
    } else if nodes.iter().any(|node| host(&node.value)) {
        Ok("load: host in another form")
    } else {
        Err(format!("Patroni {error}, here {ours:?}"))
    }
}

/// Whether Python's `repr` may escape a character of the case that is printed here as it is.
fn unprintable(case: &Case) -> bool {
    let parts: &[&Vec<u8>] = match case {
        Case::Convert { value } => &[value],
        Case::Compare { a, b } => &[a, b],
        _ => &[],
    };
    parts.iter().any(|part| {
        Value::from_slice(part).is_ok_and(|value| value.to_python_str().chars().any(|c| c >= '\u{100}'))
    })
}

/// How deep the brackets of the case go at most.
fn deepest(case: &Case) -> usize {
    let depth = |bytes: &[u8]| {
        let (mut depth, mut most) = (0usize, 0);
        for byte in bytes {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            most = most.max(depth);
        }
        most
    };
    match case {
        Case::Load { nodes, .. } => nodes.iter().map(|node| depth(&node.value)).max().unwrap_or_default(),
        Case::Convert { value } => depth(value),
        Case::Compare { .. } | Case::Write(_) => 0,
    }
}

/// The class of a difference in one field.
fn class_of(key: &str, theirs: &str, our: &str, patroni: &Description) -> Option<&'static str> {
    let of = |other: &str| {
        let prefix = key.rfind('.').map_or("", |dot| &key[..=dot]);
        patroni.get(&format!("{prefix}{other}")).is_some_and(|text| text.starts_with('?'))
    };
    let untyped = |key: &str| patroni.get(key).is_some_and(|text| text.starts_with('?'));
    let field = key.rsplit('.').next().unwrap_or_default();
    if theirs.starts_with('?') {
        let nothing = matches!(our, "none" | "ok" | "s:\"unknown\"" | "j:{}")
            || ["status.retain_slots", "sync.leader"].contains(&key);
        return nothing.then_some("type");
    }
    if let Some(error) = theirs.strip_prefix('!') {
        return raised(field, error, our).or_else(|| {
            let garbled = ["sync.leader", "sync.sync_standby"].into_iter().any(untyped);
            let derived =
                ["voters", "members", "matches", "matches_leader", "leader_matches"].contains(&field);
            (garbled && derived).then_some("raises: names in sync")
        });
    }
    if field == "state" && theirs == "none" && our == "s:\"unknown\"" {
        return Some("type");
    }
    if surrogate(theirs) {
        return Some("surrogate");
    }
    if saturated(theirs).is_some_and(|theirs| theirs == our) {
        return Some("size");
    }
    let follows = match field {
        "is_empty" if key == "is_empty" => ["failsafe", "status.retain_slots"].into_iter().any(untyped),
        "is_empty" => of("leader") || of("candidate") || of("retain_slots"),
        "voters" | "members" | "matches" | "matches_leader" | "leader_matches" => {
            ["sync.leader", "sync.sync_standby"].into_iter().any(untyped)
        }
        "conn_url" | "conn_kwargs" | "conn_kwargs_auth" | "clonefrom" => {
            of("conn_url") || of("conn_kwargs_type")
        }
        _ => false,
    };
    if follows {
        return Some("type");
    }
    let unread =
        ["leader", "candidate", "scheduled_at", "is_empty"].contains(&field) && key.starts_with("failover.");
    if unread && patroni["failover.scheduled_at"] != "none" && (our == "none" || our == "true") {
        return Some("time");
    }
    None
}

/// The class of a field at which Patroni raises, if what it is here is what the documentation says.
fn raised(field: &str, error: &str, our: &str) -> Option<&'static str> {
    let tags = [
        "clonefrom",
        "nofailover",
        "failover_priority",
        "noloadbalance",
        "nosync",
        "sync_priority",
        "replicatefrom",
        "nostream",
    ];
    let counted = [
        "nofailover",
        "failover_priority",
        "nosync",
        "sync_priority",
        "lsn",
        "receive_lsn",
        "replay_lsn",
        "parse_int",
    ];
    let urls = ["conn_url", "conn_kwargs", "conn_kwargs_auth", "endpoint", "clonefrom"];
    let nothing = ["none", "false", "i:1", "i:0", "j:{}", "s:\"\""].contains(&our);
    match error {
        "AttributeError" if tags.contains(&field) && nothing => Some("raises: tags that are no object"),
        "OverflowError" | "ValueError" if counted.contains(&field) && nothing => Some("raises: number"),
        "OverflowError" | "ValueError" if field == "slots" => Some("raises: number"),
        "AttributeError" | "TypeError" | "ValueError" if urls.contains(&field) && nothing => {
            Some("raises: URL")
        }
        "ValueError" if field == "scheduled_at" && nothing => Some("time"),
        "TypeError" | "ValueError" | "OverflowError" if field == "int" && our == "none" => {
            Some("raises: int()")
        }
        _ => None,
    }
}

/// Whether a text in JSON has half of a surrogate pair.
fn surrogate(json: &str) -> bool {
    let halves = json.to_ascii_lowercase();
    let at = |i: usize, range: std::ops::Range<u32>| {
        halves
            .get(i..i + 6)
            .and_then(|text| text.strip_prefix("\\u"))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .is_some_and(|unit| range.contains(&unit))
    };
    let mut i = 0;
    while i < halves.len() {
        if halves[i..].starts_with("\\\\") {
            i += 2;
        } else if at(i, 0xd800..0xdc00) && at(i + 6, 0xdc00..0xe000) {
            i += 12;
        } else if at(i, 0xd800..0xe000) {
            return true;
        } else {
            i += 1;
        }
    }
    false
}

/// The same with every integer brought into the range of `i64`.
fn saturated(theirs: &str) -> Option<String> {
    fn number(text: &str) -> Option<String> {
        Int::from_decimal(text).map(|int| int.saturating_i64().to_string())
    }
    if let Some(text) = theirs.strip_prefix("i:") {
        return number(text).map(|text| format!("i:{text}"));
    }
    if let Some(text) = theirs.strip_prefix("v:") {
        let parts: Option<Vec<String>> = text.split('.').map(number).collect();
        return parts.map(|parts| format!("v:{}", parts.join(".")));
    }
    let slots = Value::parse(theirs.strip_prefix("j:")?).ok()?;
    let slots: dcs_model::json::Object = slots
        .as_object()?
        .iter()
        .map(|(name, value)| match value {
            Value::Int(int) => (name, Value::from(int.saturating_i64())),
            other => (name, other.clone()),
        })
        .collect();
    Some(format!("j:{}", slots.to_json()))
}
