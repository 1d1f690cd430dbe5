//! The day of a channel that has parts: from when to when each lasts, and what is left of the day
//! between them. Times of day are minutes after midnight on the channel's own clock, which is UTC
//! moved by [`Channel::utc_offset_min`]; it has no summer time, so that every day has 24 hours and
//! everyone's schedule is the same.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Channel, Programme};

/// Minutes of a day.
pub const DAY_MIN: u16 = 24 * 60;

/// A part of every day with programmes of its own: those whose [`Programme::part`] is its name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DayPart {
    /// What programmes call it.
    pub name: String,
    /// Its first minute, below [`DAY_MIN`].
    pub from_min: u16,
    /// The first minute after it, below [`DAY_MIN`]; before `from_min` when it goes on past
    /// midnight, and never the same.
    pub to_min: u16,
}

/// A stretch of the day that belongs to one part, or to none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Window {
    /// Its first minute. It may go on past midnight.
    pub(crate) from_min: u16,
    /// Never zero.
    pub(crate) length_min: u16,
    /// Index into [`Channel::day_parts`]; `None`: between parts.
    pub(crate) part: Option<usize>,
}

impl DayPart {
    pub(crate) fn length_min(&self) -> u16 {
        minutes_between(self.from_min, self.to_min)
    }
}

impl Channel {
    /// The day's windows by their first minute, from midnight on; none for a channel without parts.
    ///
    /// # Errors
    /// Two parts that overlap, as indices.
    pub(crate) fn windows(&self) -> Result<Vec<Window>, (usize, usize)> {
        let mut order: Vec<usize> = (0..self.day_parts.len()).collect();
        order.sort_by_key(|&part| self.day_parts.get(part).map(|part| part.from_min));
        let mut windows = Vec::new();
        for (&index, &next_index) in order.iter().zip(order.iter().cycle().skip(1)) {
            let (Some(part), Some(next)) =
                (self.day_parts.get(index), self.day_parts.get(next_index))
            else {
                continue;
            };
            let until_next = match minutes_between(part.from_min, next.from_min) {
                0 if index == next_index => DAY_MIN,
                minutes => minutes,
            };
            let length_min = part.length_min();
            let Some(between_min) = until_next.checked_sub(length_min) else {
                return Err((index.min(next_index), index.max(next_index)));
            };
            windows.push(Window { from_min: part.from_min, length_min, part: Some(index) });
            if between_min > 0 {
                let window = Window { from_min: part.to_min, length_min: between_min, part: None };
                windows.push(window);
            }
        }
        windows.sort_by_key(|window| window.from_min);
        Ok(windows)
    }

    /// The programmes of a part, or of the time between, as indices.
    pub(crate) fn programmes_of(&self, part: Option<usize>) -> impl Iterator<Item = usize> {
        let name = part.and_then(|part| self.day_parts.get(part)).map(|part| part.name.as_str());
        let is_of_it = move |programme: &Programme| programme.part.as_deref() == name;
        let programmes = self.programmes.iter().enumerate();
        programmes.filter_map(move |(index, programme)| is_of_it(programme).then_some(index))
    }

    /// Whether the part of the day that a programme belongs to, or the time between parts, is long
    /// enough for it and its way to the next start.
    pub fn has_room_for(&self, programme: &Programme) -> bool {
        self.room_min(programme.part.as_deref())
            .is_some_and(|room_min| self.slot_ms(programme) <= u64::from(room_min) * 60_000)
    }

    /// The minutes of a part of the day, or of the longest time between parts. `None`: there is no
    /// such part, or nothing between.
    pub(crate) fn room_min(&self, part: Option<&str>) -> Option<u16> {
        if self.day_parts.is_empty() {
            return part.is_none().then_some(DAY_MIN);
        }
        let name = |part: usize| self.day_parts.get(part).map(|part| part.name.as_str());
        let windows = self.windows().unwrap_or_default();
        let its = windows.iter().filter(|window| window.part.and_then(name) == part);
        its.map(|window| window.length_min).max()
    }

    /// How long the slot of a programme is, in milliseconds: its duration, rounded up to the grid.
    pub(crate) fn slot_ms(&self, programme: &Programme) -> u64 {
        match self.start_on_min {
            None | Some(0) => programme.duration_ms,
            Some(grid_min) => programme.duration_ms.next_multiple_of(u64::from(grid_min) * 60_000),
        }
    }
}

/// Minutes from one time of day to the next time that it is the other; zero when they are the same.
fn minutes_between(from_min: u16, to_min: u16) -> u16 {
    // Both are below a day wherever a person wrote them; a remainder keeps it so for others.
    (to_min % DAY_MIN + DAY_MIN - from_min % DAY_MIN) % DAY_MIN
}

