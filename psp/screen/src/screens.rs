//! The look of each part of a view: one function for each surface, all in terms of the places that
//! the layout gives. Every surface has one colour, so that words know what they stand on.

use alloc::string::String;
use core::fmt::{self, Write as _};

use testcard_core::guide::{
    Backdrop, Banner, Card, GuidePage, Layout, Next, NumberEntry, OnAir, Part, Rect, Row,
    SoundPage, Station, Titled, View, Volume,
};

use crate::canvas::{Canvas, Colour};
use crate::font::{BODY, Face, TITLE};
use crate::palette::*;
use crate::text::{self, Align, Stand, Style};
use crate::{Extra, legend, test_card};

/// A battery with less than this many percent is red.
const BATTERY_LOW: u8 = 15;

/// Draws everything that is over the film, and all of the screen where there is no film.
pub(crate) fn draw(
    canvas: &mut Canvas<'_>,
    words: &mut String,
    view: &View,
    extra: &Extra,
    layout: &Layout,
) {
    // A panel stands out against a film, and against a page.
    let panel = if view.list.is_some() || view.sound.is_some() { ROW } else { NIGHT };
    let mut surface = Surface { canvas, words, layout, em: layout.em(), panel };
    if let Some(guide) = &view.list {
        surface.guide(guide, extra);
    } else if let Some(sound) = &view.sound {
        surface.sound(sound, extra);
    } else {
        surface.backdrop(view.card.as_ref(), extra.picture);
    }
    if let Some(card) = &view.card {
        surface.card(card);
    }
    if let Some(banner) = &view.banner {
        surface.banner(banner);
    }
    surface.badge(Part::OfflineBadge, "OFFLINE", CORAL);
    surface.badge(Part::MutedBadge, "MUTED", INK);
    if let Some(entry) = &view.entry {
        surface.entry(entry);
    }
    if let Some(volume) = &view.volume {
        surface.volume(*volume);
    }
}

struct Surface<'a, 'p> {
    canvas: &'a mut Canvas<'p>,
    words: &'a mut String,
    layout: &'a Layout,
    em: i32,
    /// The colour of panels.
    panel: Colour,
}

/// How a part's words look.
#[derive(Clone, Copy)]
struct Look {
    bold: bool,
    tabular: bool,
    align: Align,
    ink: Colour,
    ground: Colour,
}

const fn plain(ink: Colour, ground: Colour) -> Look {
    Look { bold: false, tabular: false, align: Align::Left, ink, ground }
}

const fn bold(ink: Colour, ground: Colour) -> Look {
    Look { bold: true, ..plain(ink, ground) }
}

impl Look {
    const fn right(self) -> Self {
        Self { align: Align::Right, ..self }
    }

    const fn centred(self) -> Self {
        Self { align: Align::Centre, ..self }
    }

    /// For digits that change.
    const fn figures(self) -> Self {
        Self { tabular: true, ..self }
    }

    fn style(self, px: i32) -> Style {
        let Self { bold, tabular, align, ink, ground } = self;
        let face: &'static Face = if bold { Face::bold(px) } else { &BODY };
        Style { face, tabular, tracking: 0, align, ink, ground }
    }
}

impl Surface<'_, '_> {
    fn place(&self, part: Part) -> Option<Rect> {
        self.layout.place(part).map(|element| element.rect)
    }

    /// A line of words in its place; nothing when it has none.
    fn line(&mut self, part: Part, words: &str, look: Look) {
        let Some(at) = self.layout.place(part) else { return };
        text::line(self.canvas, words, at.rect, look.style(at.text_px));
    }

    /// A line that is put together.
    fn write(&mut self, part: Part, words: fmt::Arguments<'_>, look: Look) {
        let Some(at) = self.layout.place(part) else { return };
        self.words.clear();
        // A string takes everything.
        let _ = self.words.write_fmt(words);
        text::line(self.canvas, self.words, at.rect, look.style(at.text_px));
    }

    /// Words in as many lines as there is room for.
    fn paragraph(&mut self, part: Part, words: &str, look: Look) {
        let Some(at) = self.layout.place(part) else { return };
        text::paragraph(self.canvas, words, at.rect, Stand::Middle, look.style(at.text_px));
    }

    fn panel(&mut self, part: Part) {
        if let Some(rect) = self.place(part) {
            self.canvas.fill_rounded(rect, self.em / 2, self.panel);
        }
    }

