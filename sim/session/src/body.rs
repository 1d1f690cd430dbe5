//! The bytes of a body: some kept, some to be made again from a film, and some, which nobody needs to
//! know, replaced by others that are the same every time. Never holds what it can make.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use crate::film::Film;

/// The bytes of a body, or a recipe for bytes in their place.
#[derive(Clone, Debug, Default)]
pub struct Body {
    segments: Vec<Segment>,
    /// Where each segment ends.
    ends: Vec<u64>,
    sha256: Option<[u8; 32]>,
}

/// A part of a body.
#[derive(Clone, Debug)]
pub enum Segment {
    /// These very bytes.
    Literal(Arc<[u8]>),
    /// So many bytes that nobody needs to know. In their place stand others, always the same ones.
    Elided {
        /// How many.
        length: u64,
        /// The SHA-256 of the bytes that were there.
        sha256: [u8; 32],
    },
    /// These bytes of a film that can be made anywhere.
    Fixture {
        /// The film.
        film: Arc<dyn Film>,
        /// Offsets within it, none beyond its end.
        range: Range<u64>,
    },
}

impl Segment {
    /// Bytes of it.
    pub fn len(&self) -> u64 {
        match self {
            Self::Literal(bytes) => bytes.len() as u64,
            Self::Elided { length, .. } => *length,
            Self::Fixture { range, .. } => range.end.saturating_sub(range.start),
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Body {
    /// After so many bytes, what an elided segment reads as begins again.
    pub const TILE_BYTES: usize = 64 * 1024;

    /// A body of these parts, in order. Empty ones are left out.
    pub fn new(segments: impl IntoIterator<Item = Segment>) -> Self {
        let segments: Vec<_> = segments.into_iter().filter(|segment| !segment.is_empty()).collect();
        let ends = segments.iter().scan(0_u64, |end, segment| {
            *end = end.saturating_add(segment.len());
            Some(*end)
        });
        Self { ends: ends.collect(), segments, sha256: None }
    }

    /// A body of these very bytes.
    pub fn literal(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::new([Segment::Literal(bytes.into())])
    }

    /// The same body, of which is known what the SHA-256 of the bytes was that arrived.
    pub fn with_sha256(self, sha256: [u8; 32]) -> Self {
        Self { sha256: Some(sha256), ..self }
    }

    /// Its parts, in order, none empty.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The SHA-256 of the bytes that arrived, elided ones among them; `None` when nobody took it.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.sha256.or_else(|| match self.segments.as_slice() {
            [Segment::Elided { sha256, .. }] => Some(*sha256),
            segments => {
                let mut hash = Sha256::new();
                for segment in segments {
                    let Segment::Literal(bytes) = segment else { return None };
                    hash.update(bytes);
                }
                Some(hash.finalize().into())
            }
        })
    }

    /// Bytes of it.
    pub fn len(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Copies the bytes from `offset` on, as many as `buf` holds and the body has. Returns how many,
    /// less than asked for only at the end.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let mut index = self.ends.partition_point(|end| *end <= offset);
        let (mut offset, mut done) = (offset, 0);
        while let (Some(segment), 1..) = (self.segments.get(index), buf.len() - done) {
            let start = self.ends[index] - segment.len();
            let count = self.read_segment(index, offset - start, &mut buf[done..]);
            if count == 0 {
                // A film shorter than a segment says: there is nothing that could stand here.
                break;
            }
            done += count;
            offset += count as u64;
            index += usize::from(offset >= self.ends[index]);
        }
        done
    }

    /// Copies from one segment, which has bytes from `at` on.
    fn read_segment(&self, index: usize, at: u64, out: &mut [u8]) -> usize {
        let segment = &self.segments[index];
        let left = usize::try_from(segment.len() - at).unwrap_or(usize::MAX);
        let count = out.len().min(left);
        let out = &mut out[..count];
        match segment {
            Segment::Literal(bytes) => out.copy_from_slice(&bytes[at as usize..][..count]),
            Segment::Fixture { film, range } => return film.read_at(range.start + at, out),
            Segment::Elided { sha256, .. } => {
                let mut key_stream = ChaCha8Rng::from_seed(*sha256);
                let (mut at, mut rest) = ((at % Self::TILE_BYTES as u64) as usize, out);
                while !rest.is_empty() {
                    let count = rest.len().min(Self::TILE_BYTES - at);
                    let (now, later) = rest.split_at_mut(count);
                    read_tile(&mut key_stream, at, now);
                    (at, rest) = (0, later);
                }
            }
        }
        count
    }
}

