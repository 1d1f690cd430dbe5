//! One exchange of a session: what was asked, what came back, piece by piece, and how it ended.

use alloc::vec::Vec;
use core::time::Duration;

use testcard_core::net::{ExchangeError, Head, Request};
use testcard_core::time::Instant;

use crate::body::Body;

/// One exchange. Secrets in addresses and heads are placeholders.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When it was opened.
    pub opened: Instant,
    /// What was asked.
    pub request: Request,
    /// The answer's head, and when it was there.
    pub head: Option<(Instant, Head)>,
    /// When the body came.
    pub arrivals: Vec<Arrival>,
    /// When the TV stopped looking for more, its window being full. What came next may have been
    /// there since then. In order; behind each there is an arrival, the end, or nothing.
    pub pauses: Vec<Instant>,
    /// How it ended.
    pub ending: Ending,
    /// What the body was: exactly the bytes that arrived.
    pub body: Body,
}

/// A run of equal pieces of a body at equal intervals; mostly a run of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// When the first piece was there.
    pub first: Instant,
    /// From one piece to the next. Of no meaning for a run of one.
    pub every: Duration,
    /// How many pieces; at least one.
    pub times: u32,
    /// Bytes of each; at least one.
    pub bytes: u32,
}

impl Arrival {
    /// When the last piece was there.
    pub fn last(&self) -> Instant {
        self.first + self.every.saturating_mul(self.times.saturating_sub(1))
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The peer said that the body is complete.
    Complete(Instant),
    /// It failed.
    Failed(Instant, ExchangeError),
    /// The TV hung up.
    Dropped(Instant),
    /// It was still open when the recording ended.
    Open,
}
