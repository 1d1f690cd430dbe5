//! Draws what `testcard_core::guide` describes, in software, onto a canvas that goes over the film:
//! where the canvas is transparent the film shows. It decides nothing: what is shown is the
//! [`View`]'s, where it is shown is [`layout`]'s. It knows no window and no SDL.

mod canvas;
mod damage;
mod radio;
mod screens;
mod test_card;
mod text;

pub use canvas::Canvas;
use canvas::Colour;
use testcard_core::guide::{Layout, Rect, View, layout};
use text::Text;

/// Draws views, each once.
#[derive(Default)]
pub struct Painter {
    canvas: Canvas,
    text: Text,
    painted: Option<Painted>,
    damage: Vec<Rect>,
}

/// What the canvas shows.
struct Painted {
    view: View,
    layout: Layout,
    size: (u32, u32),
}

impl Painter {
    /// A painter with an empty canvas.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws `view` for a screen of `width` × `height` pixels, unless that is what the canvas shows
    /// already. Says whether the canvas changed, and so whether a texture made of it is stale.
    pub fn paint(&mut self, view: &View, width: u32, height: u32) -> bool {
        let size = (width.min(SIDE_MAX), height.min(SIDE_MAX));
        self.damage.clear();
        let is_shown = |before: &Painted| before.size == size && before.view == *view;
        if self.painted.as_ref().is_some_and(is_shown) {
            return false;
        }
        let layout = layout(size.0, size.1, view);
        match self.painted.as_ref().filter(|before| before.size == size) {
            // Times of day are as wide as they are written, and are everywhere.
            Some(before) if before.view.hours == view.hours => {
                let (old, new) = ((&before.view, &before.layout), (view, &layout));
                self.damage.extend(damage::damage(old, new));
            }
            _ => {
                self.canvas.reset(size.0, size.1);
                self.damage.push(self.canvas.whole());
            }
        }
        for damaged in &self.damage {
            self.canvas.set_clip(*damaged);
            // The guide's page covers all there was by itself.
            if view.guide.is_none() {
                self.canvas.erase(*damaged);
            }
            screens::draw(&mut self.canvas, &mut self.text, view, &layout);
        }
        self.painted = Some(Painted { view: view.clone(), layout, size });
        !self.damage.is_empty()
    }

    /// Where the last [`Painter::paint`] changed the canvas: what of a texture is to be uploaded.
    pub fn damage(&self) -> &[Rect] {
        &self.damage
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
    /// What is special: the channel, progress, now.
    pub const AMBER: Colour = Colour::rgb(0xffc857);
    /// What is wrong.
    pub const CORAL: Colour = Colour::rgb(0xff8f7a);
    /// An address.
    pub const TEAL: Colour = Colour::rgb(0x8fd6c9);
    /// The ground of words over a picture.
    pub const PANEL: Colour = Colour::rgb(0x0b0e16).alpha(236);
    /// The ground of what is said in the film, no larger than its words.
    pub const SUBTITLE: Colour = Colour::rgb(0x0b0e16).alpha(196);
    /// The ground of what comes over a page for a moment.
    pub const RAISED: Colour = Colour::rgb(0x1a2236);
    /// The line around it.
    pub const EDGE: Colour = Colour::rgb(0x7f8cb3);
    /// The ground of words on the test card, and of all that is dark on it.
    pub const NIGHT: Colour = Colour::rgb(0x0b0e16);
    /// A page, at the top and at the bottom.
    pub const PAGE_TOP: Colour = Colour::rgb(0x0d111c);
    /// See [`PAGE_TOP`].
    pub const PAGE_BOTTOM: Colour = Colour::rgb(0x161c2e);
    /// A channel, at the left of its row.
    pub const HEAD: Colour = Colour::rgb(0x232b42);
    /// A programme that is on.
    pub const ON: Colour = Colour::rgb(0x303b5b);
    /// A programme to come.
    pub const LATER: Colour = Colour::rgb(0x1f263b);
    /// A programme that is over, and the words on it.
    pub const OVER: Colour = Colour::rgb(0x151a29);
    /// See [`OVER`].
    pub const OVER_INK: Colour = Colour::rgb(0x8e96a8);
    /// What is under the cursor, and the words on it.
    pub const CURSOR: Colour = Colour::rgb(0xf6f3ec);
    /// See [`CURSOR`].
    pub const CURSOR_INK: Colour = Colour::rgb(0x121622);
    /// See [`CURSOR`].
    pub const CURSOR_DIM: Colour = Colour::rgb(0x4a5163);
    /// The part of a bar that is not reached.
    pub const TRACK: Colour = Colour::rgb(0xffffff).alpha(56);
}

#[cfg(test)]
mod tests {
    use testcard_core::guide::{
        About, Backdrop, Banner, Card, Cell, Fact, Grid, GridRow, GuidePage, Next, NumberEntry,
        OnAir, Part, SoundPage, Station, Tense, Tick, Volume,
    };
    use testcard_core::time::UnixMillis;

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

