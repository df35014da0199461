//! The inputs that are written by hand: name, and bytes.

use bytes::Bytes;
use dcs_zk_fuzz::KEYS;
use zk_jute::Encode;
use zk_jute::records::ConnectResponse;

type Inputs = Vec<(String, Vec<u8>)>;

/// Connect responses as hostile servers send them.
pub(crate) fn connect_responses() -> Inputs {
    let response = |protocol_version, timeout, session_id, password: &[u8], read_only| {
        let password = Bytes::copy_from_slice(password);
        ConnectResponse { protocol_version, timeout, session_id, password, read_only }.to_bytes()
    };
    let (id, full) = (0x77, &[7; 16]);
    let good = response(0, 10_000, id, full, Some(false));
    let framed = [
        ("granted", 4, good.to_vec()),
        ("resumed", 5, response(0, 10_000, 0x1234, full, Some(false)).to_vec()),
        ("another-session", 5, good.to_vec()),
        ("expired", 5, response(0, 0, 0, &[0; 16], Some(false)).to_vec()),
        ("expired-negative", 5, response(0, -1, 0, b"", None).to_vec()),
        ("read-only-refused", 4, response(0, 10_000, id, full, Some(true)).to_vec()),
        ("read-only-taken", 6, response(0, 10_000, id, full, Some(true)).to_vec()),
        ("old-server", 4, response(0, 10_000, id, full, None).to_vec()),
        ("wrong-version", 4, response(1, 10_000, id, full, Some(false)).to_vec()),
        ("timeout-none", 4, response(0, -1, id, full, Some(false)).to_vec()),
        ("timeout-shortest", 4, response(0, 1, id, full, Some(false)).to_vec()),
        ("timeout-longest", 4, response(0, i32::MAX, id, full, Some(false)).to_vec()),
        ("session-zero", 4, response(0, 10_000, 0, full, Some(false)).to_vec()),
        ("password-empty", 4, response(0, 10_000, id, b"", Some(false)).to_vec()),
        ("password-17", 4, response(0, 10_000, id, &[7; 17], Some(false)).to_vec()),
        ("trailing", 4, [&good[..], b"more"].concat()),
        ("short", 4, good[..20].to_vec()),
        ("empty", 4, Vec::new()),
        ("password-huge", 4, [&good[..16], b"\x7f\xff\xff\xff"].concat()),
    ];
    let streams = [
        ("length-negative", 0, b"\xff\xff\xff\xff".to_vec()),
        ("length-huge", 0, b"\x7f\xff\xff\xff".to_vec()),
        ("length-over", 0, [&b"\0\0\x04\x01"[..], &[0; 40]].concat()),
        ("incomplete", 0, [&b"\0\0\0\x25"[..], &good[..10]].concat()),
        ("tls-alert", 1, b"\x15\x03\x03\0\x02\x02\x50".to_vec()),
        ("http", 1, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("frames-behind", 0, [&b"\0\0\0\x25"[..], &good, b"\0\0\0\x04pong"].concat()),
    ];
    let inputs = framed.into_iter().chain(streams);
    inputs.map(|(name, setup, bytes)| (name.to_owned(), [&[setup][..], &bytes].concat())).collect()
}

/// Sessions as they go, and as they do not. The operations are those of `dcs_zk_fuzz::session_operations`.
pub(crate) fn sessions() -> Inputs {
    // The transport opens, and the session is granted.
    const UP: &[u8] = &[2, 0, 3, 0];
    // Its server asks for what comes before ready, and answers it.
    const READY: &[u8] = &[2, 0, 3, 0, 28];
    // A read that leaves a watch on `/`, and an `exists` with one on `/a`.
    const WATCHES: &[u8] = &[0, 0, 0, 3, 0, 1, 5, 3];
    // The same with watches that stay, on `/a/b` and everything below `/`.
    const STAYING: &[u8] = &[0, 3, 14, 3, 0, 3, 16, 3];
    // Requests that wait, with bodies, and one without a watch that does not.
    const WRITES: &[u8] = &[0, 4, 0x5c, 2, 0, 5, 0x9c, 2, 0, 6, 0x3c, 1];
    let parts: [(&str, u8, &[&[u8]]); 24] = [
        ("requests", 0, &[UP, WRITES, &[4, 0, 4, 2, 4, 0]]),
        ("requests-before", 0, &[WRITES, UP, &[28]]),
        ("too-large", 0, &[UP, &[0, 4, 0xdc, 2]]),
        ("overload", 0, &[UP, WRITES, WRITES, WRITES, WRITES]),
        ("deadlines", 0, &[UP, WRITES, &[6, 5, 6, 7]]),
        ("no-room", 0, &[UP, &[27], WRITES, &[6, 4, 27, 28]]),
        ("watches", 0, &[UP, WATCHES, &[28, 10, 2, 0, 10, 0, 1]]),
        ("watches-restored", 0, &[UP, WATCHES, STAYING, &[28, 8, 0], READY, &[10, 2, 0]]),
        ("watches-one-by-one", 0, &[UP, WATCHES, STAYING, &[28, 8, 0], UP, &[8, 0], READY]),
        ("watches-forgotten", 0, &[UP, WATCHES, STAYING, &[28, 14, 1, 14, 2, 14, 3, 14, 4, 28]]),
        ("watch-early", 0, &[UP, WATCHES, &[10, 2, 0, 14, 1, 28]]),
        ("expired", 0, &[UP, WATCHES, &[28, 8, 0, 2, 0, 3, 8, 0], UP]),
        ("lost-and-found", 0, &[UP, WRITES, &[8, 1, 9, 6, 6, 9, 6, 7], UP]),
        ("moved-away", 0, &[UP, WRITES, &[4, 3], UP, &[4, 4], UP, &[4, 5], UP]),
        ("wrong-xid", 0, &[UP, WRITES, &[4, 0xf0], UP]),
        (
            "unasked",
            0,
            &[UP, &[13, 0, 0], UP, &[13, 2, 0], UP, &[12, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]],
        ),
        ("silence", 4, &[UP, WRITES, &[6, 4, 6, 4, 21, 1, 6, 5], &[3, 0]]),
        ("probed", 4, &[UP, WRITES, &[6, 4, 20, 6, 4, 20, 21, 0, 6, 6]]),
        ("hosts", 0, &[UP, WRITES, &[15, 2, 15, 5, 15, 0], UP]),
        ("credentials", 16, &[UP, &[28, 16, 28, 16, 4, 6], READY, &[17, 1, 17, 0], READY]),
        ("digest-md5", 32, &[UP, &[4, 16, 24, 0, 0, 0, 20], b"realm=\"zk\",nonce=\"x\"", &[28]]),
        ("sasl-by-driver", 64, &[UP, &[24, 1, 4, 16, 4, 0, 0, 0, 0, 24, 2, 28, 24, 0]]),
        ("read-only", 2, &[&[2, 0, 3, 0x20], WRITES, &[6, 5, 23, 1], UP]),
        ("closed", 8, &[UP, WRITES, &[30, 1, 28]]),
    ];
    let handed = ("handed-over", 8, &[UP, WRITES, &[31, 1][..]][..]);
    let all = parts.into_iter().chain([handed]);
    all.map(|(name, setup, parts)| (name.to_owned(), [&[setup][..], &parts.concat()].concat())).collect()
}

/// What Patroni stores, and what it does not.
pub(crate) fn values() -> Inputs {
    let written = [
        ("leader", "a"),
        ("leader", "node-1.example"),
        (
            "members",
            r#"{"conn_url":"postgres://10.0.0.1:5432/postgres","api_url":"http://10.0.0.1:8008/patroni","state":"running","role":"primary","version":"4.1.5","xlog_location":67108864,"timeline":1}"#,
        ),
        (
            "members",
            r#"{"conn_kwargs":{"host":"::1","port":"5433","dbname":"d b"},"tags":{"nofailover":"on","failover_priority":"2","clonefrom":true},"state":5,"pause":true,"receive_lsn":1.5}"#,
        ),
        ("members", "postgres://user:pa%73s@[::1]:5433/db?application_name=http://h:8008/patroni&a=%"),
        (
            "config",
            r#"{"ttl":30,"loop_wait":10,"retry_timeout":10,"postgresql":{"parameters":{"max_connections":100}}}"#,
        ),
        ("sync", r#"{"leader":"a","quorum":1,"sync_standby":" b,,C ,"}"#),
        ("sync", r#"{"leader":["a"],"quorum":"Infinity","sync_standby":null}"#),
        ("failover", r#"{"leader":"a","member":"b","scheduled_at":"2026-11-22T10:09:57.1394+01:30"}"#),
        ("failover", "a : b:c"),
        ("failover", r#"{"leader":"a","scheduled_at":"soon"}"#),
        (
            "history",
            r#"[[1,67108864,"no recovery target specified","2026-11-22T10:09:57+00:00","b"],[2,"5","x"],[3,4,"r",null,"c"]]"#,
        ),
        ("history", r#"["12"]"#),
        ("status", r#"{"optime":67108864,"slots":{"a":"5","b":null},"retain_slots":["c"]}"#),
        ("status", r#"{"optime":"x","slots":"{\"a\":1}","retain_slots":"[\"r\"]"}"#),
        ("status", "123"),
        ("failsafe", r#"{"a":"http://10.0.0.1:8008/patroni","b":5}"#),
        ("initialize", "7314159265358979323"),
        ("config", r#"[NaN,Infinity,-Infinity,1e400,-0,-0.0,1E+2,123456789012345678901234567890]"#),
        ("config", r#"{"a":"\ud83d\ude00\ud800\u00e9\b","a":[[],{}],"b":{"c":[1,{"d":null}]}}"#),
        ("config", " { \"a\" : tru }"),
        ("config", "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"),
    ];
    let mut inputs = Inputs::new();
    for (number, (key, value)) in written.into_iter().enumerate() {
        let key_number = KEYS.iter().position(|other| *other == key).unwrap_or_default();
        let head = [u8::try_from(key_number).unwrap_or_default(), 0x3f];
        inputs.push((format!("{key}-{number}"), [&head[..], value.as_bytes()].concat()));
    }
    inputs
}

/// What people write.
pub(crate) fn texts() -> Inputs {
    const YAML: &str = "scope: demo\nnamespace: /db/\nname: pg1\nzookeeper:\n  hosts: [zk1:2181, 'zk2']\n  auth_data:\n    \
                        digest: \"user:hidden-from-all\"\n  set_acls:\n    CN=patroni: [ALL]\n    'digest:u:h=': [READ, \
                        write]\nbootstrap:\n  dcs: {ttl: 40, loop_wait: 5}\n";
    let written = [
        ("servers", 0, "zk1:2181,10.0.0.2, [::1]:2182,fe80::1,/service/db"),
        ("servers-zone", 0, "[fe80::1%eth0]:2181/"),
        ("servers-bad", 0, "zk1:0,,a b:1//x"),
        ("path", 1, "/service\u{1e}/demo/leader"),
        ("path-root", 1, "\u{1e}/"),
        ("path-bad", 1, "/x\u{1e}/a/../b"),
        ("path-character", 1, "\u{1e}/a\u{e000}b"),
        ("path-emoji", 1, "/x\u{1e}/a\u{1f600}"),
        ("member", 2, "pg-1.example"),
        ("member-time", 2, "2026-11-22T10:09:57.139400+00:00"),
        ("member-bad", 2, ".."),
        ("scope", 3, "//service//db/\u{1e}demo"),
        ("scope-bad", 3, "a/../b\u{1e}demo"),
        ("patroni", 4, YAML),
        (
            "patroni-tls",
            4,
            "scope: a\nzookeeper: {hosts: 'a:1,b', use_ssl: on, cacert: ca, cert: c, key_password: x, verify: ca}\ncitus: {group: 1}\n",
        ),
        ("patroni-anchors", 4, "a: &a {hosts: [zk]}\nscope: 5\nzookeeper: {<<: *a}\nttl: '20'\n"),
        ("patroni-bad", 4, "scope: [a]\nzookeeper: {hosts: 5, host: a}\n"),
        (
            "environment",
            5,
            "scope: a\n\u{1e}PATRONI_SCOPE=other\nPATRONI_ZOOKEEPER_HOSTS='a:1', b:2\nPATRONI_CITUS_GROUP=3\nPATRONI_ZOOKEEPER_AUTH_DATA={digest: u:p}\nPATRONI_ZOOKEEPER_USE_SSL=off\n",
        ),
    ];
    written
        .into_iter()
        .map(|(name, kind, text)| (name.to_owned(), [&[kind], text.as_bytes()].concat()))
        .collect()
}
