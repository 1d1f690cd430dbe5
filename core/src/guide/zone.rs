//! Local time: what to add to UTC and from when on, and how times and days are written. Knows no
//! rules of any country; a driver asks its system for the changes around now.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::status::Hours;
use crate::time::UnixMillis;

/// Minutes to add to UTC for local time, and when that changes. Whoever writes a time asks for that
/// very moment, so that a page with a change to or from daylight saving time on it is right on both
/// sides.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Zone {
    first: i32,
    /// In the order of time.
    changes: Vec<(UnixMillis, i32)>,
}

impl Zone {
    /// A zone without changes.
    pub const fn fixed(minutes: i32) -> Self {
        Self { first: minutes, changes: Vec::new() }
    }

    /// A zone that is `first` minutes ahead of UTC, and from each of those moments on as many as
    /// are beside it.
    pub fn new(first: i32, mut changes: Vec<(UnixMillis, i32)>) -> Self {
        changes.sort_by_key(|(from, _)| *from);
        Self { first, changes }
    }

    /// What to add to UTC at that moment, in minutes.
    pub fn offset_minutes(&self, at: UnixMillis) -> i32 {
        let before = self.changes.partition_point(|(from, _)| *from <= at);
        let last = before.checked_sub(1).and_then(|last| self.changes.get(last));
        last.map_or(self.first, |(_, minutes)| *minutes)
    }

    /// Minutes since 1970-01-01T00:00 of the calendar and clock on the wall.
    fn minutes(&self, at: UnixMillis) -> i64 {
        at.0.div_euclid(60_000).saturating_add(self.offset_minutes(at).into())
    }

    /// Days since 1970-01-01 of the calendar on the wall.
    pub(super) fn day(&self, at: UnixMillis) -> i64 {
        self.minutes(at).div_euclid(24 * 60)
    }

    /// Minutes since midnight by the clock on the wall.
    pub(super) fn minute_of_day(&self, at: UnixMillis) -> i64 {
        self.minutes(at).rem_euclid(24 * 60)
    }

    /// Time of day, "20:42" or "8:42 PM", whose space does not break.
    pub(super) fn clock(&self, at: UnixMillis, hours: Hours) -> String {
        let of_day = self.minute_of_day(at);
        let (hour, minute) = (of_day / 60, of_day % 60);
        match hours {
            Hours::TwentyFour => format!("{hour:02}:{minute:02}"),
            Hours::Twelve => {
                let half = if hour < 12 { "AM" } else { "PM" };
                format!("{}:{minute:02}\u{a0}{half}", (hour + 11) % 12 + 1)
            }
        }
    }

    /// The day that a moment is on, seen from another: "Today", "Tomorrow", "Mon 23 Nov".
    pub(super) fn day_name(&self, at: UnixMillis, now: UnixMillis) -> String {
        const WEEK: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const YEAR: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let day = self.day(at);
        match day - self.day(now) {
            -1 => return "Yesterday".to_string(),
            0 => return "Today".to_string(),
            1 => return "Tomorrow".to_string(),
            _ => {}
        }
        // 1970-01-01 was a Thursday.
        let weekday = WEEK.get(day.rem_euclid(7) as usize).copied().unwrap_or_default();
        let (month, day) = month_and_day(day);
        format!("{weekday} {day} {}", YEAR.get(month).copied().unwrap_or_default())
    }
}

/// The month, 0 to 11, and its day, 1 to 31, of a day counted from 1970-01-01 in the Gregorian
/// calendar. Counts years from March on, so that the day that comes and goes is a year's last
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn month_and_day(days: i64) -> (usize, i64) {
    let of_era = days.saturating_add(719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    (((from_march + 2) % 12) as usize, day)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn days_have_the_names_that_a_calendar_gives_them() {
        let utc = Zone::fixed(0);
        // 2026-11-20 was a Friday, the 20,777th day.
        let name = |days: i64| {
            let now = UnixMillis(20_777 * DAY_MS + 1000);
            utc.day_name(now.plus_millis(days * DAY_MS), now)
        };
        let names = [-2, -1, 0, 1, 2, 3].map(name);
        assert_eq!(
            names,
            ["Wed 18 Nov", "Yesterday", "Today", "Tomorrow", "Sun 22 Nov", "Mon 23 Nov"]
        );
        assert_eq!([41, 42, 101].map(name), ["Thu 31 Dec", "Fri 1 Jan", "Mon 1 Mar"]);
        // 2028 has a 29 February.
        assert_eq!([465, 466, 467].map(name), ["Mon 28 Feb", "Tue 29 Feb", "Wed 1 Mar"]);
    }

    #[test]
    fn a_zone_is_what_its_last_change_made_it() {
        let zone = Zone::new(60, vec![(UnixMillis(2000), 60), (UnixMillis(1000), 120)]);
        let offsets = [i64::MIN, 999, 1000, 1999, 2000, i64::MAX]
            .map(|at| zone.offset_minutes(UnixMillis(at)));
        assert_eq!(offsets, [60, 60, 120, 120, 60, 60]);
    }
}
