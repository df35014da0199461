//! A subscriber that keeps what it is told, as data.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::{LookupSpan, Scope, SpanRef},
};
use zk_session::telemetry::{EVENTS, Name, SPANS, TARGET};

type Fields = BTreeMap<String, String>;

/// A span or an event that was told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) level: Level,
    pub(crate) fields: Fields,
    declared: Vec<&'static str>,
    /// Names and fields of the spans around it, the outermost first.
    pub(crate) inside: Vec<(String, Fields)>,
}

impl Told {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Keeps everything with the target of the session crate. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    events: Arc<Mutex<Vec<Told>>>,
    spans: Arc<Mutex<Vec<Told>>>,
}

impl Log {
    pub(crate) fn events(&self, name: &Name) -> Vec<Told> {
        self.events.lock().unwrap().iter().filter(|told| told.name == name.name).cloned().collect()
    }

    pub(crate) fn all_events(&self) -> Vec<Told> {
        self.events.lock().unwrap().clone()
    }

    /// Nothing but what is documented was told, and everything that is.
    pub(crate) fn check_against_the_tables(&self) {
        check(&self.spans.lock().unwrap(), SPANS);
        let events = self.all_events();
        check(&events, EVENTS);
        for event in events {
            // What people see of a name.
            let message = event.name.trim_start_matches("zk.").replace('_', " ");
            assert_eq!(event.field("message"), message);
        }
    }
}

fn check(told: &[Told], table: &[Name]) {
    for one in told {
        let name = table.iter().find(|name| name.name == one.name);
        let name = name.unwrap_or_else(|| panic!("{one:?} is not in the table"));
        let fields: Vec<&str> = one.declared.iter().copied().filter(|field| *field != "message").collect();
        assert_eq!(fields, name.fields, "{one:?}");
        assert!(one.level == name.level || one.level == Level::DEBUG, "{one:?}");
    }
    for name in table {
        assert!(
            told.iter().any(|one| one.name == name.name && one.level == name.level),
            "not told: {name:?}"
        );
    }
}

fn ours(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Collect::default();
        attributes.record(&mut fields);
        let Some(span) = context.span(id).filter(|span| ours(span.metadata())) else { return };
        span.extensions_mut().insert(fields.0.clone());
        let inside = scope(span.parent().into_iter().flat_map(|parent| parent.scope().from_root()));
        self.spans.lock().unwrap().push(told(attributes.metadata(), fields.0, inside));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut more = Collect::default();
        values.record(&mut more);
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            fields.extend(more.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !ours(event.metadata()) {
            return;
        }
        let mut fields = Collect::default();
        event.record(&mut fields);
        let inside = scope(context.event_scope(event).into_iter().flat_map(Scope::from_root));
        self.events.lock().unwrap().push(told(event.metadata(), fields.0, inside));
    }
}

fn told(metadata: &Metadata<'_>, fields: Fields, inside: Vec<(String, Fields)>) -> Told {
    let declared = metadata.fields().iter().map(|field| field.name()).collect();
    Told { name: metadata.name().to_owned(), level: *metadata.level(), fields, declared, inside }
}

fn scope<'a, S: LookupSpan<'a> + 'a>(spans: impl Iterator<Item = SpanRef<'a, S>>) -> Vec<(String, Fields)> {
    let fields = |span: &SpanRef<'a, S>| span.extensions().get::<Fields>().cloned().unwrap_or_default();
    spans.map(|span| (span.name().to_owned(), fields(&span))).collect()
}

#[derive(Default)]
struct Collect(Fields);

impl Visit for Collect {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}
