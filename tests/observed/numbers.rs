//! A recorder whose numbers can be read without changing them (`DebuggingRecorder` sets gauges to 0 when it is read).

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{AtomicStorage, Registry};
use zk_session::metrics::{ALL, Kind, Metric};

type Description = (Kind, Option<Unit>, String);

/// What was recorded. Clones share it.
#[derive(Clone)]
pub(crate) struct Numbers {
    registry: Arc<Registry<Key, AtomicStorage>>,
    described: Arc<Mutex<HashMap<String, Description>>>,
    asked: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Numbers {
    pub(crate) fn new() -> Self {
        Self { registry: Arc::new(Registry::atomic()), described: Arc::default(), asked: Arc::default() }
    }

    /// Notes that the metric is being looked at.
    fn ask(&self, metric: &Metric, kind: Kind, labels: &[(&str, &str)]) {
        assert_eq!(metric.kind, kind, "{}", metric.name);
        let known = |label: &str| label == "client" || metric.labels.contains(&label);
        assert!(
            labels.iter().all(|(label, _)| known(label)),
            "{} has no such labels: {labels:?}",
            metric.name
        );
        self.asked.lock().unwrap().insert(metric.name);
    }

    /// The sum over all series with these labels.
    pub(crate) fn counter(&self, metric: &Metric, labels: &[(&str, &str)]) -> u64 {
        self.ask(metric, Kind::Counter, labels);
        let handles = self.registry.get_counter_handles();
        handles.iter().filter(|(key, _)| is(key, metric, labels)).map(|(_, counter)| read(counter)).sum()
    }

    /// The value of the only series with these labels; `None` if there is none.
    pub(crate) fn gauge(&self, metric: &Metric, labels: &[(&str, &str)]) -> Option<f64> {
        self.ask(metric, Kind::Gauge, labels);
        let handles = self.registry.get_gauge_handles();
        let mut values =
            handles.iter().filter(|(key, _)| is(key, metric, labels)).map(|(_, gauge)| read(gauge));
        let value = values.next().map(f64::from_bits);
        assert!(values.next().is_none(), "several series of {} with {labels:?}", metric.name);
        value
    }

    /// All values of all series with these labels.
    pub(crate) fn histogram(&self, metric: &Metric, labels: &[(&str, &str)]) -> Vec<f64> {
        self.ask(metric, Kind::Histogram, labels);
        let handles = self.registry.get_histogram_handles();
        handles
            .iter()
            .filter(|(key, _)| is(key, metric, labels))
            .flat_map(|(_, values)| values.data())
            .collect()
    }

    fn keys(&self) -> Vec<Key> {
        let (registry, mut keys) = (&self.registry, Vec::new());
        registry.visit_counters(|key, _| keys.push(key.clone()));
        registry.visit_gauges(|key, _| keys.push(key.clone()));
        registry.visit_histograms(|key, _| keys.push(key.clone()));
        keys
    }

    /// Every name and label, as an exporter would show it.
    pub(crate) fn shown(&self) -> String {
        format!("{:?} {:?}", self.keys(), self.described.lock().unwrap())
    }

    /// Nothing but what is documented was recorded; everything was described, and a test has looked at it.
    pub(crate) fn check_against_the_table(&self) {
        let keys = self.keys();
        for key in &keys {
            let metric = ALL.iter().find(|metric| metric.name == key.name());
            let metric = metric.unwrap_or_else(|| panic!("{key} is not in the table"));
            let labels: Vec<&str> = key.labels().map(metrics::Label::key).collect();
            assert_eq!(labels, [&["client"], metric.labels].concat(), "{key}");
        }
        let (described, asked) = (self.described.lock().unwrap(), self.asked.lock().unwrap());
        for metric in ALL {
            assert!(keys.iter().any(|key| key.name() == metric.name), "nothing recorded {}", metric.name);
            assert!(asked.contains(metric.name), "no test looks at {}", metric.name);
            let unit = Unit::from_string(metric.unit);
            assert!(unit.is_some(), "{}", metric.name);
            let expected = (metric.kind, unit, metric.meaning.to_owned());
            assert_eq!(described.get(metric.name), Some(&expected), "{}", metric.name);
        }
    }

    fn describe(&self, kind: Kind, key: &KeyName, unit: Option<Unit>, meaning: &SharedString) {
        let description = (kind, unit, meaning.to_string());
        self.described.lock().unwrap().insert(key.as_str().to_owned(), description);
    }
}

fn read(atomic: &Arc<AtomicU64>) -> u64 {
    atomic.load(Ordering::Acquire)
}

fn is(key: &Key, metric: &Metric, labels: &[(&str, &str)]) -> bool {
    let has =
        |(label, value): &(&str, &str)| key.labels().any(|one| one.key() == *label && one.value() == *value);
    key.name() == metric.name && labels.iter().all(has)
}

impl Recorder for Numbers {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe(Kind::Counter, &key, unit, &meaning);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe(Kind::Gauge, &key, unit, &meaning);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.describe(Kind::Histogram, &key, unit, &meaning);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.registry
            .get_or_create_counter(&key.to_retained(), |counter| Counter::from_arc(Arc::clone(counter)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.registry.get_or_create_gauge(&key.to_retained(), |gauge| Gauge::from_arc(Arc::clone(gauge)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.registry
            .get_or_create_histogram(&key.to_retained(), |values| Histogram::from_arc(Arc::clone(values)))
    }
}
