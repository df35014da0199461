//! What the suites of other clients check and ours did not: see `parity.md`.

#[path = "parity/harness.rs"]
mod harness;
#[path = "parity/multi.rs"]
mod multi;
mod session_common;
#[path = "parity/watches.rs"]
mod watches;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::{PERSISTENT, SOON, create};
use integration_tests::wait::eventually;
use session_common::{builder, client, connected, generation, one_server, session_id};
use zk_session::{
    Acl, CaSource, Client, ClientIdentity, CreateMode, Error, ErrorCode, Invalid, Permissions, Reconfig,
    State, TlsOptions,
};
use zk_testkit::{Authority, Ensemble, KeyForm, KeyKind, PortLease};

#[tokio::test]
async fn names_of_every_kind_come_back_as_they_were_given() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let long = "n".repeat(60_000);
    let names = [".foo", ".f.", "..f", "..f..", "f.c", "f@f", "ähm", "€ and more", "...", &long];
    for name in names {
        let path = format!("/{name}");
        let (created, stat) = client.create(&path, "", PERSISTENT, &Acl::open()).await.unwrap();
        assert_eq!(created, path);
        assert_eq!(client.exists(&path).await.unwrap(), Some(stat));
        let (numbered, _) = client
            .create(&format!("{path}/{name}"), "", CreateMode::PERSISTENT_SEQUENTIAL, &Acl::open())
            .await
            .unwrap();
        assert_eq!(numbered, format!("{path}/{name}0000000000"));
        assert_eq!(client.get_children(&path).await.unwrap().0, [format!("{name}0000000000")]);
    }
    let children = client.get_children("/").await.unwrap().0;
    for name in names {
        assert!(children.iter().any(|child| child == name), "{name}");
    }
    // Servers count in UTF-16 and refuse surrogates: they need not be asked.
    let error = client.create("/𝄞", "", PERSISTENT, &Acl::open()).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_in_the_way() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    client.sync("/none").await.unwrap();
    assert_eq!(client.exists("/none/below").await.unwrap(), None);
    let no_node = Some(ErrorCode::NO_NODE);
    assert_eq!(client.get_children("/none").await.unwrap_err().code(), no_node);
    assert_eq!(client.set_data("/none", "", None).await.unwrap_err().code(), no_node);
    assert_eq!(client.get_acl("/none").await.unwrap_err().code(), no_node);
    assert_eq!(client.set_acl("/none", &Acl::open(), None).await.unwrap_err().code(), no_node);
    let orphan = client.create("/none/below", "", PERSISTENT, &Acl::open()).await.unwrap_err();
    assert_eq!(orphan.code(), no_node);

    create(&client, "/parent").await;
    create(&client, "/parent/child").await;
    let (children, stat) = client.get_children("/parent").await.unwrap();
    assert_eq!((children, stat), (vec!["child".to_owned()], client.get_data("/parent").await.unwrap().1));
    assert!(client.get_children("/parent/child").await.unwrap().0.is_empty());
    let error = client.delete("/parent", None).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NOT_EMPTY));
    client.delete("/parent/child", None).await.unwrap();
    client.delete("/parent", None).await.unwrap();
    let error = client.delete("/", None).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BAD_ARGUMENTS), "the root stays");
}

