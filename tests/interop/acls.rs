//! Access control: what either makes, both may change, and nobody else.

use dcs_zk::{Config, DcsError, DcsZk, ErrorKind, LeaderUpdate, MemberData};
use integration_tests::patroni::{self, Patroni};
use serde_json::{Value, json};
use tempfile::TempDir;
use zk_session::{Acl, Client, ErrorCode, Permissions};
use zk_testkit::{Authority, Certificate, Ensemble, KeyForm, KeyKind};

use crate::{SECOND, ensemble, seen::tree};

/// `patroni:secret`, as the digest scheme keeps it.
const DIGEST: &str = "patroni:4cNoC5zQisxSHJqxXp3EJs5oyRI=";
const CREDENTIAL: &str = "patroni:secret";

/// Everything but `optime/leader`, under the name `py` or `rs`.
async fn written_by_patroni(patroni: &mut Patroni) {
    let done = json!(true);
    patroni.call("get_cluster", json!([])).await;
    assert_eq!(patroni.call("initialize", json!([true, "7"])).await, done);
    assert_eq!(patroni.call("set_config_value", json!(["{}"])).await, done);
    let member = r#"[{"conn_url":"postgres://a","api_url":"http://a"}]"#;
    assert_eq!(patroni.call_with_text("touch_member", member).await, done);
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, done);
    assert_eq!(patroni.call("update_leader", json!([5, null, {"a": "http://a"}])).await, done);
    assert_eq!(patroni.call("write_sync_state", json!(["a", ["b"], 1])).await, done);
    assert_eq!(patroni.call("manual_failover", json!(["a", "b"])).await, done);
    assert_eq!(patroni.call("set_history_value", json!(["[]"])).await, done);
}

async fn written_here(dcs: &DcsZk) {
    dcs.get_cluster().await.unwrap();
    assert!(dcs.initialize("7").await.unwrap());
    dcs.set_config_value("{}", None).await.unwrap();
    dcs.touch_member(&MemberData::new("postgres://a", "http://a")).await.unwrap();
    dcs.attempt_to_acquire_leader().await.unwrap().expect("the lock is free");
    let cluster = dcs.get_cluster().await.unwrap();
    let failsafe = [("a", "http://a")].into_iter().collect();
    let update = LeaderUpdate { last_lsn: Some(5), failsafe: Some(failsafe), ..LeaderUpdate::default() };
    dcs.update_leader(&cluster, update).await.unwrap();
    dcs.write_sync_state(Some("a"), &["b"], Some(1), None).await.unwrap();
    dcs.manual_failover(Some("a"), Some("b"), None, None).await.unwrap();
    dcs.set_history_value("[]").await.unwrap();
}

