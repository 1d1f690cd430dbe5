//! Draws what `testcard_core::guide` describes, in software, onto a canvas that goes over the film:
//! where the canvas is transparent the film shows. It decides nothing: what is shown is the
//! [`View`]'s, where it is shown is [`layout`]'s. It knows no window and no SDL.

mod canvas;
mod screens;
mod test_card;
mod text;

pub use canvas::Canvas;
use canvas::Colour;
use testcard_core::guide::{View, layout};
use text::Text;

/// Draws views, each once.
#[derive(Default)]
pub struct Painter {
    canvas: Canvas,
    text: Text,
    painted: Option<(View, u32, u32)>,
}

impl Painter {
    /// A painter with an empty canvas.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws `view` for a screen of `width` × `height` pixels, unless that is what the canvas shows
    /// already. Says whether the canvas changed, and so whether a texture made of it is stale.
    pub fn paint(&mut self, view: &View, width: u32, height: u32) -> bool {
        let (width, height) = (width.min(SIDE_MAX), height.min(SIDE_MAX));
        let same = self
            .painted
            .as_ref()
            .is_some_and(|(painted, w, h)| (*w, *h) == (width, height) && painted == view);
        if same {
            return false;
        }
        self.canvas.reset(width, height);
        let layout = layout(width, height, view);
        screens::draw(&mut self.canvas, &mut self.text, view, &layout);
        self.painted = Some((view.clone(), width, height));
        true
    }

    /// What was drawn last.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }
}

/// The longest side of a canvas; one of 8K video is half as long.
const SIDE_MAX: u32 = 16_384;

/// The colours of the set. Words on their ground have a contrast of at least 4.5 to 1 (WCAG 2.2,
/// 1.4.3), also where a white picture shines through a panel; a test computes it.
mod palette {
    use super::Colour;

    /// Words.
    pub const INK: Colour = Colour::rgb(0xf6f3ec);
    /// Words that matter less.
    pub const DIM: Colour = Colour::rgb(0xb9bfcc);
    /// What is special: the channel, progress.
    pub const AMBER: Colour = Colour::rgb(0xffc857);
    /// What is wrong.
    pub const CORAL: Colour = Colour::rgb(0xff8f7a);
    /// The ground of words over a picture.
    pub const PANEL: Colour = Colour::rgb(0x0b0e16).alpha(236);
    /// The ground of words on the test card, and of all that is dark on it.
    pub const NIGHT: Colour = Colour::rgb(0x0b0e16);
    /// The guide's page, at the top and at the bottom.
    pub const PAGE_TOP: Colour = Colour::rgb(0x0d111c);
    /// See [`PAGE_TOP`].
    pub const PAGE_BOTTOM: Colour = Colour::rgb(0x161c2e);
    /// A row of the guide.
    pub const ROW: Colour = Colour::rgb(0x1d2438);
    /// The row under the cursor, and the words and the progress on it.
    pub const CURSOR: Colour = Colour::rgb(0xf6f3ec);
    /// See [`CURSOR`].
    pub const CURSOR_INK: Colour = Colour::rgb(0x121622);
    /// See [`CURSOR`].
    pub const CURSOR_DIM: Colour = Colour::rgb(0x4a5163);
    /// See [`CURSOR`].
    pub const CURSOR_PROGRESS: Colour = Colour::rgb(0xb45f06);
    /// The part of a bar that is not reached, on a dark and on a light ground.
    pub const TRACK: Colour = Colour::rgb(0xffffff).alpha(56);
    /// See [`TRACK`].
    pub const CURSOR_TRACK: Colour = Colour::rgb(0x121622).alpha(48);
}

#[cfg(test)]
mod tests {
    use testcard_core::guide::{
        Backdrop, Banner, Card, GuidePage, Next, NumberEntry, OnAir, Part, Row, Station, Volume,
    };

    use super::*;

    fn view() -> View {
        View { volume: Some(Volume { percent: 40, muted: false }), ..View::default() }
    }

    #[test]
    fn a_view_is_drawn_once_until_it_or_the_screen_changes() {
        let mut painter = Painter::new();
        assert!(painter.paint(&view(), 640, 360));
        assert!(!painter.paint(&view(), 640, 360));
        assert!(painter.paint(&view(), 640, 361));
        assert!(painter.paint(&View::default(), 640, 361));
    }

    #[test]
    fn a_painter_that_is_used_again_draws_what_a_new_one_would() {
        let mut used = Painter::new();
        used.paint(&view(), 800, 600);
        used.paint(&View::default(), 640, 360);
        used.paint(&view(), 640, 360);
        let mut new = Painter::new();
        new.paint(&view(), 640, 360);
        assert_eq!(used.canvas().pixels(), new.canvas().pixels());
    }

