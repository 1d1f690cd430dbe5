//! Which position of a film to start at: a fixed one, or wherever the schedule will be by the time
//! that the picture appears. Never knows what the schedule is, only that it moves on with time.

use core::time::Duration;

use crate::time::{Instant, MediaTime};

/// The longest tuning that is planned for. Over a slower network the viewer comes in late rather
/// than waiting for a moment that moves away.
pub const LEAD_MAX: Duration = Duration::from_secs(15);

/// Where a programme is to be joined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Aim {
    /// At this position, whenever it is reached.
    At(MediaTime),
    /// In step with a schedule that shows `position` at `when`.
    Live {
        /// A moment.
        when: Instant,
        /// What is on then.
        position: MediaTime,
    },
}

impl Aim {
    /// The position to start at if that can be done `lead` from now.
    pub fn target(self, now: Instant, lead: Duration) -> MediaTime {
        match self {
            Self::At(position) => position,
            Self::Live { when, position } => position + (now + lead.min(LEAD_MAX)).since(when),
        }
    }

    /// When `position` is due.
    pub fn due(self, position: MediaTime, now: Instant) -> Instant {
        match self {
            Self::At(_) => now,
            Self::Live { when, position: then } => {
                let ahead = u64::try_from(position.micros_since(then)).unwrap_or(0);
                when + Duration::from_micros(ahead)
            }
        }
    }

    /// How far `position` is behind the schedule.
    pub fn behind(self, position: MediaTime, now: Instant) -> Duration {
        match self {
            Self::At(_) => Duration::ZERO,
            Self::Live { .. } => {
                let late = self.target(now, Duration::ZERO).micros_since(position);
                Duration::from_micros(u64::try_from(late).unwrap_or(0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_aim_moves_with_the_schedule_and_a_fixed_one_does_not() {
        let when = Instant::from_micros(5_000_000);
        let live = Aim::Live { when, position: MediaTime::from_millis(60_000) };
        let now = when + Duration::from_secs(2);
        let lead = Duration::from_secs(3);
        assert_eq!(live.target(now, lead), MediaTime::from_millis(65_000));
        assert_eq!(live.due(MediaTime::from_millis(65_000), now), when + Duration::from_secs(5));
        assert_eq!(live.behind(MediaTime::from_millis(61_000), now), Duration::from_secs(1));
        let fixed = Aim::At(MediaTime::ZERO);
        assert_eq!(fixed.target(now, lead), MediaTime::ZERO);
        assert_eq!(fixed.behind(MediaTime::ZERO, now), Duration::ZERO);
    }

    #[test]
    fn a_schedule_is_not_chased_for_longer_than_the_longest_tuning() {
        let live = Aim::Live { when: Instant::ZERO, position: MediaTime::ZERO };
        assert_eq!(
            live.target(Instant::ZERO, Duration::from_secs(600)),
            MediaTime::ZERO + LEAD_MAX
        );
    }
}
