//! The bytes of a film between what the decoder has consumed and what the network has brought.
//! Never moves a byte once it has arrived: the window is a queue of fixed chunks, so that sliding it
//! forward hands a chunk back instead of copying megabytes.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use crate::mp4::SampleRange;

/// The size of a chunk. Small enough that a part-filled first and last chunk cost little beside any
/// window, large enough that a body read fills few of them.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// A contiguous run of the file's bytes, appended at the end and released from the start.
pub struct Window {
    /// Offset in the file of the first byte held.
    start: u64,
    /// Bytes held.
    len: usize,
    /// Where the first byte lies in the first chunk.
    head: usize,
    chunks: VecDeque<Box<[u8]>>,
    /// Chunks given back, for the next append: in steady state nothing is allocated.
    spare: Vec<Box<[u8]>>,
    capacity: usize,
}

impl Window {
    /// An empty window that will hold at most `capacity` bytes, at offset 0. Memory is taken as
    /// bytes arrive.
    pub fn new(capacity: usize) -> Self {
        Self {
            start: 0,
            len: 0,
            head: 0,
            chunks: VecDeque::new(),
            spare: Vec::new(),
            capacity: capacity.max(CHUNK_BYTES),
        }
    }

    /// Offset in the file of the first byte held.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Offset in the file just past the last byte held, where the next byte belongs.
    pub fn end(&self) -> u64 {
        self.start + self.len as u64
    }

    /// Bytes held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no byte is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The most bytes this window ever holds.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether no further byte fits.
    pub fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// Drops everything and continues at `offset`.
    pub fn restart_at(&mut self, offset: u64) {
        self.spare.extend(self.chunks.drain(..));
        (self.start, self.len, self.head) = (offset, 0, 0);
    }

    /// Room for the next bytes: a part of a chunk, never empty unless the window is full. What is
    /// written there counts once [`Window::commit`] says so.
    pub fn room(&mut self) -> &mut [u8] {
        let filled = self.head + self.len;
        if filled == self.chunks.len() * CHUNK_BYTES && self.len < self.capacity {
            let chunk = self.spare.pop();
            self.chunks.push_back(chunk.unwrap_or_else(|| vec![0; CHUNK_BYTES].into_boxed_slice()));
        }
        let free = self.capacity - self.len.min(self.capacity);
        match self.chunks.get_mut(filled / CHUNK_BYTES) {
            Some(chunk) => {
                let from = filled % CHUNK_BYTES;
                let until = CHUNK_BYTES.min(from.saturating_add(free));
                &mut chunk[from..until]
            }
            None => &mut [],
        }
    }

    /// The first `count` bytes of [`Window::room`] now hold the file's next bytes. More than there
    /// was room for counts as all of it.
    pub fn commit(&mut self, count: usize) {
        let held = self.chunks.len() * CHUNK_BYTES - self.head;
        self.len = (self.len + count).min(held).min(self.capacity);
    }

    /// Forgets every byte before `offset`, which may lie beyond the end: then the window is empty
    /// and continues there. An offset before the start changes nothing.
    pub fn release_before(&mut self, offset: u64) {
        if offset >= self.end() {
            self.restart_at(offset);
            return;
        }
        let Some(gone) = offset.checked_sub(self.start) else { return };
        // Less than `len`, which is a usize.
        let gone = gone as usize;
        self.start += gone as u64;
        self.len -= gone;
        self.head += gone;
        while self.head >= CHUNK_BYTES {
            self.spare.extend(self.chunks.pop_front());
            self.head -= CHUNK_BYTES;
        }
    }

    /// Whether every byte of `range` is held.
    pub fn contains(&self, range: SampleRange) -> bool {
        range.offset >= self.start
            && range.offset.checked_add(u64::from(range.size)).is_some_and(|end| end <= self.end())
    }

    /// Replaces the contents of `out` by the bytes of `range`; false, and `out` empty, when not all
    /// of them are held.
    pub fn copy(&self, range: SampleRange, out: &mut Vec<u8>) -> bool {
        out.clear();
        if !self.contains(range) {
            return false;
        }
        let mut at = self.head + (range.offset - self.start) as usize;
        let mut left = range.size as usize;
        while left > 0 {
            let Some(chunk) = self.chunks.get(at / CHUNK_BYTES) else { return false };
            let from = at % CHUNK_BYTES;
            let part = &chunk[from..CHUNK_BYTES.min(from + left)];
            out.extend_from_slice(part);
            at += part.len();
            left -= part.len();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the file holds at an offset: every byte tells where it belongs.
    fn byte_at(offset: u64) -> u8 {
        (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
    }

    fn append(window: &mut Window, count: usize) -> usize {
        let from = window.end();
        let room = window.room();
        let count = count.min(room.len());
        for (offset, byte) in (from..).zip(&mut room[..count]) {
            *byte = byte_at(offset);
        }
        window.commit(count);
        count
    }

    fn range(offset: u64, size: u32) -> SampleRange {
        SampleRange { offset, size }
    }

    #[test]
    fn a_full_window_has_no_room_and_a_byte_released_makes_room_for_one() {
        let mut window = Window::new(3 * CHUNK_BYTES);
        while append(&mut window, CHUNK_BYTES) > 0 {}
        assert!(window.is_full());
        assert_eq!(window.len(), 3 * CHUNK_BYTES);
        window.release_before(1);
        assert_eq!(append(&mut window, 100), 1);
        assert!(window.is_full());
    }

    #[test]
    fn in_steady_state_chunks_are_reused() {
        let mut window = Window::new(2 * CHUNK_BYTES);
        for _ in 0..100 {
            append(&mut window, CHUNK_BYTES);
            window.release_before(window.end() - 10);
        }
        assert!(window.chunks.len() + window.spare.len() <= 3);
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_file_has_there(
            capacity in 1_usize..4 * CHUNK_BYTES,
            steps in proptest::collection::vec((0_u8..3, 0_usize..2 * CHUNK_BYTES), 1..60),
        ) {
            let mut window = Window::new(capacity);
            let mut out = Vec::new();
            for (kind, amount) in steps {
                match kind {
                    0 => { append(&mut window, amount); }
                    1 => window.release_before(window.start() + amount as u64),
                    _ => {
                        let wanted = range(window.start() + amount as u64 / 2, amount as u32);
                        let held = window.copy(wanted, &mut out);
                        prop_assert_eq!(held, window.contains(wanted));
                        if held {
                            let expected: Vec<u8> =
                                (wanted.offset..).take(amount).map(byte_at).collect();
                            prop_assert_eq!(&out, &expected);
                        }
                    }
                }
                prop_assert!(window.len() <= window.capacity());
                prop_assert!(window.chunks.len() <= window.capacity() / CHUNK_BYTES + 2);
            }
        }
    }
}
