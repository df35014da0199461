//! What has happened, and when.

use dcs_zk::Timestamp;
use serde_json::{Map, Value, json};

use crate::clock::Clock;

/// What happens in the story, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Elected,
    ServerLost,
    Moved,
    Killed,
    LeaseEnded,
    NewLeader,
}

impl What {
    /// Its letter in the picture, what programs and what people call it.
    fn names(self) -> (char, &'static str, &'static str) {
        match self {
            Self::Elected => ('E', "leader-elected", "leader elected"),
            Self::ServerLost => ('S', "server-lost", "server lost"),
            Self::Moved => ('M', "leader-moved", "leader moved"),
            Self::Killed => ('K', "leader-killed", "leader killed"),
            Self::LeaseEnded => ('L', "lease-ended", "lease ended"),
            Self::NewLeader => ('N', "new-leader", "new leader"),
        }
    }

    pub(crate) fn letter(self) -> char {
        self.names().0
    }
}

/// Something that has happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
    /// Who and where, for people.
    pub(crate) text: String,
    /// The same for programs: an object.
    pub(crate) fields: Value,
}

/// The events, in the order in which they were told.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock: Clock,
    events: Vec<Event>,
}

impl Timeline {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, events: Vec::new() }
    }

    pub(crate) fn add(&mut self, event: Event) {
        self.events.push(event);
    }

    /// All events in the order of their times: one may be told late.
    pub(crate) fn events(&self) -> Vec<&Event> {
        let mut events: Vec<&Event> = self.events.iter().collect();
        events.sort_by_key(|event| event.at);
        events
    }

    /// When the first leader was elected: the zero of all offsets.
    pub(crate) fn zero(&self) -> Option<Timestamp> {
        self.events.first().map(|event| event.at)
    }

    /// Milliseconds since the first event, those before it negative.
    fn offset_ms(&self, at: Timestamp) -> f64 {
        let zero = self.zero().unwrap_or(at);
        (at.since(zero).as_secs_f64() - zero.since(at).as_secs_f64()) * 1000.0
    }

    /// An event's line.
    pub(crate) fn line(&self, event: &Event) -> String {
        let (letter, _, name) = event.what.names();
        let (time, offset) = (self.clock.time_of_day(event.at), self.offset_ms(event.at) / 1000.0);
        format!("{letter}  {time}  {offset:+7.3} s  {name:<14}  {}", event.text)
    }

    /// An event for programs.
    pub(crate) fn json(&self, event: &Event) -> Value {
        self.object(event.what.names().1, event.at, event.fields.clone())
    }

    /// What is no event of the story, for programs.
    pub(crate) fn object(&self, name: &str, at: Timestamp, fields: Value) -> Value {
        let mut object = Map::new();
        object.insert("time".into(), json!(self.clock.rfc3339(at)));
        object.insert("offset_ms".into(), json!(self.zero().map(|_| self.offset_ms(at).round())));
        object.insert("event".into(), json!(name));
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        Value::Object(object)
    }
}
