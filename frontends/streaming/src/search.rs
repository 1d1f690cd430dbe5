//! Looks for a time in a file that says what time it is wherever one looks: by guessing, and guessing
//! better. Every look may take a request of its own, so there are few. Never reads anything itself.

use std::time::Duration;

use testcard_core::time::MediaTime;

/// What comes first may be earlier than what is wanted by so much, in microseconds: reading on is
/// cheaper than looking again.
const EARLY_MICROS: i64 = 3_000_000;

/// Guesses aim so much before what is wanted, so that they are rarely behind it.
const AIM_MICROS: i64 = 1_000_000;

/// The most looks.
const LOOKS_MAX: u32 = 6;

/// A place in a file, and what time it is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    /// Offset in the file.
    pub offset: u64,
    /// When what is read from there on begins.
    pub time: MediaTime,
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    target: MediaTime,
    /// The latest place known to be at or before the target, and the first known to be behind it.
    before: Mark,
    behind: Mark,
    /// Whether the time of `behind` is more than an estimate.
    is_sure: bool,
    looks: u32,
}

impl Search {
    /// A search for `target` between two marks, the latter of which may be an estimate.
    pub fn new(target: MediaTime, before: Mark, behind: Mark) -> Self {
        Self { target, before, behind, is_sure: false, looks: 0 }
    }

    /// What is looked for.
    pub fn target(&self) -> MediaTime {
        self.target
    }

    /// Where to look next; `None`: [`Search::found`] is as good as it gets.
    pub fn guess(&self) -> Option<u64> {
        let missing = self.target.micros_since(self.before.time);
        let bytes = self.behind.offset.saturating_sub(self.before.offset);
        let micros = self.behind.time.micros_since(self.before.time).max(1);
        if missing <= EARLY_MICROS || bytes < 2 || self.looks == LOOKS_MAX {
            return None;
        }
        // At least a sixteenth further each time: an estimate may be far off.
        let part = u128::from(bytes) * (missing - AIM_MICROS).unsigned_abs() as u128;
        let ahead = u64::try_from(part / micros.unsigned_abs() as u128).unwrap_or(u64::MAX);
        Some(self.before.offset + ahead.clamp(bytes / 16, bytes - bytes / 16).max(1))
    }

    /// What came of a look at `guess`: what can be read from there on begins at this time. `None`:
    /// nothing can.
    pub fn looked(&mut self, guess: u64, time: Option<MediaTime>) {
        self.looks += 1;
        match time {
            Some(time) if time <= self.target => {
                if !self.is_sure {
                    self.extrapolate(guess, time);
                }
                self.before = Mark { offset: guess, time };
            }
            Some(time) => (self.behind, self.is_sure) = (Mark { offset: guess, time }, true),
            None => (self.behind.offset, self.is_sure) = (guess, false),
        }
    }

    /// Learns from a look how fast time passes over the bytes.
    fn extrapolate(&mut self, guess: u64, time: MediaTime) {
        let (bytes, micros) =
            (guess - self.before.offset, time.micros_since(self.before.time).max(1));
        let left = self.behind.offset.saturating_sub(guess);
        let ahead = u128::from(left) * micros.unsigned_abs() as u128 / u128::from(bytes.max(1));
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX / 2);
        let end = time.as_micros().saturating_add(ahead);
        self.behind.time = MediaTime::from_micros(end.max(self.target.as_micros() + 1));
    }

    /// The best place found to read from.
    pub fn found(&self) -> u64 {
        self.before.offset
    }
}

/// Bytes that so long a stretch takes at so many bytes a second.
pub fn bytes_in(stretch: Duration, bytes_per_second: u64) -> u64 {
    let bytes = stretch.as_millis().saturating_mul(u128::from(bytes_per_second)) / 1000;
    u64::try_from(bytes).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Seconds of a file whose bit rate changes in the middle.
    fn time_at(offset: u64) -> MediaTime {
        let millis = match offset {
            0..1_000_000 => offset / 20,
            _ => 50_000 + (offset - 1_000_000) / 5,
        };
        MediaTime::from_millis(millis as i64)
    }

    fn search(target: i64, estimate: i64) -> (u64, u32) {
        let start = Mark { offset: 0, time: MediaTime::ZERO };
        let end = Mark { offset: 2_000_000, time: MediaTime::from_millis(estimate) };
        let mut search = Search::new(MediaTime::from_millis(target), start, end);
        let mut looks = 0;
        while let Some(guess) = search.guess() {
            search.looked(guess, (guess < 1_990_000).then(|| time_at(guess)));
            looks += 1;
        }
        (search.found(), looks)
    }

    proptest! {
        #[test]
        fn a_search_ends_shortly_before_what_is_wanted_after_a_few_looks(
            target in 0_i64..245_000,
            estimate in 100_000_i64..400_000,
        ) {
            let (found, looks) = search(target, estimate);
            let early = target - time_at(found).as_micros() / 1000;
            prop_assert!(looks <= LOOKS_MAX);
            prop_assert!((0..40_000).contains(&early), "{early} ms early after {looks} looks");
        }
    }

    #[test]
    fn an_even_file_of_known_length_takes_one_look() {
        let start = Mark { offset: 0, time: MediaTime::ZERO };
        let end = Mark { offset: 16_000_000, time: MediaTime::from_millis(1_000_000) };
        let mut search = Search::new(MediaTime::from_millis(500_000), start, end);
        let guess = search.guess().expect("it is far from the start");
        search.looked(guess, Some(MediaTime::from_millis(guess as i64 / 16)));
        assert_eq!((search.guess(), search.found()), (None, guess));
        assert_eq!(guess, 16 * 499_000);
    }
}
