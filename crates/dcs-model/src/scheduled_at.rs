//! When a switchover is to happen.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};
use std::fmt;

/// The time of a scheduled switchover: Python's `datetime` as Patroni stores it.
///
/// Patroni reads it with `dateutil`, which takes nearly anything (`Nov 22 10am`). Here it is ISO 8601: a
/// date, `T` or a space, a time to the minute, second or any fraction of one (cut to microseconds), and `Z`,
/// `UTC` or an offset, all also in basic form (`20261122T100957Z`). That is what Patroni and `patronictl`
/// write.
///
/// A time without offset is kept, but has no [`timestamp`](Self::timestamp). Patroni drops such a switchover
/// when it comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledAt {
    local: DateTime,
    offset: Option<Offset>,
}

impl ScheduledAt {
    /// The given instant, to be written with an offset from UTC.
    pub fn new(at: Timestamp, offset: Offset) -> Self {
        let local = TimeZone::fixed(offset).to_datetime(at);
        let local =
            local.with().subsec_nanosecond(local.subsec_nanosecond() / 1000 * 1000).build().unwrap_or(local);
        Self { local, offset: Some(offset) }
    }

    /// Reads ISO 8601; none for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text.trim());
        let date = rest.date()?;
        if rest.0.is_empty() {
            return Some(Self { local: date.to_datetime(Time::midnight()), offset: None });
        }
        if !rest.eat('T') && !rest.eat(' ') {
            return None;
        }
        let time = rest.time()?;
        rest.eat(' ');
        let offset = rest.offset()?;
        Some(Self { local: date.to_datetime(time), offset })
    }

    /// The instant, if the time has an offset.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.offset.and_then(|offset| offset.to_timestamp(self.local).ok())
    }

    /// The date and time on the wall.
    pub fn civil(&self) -> DateTime {
        self.local
    }

    /// The offset from UTC, if there is one.
    pub fn offset(&self) -> Option<Offset> {
        self.offset
    }
}

impl From<Timestamp> for ScheduledAt {
    /// The given instant in UTC.
    fn from(at: Timestamp) -> Self {
        Self::new(at, Offset::UTC)
    }
}

impl fmt::Display for ScheduledAt {
    /// As Python's `datetime.isoformat()`: `2026-11-22T10:09:57.139400+00:00`, without fraction when it is
    /// zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.local.date(), self.local.time());
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())?;
        write!(f, "T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        if time.subsec_nanosecond() >= 1000 {
            write!(f, ".{:06}", time.subsec_nanosecond() / 1000)?;
        }
        if let Some(offset) = self.offset {
            let seconds = offset.seconds();
            let sign = if seconds < 0 { '-' } else { '+' };
            let seconds = seconds.unsigned_abs();
            write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
            if seconds % 60 != 0 {
                write!(f, ":{:02}", seconds % 60)?;
            }
        }
        Ok(())
    }
}

impl Serialize for ScheduledAt {
    /// As text, see [`ScheduledAt::parse`].
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// `YYYY-MM-DD` or `YYYYMMDD`
    fn date(&mut self) -> Option<Date> {
        let year = self.number(4)?;
        let extended = self.eat('-');
        let month = self.number(2)?;
        if extended && !self.eat('-') {
            return None;
        }
        let day = self.number(2)?;
        // Python's years begin with 1.
        if year == 0 {
            return None;
        }
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    }

    /// `HH:MM`, `HH:MM:SS`, `HH:MM:SS.fff`, or the same without colons
    fn time(&mut self) -> Option<Time> {
        let hour = self.number(2)?;
        let extended = self.eat(':');
        let minute = self.number(2)?;
        let more = if extended { self.eat(':') } else { self.0.starts_with(|c: char| c.is_ascii_digit()) };
        let second = if more { self.number(2)? } else { 0 };
        let nanosecond = if more && (self.eat('.') || self.eat(',')) { self.fraction()? } else { 0 };
        let [hour, minute, second] = [hour, minute, second].map(|part| i8::try_from(part).unwrap_or(-1));
        // jiff, like Python, knows no second 60 and no hour 24.
        Time::new(hour, minute, second, nanosecond).ok()
    }

    /// Digits after the point as nanoseconds, cut to microseconds.
    fn fraction(&mut self) -> Option<i32> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (fraction, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
        if digits == 0 { None } else { micros.parse::<i32>().ok().map(|micros| micros * 1000) }
    }

    /// Nothing, `Z`, `UTC`, `GMT`, `+HH`, `+HH:MM` or `+HHMM`, and then the end.
    fn offset(&mut self) -> Option<Option<Offset>> {
        if self.0.is_empty() {
            return Some(None);
        }
        if matches!(self.0, "Z" | "z" | "UTC" | "GMT") {
            return Some(Some(Offset::UTC));
        }
        let sign = if self.eat('-') { -1 } else { i32::from(self.eat('+')) };
        let hours = self.number(2)?;
        let minutes = if self.eat(':') || !self.0.is_empty() { self.number(2)? } else { 0 };
        if sign == 0 || !self.0.is_empty() || hours > 23 || minutes > 59 {
            return None;
        }
        Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok().map(Some)
    }

    /// Exactly `width` digits.
    fn number(&mut self, width: usize) -> Option<i16> {
        let (digits, rest) = self.0.split_at_checked(width)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        digits.parse().ok()
    }

    fn eat(&mut self, c: char) -> bool {
        match self.0.strip_prefix(c) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_iso_8601() {
        for (text, iso) in [
            ("2016-01-14T10:09:57.1394Z", "2016-01-14T10:09:57.139400+00:00"),
            ("2016-01-14 10:09 +0200", "2016-01-14T10:09:00+02:00"),
            ("20160114T100957,9999999-0130", "2016-01-14T10:09:57.999999-01:30"),
            ("2016-01-14T10:09:57", "2016-01-14T10:09:57"),
            ("2016-01-14", "2016-01-14T00:00:00"),
            ("2016-01-14T10:09:57+02", "2016-01-14T10:09:57+02:00"),
        ] {
            assert_eq!(ScheduledAt::parse(text).unwrap().to_string(), iso);
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "now",
            "10:00",
            "2016-1-14T10:00Z",
            "2016-13-14T10:00Z",
            "2016-02-30T10:00Z",
            "2016-01-14T24:00Z",
            "2016-01-14T10:00:60Z",
            "2016-01-14T10:00:00.Z",
            "2016-01-14T10:00+",
            "2016-01-14T10:00+2:00",
            "2016-01-14T10:00+24:00",
            "2016-01-14T10:00 CET",
            "0000-01-01T00:00Z",
            "2016-01-14T10:00é",
        ] {
            assert_eq!(ScheduledAt::parse(text), None, "{text}");
        }
    }

    #[test]
    fn instants() {
        let at: Timestamp = "2026-11-22T10:00:00.123456789Z".parse().unwrap();
        let scheduled = ScheduledAt::new(at, Offset::constant(2));
        assert_eq!(scheduled.to_string(), "2026-11-22T12:00:00.123456+02:00");
        assert_eq!(scheduled.timestamp().unwrap().as_microsecond(), at.as_microsecond());
        assert_eq!(ScheduledAt::parse(&scheduled.to_string()), Some(scheduled));
        assert_eq!(ScheduledAt::parse("2016-01-14T10:09").unwrap().timestamp(), None);
    }
}
