//! Access units on their way to the decoder, in memory that is taken once: bytes in a ring, and for
//! each unit its length and time. Full means full: whoever fetches has to wait, and so the whole
//! way back to the archive.

use alloc::boxed::Box;
use alloc::vec;

use testcard_core::time::MediaTime;

use super::decoder::UNIT_BYTES_MAX;

/// Bytes of access units: 5 seconds at 200 kbit/s, 1.7 seconds of the richest AAC there is.
const BYTES: usize = 128 * 1024;

/// Access units: 5.9 seconds at 44.1 kHz.
const UNITS: usize = 256;

/// One access unit in the ring.
#[derive(Clone, Copy)]
struct Unit {
    time: MediaTime,
    /// 0 for one that is longer than any that can be decoded: its time still passes.
    bytes: usize,
}

/// The queue.
pub struct Queue {
    bytes: Box<[u8]>,
    /// Where the first unit's bytes begin, and how many are taken from there on.
    bytes_from: usize,
    bytes_taken: usize,
    units: Box<[Unit]>,
    units_from: usize,
    units_taken: usize,
}

impl Queue {
    /// What it takes of the heap.
    pub const MEMORY_BYTES: usize = BYTES + UNITS * size_of::<Unit>();

    /// An empty queue, with all the memory it will ever have.
    pub fn new() -> Self {
        let none = Unit { time: MediaTime::ZERO, bytes: 0 };
        Self {
            bytes: vec![0; BYTES].into(),
            bytes_from: 0,
            bytes_taken: 0,
            units: vec![none; UNITS].into(),
            units_from: 0,
            units_taken: 0,
        }
    }

    /// Whether any access unit fits.
    pub fn has_room(&self) -> bool {
        self.units_taken < UNITS && BYTES - self.bytes_taken >= UNIT_BYTES_MAX
    }

    /// Access units waiting.
    pub fn len(&self) -> usize {
        self.units_taken
    }

    /// Adds an access unit due at `time`; whether there was room for it.
    pub fn push(&mut self, access_unit: &[u8], time: MediaTime) -> bool {
        let unit = match access_unit.len() {
            bytes @ ..=UNIT_BYTES_MAX => Unit { time, bytes },
            _ => Unit { time, bytes: 0 },
        };
        if self.units_taken == UNITS || BYTES - self.bytes_taken < unit.bytes {
            return false;
        }
        let at = (self.bytes_from + self.bytes_taken) % BYTES;
        let (head, tail) = access_unit[..unit.bytes].split_at(unit.bytes.min(BYTES - at));
        self.bytes[at..at + head.len()].copy_from_slice(head);
        self.bytes[..tail.len()].copy_from_slice(tail);
        self.bytes_taken += unit.bytes;
        self.units[(self.units_from + self.units_taken) % UNITS] = unit;
        self.units_taken += 1;
        true
    }

    /// Takes the first access unit out: how many bytes of `into` it fills, and when it is due.
    pub fn pop(&mut self, into: &mut [u8; UNIT_BYTES_MAX]) -> Option<(usize, MediaTime)> {
        if self.units_taken == 0 {
            return None;
        }
        let Unit { time, bytes } = self.units[self.units_from];
        let at = self.bytes_from;
        let head = bytes.min(BYTES - at);
        into[..head].copy_from_slice(&self.bytes[at..at + head]);
        into[head..bytes].copy_from_slice(&self.bytes[..bytes - head]);
        self.bytes_from = (at + bytes) % BYTES;
        self.bytes_taken -= bytes;
        self.units_from = (self.units_from + 1) % UNITS;
        self.units_taken -= 1;
        Some((bytes, time))
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        (self.bytes_taken, self.units_taken) = (0, 0);
    }
}