#[tokio::test]
async fn acls_need_an_identity_and_are_kept_as_the_server_completes_them() {
    let ensemble = one_server().await;
    let mine = client(&ensemble).await;
    let auth = Acl::new(Permissions::ALL, "auth", "");
    let ip = Acl::new(Permissions::WRITE, "ip", "127.0.0.1");
    let wide = Acl::new(Permissions::ALL, "ip", "127.0.0.1/8");
    for acl in [vec![auth.clone()], vec![auth.clone(), wide], vec![Acl::new(Permissions::ALL, "", "")]] {
        let error = mine.create("/a", "", PERSISTENT, &acl).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::INVALID_ACL), "{acl:?}");
    }

    mine.add_auth("digest", r"bän/\:pässwd").await.unwrap();
    mine.create("/a", "secret", PERSISTENT, &[auth, ip.clone()]).await.unwrap();
    let completed = mine.get_acl("/a").await.unwrap().0;
    assert_eq!((completed.len(), &completed[0].scheme[..], &completed[1]), (2, "digest", &ip));
    assert!(completed[0].id.starts_with(r"bän/\:") && !completed[0].id.contains("pässwd"), "{completed:?}");
    // What was read can be given: one identity twice is kept once.
    let twice = [completed[0].clone(), completed[0].clone()];
    mine.create("/b", "secret", PERSISTENT, &twice).await.unwrap();
    assert_eq!(mine.get_acl("/b").await.unwrap().0, completed[..1]);

    let stranger = client(&ensemble).await;
    stranger.add_auth("digest", r"bän/\:other").await.unwrap();
    for path in ["/a", "/b"] {
        assert_eq!(stranger.get_data(path).await.unwrap_err().code(), Some(ErrorCode::NO_AUTH));
    }
    stranger.set_data("/a", "by address", None).await.unwrap();
    mine.set_acl("/a", &Acl::open(), None).await.unwrap();
    assert_eq!(stranger.get_data("/a").await.unwrap().0, "by address");
    assert_eq!(stranger.get_acl("/a").await.unwrap().0, Acl::open());
    assert_eq!(mine.set_acl("/a", &[], None).await.unwrap_err(), Error::Invalid(Invalid::EmptyAcl));
}

#[tokio::test]
async fn names_of_sasl_users_are_passed_on_as_they_are() {
    let ensemble = Ensemble::builder()
        .property("authProvider.sasl", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider")
        .start()
        .await
        .unwrap();
    let client = connected(Client::builder(&ensemble.connect_string()).unwrap()).await;
    let sasl = |id: &str| [Acl::new(Permissions::ALL, "sasl", id)];
    let users = ["user", "service/host.name.com", "user@KERB.REALM", "service/host.name.com@KERB.REALM"];
    for (n, user) in users.into_iter().enumerate() {
        client.create(&format!("/{n}"), "", PERSISTENT, &sasl(user)).await.unwrap();
    }
    for user in ["user@KERB.REALM/server.com", "user@KERB.REALM1@KERB.REALM2"] {
        let error = client.create("/none", "", PERSISTENT, &sasl(user)).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::INVALID_ACL), "{user}");
    }
}

#[tokio::test]
async fn an_idle_client_keeps_its_session() {
    let ensemble = Ensemble::builder().start().await.unwrap();
    let idle = connected(builder(&ensemble).session_timeout(Duration::from_secs(1))).await;
    idle.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let session = session_id(&idle);
    let other = client(&ensemble).await;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(4) {
        assert!(other.exists("/mine").await.unwrap().is_some(), "after {:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((idle.status().state, session_id(&idle), generation(&idle)), (State::Connected, session, 1));
}

#[tokio::test]
async fn the_one_client_too_many_waits_for_a_place() {
    let ensemble = Ensemble::builder().property("maxClientCnxns", "2").start().await.unwrap();
    let first = client(&ensemble).await;
    let second = client(&ensemble).await;
    let third = builder(&ensemble).build();
    let refused = third.with_timeout(Duration::from_millis(500)).exists("/").await.unwrap_err();
    assert!(matches!(refused, Error::NotSent(_)), "{refused:?}");
    first.close().await;
    third.connected().await.unwrap();
    for client in [&second, &third] {
        assert!(client.exists("/").await.unwrap().is_some());
    }
}

/// The connections of this machine to this port that this side has not closed; `None` where that cannot be told.
fn open_connections(port: u16) -> Option<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let remote = format!(":{port:04X}");
    let open = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // ESTABLISHED, and CLOSE_WAIT: the other side has closed, ours has not.
        matches!(fields[..], [_, _, to, "01" | "08", ..] if to.ends_with(&remote))
    };
    Some(table.lines().filter(open).count())
}

