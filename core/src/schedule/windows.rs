//! The windows of a day that has parts: which programmes each window of each day plays, without
//! asking any other window. See version 2 of the algorithm, steps 4 to 7.

use alloc::vec;
use alloc::vec::Vec;

use super::rounds::Rounds;
use super::timetable::Slot;
use super::words::{Key, Label};
use crate::line_up::{Channel, DAY_MIN};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// In the order of their starts. Never empty; their lengths add up to a day.
    windows: Vec<Window>,
    groups: Vec<Group>,
    rest: Key,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    /// After midnight.
    starts_ms: i64,
    length_ms: i64,
    /// Index into [`Windows::groups`].
    group: usize,
    /// How many programmes it takes from the rounds of its group.
    takes: usize,
    /// How many the windows of its group before it take.
    taken_before: usize,
}

/// The programmes of a part, or those of the time between parts.
#[derive(Clone, Debug)]
struct Group {
    /// [`Channel::day_parts`]' index.
    part: Option<usize>,
    /// In the order of the line-up. Never empty.
    programmes: Vec<usize>,
    rounds: Rounds,
    /// How many all of its windows take in a day.
    takes_a_day: usize,
}

impl Windows {
    /// `None` for a day that does not add up. `slots_ms` has one for each programme.
    pub(super) fn new(channel: &Channel, seed: u64, slots_ms: &[i64]) -> Option<Self> {
        let slot_ms = |programme: usize| slots_ms.get(programme).copied().unwrap_or_default();
        let mut windows = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        for window in channel.windows().ok()? {
            let group = match groups.iter().position(|group| group.part == window.part) {
                Some(group) => group,
                None => {
                    let part = window.part.and_then(|part| channel.day_parts.get(part));
                    let name = part.map(|part| part.name.as_str());
                    let programmes: Vec<usize> = channel.programmes_of(window.part).collect();
                    let key = Key::new(Label::Rounds2, seed, &channel.id, name);
                    let rounds = Rounds::new(key, programmes.len())?;
                    groups.push(Group { part: window.part, programmes, rounds, takes_a_day: 0 });
                    groups.len() - 1
                }
            };
            let its = groups.get_mut(group)?;
            let longest_ms = its.programmes.iter().map(|&programme| slot_ms(programme)).max()?;
            let length_ms = i64::from(window.length_min) * 60_000;
            let takes = usize::try_from(length_ms.checked_div(longest_ms)?).ok()?;
            windows.push(Window {
                starts_ms: i64::from(window.from_min) * 60_000,
                length_ms,
                group,
                takes,
                taken_before: its.takes_a_day,
            });
            its.takes_a_day += takes;
        }
        let are_times = channel.day_parts.iter().all(|part| part.from_min < DAY_MIN);
        let adds_up = windows.iter().map(|window| window.length_ms).sum::<i64>() == DAY_MS;
        // Each programme has a window that it fits, so the longest of each group has one.
        let all_fit = groups.iter().all(|group| group.takes_a_day > 0);
        let are_on = groups.iter().map(|group| group.programmes.len()).sum::<usize>();
        let sound = are_times && adds_up && all_fit && are_on == channel.programmes.len();
        let rest = Key::new(Label::Window2, seed, &channel.id, None);
        sound.then_some(Self { windows, groups, rest })
    }

    /// The window that a moment of the channel's clock is in, and how far into it.
    pub(super) fn find(&self, at: i128) -> (i64, i64) {
        let day = at.div_euclid(i128::from(DAY_MS)) as i64;
        let time_ms = at.rem_euclid(i128::from(DAY_MS)) as i64;
        let count = self.windows.len() as i64;
        let started = self.windows.iter().rposition(|window| window.starts_ms <= time_ms);
        // Before the first one starts, the last one of the day before goes on.
        let (number, since_ms) = match started {
            Some(window) => (day * count + window as i64, time_ms),
            None => (day * count - 1, time_ms + DAY_MS),
        };
        let starts_ms = self.window(number).map_or(0, |(window, _)| window.starts_ms);
        (number, since_ms - starts_ms)
    }

    /// The window of that number, and its day.
    fn window(&self, number: i64) -> Option<(Window, i64)> {
        let count = self.windows.len() as i64;
        let window = usize::try_from(number.rem_euclid(count)).ok()?;
        Some((*self.windows.get(window)?, number.div_euclid(count)))
    }

    /// The slots of the window of that number. Their lengths add up to the window's.
    pub(super) fn slots(&self, number: i64, slots_ms: &[i64]) -> Vec<Slot> {
        let Some((window, day)) = self.window(number) else { return Vec::new() };
        let Some(group) = self.groups.get(window.group) else { return Vec::new() };
        let places = self.places(number, window, day, group, slots_ms);
        let mut left_ms = window.length_ms;
        let mut slots: Vec<Slot> = Vec::new();
        for place in places {
            let programme = group.programmes.get(place).copied();
            let length_ms = slot_ms(group, place, slots_ms);
            slots.push(Slot { programme, length_ms });
            left_ms -= length_ms;
        }
        match slots.last_mut() {
            Some(last) => last.length_ms += left_ms,
            None => slots.push(Slot { programme: None, length_ms: left_ms }),
        }
        slots
    }

    /// What the window plays, first to last, as indices into the group's programmes.
    fn places(
        &self,
        number: i64,
        window: Window,
        day: i64,
        group: &Group,
        slots_ms: &[i64],
    ) -> Vec<usize> {
        let first = i128::from(day) * group.takes_a_day as i128 + window.taken_before as i128;
        let mut places = group.rounds.from(first, window.takes);
        let sum: i64 = places.iter().map(|&place| slot_ms(group, place, slots_ms)).sum();
        let mut left_ms = window.length_ms - sum;

        let mut words = self.rest.words(number);
        // What does not fit once will never fit again, so this list only gets shorter, and the loop
        // below places something each time but the first.
        let mut candidates: Vec<usize> = (0..group.programmes.len()).collect();
        let mut had_turn = vec![false; group.programmes.len()];
        for &place in &places {
            if let Some(had_turn) = had_turn.get_mut(place) {
                *had_turn = true;
            }
        }
        let mut is_first = true;
        loop {
            candidates.retain(|&place| slot_ms(group, place, slots_ms) <= left_ms);
            let mut list = candidates.clone();
            if is_first {
                list.retain(|&place| had_turn.get(place) == Some(&false));
            } else if list.is_empty() {
                return places;
            }
            is_first = false;
            words.shuffle(&mut list);
            if list.len() >= 2 && list.first() == places.last() {
                list.swap(0, 1);
            }
            for place in list {
                let length_ms = slot_ms(group, place, slots_ms);
                if length_ms <= left_ms {
                    places.push(place);
                    left_ms -= length_ms;
                }
            }
        }
    }
}

fn slot_ms(group: &Group, place: usize, slots_ms: &[i64]) -> i64 {
    let programme = group.programmes.get(place);
    // Every place has a programme and every programme a slot; a wrong one would never fit.
    programme.and_then(|programme| slots_ms.get(*programme)).copied().unwrap_or(2 * DAY_MS)
}
