//! Every frame that is played, written to a file on the Memory Stick: to show what came out. Only
//! for tests; a film of an hour would take 635 MB.
//!
//! The sound thread puts blocks into a ring and never waits. A thread of its own, less urgent than
//! all others, writes them in large pieces. What comes faster than it can be written is lost, and
//! the log says so.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use testcard_core::time::MediaTime;

use super::decoder::CHANNELS;
use crate::runtime::files::File;
use crate::runtime::log;
use crate::runtime::sync::Bell;
use crate::runtime::thread::{self, Role};

/// The ring: 3 seconds of 44.1 kHz. A power of two, so that counters may run over.
const BYTES: u32 = 512 * 1024;

/// What is written at once, when there is as much; an even part of the ring.
const PIECE: u32 = 32 * 1024;

/// How long less than a piece may wait.
const PATIENCE: Duration = Duration::from_millis(500);

/// A file of raw samples, 16 bits, little-endian, left and right in turn.
pub struct Dump {
    name: String,
    ring: UnsafeCell<Box<[u8]>>,
    /// Bytes ever put in and taken out, modulo 2³².
    put: AtomicU32,
    taken: AtomicU32,
    is_closed: AtomicBool,
    bell: Bell,
}

// SAFETY: only the sound thread writes to the ring, only from `put` on and only where `taken` has
// passed; only the dump's thread reads from it, only between the two.
unsafe impl Sync for Dump {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Dump {}

impl Dump {
    /// Begins a new, empty file in the program's folder, and a thread that writes to it.
    pub fn start(name: &str) -> Result<Arc<Self>, String> {
        File::create(name).map_err(|error| error.to_string())?;
        let dump = Arc::new(Self {
            name: name.to_string(),
            ring: UnsafeCell::new(vec![0; BYTES as usize].into()),
            put: AtomicU32::new(0),
            taken: AtomicU32::new(0),
            is_closed: AtomicBool::new(false),
            bell: Bell::new(),
        });
        let writer = Arc::clone(&dump);
        thread::spawn(&Role::DUMP, move || writer.write()).map_err(|error| error.to_string())?;
        Ok(dump)
    }

    /// Notes which frame of the file is which of the film.
    pub fn note_start(&self, target: MediaTime, rate: u32) {
        let frame = self.put.load(Ordering::Relaxed) / FRAME_BYTES;
        let (name, target) = (&self.name, target.as_micros());
        log::line(format_args!("sound: {name} frame {frame} is at {target} us, {rate} Hz"));
    }

    /// Adds frames, unless there is no room for them.
    pub fn push(&self, samples: &[i16]) {
        let put = self.put.load(Ordering::Relaxed);
        let free = BYTES - put.wrapping_sub(self.taken.load(Ordering::Acquire));
        let bytes = size_of_val(samples) as u32;
        if bytes > free {
            log::line(format_args!("sound: {} loses {bytes} bytes", self.name));
            return;
        }
        // SAFETY: this is the sound thread, and the writer is kept out by `put`.
        let ring = unsafe { &mut *self.ring.get() };
        for (at, sample) in (put..).step_by(2).zip(samples) {
            let at = (at % BYTES) as usize;
            ring[at..at + 2].copy_from_slice(&sample.to_le_bytes());
        }
        self.put.store(put.wrapping_add(bytes), Ordering::Release);
        if BYTES - free + bytes >= PIECE {
            self.bell.ring();
        }
    }

    /// Nothing more is put in: the thread writes the rest and ends.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.bell.ring();
    }

    fn write(&self) {
        while !(self.is_closed.load(Ordering::Relaxed) && self.is_written()) {
            let rung = self.bell.wait(PATIENCE);
            loop {
                let taken = self.taken.load(Ordering::Relaxed);
                let waiting = self.put.load(Ordering::Acquire).wrapping_sub(taken);
                let is_too_little =
                    rung && waiting < PIECE && !self.is_closed.load(Ordering::Relaxed);
                if waiting == 0 || is_too_little {
                    break;
                }
                let from = taken % BYTES;
                let bytes = waiting.min(PIECE).min(BYTES - from);
                // SAFETY: the sound thread is kept out of these bytes by `taken`.
                let ring = unsafe { &*self.ring.get() };
                let piece = &ring[from as usize..(from + bytes) as usize];
                // Opened anew each time: a file is only as long as when it was last closed.
                let written = File::append(&self.name).and_then(|mut file| file.write(piece));
                if let Err(error) = written {
                    log::line(format_args!("sound: {}: {error}", self.name));
                    return;
                }
                self.taken.store(taken.wrapping_add(bytes), Ordering::Release);
            }
        }
    }

    /// Whether everything is written.
    pub fn is_written(&self) -> bool {
        self.put.load(Ordering::Acquire) == self.taken.load(Ordering::Acquire)
    }
}

const FRAME_BYTES: u32 = (CHANNELS * size_of::<i16>()) as u32;