    fn progress(&mut self, part: Part, permille: u16, track: Colour, done: Colour) {
        let Some(rect) = self.place(part) else { return };
        let radius = rect.height / 2;
        self.canvas.fill_rounded(rect, radius, track);
        // Never narrower than its round ends, so that even the first second shows.
        let width = (rect.width * i32::from(permille) / 1000).max(rect.height).min(rect.width);
        self.canvas.fill_rounded(Rect { width, ..rect }, radius, done);
    }

    /// What is there without a page: the test card where there is no picture, and the card's words.
    fn backdrop(&mut self, card: Option<&Card>, picture: bool) {
        if !picture || card.is_some_and(|card| card.backdrop == Backdrop::TestCard) {
            let screen = self.canvas.whole();
            let diameter = screen.width.min(screen.height) * 88 / 100;
            let circle = screen.centred(diameter, diameter);
            test_card::draw(self.canvas, screen, self.place(Part::CardCircle).unwrap_or(circle));
        }
    }

    /// The panel is as high as its words need, but no higher than `most`: then it does without what
    /// comes next.
    fn card(&mut self, card: &Card) {
        let (Some(most), panel) = (self.place(Part::CardText), self.panel) else { return };
        let width = most.width - 2 * self.em;
        let heading = Style { face: &TITLE, ..bold(AMBER, panel).centred().style(TITLE.px) };
        let sentence = plain(INK, panel).centred().style(BODY.px);
        let line = text::line_height(&BODY);
        let heading_height = text::line_height(heading.face) + 4;
        let height = text::line_count(&card.sentence, sentence, width) * line;
        let room = most.height - heading_height - height;
        let pad = if room < 2 * self.em { self.em / 4 } else { self.em * 8 / 10 };
        let without_detail = 2 * pad + heading_height + height;
        let with_detail = without_detail + 4 + line;
        let detail = card.detail.as_deref().filter(|_| with_detail <= most.height);
        let needed = if detail.is_some() { with_detail } else { without_detail };
        let around = most.centred(most.width, needed);
        self.canvas.fill_rounded(around, self.em / 2, panel);

        let words = around.inset(self.em, pad);
        let place = Rect { height: heading_height - 4, ..words };
        text::line(self.canvas, &card.heading, place, heading);
        let y = words.y + heading_height;
        let height = height.min(words.y + words.height - y);
        let place = Rect { y, height, ..words };
        text::paragraph(self.canvas, &card.sentence, place, Stand::Top, sentence);
        if let Some(detail) = detail {
            let place = Rect { y: y + height + 4, height: line, ..words };
            text::line(self.canvas, detail, place, Style { ink: DIM, ..sentence });
        }
    }

    fn banner(&mut self, banner: &Banner) {
        let Station { number, name, on_air, next } = &banner.station;
        let panel = self.panel;
        self.panel(Part::Banner);
        self.write(Part::BannerNumber, format_args!("{number}"), bold(AMBER, panel).centred());
        self.line(Part::BannerName, name, bold(AMBER, panel));
        self.line(Part::BannerClock, &banner.clock, bold(INK, panel).figures().right());
        if let Some(on_air) = on_air {
            let title = Titled { title: &on_air.title, year: on_air.year };
            self.write(Part::BannerTitle, format_args!("{title}"), bold(INK, panel));
            self.line(Part::BannerStarts, &on_air.starts, plain(DIM, panel).figures());
            self.progress(Part::BannerProgress, on_air.progress_permille, TRACK, AMBER);
            self.line(Part::BannerEnds, &on_air.ends, plain(DIM, panel).figures());
            let look = plain(INK, panel).figures().right();
            self.position(Part::BannerPosition, on_air, look);
        }
        if let Some(note) = &banner.note {
            self.line(Part::BannerNote, note, plain(CORAL, panel));
        }
        self.next(Part::BannerNext, next.as_ref(), panel);
    }

    /// How far in, and of how much where there is room: not with hours of two digits.
    fn position(&mut self, part: Part, on_air: &OnAir, look: Look) {
        let Some(at) = self.layout.place(part) else { return };
        let style = look.style(at.text_px);
        self.words.clear();
        let _ = write!(self.words, "{} / {}", on_air.position, on_air.duration);
        if text::width(self.words, style) > at.rect.width {
            self.words.truncate(on_air.position.len());
        }
        text::line(self.canvas, self.words, at.rect, style);
    }

    fn next(&mut self, part: Part, next: Option<&Next>, ground: Colour) {
        let Some(Next { title, year, starts }) = next else { return };
        let title = Titled { title, year: *year };
        let words = format_args!("Next {starts}  {title}");
        self.write(part, words, plain(DIM, ground).figures());
    }

