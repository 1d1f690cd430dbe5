//! What the TV looks like on a PSP: draws what `testcard_core::guide` describes onto a picture of
//! 480 × 272 pixels, in software and in integers. It decides nothing (what is shown is the
//! [`View`]'s, where it is shown is [`layout_in_hand`]'s), knows no hardware, and cannot fail.
//!
//! The contract with the owner of the frame buffer:
//!
//! - While [`covers_picture`] says that the view leaves no room for the film's picture, or while
//!   there is none, the buffer is this crate's: [`Screen::draw`] draws all of it, and only when
//!   something has changed. Show the buffer after a draw that returned `true`.
//! - Otherwise put each picture of the film into the buffer and then draw: what lies over the film
//!   is drawn anew every time, which allocates nothing.
//! - When the buffer lost what was drawn (something else was put there, the set slept),
//!   [`Screen::forget`].
//!
//! A page is drawn whole, about 1.3 times the screen's pixels written, mostly as runs of one
//! colour. It changes once a second; parts of it are not worth remembering.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;
// What the tests share with the example calls this crate by its name.
#[cfg(test)]
extern crate self as testcard_psp_screen;

mod canvas;
mod font;
mod legend;
mod palette;
mod panic;
mod screens;
mod test_card;
#[cfg(test)]
mod tests;
mod text;

use alloc::string::String;

use testcard_core::guide::{Backdrop, Layout, View, layout_in_hand};

pub use canvas::Canvas;
pub use legend::Confirm;
pub use panic::draw_panic;

/// The screen's size in pixels, and from one row of a frame buffer to the next: a power of two, as
/// the graphics hardware wants it.
pub const WIDTH: u32 = 480;
/// See [`WIDTH`].
pub const HEIGHT: u32 = 272;
/// See [`WIDTH`].
pub const STRIDE: usize = 512;

/// What the screen shows of the machine and not of the programmes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Extra {
    /// How full the battery is, in percent; `None` without one.
    pub battery: Option<u8>,
    /// Whether the buffer holds a picture of the film.
    pub picture: bool,
    /// Which button takes a choice.
    pub confirm: Confirm,
}

/// Draws views.
#[derive(Debug, Default)]
pub struct Screen {
    drawn: Option<Drawn>,
    /// Where lines are put together; kept for its memory.
    words: String,
}

/// What the buffer shows.
#[derive(Debug)]
struct Drawn {
    view: View,
    extra: Extra,
    size: (u32, u32),
    layout: Layout,
}

impl Screen {
    /// A screen that has drawn nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws `view` onto `canvas`, unless that is what was drawn last. Says whether the canvas
    /// changed.
    ///
    /// It allocates when the view is another than the last time: a copy to compare the next with.
    pub fn draw(&mut self, canvas: &mut Canvas<'_>, view: &View, extra: &Extra) -> bool {
        let size = (canvas.width(), canvas.height());
        let same =
            |drawn: &Drawn| drawn.size == size && drawn.extra == *extra && drawn.view == *view;
        let is_same = self.drawn.as_ref().is_some_and(same);
        let over_picture = extra.picture && !covers_picture(view);
        if is_same && !over_picture {
            return false;
        }
        if !is_same {
            let layout = layout_in_hand(size.0, size.1, view);
            self.drawn = Some(Drawn { view: view.clone(), extra: *extra, size, layout });
        }
        let Some(Drawn { layout, .. }) = &self.drawn else { return false };
        screens::draw(canvas, &mut self.words, view, extra, layout);
        !over_picture || layout.panels().next().is_some()
    }

    /// The buffer no longer holds what was drawn: the next view is drawn even if it is the same.
    pub fn forget(&mut self) {
        self.drawn = None;
    }
}

/// Whether nothing of the film's picture is seen, so that it need not be put into the buffer.
pub fn covers_picture(view: &View) -> bool {
    let test_card = |card: &testcard_core::guide::Card| card.backdrop == Backdrop::TestCard;
    view.list.is_some() || view.sound.is_some() || view.card.as_ref().is_some_and(test_card)
}
