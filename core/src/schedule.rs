//! What is on: `(line-up, seed, wall time) → programme and position`, the same on every device. A
//! pure function of those three. It keeps no history, reads no clock, and never asks whether a
//! programme can be played: one that cannot keeps its slot, so that nobody else's evening moves.
//!
//! # The algorithm, version 1
//!
//! All of it, so that another implementation can agree to the millisecond. Integers only; division
//! rounds towards minus infinity, so that times before 1970 work like those after.
//!
//! Each channel is computed by itself, from its `id`, its programmes' durations in the order of the
//! line-up, the seed, and the time `t` in milliseconds since 1970-01-01T00:00:00Z.
//!
//! 1. **Rounds.** A round plays each of the channel's `n` programmes once. It lasts `L` ms, the sum
//!    of their durations. Round `r = floor(t / L)` starts at `r · L` and ends where round `r + 1`
//!    starts.
//! 2. **Key.** `SHA-256("testcard schedule 1" ‖ 0x00 ‖ seed ‖ id)`: the label in ASCII, a zero
//!    byte, the seed as 8 bytes little-endian, the channel's id in UTF-8.
//! 3. **Words.** Round `r` draws from the ChaCha20 key stream of that key, with a 64-bit block
//!    counter that starts at 0 and the 64-bit nonce `r` (two's complement), read as 32-bit
//!    little-endian words. In the terms of RFC 8439 §2.4: counter 0, nonce `00000000` followed by
//!    `r` as 8 bytes little-endian.
//! 4. **Draw below `m`.** Take the next word `w`. If `w ≥ 2³² − (2³² mod m)`, take another;
//!    otherwise the draw is `w mod m`. (Rejection keeps every outcome equally likely.)
//! 5. **Shuffle** (Fisher–Yates). Start with `order = [0, 1, …, n−1]`. For `i = n−1, n−2, …, 1`:
//!    draw `j` below `i + 1` and swap `order[i]` with `order[j]`.
//! 6. **Seams.** With `n ≥ 3`, when round `r` would begin with the programme that ends round
//!    `r − 1`, swap the first two of round `r`. The swap never touches the last, so a round needs
//!    only its predecessor's shuffle and no chain leads back to the epoch. With `n = 2` every round
//!    plays in the order of the line-up, which alternates; with `n = 1` the programme repeats. In
//!    neither case is anything drawn.
//! 7. **Slots.** The programmes of a round follow each other without a gap, in that order, each for
//!    exactly its duration. On air at `t` is the one whose slot has `start ≤ t < end`.
//!
//! ChaCha20 and not a faster sibling with 8 or 12 rounds: it is the one that every language has in
//! its library, and for a channel of a dozen programmes a query needs two blocks of it, whatever
//! the year.
//!
//! A channel with a seed of its own uses that in place of the set's, here and below.
//!
//! # The algorithm, version 2
//!
//! For channels with a grid (`start_on`), parts of the day, or both. All others stay with version 1
//! for ever. A channel's clock is UTC plus its `utc_offset`; from here on `t` and every other time
//! is by that clock, in milliseconds since it showed 1970-01-01T00:00:00, and a day is 86,400,000
//! of them. `draw` and `shuffle` are steps 4 and 5 above.
//!
//! 1. **Slots.** The slot of a programme is its duration rounded up to a multiple of the grid, or
//!    its duration where there is no grid. The programme starts with the slot; what is left of the
//!    slot is a gap.
//! 2. **Keys.** `SHA-256(label ‖ seed ‖ id)` as above, and words as above, with one of these
//!    labels: `"testcard schedule 2"`, `"testcard schedule 2 window"`, `"testcard schedule 2 gap"`,
//!    each followed by a zero byte. For a part of the day the first key is `SHA-256(label ‖ seed ‖
//!    id ‖ 0x00 ‖ name of the part in UTF-8)`.
//! 3. **Without parts of the day** the channel plays rounds: steps 1 and 3 to 7 of version 1, with
//!    the first key, slots in the place of durations, and `t` by the channel's clock.
//! 4. **Windows.** The parts of the day, and what they leave of the day between them, are windows:
//!    `k` of them, in the order of their starts from midnight on. Window `w` of day `d` (which is
//!    the day that it starts in; it may end in the next) has the number `v = d · k + w` and lasts
//!    `W(w)`. It plays programmes of its part alone, or those without a part when it is between
//!    parts; let there be `n` of them, in the order of the line-up.
//! 5. **Turn by turn.** Let `m(w) = floor(W(w) / longest slot of those n)`: so many fit, whichever
//!    they are. Rounds of those `n` programmes follow each other without an end, shuffled with the
//!    first key of the part as in steps 3 to 6 of version 1. The windows of the part take from them
//!    in turn, each its `m(w)`: window `w` of day `d` takes those numbered from `d · M + S` to
//!    `d · M + S + m(w) − 1`, where `M` is the sum of `m` over the windows of the part, `S` the sum
//!    over those of them before `w`, and number `q` is the one at place `q mod n` of round
//!    `floor(q / n)`. So every programme comes round, whatever else happens.
//! 6. **The rest of the window.** Words are drawn with the second key and the nonce `v`. Repeat:
//!    list those of the `n` programmes whose slots are no longer than what is left of the window;
//!    the first time without those that step 5 put into it. Shuffle the list. If it has at least
//!    two and begins with the programme placed last in this window, swap its first two. Go through
//!    it: place each whose slot is no longer than what is left. End when a list is empty, save the
//!    first.
//! 7. **Place.** The slots of a window follow each other from its start. What is left of it after
//!    the last belongs to that one's gap; if there is none, the window is a gap.
//! 8. **Gaps.** A gap that starts at `g` is filled thus: shuffle all fillers with the third key and
//!    the nonce `g` (nothing is drawn if there are fewer than two), and go through them: play each
//!    whose duration is no longer than what is left. What is left then is the ident.
//!
//! No step looks at another window or round than those named, so any moment costs the same; and no
//! programme ever runs over the end of its part or the start of the next, nor a filler.
//!
//! A channel's clock has no summer time: what is on is the same for everyone, a day has 24 hours,
//! and no table of time zones that changes from year to year has a part in it.
//!
//! # Vectors
//!
//! `core/tests/schedule/golden.tsv` holds vectors of version 1 and `golden-2.tsv` of version 2, and
//! `check_golden.py` beside them is these sections once more in Python.

