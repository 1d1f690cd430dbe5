//! Ctrl-C, SIGTERM and a terminal that is closed: the wish that the program end, noted here and
//! carried out by whoever is at work, who knows what has still to be written. Never ends anything by
//! itself, but for a person who asks twice.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The exit code of a command that was stopped before it was done: what shells say of a program that
/// ended by SIGINT, 128 + 2.
pub const STOPPED: u8 = 130;

/// Whether the program is to end. Clones are one and the same.
#[derive(Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_wished: AtomicBool,
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl Stop {
    /// Takes the wish from the system, which would end the program at once. Once per program, and
    /// before a window is opened, which would take it too. A second wish is carried out at once: the
    /// first may have come to something that hangs.
    pub fn listen() -> Self {
        let stop = Self::default();
        let heard = stop.clone();
        let installed = ctrlc::set_handler(move || {
            if heard.is_wished() {
                process::exit(STOPPED.into());
            }
            heard.wish();
        });
        if let Err(error) = installed {
            log::warn!("Ctrl-C will end the program without ado: {error}");
        }
        stop
    }

    /// Whether the program is to end.
    pub fn is_wished(&self) -> bool {
        self.0.is_wished.load(Ordering::SeqCst)
    }

    /// Has `wake` called when the wish comes, on another thread, or here and now if it has come.
    pub fn wake_with(&self, wake: impl Fn() + Send + 'static) {
        let mut slot = self.0.wake.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_wished() {
            wake();
        }
        *slot = Some(Box::new(wake));
    }

    fn wish(&self) {
        // Under the lock, so that a waker is told by one of the two threads at least.
        let slot = self.0.wake.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.is_wished.store(true, Ordering::SeqCst);
        if let Some(wake) = &*slot {
            wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn whoever_waits_is_woken_before_the_wish_or_after_it() {
        let stop = Stop::default();
        let (wake, woken) = mpsc::channel();
        let early = wake.clone();
        stop.wake_with(move || early.send("early").expect("the test listens"));
        assert!(!stop.is_wished() && woken.try_recv().is_err());
        stop.wish();
        assert!(stop.is_wished());
        assert_eq!(woken.try_recv(), Ok("early"));
        stop.clone().wake_with(move || wake.send("late").expect("the test listens"));
        assert_eq!(woken.try_recv(), Ok("late"));
    }
}