/// What is there already is written again by the other.
async fn rewritten_by_patroni(patroni: &mut Patroni) {
    let done = json!(true);
    patroni.call("get_cluster", json!([])).await;
    assert!(patroni.call("initialize", json!([false, "8"])).await.is_array());
    assert_eq!(patroni.call("set_config_value", json!([r#"{"ttl":31}"#])).await, done);
    assert_eq!(patroni.call("write_sync_state", json!(["c", ["d"], 2])).await, done);
    assert_eq!(patroni.call("manual_failover", json!(["c", "d"])).await, done);
    assert_eq!(patroni.call("set_history_value", json!(["[[1,2,\"x\"]]"])).await, done);
    patroni.call("write_leader_optime", json!([6])).await;
    patroni.call("write_failsafe", json!([{"c": "http://c"}])).await;
    // The key of an earlier life of the same name is removed and made again.
    let member = r#"[{"conn_url":"postgres://c","api_url":"http://c"}]"#;
    assert_eq!(patroni.call_with_text("touch_member", member).await, done);
}

async fn rewritten_here(dcs: &DcsZk) {
    dcs.get_cluster().await.unwrap();
    dcs.set_initialize_value("8").await.unwrap();
    dcs.set_config_value(r#"{"ttl":31}"#, None).await.unwrap();
    dcs.write_sync_state(Some("c"), &["d"], Some(2), None).await.unwrap();
    dcs.manual_failover(Some("c"), Some("d"), None, None).await.unwrap();
    dcs.set_history_value("[[1,2,\"x\"]]").await.unwrap();
    dcs.write_leader_optime(6).await.unwrap();
    dcs.write_failsafe([("c", "http://c")].into_iter().collect()).await.unwrap();
    dcs.touch_member(&MemberData::new("postgres://c", "http://c")).await.unwrap();
}

/// One scope is begun by Patroni and one by us, and each is changed by the other: byte for byte the same comes out, and
/// every znode has this list. `patroni` and `ours` tell who takes part in a scope.
async fn shared(
    hand: &Client,
    acl: &[Acl],
    patroni: impl AsyncFn(&str) -> Patroni,
    ours: impl Fn(&str) -> DcsZk,
) {
    // The parents above the scopes are part of it.
    let (mut one, two) = (patroni("theirs").await, ours("theirs"));
    written_by_patroni(&mut one).await;
    let begun_by_patroni = tree(hand, "/service/theirs").await;
    rewritten_here(&two).await;

    let (three, mut four) = (ours("ours"), patroni("ours").await);
    written_here(&three).await;
    assert_eq!(tree(hand, "/service/ours").await, begun_by_patroni);
    rewritten_by_patroni(&mut four).await;
    let changed = tree(hand, "/service").await;
    for (path, node) in &changed {
        assert_eq!(node.acl, acl, "{path}");
        let path = path.strip_prefix("/theirs").unwrap_or(path);
        if let Some(other) = changed.get(&format!("/ours{path}")) {
            assert_eq!(node, other, "{path}");
        }
    }
    assert_eq!(changed["/ours/config"].data, r#"{"ttl":31}"#);
    assert_eq!(changed.len(), 2 * begun_by_patroni.len() + 1);

    // Either removes what the other made.
    assert_eq!(four.call("delete_cluster", json!([])).await, Value::Null);
    two.delete_cluster().await.unwrap();
    assert_eq!(tree(hand, "/service").await.len(), 1);
}

/// Who knows no credential reads nothing and changes nothing, whichever side it is of.
async fn refused(dcs: DcsZk, mut patroni: Patroni, hand: &Client) {
    let kind = |error: DcsError| error.kind();
    let here = [
        dcs.get_cluster().await.map(|_| ()).map_err(kind),
        dcs.attempt_to_acquire_leader().await.map(|_| ()).map_err(kind),
        dcs.set_config_value("{}", None).await.map(|_| ()).map_err(kind),
        dcs.delete_cluster().await.map_err(kind),
    ];
    assert_eq!(here, [Err(ErrorKind::Refused); 4]);
    assert!(patroni.try_call("get_cluster", "[]").await.unwrap_err().contains("not responding"));
    assert_eq!(patroni.call("set_config_value", json!(["{}"])).await, json!(false));
    assert_eq!(hand.get_data("/service/demo").await.unwrap_err().code(), Some(ErrorCode::NO_AUTH));
    let deleted = hand.delete("/service/demo/config", None).await.unwrap_err();
    assert_eq!(deleted.code(), Some(ErrorCode::NO_AUTH));
}

#[tokio::test]
async fn digest_acls_keep_strangers_out_and_neither_of_both() {
    let ensemble = ensemble().await;
    let hosts = ensemble.connect_string();
    let section = |more: Value| {
        let mut section = json!({"hosts": hosts});
        section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"zookeeper": section})
    };
    // Patroni can be told the identity, but not a digest as principal: see the next test but one.
    let auth = json!({"auth_data": {"digest": CREDENTIAL}});
    let mut theirs = section(auth.clone());
    theirs["default_digest_acl"] = json!(CREDENTIAL);
    let mut ours = section(auth);
    ours["zookeeper"]["set_acls"] = json!({format!("digest:{DIGEST}"): ["ALL"]});
    let patroni = async |scope: &str| Patroni::start(&hosts, scope, "node", theirs.clone()).await;
    let member = |scope: &str| {
        let yaml = patroni::config(&hosts, scope, "node", ours.clone()).to_string();
        DcsZk::connect(Config::from_patroni(&yaml, |_| None).unwrap())
    };
    let hand = Client::builder(&hosts).unwrap().credential("digest", CREDENTIAL).build();
    let acl = [Acl::new(Permissions::ALL, "digest", DIGEST)];
    shared(&hand, &acl, patroni, member).await;

    member("demo").set_config_value("{}", None).await.unwrap();
    for auth in [json!({}), json!({"auth_data": {"digest": "patroni:wrong"}})] {
        let stranger = section(auth);
        let yaml = patroni::config(&hosts, "demo", "node", stranger.clone()).to_string();
        let dcs = DcsZk::connect(Config::from_patroni(&yaml, |_| None).unwrap());
        let patroni = Patroni::start(&hosts, "demo", "node", stranger).await;
        refused(dcs, patroni, &Client::builder(&hosts).unwrap().build()).await;
    }
}

/// A certificate and its key as files, and the section `zookeeper` that uses them.
fn tls_section(directory: &TempDir, authority: &Authority, client: &Certificate, hosts: &str) -> Value {
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    json!({"zookeeper": {
        "hosts": hosts, "use_ssl": true, "verify": true,
        "cacert": file("ca.pem", &authority.pem()),
        "cert": file("client.pem", client.pem()),
        "key": file("client.key", &client.key(KeyForm::Pkcs8).unwrap()),
        "set_acls": {"CN=patroni": ["all"], "CN=monitor": ["READ"]},
    }})
}

#[tokio::test]
async fn x509_acls_from_one_configuration() {
    let authority = Authority::new("the CA of the test").unwrap();
    let server = authority.server(&["localhost", "127.0.0.1"]).unwrap();
    let ensemble = Ensemble::builder().max_session_timeout(60 * SECOND).tls(&authority, &server).unwrap();
    let ensemble = ensemble.start().await.unwrap();
    let hosts = ensemble.secure_connect_string();
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let sections = ["patroni", "stranger"].map(|name| {
        let directory = &directories[usize::from(name == "stranger")];
        let client = authority.client(name, KeyKind::Rsa).unwrap();
        tls_section(directory, &authority, &client, &hosts)
    });
    let member = |section: &Value, scope: &str| {
        let yaml = patroni::config(&hosts, scope, "node", section.clone()).to_string();
        DcsZk::connect(Config::from_patroni(&yaml, |_| None).unwrap())
    };
    let patroni = async |scope: &str| Patroni::start(&hosts, scope, "node", sections[0].clone()).await;
    let acl =
        [Acl::new(Permissions::ALL, "x509", "CN=patroni"), Acl::new(Permissions::READ, "x509", "CN=monitor")];
    let options = |n: usize| {
        let file = |name: &str| directories[n].path().join(name);
        let identity = zk_session::ClientIdentity::files(file("client.pem"), file("client.key"));
        zk_session::TlsOptions::new(zk_session::CaSource::file(file("ca.pem"))).client_identity(identity)
    };
    let hand = |n| Client::builder(&hosts).unwrap().tls(options(n)).build();
    shared(&hand(0), &acl, patroni, |scope| member(&sections[0], scope)).await;

    member(&sections[0], "demo").set_config_value("{}", None).await.unwrap();
    let stranger = Patroni::start(&hosts, "demo", "node", sections[1].clone()).await;
    refused(member(&sections[1], "demo"), stranger, &hand(1)).await;
}

/// Patroni 4.1.5 takes every principal in `set_acls` for the subject of a certificate. With a digest there it writes nothing;
/// here the prefix is understood, so that clusters without TLS can have lists at all.
#[tokio::test]
async fn patroni_takes_every_principal_for_x509() {
    let ensemble = ensemble().await;
    let hosts = ensemble.connect_string();
    let section = json!({"zookeeper": {
        "hosts": hosts, "auth_data": {"digest": CREDENTIAL},
        "set_acls": {format!("digest:{DIGEST}"): ["ALL"]},
    }});
    let mut patroni = Patroni::start(&hosts, "demo", "node", section.clone()).await;
    assert_eq!(patroni.call("initialize", json!([true])).await, json!(false));
    let yaml = patroni::config(&hosts, "demo", "node", section).to_string();
    let dcs = DcsZk::connect(Config::from_patroni(&yaml, |_| None).unwrap());
    assert!(dcs.initialize("").await.unwrap());
    // With the identity alone Patroni shares what we have made; what it makes itself is open to everyone.
    let identity = json!({"zookeeper": {"hosts": hosts, "auth_data": {"digest": CREDENTIAL}}});
    let mut patroni = Patroni::start(&hosts, "demo", "node", identity).await;
    assert_eq!(patroni.call("set_config_value", json!(["{}"])).await, json!(true));
    let hand = Client::builder(&hosts).unwrap().credential("digest", CREDENTIAL).build();
    let acl = async |path: &str| hand.get_acl(path).await.unwrap().0;
    assert_eq!(acl("/service/demo/initialize").await, [Acl::new(Permissions::ALL, "digest", DIGEST)]);
    assert_eq!(acl("/service/demo/config").await, Acl::open());
}
