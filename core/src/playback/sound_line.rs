//! Lays decoded sound on the film's timeline: what to cut, where to put silence, so that frame n
//! after the start is heard exactly n frames after the start. Never touches the sound itself.

use crate::time::MediaTime;

/// Disagreement between a sample's time and the frames laid so far that is put down to rounding and
/// left alone, in ms: below what anyone notices, above what any time scale rounds away.
const SLACK_MILLIS: u64 = 15;

/// The longest silence put in at once, in seconds: a larger hole in a table is nonsense.
const SILENCE_MAX_SECONDS: u64 = 3600;

/// Where the next piece of decoded sound belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Placement {
    /// Frames of silence to play first.
    pub silence: u64,
    /// Frames to cut off the front of the piece; at least its length means: all of it.
    pub skip: u64,
}

/// A line of sound that starts at one position of the timeline.
#[derive(Clone, Copy, Debug)]
pub struct SoundLine {
    start: MediaTime,
    rate: u32,
    laid: u64,
}

impl SoundLine {
    /// A line that starts at `start`, of `rate` frames a second (at least 1).
    pub fn new(start: MediaTime, rate: u32) -> Self {
        Self { start, rate: rate.max(1), laid: 0 }
    }

    /// Frames laid so far, silence included.
    pub fn laid(&self) -> u64 {
        self.laid
    }

    /// The timeline position `frames` after the start.
    pub fn position(&self, frames: u64) -> MediaTime {
        let micros = u128::from(frames) * 1_000_000 / u128::from(self.rate);
        let micros = i64::try_from(micros).unwrap_or(i64::MAX);
        MediaTime::from_micros(self.start.as_micros().saturating_add(micros))
    }

    /// Where a piece of `frames` frames belongs whose first frame is due at `time`; counts it as
    /// laid.
    pub fn place(&mut self, time: MediaTime, frames: u64) -> Placement {
        let rate = u64::from(self.rate);
        let offset = time.micros_since(self.start);
        let due = (u128::from(offset.unsigned_abs()) * u128::from(rate) + 500_000) / 1_000_000;
        let due = u64::try_from(due).unwrap_or(u64::MAX);
        let slack = rate * SLACK_MILLIS / 1000;
        let placement = if offset < 0 {
            Placement { silence: 0, skip: due.saturating_add(self.laid) }
        } else if self.laid == 0 || due.abs_diff(self.laid) > slack {
            Placement {
                silence: due.saturating_sub(self.laid).min(SILENCE_MAX_SECONDS * rate),
                skip: self.laid.saturating_sub(due),
            }
        } else {
            Placement { silence: 0, skip: 0 }
        };
        self.laid += placement.silence + frames.saturating_sub(placement.skip);
        placement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Placement = Placement { silence: 0, skip: 0 };

    #[test]
    fn sound_from_before_the_start_is_cut_to_the_frame() {
        let mut line = SoundLine::new(MediaTime::from_millis(1000), 48_000);
        let piece = MediaTime::from_millis(990);
        assert_eq!(line.place(piece, 1024), Placement { silence: 0, skip: 480 });
        assert_eq!(line.laid(), 1024 - 480);
    }

    #[test]
    fn a_piece_wholly_before_the_start_is_cut_whole() {
        let mut line = SoundLine::new(MediaTime::from_millis(1000), 48_000);
        let placement = line.place(MediaTime::from_millis(500), 1024);
        assert!(placement.skip >= 1024);
        assert_eq!(line.laid(), 0);
    }

    #[test]
    fn sound_that_starts_late_waits_in_silence() {
        let mut line = SoundLine::new(MediaTime::ZERO, 44_100);
        let placement = line.place(MediaTime::from_millis(500), 1024);
        assert_eq!(placement, Placement { silence: 22_050, skip: 0 });
        assert_eq!(line.position(line.laid()), MediaTime::from_micros(523_219));
    }

    #[test]
    fn times_rounded_to_a_coarse_scale_leave_the_sound_whole() {
        // 1024 frames at 44.1 kHz, told in whole milliseconds, for an hour.
        let mut line = SoundLine::new(MediaTime::ZERO, 44_100);
        for n in 0..155_000_i64 {
            let time = MediaTime::from_millis(n * 1024 * 1000 / 44_100);
            assert_eq!(line.place(time, 1024), NOTHING, "piece {n}");
        }
    }

    #[test]
    fn a_hole_is_filled_and_an_overlap_is_cut() {
        let mut line = SoundLine::new(MediaTime::ZERO, 1000);
        assert_eq!(line.place(MediaTime::ZERO, 100), NOTHING);
        let hole = line.place(MediaTime::from_millis(150), 100);
        assert_eq!(hole, Placement { silence: 50, skip: 0 });
        let overlap = line.place(MediaTime::from_millis(200), 100);
        assert_eq!(overlap, Placement { silence: 0, skip: 50 });
        assert_eq!(line.laid(), 300);
    }
}
