//! The console's clocks: microseconds since it was switched on, and the date that a person set.

use core::time::Duration;

use psp::sys;
use testcard_core::time::{Clock, Instant, UnixMillis};

/// Milliseconds from the firmware's year 1 to 1970, of the Gregorian calendar: 719,162 days.
const YEAR_ONE_TO_1970_MS: u64 = 719_162 * 86_400 * 1000;

/// The console's clocks, and what to add to the date: somebody may want to see another evening.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConsoleClock {
    ahead_ms: i64,
}

impl ConsoleClock {
    /// The console's own time.
    pub const fn new() -> Self {
        Self { ahead_ms: 0 }
    }

    /// A clock that shows `wall` now and goes on from there.
    pub fn showing(wall: UnixMillis) -> Self {
        let now = Self::new().wall();
        Self { ahead_ms: wall.0.saturating_sub(now.0) }
    }
}

impl Clock for ConsoleClock {
    fn now(&self) -> Instant {
        // SAFETY: only reads a counter.
        let micros = unsafe { sys::sceKernelGetSystemTimeWide() };
        Instant::ZERO + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    fn wall(&self) -> UnixMillis {
        let mut tick = 0;
        // SAFETY: writes one number, in microseconds: the resolution is fixed.
        unsafe { sys::sceRtcGetCurrentTick(&mut tick) };
        unix_millis(tick).plus_millis(self.ahead_ms)
    }
}

/// The time that the firmware means by this many microseconds since its year 1. Before 1970: 1970.
pub fn unix_millis(tick: u64) -> UnixMillis {
    let since_1970 = (tick / 1000).saturating_sub(YEAR_ONE_TO_1970_MS);
    UnixMillis(i64::try_from(since_1970).unwrap_or(i64::MAX))
}

/// The firmware's way of saying a time: microseconds since its year 1.
pub fn tick(time: UnixMillis) -> u64 {
    let since_1970 = u64::try_from(time.0).unwrap_or(0);
    since_1970.saturating_add(YEAR_ONE_TO_1970_MS).saturating_mul(1000)
}
