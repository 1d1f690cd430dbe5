//! The memory that pictures are decoded with and into. It is set aside once, at the start, for
//! whatever film may come.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use testcard_core::time::MediaTime;

use super::{HEIGHT, STRIDE, Size, WIDTH};

/// A line of the data cache. Memory that the Media Engine writes must share none with anything
/// else: such a line, written back later, would bring back what was there before.
#[repr(C, align(64))]
struct Line([u32; 16]);

const LINE_BYTES: usize = size_of::<Line>();

/// Pictures at a time: one on the screen, one waiting for its time, one being decoded.
const PICTURES: usize = 3;

const PICTURE_PIXELS: usize = STRIDE * HEIGHT;

/// The firmware's own memory: what sceMpegQueryMemSize(0) says on all known firmware, 64 KB.
pub(super) const LIBRARY_BYTES: usize = 64 * 1024;

/// The largest access unit, in bytes. A picture of 480 × 272 has 510 macroblocks of 384 bytes, which up to
/// level 3 are compressed to half of that or less (`MinCR`, ITU-T H.264 table A-1): 97,920 bytes.
/// The place in the Media Engine that it is copied to ends after 548,864 bytes.
pub const ACCESS_UNIT_BYTES: usize = 128 * 1024;

type Lines = Box<[UnsafeCell<Line>]>;

fn lines(bytes: usize) -> Lines {
    (0..bytes / LINE_BYTES).map(|_| UnsafeCell::new(Line([0; 16]))).collect()
}

/// Where a stretch of lines starts. Valid for as long as they are, for reading and writing.
fn start(lines: &Lines) -> *mut u8 {
    UnsafeCell::raw_get(lines.as_ptr()).cast()
}

/// See the module.
pub struct Memory {
    pictures: [Lines; PICTURES],
    /// Which of them somebody has.
    taken: [AtomicBool; PICTURES],
    library: Lines,
    access_unit: Lines,
    /// Whether a decoder has the last two.
    decoding: AtomicBool,
}

// SAFETY: only who has set one of the flags touches the lines that it stands for.
unsafe impl Sync for Memory {}
// SAFETY: the lines are plain numbers.
unsafe impl Send for Memory {}

impl Memory {
    /// How many bytes it has, for the table of who owns which: 1,867,776.
    pub const BYTES: usize = PICTURES * PICTURE_PIXELS * 4 + LIBRARY_BYTES + ACCESS_UNIT_BYTES;

    /// Sets it aside.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            pictures: core::array::from_fn(|_| lines(PICTURE_PIXELS * 4)),
            taken: Default::default(),
            library: lines(LIBRARY_BYTES),
            access_unit: lines(ACCESS_UNIT_BYTES),
            decoding: AtomicBool::new(false),
        })
    }

    /// Whether a picture is free.
    pub(super) fn has_room(&self) -> bool {
        self.taken.iter().any(|taken| !taken.load(Ordering::Relaxed))
    }

    /// A free picture, with whatever was in it.
    pub(super) fn take(self: &Arc<Self>, size: Size) -> Option<Picture> {
        let index = self.taken.iter().position(|taken| !taken.swap(true, Ordering::Acquire))?;
        Some(Picture { memory: self.clone(), index, size, pts: MediaTime::ZERO })
    }
}

/// What a decoder works with. One at a time has it.
pub(super) struct Workspace(Arc<Memory>);

impl Workspace {
    /// None when a decoder has it.
    pub(super) fn of(memory: &Arc<Memory>) -> Option<Self> {
        let taken = memory.decoding.swap(true, Ordering::Acquire);
        (!taken).then(|| Self(memory.clone()))
    }

    pub(super) fn memory(&self) -> &Arc<Memory> {
        &self.0
    }

    /// Where the firmware's [`LIBRARY_BYTES`] start.
    pub(super) fn library(&self) -> *mut u8 {
        start(&self.0.library)
    }

    /// Where access units are put.
    pub(super) fn access_unit(&mut self) -> &mut [u8] {
        // SAFETY: the lines are that long, and ours alone until `self` is dropped.
        unsafe { core::slice::from_raw_parts_mut(start(&self.0.access_unit), ACCESS_UNIT_BYTES) }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.0.decoding.store(false, Ordering::Release);
    }
}

/// A decoded picture. Dropping it makes room for another one.
pub struct Picture {
    memory: Arc<Memory>,
    index: usize,
    size: Size,
    pub(super) pts: MediaTime,
}

impl Picture {
    /// When to show it.
    pub fn pts(&self) -> MediaTime {
        self.pts
    }

    /// How much of [`Picture::pixels`] it is: so many pixels of so many rows, from the first on.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Rows of [`STRIDE`] pixels. A pixel has red in its lowest byte, then green, then blue; what
    /// the highest byte has does not count (the hardware writes 0 there, PPSSPP 255).
    pub fn pixels(&self) -> &[u32] {
        // SAFETY: the lines are that long, and nobody writes them until `self` is dropped.
        unsafe { core::slice::from_raw_parts(self.start(), PICTURE_PIXELS) }
    }

    pub(super) fn pixels_mut(&mut self) -> &mut [u32] {
        // SAFETY: the lines are that long, and nobody else has them until `self` is dropped.
        unsafe { core::slice::from_raw_parts_mut(self.start(), PICTURE_PIXELS) }
    }

    /// Puts rows in their place that were written one right after another, as if the screen's were
    /// they: the n-th pixel of the picture as the n-th of the screen.
    pub(super) fn unroll(&mut self) {
        let Size { width, height } = self.size;
        let pixels = self.pixels_mut();
        // From the last on: a row never comes to lie before what it was made of. It was made of the
        // end of a row and the start of the next.
        for y in (0..height).rev() {
            let (row, x) = (y * width / WIDTH, y * width % WIDTH);
            let (from, to, first) = (row * STRIDE + x, y * STRIDE, width.min(WIDTH - x));
            let next = (row + 1) * STRIDE;
            pixels.copy_within(next..next + (width - first), to + first);
            pixels.copy_within(from..from + first, to);
        }
    }

    /// Where the pixels start.
    pub(super) fn start(&self) -> *mut u32 {
        start(&self.memory.pictures[self.index]).cast()
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.memory.taken[self.index].store(false, Ordering::Release);
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size { width, height } = self.size;
        write!(f, "Picture({width} x {height} at {} us)", self.pts.as_micros())
    }
}
