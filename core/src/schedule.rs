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
//! `core/tests/schedule/golden.tsv` holds vectors, and `check_golden.py` beside it is this section
//! once more in Python.

mod now;

use alloc::vec::Vec;
use core::iter;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

pub use self::now::{ChannelNow, Now, Showing};

use crate::line_up::{Channel, LineUp, Programme};
use crate::time::{MediaTime, UnixMillis};

/// The seed of the schedule that everyone shares unless they ask for another: 1936-11-02, the day
/// on which the BBC began regular television.
pub const DEFAULT_SEED: u64 = 19_361_102;

/// Names the algorithm in the key, so that a change of the algorithm is a change of every schedule
/// and never of half of one.
const LABEL: &[u8] = b"testcard schedule 1\0";

/// Who plays what when, on every channel of a line-up, from the beginning of time to its end.
#[derive(Clone, Debug)]
pub struct Schedule {
    line_up: LineUp,
    seed: u64,
    /// One for each channel of the line-up, in its order; `None` for a channel that
    /// [`LineUp::parse`] would have refused.
    rounds: Vec<Option<Rounds>>,
}

/// One programme's turn on a channel.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Airing {
    /// Which of the channel's programmes, as an index into [`Channel::programmes`]; `None`: the
    /// channel's ident, a card until the next one starts.
    pub programme: Option<usize>,
    /// The first moment of its slot.
    pub starts: UnixMillis,
    /// The first moment after its slot, which is the first of the next.
    pub ends: UnixMillis,
}

impl Schedule {
    /// The schedule of this line-up under this seed, see [`DEFAULT_SEED`].
    pub fn new(line_up: LineUp, seed: u64) -> Self {
        let rounds = line_up.channels.iter().map(|channel| Rounds::new(channel, seed)).collect();
        Self { line_up, seed, rounds }
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
    /// [`LineUp::parse`] refuses: no programmes, or durations out of bounds.
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
        Cursor::new(self.rounds.get(channel)?.as_ref()?, at)
    }
}

impl Airing {
    /// How far into the programme that moment is: zero before it starts, its whole length once it
    /// has ended.
    pub fn position(&self, at: UnixMillis) -> MediaTime {
        MediaTime::from_millis(at.millis_since(self.starts).clamp(0, self.duration_ms()))
    }

    /// The programme that this is an airing of, on that channel; `None`: none, it is the ident.
    pub fn of(self, channel: &Channel) -> Option<&Programme> {
        channel.programmes.get(self.programme?)
    }

    /// How long it lasts, in milliseconds.
    pub fn duration_ms(&self) -> i64 {
        self.ends.millis_since(self.starts).max(0)
    }
}

/// A channel's rounds: all that its schedule depends on.
#[derive(Clone, Debug)]
struct Rounds {
    key: [u8; 32],
    /// One for each programme, in the order of the line-up. Never empty, each above zero.
    durations_ms: Vec<i64>,
    /// The sum of `durations_ms`.
    length_ms: i64,
}

impl Rounds {
    /// `None` for a channel that [`LineUp::parse`] would have refused.
    fn new(channel: &Channel, seed: u64) -> Option<Self> {
        if !(1..=Channel::PROGRAMMES_MAX).contains(&channel.programmes.len()) {
            return None;
        }
        let durations_ms = channel
            .programmes
            .iter()
            .map(|programme| {
                let duration_ms = programme.duration_ms;
                Programme::DURATIONS_MS.contains(&duration_ms).then_some(duration_ms)
            })
            .map(|duration_ms| i64::try_from(duration_ms?).ok())
            .collect::<Option<Vec<i64>>>()?;
        let key = Sha256::new()
            .chain_update(LABEL)
            .chain_update(seed.to_le_bytes())
            .chain_update(&channel.id)
            .finalize()
            .into();
        // PROGRAMMES_MAX of the longest duration are 5.5 years of milliseconds: no overflow.
        Some(Self { key, length_ms: durations_ms.iter().sum(), durations_ms })
    }

