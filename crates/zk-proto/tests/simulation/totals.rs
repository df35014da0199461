//! What was counted over many runs: a simulation in which nothing happens proves nothing.

use std::fmt;

use crate::faults::Fault;

macro_rules! totals {
    ($($(#[$meta:meta])* $name:ident,)+) => {
        #[derive(Debug, Default, Clone)]
        pub(crate) struct Totals {
            /// By kind.
            pub(crate) faults: [u64; Fault::ALL.len()],
            $($(#[$meta])* pub(crate) $name: u64,)+
        }

        impl Totals {
            pub(crate) fn add(&mut self, other: &Self) {
                for (sum, count) in self.faults.iter_mut().zip(other.faults) {
                    *sum += count;
                }
                $(self.$name += other.$name;)+
            }
        }

        /// One line of JSON.
        impl fmt::Display for Totals {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{")?;
                $(write!(f, "\"{}\":{},", stringify!($name), self.$name)?;)+
                f.write_str("\"faults\":{")?;
                for (n, (fault, count)) in Fault::ALL.iter().zip(self.faults).enumerate() {
                    write!(f, "{}\"{fault:?}\":{count}", if n == 0 { "" } else { "," })?;
                }
                f.write_str("}}")
            }
        }
    };
}

totals! {
    seeds,
    steps,
    /// Elections that gave a leader.
    elections,
    /// Sessions that the model's leader counted out.
    expiries,
    /// Leader keys that went with their session.
    keys_expired,
    /// Sessions that were granted, and expiries that were told.
    sessions,
    expired,
    zxid_ahead,
    lost,
    connects,
    /// Sessions that moved on suspicion, and spares that became the link.
    moves,
    spares_used,
    protocol_errors,
    /// Times that a client got the key, gave it away, and that somebody was seen to believe.
    leaderships,
    releases,
    beliefs,
    proofs,
    requests,
    /// Writes.
    acknowledged,
    unknown,
    overloads,
    notices,
    restorations,
    watches_checked,
}

impl Totals {
    /// Over many seeds enough has happened: per 1,000 seeds, about half of what is usual.
    pub(crate) fn assert_not_vacuous(&self) {
        if self.seeds < 1_000 {
            return;
        }
        let floors = [
            ("elections", self.elections, 1_200),
            ("expiries", self.expiries, 150),
            ("keys_expired", self.keys_expired, 400),
            ("expired", self.expired, 80),
            ("lost", self.lost, 200),
            ("connects", self.connects, 7_000),
            ("moves", self.moves, 400),
            ("protocol_errors", self.protocol_errors, 200),
            ("leaderships", self.leaderships, 600),
            ("beliefs", self.beliefs, 10_000),
            ("proofs", self.proofs, 12_000),
            ("acknowledged", self.acknowledged, 15_000),
            ("unknown", self.unknown, 8_000),
            ("overloads", self.overloads, 1_500),
            ("notices", self.notices, 25_000),
            ("restorations", self.restorations, 3_000),
            ("watches_checked", self.watches_checked, 5_000),
        ];
        let faults =
            Fault::ALL.iter().zip(self.faults).map(|(fault, count)| (format!("{fault:?}"), count, 400));
        let counts = floors.map(|(name, count, floor)| (name.to_owned(), count, floor));
        for (name, count, floor) in counts.into_iter().chain(faults) {
            let least = floor * self.seeds / 1_000;
            assert!(count >= least, "too little happened: {name} is {count}, not {least}: {self}");
        }
    }
}
