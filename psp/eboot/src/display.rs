//! The screen: two buffers in video memory, of which one is shown while the other is drawn. Knows
//! pixels and refreshes; what they mean is the caller's.

use core::sync::atomic::{AtomicBool, Ordering};

use psp::sys::{self, DisplayMode, DisplayPixelFormat, DisplaySetBufSync};
use testcard_psp_screen::{Canvas, HEIGHT, STRIDE, WIDTH};

/// A buffer: 8 bits each of alpha, blue, green and red, red in the lowest.
const BUFFER_PIXELS: usize = STRIDE * HEIGHT as usize;

/// The processor's own view of video memory, past its cache.
const UNCACHED: usize = 0x4000_0000;

/// Whether the program has ended badly, and the screen is no longer anybody's.
static TAKEN_OVER: AtomicBool = AtomicBool::new(false);

/// The screen. There is one.
pub struct Display {
    /// Which buffer is shown: 0 or 1.
    shown: usize,
}

impl Display {
    /// Switches the screen on, black.
    pub fn open() -> Self {
        let mut display = Self { shown: 1 };
        display.back().fill(0);
        // SAFETY: the mode of the console's own screen.
        unsafe { sys::sceDisplaySetMode(DisplayMode::Lcd, WIDTH as usize, HEIGHT as usize) };
        display.flip();
        display
    }

    /// The buffer that is not shown, to be drawn; what was drawn there the time before last is
    /// still in it.
    pub fn back(&mut self) -> &mut [u32] {
        // SAFETY: the first 1.1 MB of video memory are the two buffers and nothing else, the
        // reference is bound to `self`, and there is one Display.
        unsafe { core::slice::from_raw_parts_mut(buffer(1 - self.shown), BUFFER_PIXELS) }
    }

    /// Puts a picture of the film into the buffer that is not shown, as large as it can be and black
    /// around it: `size` pixels in lines that are `stride` pixels apart. One that is as large as the
    /// screen is only copied.
    pub fn put(&mut self, pixels: &[u32], stride: usize, (width, height): (usize, usize)) {
        let (screen_width, screen_height) = (WIDTH as usize, HEIGHT as usize);
        let back = self.back();
        if width == 0 || height == 0 {
            return back.fill(0);
        }
        // How large it gets: as wide as the screen, or as high.
        let (wide, high) = match width * screen_height >= height * screen_width {
            true => (screen_width, (height * screen_width / width).max(1)),
            false => ((width * screen_height / height).max(1), screen_height),
        };
        let (left, top) = ((screen_width - wide) / 2, (screen_height - high) / 2);
        for (y, line) in back.chunks_exact_mut(STRIDE).enumerate() {
            let row = y.checked_sub(top).filter(|row| *row < high).map(|row| row * height / high);
            let from = row.and_then(|row| pixels.get(row * stride..)?.get(..width));
            let (Some(from), Some(line)) = (from, line.get_mut(..screen_width)) else {
                line.fill(0);
                continue;
            };
            let (before, rest) = line.split_at_mut(left);
            let (line, after) = rest.split_at_mut(wide);
            before.fill(0);
            after.fill(0);
            match wide == width {
                true => line.copy_from_slice(from),
                // The nearest pixel, found by adding up as in Bresenham's line.
                false => {
                    let (mut at, mut sum) = (0, 0);
                    for pixel in line {
                        *pixel = from.get(at).copied().unwrap_or_default();
                        sum += width;
                        at += sum / wide;
                        sum %= wide;
                    }
                }
            }
        }
    }

    /// The same as a canvas.
    pub fn canvas(&mut self) -> Canvas<'_> {
        Canvas::new(self.back(), WIDTH, HEIGHT, STRIDE)
    }

    /// Shows what was drawn, from the next refresh on, and waits for that.
    pub fn flip(&mut self) {
        self.shown = 1 - self.shown;
        if TAKEN_OVER.load(Ordering::Relaxed) {
            return;
        }
        show(self.shown, DisplaySetBufSync::NextFrame);
        self.wait();
    }

    /// Waits for the next refresh: there are 59.94 a second.
    pub fn wait(&self) {
        // SAFETY: only waits.
        unsafe { sys::sceDisplayWaitVblankStart() };
    }
}

/// Shows this from now on, whatever else anybody draws: for a program that has ended badly. Needs
/// no memory.
pub fn take_over(draw: impl FnOnce(&mut Canvas<'_>)) {
    TAKEN_OVER.store(true, Ordering::Relaxed);
    // SAFETY: whoever draws meanwhile draws over it, which is ugly and no more.
    let pixels = unsafe { core::slice::from_raw_parts_mut(buffer(0), BUFFER_PIXELS) };
    draw(&mut Canvas::new(pixels, WIDTH, HEIGHT, STRIDE));
    show(0, DisplaySetBufSync::Immediate);
}

fn buffer(which: usize) -> *mut u32 {
    // SAFETY: only tells where video memory is.
    let start = unsafe { sys::sceGeEdramGetAddr() };
    start.wrapping_add(which * BUFFER_PIXELS * 4).cast()
}

fn show(which: usize, sync: DisplaySetBufSync) {
    let pixels = buffer(which).map_addr(|address| address | UNCACHED).cast::<u8>();
    // SAFETY: the buffer is as large as the mode says. What was drawn is in the cache as yet.
    unsafe {
        sys::sceKernelDcacheWritebackAll();
        sys::sceDisplaySetFrameBuf(pixels, STRIDE, DisplayPixelFormat::Psm8888, sync);
    }
}
