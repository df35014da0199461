//! Another configuration while everything goes on: what changes, what stays, and what is refused.

use std::time::{Duration, Instant};

use dcs_zk::{Config, DcsError, DcsZk, LeaderUpdate, Lease, MemberData, Reloaded, Timings, Touched};
use integration_tests::wait::eventually;
use zk_session::{
    Acl, CaSource, Client, ClientIdentity, CreateMode, ErrorCode, Permissions, State, TlsOptions,
};
use zk_testkit::{Authority, Ensemble, KeyForm, KeyKind};

const SECOND: Duration = Duration::from_secs(1);

fn timings() -> Timings {
    Timings::new(8 * SECOND, 2 * SECOND, 3 * SECOND).unwrap()
}

async fn ensemble(servers: usize) -> Ensemble {
    Ensemble::builder().servers(servers).max_session_timeout(60 * SECOND).start().await.unwrap()
}

fn config(hosts: &str) -> Config {
    Config::new("demo", hosts).unwrap().with_name("a").unwrap().with_timings(timings())
}

fn data() -> MemberData {
    MemberData::new("postgres://a:5432/postgres", "http://a:8008/patroni")
}

/// A member that leads.
async fn leading(config: Config) -> (DcsZk, Lease) {
    let dcs = DcsZk::connect(config);
    dcs.get_cluster().await.unwrap();
    assert_eq!(dcs.touch_member(&data()).await.unwrap(), Touched::Written);
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    (dcs, lease)
}

fn session(dcs: &DcsZk) -> i64 {
    dcs.session().unwrap().session_id
}

/// The connection of a session, as the server names it by address and port.
async fn connection(ensemble: &Ensemble, session: i64) -> Option<String> {
    let id = format!("sid=0x{session:x},");
    for server in 0..ensemble.servers().len() {
        let connections = ensemble.four_letter_word(server, "cons").await.unwrap();
        if let Some(line) = connections.lines().find(|line| line.contains(&id)) {
            return Some(line.split('[').next().unwrap().trim().to_owned());
        }
    }
    None
}

/// The same leader in the same session, whose lease can be renewed.
async fn still_leads(dcs: &DcsZk, lease: &Lease) {
    assert!(lease.is_valid());
    let cluster = dcs.get_cluster().await.unwrap();
    let renewed = dcs.update_leader(&cluster, LeaderUpdate::default()).await.unwrap();
    assert_eq!((renewed.session_id(), renewed.fencing_token()), (lease.session_id(), lease.fencing_token()));
    assert_eq!(session(dcs), lease.session_id());
}

