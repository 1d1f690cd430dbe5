//! Which bytes of a body are worth keeping. Follows a film's boxes as far as it can see them: all of
//! them are kept but the payload of `mdat` and of boxes that are surprisingly large. Where it cannot
//! see them, in the middle of a file, it goes by what it learnt earlier of the same file, or looks
//! for an index. Never keeps more of a body than goes by, and decides about every byte once.

use std::collections::BTreeMap;

use testcard_core::mp4::boxes::{BoxHeader, FourCc, HeaderError, Size};
use testcard_core::net::{Head, Url};

/// A body that is no media is kept up to here: a page that says what is wrong, an item's metadata.
const TEXT_BYTES_MAX: u64 = 256 * 1024;
/// Of a file that does not begin with a box, so much is kept that others can tell what it is.
const START_BYTES: u64 = 4 * 1024;
/// The largest index kept; as large as the largest that a set holds.
const MOOV_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The largest other box kept. Nobody reads them; they are kept for being no samples.
const OTHER_BYTES_MAX: u64 = 1024 * 1024;
/// Boxes of one file that are told apart. Real files have fewer than ten, fragmented ones thousands.
const BOXES_MAX: usize = 64;

const MOOV: FourCc = FourCc(*b"moov");
const MDAT: FourCc = FourCc(*b"mdat");
/// What a film begins with, as the TV's own walk has it.
const FIRST: [&[u8; 4]; 11] = [
    b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"styp", b"sidx",
    b"moof",
];

/// What becomes of a stretch of bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Keep,
    Elide,
}

/// The boxes of one file, as far as they were seen: each by its offset.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<u64, Span>);

#[derive(Clone, Copy, Debug)]
struct Span {
    /// Where its payload begins.
    payload: u64,
    /// Where it ends; `None`: at the end of the file.
    end: Option<u64>,
    treatment: Treatment,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Treatment {
    Keep,
    Elide,
    Search,
}

/// A walk through one body.
#[derive(Debug)]
pub(super) struct Walk {
    /// Offset in the file of the next byte.
    offset: u64,
    /// The file's length, if the head says it.
    total: Option<u64>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A text, or something unknown, kept up to an offset and searched from there.
    Start { end: u64, then_search: bool },
    /// The header of a box, as far as it came.
    Header(Vec<u8>),
    /// Kept, up to this offset.
    Keep(u64),
    /// Elided, up to this offset.
    Elide(u64),
    /// Somewhere in a file. These bytes are undecided: an index may begin with them.
    Search(Vec<u8>),
    /// Elided to the end.
    Rest,
}

impl Walk {
    /// A walk through the body that follows `head`. `known` is what was learnt of the file so far.
    pub(super) fn new(head: &Head, known: &Known) -> Self {
        let text = Self {
            offset: 0,
            total: None,
            state: State::Start { end: TEXT_BYTES_MAX, then_search: false },
        };
        let total = total(head);
        match (head.status, head.content_range().and_then(|range| range.bytes)) {
            _ if is_text(head) => text,
            (200, _) => Self { offset: 0, total, state: known.state_at(0) },
            (206, Some((first, _))) => Self { offset: first, total, state: known.state_at(first) },
            (206, None) => Self { offset: 0, total: None, state: State::Search(Vec::new()) },
            _ => text,
        }
    }

    /// Bytes that came and are not decided about: elided, if no more come.
    pub(super) fn undecided(&self) -> &[u8] {
        match &self.state {
            State::Search(undecided) => undecided,
            _ => &[],
        }
    }

    /// Whether the body is a text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.state, State::Start { then_search: false, .. } | State::Rest)
    }

