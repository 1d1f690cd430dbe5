//! Watching in real time or a multiple of it, over a network that says when it has news. Never knows
//! which network.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as RealInstant};

use testcard_core::net::Network;
use testcard_core::time::Instant;

use crate::viewer::Viewer;

/// Nobody sleeps longer than this, as a system's clock may not be able to say when that would be.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// Time that runs so many times faster than real, from the moment it was made on.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: RealInstant,
    speed: u32,
}

impl Clock {
    /// Starts at [`Instant::ZERO`], now.
    pub fn new(speed: u32) -> Self {
        Self { started: RealInstant::now(), speed: speed.max(1) }
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Instant::from_micros(micros.saturating_mul(self.speed.into()))
    }

    /// When it will be `at`.
    fn real(&self, at: Instant) -> RealInstant {
        RealInstant::now() + (at.since(self.now()) / self.speed).min(SLEEP_MAX)
    }
}

/// Wakes whoever waits for it. Its clones are the same bell.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<(Mutex<bool>, Condvar)>);

impl Bell {
    /// Wakes whoever waits now or next.
    pub fn ring(&self) {
        *self.lock() = true;
        self.0.1.notify_one();
    }

    /// Waits until then or until the bell rings, or has rung since the last time.
    fn wait_until(&self, when: RealInstant) {
        let mut rung = self.lock();
        while !*rung {
            let left = when.saturating_duration_since(RealInstant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.0.1.wait_timeout(rung, left);
            rung = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *rung = false;
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches until it is over or `look` says so, which is asked whenever something was done. Returns
/// when that was; the programme is left then.
pub fn watch<N: Network>(
    viewer: &mut Viewer<N>,
    net: &mut N,
    clock: Clock,
    bell: &Bell,
    mut look: impl FnMut(&Viewer<N>, Instant) -> ControlFlow<()>,
) -> Instant {
    loop {
        let now = clock.now();
        let wake = viewer.poll(net, now);
        if look(viewer, now).is_break() || viewer.is_over() {
            viewer.leave(net, now);
            return now;
        }
        bell.wait_until(clock.real(wake));
    }
}