    fn badge(&mut self, part: Part, words: &str, ink: Colour) {
        let Some(at) = self.layout.place(part) else { return };
        self.canvas.fill_rounded(at.rect, at.rect.height / 4, self.panel);
        let style = Style { tracking: 40, ..bold(ink, self.panel).centred().style(at.text_px) };
        text::line(self.canvas, words, at.rect, style);
    }

    fn entry(&mut self, entry: &NumberEntry) {
        let ink = if entry.unknown { CORAL } else { AMBER };
        self.panel(Part::Entry);
        // A dash for the digit that may come.
        let dash = if entry.unknown || entry.digits.len() > 2 { "" } else { "–" };
        let look = bold(ink, self.panel).figures().right();
        self.write(Part::EntryDigits, format_args!("{}{dash}", entry.digits), look);
        if let Some(message) = &entry.message {
            self.line(Part::EntryMessage, message, plain(INK, self.panel));
        }
    }

    fn volume(&mut self, volume: Volume) {
        self.panel(Part::Volume);
        let ink = if volume.muted { DIM } else { AMBER };
        if let Some(rect) = self.place(Part::VolumeSymbol) {
            legend::loudspeaker(self.canvas, rect, ink, self.panel);
        }
        if let Some(track) = self.place(Part::VolumeTrack) {
            let radius = track.height / 2;
            self.canvas.fill_rounded(track, radius, TRACK);
            let width = track.width * i32::from(volume.percent) / 100;
            self.canvas.fill_rounded(Rect { width, ..track }, radius, ink);
        }
        let look = bold(INK, self.panel).figures().right();
        match volume.muted {
            true => self.line(Part::VolumeLevel, "Mute", look),
            false => self.write(Part::VolumeLevel, format_args!("{}", volume.percent), look),
        }
    }

    fn battery(&mut self, part: Part, percent: Option<u8>) {
        let (Some(rect), Some(percent)) = (self.place(part), percent) else { return };
        // Up to the clock there is some air.
        let body = Rect { width: rect.width - 8, ..rect };
        let ink = if percent < BATTERY_LOW { CORAL } else { INK };
        self.canvas.fill_rounded(body, 2, DIM);
        let pole = Rect { x: body.x + body.width, width: 2, ..body }.centred(2, body.height / 2);
        self.canvas.fill(pole, DIM);
        let inside = body.inset(2, 2);
        self.canvas.fill(inside, PAGE);
        let width = (inside.width * i32::from(percent.min(100)) + 99) / 100;
        self.canvas.fill(Rect { width, ..inside }.inset(0, 1), ink);
    }

    fn sound(&mut self, page: &SoundPage, extra: &Extra) {
        let Station { number, name, on_air, next } = &page.station;
        self.canvas.fill(self.canvas.whole(), PAGE);
        self.write(Part::SoundStation, format_args!("{number} · {name}"), bold(AMBER, PAGE));
        self.line(Part::SoundClock, &page.clock, bold(INK, PAGE).figures().right());
        self.battery(Part::SoundBattery, extra.battery);
        if let (Some(card), Some(circle)) =
            (self.place(Part::SoundCard), self.place(Part::SoundCircle))
        {
            test_card::draw(self.canvas, card, circle);
        }
        if let Some(on_air) = on_air {
            let title = Titled { title: &on_air.title, year: on_air.year };
            self.title(Part::SoundTitle, title);
            self.line(Part::SoundStarts, &on_air.starts, plain(DIM, PAGE).figures());
            self.progress(Part::SoundProgress, on_air.progress_permille, TRACK, AMBER);
            self.line(Part::SoundEnds, &on_air.ends, plain(DIM, PAGE).figures());
            let look = plain(INK, PAGE).figures().right();
            self.position(Part::SoundPosition, on_air, look);
        }
        if let Some(at) = self.layout.place(Part::SoundWhy) {
            let style = plain(INK, PAGE).style(at.text_px);
            text::paragraph(self.canvas, &page.why, at.rect, Stand::Top, style);
        }
        if let Some(note) = &page.note {
            self.line(Part::SoundNote, note, plain(CORAL, PAGE));
        }
        self.next(Part::SoundNext, next.as_ref(), PAGE);
        if let Some(rect) = self.place(Part::SoundLegend) {
            legend::listening(self.canvas, rect, PAGE, extra.confirm);
        }
    }