    /// Decides about the next bytes. `out` is told in order: what becomes of some, their offset in
    /// the file, and the bytes.
    pub(super) fn feed(
        &mut self,
        fresh: &[u8],
        known: &mut Known,
        out: &mut dyn FnMut(Verdict, u64, &[u8]),
    ) {
        let joined;
        let mut bytes = fresh;
        if let State::Search(undecided) = &mut self.state
            && !undecided.is_empty()
        {
            joined = [std::mem::take(undecided).as_slice(), bytes].concat();
            bytes = &joined;
        }
        while !bytes.is_empty() {
            let (verdict, count) = self.step(bytes, known);
            let (now, later) = bytes.split_at(count);
            if !now.is_empty() {
                out(verdict, self.offset, now);
            }
            self.offset = self.offset.saturating_add(count as u64);
            bytes = later;
            match &mut self.state {
                State::Search(undecided) if count == 0 => {
                    undecided.extend_from_slice(bytes);
                    return;
                }
                State::Start { end, then_search } if self.offset >= *end => {
                    self.state = match then_search {
                        true => State::Search(Vec::new()),
                        false => State::Rest,
                    };
                }
                State::Keep(end) | State::Elide(end) if self.offset >= *end => {
                    self.state = known.state_at(self.offset);
                }
                _ => {}
            }
        }
    }

    /// What becomes of how many of these bytes. None, while searching: they are undecided.
    fn step(&mut self, bytes: &[u8], known: &mut Known) -> (Verdict, usize) {
        let until = |end: u64| {
            let left = end.saturating_sub(self.offset);
            bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))
        };
        match &mut self.state {
            State::Start { end, .. } | State::Keep(end) => (Verdict::Keep, until(*end)),
            State::Elide(end) => (Verdict::Elide, until(*end)),
            State::Rest => (Verdict::Elide, bytes.len()),
            State::Search(_) => {
                let total = self.total.map(|total| total.saturating_sub(self.offset));
                match search(bytes, total) {
                    Found::Index(0) => {
                        self.state = State::Header(Vec::new());
                        self.step(bytes, known)
                    }
                    Found::Index(at) | Found::Undecided(at) => (Verdict::Elide, at),
                }
            }
            State::Header(read) => {
                let needed = match BoxHeader::read(read) {
                    Err(HeaderError::NeedMore(needed)) => needed.saturating_sub(read.len()).max(1),
                    _ => 1,
                };
                let count = bytes.len().min(needed);
                read.extend_from_slice(&bytes[..count]);
                let after = self.offset.saturating_add(count as u64);
                let start = after - read.len() as u64;
                match BoxHeader::read(read) {
                    Err(HeaderError::NeedMore(_)) => {}
                    header => self.state = known.enter(header.ok(), start, after),
                }
                (Verdict::Keep, count)
            }
        }
    }
}

impl Known {
    /// What to do at an offset of the file.
    fn state_at(&self, offset: u64) -> State {
        let header = || State::Header(Vec::new());
        match self.0.range(..=offset).next_back() {
            None if offset == 0 => header(),
            Some((start, span)) if *start == offset || span.end == Some(offset) => header(),
            Some((_, span)) if span.end.is_none_or(|end| end > offset) => match offset {
                _ if offset < span.payload => State::Keep(span.payload),
                _ => span.state(),
            },
            _ => State::Search(Vec::new()),
        }
    }

    /// Learns of a box at `start`, whose header ends at `payload`; returns what to do there. Without
    /// a header, or one that can be none, the boxes are out of sight.
    fn enter(&mut self, header: Option<BoxHeader>, start: u64, payload: u64) -> State {
        let lost = match start {
            0 => State::Start { end: START_BYTES, then_search: true },
            _ => State::Search(Vec::new()),
        };
        let can_be = |header: &BoxHeader| match start {
            0 => FIRST.contains(&&header.kind.0),
            _ => is_plausible(header.kind),
        };
        let Some(header) = header.filter(can_be) else { return lost };
        let end = header.end(start);
        let treatment = match (header.kind, header.size) {
            (_, Size::Known(_)) if end.is_none() => return lost,
            (MOOV, Size::Known(..=MOOV_BYTES_MAX) | Size::ToEnd) => Treatment::Keep,
            (_, Size::ToEnd) => Treatment::Search,
            (MDAT | MOOV, _) => Treatment::Elide,
            (_, Size::Known(..=OTHER_BYTES_MAX)) => Treatment::Keep,
            _ => Treatment::Elide,
        };
        if self.0.len() >= BOXES_MAX && !self.0.contains_key(&start) {
            return State::Search(Vec::new());
        }
        let span = Span { payload, end, treatment };
        self.0.insert(start, span);
        match end {
            Some(end) if end <= payload => self.state_at(end),
            _ => span.state(),
        }
    }
}

