//! What symphonia reads from: a piece of the core's window, behind a head that it has to see first.
//! Never waits and never asks for anything. What it does not have is missed, and noted.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use symphonia::core::io::MediaSource;
use testcard_core::playback::Bytes;

/// Copied at least from the window, if it is there, so that not every step copies.
const PIECE_BYTES: u64 = 32 * 1024;

/// A file as symphonia is to see it: a head, and behind that the real file from some offset on, as
/// far as it has been copied here. A handle: its clones are the same buffer, of which symphonia gets
/// one.
#[derive(Clone)]
pub struct StreamingBuffer(Arc<Mutex<Shared>>);

struct Shared {
    /// What stands before the file's own bytes.
    head: Vec<u8>,
    /// Offset in the real file of the byte behind the head.
    place: u64,
    /// Bytes of the real file, from this offset on.
    bytes: Vec<u8>,
    start: u64,
    /// The real file ends behind them.
    is_end: bool,
    /// What is read next, counted from the head's first byte.
    position: u64,
    /// Whether to hand out more than the one byte that is surely wanted.
    reads_ahead: bool,
    /// Somebody wanted what is not here.
    has_missed: bool,
}

impl StreamingBuffer {
    /// An empty one. Without `reads_ahead` it hands out a byte at a time, and so knows to the byte
    /// how far its reader is: symphonia's own buffer takes as much as it can get.
    pub fn new(reads_ahead: bool) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            head: Vec::new(),
            place: 0,
            bytes: Vec::new(),
            start: 0,
            is_end: false,
            position: 0,
            reads_ahead,
            has_missed: false,
        })))
    }

    /// From now on it is this head and behind that the file from `place` on, read from the start.
    pub fn splice(&self, head: &[u8], place: u64) {
        let mut shared = self.lock();
        shared.head.clear();
        shared.head.extend_from_slice(head);
        shared.bytes.clear();
        (shared.place, shared.start) = (place, place);
        (shared.position, shared.is_end, shared.has_missed) = (0, false, false);
    }

    /// Offset in the real file of what is read next.
    pub fn offset(&self) -> u64 {
        self.lock().offset()
    }

    /// Sees to it that the bytes up to `until` are here, as far as the window has them.
    pub fn fill(&self, bytes: &Bytes<'_>, until: u64) {
        let mut shared = self.lock();
        let offset = shared.offset();
        let has = shared.start..=shared.start + shared.bytes.len() as u64;
        if !(has.contains(&offset) && has.contains(&until)) {
            let mut piece = std::mem::take(&mut shared.bytes);
            bytes.copy(offset..until.saturating_add(PIECE_BYTES), &mut piece);
            (shared.start, shared.bytes) = (offset, piece);
        }
        let end = shared.start + shared.bytes.len() as u64;
        shared.is_end = bytes.file_length().is_some_and(|length| end >= length);
    }

    /// Puts these bytes there as the whole of what follows the head.
    pub fn put(&self, bytes: Vec<u8>) {
        let mut shared = self.lock();
        (shared.start, shared.bytes, shared.is_end) = (shared.place, bytes, true);
    }

    /// Whether somebody wanted what is not here, since the latest [`StreamingBuffer::splice`].
    pub fn has_missed(&self) -> bool {
        self.lock().has_missed
    }

    /// What is behind the lock is whole after every statement, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn offset(&self) -> u64 {
        self.place.saturating_add(self.position.saturating_sub(self.head.len() as u64))
    }

    /// How long all of it is, where it ends here.
    fn length(&self) -> Option<u64> {
        let end = self.start + self.bytes.len() as u64;
        self.is_end.then(|| self.head.len() as u64 + end.saturating_sub(self.place))
    }
}

impl Read for StreamingBuffer {
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] for bytes that are not here but are in the file.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut shared = self.lock();
        let shared = &mut *shared;
        let in_head = usize::try_from(shared.position).ok().and_then(|at| shared.head.get(at..));
        let from = match in_head.filter(|rest| !rest.is_empty()) {
            Some(rest) => rest,
            None => {
                let at = shared.offset().checked_sub(shared.start);
                let at = at.and_then(|at| usize::try_from(at).ok());
                match at.and_then(|at| shared.bytes.get(at..)).filter(|rest| !rest.is_empty()) {
                    Some(rest) if shared.reads_ahead => rest,
                    Some(rest) => &rest[..1],
                    None if at.is_some() && shared.is_end => return Ok(0),
                    None => {
                        shared.has_missed = true;
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                }
            }
        };
        let count = from.len().min(out.len());
        out[..count].copy_from_slice(&from[..count]);
        shared.position += count as u64;
        Ok(count)
    }
}

