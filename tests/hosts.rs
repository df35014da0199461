//! The list of servers, replaced while running, and a session that changes hands.

use std::time::Duration;

use integration_tests::wait::eventually;
use zk_session::{Acl, Client, CreateMode, Error, Invalid, State};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn the_session_moves_when_its_server_is_taken_off_the_list() {
    let ensemble = Ensemble::builder().servers(3).max_session_timeout(60 * SECOND).start().await.unwrap();
    let client = Client::builder(&ensemble.connect_string()).unwrap().build();
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let session = client.status().session.unwrap().session_id;
    let server = eventually(10 * SECOND, "its server", || ensemble.server_of_session(session)).await;
    let mut status = client.watch_status();

    status.mark_unchanged();
    client.set_hosts(&ensemble.connect_string()).unwrap();
    client.exists("/").await.unwrap();
    assert!(!status.has_changed().unwrap(), "the same list changes nothing");

    let others: Vec<String> =
        (0..3).filter(|other| *other != server).map(|other| ensemble.addr(other).to_string()).collect();
    client.set_hosts(&others.join(",")).unwrap();
    eventually(10 * SECOND, "another server", async || {
        let now = ensemble.server_of_session(session).await?;
        (now != server).then_some(())
    })
    .await;
    assert_eq!(client.exists("/mine").await.unwrap().unwrap().ephemeral_owner, session);
    assert_eq!(client.status().session.unwrap().session_id, session);
}

#[tokio::test]
async fn a_list_that_was_wrong_is_put_right_while_running() {
    let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
    let client = Client::builder("127.0.0.1:1").unwrap().build();
    eventually(10 * SECOND, "the refusal", async || client.status().cause).await;
    client.set_hosts(&ensemble.connect_string()).unwrap();
    client.connected().await.unwrap();
    for wrong in ["", "a b", "zk1:99999"] {
        assert!(matches!(client.set_hosts(wrong), Err(Error::Invalid(Invalid::Hosts(_)))), "{wrong:?}");
    }
    assert_eq!(client.set_hosts("zk1/chroot"), Err(Error::Invalid(Invalid::Chroot)));
    assert_eq!(client.status().state, State::Connected);
}

#[tokio::test]
async fn a_detached_session_lives_on_and_is_taken_up_again() {
    let ensemble = Ensemble::builder().servers(1).max_session_timeout(60 * SECOND).start().await.unwrap();
    let servers = ensemble.connect_string();
    let before = Client::builder(&servers).unwrap().session_timeout(20 * SECOND).build();
    before.create("/lock", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let credentials = before.detach().await.expect("there is a session");
    assert!(matches!(before.exists("/lock").await, Err(Error::Closed)));

    let after =
        Client::builder(&servers).unwrap().session_timeout(20 * SECOND).resume(credentials.clone()).build();
    let lock = after.exists("/lock").await.unwrap().expect("the session, and so the lock, lives on");
    assert_eq!(lock.ephemeral_owner, after.status().session.unwrap().session_id);
    after.close().await;

    let late = Client::builder(&servers).unwrap().resume(credentials.clone()).build();
    let waited = late.exists("/lock").await;
    assert_eq!(
        waited,
        Err(Error::SessionExpired),
        "what waited for the old session is not sent in the new one"
    );
    assert_eq!(late.exists("/lock").await.unwrap(), None);
    assert_ne!(
        late.status().session.unwrap().session_id,
        credentials.session_id(),
        "it was over: a new one began"
    );
}
