//! A plan as the bytes that go over a connection, one step after the other, each with its time: what
//! every transport that has real or simulated sockets carries out. It waits for nothing itself.

use std::io::Write;

use crate::response::{Cut, CutKind, Framing, Pace, Response};

/// The most bytes of body in a step: a record of TLS (RFC 8446 §5.1).
const STEP_BYTES_MAX: u64 = 16 * 1024;

/// Steps a second of a body that is slowed down: twenty look like a slow stream.
const STEPS_PER_SECOND: u64 = 20;

/// A plan being carried out.
#[derive(Debug)]
pub struct Delivery<'r> {
    response: &'r Response,
    /// Bytes of body sent.
    sent: u64,
    /// Where the body ends or breaks off.
    end: u64,
    cut: Option<CutKind>,
    stage: Stage,
    /// Of [`Pace::Times`]: the run that the next piece is of, how many of its pieces are sent, and
    /// the bytes of all pieces before.
    run: (usize, u32, u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Head,
    Body,
    /// The end of the body is sent.
    Over,
}

/// What to do next. Times are microseconds after the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Send what was written, of which so many bytes are body.
    Send {
        /// When.
        due_us: u64,
        /// Bytes of body.
        body: usize,
    },
    /// End the connection this way.
    Cut {
        /// When.
        due_us: u64,
        /// How.
        how: CutKind,
    },
    /// The response is complete. The connection goes on, unless its end is that of the body.
    Done {
        /// Whether it has to be closed.
        close: bool,
    },
}

impl<'r> Delivery<'r> {
    /// Starts to carry out a plan.
    pub fn new(response: &'r Response) -> Self {
        let len = response.body_len();
        let (end, cut, stage) = match response.cut {
            None => (len, None, Stage::Head),
            Some(Cut { after: None, how }) => (0, Some(how), Stage::Over),
            Some(Cut { after: Some(after), how }) if after <= len => {
                (after, Some(how), Stage::Head)
            }
            Some(_) => (len, None, Stage::Head),
        };
        Self { response, sent: 0, end, cut, stage, run: (0, 0, 0) }
    }

