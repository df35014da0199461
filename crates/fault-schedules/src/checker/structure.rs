//! Whether the records make sense that are no calls: faults, and what watchers believe at the end.

use std::collections::HashMap;

use super::{Rule, verdict::Found};
use crate::history::{Event, Record};

pub(super) fn check(records: &[Record], found: &mut Found) {
    let mut begun: HashMap<u32, usize> = HashMap::new();
    let mut ended: HashMap<u32, usize> = HashMap::new();
    let mut views: HashMap<&str, usize> = HashMap::new();
    let twice = |first: Option<usize>, index, what: String, found: &mut Found| {
        if let Some(first) = first {
            found.report(Rule::Malformed, [first, index], format!("{what} twice"));
        }
    };
    for (index, record) in records.iter().enumerate() {
        match &record.event {
            Event::FaultBegins { fault, .. } => {
                twice(begun.insert(*fault, index), index, format!("fault {fault} begins"), found);
            }
            Event::FaultEnds { fault, .. } => {
                twice(ended.insert(*fault, index), index, format!("fault {fault} ends"), found);
            }
            Event::FinalView { .. } => {
                let what = format!("{} tells what it believes at the end", record.process);
                twice(views.insert(&record.process, index), index, what, found);
            }
            _ => {}
        }
    }
    let mut alone: Vec<(u32, usize, &str)> = Vec::new();
    for (fault, index) in &begun {
        match ended.get(fault) {
            None => alone.push((*fault, *index, "begins and never ends")),
            Some(end) if records[*end].at < records[*index].at => {
                alone.push((*fault, *index, "ends before it begins"));
            }
            Some(_) => {}
        }
    }
    alone.extend(
        ended
            .iter()
            .filter(|(fault, _)| !begun.contains_key(fault))
            .map(|(fault, index)| (*fault, *index, "ends and never began")),
    );
    alone.sort_unstable();
    for (fault, index, why) in alone {
        found.report(Rule::Malformed, [index], format!("fault {fault} {why}"));
    }
}
