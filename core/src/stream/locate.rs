//! Finds a film's index, the `moov` box, in as few bytes as the file's layout allows. Says which
//! byte it wants next and is fed from there; never asks for anything itself, and never looks for
//! `moov` inside media bytes.
//!
//! The walk goes from box header to box header (ISO/IEC 14496-12 §4.2). Media data with a known size
//! is stepped over, wherever it ends: an index behind it costs one jump. Only where the chain breaks,
//! or media data claims to reach to the end of the file, is the file's tail searched, and what is
//! found there must parse as a complete index.

use alloc::vec::Vec;

use super::container::Container;
use super::failure::ProgrammeFailure;
use crate::mp4::MovieLayout;
use crate::mp4::boxes::{BoxHeader, FourCc, HeaderError, Size};

/// The first tail searched: holds the index of most films.
const TAIL_BYTES: u64 = 2 * 1024 * 1024;
/// How much larger each further tail is than the one before.
const TAIL_GROWTH: u64 = 8;
/// The most boxes walked before the index. Real files have fewer than ten.
const BOXES_MAX: u32 = 1000;
/// The shortest box header: 32 bits of size and the type.
const HEADER_BYTES: usize = 8;

const MOOV: FourCc = FourCc(*b"moov");
const MOOF: FourCc = FourCc(*b"moof");
const MDAT: FourCc = FourCc(*b"mdat");

/// A search for the index, under way.
pub struct Locator {
    /// Offset of the first byte of what is being read.
    at: u64,
    /// Bytes read from there.
    read: Vec<u8>,
    task: Task,
    boxes: u32,
    index_bytes_max: u64,
}

#[derive(Clone, Copy)]
enum Task {
    /// Reading a box header, of at least so many bytes.
    Header(usize),
    /// Reading the index; its whole length, or `None`: to the end of the file.
    Index(Option<u64>),
    /// Reading the tail of the file, of this length.
    Tail(u64),
}

/// What a search has come to.
pub enum Located {
    /// More bytes are wanted, from [`Locator::offset`] on.
    NotYet,
    /// The complete `moov` box, and where it begins.
    Index(u64, Vec<u8>),
    /// The file is of another kind, and has no such index. With it the bytes that it begins with, as
    /// many as were read.
    Other(Container, Vec<u8>),
}

impl Locator {
    /// A search that begins at the file's first byte and gives up on an index of more than
    /// `index_bytes_max`.
    pub fn new(index_bytes_max: u64) -> Self {
        Self {
            at: 0,
            read: Vec::new(),
            task: Task::Header(HEADER_BYTES),
            boxes: 0,
            index_bytes_max,
        }
    }

    /// Offset of the next byte wanted.
    pub fn offset(&self) -> u64 {
        self.at + self.read.len() as u64
    }

    /// The most bytes that are wanted from there: at least one.
    pub fn most(&self) -> u64 {
        let whole = match self.task {
            Task::Header(needed) => needed as u64,
            Task::Index(Some(length)) | Task::Tail(length) => length,
            Task::Index(None) => u64::MAX,
        };
        whole.saturating_sub(self.read.len() as u64).max(1)
    }

    /// Whether the index itself is being read, and how much of how much has come.
    pub fn index_progress(&self) -> Option<(u64, u64)> {
        match self.task {
            Task::Index(Some(length)) => Some((self.read.len() as u64, length)),
            _ => None,
        }
    }