    /// Bytes of body sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes what is to be sent next to `out`, replacing what was there.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Step {
        out.clear();
        match self.stage {
            Stage::Head => {
                out.extend(self.response.head());
                self.stage = Stage::Body;
                Step::Send { due_us: self.response.delay_us, body: 0 }
            }
            Stage::Body if self.sent < self.end => {
                let (wanted, due_us) = self.piece();
                Step::Send { due_us, body: self.write_body(wanted, out) }
            }
            Stage::Body => {
                self.stage = Stage::Over;
                if self.cut.is_none() && self.response.framing == Framing::Chunked {
                    out.extend(b"0\r\n\r\n");
                    return Step::Send { due_us: self.end_us(), body: 0 };
                }
                self.next(out)
            }
            Stage::Over => match self.cut {
                Some(how) => Step::Cut { due_us: self.end_us(), how },
                None => Step::Done { close: self.response.framing == Framing::UntilClose },
            },
        }
    }

    /// How many bytes come next, at least one, and when.
    fn piece(&mut self) -> (u64, u64) {
        let left = self.end - self.sent;
        let head_us = self.response.delay_us;
        match &self.response.pace {
            Pace::Free => (left.min(STEP_BYTES_MAX), head_us),
            Pace::Rate(rate) => {
                let rate = (*rate).max(1);
                let piece = left.min((rate / STEPS_PER_SECOND).clamp(1, STEP_BYTES_MAX));
                let due = u128::from(self.sent + piece) * 1_000_000 / u128::from(rate);
                (piece, head_us.saturating_add(u64::try_from(due).unwrap_or(u64::MAX)))
            }
            Pace::Times { runs, end_us } => {
                let (n, done, before) = self.run;
                let Some(run) = runs.get(n) else { return (left.min(STEP_BYTES_MAX), *end_us) };
                let due = run.first_us.saturating_add(run.every_us.saturating_mul(done.into()));
                let piece_end = before.saturating_add(run.bytes.into());
                let piece = piece_end.saturating_sub(self.sent).min(left);
                if piece <= STEP_BYTES_MAX {
                    let (n, done) = if done + 1 < run.times { (n, done + 1) } else { (n + 1, 0) };
                    self.run = (n, done, piece_end);
                }
                (piece.min(STEP_BYTES_MAX), due)
            }
        }
    }

    fn write_body(&mut self, wanted: u64, out: &mut Vec<u8>) -> usize {
        // At most STEP_BYTES_MAX, so it fits.
        let wanted = wanted as usize;
        let is_chunk = self.response.framing == Framing::Chunked;
        if is_chunk {
            write!(out, "{wanted:x}\r\n").expect("a Vec takes everything");
        }
        let start = out.len();
        out.resize(start + wanted, 0);
        let read = self.response.read_body(self.sent, &mut out[start..]);
        debug_assert_eq!(read, wanted, "a body is as long as it says");
        if is_chunk {
            out.extend(b"\r\n");
        }
        self.sent += wanted as u64;
        wanted
    }

    /// When the body's end, or its cut, is due.
    fn end_us(&self) -> u64 {
        match self.response.pace {
            Pace::Times { end_us, .. } => end_us,
            Pace::Free | Pace::Rate(_) => self.response.delay_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::response::{Run, Segment};

    use super::*;

    fn response(body: &[u8], framing: Framing, pace: Pace, cut: Option<Cut>) -> Response {
        Response {
            status: 200,
            headers: Vec::new(),
            framing,
            body: vec![Segment::Bytes(body.to_vec())],
            delay_us: 1000,
            pace,
            cut,
        }
    }

    /// Everything that goes out, as (time, bytes), and how it ends.
    fn carry_out(response: &Response) -> (Vec<(u64, Vec<u8>)>, Step) {
        let (mut delivery, mut out, mut sent) = (Delivery::new(response), Vec::new(), Vec::new());
        loop {
            match delivery.next(&mut out) {
                Step::Send { due_us, .. } => sent.push((due_us, out.clone())),
                last => return (sent, last),
            }
        }
    }

    #[test]
    fn a_slowed_body_comes_in_twenty_steps_a_second() {
        let (sent, last) = carry_out(&response(&[7; 250], Framing::Length, Pace::Rate(2000), None));
        let body: Vec<_> = sent[1..].iter().map(|(due, bytes)| (*due, bytes.len())).collect();
        assert_eq!(body, [(51_000, 100), (101_000, 100), (126_000, 50)]);
        assert_eq!(last, Step::Done { close: false });
    }

    #[test]
    fn a_body_with_times_keeps_them_and_what_it_has_beyond_them_comes_last() {
        let run = Run { first_us: 2000, every_us: 500, times: 2, bytes: 10 };
        let large = Run { first_us: 9000, every_us: 0, times: 1, bytes: 20_000 };
        let pace = Pace::Times { runs: vec![run, large], end_us: 10_000 };
        let (sent, last) = carry_out(&response(&[7; 20_025], Framing::UntilClose, pace, None));
        let body: Vec<_> = sent[1..].iter().map(|(due, bytes)| (*due, bytes.len())).collect();
        assert_eq!(body, [(2000, 10), (2500, 10), (9000, 16_384), (9000, 3616), (10_000, 5)]);
        assert_eq!(last, Step::Done { close: true });
    }

    #[test]
    fn chunks_are_marked_and_their_end_has_a_time_of_its_own() {
        let run = Run { first_us: 2000, every_us: 0, times: 1, bytes: 3 };
        let pace = Pace::Times { runs: vec![run], end_us: 5000 };
        let (sent, last) = carry_out(&response(b"abc", Framing::Chunked, pace, None));
        assert_eq!(sent[1..], [(2000, b"3\r\nabc\r\n".to_vec()), (5000, b"0\r\n\r\n".to_vec())]);
        assert_eq!(last, Step::Done { close: false });
    }

    #[test]
    fn a_cut_comes_after_its_bytes_or_instead_of_the_head() {
        let cut = |after, how| Some(Cut { after, how });
        let plan = response(b"abc", Framing::Chunked, Pace::Free, cut(Some(2), CutKind::Reset));
        let (sent, last) = carry_out(&plan);
        assert_eq!(sent[1..], [(1000, b"2\r\nab\r\n".to_vec())]);
        assert_eq!(last, Step::Cut { due_us: 1000, how: CutKind::Reset });
        let plan = response(b"abc", Framing::Length, Pace::Free, cut(None, CutKind::Stall));
        let (sent, last) = carry_out(&plan);
        assert_eq!((sent.len(), last), (0, Step::Cut { due_us: 1000, how: CutKind::Stall }));
    }
}