/// A time of day, `20:00`, in minutes.
pub(super) fn time_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// `20:00` for minutes after midnight.
pub(super) fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// An offset from UTC, `+01:00` or `-03:30`, in minutes.
pub(super) fn utc_offset(text: &str) -> Option<i16> {
    let (sign, rest) = text.strip_prefix('+').map(|rest| (1, rest)).or_else(|| {
        // The minus of typographers is a minus too.
        text.strip_prefix(['-', '\u{2212}']).map(|rest| (-1, rest))
    })?;
    let minutes = sign * i16::try_from(time_of_day(rest)?).ok()?;
    Channel::UTC_OFFSETS_MIN.contains(&minutes).then_some(minutes)
}

/// A grid in a person's words, in minutes: `hour`, `half hour`, `quarter hour` or `20 minutes`.
pub(super) fn grid(text: &str) -> Option<u16> {
    let minutes = match text {
        "hour" => 60,
        "half hour" => 30,
        "quarter hour" => 15,
        _ => text.strip_suffix(" minutes")?.parse().ok().filter(|minutes| *minutes > 0)?,
    };
    DAY_MIN.is_multiple_of(minutes).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    fn channel(parts: &[(u16, u16)]) -> Channel {
        let part = |&(from, to): &(u16, u16)| DayPart {
            name: "part".to_owned(),
            from_min: from * 60,
            to_min: to * 60,
        };
        Channel { day_parts: parts.iter().map(part).collect(), ..Channel::default() }
    }

    /// First hour, hours and part of each window.
    type Hours = Vec<(u16, u16, Option<usize>)>;

    fn windows(parts: &[(u16, u16)]) -> Result<Hours, (usize, usize)> {
        let windows = channel(parts).windows()?;
        Ok(windows.iter().map(|w| (w.from_min / 60, w.length_min / 60, w.part)).collect())
    }

    #[test]
    fn windows_are_the_parts_and_what_is_left_between_them() {
        assert_eq!(windows(&[]), Ok([].into()));
        assert_eq!(windows(&[(20, 6)]), Ok([(6, 14, None), (20, 10, Some(0))].into()));
        assert_eq!(
            windows(&[(20, 23), (6, 9)]),
            Ok([(6, 3, Some(1)), (9, 11, None), (20, 3, Some(0)), (23, 7, None)].into())
        );
        assert_eq!(windows(&[(0, 12), (12, 0)]), Ok([(0, 12, Some(0)), (12, 12, Some(1))].into()));
    }

    #[test]
    fn parts_that_overlap_are_named() {
        assert_eq!(windows(&[(20, 6), (5, 9)]), Err((0, 1)));
        assert_eq!(windows(&[(1, 2), (8, 12), (9, 10)]), Err((1, 2)));
        assert_eq!(windows(&[(8, 12), (8, 10)]), Err((0, 1)));
        assert_eq!(windows(&[(8, 12), (8, 12)]), Err((0, 1)));
    }

    #[test]
    fn a_time_of_day_has_two_digits_twice() {
        for (text, minutes) in [("00:00", Some(0)), ("20:30", Some(1230)), ("23:59", Some(1439))] {
            assert_eq!(time_of_day(text), minutes, "{text:?}");
            assert_eq!(time_of_day(text).map(clock).as_deref(), Some(text));
        }
        for text in ["", ":", "24:00", "12:60", "8:00", "08:0", "0800", "+8:00", "08:00:00"] {
            assert_eq!(time_of_day(text), None, "{text:?}");
        }
    }

    #[test]
    fn offsets_reach_from_one_side_of_the_date_line_to_the_other() {
        for (text, minutes) in
            [("+00:00", 0), ("+05:45", 345), ("-03:30", -210), ("+14:00", 840), ("-12:00", -720)]
        {
            assert_eq!(utc_offset(text), Some(minutes), "{text:?}");
        }
        for text in ["", "1", "01:00", "+14:01", "-12:01", "+1:00", "UTC", "Europe/Berlin"] {
            assert_eq!(utc_offset(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_grid_fits_the_day() {
        for (text, minutes) in
            [("hour", 60), ("half hour", 30), ("quarter hour", 15), ("5 minutes", 5)]
        {
            assert_eq!(grid(text), Some(minutes), "{text:?}");
        }
        for text in ["", "7 minutes", "0 minutes", "-5 minutes", "2000 minutes", "30"] {
            assert_eq!(grid(text), None, "{text:?}");
        }
    }
}
