//! The line at the foot of a page that says which button does what, with the buttons drawn as they
//! are on the machine. What a button really does is decided where buttons are read.

use testcard_core::guide::Rect;

use crate::canvas::{Canvas, Colour};
use crate::font::{BODY, STRONG};
use crate::palette::{BUTTON, DIM, INK};
use crate::text::{self, Align, Style};

include!(concat!(env!("OUT_DIR"), "/symbols.rs"));

/// The side of a symbol, in pixels.
const SIDE: i32 = 16;
/// Between a button and its word, and at least between one word and the next button.
const GAP: i32 = 4;
const GAP_MAX: i32 = 24;

/// Which button takes a choice, as the owner of the machine has set it: in Japan as a rule the
/// circle, elsewhere the cross (`sceUtilityGetSystemParamInt`, `ButtonPreference`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Confirm {
    /// The cross takes, the circle goes back.
    #[default]
    Cross,
    /// The circle takes, the cross goes back.
    Circle,
}

/// A thing to press.
#[derive(Clone, Copy, Debug)]
enum Button {
    Confirm,
    Back,
    Triangle,
    UpDown,
    LeftRight,
    /// A button with letters on it.
    Named(&'static str),
}

type Entry = (&'static [Button], &'static str);

const GUIDE: [Entry; 5] = [
    (&[Button::UpDown], "Select"),
    (&[Button::Confirm], "Watch"),
    (&[Button::Back], "Back"),
    (&[Button::Named("L"), Button::Named("R")], "Channel"),
    (&[Button::Named("SELECT")], "Mute"),
];

const LISTENING: [Entry; 5] = [
    (&[Button::Triangle], "Guide"),
    (&[Button::UpDown], "Channel"),
    (&[Button::LeftRight], "Volume"),
    (&[Button::Named("SELECT")], "Mute"),
    (&[Button::Named("START")], "Last"),
];

/// What the buttons do in the guide.
pub(crate) fn guide(canvas: &mut Canvas<'_>, rect: Rect, ground: Colour, confirm: Confirm) {
    draw(canvas, rect, ground, confirm, &GUIDE);
}

/// What they do while a programme plays.
pub(crate) fn listening(canvas: &mut Canvas<'_>, rect: Rect, ground: Colour, confirm: Confirm) {
    draw(canvas, rect, ground, confirm, &LISTENING);
}

fn draw(canvas: &mut Canvas<'_>, rect: Rect, ground: Colour, confirm: Confirm, entries: &[Entry]) {
    let words =
        Style { face: &BODY, tabular: false, tracking: 0, align: Align::Left, ink: DIM, ground };
    let width_of = |(buttons, word): &Entry| {
        buttons.iter().map(|button| button.width() + GAP).sum::<i32>() + text::width(word, words)
    };
    let used: i32 = entries.iter().map(width_of).sum();
    let gaps = i32::try_from(entries.len()).unwrap_or(1).max(2) - 1;
    let gap = ((rect.width - used) / gaps).clamp(GAP, GAP_MAX);
    let mut x = rect.x;
    for (buttons, word) in entries {
        for button in *buttons {
            let place = Rect { x, width: button.width(), ..rect };
            button.draw(canvas, place, ground, confirm);
            x += place.width + GAP;
        }
        let place = Rect { x, width: text::width(word, words), ..rect };
        text::line(canvas, word, place, words);
        x += place.width + gap;
    }
}

/// A loudspeaker in the middle of `rect`.
pub(crate) fn loudspeaker(canvas: &mut Canvas<'_>, rect: Rect, ink: Colour, ground: Colour) {
    symbol(canvas, rect, &LOUDSPEAKER, ink, ground);
}

const LETTERS: Style = Style {
    face: &STRONG,
    tabular: false,
    tracking: 0,
    align: Align::Centre,
    ink: INK,
    ground: BUTTON,
};

impl Button {
    fn width(self) -> i32 {
        match self {
            Self::Named(name) => text::width(name, LETTERS) + 10,
            _ => SIDE,
        }
    }

    fn draw(self, canvas: &mut Canvas<'_>, rect: Rect, ground: Colour, confirm: Confirm) {
        // The colours that they are printed in.
        let (cross, circle) = (Colour::rgb(0x9dc1f2), Colour::rgb(0xff8d8d));
        let (picture, ink) = match (self, confirm) {
            (Self::Confirm, Confirm::Cross) | (Self::Back, Confirm::Circle) => (&CROSS, cross),
            (Self::Confirm, Confirm::Circle) | (Self::Back, Confirm::Cross) => (&CIRCLE, circle),
            (Self::Triangle, _) => (&TRIANGLE, Colour::rgb(0x6fdcb4)),
            (Self::UpDown, _) => (&UP_DOWN, INK),
            (Self::LeftRight, _) => (&LEFT_RIGHT, INK),
            (Self::Named(name), _) => {
                canvas.fill_rounded(rect, rect.height / 3, BUTTON);
                return text::line(canvas, name, rect, LETTERS);
            }
        };
        symbol(canvas, rect, picture, ink, ground);
    }
}

fn symbol(canvas: &mut Canvas<'_>, rect: Rect, bits: &[u8], ink: Colour, ground: Colour) {
    let (x, y) = (rect.x + (rect.width - SIDE) / 2, rect.y + (rect.height - SIDE + 1) / 2);
    let shades = ground.ramp(ink);
    for (y, row) in (y..).zip(bits.chunks_exact(SIDE as usize / 2)) {
        canvas.letter_row(x, y, row, &shades, i32::MIN);
    }
}