impl Span {
    /// What to do within its payload.
    fn state(&self) -> State {
        let end = self.end.unwrap_or(u64::MAX);
        match self.treatment {
            Treatment::Keep => State::Keep(end),
            Treatment::Elide => State::Elide(end),
            Treatment::Search => State::Search(Vec::new()),
        }
    }
}

/// Whether a later box can be of this type, likewise: printable, or as in old QuickTime files.
fn is_plausible(kind: FourCc) -> bool {
    kind.0.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xa9))
}

enum Found {
    /// An index begins here.
    Index(usize),
    /// None begins before; from here on it cannot be told yet.
    Undecided(usize),
}

/// Looks for the beginning of an index: a `moov` of a size that can be, with an `mvhd` as its first
/// box (ISO/IEC 14496-12 §8.2). `left` are the bytes to the end of the file.
fn search(bytes: &[u8], left: Option<u64>) -> Found {
    let mut from = 4;
    while let Some(at) =
        bytes.get(from..).and_then(|b| b.windows(4).position(|four| four == b"moov"))
    {
        let start = from + at - 4;
        let left = left.map(|left| left.saturating_sub(start as u64));
        match is_index(&bytes[start..], left) {
            Some(true) => return Found::Index(start),
            Some(false) => from += at + 1,
            None => return Found::Undecided(start),
        }
    }
    // A size and three letters.
    Found::Undecided(bytes.len().saturating_sub(7))
}

/// `None` when there are too few bytes to tell.
fn is_index(bytes: &[u8], left: Option<u64>) -> Option<bool> {
    let header = match BoxHeader::read(bytes) {
        Ok(header) => header,
        Err(HeaderError::NeedMore(_)) => return None,
        Err(_) => return Some(false),
    };
    let fits = |size| size <= MOOV_BYTES_MAX && left.is_none_or(|left| size <= left);
    if matches!(header.size, Size::Known(size) if !fits(size)) {
        return Some(false);
    }
    let first = bytes.get(usize::from(header.header_len)..)?.get(..8)?;
    // 108 bytes, or 120 with 64-bit times (§8.2.2).
    Some(matches!(first, [0, 0, 0, 108 | 120, b'm', b'v', b'h', b'd']))
}

/// The length of the file, as a head says it.
fn total(head: &Head) -> Option<u64> {
    match head.content_range() {
        Some(range) => range.total,
        None if head.status == 200 => head.content_length(),
        None => None,
    }
}

/// Whether a body is no media: a page, metadata, or what comes with a redirect or an error.
fn is_text(head: &Head) -> bool {
    let kind = head.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    !matches!(head.status, 200 | 206)
        || kind.starts_with("text/")
        || ["json", "xml", "javascript"].iter().any(|text| kind.ends_with(text))
}

/// By what a file is known wherever it is asked for: its item and name, which the archive's front
/// and each of its nodes have in their paths, and its length.
pub(super) fn file(url: &Url, head: &Head) -> (String, Option<u64>) {
    let path = url.path();
    let name = match path.split_once("/items/") {
        Some((_, name)) => name,
        None => path.strip_prefix("/download/").unwrap_or(path),
    };
    (name.to_owned(), total(head))
}
