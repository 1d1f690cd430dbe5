//! When to ask again after a node failure, and when to stop asking. Never looks at what was asked
//! for: it counts failures since the last real progress.

use core::time::Duration;

use super::failure::NodeFailure;
use crate::canary::{Canary, planted};
use crate::net::{ExchangeError, Head};
use crate::time::Instant;

/// Tries without progress before a film is given up, when servers do answer. In the archive's bad
/// hours about half of all resolves fail independently (37–50 % measured), so eight in a row happen
/// to one film in 250.
pub const ANSWERED_TRIES_MAX: u32 = 8;

/// Tries when a certificate cannot be trusted: single nodes with an expired one were seen, three in a
/// row are no accident.
pub const CERTIFICATE_TRIES_MAX: u32 = 3;

/// Body bytes since the last failure that count as progress. A node that cuts every connection after
/// its first bytes is not making any.
pub const PROGRESS_BYTES: u64 = 64 * 1024;

/// The longest pause between two tries, and the longest that `Retry-After` is taken at its word: a
/// viewer who waits longer had better be told that the film cannot be had.
pub const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// A failure within this time of the one before is never answered at once, whatever progress was
/// made in between: a node that cuts every connection after its first 100 kB would have us ask the
/// archive several times a second.
const STORM_WITHIN: Duration = Duration::from_secs(2);

/// The pause then.
pub const STORM_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause that we choose ourselves.
pub const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// How long to keep trying when no server answers at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Patience {
    /// Until the network is back: a TV set on a wall.
    Endless,
    /// So many tries in a row: a command that somebody waits for.
    Tries(u32),
}

/// Failures since the last progress.
#[derive(Debug)]
pub struct Failures {
    patience: Patience,
    answered: u32,
    unreachable: u32,
    latest: Option<Instant>,
}

impl Failures {
    pub fn new(patience: Patience) -> Self {
        Self { patience, answered: 0, unreachable: 0, latest: None }
    }

    /// [`PROGRESS_BYTES`] of body, or a complete one, arrived.
    pub fn progress(&mut self) {
        (self.answered, self.unreachable) = (0, 0);
    }

    /// Counts a failure and says how long to pause before the next try; `None`: do not try again.
    /// `head` is the response that carried the failure, if there was one.
    pub fn next_pause(
        &mut self,
        why: NodeFailure,
        head: Option<&Head>,
        now: Instant,
    ) -> Option<Duration> {
        let nth = if why.is_unreachable() {
            self.unreachable = self.unreachable.saturating_add(1);
            if matches!(self.patience, Patience::Tries(max) if self.unreachable >= max) {
                return None;
            }
            self.unreachable
        } else {
            self.answered += 1;
            let tries_max = match why {
                NodeFailure::Exchange(ExchangeError::Certificate) => CERTIFICATE_TRIES_MAX,
                _ => ANSWERED_TRIES_MAX,
            };
            if self.answered >= tries_max {
                return None;
            }
            self.answered
        };
        let earlier = self.latest.replace(now);
        let is_storm = earlier.is_some_and(|earlier| now.since(earlier) < STORM_WITHIN);
        let asked = head.filter(|_| matches!(why, NodeFailure::Busy(_))).and_then(retry_after);
        let asked = asked.filter(|_| !planted(Canary::RetryAfterIgnored));
        let pause = asked.unwrap_or_else(|| backoff(nth));
        if planted(Canary::NoPause) {
            return Some(Duration::ZERO);
        }
        Some(if is_storm { pause.max(STORM_PAUSE) } else { pause })
    }
}

/// None, then 1, 2, 4 … seconds: another node is probably fine, so the first is immediate.
fn backoff(nth: u32) -> Duration {
    match nth {
        0 | 1 => Duration::ZERO,
        n => Duration::from_secs(1 << (n - 2).min(6)).min(BACKOFF_MAX),
    }
}

/// The pause that `Retry-After` asks for (RFC 9110 §10.2.3), as seconds or as a date to be held
/// against the response's own `Date`: between one second and [`PAUSE_MAX`].
fn retry_after(head: &Head) -> Option<Duration> {
    let value = head.header("retry-after")?;
    let seconds = match value.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let (until, now) = (seconds_of_date(value)?, seconds_of_date(head.header("date")?)?);
            until.saturating_sub(now)
        }
    };
    Some(Duration::from_secs(seconds).clamp(Duration::from_secs(1), PAUSE_MAX))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 §5.6.7) as seconds since 1970.