    /// All that can be on the screen together, with more words than there is room for.
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
            guide: guide.then(|| grid(0)),
            banner: (!guide).then(|| Banner {
                clock: "20:42".to_string(),
                station: station(),
                note: Some(words()),
                behind: None,
                opacity: 255,
            }),
            entry: Some(NumberEntry {
                digits: "88".to_string(),
                message: Some(words()),
                unknown: false,
            }),
            volume: Some(Volume { percent: 100, muted: true }),
            notice: Some(words().repeat(4)),
            subtitle: (!guide).then(|| format!("{}\n{}", words().repeat(4), words())),
            health: (!guide).then(|| vec![Fact { name: "Received", value: words().repeat(2) }; 9]),
            offline: true,
            muted: true,
            ..View::default()
        }
    }

    /// A page that has moved by so many thousandths of a row.
    fn grid(scrolled_permille: u16) -> Grid {
        let words = || "A Word to Say Something With".to_string();
        let cell = |n: i32, tense, selected| Cell {
            starts: UnixMillis(n.into()),
            from_ms: n * 1_440_000,
            to_ms: (n + 1) * 1_440_000,
            starts_before: n == 0,
            ends_after: n == 4,
            title: words(),
            times: "20:18 – 21:32".to_string(),
            tense,
            ident: n == 3,
            selected,
        };
        let row = |channel: u16| GridRow {
            channel,
            number: 888,
            name: words(),
            tuned: channel == 1,
            favourite: true,
            cells: vec![
                cell(0, Tense::Past, false),
                cell(1, Tense::Now, channel == 2),
                cell(2, Tense::Future, false),
                cell(3, Tense::Future, false),
                cell(4, Tense::Future, false),
            ],
        };
        let rows = GuidePage::ROWS as u16 + u16::from(scrolled_permille > 0);
        Grid {
            clock: "20:42".to_string(),
            day: "Today".to_string(),
            ticks: (0..4)
                .map(|n| Tick { from_left_ms: n * 1_800_000, label: "20:30".to_string() })
                .collect(),
            now_ms: Some(2_000_000),
            rows: (0..rows).map(row).collect(),
            scrolled_permille,
            above: 3,
            below: 4,
            note: Some(words()),
            about: Some(About {
                channel: words(),
                favourite: true,
                title: words().repeat(9),
                times: "20:18 – 21:32".to_string(),
                facts: words().repeat(5),
                progress_permille: Some(500),
                position: Some("29:41 / 1:07:38".to_string()),
                description: Some(words().repeat(40)),
                link: Some(words()),
                licence: Some(words().repeat(2)),
            }),
        }
    }

    #[test]
    fn what_is_drawn_again_in_part_is_what_a_new_painter_draws() {
        let fading = |opacity| {
            let mut view = everything(false);
            if let Some(banner) = &mut view.banner {
                banner.opacity = opacity;
            }
            view
        };
        let later = |change: &dyn Fn(&mut Grid)| {
            let mut page = grid(0);
            change(&mut page);
            View { guide: Some(page), ..everything(true) }
        };
        let views = [
            View::default(),
            fading(255),
            fading(100),
            View { notice: None, ..fading(100) },
            View { subtitle: None, volume: None, ..fading(255) },
            everything(true),
            later(&|page| page.now_ms = Some(2_004_000)),
            later(&|page| *page = grid(300)),
            later(&|page| page.clock = "20:43".to_string()),
            View { guide: Some(grid(0)), ..View::default() },
            View { sound: Some(sound()), ..View::default() },
            View { sound: Some(sound()), banner: fading(255).banner, ..View::default() },
            View { sound: Some(sound()), guide: Some(grid(0)), ..View::default() },
            everything(false),
        ];
        let mut used = Painter::new();
        for (n, view) in views.iter().enumerate() {
            used.paint(view, 640, 360);
            let mut new = Painter::new();
            new.paint(view, 640, 360);
            assert!(used.canvas().pixels() == new.canvas().pixels(), "{n}");
        }
    }

    #[test]
    fn a_page_that_scrolls_leaves_the_words_above_it_alone() {
        let mut painter = Painter::new();
        painter.paint(&View { guide: Some(grid(0)), ..View::default() }, 640, 360);
        let moved = View { guide: Some(grid(300)), ..View::default() };
        painter.paint(&moved, 640, 360);
        let layout = layout(640, 360, &moved);
        let title = layout.place(Part::PageTitle).expect("laid out").rect;
        let rows = layout.place(Part::Rows).expect("laid out").rect;
        let meets = |rect: Rect| {
            let both = |other: &Rect| other.intersection(rect);
            painter.damage().iter().any(|damaged| both(damaged).width * both(damaged).height > 0)
        };
        assert!(meets(rows) && !meets(title));
    }

    fn sound() -> SoundPage {
        SoundPage {
            clock: "20:42".to_string(),
            station: Station {
                number: 7,
                name: "Radio".to_string(),
                on_air: None,
                next: Some(Next {
                    title: "Suspense".to_string(),
                    year: None,
                    starts: String::new(),
                }),
            },
            why: "A radio programme.".to_string(),
            note: None,
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
        let subtitle_on_white = SUBTITLE.towards(white, 255 - i32::from(SUBTITLE.0[3]), 255);
        for ground in [NIGHT, PAGE_TOP, PAGE_BOTTOM, RAISED, HEAD, ON, LATER, panel_on_white] {
            for words in [INK, DIM, AMBER, CORAL, TEAL] {
                let ratio = contrast(words, ground);
                assert!(ratio >= 4.5, "{words:?} on {ground:?}: {ratio:.2}");
            }
        }
        for words in [CURSOR_INK, CURSOR_DIM] {
            let ratio = contrast(words, CURSOR);
            assert!(ratio >= 4.5, "{words:?} on {CURSOR:?}: {ratio:.2}");
        }
        for (words, ground) in [(NIGHT, AMBER), (OVER_INK, OVER), (INK, subtitle_on_white)] {
            let ratio = contrast(words, ground);
            assert!(ratio >= 4.5, "{words:?} on {ground:?}: {ratio:.2}");
        }
    }
}