fn refused_for(key: &str, result: Result<Reloaded, DcsError>) {
    match result {
        Err(DcsError::Invalid(text)) if text.starts_with(&format!("{key}: ")) => {}
        other => panic!("{key}: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_values_change_nothing() {
    let ensemble = ensemble(1).await;
    let config = config(&ensemble.connect_string()).with_credential("digest", "a:b");
    let (dcs, lease) = leading(config.clone()).await;
    let before = (dcs.session_status(), connection(&ensemble, session(&dcs)).await.expect("connected"));
    for _ in 0..3 {
        assert_eq!(dcs.reload_config(config.clone()).await.unwrap(), Reloaded::Unchanged);
    }
    assert!(!dcs.set_ttl(config.timings().ttl()).await.unwrap());
    dcs.set_retry_timeout(config.timings().retry_timeout()).await.unwrap();
    still_leads(&dcs, &lease).await;
    let status = dcs.session_status();
    assert_eq!(
        (status.state, status.session, status.server),
        (before.0.state, before.0.session, before.0.server)
    );
    assert_eq!(connection(&ensemble, session(&dcs)).await, Some(before.1), "the very same connection");
}

#[tokio::test]
async fn other_hosts_move_the_session_and_end_nothing() {
    let ensemble = ensemble(3).await;
    let at = |server: usize| config(&ensemble.addr(server).to_string());
    let (dcs, lease) = leading(at(0)).await;
    for server in [1, 2, 0] {
        assert_eq!(dcs.reload_config(at(server)).await.unwrap(), Reloaded::Live);
        still_leads(&dcs, &lease).await;
        let now_at =
            eventually(5 * SECOND, "the move", || ensemble.server_of_session(lease.session_id())).await;
        assert_eq!(now_at, server);
    }
    // More servers, ours among them: nobody moves.
    let connected = connection(&ensemble, lease.session_id()).await;
    assert_eq!(dcs.reload_config(config(&ensemble.connect_string())).await.unwrap(), Reloaded::Live);
    still_leads(&dcs, &lease).await;
    assert_eq!(connection(&ensemble, lease.session_id()).await, connected);
    // What a reload has brought is what a later session uses.
    ensemble.kill(0).await.unwrap();
    eventually(10 * SECOND, "another server", async || dcs.get_cluster().await.ok()).await;
    assert_eq!(session(&dcs), lease.session_id());
}

#[tokio::test]
async fn hosts_that_were_all_wrong_are_set_right() {
    let ensemble = ensemble(1).await;
    // Nobody listens on port 1.
    let dcs = DcsZk::connect(config("127.0.0.1:1"));
    assert!(matches!(dcs.get_cluster().await, Err(DcsError::Unavailable { .. })));
    assert_eq!(dcs.reload_config(config(&ensemble.connect_string())).await.unwrap(), Reloaded::Live);
    dcs.get_cluster().await.unwrap();
}

#[tokio::test]
async fn another_ttl_is_another_session_and_ends_the_leases_of_the_old() {
    let ensemble = ensemble(1).await;
    let (dcs, lease) = leading(config(&ensemble.connect_string())).await;
    assert!(dcs.set_ttl(20 * SECOND).await.unwrap());
    assert!(!lease.is_valid(), "before the old session ends");
    assert_eq!(
        (dcs.ttl(), dcs.config().timings().ttl()),
        (20 * SECOND, 20 * SECOND),
        "connected before the old one ends"
    );
    assert_ne!(session(&dcs), lease.session_id());
    let cluster = dcs.get_cluster().await.unwrap();
    assert!(cluster.is_unlocked() && !cluster.has_member("a"), "the keys went with the session");
    assert_eq!(dcs.touch_member(&data()).await.unwrap(), Touched::Written);
    let next = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert!(next.fencing_token() > lease.fencing_token());
    assert!(!dcs.set_ttl(20 * SECOND).await.unwrap());
    still_leads(&dcs, &next).await;

    // The same by a reload, with other things in one.
    let servers = ensemble.connect_string();
    let longer = Timings::new(30 * SECOND, 10 * SECOND, 10 * SECOND).unwrap();
    let reload = config(&servers).with_timings(longer).with_credential("digest", "a:b");
    assert_eq!(dcs.reload_config(reload.clone()).await.unwrap(), Reloaded::NewSession);
    assert_eq!((dcs.ttl(), dcs.loop_wait()), (30 * SECOND, 10 * SECOND));
    assert!(!next.is_valid());
    assert_eq!(dcs.reload_config(reload).await.unwrap(), Reloaded::Unchanged);
}

#[tokio::test]
async fn patronis_rule_holds_at_every_change() {
    let ensemble = ensemble(1).await;
    let (dcs, lease) = leading(config(&ensemble.connect_string())).await;
    for refused in [
        dcs.set_ttl(7 * SECOND).await.map(|_| ()),
        dcs.set_ttl(Duration::ZERO).await.map(|_| ()),
        dcs.set_retry_timeout(4 * SECOND).await,
        dcs.set_retry_timeout(Duration::ZERO).await,
    ] {
        assert!(
            matches!(&refused, Err(DcsError::Invalid(text)) if text.contains("ttl") || text.contains("longer than 0 s")),
            "{refused:?}"
        );
    }
    assert_eq!(dcs.config().timings(), timings());
    still_leads(&dcs, &lease).await;
}

#[tokio::test]
async fn a_ttl_that_no_server_would_grant_a_session_for_costs_nothing() {
    let ensemble = ensemble(1).await;
    let (dcs, lease) = leading(config(&ensemble.connect_string())).await;
    ensemble.freeze(0).unwrap();
    let start = Instant::now();
    let error = dcs.set_ttl(10 * SECOND).await.unwrap_err();
    assert!(matches!(error, DcsError::Unavailable { .. }), "{error}");
    assert!(start.elapsed() < timings().retry_timeout() + SECOND, "{:?}", start.elapsed());
    ensemble.thaw(0).unwrap();
    assert_eq!(dcs.config().timings(), timings());
    still_leads(&dcs, &lease).await;
}

#[tokio::test]
async fn another_retry_timeout_bounds_the_next_call() {
    let ensemble = ensemble(1).await;
    let dcs = DcsZk::connect(config(&ensemble.connect_string()));
    dcs.get_cluster().await.unwrap();
    ensemble.freeze(0).unwrap();
    for retry_timeout in [SECOND, 2 * SECOND] {
        dcs.set_retry_timeout(retry_timeout).await.unwrap();
        let start = Instant::now();
        assert!(matches!(dcs.get_cluster().await, Err(DcsError::Unavailable { .. })));
        let took = start.elapsed();
        assert!(took > retry_timeout * 3 / 4 && took < retry_timeout + SECOND / 2, "{took:?}");
    }
}

#[tokio::test]
async fn the_connect_timeout_follows_patronis_formula_at_each_change() {
    let ensemble = ensemble(1).await;
    let servers = ensemble.connect_string();
    let with = |loop_wait, retry_timeout| {
        config(&servers)
            .with_timings(Timings::new(60 * SECOND, loop_wait * SECOND, retry_timeout * SECOND).unwrap())
    };
    let dcs = DcsZk::connect(with(30, 15));
    let connect_timeout = || dcs.config().connect_timeout();
    assert_eq!(connect_timeout(), 15 * SECOND / 2, "half of retry_timeout at start");
    dcs.reload_config(with(30, 15)).await.unwrap();
    assert_eq!(connect_timeout(), 15 * SECOND / 2, "nothing has changed");
    dcs.reload_config(with(20, 15)).await.unwrap();
    assert_eq!(connect_timeout(), 10 * SECOND, "half of loop_wait after a reload that changed it");
    dcs.set_retry_timeout(14 * SECOND).await.unwrap();
    assert_eq!(connect_timeout(), 7 * SECOND);
    dcs.set_retry_timeout(SECOND).await.unwrap();
    assert_eq!(connect_timeout(), 6 * SECOND, "a tenth of the ttl at least");
    dcs.reload_config(with(20, 15).with_connect_timeout(3 * SECOND).unwrap()).await.unwrap();
    assert_eq!(connect_timeout(), 3 * SECOND, "unless it is set");
}

#[tokio::test]
async fn where_the_keys_are_and_whose_cannot_change() {
    let ensemble = ensemble(1).await;
    let servers = ensemble.connect_string();
    let (dcs, lease) = leading(config(&servers)).await;
    let before = dcs.config();
    // Each with a second change, which must not be taken either.
    let other = |config: Config| config.with_credential("digest", "x:y");
    let named = |scope: &str, hosts: &str, name: &str| {
        Config::new(scope, hosts).unwrap().with_name(name).unwrap().with_timings(timings())
    };
    let tls = TlsOptions::new(CaSource::file("/nowhere"));
    refused_for("scope", dcs.reload_config(other(named("other", &servers, "a"))).await);
    refused_for("name", dcs.reload_config(other(named("demo", &servers, "b"))).await);
    refused_for(
        "name",
        dcs.reload_config(Config::new("demo", &servers).unwrap().with_timings(timings())).await,
    );
    refused_for(
        "zookeeper.hosts",
        dcs.reload_config(other(named("demo", &format!("{servers}/below"), "a"))).await,
    );
    refused_for("citus.group", dcs.reload_config(other(config(&servers)).with_group(0)).await);
    let elsewhere = other(config(&servers)).with_namespace("elsewhere").unwrap();
    refused_for("namespace", dcs.reload_config(elsewhere).await);
    refused_for("reload_config", dcs.reload_config(other(config(&servers)).with_tls(tls)).await);
    assert_eq!(dcs.config(), before);
    still_leads(&dcs, &lease).await;
    // The same place in other words.
    let same = config(&servers).with_namespace("/service/").unwrap();
    assert_ne!(dcs.reload_config(same).await.unwrap(), Reloaded::NewSession);
    still_leads(&dcs, &lease).await;
}

#[tokio::test]
async fn new_nodes_get_the_acl_of_the_day_and_old_ones_keep_theirs() {
    let ensemble = ensemble(1).await;
    let servers = ensemble.connect_string();
    let (dcs, lease) = leading(config(&servers)).await;
    let readable = vec![Acl::new(Permissions::ALL, "world", "anyone")];
    let guarded = vec![Acl::new(Permissions::READ | Permissions::WRITE, "world", "anyone")];
    dcs.write_leader_optime(1).await.unwrap();
    assert_eq!(
        dcs.reload_config(config(&servers).with_acl(guarded.clone()).unwrap()).await.unwrap(),
        Reloaded::Live
    );
    dcs.set_config_value("{}", None).await.unwrap();
    let hand = Client::builder(&servers).unwrap().build();
    for (key, acl) in [("status", &readable), ("leader", &readable), ("config", &guarded)] {
        assert_eq!(&hand.get_acl(&format!("/service/demo/{key}")).await.unwrap().0, acl, "{key}");
    }
    still_leads(&dcs, &lease).await;
}

/// A scope that only `digest` patroni:secret may use.
async fn guarded_scope(servers: &str) {
    let owner = Client::builder(servers).unwrap().credential("digest", "patroni:secret").build();
    let acl = [Acl::new(Permissions::ALL, "auth", "")];
    owner.create_with_parents("/service/demo/config", "{}", CreateMode::PERSISTENT, &acl).await.unwrap();
    owner.close().await;
}

#[tokio::test]
async fn identities_come_and_go_with_a_reload_and_the_session_stays() {
    let ensemble = ensemble(1).await;
    let servers = ensemble.connect_string();
    guarded_scope(&servers).await;
    let dcs = DcsZk::connect(config(&servers));
    let is_refused = async || match dcs.get_cluster().await {
        Ok(_) => false,
        Err(DcsError::Refused { code: ErrorCode::NO_AUTH, .. }) => true,
        Err(other) => panic!("{other}"),
    };
    assert!(is_refused().await);
    let id = session(&dcs);
    let connected = connection(&ensemble, id).await;

    let with = |auths: &[&str]| {
        auths.iter().fold(config(&servers), |config, auth| config.with_credential("digest", auth))
    };
    assert_eq!(dcs.reload_config(with(&["patroni:secret"])).await.unwrap(), Reloaded::Live);
    assert!(!is_refused().await);
    assert_eq!(dcs.reload_config(with(&["patroni:secret", "more:x"])).await.unwrap(), Reloaded::Live);
    assert!(!is_refused().await);
    assert_eq!(connection(&ensemble, id).await, connected, "added on the live connection");

    assert_eq!(dcs.reload_config(with(&["patroni:other"])).await.unwrap(), Reloaded::Live);
    assert!(is_refused().await, "the old identity is forgotten");
    assert_ne!(connection(&ensemble, id).await, connected, "which takes another connection");
    assert_eq!(dcs.reload_config(with(&["patroni:secret"])).await.unwrap(), Reloaded::Live);
    assert!(!is_refused().await);
    assert_eq!(session(&dcs), id);
    assert!(!format!("{:?} {dcs:?}", dcs.config()).contains("secret"));
}

#[tokio::test]
async fn a_failed_authentication_heals_with_a_reload() {
    let ensemble = ensemble(1).await;
    let servers = ensemble.connect_string();
    let dcs = DcsZk::connect(config(&servers).with_credential("nonsense", "x"));
    for _ in 0..2 {
        let error = dcs.get_cluster().await.unwrap_err();
        assert!(
            matches!(&error, DcsError::Unavailable { cause, .. } if cause.contains("authentication failed (nonsense)")),
            "{error}"
        );
    }
    assert_eq!(dcs.reload_config(config(&servers)).await.unwrap(), Reloaded::Live);
    dcs.get_cluster().await.unwrap();

    // And the other way round: an identity that is refused while we lead costs the connection, not the session.
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    dcs.reload_config(config(&servers).with_credential("nonsense", "x")).await.unwrap();
    assert!(matches!(dcs.get_cluster().await, Err(DcsError::Unavailable { .. })));
    dcs.reload_config(config(&servers)).await.unwrap();
    still_leads(&dcs, &lease).await;
}

#[tokio::test]
async fn a_failed_authentication_heals_when_the_server_does() {
    let ensemble = ensemble(1).await;
    let dcs = DcsZk::connect(config(&ensemble.connect_string()).with_credential("ensemble", "demo"));
    assert!(matches!(dcs.get_cluster().await, Err(DcsError::Unavailable { .. })), "an unknown scheme");
    let configuration = ensemble.server(0).directory().join("zoo.cfg");
    let text = std::fs::read_to_string(&configuration).unwrap();
    let provider = "authProvider.1=org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider\n";
    std::fs::write(&configuration, format!("{text}\n{provider}")).unwrap();
    ensemble.restart(0).await.unwrap();
    eventually(10 * SECOND, "the healed server", async || dcs.get_cluster().await.ok()).await;
}

#[tokio::test]
async fn replaced_certificates_are_used_at_the_next_reload() {
    let authority = Authority::new("the CA of the test").unwrap();
    let server = authority.server(&["localhost", "127.0.0.1"]).unwrap();
    let provider = "org.apache.zookeeper.server.auth.X509AuthenticationProvider";
    let ensemble = Ensemble::builder()
        .max_session_timeout(60 * SECOND)
        .tls(&authority, &server)
        .unwrap()
        .property("authProvider.x509", provider)
        .start()
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let write = |name: &str| {
        let client = authority.client(name, KeyKind::Ec).unwrap();
        std::fs::write(path("client.pem"), client.pem()).unwrap();
        std::fs::write(path("client.key"), client.key(KeyForm::Pkcs8).unwrap()).unwrap();
    };
    std::fs::write(path("ca.pem"), authority.pem()).unwrap();
    write("one");
    // Time for the first handshakes of a Java machine that has just started.
    let timings = Timings::new(30 * SECOND, 10 * SECOND, 10 * SECOND).unwrap();
    let identity = ClientIdentity::files(path("client.pem"), path("client.key"));
    let tls = TlsOptions::new(CaSource::file(path("ca.pem"))).client_identity(identity);
    let config = config(&ensemble.secure_connect_string()).with_timings(timings);
    let config = config.with_tls(tls.clone());
    let (dcs, lease) = leading(config.clone()).await;

    // What only the new certificate may read.
    let two = [Acl::new(Permissions::ALL, "x509", "CN=two")];
    let hand = Client::builder(&ensemble.connect_string()).unwrap().build();
    hand.create("/service/demo/history", "[]", CreateMode::PERSISTENT, &two).await.unwrap();
    let refused = dcs.get_cluster().await.unwrap_err();
    assert!(matches!(refused, DcsError::Refused { code: ErrorCode::NO_AUTH, .. }), "{refused}");

    assert_eq!(
        dcs.reload_config(config.clone()).await.unwrap(),
        Reloaded::Unchanged,
        "the files are the same"
    );
    write("two");
    assert_eq!(dcs.reload_config(config.clone()).await.unwrap(), Reloaded::Live);
    still_leads(&dcs, &lease).await;
    let connected = connection(&ensemble, session(&dcs)).await;
    assert_eq!(dcs.reload_config(config.clone()).await.unwrap(), Reloaded::Unchanged);
    assert_eq!(connection(&ensemble, session(&dcs)).await, connected);

    // Files that are of no use: nothing of the reload is taken.
    let before = dcs.config();
    let shorter = Timings::new(30 * SECOND, 5 * SECOND, 10 * SECOND).unwrap();
    std::fs::write(path("client.key"), "not a key").unwrap();
    refused_for("reload_config", dcs.reload_config(config.clone().with_timings(shorter)).await);
    let shorter_session = Timings::new(20 * SECOND, 5 * SECOND, 5 * SECOND).unwrap();
    refused_for("reload_config", dcs.reload_config(config.clone().with_timings(shorter_session)).await);
    assert_eq!(dcs.config(), before);
    assert_eq!(dcs.session_status().state, State::Connected);
    still_leads(&dcs, &lease).await;

    // TLS is not given up on a reload.
    let plain = Config::new("demo", &ensemble.connect_string()).unwrap().with_name("a").unwrap();
    refused_for("zookeeper.use_ssl", dcs.reload_config(plain).await);
    // Other settings: from memory.
    let client = authority.client("two", KeyKind::Rsa).unwrap();
    let identity = ClientIdentity::pem(client.pem(), client.key(KeyForm::Pkcs8).unwrap());
    let from_memory =
        config.with_tls(TlsOptions::new(CaSource::pem(authority.pem())).client_identity(identity));
    assert_eq!(dcs.reload_config(from_memory).await.unwrap(), Reloaded::Live);
    still_leads(&dcs, &lease).await;
}

#[tokio::test]
async fn plain_text_becomes_tls_at_a_reload() {
    let authority = Authority::new("the CA of the test").unwrap();
    let server = authority.server(&["localhost", "127.0.0.1"]).unwrap();
    let builder = Ensemble::builder().max_session_timeout(60 * SECOND).tls(&authority, &server).unwrap();
    let ensemble = builder.start().await.unwrap();
    let timings = Timings::new(30 * SECOND, 10 * SECOND, 10 * SECOND).unwrap();
    let (dcs, lease) = leading(config(&ensemble.connect_string()).with_timings(timings)).await;
    let client = authority.client("a", KeyKind::Ec).unwrap();
    let identity = ClientIdentity::pem(client.pem(), client.key(KeyForm::Pkcs8).unwrap());
    let tls = TlsOptions::new(CaSource::pem(authority.pem())).client_identity(identity);
    let secure = config(&ensemble.secure_connect_string()).with_timings(timings).with_tls(tls);
    assert_eq!(dcs.reload_config(secure).await.unwrap(), Reloaded::Live);
    still_leads(&dcs, &lease).await;
    let port = ensemble.server(0).secure_addr().unwrap().port();
    assert_eq!(dcs.session_status().server.unwrap().port, port);
}

#[tokio::test]
async fn a_dcs_that_was_closed_takes_nothing() {
    let ensemble = ensemble(1).await;
    let (dcs, _) = leading(config(&ensemble.connect_string())).await;
    dcs.close().await;
    let before = dcs.config();
    let shorter = Timings::new(8 * SECOND, SECOND, 3 * SECOND).unwrap();
    let other = config(&ensemble.connect_string()).with_timings(shorter);
    assert!(matches!(dcs.reload_config(other).await, Err(DcsError::Unavailable { .. })));
    assert!(matches!(dcs.set_ttl(9 * SECOND).await, Err(DcsError::Unavailable { .. })));
    assert_eq!(dcs.config(), before);
}

#[tokio::test]
async fn a_loop_that_runs_beside_many_reloads_never_fails_for_good() {
    let ensemble = ensemble(3).await;
    let (dcs, _) = leading(config(&ensemble.connect_string())).await;
    let (dcs, start) = (&dcs, Instant::now());
    let reloads = async {
        for round in 0..30 {
            let hosts = ensemble.addr(round % 3).to_string();
            let config = config(&hosts).with_credential("digest", &format!("a:{}", round % 4));
            let ttl = if round % 10 == 9 { 9 * SECOND } else { 8 * SECOND };
            let timings = Timings::new(ttl, 2 * SECOND, 3 * SECOND).unwrap();
            dcs.reload_config(config.with_timings(timings)).await.unwrap();
        }
        start.elapsed()
    };
    let agent = async {
        let mut loads = 0;
        loop {
            dcs.get_cluster().await.unwrap();
            loads += 1;
            tokio::task::yield_now().await;
            if loads > 10_000 {
                return loads;
            }
        }
    };
    tokio::select! {
        took = reloads => println!("30 reloads in {took:?}"),
        loads = agent => println!("{loads} loads"),
    }
    dcs.get_cluster().await.unwrap();
}
