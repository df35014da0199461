//! SASL GSSAPI against a real KDC and real servers: who gets in, and what is told when a ticket is missing, expired, for somebody
//! else, or cannot be had.
//!
//! libkrb5 takes its settings from the environment, which a process must not change while it runs. So each test runs its own
//! program once more, for itself alone, with the environment of a realm of its own.

use std::{env, fs, process::Command, time::Duration};

use integration_tests::wait::eventually;
use zk_session::{
    Acl, Client, ClientBuilder, CreateMode, Error, ErrorCode, ErrorKind, Gssapi, Permissions, Sasl, State,
    WhenDisconnected,
};
use zk_testkit::{Ensemble, Kerberos, four_letter_word};

const SECOND: Duration = Duration::from_secs(1);

/// Names the realm's directory to the program that runs in its environment.
const DIRECTORY: &str = "GSSAPI_TEST_DIRECTORY";

/// Runs `test` in an environment of its own. `name` is the name of the test that calls this.
fn in_a_realm(name: &str, test: impl AsyncFnOnce(Kerberos)) {
    if let Some(directory) = env::var_os(DIRECTORY) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(async {
            // The text says what to install.
            let realm = Kerberos::start_in(directory).await.unwrap_or_else(|error| panic!("{error}"));
            test(realm).await;
        });
    }
    let directory = tempfile::tempdir().unwrap();
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", name, "--nocapture"]).env(DIRECTORY, directory.path());
    let output = again.envs(Kerberos::environment(directory.path())).output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// One server, `zookeeper/localhost`.
async fn server_in(realm: &Kerberos) -> Ensemble {
    let builder = Ensemble::builder().servers(1).max_session_timeout(60 * SECOND);
    realm.protect(builder, "zookeeper/localhost").unwrap().start().await.unwrap()
}

/// A client that knows the server by the name that its principal has.
fn client_of(ensemble: &Ensemble) -> ClientBuilder {
    let port = ensemble.server(0).addr().port();
    Client::builder(&format!("localhost:{port}")).unwrap().session_timeout(20 * SECOND)
}

async fn is_member(client: &Client) -> bool {
    let identities = client.who_am_i().await.unwrap();
    identities.iter().any(|identity| identity.scheme == "sasl" && identity.user == "patroni@ZK.TEST")
}

/// How many connects the server has answered.
async fn connections(ensemble: &Ensemble) -> u64 {
    let answer = four_letter_word(ensemble.server(0).addr(), "mntr").await.unwrap();
    let count = answer.lines().find_map(|line| line.strip_prefix("zk_connection_request_count"));
    count.expect("a server of 3.6 or newer").trim().parse().unwrap()
}

/// Why the client has no connection.
async fn refusal(client: &Client) -> String {
    let mut status = client.watch_status();
    let refused = status.wait_for(|status| status.cause.is_some());
    let cause = tokio::time::timeout(20 * SECOND, refused).await.unwrap().unwrap().cause.clone().unwrap();
    let error = client.with_when_disconnected(WhenDisconnected::Fail).exists("/").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthFailed, "{error}");
    cause.to_string()
}

