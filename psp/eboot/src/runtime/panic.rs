//! What happens when the program panics: it says so on its log and on the screen, waits until
//! somebody has read it, and ends. Allocates nothing and locks nothing: what panicked may have been
//! the heap, or hold whatever there is to hold.
//!
//! The psp crate comes with a panic handler that spins for ever and cannot be switched off. The
//! compiler allows one of those in a program, but the handler is just a function that `core` calls by
//! a name; ours has the same name, comes first in the link, and the linker is told to take the first.

use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use psp::sys;
use testcard_psp_screen::draw_panic;

use super::log::{self, Text};
use crate::{display, pad};

/// How long the message stays at most: nobody may be there.
const REFRESHES_MAX: u32 = 60 * 60 * 10;

/// A second panic would be one of what follows here.
static PANICKED: AtomicBool = AtomicBool::new(false);

#[rustc_std_internal_symbol]
fn rust_begin_unwind(info: &PanicInfo<'_>) -> ! {
    if !PANICKED.swap(true, Ordering::Relaxed) {
        log::last_words(format_args!("PANIC {info}"));
        log::last_words(format_args!("RESULT FAIL"));
        let mut text = Text::<512>::new();
        // It cuts what it has no room for, and cannot fail.
        let _ = write!(text, "{info}");
        display::take_over(|canvas| draw_panic(canvas, text.as_str()));
        wait_for_a_button();
    }
    super::leave()
}

/// Until one is pressed that was not down before.
fn wait_for_a_button() {
    let mut was_down = true;
    for _ in 0..REFRESHES_MAX {
        // SAFETY: only waits.
        unsafe { sys::sceDisplayWaitVblankStart() };
        let is_down = pad::any_is_down();
        if is_down && !was_down {
            return;
        }
        was_down = is_down;
    }
}
