//! What comes of one request in the replay heap, and when; whoever decides what that is, the heap
//! carries it out. Never knows what time it is: all times are counted from the request.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use testcard_core::net::{ExchangeError, Head};
use testcard_session::{Body, Ending, Exchange};

use super::course::Course;

/// The answer to a request.
pub struct Answer {
    /// The head, and how long after the request it comes; `None`: there is none.
    pub head: Option<(Duration, Head)>,
    /// When the body comes and ends.
    pub course: Course,
    /// What the body is made of.
    pub parts: Vec<Part>,
    /// Why the body is not complete where its course ends.
    pub failure: Option<ExchangeError>,
}

/// A part of a body: some bytes of a recorded one.
pub struct Part {
    /// The recorded one.
    pub body: Body,
    /// The first byte's offset in it.
    pub from: u64,
    /// How many bytes.
    pub len: u64,
}

impl Answer {
    /// What was recorded.
    pub fn recorded(exchange: &Exchange) -> Self {
        let head = exchange.head.as_ref();
        let body = exchange.body.clone();
        Self {
            head: head.map(|(at, head)| (at.since(exchange.opened), head.clone())),
            course: Course::new(exchange),
            parts: vec![Part { from: 0, len: body.len(), body }],
            failure: match exchange.ending {
                Ending::Failed(_, why) => Some(why),
                Ending::Complete(_) | Ending::Dropped(_) | Ending::Open => None,
            },
        }
    }

    /// Copies bytes of the body from `offset` on, as many as `buf` holds. What lies beyond it is
    /// nobody's film, and zero.
    pub fn read_at(&self, mut offset: u64, buf: &mut [u8]) {
        let mut done = 0;
        for Part { body, from, len } in &self.parts {
            if offset >= *len {
                offset -= len;
                continue;
            }
            let left = usize::try_from(len - offset).unwrap_or(usize::MAX);
            let count = left.min(buf.len() - done);
            let read = body.read_at(from + offset, &mut buf[done..done + count]);
            buf[done + read..done + count].fill(0);
            (offset, done) = (0, done + count);
        }
        buf[done..].fill(0);
    }
}
