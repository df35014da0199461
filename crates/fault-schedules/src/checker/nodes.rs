//! What is known of each node that the history writes: the calls about it, and the states that somebody saw.

use super::spans::Spans;
use crate::history::{FinalNode, Nanos};

/// A node that the history writes, by its path; through all its lives, if it was deleted and made anew.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    /// The creates that may have taken effect, by their position among the calls.
    pub(super) creates: Vec<usize>,
    /// The sets that may have.
    pub(super) sets: Vec<usize>,
    /// The deletes that may have.
    pub(super) deletes: Vec<usize>,
    /// Whether a fenced write may have made it. These create what is missing, and are tried again when an answer was lost.
    pub(super) fenced: bool,
    /// Whether a create of it is recorded, however it ended. If none is, the node was there before the run, at version 0.
    pub(super) made_here: bool,
    /// When it may have been removed: deletes, and ends of sessions.
    pub(super) removals: Spans,
    /// What was seen of it, by zxid.
    pub(super) states: Vec<State<'a>>,
    /// What it is at the end.
    pub(super) last: Option<&'a FinalNode>,
    /// Pairs of records that tell different things about one zxid.
    pub(super) contradictions: Vec<(usize, usize)>,
}

/// A state of a node that somebody saw: an answer to a write, a read, or the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct State<'a> {
    pub(super) zxid: i64,
    /// None where nothing told it.
    pub(super) version: Option<i32>,
    pub(super) value: &'a str,
    /// The first time that somebody knew of it, and the record.
    pub(super) seen: Nanos,
    pub(super) record: usize,
    /// The call that stores this value, whatever its path and ending.
    pub(super) writer: Option<usize>,
}

impl<'a> Node<'a> {
    /// To be called once, when everything is added.
    pub(super) fn ready(&mut self) {
        self.removals.ready();
        self.states.sort_by_key(|state| (state.zxid, state.seen));
        let mut distinct: Vec<State<'a>> = Vec::with_capacity(self.states.len());
        for state in self.states.drain(..) {
            match distinct.last_mut().filter(|last| last.zxid == state.zxid) {
                Some(last) => {
                    let other_version =
                        last.version.zip(state.version).is_some_and(|(one, another)| one != another);
                    if last.value != state.value || other_version {
                        self.contradictions.push((last.record, state.record));
                    }
                    last.version = last.version.or(state.version);
                }
                None => distinct.push(state),
            }
        }
        self.states = distinct;
    }

    /// The last state that somebody saw of those up to a zxid.
    pub(super) fn state_at(&self, zxid: i64) -> Option<&State<'a>> {
        let until = self.states.partition_point(|state| state.zxid <= zxid);
        until.checked_sub(1).map(|last| &self.states[last])
    }
}