/// Reads what stands in the place of elided bytes, from byte `at` of a tile on: the key stream of
/// ChaCha with 8 rounds, block counter and nonce 0, keyed by the SHA-256 of the bytes that were there.
/// It looks like noise, and whoever searches it for an index will not find one: that takes a valid
/// `moov` with an `mvhd` in it, more than 100 bits that have to be right.
fn read_tile(key_stream: &mut ChaCha8Rng, at: usize, out: &mut [u8]) {
    // The stream can be entered at any of its words.
    let (word, within) = (at / 4, at % 4);
    key_stream.set_word_pos(word as u128);
    let mut out = out;
    if within > 0 {
        let first = &key_stream.next_u32().to_le_bytes()[within..];
        let (now, later) = out.split_at_mut(first.len().min(out.len()));
        now.copy_from_slice(&first[..now.len()]);
        out = later;
    }
    key_stream.fill_bytes(out);
}

#[cfg(test)]
mod tests {
    use testcard_archive::{Clip, VirtualFilm};

    use super::*;

    fn elided(length: u64) -> Segment {
        Segment::Elided { length, sha256: Sha256::digest(b"media").into() }
    }

    fn read(body: &Body, offset: u64, count: usize) -> Vec<u8> {
        let mut buf = vec![0; count];
        let count = body.read_at(offset, &mut buf);
        buf.truncate(count);
        buf
    }

    /// The test vector of docs/session-format.md.
    #[test]
    fn elided_bytes_are_those_that_the_documentation_says() {
        let body = Body::new([elided(1_000_000)]);
        assert_eq!(
            hex(&Sha256::digest(b"media")),
            "721c9525ade2ea8903d343ef25cf68b9bf4ab0aad56bb7b01fbe48d09bc7fcf4"
        );
        assert_eq!(hex(&read(&body, 0, 16)), "f0332fcf1c23e215578752ec2269b9de");
        assert_eq!(hex(&read(&body, 65_528, 16)), "759c2db239d95b41f0332fcf1c23e215");
        let tile = Sha256::digest(read(&body, 0, Body::TILE_BYTES));
        assert_eq!(hex(&tile), "34ad2cc685f019f82560e03945fe73bbc6667ff0e06e107fcdcae01acdce63c7");
        assert_eq!(read(&body, 65_536, 65_536), read(&body, 0, 65_536));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn any_cut_into_reads_gives_the_same_bytes() {
        let film = VirtualFilm::new(&Clip::test_card(), &"2:300000:first".parse().unwrap());
        let film = Arc::new(film.unwrap());
        let body = Body::new([
            Segment::Literal(Arc::from(&b"header"[..])),
            Segment::Literal(Arc::from(&b""[..])),
            elided(150_001),
            Segment::Fixture { film: film.clone(), range: 100..200_000 },
            elided(7),
            Segment::Literal(Arc::from(&b"end"[..])),
        ]);
        assert_eq!(body.segments().len(), 5);
        let whole = read(&body, 0, 1_000_000);
        assert_eq!(whole.len() as u64, body.len());
        assert_eq!(&whole[..6], b"header");
        assert_eq!(&whole[whole.len() - 3..], b"end");
        let mut original = vec![0; 199_900];
        film.read_at(100, &mut original);
        assert!(whole[150_007..][..199_900] == original[..]);
        for step in [1, 7, 4096, 65_537] {
            let mut pieces = Vec::new();
            loop {
                match read(&body, pieces.len() as u64, step) {
                    piece if piece.is_empty() => break,
                    piece => pieces.extend(piece),
                }
            }
            assert!(pieces == whole, "in steps of {step}");
        }
        assert!(read(&body, body.len() + 5, 8).is_empty());
    }

    #[test]
    fn a_body_knows_its_hash_unless_something_unknown_is_in_it() {
        let literal = Body::literal(&b"media"[..]);
        assert_eq!(literal.sha256(), Some(Sha256::digest(b"media").into()));
        assert_eq!(Body::new([elided(5)]).sha256(), literal.sha256());
        let mixed = Body::new([elided(5), Segment::Literal(Arc::from(&b"x"[..]))]);
        assert_eq!(mixed.sha256(), None);
        assert_eq!(mixed.with_sha256([7; 32]).sha256(), Some([7; 32]));
    }

    #[test]
    fn a_film_that_ends_early_ends_the_body() {
        let film = VirtualFilm::new(&Clip::test_card(), &"2:min:first".parse().unwrap()).unwrap();
        let end = film.len();
        let body = Body::new([Segment::Fixture { film: Arc::new(film), range: end - 3..end + 3 }]);
        assert_eq!(read(&body, 0, 10).len(), 3);
    }
}
