//! What the tests of the DCS share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use dcs_zk::{Config, DcsZk, MemberData, Timings, Touched};
use zk_session::Client;
use zk_testkit::Ensemble;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Times short enough for a test, on servers that allow them.
pub(crate) fn timings() -> Timings {
    Timings::new(4 * SECOND, SECOND, SECOND).unwrap()
}

pub(crate) async fn ensemble(servers: usize) -> Ensemble {
    Ensemble::builder().servers(servers).max_session_timeout(60 * SECOND).start().await.unwrap()
}

pub(crate) fn member(ensemble: &Ensemble, name: &str) -> DcsZk {
    member_at(&ensemble.connect_string(), name)
}

pub(crate) fn member_at(hosts: &str, name: &str) -> DcsZk {
    let config = Config::new("demo", hosts).unwrap();
    DcsZk::connect(config.with_name(name).unwrap().with_timings(timings()))
}

pub(crate) fn data(name: &str) -> MemberData {
    MemberData::new(&format!("postgres://{name}:5432/postgres"), &format!("http://{name}:8008/patroni"))
}

/// A member that has joined; the session is connected.
pub(crate) async fn joined(ensemble: &Ensemble, name: &str) -> DcsZk {
    let dcs = member(ensemble, name);
    join(&dcs, name).await;
    dcs
}

pub(crate) async fn join(dcs: &DcsZk, name: &str) {
    dcs.get_cluster().await.unwrap();
    assert_eq!(dcs.touch_member(&data(name)).await.unwrap(), Touched::Written);
}

/// Somebody with a plain client.
pub(crate) fn by_hand(ensemble: &Ensemble) -> Client {
    Client::builder(&ensemble.connect_string()).unwrap().build()
}
