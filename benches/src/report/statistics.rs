//! Medians, and ratios of what was measured in the same rounds.

use super::{Better, Metric, Sample};

/// This workspace's client, as it comes. With other settings its name begins so.
pub const OURS: &str = "zk-session";

/// The same for what is measured of `dcs-zk`.
pub const DCS_ZK: &str = "dcs-zk";

/// The same for what is measured of `zk-jute`.
pub const ZK_JUTE: &str = "zk-jute";

/// What stands for the best that anybody could do, in programs that measure it.
pub const LIMIT: &str = "limit";

/// Whether a contender is of this workspace, with whatever settings.
pub fn is_ours(contender: &str) -> bool {
    [OURS, DCS_ZK, ZK_JUTE].iter().any(|ours| contender.starts_with(ours))
}

/// Whether a contender is one that we compare with.
pub(super) fn is_peer(contender: &str) -> bool {
    !is_ours(contender) && contender != LIMIT
}

/// The middle value; the mean of the two in the middle of an even number. `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// The value below which `share` (0 to 1) of the sorted values lie. `None` of nothing.
pub fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "an index within the slice")]
    let index = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
    sorted.get(index.min(last)).copied()
}

/// What `samples` (of one workload on one server) say of one contender.
pub(super) fn median_of(samples: &[&Sample], contender: &str, metric: &Metric) -> Option<f64> {
    median(values(samples, contender, metric).map(|(_, value)| value))
}

/// The lowest and the highest value of a contender.
pub(super) fn range_of(samples: &[&Sample], contender: &str, metric: &Metric) -> Option<(f64, f64)> {
    let values = values(samples, contender, metric).map(|(_, value)| value);
    values.fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// The peer with the best median.
pub(super) fn best_peer<'a>(samples: &[&'a Sample], metric: &Metric) -> Option<&'a str> {
    let peers = samples.iter().map(|sample| sample.subject.contender.as_str()).filter(|name| is_peer(name));
    let known = peers.filter_map(|name| Some((name, median_of(samples, name, metric)?)));
    let best = match metric.better {
        Better::Higher => known.max_by(|a, b| a.1.total_cmp(&b.1)),
        Better::Lower => known.min_by(|a, b| a.1.total_cmp(&b.1)),
    };
    best.map(|(name, _)| name)
}

/// The median over the rounds of one contender's value divided by another's in the same round: what the machine did
/// meanwhile concerns both.
pub(super) fn ratio(samples: &[&Sample], contender: &str, to: &str, metric: &Metric) -> Option<f64> {
    let others: Vec<(usize, f64)> = values(samples, to, metric).collect();
    median(values(samples, contender, metric).filter_map(|(round, value)| {
        let (_, other) = others.iter().find(|(other, _)| *other == round)?;
        (*other > 0.0).then(|| value / other)
    }))
}

fn values<'a>(
    samples: &'a [&Sample],
    contender: &'a str,
    metric: &'a Metric,
) -> impl Iterator<Item = (usize, f64)> + 'a {
    let its = samples.iter().filter(move |sample| sample.subject.contender == contender);
    its.filter_map(|sample| Some((sample.round, *sample.values.get(metric.key)?)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::Subject, *};

    const SPEED: Metric = Metric { key: "speed", heading: "m/s", better: Better::Higher, compared: true };

    fn sample(contender: &str, round: usize, speed: f64) -> Sample {
        let subject = Subject { server: "s".into(), workload: "w".into(), contender: contender.to_owned() };
        Sample { subject, round, values: BTreeMap::from([("speed", speed)]) }
    }

    #[test]
    fn middles_and_shares() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
        let hundred: Vec<u32> = (0..=100).collect();
        assert_eq!((quantile(&hundred, 0.5), quantile(&hundred, 0.99)), (Some(50), Some(99)));
        assert_eq!(quantile::<u32>(&[], 0.5), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine was three times as slow in the second round, for everybody.
        let all = [
            sample(OURS, 1, 30.0),
            sample("a", 1, 15.0),
            sample("b", 1, 3.0),
            sample(OURS, 2, 10.0),
            sample("a", 2, 5.0),
            sample("b", 2, 1.0),
        ];
        let all: Vec<&Sample> = all.iter().collect();
        assert_eq!(best_peer(&all, &SPEED), Some("a"), "we are not a peer of our own");
        let (other, limit) = (sample("zk-session-patroni", 1, 99.0), sample(LIMIT, 1, 99.0));
        let more: Vec<&Sample> = all.iter().copied().chain([&other, &limit]).collect();
        assert_eq!(best_peer(&more, &SPEED), Some("a"), "nor with other settings; and nobody is the limit");
        assert_eq!(ratio(&all, OURS, "a", &SPEED), Some(2.0));
        assert_eq!(range_of(&all, "a", &SPEED), Some((5.0, 15.0)));
    }
}
