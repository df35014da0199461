//! What a client tells about itself in a bad night, with real servers: metrics, events, and no secret in either.

mod observed;
mod session_common;

use std::time::Duration;

use integration_tests::{gate::Gate, wait::eventually};
use observed::{
    ProcessLog,
    events::{Log, Told},
    numbers::Numbers,
    tell,
};
use session_common::{connected, session_id, state};
use tracing::Level;
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt};
use zk_session::{
    Acl, AddWatchMode, CaSource, Client, CreateMode, Error, ErrorKind, State, TlsOptions, metrics,
    metrics::Metric, now, telemetry,
};
use zk_testkit::{Authority, Ensemble, PortLease};

/// A limit, not a time to wait.
const SOON: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// Everything that is told while the test runs. Client, task and test share one thread, and so its recorder and subscriber.
struct Night {
    ensemble: Ensemble,
    numbers: Numbers,
    log: Log,
}

impl Night {
    fn count(&self, client: &str, metric: &Metric, labels: &[(&str, &str)]) -> u64 {
        self.numbers.counter(metric, &[&[("client", client)], labels].concat())
    }

    fn gauge(&self, client: &str, metric: &Metric, labels: &[(&str, &str)]) -> Option<f64> {
        self.numbers.gauge(metric, &[&[("client", client)], labels].concat())
    }

    fn values(&self, client: &str, metric: &Metric, labels: &[(&str, &str)]) -> Vec<f64> {
        self.numbers.histogram(metric, &[&[("client", client)], labels].concat())
    }

    /// Waits until a gauge without labels of its own has a value like this.
    async fn gauge_becomes(&self, client: &str, metric: &Metric, like: impl Fn(f64) -> bool) -> f64 {
        eventually(SOON, metric.name, async || self.gauge(client, metric, &[]).filter(|value| like(*value)))
            .await
    }

    /// The state's gauges: one is 1.
    fn is_in(&self, client: &str, state: State) {
        for one in State::ALL {
            let expected = if *one == state { 1.0 } else { 0.0 };
            let told = self.gauge(client, &metrics::STATE, &[("state", one.name())]);
            assert_eq!(told, Some(expected), "{client}: {one}");
        }
    }

    /// The events of one client, told by the session's span.
    fn events(&self, client: &str, name: &telemetry::Name) -> Vec<Told> {
        let of = |told: &Told| {
            told.inside
                .first()
                .is_some_and(|(span, fields)| span == telemetry::SESSION.name && fields["client"] == client)
        };
        self.log.events(name).into_iter().filter(of).collect()
    }

    fn the_event(&self, client: &str, name: &telemetry::Name) -> Told {
        let mut events = self.events(client, name);
        assert_eq!(events.len(), 1, "{client}: {events:#?}");
        events.remove(0)
    }

    /// Each attempt to connect has had an outcome.
    fn attempts_add_up(&self, client: &str) {
        let rounds = self.events(client, &telemetry::CONNECTING).len();
        let moves = self.events(client, &telemetry::MOVED).len();
        let outcomes = self.count(client, &metrics::CONNECTS, &[]);
        assert_eq!(u64::try_from(rounds + moves).unwrap(), outcomes, "{client}");
    }
}

/// With DEBUG off there is no span of the attempt, and what it would hold must not lose its session.
#[tokio::test]
async fn at_info_every_event_is_inside_its_session() {
    let log = Log::default();
    let _telling = tell(tracing_subscriber::registry().with(LevelFilter::INFO).with(log.clone()));
    let ensemble = session_common::one_server().await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let client = connected(Client::builder(&gate.addr().to_string()).unwrap()).await;
    gate.shut();
    let failed = async || log.events(&telemetry::CONNECT_FAILED).pop();
    eventually(SOON, "an attempt fails", failed).await;
    gate.open();
    client.connected().await.unwrap();
    client.close().await;
    let events = log.all_events();
    let names: Vec<&str> = events.iter().map(|told| told.name.trim_start_matches("zk.")).collect();
    assert_eq!(names[..3], ["established", "timeout_clamped", "connected"]);
    assert_eq!((names[3], *names.last().unwrap()), ("disconnected", "closed"));
    for told in events {
        assert!(told.level <= Level::INFO);
        let [(span, fields)] = &told.inside[..] else { panic!("{told:?}") };
        assert_eq!((span.as_str(), &*fields["client"]), (telemetry::SESSION.name, "default"));
    }
}