    /// A title in large letters, or smaller in more lines where it is long.
    fn title(&mut self, part: Part, title: Titled<'_>) {
        let Some(at) = self.layout.place(part) else { return };
        self.words.clear();
        let _ = write!(self.words, "{title}");
        let mut style = bold(INK, PAGE).style(at.text_px);
        let lines = text::line_count(self.words, style, at.rect.width);
        if lines * text::line_height(style.face) > at.rect.height {
            style.face = &TITLE;
        }
        text::paragraph(self.canvas, self.words, at.rect, Stand::Bottom, style);
    }

    fn guide(&mut self, page: &GuidePage, extra: &Extra) {
        self.page_ground(page.rows.len());
        self.line(Part::PageClock, &page.clock, bold(INK, PAGE).figures().right());
        self.battery(Part::PageBattery, extra.battery);
        if let Some(Row { station, .. }) = page.rows.get(page.selected) {
            let Station { number, name, on_air, .. } = station;
            let look = bold(AMBER, PAGE);
            self.write(Part::PageStation, format_args!("{number} · {name}"), look);
            if let Some(on_air) = on_air {
                let look = plain(DIM, PAGE).figures();
                let times = format_args!("{} – {}", on_air.starts, on_air.ends);
                self.write(Part::PageTimes, times, look);
                self.position(Part::PagePosition, on_air, look);
            }
        }
        if let Some(note) = &page.note {
            self.paragraph(Part::PageNote, note, plain(INK, PAGE));
        }
        for (index, row) in (0u8..).zip(&page.rows) {
            self.row(index, row, usize::from(index) == page.selected);
        }
        self.scroll(page);
        if let Some(rect) = self.place(Part::PageLegend) {
            legend::guide(self.canvas, rect, PAGE, extra.confirm);
        }
    }

    /// The page, but for the inside of the rows: no pixel need be written twice for a ground.
    fn page_ground(&mut self, rows: usize) {
        let screen = self.canvas.whole();
        let mut rest = screen;
        for row in (0u8..).take(rows) {
            let Some(area) = self.place(Part::Row(row)) else { break };
            let inside = area.inset(0, self.em / 3);
            let band = Rect { height: inside.y + inside.height - rest.y, ..rest };
            self.canvas.fill_around(band, inside, PAGE);
            rest = Rect { y: band.y + band.height, height: rest.height - band.height, ..rest };
        }
        self.canvas.fill(rest, PAGE);
    }

    fn row(&mut self, row: u8, Row { station, tuned }: &Row, selected: bool) {
        let Some(area) = self.place(Part::Row(row)) else { return };
        let (ground, ink, dim, track, done, number) = match selected {
            true => (CURSOR, CURSOR_INK, CURSOR_DIM, CURSOR_TRACK, CURSOR_PROGRESS, CURSOR_INK),
            false => (ROW, INK, DIM, TRACK, AMBER, AMBER),
        };
        self.canvas.fill_rounded(area, self.em / 3, ground);
        if *tuned {
            let mark = Rect { x: area.x + 2, width: 3, ..area }.centred(3, area.height * 6 / 10);
            self.canvas.fill_rounded(mark, 1, done);
        }
        let look = bold(number, ground).centred();
        self.write(Part::RowNumber(row), format_args!("{}", station.number), look);
        self.paragraph(Part::RowName(row), &station.name, bold(ink, ground));
        if let Some(on_air) = &station.on_air {
            self.line(Part::RowTitle(row), &on_air.title, bold(ink, ground));
            self.progress(Part::RowProgress(row), on_air.progress_permille, track, done);
        }
        if let Some(next) = &station.next {
            let words = format_args!("{}  {}", next.starts, next.title);
            self.write(Part::RowNextTitle(row), words, plain(dim, ground).figures());
        }
    }

    fn scroll(&mut self, page: &GuidePage) {
        let Some(track) = self.place(Part::PageScroll) else { return };
        let all = (page.above + page.rows.len() + page.below).max(1);
        let height = usize::try_from(track.height).unwrap_or(0);
        let share =
            |channels: usize| i32::try_from(height.saturating_mul(channels) / all).unwrap_or(0);
        let (y, height) = (track.y + share(page.above), share(page.rows.len()));
        let height = height.max(track.width).min(track.y + track.height - y);
        self.canvas.fill_rounded(track, track.width / 2, TRACK);
        self.canvas.fill_rounded(Rect { y, height, ..track }, track.width / 2, DIM);
    }
}