mod now;
mod rounds;
mod timetable;
mod windows;
mod words;

use alloc::vec::Vec;
use core::iter;

pub use self::now::{ChannelNow, Now, Showing};
use self::timetable::{Slot, Timetable, Turn};

use crate::line_up::{Channel, LineUp, Programme};
use crate::time::{MediaTime, UnixMillis};

/// The seed of the schedule that everyone shares unless they ask for another: 1936-11-02, the day
/// on which the BBC began regular television.
pub const DEFAULT_SEED: u64 = 19_361_102;

/// Who plays what when, on every channel of a line-up, from the beginning of time to its end.
#[derive(Clone, Debug)]
pub struct Schedule {
    line_up: LineUp,
    seed: u64,
    /// One for each channel of the line-up, in its order; `None` for a channel that
    /// [`LineUp::parse`] would have refused.
    timetables: Vec<Option<Timetable>>,
}

/// One programme's turn on a channel.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Airing {
    /// Which of the channel's programmes, as an index into [`Channel::programmes`], or into
    /// [`Channel::fillers`] as if they followed those: [`Airing::of`] knows. `None`: the channel's
    /// ident, a card until the next one starts.
    pub programme: Option<usize>,
    /// The first moment of its slot.
    pub starts: UnixMillis,
    /// The first moment after its slot, which is the first of the next.
    pub ends: UnixMillis,
}

impl Schedule {
    /// The schedule of this line-up under this seed, see [`DEFAULT_SEED`].
    pub fn new(line_up: LineUp, seed: u64) -> Self {
        let channels = line_up.channels.iter();
        let timetables = channels.map(|channel| Timetable::new(channel, seed)).collect();
        Self { line_up, seed, timetables }
    }

    /// The line-up that this is the schedule of.
    pub fn line_up(&self) -> &LineUp {
        &self.line_up
    }

    /// The seed that it was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What is on at that moment on that channel, an index into [`LineUp::channels`].
    ///
    /// `None` when there is no such channel, or when it was put together by hand in a way that
    /// [`LineUp::parse`] refuses: no programmes, durations out of bounds, or a day that does not
    /// add up.
    pub fn on_air(&self, channel: usize, at: UnixMillis) -> Option<Airing> {
        self.cursor(channel, at).map(|cursor| cursor.airing)
    }

    /// What is on at that moment on that channel, then all that follows. Empty where
    /// [`Schedule::on_air`] is `None`, endless otherwise, save that time itself ends at
    /// [`i64::MAX`].
    ///
    /// For what fills a guide from `from` to `to`, at any time past or future:
    /// `airings(channel, from).take_while(|airing| airing.starts < to)`.
    pub fn airings(
        &self,
        channel: usize,
        from: UnixMillis,
    ) -> impl Iterator<Item = Airing> + use<'_> {
        let mut cursor = self.cursor(channel, from);
        let first = cursor.as_ref().map(|cursor| cursor.airing);
        first.into_iter().chain(iter::from_fn(move || cursor.as_mut()?.forward()))
    }

    /// What was on before that which is on at that moment, latest first. Empty where
    /// [`Schedule::on_air`] is `None`, endless otherwise, save that time itself begins at
    /// [`i64::MIN`].
    pub fn airings_before(
        &self,
        channel: usize,
        at: UnixMillis,
    ) -> impl Iterator<Item = Airing> + use<'_> {
        let mut cursor = self.cursor(channel, at);
        iter::from_fn(move || cursor.as_mut()?.back())
    }

    fn cursor(&self, channel: usize, at: UnixMillis) -> Option<Cursor<'_>> {
        Cursor::new(self.timetables.get(channel)?.as_ref()?, at)
    }
}

