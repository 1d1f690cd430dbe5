//! When the pieces of one body came. Pieces that came together are one, and equal ones at equal
//! intervals a run: nothing is lost by that but what the granularity says.

use std::time::Duration;

use testcard_core::time::Instant;

use crate::exchange::Arrival;

/// The arrivals of one body.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    runs: Vec<Arrival>,
    /// What is still coming together.
    piece: Option<Piece>,
    /// The next piece belongs to no run before it.
    is_broken: bool,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    first: Instant,
    last: Instant,
    bytes: u32,
    /// It begins a run.
    is_first: bool,
}

impl Arrivals {
    /// How many runs there are.
    pub(super) fn len(&self) -> usize {
        self.runs.len() + usize::from(self.piece.is_some())
    }

    /// Notes a piece, not before the last one. What is within `granularity` of the first of several
    /// is one with it, at the time of the last.
    pub(super) fn note(&mut self, at: Instant, bytes: u32, granularity: Duration) {
        if let Some(piece) = &mut self.piece
            && at.since(piece.first) <= granularity
            && let Some(sum) = piece.bytes.checked_add(bytes)
        {
            (piece.last, piece.bytes) = (at, sum);
            return;
        }
        let is_first = std::mem::take(&mut self.is_broken);
        if let Some(piece) = self.piece.replace(Piece { first: at, last: at, bytes, is_first }) {
            append(&mut self.runs, piece);
        }
    }

    /// What comes next is not one with what came before.
    pub(super) fn break_off(&mut self) {
        if let Some(piece) = self.piece.take() {
            append(&mut self.runs, piece);
        }
        self.is_broken = true;
    }

    /// All of them.
    pub(super) fn runs(&self) -> Vec<Arrival> {
        let mut runs = self.runs.clone();
        if let Some(piece) = self.piece {
            append(&mut runs, piece);
        }
        runs
    }

    /// The same with a larger granularity.
    pub(super) fn coarsen(&mut self, granularity: Duration) {
        let mut coarse = Self::default();
        for run in self.runs() {
            let mut at = run.first;
            for _ in 0..run.times {
                coarse.note(at, run.bytes, granularity);
                at = at + run.every;
            }
        }
        *self = coarse;
    }
}

fn append(runs: &mut Vec<Arrival>, piece: Piece) {
    if let Some(run) = runs.last_mut()
        && !piece.is_first
        && run.bytes == piece.bytes
        && run.times < u32::MAX
    {
        let last = run.first + run.every * (run.times - 1);
        let every = piece.last.since(last);
        if !every.is_zero() && (run.times == 1 || run.every == every) {
            (run.every, run.times) = (every, run.times + 1);
            return;
        }
    }
    let every = Duration::ZERO;
    runs.push(Arrival { first: piece.last, every, times: 1, bytes: piece.bytes });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noted(pieces: &[(u64, u32)], granularity: Duration) -> Vec<Arrival> {
        let mut arrivals = Arrivals::default();
        for (at, bytes) in pieces {
            arrivals.note(Instant::from_micros(*at), *bytes, granularity);
        }
        assert!(arrivals.len() >= arrivals.runs().len());
        arrivals.runs()
    }

    fn unrolled(runs: &[Arrival]) -> Vec<(u64, u32)> {
        let pieces = |run: &Arrival| {
            let run = *run;
            (0..run.times).map(move |n| ((run.first + run.every * n).as_micros(), run.bytes))
        };
        runs.iter().flat_map(pieces).collect()
    }

    #[test]
    fn a_steady_flow_is_one_run() {
        let pieces: Vec<_> = (0..500).map(|n| (7 + n * 4096, 4096)).collect();
        let runs = noted(&pieces, Duration::ZERO);
        assert_eq!(runs.len(), 1);
        assert_eq!(unrolled(&runs), pieces);
    }

    #[test]
    fn what_comes_within_the_granularity_is_one_at_the_time_of_the_last() {
        let runs =
            noted(&[(0, 1), (10_000, 2), (20_000, 3), (20_001, 4)], Duration::from_millis(20));
        assert_eq!(unrolled(&runs), [(20_000, 6), (20_001, 4)]);
    }

    #[test]
    fn a_pause_is_never_within_a_run() {
        let mut arrivals = Arrivals::default();
        for n in 0..4 {
            arrivals.note(Instant::from_micros(n * 10), 7, Duration::ZERO);
            if n == 1 {
                arrivals.break_off();
            }
        }
        let firsts: Vec<_> = arrivals.runs().iter().map(|run| run.first.as_micros()).collect();
        assert_eq!(firsts, [0, 20]);
    }

    #[test]
    fn a_larger_granularity_keeps_every_byte_and_the_last_time() {
        let mut arrivals = Arrivals::default();
        for n in 0..1000 {
            arrivals.note(Instant::from_micros(n * 7), n as u32 + 1, Duration::ZERO);
        }
        arrivals.coarsen(Duration::from_millis(1));
        let pieces = unrolled(&arrivals.runs());
        assert!(pieces.len() < 10, "{pieces:?}");
        assert_eq!(pieces.iter().map(|(_, bytes)| bytes).sum::<u32>(), 500_500);
        assert_eq!(pieces.last().map(|(at, _)| *at), Some(999 * 7));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_without_a_granularity(
            steps in prop::collection::vec((0..4_u64, 1..4_u32), 0..200)
        ) {
            let mut now = 0;
            let mut pieces: Vec<(u64, u32)> = Vec::new();
            for (gap, bytes) in steps {
                now += gap;
                pieces.push((now, bytes));
            }
            let mut expected: Vec<(u64, u32)> = Vec::new();
            for (at, bytes) in &pieces {
                match expected.last_mut() {
                    Some((last, sum)) if last == at => *sum += bytes,
                    _ => expected.push((*at, *bytes)),
                }
            }
            prop_assert_eq!(unrolled(&noted(&pieces, Duration::ZERO)), expected);
        }
    }
}
