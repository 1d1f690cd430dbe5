//! The look of each part of a view: one function for each surface, all in terms of the places that
//! the layout gives.

use testcard_core::guide::{
    About, Backdrop, Banner, Card, Cell, Fact, Grid, GridRow, Layout, NumberEntry, Part, Rect,
    SoundPage, Station, Tense, View, Volume,
};

use super::canvas::{Canvas, Colour, Mask};
use super::palette::*;
use super::text::{Align, Stand, Style, Text, line_height};
use super::{radio, test_card};

/// The sizes that a title may have, from the layout's own down to what is just read, in thousandths
/// of the layout's: the largest in which all of it fits.
const TITLE_PERMILLE: [i32; 8] = [1000, 900, 800, 700, 600, 530, 480, 430];

/// A star with five points, in thousandths of a square: every other point of two circles.
const STAR: [(f32, f32); 10] = [
    (500.0, 20.0),
    (618.0, 358.0),
    (976.0, 365.0),
    (690.0, 582.0),
    (794.0, 925.0),
    (500.0, 720.0),
    (206.0, 925.0),
    (310.0, 582.0),
    (24.0, 365.0),
    (382.0, 358.0),
];

/// Draws everything on a transparent canvas.
pub(super) fn draw(canvas: &mut Canvas, text: &mut Text, view: &View, layout: &Layout) {
    let over_page = view.guide.is_some() || view.sound.is_some();
    let panel = match over_page {
        true => Panel { ground: RAISED, edge: Some(EDGE) },
        false => Panel { ground: PANEL, edge: None },
    };
    let mut screen = Screen { canvas, text, layout, em: layout.em(), panel, opacity: 255 };
    if let Some(grid) = &view.guide {
        screen.page(grid);
    }
    if let Some(card) = &view.card {
        screen.card(card);
    }
    if let Some(sound) = &view.sound {
        screen.sound(sound);
    }
    if let Some(subtitle) = &view.subtitle {
        screen.subtitle(subtitle);
    }
    if let Some(banner) = &view.banner {
        screen.opacity = banner.opacity;
        screen.banner(banner);
        screen.opacity = 255;
    }
    screen.badge(Part::OfflineBadge, "OFFLINE", CORAL);
    screen.badge(Part::MutedBadge, "MUTED", INK);
    if let Some(facts) = &view.health {
        screen.health(facts);
    }
    if let Some(notice) = &view.notice {
        screen.notice(notice);
    }
    if let Some(entry) = &view.entry {
        screen.entry(entry);
    }
    if let Some(volume) = &view.volume {
        screen.volume(*volume);
    }
}

struct Screen<'a> {
    canvas: &'a mut Canvas,
    text: &'a mut Text,
    layout: &'a Layout,
    em: i32,
    /// The ground of what comes and goes.
    panel: Panel,
    /// How much of what is drawn is there, 255 all.
    opacity: u8,
}

/// How the ground of what comes and goes looks.
#[derive(Clone, Copy)]
struct Panel {
    ground: Colour,
    /// A line around it, where what is behind is as dark.
    edge: Option<Colour>,
}

/// How a part's line looks.
#[derive(Clone, Copy)]
struct Look {
    bold: bool,
    align: Align,
    colour: Colour,
}

const fn plain(colour: Colour) -> Look {
    Look { bold: false, align: Align::Left, colour }
}

const fn bold(colour: Colour) -> Look {
    Look { bold: true, align: Align::Left, colour }
}

impl Look {
    const fn right(self) -> Self {
        Self { align: Align::Right, ..self }
    }

    const fn centred(self) -> Self {
        Self { align: Align::Centre, ..self }
    }
}

