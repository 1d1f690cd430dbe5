//! One channel's timetable: all that its schedule depends on. Time is laid out in blocks that
//! follow each other without a gap, numbered through all time; a block is a round, or a window of a
//! day. A block consists of slots, and a slot of turns: a programme, then what fills its gap.

use alloc::vec::Vec;

use super::rounds::Rounds;
use super::windows::Windows;
use super::words::{Key, Label};
use crate::line_up::{Channel, DAY_MIN, Programme};
use crate::time::UnixMillis;

/// All that a channel's schedule depends on.
#[derive(Clone, Debug)]
pub(super) struct Timetable {
    /// How far the channel's clock is ahead of UTC.
    clock_ms: i64,
    /// One for each programme, in the order of the line-up. Never empty, each above zero.
    durations_ms: Vec<i64>,
    /// One for each of the same, none shorter than the duration.
    slots_ms: Vec<i64>,
    fillers_ms: Vec<i64>,
    gaps: Key,
    blocks: Blocks,
}

#[derive(Clone, Debug)]
enum Blocks {
    /// All programmes, and how long a round of them is.
    Rounds(Rounds, i64),
    Windows(Windows),
}

/// A programme and the gap after it; or a gap alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) programme: Option<usize>,
    /// Never less than the programme's duration.
    pub(super) length_ms: i64,
}

/// A programme, a filler or the ident, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// As [`super::Airing::programme`] has it.
    pub(super) programme: Option<usize>,
    /// Never zero.
    pub(super) length_ms: i64,
}

impl Timetable {
    /// `None` for a channel that [`LineUp::parse`](crate::line_up::LineUp::parse) would have
    /// refused.
    pub(super) fn new(channel: &Channel, seed: u64) -> Option<Self> {
        let grid_is_sound =
            channel.start_on_min.is_none_or(|min| min > 0 && DAY_MIN.is_multiple_of(min));
        let counts_are_sound = (1..=Channel::PROGRAMMES_MAX).contains(&channel.programmes.len())
            && channel.fillers.len() <= Channel::FILLERS_MAX
            && channel.day_parts.len() <= Channel::DAY_PARTS_MAX;
        if !grid_is_sound || !counts_are_sound {
            return None;
        }
        let durations_ms = durations_of(&channel.programmes)?;
        let fillers_ms = durations_of(&channel.fillers)?;
        let slots = channel.programmes.iter().map(|programme| channel.slot_ms(programme));
        let slots_ms = slots.map(|ms| i64::try_from(ms).ok()).collect::<Option<Vec<i64>>>()?;

        let seed = channel.seed.unwrap_or(seed);
        let key = |label| Key::new(label, seed, &channel.id, None);
        let blocks = if channel.day_parts.is_empty() {
            let label =
                if channel.start_on_min.is_none() { Label::Rounds1 } else { Label::Rounds2 };
            // PROGRAMMES_MAX of the longest slot are 5.5 years of milliseconds: no overflow.
            Blocks::Rounds(Rounds::new(key(label), slots_ms.len())?, slots_ms.iter().sum())
        } else {
            Blocks::Windows(Windows::new(channel, seed, &slots_ms)?)
        };
        // Version 1 has no clock of its own, and nothing to say by it.
        let is_version_1 = channel.start_on_min.is_none() && channel.day_parts.is_empty();
        let clock_min = if is_version_1 { 0 } else { channel.utc_offset_min };
        Some(Self {
            clock_ms: i64::from(clock_min) * 60_000,
            durations_ms,
            slots_ms,
            fillers_ms,
            gaps: key(Label::Gap2),
            blocks,
        })
    }

    /// The block that a moment is in, and how far into it.
    pub(super) fn find(&self, at: UnixMillis) -> (i64, i64) {
        let at = self.by_clock(at);
        match &self.blocks {
            Blocks::Rounds(_, length_ms) => {
                let length_ms = i128::from(*length_ms);
                (at.div_euclid(length_ms) as i64, at.rem_euclid(length_ms) as i64)
            }
            Blocks::Windows(windows) => windows.find(at),
        }
    }

    /// The slots of a block. Their lengths add up to the block's.
    pub(super) fn slots(&self, block: i64) -> Vec<Slot> {
        match &self.blocks {
            Blocks::Rounds(rounds, _) => {
                let slot = |programme| Slot {
                    programme: Some(programme),
                    length_ms: self.slot_ms(programme),
                };
                rounds.order(block).into_iter().map(slot).collect()
            }
            Blocks::Windows(windows) => windows.slots(block, &self.slots_ms),
        }
    }

    /// The turns of a slot that starts at that moment. Their lengths add up to the slot's.
    pub(super) fn turns(&self, slot: Slot, starts: UnixMillis) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut left_ms = slot.length_ms;
        if let Some(programme) = slot.programme {
            let length_ms = self.durations_ms.get(programme).copied().unwrap_or_default();
            turns.push(Turn { programme: Some(programme), length_ms });
            left_ms -= length_ms;
        }
        if left_ms > 0 {
            let gap = self.by_clock(starts) + i128::from(slot.length_ms - left_ms);
            let mut fillers: Vec<usize> = (0..self.fillers_ms.len()).collect();
            self.gaps.words(gap as i64).shuffle(&mut fillers);
            for filler in fillers {
                let length_ms = self.fillers_ms.get(filler).copied().unwrap_or_default();
                if length_ms <= left_ms {
                    let programme = Some(self.durations_ms.len() + filler);
                    turns.push(Turn { programme, length_ms });
                    left_ms -= length_ms;
                }
            }
        }
        if left_ms > 0 {
            turns.push(Turn { programme: None, length_ms: left_ms });
        }
        turns
    }

    fn slot_ms(&self, programme: usize) -> i64 {
        self.slots_ms.get(programme).copied().unwrap_or_default()
    }

    /// The moment by the channel's clock. Wide enough for all of time.
    fn by_clock(&self, at: UnixMillis) -> i128 {
        i128::from(at.0) + i128::from(self.clock_ms)
    }
}

fn durations_of(programmes: &[Programme]) -> Option<Vec<i64>> {
    let sound = programmes.iter().map(|programme| {
        let duration_ms = programme.duration_ms;
        let is_sound = Programme::DURATIONS_MS.contains(&duration_ms);
        is_sound.then(|| i64::try_from(duration_ms).ok()).flatten()
    });
    sound.collect()
}
