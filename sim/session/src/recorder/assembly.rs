//! A body as it is put together from what is kept and what is not. Holds the kept bytes, and of the
//! others their hash.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::walk::Verdict;
use crate::about::Fixture;
use crate::body::{Body, Segment};
use crate::bounds::{EXCHANGES_MAX, LITERAL_BYTES_MAX, SEGMENTS_MAX};

/// What all bodies of a recording may still use. What is beyond it is elided.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    literal_bytes: u64,
    /// Beyond one for every body.
    segments: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { literal_bytes: LITERAL_BYTES_MAX, segments: SEGMENTS_MAX - EXCHANGES_MAX }
    }
}

impl Budget {
    /// Pays for a segment that is not elided, and for the elided one that may follow it.
    fn pay_segment(&mut self) -> bool {
        let left = self.segments.checked_sub(2);
        self.segments = left.unwrap_or(self.segments);
        left.is_some()
    }

    fn pay_bytes(&mut self, count: usize) -> bool {
        let left = self.literal_bytes.checked_sub(count as u64);
        self.literal_bytes = left.unwrap_or(self.literal_bytes);
        left.is_some()
    }
}

/// The segments of one body.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembly {
    closed: Vec<Segment>,
    open: Open,
    /// Of all bytes.
    hash: Sha256,
}

#[derive(Clone, Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Literal(Vec<u8>),
    Elided {
        hash: Sha256,
        length: u64,
    },
    /// Bytes of a film from `start` on; of any of these, as far as one can tell.
    Fixture {
        films: Vec<Fixture>,
        start: u64,
        length: u64,
    },
}

impl Assembly {
    /// Takes the next bytes, which are at `offset` of a file. Elided ones that are the same in one
    /// of `films` are taken from there.
    pub(super) fn take(
        &mut self,
        verdict: Verdict,
        offset: u64,
        bytes: &[u8],
        films: &[Fixture],
        budget: &mut Budget,
    ) {
        self.hash.update(bytes);
        match verdict {
            Verdict::Keep => self.keep(bytes, budget),
            Verdict::Elide => self.elide(offset, bytes, films, budget),
        }
    }

    fn keep(&mut self, bytes: &[u8], budget: &mut Budget) {
        let is_open = matches!(self.open, Open::Literal(_));
        if !budget.pay_bytes(bytes.len()) || !(is_open || budget.pay_segment()) {
            return self.forget(bytes);
        }
        if !is_open {
            self.close(Open::Literal(Vec::new()));
        }
        if let Open::Literal(kept) = &mut self.open {
            kept.extend_from_slice(bytes);
        }
    }

    fn elide(&mut self, offset: u64, bytes: &[u8], films: &[Fixture], budget: &mut Budget) {
        match &self.open {
            Open::Elided { .. } => return self.forget(bytes),
            Open::Fixture { start, length, .. } if start + length == offset => {}
            Open::Nothing | Open::Literal(_) | Open::Fixture { .. } => {
                let is_like = |film: &&Fixture| same(film, offset, bytes) > 0;
                let films: Vec<_> = films.iter().filter(is_like).cloned().collect();
                if !films.is_empty() && budget.pay_segment() {
                    self.close(Open::Fixture { films, start: offset, length: 0 });
                } else {
                    return self.forget(bytes);
                }
            }
        }
        let mut matched = 0;
        if let Open::Fixture { films, length, .. } = &mut self.open {
            let each: Vec<_> = films.iter().map(|film| same(film, offset, bytes)).collect();
            matched = each.iter().copied().max().unwrap_or(0);
            if matched > 0 {
                let mut each = each.into_iter();
                films.retain(|_| each.next() == Some(matched));
                *length += matched as u64;
            }
        }
        if matched < bytes.len() {
            self.forget(&bytes[matched..]);
        }
    }

    /// Keeps no more of some bytes than their hash.
    fn forget(&mut self, bytes: &[u8]) {
        if !matches!(self.open, Open::Elided { .. }) {
            self.close(Open::Elided { hash: Sha256::new(), length: 0 });
        }
        if let Open::Elided { hash, length } = &mut self.open {
            hash.update(bytes);
            *length += bytes.len() as u64;
        }
    }

    fn close(&mut self, next: Open) {
        self.closed.extend(std::mem::replace(&mut self.open, next).into_segment());
    }

    /// The body so far, behind it some bytes that are not decided about.
    pub(super) fn body(&self, undecided: &[u8]) -> Body {
        let mut whole = self.clone();
        if !undecided.is_empty() {
            whole.hash.update(undecided);
            whole.forget(undecided);
        }
        whole.close(Open::Nothing);
        Body::new(whole.closed).with_sha256(whole.hash.finalize().into())
    }
}

impl Open {
    fn into_segment(self) -> Option<Segment> {
        match self {
            Self::Nothing => None,
            Self::Literal(bytes) => Some(Segment::Literal(bytes.into())),
            Self::Elided { hash, length } => {
                Some(Segment::Elided { length, sha256: hash.finalize().into() })
            }
            Self::Fixture { films, start, length } => films.first().map(|fixture| {
                Segment::Fixture { film: Arc::clone(&fixture.film), range: start..start + length }
            }),
        }
    }
}

/// How many of the first bytes are those of a film at that offset.
fn same(fixture: &Fixture, offset: u64, bytes: &[u8]) -> usize {
    let mut theirs = vec![0; bytes.len()];
    let count = fixture.film.read_at(offset, &mut theirs);
    theirs[..count].iter().zip(bytes).take_while(|(a, b)| a == b).count()
}
