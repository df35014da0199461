//! What the tests of leaks and limits share.

pub(crate) mod counted_port;
pub(crate) mod gauges;
pub(crate) mod ledger;

/// How often, how long or how much: a number from the environment, for soaks.
///
/// # Panics
/// When it is no number.
pub(crate) fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |value| value.parse().expect(name))
}