impl Screen<'_> {
    fn place(&self, part: Part) -> Option<Rect> {
        self.layout.place(part).map(|element| element.rect)
    }

    /// The colour, as far as it is there.
    fn tint(&self, colour: Colour) -> Colour {
        let Colour([_, _, _, alpha]) = colour;
        colour.alpha((u16::from(alpha) * u16::from(self.opacity) / 255) as u8)
    }

    /// A line of words in its place; nothing when it has none.
    fn line(&mut self, part: Part, words: &str, look: Look) {
        self.styled(part, words, look, 0, false);
    }

    /// A line of digits that change.
    fn figures(&mut self, part: Part, words: &str, look: Look) {
        self.styled(part, words, look, 0, true);
    }

    fn styled(&mut self, part: Part, words: &str, look: Look, tracking: i32, tabular: bool) {
        let Some(at) = self.layout.place(part) else { return };
        let style = Style { bold: look.bold, px: at.text_px, tracking, tabular };
        let colour = self.tint(look.colour);
        self.text.line(self.canvas, words, at.rect, style, look.align, colour);
    }

    /// Words in as many lines as there is room for.
    fn paragraph(&mut self, part: Part, words: &str, look: Look, stands: (Align, Stand)) {
        let Some(at) = self.layout.place(part) else { return };
        let style = Style { bold: look.bold, px: at.text_px, tracking: 0, tabular: false };
        let colour = self.tint(look.colour);
        self.text.paragraph(self.canvas, words, at.rect, style, stands, colour);
    }

    /// A title that is read to its end: in smaller letters and more lines the longer it is.
    fn title(&mut self, part: Part, words: &str, stand: Stand) {
        let Some(at) = self.layout.place(part) else { return };
        let mut style = Style { bold: true, px: at.text_px, tracking: 0, tabular: false };
        for permille in TITLE_PERMILLE {
            style.px = (at.text_px * permille / 1000).max(10);
            let lines = (at.rect.height / line_height(style.px)).max(1);
            if self.text.fits(words, style, at.rect.width, lines as usize) {
                break;
            }
        }
        self.text.paragraph(self.canvas, words, at.rect, style, (Align::Left, stand), INK);
    }

    fn panel(&mut self, part: Part) {
        if let Some(rect) = self.place(part) {
            self.panel_in(rect);
        }
    }

    fn panel_in(&mut self, rect: Rect) {
        let (radius, Panel { ground, edge }) = (self.em / 2, self.panel);
        let ground = self.tint(ground);
        let Some(edge) = edge else { return self.canvas.fill_rounded(rect, radius, ground) };
        let line = (self.em / 14).max(1);
        let edge = self.tint(edge);
        self.canvas.fill_rounded(rect, radius, edge);
        self.canvas.fill_rounded(rect.inset(line, line), radius - line, ground);
    }

    fn progress(&mut self, part: Part, permille: u16, track: Colour, colour: Colour) {
        let Some(rect) = self.place(part) else { return };
        let radius = rect.height / 2;
        let (track, colour) = (self.tint(track), self.tint(colour));
        self.canvas.fill_rounded(rect, radius, track);
        // Never narrower than its round ends, so that even the first second shows.
        let width = (rect.width * i32::from(permille) / 1000).max(rect.height).min(rect.width);
        self.canvas.fill_rounded(Rect { width, ..rect }, radius, colour);
    }

    fn card(&mut self, card: &Card) {
        let circle = self.place(Part::CardCircle);
        if let (Some(rect), Some(circle)) = (self.place(Part::Card), circle) {
            let words = self.place(Part::CardText);
            test_card::draw(self.canvas, self.text, rect, circle, words);
        } else if card.backdrop == Backdrop::Picture {
            self.panel(Part::CardText);
        }
        let look = bold(AMBER).centred();
        self.line(Part::CardHeading, &card.heading, look);
        if let Some(detail) = &card.detail {
            self.line(Part::CardDetail, detail, plain(DIM).centred());
        }
        let words = (Align::Centre, Stand::Middle);
        self.paragraph(Part::CardSentence, &card.sentence, plain(INK), words);
    }

    fn banner(&mut self, banner: &Banner) {
        let Station { number, name, on_air, next } = &banner.station;
        self.panel(Part::Banner);
        self.line(Part::BannerNumber, &number.to_string(), bold(AMBER).centred());
        self.line(Part::BannerName, name, bold(AMBER));
        self.figures(Part::BannerClock, &banner.clock, bold(INK).right());
        if let Some(on_air) = on_air {
            let title = on_air.titled();
            let position = format!("{} / {}", on_air.position, on_air.duration);
            self.line(Part::BannerTitle, &title, bold(INK));
            self.figures(Part::BannerStarts, &on_air.starts, plain(DIM));
            self.progress(Part::BannerProgress, on_air.progress_permille, TRACK, AMBER);
            self.figures(Part::BannerEnds, &on_air.ends, plain(DIM));
            self.figures(Part::BannerPosition, &position, plain(INK).right());
        }
        match (&banner.note, &banner.behind) {
            (Some(note), _) => self.line(Part::BannerNote, note, plain(CORAL)),
            (None, Some(behind)) => self.line(Part::BannerNote, behind, plain(AMBER)),
            (None, None) => {}
        }
        if let Some(next) = next {
            let words = format!("Next {}  {}", next.starts, next.titled());
            self.figures(Part::BannerNext, &words, plain(DIM));
        }
    }

    fn badge(&mut self, part: Part, words: &str, colour: Colour) {
        let Some(at) = self.layout.place(part) else { return };
        self.canvas.fill_rounded(at.rect, at.rect.height / 4, self.panel.ground);
        self.styled(part, words, bold(colour).centred(), 60, false);
    }

    fn entry(&mut self, entry: &NumberEntry) {
        let colour = if entry.unknown { CORAL } else { AMBER };
        self.panel(Part::Entry);
        // A dash for the digit that may come.
        let dash = if entry.unknown || entry.digits.len() > 2 { "" } else { "–" };
        self.figures(Part::EntryDigits, &format!("{}{dash}", entry.digits), bold(colour).right());
        if let Some(message) = &entry.message {
            self.line(Part::EntryMessage, message, plain(INK));
        }
    }

    fn volume(&mut self, volume: Volume) {
        self.panel(Part::Volume);
        let colour = if volume.muted { DIM } else { AMBER };
        if let Some(track) = self.place(Part::VolumeTrack) {
            self.canvas.fill_rounded(track, track.width / 2, TRACK);
            let height = track.height * i32::from(volume.percent) / 100;
            let y = track.y + track.height - height;
            self.canvas.fill_rounded(Rect { y, height, ..track }, track.width / 2, colour);
        }
        let level = volume.percent.to_string();
        let words = if volume.muted { "Mute" } else { &level };
        self.figures(Part::VolumeLevel, words, bold(INK).centred());
    }

    /// The panel is no wider than its words need.
    fn notice(&mut self, words: &str) {
        let (Some(panel), Some(at)) =
            (self.place(Part::Notice), self.layout.place(Part::NoticeWords))
        else {
            return;
        };
        let style = Style { bold: false, px: at.text_px, tracking: 0, tabular: true };
        let width = self.text.width(words, style).min(at.rect.width);
        let panel = panel.centred(panel.width - at.rect.width + width, panel.height);
        self.panel_in(panel);
        let stands = (Align::Centre, Stand::Middle);
        self.text.paragraph(self.canvas, words, at.rect, style, stands, INK);
    }

    /// What is said, each line on a ground of its own as wide as it, at the foot of its place.
    fn subtitle(&mut self, words: &str) {
        let Some(at) = self.layout.place(Part::Subtitle) else { return };
        let style = Style { bold: true, px: at.text_px, tracking: 0, tabular: false };
        let (pad, height) = (self.em / 2, line_height(at.text_px));
        let lines_max = usize::try_from(at.rect.height / height.max(1)).unwrap_or(0).max(1);
        let width = at.rect.width - 2 * pad;
        let spoken = words.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<String> =
            spoken.flat_map(|line| self.text.wrap(line, style, width, lines_max)).collect();
        let shown = lines.iter().take(lines_max);
        let count = i32::try_from(shown.len()).unwrap_or(1);
        let height = height.min(at.rect.height);
        for (y, line) in (at.rect.y + at.rect.height - count * height..)
            .step_by(height.max(1) as usize)
            .zip(shown)
        {
            let width = self.text.width(line, style).min(width) + 2 * pad;
            let ground = Rect { y, height, ..at.rect }.centred(width, height);
            self.canvas.fill_rounded(ground, self.em / 5, SUBTITLE);
            let words = ground.inset(pad, 0);
            self.text.line(self.canvas, line, words, style, Align::Centre, INK);
        }
    }

    fn health(&mut self, facts: &[Fact]) {
        self.panel(Part::Health);
        for (nth, fact) in (0u8..).zip(facts) {
            self.line(Part::FactName(nth), fact.name, plain(DIM));
            self.figures(Part::FactValue(nth), &fact.value, plain(INK));
        }
    }

    fn sound(&mut self, page: &SoundPage) {
        let Some(ground) = self.place(Part::Sound) else { return };
        match self.place(Part::Page) {
            Some(_) => self.canvas.fill(ground, NIGHT),
            None => self.canvas.fill_gradient(ground, 0, PAGE_TOP, PAGE_BOTTOM),
        }
        let Station { number, name, on_air, next } = &page.station;
        if let Some(rect) = self.place(Part::SoundCard) {
            // Channels are spread over the dial, so that each has a place of its own.
            radio::draw(self.canvas, rect, (number % 100) * 97 % 1000);
        }
        self.line(Part::SoundStation, &format!("{number} · {name}"), bold(AMBER));
        self.figures(Part::SoundClock, &page.clock, bold(INK).right());
        if let Some(on_air) = on_air {
            let position = format!("{} / {}", on_air.position, on_air.duration);
            self.title(Part::SoundTitle, &on_air.titled(), Stand::Middle);
            self.figures(Part::SoundStarts, &on_air.starts, plain(DIM));
            self.progress(Part::SoundProgress, on_air.progress_permille, TRACK, AMBER);
            self.figures(Part::SoundEnds, &on_air.ends, plain(DIM));
            self.figures(Part::SoundPosition, &position, plain(INK).right());
        }
        self.paragraph(Part::SoundWhy, &page.why, plain(DIM), (Align::Left, Stand::Top));
        if let Some(note) = &page.note {
            self.line(Part::SoundNote, note, plain(CORAL));
        }
        if let Some(next) = next {
            let words = format!("Next {}  {}", next.starts, next.titled());
            self.figures(Part::SoundNext, &words, plain(DIM));
        }
    }

    fn page(&mut self, grid: &Grid) {
        self.page_ground(grid);
        if let Some(picture) = self.place(Part::Picture) {
            self.canvas.erase(picture);
        }
        self.figures(Part::PageClock, &grid.clock, bold(INK).right());
        if let Some(about) = &grid.about {
            self.about(about);
        }
        if let Some(note) = &grid.note {
            self.line(Part::PageNote, note, plain(AMBER));
        }
        self.line(Part::GridDay, &grid.day, bold(INK));
        for (nth, tick) in (0u8..).zip(&grid.ticks) {
            let Some(rect) = self.place(Part::Tick(nth)) else { continue };
            let width = (self.em / 16).max(1);
            self.canvas.fill(Rect { width, ..rect }.inset(0, rect.height / 6), TRACK);
            let words = Rect { x: rect.x + self.em / 3, width: rect.width - self.em / 3, ..rect };
            let px = self.layout.place(Part::Tick(nth)).map_or(self.em, |at| at.text_px);
            let style = Style { bold: false, px, tracking: 0, tabular: true };
            self.text.line(self.canvas, &tick.label, words, style, Align::Left, DIM);
        }
        if let Some(rows) = self.place(Part::Rows) {
            let before = self.canvas.narrow_clip(rows);
            for (channel, cell) in all_cells(grid) {
                self.cell_ground(channel, cell);
            }
            self.canvas.set_clip(before);
            // The line goes behind the words, so that they can be read.
            self.now();
            let before = self.canvas.narrow_clip(rows);
            for row in &grid.rows {
                self.channel(row);
            }
            for (channel, cell) in all_cells(grid) {
                self.cell_words(channel, cell);
            }
            self.canvas.set_clip(before);
        }
        self.scroll(grid);
    }

    /// The page's ground, but for what cells will cover: filling is half of the work, and no pixel
    /// need be filled twice.
    fn page_ground(&mut self, grid: &Grid) {
        let Some(page) = self.place(Part::Page) else { return };
        let mut left = page;
        if let Some(rows) = self.place(Part::Rows) {
            let radius = self.em / 4;
            for row in &grid.rows {
                let Some(head) = self.place(Part::Channel(row.channel)) else { continue };
                let inside = Rect { x: rows.x, width: rows.width, ..head }.inset(0, radius);
                let inside = inside.intersection(rows);
                let from = inside.y.max(left.y);
                let inside = Rect { y: from, height: inside.y + inside.height - from, ..inside };
                if inside.height <= 0 {
                    continue;
                }
                self.ground(page, Rect { height: inside.y - left.y, ..left });
                let below = inside.y + inside.height;
                left = Rect { y: below, height: page.y + page.height - below, ..left };
                let cells = row.cells.iter();
                let cells =
                    cells.filter_map(|cell| self.place(Part::Cell(row.channel, cell.starts)));
                let covered: Vec<Rect> = std::iter::once(head).chain(cells).collect();
                let mut x = page.x;
                for cover in covered {
                    self.ground(page, Rect { x, width: cover.x - x, ..inside });
                    x = x.max(cover.x + cover.width);
                }
                self.ground(page, Rect { x, width: page.x + page.width - x, ..inside });
            }
        }
        self.ground(page, left);
    }

    /// What is in `part` of the page's ground.
    fn ground(&mut self, page: Rect, part: Rect) {
        if part.width <= 0 || part.height <= 0 {
            return;
        }
        let before = self.canvas.narrow_clip(part);
        self.canvas.fill_gradient(page, 0, PAGE_TOP, PAGE_BOTTOM);
        self.canvas.set_clip(before);
    }

    fn about(&mut self, about: &About) {
        self.line(Part::PageStation, &about.channel, bold(AMBER));
        self.title(Part::PageTitle, &about.title, Stand::Middle);
        self.figures(Part::PageTimes, &about.times, plain(DIM));
        if let Some(permille) = about.progress_permille {
            self.progress(Part::PageProgress, permille, TRACK, AMBER);
        }
        if let Some(position) = &about.position {
            self.figures(Part::PagePosition, position, plain(DIM).right());
        }
        self.line(Part::PageFacts, &about.facts, plain(DIM));
        if let Some(description) = &about.description {
            let stands = (Align::Left, Stand::Top);
            self.paragraph(Part::PageDescription, description, plain(INK), stands);
        }
        if let Some(link) = &about.link {
            self.line(Part::PageLink, link, plain(TEAL));
        }
        if let Some(licence) = &about.licence {
            self.line(Part::PageLicence, licence, plain(DIM).right());
        }
    }

    fn channel(&mut self, row: &GridRow) {
        let channel = row.channel;
        if let Some(area) = self.place(Part::Channel(channel)) {
            self.canvas.fill_rounded(area, self.em / 4, HEAD);
            if row.tuned {
                let width = (self.em / 5).max(2);
                let mark = area.centred(area.width, area.height * 6 / 10);
                let mark = Rect { x: area.x + width / 2, width, ..mark };
                self.canvas.fill_rounded(mark, width / 2, AMBER);
            }
        }
        let number = row.number.to_string();
        self.line(Part::ChannelNumber(channel), &number, bold(AMBER).centred());
        let stands = (Align::Left, Stand::Middle);
        self.paragraph(Part::ChannelName(channel), &row.name, bold(INK), stands);
        if let Some(mark) = self.place(Part::ChannelMark(channel)) {
            let star = Mask::polygon(mark.width.min(mark.height), &STAR);
            self.canvas.fill_mask(mark.x, mark.y, &star, AMBER);
        }
    }

    fn cell_ground(&mut self, channel: u16, cell: &Cell) {
        let Some(area) = self.place(Part::Cell(channel, cell.starts)) else { return };
        let ground = match (cell.selected, cell.tense) {
            (true, _) => CURSOR,
            (_, Tense::Past) => OVER,
            (_, Tense::Now) => ON,
            (_, Tense::Future) => LATER,
        };
        // What goes on beyond the page has no corners there.
        let radius = self.em / 4;
        let left = if cell.starts_before { radius } else { 0 };
        let right = if cell.ends_after { radius } else { 0 };
        let before = self.canvas.narrow_clip(area);
        let (x, width) = (area.x - left, area.width + left + right);
        self.canvas.fill_rounded(Rect { x, width, ..area }, radius, ground);
        self.canvas.set_clip(before);
    }

    fn cell_words(&mut self, channel: u16, cell: &Cell) {
        let (ink, dim) = match (cell.selected, cell.tense) {
            (true, _) => (CURSOR_INK, CURSOR_DIM),
            (_, Tense::Past) => (OVER_INK, OVER_INK),
            (_, Tense::Now | Tense::Future) => (INK, DIM),
        };
        let look = match (cell.selected, cell.ident) {
            (true, _) => bold(ink),
            (false, true) => plain(dim),
            (false, false) => plain(ink),
        };
        self.line(Part::CellTitle(channel, cell.starts), &cell.title, look);
        self.figures(Part::CellTimes(channel, cell.starts), &cell.times, plain(dim));
    }

    /// The line, and a drop on top of it.
    fn now(&mut self) {
        let Some(line) = self.place(Part::Now) else { return };
        // Softer where words are to be read on it.
        let above = self.place(Part::Rows).map_or(0, |rows| rows.y - line.y);
        self.canvas.fill(Rect { height: above, ..line }, AMBER);
        let over = Rect { y: line.y + above, height: line.height - above, ..line };
        self.canvas.fill(over, AMBER.alpha(176));
        let side = (self.em * 4 / 10).max(line.width);
        let x = line.x + line.width / 2 - side / 2;
        let drop = Rect { x, width: side, height: side, ..line };
        self.canvas.fill_rounded(drop, side / 2, AMBER);
    }

    fn scroll(&mut self, grid: &Grid) {
        let Some(track) = self.place(Part::PageScroll) else { return };
        let share = |channels: usize| {
            let all = (grid.above + grid.rows.len() + grid.below).max(1);
            i32::try_from(track.height as usize * channels / all).unwrap_or(0)
        };
        let (y, height) = (track.y + share(grid.above), share(grid.rows.len()));
        self.canvas.fill_rounded(track, track.width / 2, TRACK);
        self.canvas.fill_rounded(Rect { y, height, ..track }, track.width / 2, DIM);
    }
}

fn all_cells(grid: &Grid) -> impl Iterator<Item = (u16, &Cell)> {
    grid.rows.iter().flat_map(|row| row.cells.iter().map(|cell| (row.channel, cell)))
}
