//! The last page: what is shown when the program has stopped for good. It allocates nothing and
//! needs nothing that could be broken by then.

use testcard_core::guide::Rect;

use crate::canvas::Canvas;
use crate::font::{BODY, TITLE};
use crate::palette::{CORAL, DIM, INK, NIGHT};
use crate::text::{self, Align, Stand, Style};

const MARGIN: i32 = 20;

/// Fills the canvas with `message`, as much of it as there is room for: about nine lines of fifty
/// letters.
pub fn draw_panic(canvas: &mut Canvas<'_>, message: &str) {
    let whole = canvas.whole();
    let (width, height) = (whole.width - 2 * MARGIN, whole.height - 2 * MARGIN);
    let inner = Rect { x: MARGIN, y: MARGIN, width: width.max(0), height: height.max(0) };
    let style = Style {
        face: &TITLE,
        tabular: false,
        tracking: 0,
        align: Align::Left,
        ink: CORAL,
        ground: NIGHT,
    };
    canvas.fill(whole, NIGHT);
    canvas.fill(Rect { height: 4, ..whole }, CORAL);
    text::line(canvas, "Testcard has stopped", Rect { height: 24, ..inner }, style);

    let foot = "This was written to testcard.log. Any button leaves.";
    let foot_place = Rect { y: inner.y + inner.height - 18, height: 18, ..inner };
    text::line(canvas, foot, foot_place, Style { face: &BODY, ink: DIM, ..style });

    let style = Style { face: &BODY, ink: INK, ..style };
    let room = foot_place.y - inner.y - 24 - 20;
    let place = Rect { y: inner.y + 24 + 10, height: room.max(0), ..inner };
    text::paragraph(canvas, message, place, Stand::Top, style);
}
