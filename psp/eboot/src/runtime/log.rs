//! Lines for a person who wants to know what happened: at once on an emulator's console, and in
//! `testcard.log` on the Memory Stick whenever somebody has time to write ([`flush`]). The log is
//! bounded: when it is full, it becomes `testcard.old.log`, and a new one is begun.

use core::cell::UnsafeCell;
use core::fmt::{self, Write};

use psp::sys;

use super::files::{self, File};
use super::imports;

/// The longest line, its end included.
const LINE_BYTES: usize = 512;

/// Lines that wait to be written: some seconds of a bad evening.
const WAITING_BYTES: usize = 8 * 1024;

/// The longest a file of the log gets. Two of them are at most on the Memory Stick.
const FILE_BYTES: u64 = 128 * 1024;

const NAME: &str = "testcard.log";
const OLD_NAME: &str = "testcard.old.log";

/// Text of at most `N` bytes that needs no heap. What is too long for it is cut.
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    /// No text.
    pub(super) const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// What was written, as far as it is whole characters.
    pub fn as_str(&self) -> &str {
        let bytes = self.as_bytes();
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(N - self.len);
        self.bytes[self.len..self.len + taken].copy_from_slice(&bytes[..taken]);
        self.len += taken;
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

struct Waiting(UnsafeCell<Text<WAITING_BYTES>>);

// SAFETY: all access is in `with_waiting`, and there is one core.
unsafe impl Sync for Waiting {}

static WAITING: Waiting = Waiting(UnsafeCell::new(Text::new()));

fn with_waiting<T>(work: impl FnOnce(&mut Text<WAITING_BYTES>) -> T) -> T {
    // SAFETY: with interrupts off no other thread runs: this is the only reference.
    unsafe {
        let flags = sys::sceKernelCpuSuspendIntr();
        let result = work(&mut *WAITING.0.get());
        sys::sceKernelCpuResumeIntr(flags);
        result
    }
}

/// Notes a line. What is longer than 511 bytes is cut, and so is what comes faster than it can be
/// written.
pub fn line(text: fmt::Arguments<'_>) {
    let mut line = Text::<LINE_BYTES>::new();
    // Writing into it cannot fail; a Display that fails leaves the line as far as it got.
    let _ = line.write_fmt(text);
    line.len = line.len.min(LINE_BYTES - 1);
    line.push(b"\n");
    print(line.as_bytes());
    with_waiting(|waiting| waiting.push(line.as_bytes()));
}

/// On an emulator's console. A console has none, and ignores it.
fn print(line: &[u8]) {
    // SAFETY: the firmware reads these bytes and keeps nothing.
    unsafe {
        sys::sceIoWrite(sys::sceKernelStdout(), line.as_ptr().cast(), line.len());
        let (device, none) = (c"emulator:".as_ptr().cast(), core::ptr::null_mut());
        imports::sceIoDevctl(device, 2, line.as_ptr(), line.len(), none, 0);
    }
}

/// Writes what waits to the Memory Stick, which takes milliseconds. Called by one thread. Without a
/// Memory Stick the lines are lost: there is nowhere to say so.
pub fn flush() {
    let mut text = Text::<WAITING_BYTES>::new();
    with_waiting(|waiting| {
        text.push(waiting.as_bytes());
        waiting.len = 0;
    });
    if text.len > 0 {
        write(text.as_bytes());
    }
}

fn write(bytes: &[u8]) {
    if files::open(NAME).is_ok_and(|(_, length)| length + bytes.len() as u64 > FILE_BYTES) {
        let _ = files::rename(NAME, OLD_NAME);
    }
    if let Ok(mut file) = File::append(NAME) {
        let _ = file.write(bytes);
    }
}

/// Notes a line and writes it at once, with all that waits: the program is about to end.
pub fn last_words(text: fmt::Arguments<'_>) {
    line(text);
    flush();
}