fn names(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn a_ticket_opens_what_its_acl_protects_on_every_connection() {
    in_a_realm("a_ticket_opens_what_its_acl_protects_on_every_connection", async |realm| {
        let ensemble = server_in(&realm).await;
        let keytab = realm.principal("patroni").unwrap();
        realm.kinit("patroni", &keytab, None).unwrap();
        let client = client_of(&ensemble).sasl(Gssapi::new().client_principal("patroni")).build();
        assert!(is_member(&client).await);
        let acl = [Acl::new(Permissions::ALL, "sasl", "patroni@ZK.TEST")];
        client.create("/mine", "value", CreateMode::PERSISTENT, &acl).await.unwrap();

        // Somebody else of the realm is let in, but not to the node.
        let other = realm.principal("other").unwrap();
        realm.kinit("other", &other, None).unwrap();
        let stranger = client_of(&ensemble).sasl(Gssapi::new()).build();
        assert!(!is_member(&stranger).await);
        assert_eq!(stranger.get_data("/mine").await.unwrap_err().code(), Some(ErrorCode::NO_AUTH));

        // The same server, another connection: the exchange is made anew, with the ticket of that day.
        realm.kinit("patroni", &keytab, None).unwrap();
        let session = client.status().session.unwrap().session_id;
        ensemble.kill(0).await.unwrap();
        ensemble.start_server(0).unwrap();
        ensemble.wait_ready(0).await.unwrap();
        for write in 0..50 {
            match client.with_timeout(20 * SECOND).set_data("/mine", format!("{write}"), None).await {
                Ok(_) | Err(Error::Unknown(_)) => {}
                Err(error) => panic!("write {write}: {error}"),
            }
        }
        assert!(is_member(&client).await);
        assert_eq!(client.status().session.unwrap().session_id, session);
    });
}

#[test]
fn without_a_ticket_it_is_told_and_kinit_heals_it() {
    in_a_realm("without_a_ticket_it_is_told_and_kinit_heals_it", async |realm| {
        let ensemble = server_in(&realm).await;
        let keytab = realm.principal("patroni").unwrap();
        let client = client_of(&ensemble).sasl(Gssapi::new()).build();
        names(&refusal(&client).await, &["authentication failed (sasl)", "no ticket", "kinit", "KRB5CCNAME"]);

        // Slowly: about a connection a second, not a hot loop.
        let before = connections(&ensemble).await;
        tokio::time::sleep(4 * SECOND).await;
        let tries = connections(&ensemble).await - before;
        assert!((1..=5).contains(&tries), "{tries} connections in 4 s");
        assert_ne!(client.status().state, State::Closed);

        realm.kinit("patroni", &keytab, None).unwrap();
        assert!(is_member(&client.with_timeout(10 * SECOND)).await);
    });
}

#[test]
fn an_expired_ticket_is_told_and_a_new_one_is_picked_up() {
    in_a_realm("an_expired_ticket_is_told_and_a_new_one_is_picked_up", async |realm| {
        let ensemble = server_in(&realm).await;
        let keytab = realm.principal("patroni").unwrap();
        realm.kinit("patroni", &keytab, Some(2 * SECOND)).unwrap();
        eventually(10 * SECOND, "the ticket's end", async || (!realm.has_ticket()).then_some(())).await;
        let client = client_of(&ensemble).sasl(Gssapi::new()).build();
        names(&refusal(&client).await, &["expired", "kinit"]);
        realm.kinit("patroni", &keytab, None).unwrap();
        assert!(is_member(&client.with_timeout(10 * SECOND)).await);
    });
}

#[test]
fn a_client_keytab_needs_no_kinit() {
    in_a_realm("a_client_keytab_needs_no_kinit", async |realm| {
        let ensemble = server_in(&realm).await;
        let keytab = realm.principal("patroni").unwrap();
        let client = client_of(&ensemble).sasl(Gssapi::new()).build();
        refusal(&client).await;
        fs::copy(keytab, realm.client_keytab()).unwrap();
        assert!(is_member(&client.with_timeout(10 * SECOND)).await);
    });
}

#[test]
fn a_server_by_another_name_is_not_talked_to() {
    in_a_realm("a_server_by_another_name_is_not_talked_to", async |realm| {
        let ensemble = server_in(&realm).await;
        let keytab = realm.principal("patroni").unwrap();
        realm.kinit("patroni", &keytab, None).unwrap();
        let refusal_of = async |gssapi: Gssapi| {
            let client = client_of(&ensemble).sasl(gssapi).build();
            refusal(&client).await
        };
        // Nobody in the realm has that name.
        let unknown = refusal_of(Gssapi::new().service("nobody")).await;
        names(&unknown, &["nobody/localhost", "not found", "the server's principal"]);
        // Somebody has, but not this server: it cannot read the ticket.
        realm.principal("imap/localhost").unwrap();
        let wrong = refusal_of(Gssapi::new().server_principal("imap/localhost@ZK.TEST")).await;
        names(&wrong, &["the server's log"]);
        // We are not this one.
        let not_us = refusal_of(Gssapi::new().client_principal("somebody")).await;
        names(&not_us, &["no ticket for somebody", "kinit"]);
        // The right name, in full, from an address that is no name.
        let client = Client::builder(&ensemble.connect_string()).unwrap();
        let named = Gssapi::new().server_principal("zookeeper/localhost@ZK.TEST");
        let client = client.sasl(Sasl::Gssapi(named)).build();
        assert!(is_member(&client).await);
    });
}

#[test]
fn a_server_that_proves_nothing_is_not_believed() {
    in_a_realm("a_server_that_proves_nothing_is_not_believed", async |realm| {
        let keytab = realm.principal("patroni").unwrap();
        realm.principal("zookeeper/localhost").unwrap();
        realm.kinit("patroni", &keytab, None).unwrap();
        // Without a JAAS file ZooKeeper takes any token of SASL for good, and answers with none.
        let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
        let client = client_of(&ensemble).sasl(Gssapi::new()).build();
        names(&refusal(&client).await, &["zookeeper/localhost"]);
    });
}

#[test]
fn a_kdc_slower_than_pings_costs_no_connection() {
    in_a_realm("a_kdc_slower_than_pings_costs_no_connection", async |realm| {
        let ensemble = server_in(&realm).await;
        let keytab = realm.principal("patroni").unwrap();
        realm.kinit("patroni", &keytab, None).unwrap();
        let before = connections(&ensemble).await;
        realm.freeze_kdc().unwrap();
        let client = client_of(&ensemble).read_timeout(4 * SECOND).sasl(Gssapi::new()).build();
        // Pings are two seconds apart; this server would close the connection on one.
        assert!(tokio::time::timeout(5 * SECOND / 2, client.connected()).await.is_err());
        realm.thaw_kdc().unwrap();
        assert!(is_member(&client).await);
        assert_eq!(connections(&ensemble).await - before, 1, "{:?}", client.status());
    });
}

#[test]
fn a_kdc_that_is_down_or_silent_holds_up_nothing_else() {
    in_a_realm("a_kdc_that_is_down_or_silent_holds_up_nothing_else", async |realm| {
        let ensemble = server_in(&realm).await;
        let keytab = realm.principal("patroni").unwrap();
        realm.kinit("patroni", &keytab, None).unwrap();

        realm.kill_kdc();
        let client = client_of(&ensemble).sasl(Gssapi::new()).build();
        names(&refusal(&client).await, &["localhost", "krb5.conf"]);
        realm.start_kdc().await.unwrap();
        assert!(is_member(&client.with_timeout(10 * SECOND)).await);

        // The ticket for the server is in the cache now; another cache has none.
        realm.kinit("patroni", &keytab, None).unwrap();
        realm.freeze_kdc().unwrap();
        let client = client_of(&ensemble).read_timeout(SECOND).sasl(Gssapi::new()).build();
        names(&refusal(&client).await, &["a step of the mechanism was not done within 1000 ms"]);
        // The task that owns the session lives on meanwhile: it takes commands, and keeps deadlines.
        let start = std::time::Instant::now();
        let error = client.with_timeout(SECOND / 2).exists("/").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
        assert!(start.elapsed() < 2 * SECOND, "{:?}", start.elapsed());
        realm.thaw_kdc().unwrap();
        assert!(is_member(&client.with_timeout(30 * SECOND)).await);

        // With the ticket for the server in the cache, nobody needs the KDC. (A server that starts does.)
        realm.kill_kdc();
        let client = client_of(&ensemble).sasl(Gssapi::new()).build();
        assert!(is_member(&client).await);
    });
}