/// A recorder that comes late is found, and given what was measured from then on.
#[tokio::test]
async fn a_recorder_that_is_installed_later_is_found() {
    ProcessLog::start();
    let ensemble = session_common::one_server().await;
    let client = session_common::client(&ensemble).await;
    client.exists("/").await.unwrap();
    let numbers = Numbers::new();
    let _recording = ::metrics::set_default_local_recorder(&numbers);
    let state = [("client", "default"), ("state", "connected")];
    let told = async || numbers.gauge(&metrics::STATE, &state).filter(|value| *value == 1.0);
    eventually(SOON, "the state is told", told).await;
    client.exists("/").await.unwrap();
    assert_eq!(numbers.histogram(&metrics::REQUEST_DURATION, &[("op", "exists")]).len(), 1);
    client.close().await;
}

#[tokio::test]
async fn a_bad_night_in_numbers_and_events() {
    let (numbers, log) = (Numbers::new(), Log::default());
    let _recording = ::metrics::set_default_local_recorder(&numbers);
    let _telling = tell(tracing_subscriber::registry().with(log.clone()));
    let ensemble = Ensemble::builder()
        .servers(3)
        .min_session_timeout(Duration::from_millis(1_500))
        .max_session_timeout(60 * SECOND)
        // A quorum may be slow for long without falling apart.
        .property("syncLimit", "300")
        .start()
        .await
        .unwrap();
    let night = Night { ensemble, numbers: numbers.clone(), log: log.clone() };
    let leader = night.ensemble.leader().await.unwrap();
    let follower = (leader + 1) % 3;

    let client = begins(&night, follower).await;
    serves(&night, &client).await;
    waits_for_a_slow_quorum(&night, &client, follower).await;
    leaves_a_silent_server(&night, &client, follower).await;
    expires(&night, &client, leader).await;
    is_not_believed(&night, leader).await;
    finds_nobody(&night).await;
    has_nowhere_to_go(&night, leader).await;
    ends(&night, &client).await;

    numbers.check_against_the_table();
    log.check_against_the_tables();
}

/// A client of one follower, which then learns of the others.
async fn begins(night: &Night, follower: usize) -> Client {
    let server = night.ensemble.addr(follower).to_string();
    let builder = Client::builder(&server).unwrap().name("a");
    let client = connected(builder.session_timeout(40 * SECOND).read_timeout(12 * SECOND)).await;

    night.is_in("a", State::Connected);
    assert_eq!(night.gauge("a", &metrics::SERVER, &[("server", &server)]), Some(1.0));
    assert_eq!(night.gauge("a", &metrics::DISCONNECTED, &[]), Some(0.0));
    assert_eq!(night.count("a", &metrics::CONNECTS, &[("cause", "start"), ("outcome", "connected")]), 1);
    assert_eq!(night.count("a", &metrics::SESSIONS, &[]), 1);
    let waited = night.values("a", &metrics::DISCONNECTIONS, &[("cause", "start")]);
    assert!(waited.len() == 1 && (0.0..5.0).contains(&waited[0]), "{waited:?}");
    night.attempts_add_up("a");

    let id = format!("{:#x}", session_id(&client));
    let established = night.the_event("a", &telemetry::ESTABLISHED);
    assert_eq!((established.level, established.field("timeout_ms")), (Level::INFO, "40000"));
    let told = night.the_event("a", &telemetry::CONNECTED);
    assert_eq!(told.level, Level::INFO);
    assert_eq!((told.field("server"), told.field("cause")), (&*server, "start"));
    assert_eq!((told.field("session_id"), told.field("generation")), (&*id, "1"));
    let spans: Vec<&str> = told.inside.iter().map(|(span, _)| span.as_str()).collect();
    assert_eq!(spans, [telemetry::SESSION.name, telemetry::CONNECT.name]);
    assert_eq!((&*told.inside[0].1["session_id"], &*told.inside[0].1["generation"]), (&*id, "1"));
    assert!(night.events("a", &telemetry::TIMEOUT_CLAMPED).is_empty());

    client.set_hosts(&night.ensemble.connect_string()).unwrap();
    client.exists("/").await.unwrap();
    assert_eq!(night.the_event("a", &telemetry::HOSTS_REPLACED).field("hosts"), "3");
    client
}

