//! When to show a picture, given where the sound is. Never decodes and never waits.

use core::time::Duration;

use crate::time::{Instant, MediaTime};

/// A picture later than this is not worth its place on the screen: two refreshes at 60 Hz.
pub const LATE_MAX: Duration = Duration::from_millis(34);

/// What to do with the next picture in line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is early by so much.
    Hold(Duration),
    /// Its time has come.
    Show,
    /// Its time has passed, and another one is waiting.
    Drop,
}

/// Judges the next picture in line. The last one in line is never dropped: late is better than
/// nothing.
pub fn judge(picture: MediaTime, playhead: MediaTime, another_waits: bool) -> Verdict {
    let late = playhead.micros_since(picture);
    match u64::try_from(late) {
        Err(_) => Verdict::Hold(Duration::from_micros(late.unsigned_abs())),
        Ok(late) if another_waits && Duration::from_micros(late) > LATE_MAX => Verdict::Drop,
        Ok(_) => Verdict::Show,
    }
}

/// The position on the film's timeline that is heard and seen right now.
///
/// While there is sound, the sound card leads: so many frames played since the start, so much time
/// has passed, whatever other clocks say. Without sound the monotonic clock leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Playhead {
    /// Where the timeline stood at the latest start, pause or change of the leading clock.
    anchor: MediaTime,
    /// What the monotonic clock said then; `None` while paused.
    since: Option<Instant>,
}

impl Playhead {
    /// Standing at `position`.
    pub fn paused_at(position: MediaTime) -> Self {
        Self { anchor: position, since: None }
    }

    /// Whether time passes.
    pub fn is_running(&self) -> bool {
        self.since.is_some()
    }

    /// Lets time pass from `now` on.
    pub fn run(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Stops at `position`.
    pub fn pause(&mut self, position: MediaTime) {
        *self = Self::paused_at(position);
    }

    /// Where playing is. `heard` is the timeline position of the sound that leaves the speaker now,
    /// absent when there is no sound (any more).
    pub fn position(&self, now: Instant, heard: Option<MediaTime>) -> MediaTime {
        match (self.since, heard) {
            (None, _) => self.anchor,
            (Some(_), Some(heard)) => heard,
            (Some(since), None) => self.anchor + now.since(since),
        }
    }

    /// Follows the sound, so that the monotonic clock goes on from there when the sound ends.
    pub fn follow(&mut self, now: Instant, heard: MediaTime) {
        if self.since.is_some() {
            *self = Self { anchor: heard, since: Some(now) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: i64) -> MediaTime {
        MediaTime::from_millis(millis)
    }

    #[test]
    fn an_early_picture_is_held_until_its_time_and_shown_then() {
        assert_eq!(judge(ms(1040), ms(1000), true), Verdict::Hold(Duration::from_millis(40)));
        assert_eq!(judge(ms(1040), ms(1040), true), Verdict::Show);
    }

    #[test]
    fn a_late_picture_is_dropped_only_when_another_waits() {
        assert_eq!(judge(ms(1000), ms(1034), true), Verdict::Show);
        assert_eq!(judge(ms(1000), ms(1035), true), Verdict::Drop);
        assert_eq!(judge(ms(1000), ms(9000), false), Verdict::Show);
    }

    #[test]
    fn the_sound_leads_and_the_clock_takes_over_where_it_ends() {
        let mut playhead = Playhead::paused_at(ms(500));
        let at = |secs: u64| Instant::from_micros(secs * 1_000_000);
        assert_eq!(playhead.position(at(1), Some(ms(700))), ms(500), "paused");
        playhead.run(at(1));
        assert_eq!(playhead.position(at(2), Some(ms(1400))), ms(1400), "the sound card is slow");
        playhead.follow(at(2), ms(1400));
        assert_eq!(playhead.position(at(3), None), ms(2400), "no sound any more");
    }
}