#[tokio::test]
async fn clients_that_are_closed_leave_no_connection_behind() {
    let ensemble = one_server().await;
    let port = ensemble.addr(0).port();
    let stays = client(&ensemble).await;
    let many = (0..3).map(|_| async {
        for _ in 0..10 {
            let client = client(&ensemble).await;
            client.exists("/").await.unwrap();
            client.close().await;
        }
    });
    join_all(many).await;
    eventually(SOON, "only one connection is open", async || {
        open_connections(port).is_none_or(|open| open == 1).then_some(())
    })
    .await;
    assert!(stays.exists("/").await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_without_a_quorum_that_serves_reads_is_not_taken_for_one_that_serves() {
    let ensemble = Ensemble::builder()
        .servers(3)
        .system_property("readonlymode.enabled", "true")
        // Only to sessions of its own does such a server let anybody in who asks for it.
        .property("localSessionsEnabled", "true")
        .property("localSessionsUpgradingEnabled", "true")
        .max_session_timeout(Duration::from_secs(40))
        .start()
        .await
        .unwrap();
    let settings = || builder(&ensemble).session_timeout(Duration::from_secs(40));
    let client = connected(settings()).await;
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let session = session_id(&client);
    for server in [1, 2] {
        ensemble.kill(server).await.unwrap();
    }
    eventually(Duration::from_secs(20), "the last server is read-only", async || {
        let answer = ensemble.four_letter_word(0, "isro").await.ok()?;
        answer.starts_with("ro").then_some(())
    })
    .await;
    // Neither the old session nor a new one gets in; every call ends by its deadline, never sent.
    let newcomer = settings().build();
    for client in [&client, &newcomer] {
        let limited = client.with_timeout(Duration::from_millis(700));
        let error = limited.get_data("/").await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{error:?}");
        let error = limited.set_data("/mine", "", None).await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{error:?}");
        assert_ne!(client.status().state, State::Connected);
    }
    ensemble.start_server(1).unwrap();
    for client in [&client, &newcomer] {
        client.with_timeout(Duration::from_secs(30)).set_data("/mine", "again", None).await.unwrap();
    }
    assert_eq!((session_id(&client), generation(&client)), (session, 1));
    assert_eq!(client.exists("/mine").await.unwrap().unwrap().ephemeral_owner, session);
}

#[tokio::test]
async fn only_a_superuser_changes_the_ensemble() {
    // The digest of `super:test`.
    let digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    let ensemble = Ensemble::builder()
        .servers(3)
        .property("reconfigEnabled", "true")
        .system_property("zookeeper.DigestAuthenticationProvider.superDigest", digest)
        .start()
        .await
        .unwrap();
    let mut ports = PortLease::new();
    let [quorum, election, clients] = [(); 3].map(|()| ports.take().unwrap().port());
    let observer = format!("server.100=127.0.0.1:{quorum}:{election}:observer;127.0.0.1:{clients}");
    let join = Reconfig::Incremental { joining: vec![observer.clone()], leaving: vec![] };
    let leave = Reconfig::Incremental { joining: vec![], leaving: vec![100] };

    let nobody = client(&ensemble).await;
    assert_eq!(nobody.reconfig(&join, None).await.unwrap_err().code(), Some(ErrorCode::NO_AUTH));
    let root = connected(builder(&ensemble).credential("digest", "super:test")).await;
    let text = |config: (bytes::Bytes, _)| String::from_utf8(config.0.to_vec()).unwrap();
    let joined = text(root.reconfig(&join, None).await.unwrap());
    assert!(joined.contains(&observer), "{joined}");
    let left = text(root.reconfig(&leave, None).await.unwrap());
    assert!(!left.contains(&observer), "{left}");
    let garbage = Reconfig::Incremental { joining: vec!["some thing".to_owned()], leaving: vec![] };
    assert_eq!(root.reconfig(&garbage, None).await.unwrap_err().code(), Some(ErrorCode::BAD_ARGUMENTS));
}

#[tokio::test]
async fn one_port_for_tls_and_for_plain_text() {
    let authority = Authority::new("the CA of the test").unwrap();
    let server = authority.server(&["127.0.0.1"]).unwrap();
    let ensemble = Ensemble::builder().tls(&authority, &server).unwrap();
    let ensemble = ensemble.property("client.portUnification", "true").start().await.unwrap();
    let certificate = authority.client("client", KeyKind::Ec).unwrap();
    let identity = ClientIdentity::pem(certificate.pem(), certificate.key(KeyForm::Pkcs8).unwrap());
    let options = TlsOptions::new(CaSource::pem(authority.pem())).client_identity(identity);
    let plain = builder(&ensemble).connect_timeout(SOON);
    for settings in [plain.clone(), plain.tls(options)] {
        let client = connected(settings).await;
        client.create("/test", "", PERSISTENT, &Acl::open()).await.unwrap();
        client.delete("/test", None).await.unwrap();
        client.close().await;
    }
}
