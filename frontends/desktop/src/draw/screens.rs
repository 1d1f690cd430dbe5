//! The look of each part of a view: one function for each surface, all in terms of the places that
//! the layout gives.

use testcard_core::guide::{
    Backdrop, Banner, Card, GuidePage, Layout, NumberEntry, Part, Rect, Row, Station, View, Volume,
};

use super::canvas::{Canvas, Colour};
use super::palette::*;
use super::test_card;
use super::text::{Align, Style, Text};

/// Draws everything on a transparent canvas.
pub(super) fn draw(canvas: &mut Canvas, text: &mut Text, view: &View, layout: &Layout) {
    let mut screen = Screen { canvas, text, layout, em: layout.em() };
    if let Some(page) = &view.guide {
        screen.page(page);
    }
    if let Some(card) = &view.card {
        screen.card(card);
    }
    if let Some(banner) = &view.banner {
        screen.banner(banner);
    }
    screen.badge(Part::OfflineBadge, "OFFLINE", CORAL);
    screen.badge(Part::MutedBadge, "MUTED", INK);
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

    /// A line of words in its place; nothing when it has none.
    fn line(&mut self, part: Part, words: &str, look: Look) {
        let Some(at) = self.layout.place(part) else { return };
        let style = Style { bold: look.bold, px: at.text_px, tracking: 0, tabular: false };
        self.text.line(self.canvas, words, at.rect, style, look.align, look.colour);
    }

    /// A line of digits that change.
    fn figures(&mut self, part: Part, words: &str, look: Look) {
        let Some(at) = self.layout.place(part) else { return };
        let style = Style { bold: look.bold, px: at.text_px, tracking: 0, tabular: true };
        self.text.line(self.canvas, words, at.rect, style, look.align, look.colour);
    }

    /// Words in as many lines as there is room for.
    fn paragraph(&mut self, part: Part, words: &str, look: Look) {
        let Some(at) = self.layout.place(part) else { return };
        let style = Style { bold: look.bold, px: at.text_px, tracking: 0, tabular: false };
        self.text.paragraph(self.canvas, words, at.rect, style, look.align, look.colour);
    }

    fn panel(&mut self, part: Part) {
        if let Some(rect) = self.place(part) {
            self.canvas.fill_rounded(rect, self.em / 2, PANEL);
        }
    }

    fn progress(&mut self, part: Part, permille: u16, track: Colour, colour: Colour) {
        let Some(rect) = self.place(part) else { return };
        let radius = rect.height / 2;
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
        self.paragraph(Part::CardSentence, &card.sentence, plain(INK).centred());
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
        if let Some(note) = &banner.note {
            self.line(Part::BannerNote, note, plain(CORAL));
        }
        if let Some(next) = next {
            let words = format!("Next {}  {}", next.starts, next.titled());
            self.figures(Part::BannerNext, &words, plain(DIM));
        }
    }

    fn badge(&mut self, part: Part, words: &str, colour: Colour) {
        let Some(at) = self.layout.place(part) else { return };
        self.canvas.fill_rounded(at.rect, at.rect.height / 4, PANEL);
        let style = Style { bold: true, px: at.text_px, tracking: 60, tabular: false };
        self.text.line(self.canvas, words, at.rect, style, Align::Centre, colour);
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

    fn page(&mut self, page: &GuidePage) {
        if let Some(rect) = self.place(Part::Page) {
            self.canvas.fill_gradient(rect, PAGE_TOP, PAGE_BOTTOM);
        }
        if let Some(picture) = self.place(Part::Picture) {
            self.canvas.erase(picture);
        }
        self.figures(Part::PageClock, &page.clock, bold(INK).right());
        if let Some(Row { station, .. }) = page.rows.get(page.selected) {
            self.details(station);
        }
        if let Some(note) = &page.note {
            self.line(Part::PageNote, note, plain(INK));
        }
        for (index, row) in (0u8..).zip(&page.rows) {
            self.row(index, row, usize::from(index) == page.selected);
        }
        self.scroll(page);
    }

    fn details(&mut self, station: &Station) {
        let name = format!("{} · {}", station.number, station.name);
        self.line(Part::PageStation, &name, bold(AMBER));
        if let Some(on_air) = &station.on_air {
            let position = format!("{} / {}", on_air.position, on_air.duration);
            let times = format!("{} – {}", on_air.starts, on_air.ends);
            self.line(Part::PageTitle, &on_air.titled(), bold(INK));
            self.figures(Part::PageTimes, &times, plain(DIM));
            self.progress(Part::PageProgress, on_air.progress_permille, TRACK, AMBER);
            self.figures(Part::PagePosition, &position, plain(DIM).right());
        }
        if let Some(next) = &station.next {
            let words = format!("Next {}  {}", next.starts, next.titled());
            self.figures(Part::PageNext, &words, plain(DIM));
        }
    }

    fn row(&mut self, row: u8, Row { station, tuned }: &Row, selected: bool) {
        let Some(area) = self.place(Part::Row(row)) else { return };
        let (ground, ink, dim, track, done, number) = match selected {
            true => (CURSOR, CURSOR_INK, CURSOR_DIM, CURSOR_TRACK, CURSOR_PROGRESS, CURSOR_INK),
            false => (ROW, INK, DIM, TRACK, AMBER, AMBER),
        };
        self.canvas.fill_rounded(area, self.em / 3, ground);
        if *tuned {
            let width = (self.em / 5).max(2);
            let height = area.height * 6 / 10;
            let y = area.y + (area.height - height) / 2;
            let mark = Rect { width, y, height, x: area.x + width / 2 };
            self.canvas.fill_rounded(mark, width / 2, done);
        }
        self.line(Part::RowNumber(row), &station.number.to_string(), bold(number).centred());
        self.paragraph(Part::RowName(row), &station.name, bold(ink));
        if let Some(on_air) = &station.on_air {
            let times = format!("{} – {}", on_air.starts, on_air.ends);
            self.line(Part::RowTitle(row), &on_air.title, plain(ink));
            self.figures(Part::RowTimes(row), &times, plain(dim));
            self.progress(Part::RowProgress(row), on_air.progress_permille, track, done);
        }
        if let Some(next) = &station.next {
            if self.place(Part::RowNextStarts(row)).is_some() {
                self.line(Part::RowNextTitle(row), &next.title, plain(dim));
                self.figures(Part::RowNextStarts(row), &next.starts, plain(dim));
            } else {
                let words = format!("{}  {}", next.starts, next.title);
                self.figures(Part::RowNextTitle(row), &words, plain(dim));
            }
        }
    }

    fn scroll(&mut self, page: &GuidePage) {
        let Some(track) = self.place(Part::PageScroll) else { return };
        let share = |channels: usize| {
            let all = (page.above + page.rows.len() + page.below).max(1);
            i32::try_from(track.height as usize * channels / all).unwrap_or(0)
        };
        let (y, height) = (track.y + share(page.above), share(page.rows.len()));
        self.canvas.fill_rounded(track, track.width / 2, TRACK);
        self.canvas.fill_rounded(Rect { y, height, ..track }, track.width / 2, DIM);
    }
}
