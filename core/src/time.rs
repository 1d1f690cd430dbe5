//! Points in time, as plain integers. Never reads a clock: a driver does, through [`Clock`], and
//! hands the result in as an argument.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Time as a driver sees it. Only drivers read it; everything else in this crate receives `now`.
pub trait Clock {
    /// Monotonic time since a point of the driver's choosing.
    fn now(&self) -> Instant;
    /// Civil time, which a person or NTP may set back and forth.
    fn wall(&self) -> UnixMillis;
}

/// Monotonic time in microseconds since the driver's own zero.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(u64);

impl Instant {
    /// The driver's zero.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens: 584,000 years.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The instant `micros` µs after the driver's zero.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the driver's zero.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    /// Saturates at [`Instant::FAR_FUTURE`].
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Instant {
    /// Seconds and microseconds: `12.345678`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Civil time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX). The unit
/// of the schedule.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Milliseconds from `earlier` to here; negative when `earlier` is in fact later. Saturates.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment moved by `millis`, later when positive. Saturates.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// A position on a film's presentation timeline in microseconds, edit list applied. Negative before
/// the first moment shown (priming samples, pictures that only others refer to).
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MediaTime(i64);

impl MediaTime {
    /// The first moment of the presentation.
    pub const ZERO: Self = Self(0);

    /// The position `micros` µs into the presentation.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The position `millis` ms into the presentation. Saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds into the presentation.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Signed microseconds from `earlier` to here. Saturates.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for MediaTime {
    type Output = Self;
    /// Saturates.
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(rhs.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for MediaTime {
    type Output = Self;
    /// Saturates.
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(rhs.as_micros()).unwrap_or(i64::MAX)))
    }
}