fn seconds_of_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.strip_suffix(" GMT")?.split(' ');
    let day: u64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month_name = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month_name)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970 by counting from March, so that the leap day is a year's last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const CUT: NodeFailure = NodeFailure::Exchange(ExchangeError::Disconnected);

    fn busy(headers: &[(&str, &str)]) -> Head {
        let headers = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        Head { status: 503, headers }
    }

    fn pause_for(headers: &[(&str, &str)]) -> Option<Duration> {
        let mut failures = Failures::new(Patience::Endless);
        failures.next_pause(NodeFailure::Busy(503), Some(&busy(headers)), Instant::ZERO)
    }

    #[test]
    fn the_first_failure_is_answered_at_once_and_later_ones_with_longer_pauses() {
        let mut failures = Failures::new(Patience::Endless);
        let pauses: vec::Vec<_> = (0..8)
            .map(|_| failures.next_pause(CUT, None, Instant::ZERO).map(|p| p.as_secs()))
            .collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 15, 15, 15].map(Some));
    }

    #[test]
    fn a_server_that_answers_wrongly_eight_times_is_given_up_and_not_before() {
        let mut failures = Failures::new(Patience::Endless);
        for _ in 1..ANSWERED_TRIES_MAX {
            assert!(failures.next_pause(NodeFailure::Status(500), None, Instant::ZERO).is_some());
        }
        assert_eq!(failures.next_pause(NodeFailure::Status(500), None, Instant::ZERO), None);
    }

    #[test]
    fn a_certificate_that_cannot_be_trusted_is_tried_three_times() {
        let mut failures = Failures::new(Patience::Endless);
        let why = NodeFailure::Exchange(ExchangeError::Certificate);
        let tries: vec::Vec<_> =
            (0..3).map(|_| failures.next_pause(why, None, Instant::ZERO).is_some()).collect();
        assert_eq!(tries, [true, true, false]);
    }

    #[test]
    fn a_set_waits_for_the_network_for_ever_and_a_command_does_not() {
        let mut set = Failures::new(Patience::Endless);
        assert!((0..10_000).all(|_| set.next_pause(CUT, None, Instant::ZERO).is_some()));
        let mut command = Failures::new(Patience::Tries(3));
        let tries: vec::Vec<_> =
            (0..3).map(|_| command.next_pause(CUT, None, Instant::ZERO).is_some()).collect();
        assert_eq!(tries, [true, true, false]);
    }

    #[test]
    fn progress_forgives_earlier_failures() {
        let mut failures = Failures::new(Patience::Tries(2));
        assert!(failures.next_pause(CUT, None, Instant::ZERO).is_some());
        failures.progress();
        assert!(failures.next_pause(CUT, None, Instant::ZERO).is_some());
        assert!(failures.next_pause(CUT, None, Instant::ZERO).is_none());
    }

    #[test]
    fn a_node_that_brings_a_little_and_fails_again_is_not_asked_more_than_once_a_second() {
        let mut failures = Failures::new(Patience::Endless);
        let mut pause_at = |millis: u64| {
            failures.progress();
            failures.next_pause(CUT, None, Instant::from_micros(millis * 1000))
        };
        assert_eq!(pause_at(10_000), Some(Duration::ZERO));
        assert_eq!(pause_at(10_200), Some(Duration::from_secs(1)));
        assert_eq!(pause_at(11_400), Some(Duration::from_secs(1)));
        assert_eq!(pause_at(13_400), Some(Duration::ZERO));
    }

    #[test]
    fn retry_after_is_honoured_in_seconds_and_as_a_date() {
        assert_eq!(pause_for(&[("Retry-After", "17")]), Some(Duration::from_secs(17)));
        let dates = [
            ("Date", "Wed, 28 Feb 2024 23:59:30 GMT"),
            ("Retry-After", "Thu, 29 Feb 2024 00:01:00 GMT"),
        ];
        assert_eq!(pause_for(&dates), Some(Duration::from_secs(90)));
    }

    #[test]
    fn retry_after_is_bounded_and_nonsense_is_ignored() {
        assert_eq!(pause_for(&[("Retry-After", "0")]), Some(Duration::from_secs(1)));
        assert_eq!(pause_for(&[("Retry-After", "99999999999")]), Some(PAUSE_MAX));
        for nonsense in ["", "soon", "-1", "Thu, 99 Feb 2024 00:01:00 GMT"] {
            assert_eq!(pause_for(&[("Retry-After", nonsense)]), Some(Duration::ZERO));
        }
    }

    #[test]
    fn a_date_is_seconds_since_1970() {
        assert_eq!(seconds_of_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds_of_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
    }
}