impl Airing {
    /// How far into the programme that moment is: zero before it starts, its whole length once it
    /// has ended.
    pub fn position(&self, at: UnixMillis) -> MediaTime {
        MediaTime::from_millis(at.millis_since(self.starts).clamp(0, self.duration_ms()))
    }

    /// The programme or filler that this is an airing of, on that channel; `None`: none, it is the
    /// ident.
    pub fn of(self, channel: &Channel) -> Option<&Programme> {
        channel.everything().nth(self.programme?)
    }

    /// Whether this is one of the channel's fillers.
    pub fn is_filler(self, channel: &Channel) -> bool {
        self.programme.is_some_and(|index| index >= channel.programmes.len())
    }

    /// How long it lasts, in milliseconds.
    pub fn duration_ms(&self) -> i64 {
        self.ends.millis_since(self.starts).max(0)
    }
}

/// A place in a channel's endless sequence of airings.
struct Cursor<'a> {
    timetable: &'a Timetable,
    block: i64,
    /// Those of the block.
    slots: Vec<Slot>,
    /// Index into `slots`.
    slot: usize,
    /// Those of the slot.
    turns: Vec<Turn>,
    /// Index into `turns` of what is on air.
    turn: usize,
    airing: Airing,
}

impl<'a> Cursor<'a> {
    /// Always `Some`: the slots of a block add up to its length and the turns of a slot to its, so
    /// one of each holds the moment.
    fn new(timetable: &'a Timetable, at: UnixMillis) -> Option<Self> {
        let (block, mut offset_ms) = timetable.find(at);
        let slots = timetable.slots(block);
        let slot = slots.iter().position(|slot| is_within(&mut offset_ms, slot.length_ms))?;
        let turns = timetable.turns(*slots.get(slot)?, at.plus_millis(-offset_ms));
        let turn = turns.iter().position(|turn| is_within(&mut offset_ms, turn.length_ms))?;
        let Turn { programme, length_ms } = *turns.get(turn)?;
        let starts = at.plus_millis(-offset_ms);
        let ends = at.plus_millis(length_ms - offset_ms);
        let airing = Airing { programme, starts, ends };
        Some(Self { timetable, block, slots, slot, turns, turn, airing })
    }

    /// Moves on to what comes next, unless time ends first.
    fn forward(&mut self) -> Option<Airing> {
        let starts = self.airing.ends;
        if starts.0 == i64::MAX {
            return None;
        }
        self.turn += 1;
        if self.turn == self.turns.len() {
            self.slot += 1;
            if self.slot == self.slots.len() {
                self.block += 1;
                self.slots = self.timetable.slots(self.block);
                self.slot = 0;
            }
            self.turns = self.timetable.turns(*self.slots.get(self.slot)?, starts);
            self.turn = 0;
        }
        let Turn { programme, length_ms } = *self.turns.get(self.turn)?;
        self.airing = Airing { programme, starts, ends: starts.plus_millis(length_ms) };
        Some(self.airing)
    }

    /// Moves back to what came before, unless time begins first.
    fn back(&mut self) -> Option<Airing> {
        let ends = self.airing.starts;
        if ends.0 == i64::MIN {
            return None;
        }
        if self.turn == 0 {
            if self.slot == 0 {
                self.block -= 1;
                self.slots = self.timetable.slots(self.block);
                self.slot = self.slots.len();
            }
            self.slot = self.slot.checked_sub(1)?;
            let slot = *self.slots.get(self.slot)?;
            self.turns = self.timetable.turns(slot, ends.plus_millis(-slot.length_ms));
            self.turn = self.turns.len();
        }
        self.turn = self.turn.checked_sub(1)?;
        let Turn { programme, length_ms } = *self.turns.get(self.turn)?;
        self.airing = Airing { programme, starts: ends.plus_millis(-length_ms), ends };
        Some(self.airing)
    }
}

/// Whether the offset lies within the next so many milliseconds; they are taken off it if not.
fn is_within(offset_ms: &mut i64, length_ms: i64) -> bool {
    let is_within = *offset_ms < length_ms;
    if !is_within {
        *offset_ms -= length_ms;
    }
    is_within
}
