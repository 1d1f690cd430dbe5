//! When what was recorded of an exchange comes again, counted from its request.
//!
//! A TV that watches again is never exactly where it was: a network has delays of its own, and a TV
//! that is a moment late has room for a moment more. So what it did not look for, because its window
//! was full, is there from then on and not only when it looked again; and where it hung up while it
//! was not looking, a little more is there than was recorded, as there was of the film itself. What
//! was not asked for is never there.

use alloc::vec::Vec;
use core::time::Duration;

use testcard_core::time::Instant;
use testcard_session::{Ending, Exchange};

/// The most bytes that are there behind those recorded. At ten times an ordinary film's bit rate,
/// what a TV plays while it is a quarter of a second late.
const BEYOND_BYTES: u64 = 256 * 1024;

/// Pieces of a body at equal intervals, as the virtual archive's plans have them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Run {
    /// When the first comes, microseconds after the request.
    pub first_us: u64,
    /// From one to the next.
    pub every_us: u64,
    /// How many.
    pub times: u32,
    /// Bytes of each.
    pub bytes: u32,
}

/// The course of an exchange. Times are microseconds after its request.
#[derive(Clone, Debug)]
pub struct Course {
    /// When its body comes.
    pub runs: Vec<Run>,
    /// When it ends, if it does so by itself.
    pub end_us: Option<u64>,
    /// Bytes of which nobody knows more than that there were some, behind the body.
    pub beyond: u64,
}

impl Course {
    /// As it was recorded.
    pub fn new(exchange: &Exchange) -> Self {
        let after = |at: Instant| micros(at.since(exchange.opened));
        let pause = |from: Instant, until: Instant| {
            exchange.pauses.iter().copied().find(|pause| from <= *pause && *pause < until)
        };
        let Some((head_at, head)) = &exchange.head else {
            return Self { runs: Vec::new(), end_us: after_end(exchange, None), beyond: 0 };
        };
        let (mut before, mut held) = (*head_at, None);
        let mut runs = Vec::new();
        for arrival in &exchange.arrivals {
            let (every_us, bytes) = (micros(arrival.every), arrival.bytes);
            let run = |first, times| Run { first_us: after(first), every_us, times, bytes };
            held = pause(before, arrival.first).filter(|_| arrival.times == 1);
            match pause(before, arrival.first) {
                Some(pause) => {
                    runs.push(run(pause, 1));
                    if arrival.times > 1 {
                        runs.push(run(arrival.first + arrival.every, arrival.times - 1));
                    }
                }
                None => runs.push(run(arrival.first, arrival.times)),
            }
            before = arrival.last();
        }
        // An end that was seen with bytes that had waited may have waited as they had.
        let is_with_bytes = |_: &Instant| ended(exchange) == Some(before);
        let pause = pause(before, Instant::FAR_FUTURE).or(held.filter(is_with_bytes));
        let is_cut_off = matches!(exchange.ending, Ending::Dropped(_) | Ending::Open);
        let mut beyond = 0;
        if let Some(pause) = pause.filter(|_| is_cut_off) {
            let length = head.content_length().unwrap_or(0);
            beyond = length.saturating_sub(exchange.body.len()).min(BEYOND_BYTES);
            // At most BEYOND_BYTES, so it fits.
            let bytes = beyond as u32;
            if bytes > 0 {
                runs.push(Run { first_us: after(pause), every_us: 0, times: 1, bytes });
            }
        }
        Self { runs, end_us: after_end(exchange, pause), beyond }
    }
}

/// When an exchange ended by itself.
fn ended(exchange: &Exchange) -> Option<Instant> {
    match exchange.ending {
        Ending::Complete(at) | Ending::Failed(at, _) => Some(at),
        Ending::Dropped(_) | Ending::Open => None,
    }
}

/// When it ends again: at the latest pause, if nobody looked since.
fn after_end(exchange: &Exchange, pause: Option<Instant>) -> Option<u64> {
    ended(exchange).map(|at| micros(pause.unwrap_or(at).since(exchange.opened)))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
