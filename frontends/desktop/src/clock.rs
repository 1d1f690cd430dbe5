//! The desktop's side of [`testcard_core::time::Clock`]: the system's clocks, and a pretended civil
//! time for whoever wants to see what is on at another moment. Never waits.

use std::time::{Instant as Monotonic, SystemTime, UNIX_EPOCH};

use testcard_core::time::{Clock, Instant, UnixMillis};

/// Time since the clock was made, and civil time.
#[derive(Clone, Debug)]
pub struct SystemClock {
    zero: Monotonic,
    pretended: Option<UnixMillis>,
}

impl SystemClock {
    /// A clock that tells the time. Civil time follows the system's, corrections included.
    pub fn new() -> Self {
        Self { zero: Monotonic::now(), pretended: None }
    }

    /// A clock whose civil time is `wall` now and goes on from there, at the monotonic clock's pace.
    pub fn pretending(wall: UnixMillis) -> Self {
        Self { zero: Monotonic::now(), pretended: Some(wall) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let micros = self.zero.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn wall(&self) -> UnixMillis {
        match self.pretended {
            Some(start) => {
                let millis = self.zero.elapsed().as_millis();
                start.plus_millis(i64::try_from(millis).unwrap_or(i64::MAX))
            }
            None => unix_millis(SystemTime::now()),
        }
    }
}

fn unix_millis(time: SystemTime) -> UnixMillis {
    UnixMillis(match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn monotonic_time_starts_at_zero_and_never_goes_back() {
        let clock = SystemClock::new();
        let first = clock.now();
        assert!(first < Instant::ZERO + Duration::from_secs(60));
        assert!(clock.now() >= first);
    }

    #[test]
    fn civil_time_is_the_systems() {
        let before = unix_millis(SystemTime::now());
        let wall = SystemClock::new().wall();
        assert!(before <= wall && wall <= unix_millis(SystemTime::now()));
    }

    #[test]
    fn pretended_civil_time_starts_where_it_is_told_and_goes_on() {
        // 2026-11-20T20:42:00Z
        let start = UnixMillis(1_795_207_320_000);
        let clock = SystemClock::pretending(start);
        let ahead = clock.wall().millis_since(start);
        let passed = clock.now().since(Instant::ZERO).as_millis() as i64;
        assert!((0..=passed).contains(&ahead), "{ahead} ms after {passed} ms");
    }

    #[test]
    fn civil_time_before_1970_is_negative() {
        assert_eq!(unix_millis(UNIX_EPOCH - Duration::from_millis(1500)), UnixMillis(-1500));
        assert_eq!(unix_millis(UNIX_EPOCH + Duration::from_millis(1500)), UnixMillis(1500));
    }
}