    #[test]
    fn the_film_shows_where_nothing_is_drawn() {
        let mut painter = Painter::new();
        painter.paint(&view(), 640, 360);
        let layout = layout(640, 360, &view());
        let volume = layout.place(Part::Volume).expect("laid out").rect;
        let alpha =
            |x: i32, y: i32| painter.canvas().pixels()[(y as usize * 640 + x as usize) * 4 + 3];
        assert_eq!(alpha(20, 20), 0);
        assert!(alpha(volume.x + volume.width / 2, volume.y + volume.height / 2) > 0);
    }

    fn everything(guide: bool) -> View {
        let words = || "A Word to Say Something With".to_string();
        let station = || Station {
            number: 888,
            name: words(),
            on_air: Some(OnAir {
                title: words().repeat(9),
                year: Some(1926),
                starts: "20:18".to_string(),
                ends: "21:32".to_string(),
                position: "1:23:23".to_string(),
                duration: "2:14:06".to_string(),
                progress_permille: 1000,
            }),
            next: Some(Next { title: words(), year: None, starts: "21:32".to_string() }),
        };
        View {
            card: Some(Card {
                backdrop: if guide { Backdrop::TestCard } else { Backdrop::Picture },
                heading: words(),
                sentence: words().repeat(20),
                detail: Some(words()),
            }),
            guide: guide.then(|| GuidePage {
                clock: "20:42".to_string(),
                rows: vec![Row { station: station(), tuned: true }; GuidePage::ROWS],
                selected: 2,
                above: 3,
                below: 4,
                note: Some(words()),
            }),
            banner: (!guide).then(|| Banner {
                clock: "20:42".to_string(),
                station: station(),
                note: Some(words()),
            }),
            entry: Some(NumberEntry {
                digits: "88".to_string(),
                message: Some(words()),
                unknown: false,
            }),
            volume: Some(Volume { percent: 100, muted: true }),
            offline: true,
            muted: true,
            ..View::default()
        }
    }

    #[test]
    fn nothing_is_drawn_outside_the_places_of_the_layout() {
        let (width, height) = (480, 272);
        let view = everything(false);
        let layout = layout(width, height, &view);
        let mut painter = Painter::new();
        painter.paint(&view, width, height);
        for (n, pixel) in (0i32..).zip(painter.canvas().pixels().as_chunks::<4>().0) {
            let (x, y) = (n % width as i32, n / width as i32);
            let laid_out = layout.elements().iter().any(|element| {
                !matches!(element.part, Part::Picture | Part::Card) && element.rect.contains(x, y)
            });
            assert!(laid_out || pixel[3] == 0, "({x}, {y})");
        }
    }

    #[test]
    fn windows_of_every_shape_are_drawn() {
        let mut painter = Painter::new();
        for side in [0, 1, 2, 3, 7, 40, 130, 300] {
            for other in [0, 1, 9, 64, 200] {
                for guide in [false, true] {
                    let mut view = everything(guide);
                    painter.paint(&view, side, other);
                    assert_eq!(painter.canvas().pixels().len(), (side * other * 4) as usize);
                    if let Some(card) = &mut view.card {
                        card.backdrop = Backdrop::TestCard;
                    }
                    painter.paint(&view, other, side);
                }
            }
        }
    }

    /// WCAG 2.2's contrast ratio.
    fn contrast(a: Colour, b: Colour) -> f64 {
        let luminance = |Colour([red, green, blue, _]): Colour| {
            let linear = |value: u8| match f64::from(value) / 255.0 {
                value if value <= 0.04045 => value / 12.92,
                value => ((value + 0.055) / 1.055).powf(2.4),
            };
            0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn all_words_have_a_contrast_of_at_least_4_5_to_1() {
        use palette::*;
        let white = Colour::rgb(0xffffff);
        let panel_on_white = PANEL.towards(white, 255 - i32::from(PANEL.0[3]), 255);
        for ground in [NIGHT, PAGE_TOP, PAGE_BOTTOM, ROW, panel_on_white] {
            for words in [INK, DIM, AMBER, CORAL] {
                let ratio = contrast(words, ground);
                assert!(ratio >= 4.5, "{words:?} on {ground:?}: {ratio:.2}");
            }
        }
        for words in [CURSOR_INK, CURSOR_DIM] {
            let ratio = contrast(words, CURSOR);
            assert!(ratio >= 4.5, "{words:?} on {CURSOR:?}: {ratio:.2}");
        }
        assert!(contrast(NIGHT, AMBER) >= 4.5);
    }
}