impl Seek for StreamingBuffer {
    /// # Errors
    /// Where the end is not known, and before the start.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut shared = self.lock();
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => shared.position.checked_add_signed(by),
            SeekFrom::End(by) => shared.length().and_then(|length| length.checked_add_signed(by)),
        };
        shared.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(shared.position)
    }
}

impl MediaSource for StreamingBuffer {
    /// Only what is here as a whole: otherwise symphonia would look around in it before it reads.
    fn is_seekable(&self) -> bool {
        let shared = self.lock();
        shared.reads_ahead && shared.is_end
    }

    fn byte_len(&self) -> Option<u64> {
        self.lock().length()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testcard_core::stream::Window;

    use super::*;

    fn window(from: u64, bytes: &[u8]) -> Window {
        let mut window = Window::new(1 << 20);
        window.restart_at(from);
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = window.room();
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            window.commit(count);
            rest = &rest[count..];
        }
        window
    }

    fn file(length: u64) -> Vec<u8> {
        (0..length).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
    }

    #[test]
    fn the_file_follows_the_head_from_where_it_was_spliced_on() {
        let file = file(5000);
        let window = window(1000, &file[1000..4000]);
        let mut buffer = StreamingBuffer::new(true);
        buffer.splice(b"head", 2000);
        buffer.fill(&Bytes::new(&window, Some(5000)), 2500);
        let mut out = vec![0; 104];
        buffer.read_exact(&mut out).unwrap();
        assert_eq!(&out[..4], b"head");
        assert_eq!(out[4..], file[2000..2100]);
        assert_eq!(buffer.offset(), 2100);
    }

    #[test]
    fn what_is_not_here_is_missed_and_what_the_file_has_not_is_its_end() {
        let file = file(3000);
        let mut buffer = StreamingBuffer::new(true);
        buffer.splice(b"", 0);
        let half = window(0, &file[..1500]);
        buffer.fill(&Bytes::new(&half, Some(3000)), 1500);
        let mut out = Vec::new();
        let error = buffer.read_to_end(&mut out).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!((out.len(), buffer.has_missed()), (1500, true));
        assert_eq!(half.start(), 0, "reading releases nothing");

        buffer.splice(b"", 1000);
        let rest = window(1000, &file[1000..]);
        buffer.fill(&Bytes::new(&rest, Some(3000)), 3000);
        out.clear();
        buffer.read_to_end(&mut out).unwrap();
        assert_eq!((out, buffer.has_missed()), (file[1000..].to_vec(), false));
    }

    #[test]
    fn without_reading_ahead_the_offset_is_that_of_the_next_byte_wanted() {
        let file = file(3000);
        let window = window(0, &file);
        let mut buffer = StreamingBuffer::new(false);
        buffer.splice(b"", 100);
        buffer.fill(&Bytes::new(&window, Some(3000)), 3000);
        assert_eq!(buffer.read(&mut [0; 500]).unwrap(), 1);
        assert_eq!(buffer.offset(), 101);
    }

    proptest! {
        #[test]
        fn any_reads_and_seeks_see_the_head_and_the_file_behind_it(
            steps in proptest::collection::vec((0_u8..3, 0_u64..3000), 1..40),
        ) {
            let file = file(2000);
            let whole = [&b"abcdefgh"[..], &file[500..]].concat();
            let mut buffer = StreamingBuffer::new(true);
            buffer.splice(b"abcdefgh", 500);
            buffer.put(file[500..].to_vec());
            let mut position = 0;
            for (kind, amount) in steps {
                match kind {
                    0 => position = buffer.seek(SeekFrom::Start(amount)).unwrap(),
                    1 => {
                        let back = -(amount.min(whole.len() as u64) as i64);
                        position = buffer.seek(SeekFrom::End(back)).unwrap();
                    }
                    _ => {
                        let mut out = vec![0; amount as usize];
                        let count = buffer.read(&mut out).unwrap();
                        let at = (position as usize).min(whole.len());
                        prop_assert!(whole[at..].starts_with(&out[..count]));
                        prop_assert!(count > 0 || amount == 0 || at == whole.len());
                        position += count as u64;
                    }
                }
            }
        }
    }
}
