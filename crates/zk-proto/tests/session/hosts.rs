//! The list of servers, replaced while running.

use zk_proto::{Cause, Host, State};

use crate::harness::{SESSION, Wire, dropped};

#[test]
fn another_list_of_servers_moves_the_session_only_if_it_must() {
    let mut wire = Wire::connected();
    let hosts = |names: &[&str]| names.iter().map(|name| Host::new(*name, 2181)).collect::<Vec<_>>();
    wire.session.set_hosts(wire.now, hosts(&["zk1", "zk2", "zk3"]));
    wire.session.set_hosts(wire.now, hosts(&["zk3", "zk2", "zk1", "zk4"]));
    assert_eq!(wire.session.state(), State::Connected, "the connected server is still in it");
    assert!(wire.events().is_empty());
    wire.session.set_hosts(wire.now, hosts(&["zk8", "zk9"]));
    assert_eq!(dropped(&wire.events()), Some(&Cause::Reconfigured));
    let mut round = wire.session.poll_connect().expect("at once").hosts;
    round.sort();
    assert_eq!(round, hosts(&["zk8", "zk9"]));
    // While nothing can be reached, a new list is tried at once.
    wire.session.dial_failed(wire.now, "zk8: refused; zk9: refused");
    wire.session.set_hosts(wire.now, hosts(&["zk5"]));
    assert_eq!(wire.connect(SESSION).session_id, SESSION, "the session is kept");
    assert_eq!(wire.session.state(), State::Connected);
}