async fn serves(night: &Night, client: &Client) {
    let data = vec![b'x'; 100_000];
    client.create("/n", data, CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    for _ in 0..3 {
        client.get_data("/n").await.unwrap();
    }
    client.get_data("/none").await.unwrap_err();
    for (op, outcome, times) in [("create2", "ok", 1), ("getData", "ok", 3), ("getData", "rejected", 1)] {
        let took = night.values("a", &metrics::REQUEST_DURATION, &[("op", op), ("outcome", outcome)]);
        assert_eq!(took.len(), times, "{op} {outcome}");
        assert!(took.iter().all(|seconds| (1e-6..10.0).contains(seconds)), "{took:?}");
    }
    let answered = night.log.events(&telemetry::ANSWERED);
    assert!(answered.iter().any(|told| told.field("error") == "no node"
        && told.inside.iter().any(|(span, fields)| span == "zk.request" && fields["op"] == "getData")));

    let totals = async || {
        let sent = night.count("a", &metrics::SENT, &[]);
        let received = night.count("a", &metrics::RECEIVED, &[]);
        (sent >= 100_000 && received >= 300_000).then_some((sent, received))
    };
    let (sent, received) = eventually(SOON, "bytes are told", totals).await;
    assert!(sent < 101_000 && received < 301_000, "{sent} {received}");

    // The lease of the client itself, at most a sampling period old; and it goes down with time, whatever happens.
    let ahead = async || {
        let left = client.status().lease_until(Duration::ZERO)?.since(now()).as_secs_f64();
        night.gauge("a", &metrics::LEASE_REMAINING, &[]).filter(|told| (0.0..1.5).contains(&(told - left)))
    };
    let told = eventually(SOON, "the lease is told", ahead).await;
    assert!((30.0..=40.0).contains(&told), "{told}");
    // Nothing happens but a ping every 6 s.
    let mut told = told;
    for _ in 0..3 {
        let lower = night.gauge_becomes("a", &metrics::LEASE_REMAINING, |later| later < told);
        told = tokio::time::timeout(3 * SECOND, lower).await.expect("it is looked at once a second");
    }

    let (_, _, one) = client.get_data_and_watch("/n").await.unwrap();
    let (_, _, two) = client.get_data_and_watch("/n").await.unwrap();
    client.set_data("/n", "y", None).await.unwrap();
    one.await;
    two.await;
    assert_eq!(night.count("a", &metrics::WATCH_EVENTS, &[("event", "node_data_changed")]), 2);

    let pinged = async || night.values("a", &metrics::PING_ROUND_TRIP, &[]).first().copied();
    let round_trip = eventually(SOON, "a ping", pinged).await;
    assert!((1e-6..2.0).contains(&round_trip), "{round_trip}");
}

/// The server is well, but the others are not: what is asked stays unanswered, and the session stays.
async fn waits_for_a_slow_quorum(night: &Night, client: &Client, follower: usize) {
    assert_eq!(night.gauge("a", &metrics::IN_FLIGHT, &[]), Some(0.0));
    let others: Vec<usize> = (0..3).filter(|other| *other != follower).collect();
    for other in &others {
        night.ensemble.freeze(*other).unwrap();
    }
    // One after the other: on a busy machine some are still answered while the servers are being stopped.
    let (thaw, thawed) = tokio::sync::watch::channel(false);
    let writer = client.with_timeout(60 * SECOND);
    let writes = tokio::spawn(async move {
        while !*thawed.borrow() {
            writer.set_data("/n", "z", None).await.unwrap();
        }
    });
    night.gauge_becomes("a", &metrics::IN_FLIGHT, |requests| requests == 1.0).await;
    night.gauge_becomes("a", &metrics::OLDEST_UNANSWERED, |age| (1.0..13.0).contains(&age)).await;
    let answered =
        async || (night.count("a", &metrics::SUSPICION, &[("step", "probe_answered")]) >= 2).then_some(());
    eventually(SOON, "probes are answered", answered).await;
    for other in &others {
        night.ensemble.thaw(*other).unwrap();
    }
    thaw.send(true).unwrap();
    writes.await.unwrap();
    night.gauge_becomes("a", &metrics::IN_FLIGHT, |requests| requests == 0.0).await;
    night.gauge_becomes("a", &metrics::OLDEST_UNANSWERED, |age| age == 0.0).await;
    night.is_in("a", State::Connected);
    let probes = night.count("a", &metrics::SUSPICION, &[("step", "probe")]);
    assert!(probes >= 2);
    assert_eq!(night.events("a", &telemetry::SUSPECTED).len(), usize::try_from(probes).unwrap());
    assert!(!night.events("a", &telemetry::PROBE_ANSWERED).is_empty());
    assert_eq!(night.count("a", &metrics::SUSPICION, &[("step", "moved")]), 0);
    assert!(night.count("a", &metrics::SUSPICION, &[("step", "spare_dropped")]) >= 1);
    assert_eq!(night.count("a", &metrics::DISCONNECTS, &[]), 0);
}

async fn leaves_a_silent_server(night: &Night, client: &Client, server: usize) {
    let _watched = client.add_watch("/n", AddWatchMode::PERSISTENT).await.unwrap();
    let old = night.ensemble.addr(server).to_string();
    night.ensemble.freeze(server).unwrap();
    // On a busy machine the server may still answer while it is being stopped.
    let unanswered = async || client.exists("/").await.err();
    let lost = eventually(SOON, "a request stays unanswered", unanswered).await;
    assert_eq!(lost.kind(), ErrorKind::Unknown, "{lost}");
    client.connected().await.unwrap();
    night.ensemble.thaw(server).unwrap();
    let new = client.status().server.unwrap().to_string();

    let suspected = [("cause", "suspected")];
    assert_eq!(night.count("a", &metrics::SUSPICION, &[("step", "moved")]), 1);
    assert!(night.count("a", &metrics::SUSPICION, &[("step", "spare_dialled")]) >= 2);
    assert!(night.count("a", &metrics::SUSPICION, &[("step", "spare_opened")]) >= 2);
    assert_eq!(night.count("a", &metrics::DISCONNECTS, &suspected), 1);
    assert_eq!(night.count("a", &metrics::DISCONNECTS, &[]), 1);
    assert_eq!(night.count("a", &metrics::CONNECTS, &[suspected[0], ("outcome", "connected")]), 1);
    assert_eq!(night.values("a", &metrics::DISCONNECTIONS, &suspected).len(), 1);
    assert_eq!(night.gauge("a", &metrics::SERVER, &[("server", &old)]), Some(0.0));
    assert_eq!(night.gauge("a", &metrics::SERVER, &[("server", &new)]), Some(1.0));
    let unknown = [("op", "exists"), ("outcome", "unknown")];
    let took = night.values("a", &metrics::REQUEST_DURATION, &unknown);
    assert!(took.len() == 1 && took[0] > 0.5, "{took:?}");
    night.attempts_add_up("a");

    let told = night.the_event("a", &telemetry::DISCONNECTED);
    assert_eq!((told.level, told.field("phase")), (Level::INFO, "ready"));
    assert_eq!((told.field("cause"), told.field("server")), ("suspected", &*old));
    assert!(told.field("reason").contains("does not answer a probe"), "{told:?}");
    assert!(told.field("elapsed_ms").parse::<u64>().unwrap() > 1_000);
    let moved = night.the_event("a", &telemetry::MOVED);
    assert_eq!((moved.level, moved.field("server"), moved.field("cause")), (Level::INFO, &*new, "suspected"));
    assert!(!night.events("a", &telemetry::SPARE_OPENED).is_empty());
    assert_eq!(night.the_event("a", &telemetry::WATCHES_RESTORED).field("watches"), "1");
}

/// A client whose way to the server is cut until its session is over.
async fn expires(night: &Night, other: &Client, server: usize) {
    let gate = Gate::to(night.ensemble.addr(server), true).await;
    let builder = Client::builder(&gate.addr().to_string()).unwrap().name("b");
    let client = connected(builder.session_timeout(SECOND)).await;
    let clamped = night.the_event("b", &telemetry::TIMEOUT_CLAMPED);
    assert_eq!(clamped.level, Level::WARN);
    assert_eq!((clamped.field("asked_ms"), clamped.field("granted_ms")), ("1000", "1500"));
    let id = format!("{:#x}", session_id(&client));
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let (_, _, _watched) = client.get_data_and_watch("/n").await.unwrap();

    gate.shut();
    state(&client, State::Connecting, SOON).await;
    night.is_in("b", State::Connecting);
    let waiting = tokio::spawn(client.with_timeout(30 * SECOND).set_data("/n", "late", None));
    night.gauge_becomes("b", &metrics::WAITING, |requests| requests == 1.0).await;
    state(&client, State::Lost, SOON).await;
    night.is_in("b", State::Lost);
    night.gauge_becomes("b", &metrics::DISCONNECTED, |seconds| (1.4..30.0).contains(&seconds)).await;
    let gone = async || other.exists("/mine").await.unwrap().is_none().then_some(());
    eventually(SOON, "the session expires", gone).await;
    gate.open();
    assert_eq!(waiting.await.unwrap(), Err(Error::SessionExpired));
    state(&client, State::Connected, SOON).await;

    night.is_in("b", State::Connected);
    assert_eq!(night.count("b", &metrics::EXPIRIES, &[("cause", "refused")]), 1);
    assert_eq!(night.count("b", &metrics::EXPIRIES, &[]), 1);
    assert_eq!(night.count("b", &metrics::SESSIONS, &[]), 2);
    assert_eq!(night.count("a", &metrics::EXPIRIES, &[]), 0, "clients are told apart");
    assert_eq!(night.count("b", &metrics::WATCH_EVENTS, &[("event", "session_lost")]), 1);
    let expired = [("op", "setData"), ("outcome", "session_expired")];
    assert_eq!(night.values("b", &metrics::REQUEST_DURATION, &expired).len(), 1);
    assert_eq!(night.gauge("b", &metrics::LEASE_REMAINING, &[]), Some(0.0));
    night.gauge_becomes("b", &metrics::WAITING, |requests| requests == 0.0).await;

    let lost = night.the_event("b", &telemetry::DISCONNECTED);
    let cause = ("cause", lost.field("cause"));
    assert!(["connection_closed", "io"].contains(&cause.1), "{lost:?}");
    assert_eq!(night.count("b", &metrics::DISCONNECTS, &[cause]), 1);
    let outcomes = |outcome| night.count("b", &metrics::CONNECTS, &[cause, ("outcome", outcome)]);
    assert!(outcomes("closed_unanswered") >= 2);
    assert_eq!((outcomes("session_expired"), outcomes("connected")), (1, 1));
    night.attempts_add_up("b");
    let without = night.values("b", &metrics::DISCONNECTIONS, &[cause]);
    assert!(without.len() == 1 && without[0] >= 1.5, "{without:?}");

    let failed = night.events("b", &telemetry::CONNECT_FAILED);
    let refused: Vec<&Told> =
        failed.iter().filter(|told| told.field("cause") == "closed_unanswered").collect();
    assert_eq!((refused[0].level, refused[1].level), (Level::INFO, Level::DEBUG), "told once at INFO");
    assert_eq!(refused[0].field("phase"), "handshaking");
    let presumed = night.the_event("b", &telemetry::LOST);
    assert_eq!((presumed.level, presumed.field("session_id")), (Level::WARN, &*id));
    let expired = night.the_event("b", &telemetry::EXPIRED);
    assert_eq!(
        (expired.level, expired.field("cause"), expired.field("session_id")),
        (Level::WARN, "refused", &*id)
    );
    assert_eq!(expired.inside[0].1["generation"], "1");
    let next = night.events("b", &telemetry::CONNECTED).pop().unwrap();
    assert_eq!((next.field("generation"), &*next.inside[0].1["generation"]), ("2", "2"), "a span of its own");
    client.close().await;
}

async fn is_not_believed(night: &Night, server: usize) {
    let builder = Client::builder(&night.ensemble.addr(server).to_string()).unwrap().name("c");
    let client = builder.credential("nonsense", "x").build();
    let twice = async || (night.events("c", &telemetry::AUTH_FAILED).len() >= 2).then_some(());
    eventually(SOON, "it is refused twice", twice).await;
    let told = night.events("c", &telemetry::AUTH_FAILED);
    assert_eq!((told[0].level, told[1].level), (Level::WARN, Level::DEBUG), "told once at WARN");
    assert_eq!(
        (told[0].field("scheme"), told[0].field("server")),
        ("nonsense", &*night.ensemble.addr(server).to_string())
    );
    let failed = night.events("c", &telemetry::CONNECT_FAILED);
    assert_eq!((failed[0].field("phase"), failed[0].field("cause")), ("authenticating", "auth_failed"));
    assert!(night.count("c", &metrics::CONNECTS, &[("cause", "start"), ("outcome", "auth_failed")]) >= 2);
    client.close().await;
    night.is_in("c", State::Closed);
    assert_eq!(night.values("c", &metrics::DISCONNECTIONS, &[("cause", "start")]).len(), 1);
    assert_eq!(night.count("c", &metrics::DISCONNECTS, &[]), 0, "there was no connection");
    night.attempts_add_up("c");
}

async fn finds_nobody(night: &Night) {
    let mut ports = PortLease::new();
    let authority = Authority::new("the CA of the test").unwrap();
    let options = || TlsOptions::new(CaSource::pem(authority.pem()));
    let builder = Client::builder(&ports.take().unwrap().to_string()).unwrap().name("d");
    let client = builder.tls(options()).build();
    let failed = async || night.events("d", &telemetry::CONNECT_FAILED).into_iter().next();
    let failed = eventually(SOON, "nobody is there", failed).await;
    assert_eq!((failed.level, failed.field("phase")), (Level::INFO, "dialing"));
    assert_eq!(failed.field("cause"), "no_server");
    assert!(failed.field("reason").contains("connection refused"), "{failed:?}");
    let host = &night.events("d", &telemetry::HOST_FAILED)[0];
    assert_eq!((host.level, host.field("reason")), (Level::DEBUG, "connection refused"));
    client.reload_tls(options()).await.unwrap();
    assert_eq!(night.events("d", &telemetry::TLS_RELOADED).len(), 1);
    client.close().await;
    night.attempts_add_up("d");
}

async fn has_nowhere_to_go(night: &Night, server: usize) {
    let mut ports = PortLease::new();
    let hosts = format!("{},{}", night.ensemble.addr(server), ports.take().unwrap());
    let client = connected(Client::builder(&hosts).unwrap().name("e").session_timeout(20 * SECOND)).await;
    night.ensemble.freeze(server).unwrap();
    let asked = tokio::spawn(client.exists("/"));
    let failed = async || night.events("e", &telemetry::SPARE_FAILED).into_iter().next();
    eventually(SOON, "there is no spare", failed).await;
    night.ensemble.thaw(server).unwrap();
    assert!(night.count("e", &metrics::SUSPICION, &[("step", "spare_failed")]) >= 1);
    asked.await.unwrap().unwrap();
    client.close().await;
}

async fn ends(night: &Night, client: &Client) {
    let server = client.status().server.unwrap().to_string();
    assert_eq!(night.gauge("a", &metrics::SERVER, &[("server", &server)]), Some(1.0));
    let id = format!("{:#x}", session_id(client));
    client.close().await;
    night.is_in("a", State::Closed);
    assert_eq!(night.gauge("a", &metrics::SERVER, &[("server", &server)]), Some(0.0));
    for metric in
        [&metrics::DISCONNECTED, &metrics::LEASE_REMAINING, &metrics::IN_FLIGHT, &metrics::OLDEST_UNANSWERED]
    {
        assert_eq!(night.gauge("a", metric, &[]), Some(0.0), "{}", metric.name);
    }
    assert_eq!(night.count("a", &metrics::DISCONNECTS, &[("cause", "closed")]), 1);
    let closed = night.the_event("a", &telemetry::CLOSED);
    assert_eq!((closed.level, closed.field("session_id")), (Level::INFO, &*id));
    night.attempts_add_up("a");
}