    /// Which programmes the round plays, first to last.
    fn order(&self, round: i64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.durations_ms.len()).collect();
        if order.len() >= 3 {
            let mut words = Words::new(self.key, round);
            for i in (1..order.len()).rev() {
                // Never out of bounds: a draw below i + 1 is at most i.
                order.swap(i, words.below(i + 1));
            }
            if order.first() == Some(&self.last(round - 1)) {
                order.swap(0, 1);
            }
        }
        order
    }

    /// The programme that ends a round of three or more: the shuffle's first draw, since no later
    /// step of it touches the last place, and the seam does not either.
    fn last(&self, round: i64) -> usize {
        Words::new(self.key, round).below(self.durations_ms.len())
    }

    fn duration_ms(&self, programme: usize) -> i64 {
        self.durations_ms.get(programme).copied().unwrap_or_default()
    }
}

/// The key stream that one round draws from.
struct Words(ChaCha20Rng);

impl Words {
    fn new(key: [u8; 32], round: i64) -> Self {
        let mut rng = ChaCha20Rng::from_seed(key);
        rng.set_stream(round.cast_unsigned());
        Self(rng)
    }

    /// A number from 0 to `m - 1`, each equally likely. `m` is from 1 to
    /// [`Channel::PROGRAMMES_MAX`].
    ///
    /// Written out because the rand crates may map words to ranges differently from one version to
    /// the next, and a schedule is for ever.
    fn below(&mut self, m: usize) -> usize {
        const WORDS: u64 = 1 << 32;
        let m = m as u64;
        let fair = WORDS - WORDS % m;
        loop {
            let word = u64::from(self.0.next_u32());
            if word < fair {
                return (word % m) as usize;
            }
        }
    }
}

/// A place in a channel's endless sequence of airings.
struct Cursor<'a> {
    rounds: &'a Rounds,
    round: i64,
    order: Vec<usize>,
    /// Index into `order` of the programme on air.
    place: usize,
    airing: Airing,
}

impl<'a> Cursor<'a> {
    /// Always `Some`: the slots of a round add up to its length, so one of them holds the moment.
    fn new(rounds: &'a Rounds, at: UnixMillis) -> Option<Self> {
        let round = at.0.div_euclid(rounds.length_ms);
        let order = rounds.order(round);
        let mut offset_ms = at.0.rem_euclid(rounds.length_ms);
        let place = order.iter().position(|&programme| {
            let duration_ms = rounds.duration_ms(programme);
            let is_on_air = offset_ms < duration_ms;
            if !is_on_air {
                offset_ms -= duration_ms;
            }
            is_on_air
        })?;
        let programme = order.get(place).copied()?;
        let airing = Airing {
            programme: Some(programme),
            starts: at.plus_millis(-offset_ms),
            ends: at.plus_millis(rounds.duration_ms(programme) - offset_ms),
        };
        Some(Self { rounds, round, order, place, airing })
    }

    /// Moves on to what comes next, unless time ends first.
    fn forward(&mut self) -> Option<Airing> {
        let starts = self.airing.ends;
        if starts.0 == i64::MAX {
            return None;
        }
        self.place += 1;
        if self.place == self.order.len() {
            self.round += 1;
            self.order = self.rounds.order(self.round);
            self.place = 0;
        }
        let programme = self.order.get(self.place).copied()?;
        let ends = starts.plus_millis(self.rounds.duration_ms(programme));
        self.airing = Airing { programme: Some(programme), starts, ends };
        Some(self.airing)
    }

    /// Moves back to what came before, unless time begins first.
    fn back(&mut self) -> Option<Airing> {
        let ends = self.airing.starts;
        if ends.0 == i64::MIN {
            return None;
        }
        self.place = match self.place.checked_sub(1) {
            Some(place) => place,
            None => {
                self.round -= 1;
                self.order = self.rounds.order(self.round);
                self.order.len() - 1
            }
        };
        let programme = self.order.get(self.place).copied()?;
        let starts = ends.plus_millis(-self.rounds.duration_ms(programme));
        self.airing = Airing { programme: Some(programme), starts, ends };
        Some(self.airing)
    }
}