    /// Takes the bytes at [`Locator::offset`], at most [`Locator::most`] of them. `file_length` is
    /// what is known of the whole file.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        file_length: Option<u64>,
    ) -> Result<Located, ProgrammeFailure> {
        self.read.extend_from_slice(bytes);
        let read = self.read.len() as u64;
        match self.task {
            Task::Header(needed) if self.read.len() < needed => Ok(Located::NotYet),
            Task::Header(_) => self.header(file_length),
            Task::Index(length) => {
                if read > self.index_bytes_max {
                    return Err(ProgrammeFailure::IndexTooLarge(read));
                }
                match length {
                    Some(length) if read >= length => self.index(),
                    None if file_length.is_some_and(|length| self.offset() >= length) => {
                        self.index()
                    }
                    _ => Ok(Located::NotYet),
                }
            }
            Task::Tail(length) if read >= length => self.search_tail(file_length),
            Task::Tail(_) => Ok(Located::NotYet),
        }
    }

    /// The file ended before [`Locator::offset`], its length having been unknown until now, or the
    /// walk having led there.
    pub fn end_of_file(&mut self, length: u64) -> Result<Located, ProgrammeFailure> {
        match self.task {
            Task::Header(_) if self.boxes == 0 => Err(match self.read.trim_ascii_start().first() {
                Some(b'<') => ProgrammeFailure::WebPage,
                _ => ProgrammeFailure::NotMp4,
            }),
            // At most a few bytes of padding after the last box.
            Task::Header(_) if self.at <= length => Err(ProgrammeFailure::NoIndex),
            Task::Header(_) | Task::Index(Some(_)) => Err(ProgrammeFailure::Truncated),
            Task::Index(None) => self.index(),
            Task::Tail(_) => Err(ProgrammeFailure::NoIndex),
        }
    }

    /// A box header has been read, as far as the file goes.
    fn header(&mut self, file_length: Option<u64>) -> Result<Located, ProgrammeFailure> {
        let header = BoxHeader::read(&self.read);
        if let Err(HeaderError::NeedMore(needed)) = header {
            self.task = Task::Header(needed.max(self.read.len() + 1));
            return Ok(Located::NotYet);
        }
        if self.boxes == 0
            && let Some(container) =
                recognise(&self.read, header.as_ref().ok().map(|header| header.kind))?
        {
            return Ok(Located::Other(container, core::mem::take(&mut self.read)));
        }
        self.boxes += 1;
        let Ok(header) = header else { return self.turn_to_tail(file_length) };
        let end = header.end(self.at);
        match (header.kind, header.size) {
            (MOOV, Size::Known(size)) => {
                if size > self.index_bytes_max {
                    return Err(ProgrammeFailure::IndexTooLarge(size));
                }
                if file_length.is_some_and(|length| end.is_none_or(|end| end > length)) {
                    return Err(ProgrammeFailure::Truncated);
                }
                self.task = Task::Index(Some(size));
                // Growing step by step would need twice the memory on the way, which a small device
                // has not got. Nor is it certain that all the limit allows is there in one piece.
                let missing = (size as usize).saturating_sub(self.read.len());
                if self.read.try_reserve_exact(missing).is_err() {
                    return Err(ProgrammeFailure::IndexTooLarge(size));
                }
                match self.read.len() as u64 >= size {
                    true => self.index(),
                    false => Ok(Located::NotYet),
                }
            }
            (MOOV, Size::ToEnd) => {
                self.task = Task::Index(None);
                self.feed(&[], file_length)
            }
            (MOOF, _) => Ok(Located::Other(Container::FragmentedMp4, Vec::new())),
            (_, Size::ToEnd) => self.turn_to_tail(file_length),
            (kind, Size::Known(_)) if self.boxes >= BOXES_MAX || !is_plausible(kind) => {
                self.turn_to_tail(file_length)
            }
            (kind, Size::Known(_)) => match (end, file_length) {
                (Some(end), Some(length)) if end > length => match kind {
                    MDAT => Err(ProgrammeFailure::Truncated),
                    _ => self.turn_to_tail(file_length),
                },
                (Some(end), Some(length)) if end == length => Err(ProgrammeFailure::NoIndex),
                (Some(end), _) => {
                    self.at = end;
                    self.read.clear();
                    self.task = Task::Header(HEADER_BYTES);
                    Ok(Located::NotYet)
                }
                (None, _) => self.turn_to_tail(file_length),
            },
        }
    }

    fn turn_to_tail(&mut self, file_length: Option<u64>) -> Result<Located, ProgrammeFailure> {
        let length = file_length.ok_or(ProgrammeFailure::NoIndex)?;
        self.read_tail(length, TAIL_BYTES)
    }

    fn read_tail(&mut self, length: u64, tail: u64) -> Result<Located, ProgrammeFailure> {
        let tail = tail.min(length).min(self.index_bytes_max);
        self.at = length - tail;
        self.read.clear();
        if self.read.try_reserve_exact(tail as usize).is_err() {
            return Err(ProgrammeFailure::IndexTooLarge(tail));
        }
        self.task = Task::Tail(tail);
        Ok(Located::NotYet)
    }

    /// Looks for an index in the tail. Four bytes that spell `moov` prove nothing, they occur in
    /// media data: what follows them must parse.
    fn search_tail(&mut self, file_length: Option<u64>) -> Result<Located, ProgrammeFailure> {
        let found = self.read.windows(4).enumerate().filter(|(_, four)| *four == b"moov").find_map(
            |(at, _)| {
                let start = at.checked_sub(4)?;
                let candidate = self.read.get(start..)?;
                let length = match BoxHeader::read(candidate).ok()?.size {
                    Size::Known(size) => usize::try_from(size).ok()?,
                    Size::ToEnd => candidate.len(),
                };
                let candidate = candidate.get(..length)?;
                MovieLayout::parse(candidate).ok().map(|_| (start, length))
            },
        );
        if let Some((start, length)) = found {
            let mut index = core::mem::take(&mut self.read);
            index.truncate(start + length);
            index.drain(..start);
            return Ok(Located::Index(self.at + start as u64, index));
        }
        let (Task::Tail(tail), Some(length)) = (self.task, file_length) else {
            return Err(ProgrammeFailure::NoIndex);
        };
        if tail >= length.min(self.index_bytes_max) {
            return Err(ProgrammeFailure::NoIndex);
        }
        self.read_tail(length, tail.saturating_mul(TAIL_GROWTH))
    }

    fn index(&mut self) -> Result<Located, ProgrammeFailure> {
        let mut index = core::mem::take(&mut self.read);
        if let Task::Index(Some(length)) = self.task {
            index.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        }
        Ok(Located::Index(self.at, index))
    }
}

/// Whether a box of this type may be stepped over: types are printable, or begin with © as in old
/// QuickTime files. Anything else means that the chain led into something that is no box.
fn is_plausible(kind: FourCc) -> bool {
    kind.0.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xa9))
}

/// What a file is that does not begin like an MP4; refuses what nobody can read.
fn recognise(start: &[u8], kind: Option<FourCc>) -> Result<Option<Container>, ProgrammeFailure> {
    const FIRST: [&[u8; 4]; 11] = [
        b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"styp", b"sidx",
        b"moof",
    ];
    if kind.is_some_and(|kind| FIRST.contains(&&kind.0)) {
        return Ok(None);
    }
    match (Container::of_sound(start), start.trim_ascii_start().first()) {
        (Some(container), _) => Ok(Some(container)),
        (None, Some(b'<')) => Err(ProgrammeFailure::WebPage),
        (None, _) => Err(ProgrammeFailure::NotMp4),
    }
}
