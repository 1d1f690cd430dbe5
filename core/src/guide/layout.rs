//! The place of everything on the screen, in pixels. One function, used by drawing, by clicks and
//! by tests, so that they cannot disagree; it knows nothing of fonts and colours, and it makes
//! something sensible of every screen from a PSP's 480 × 272 to 3840 × 2160 and of every odd window.
//!
//! Places come about by cutting: a rectangle loses a strip at one side, the strip goes to a part,
//! the rest to the next. What was cut cannot overlap, and what does not fit is left out, never
//! clipped.
//!
//! Sizes count in the size of ordinary text, the *em*: 1/36 of the height (30 pixels at 1080, about
//! what television guidelines ask of text read at three metres), but never under 12 pixels, below
//! which letters cease to be readable on any screen. That is [`layout`]; a screen as small as a
//! PSP's is held in the hand, and [`layout_in_hand`] divides it for that.

mod in_hand;

use alloc::vec::Vec;

use super::GuidePage;
use super::status::Hours;
use super::view::{Backdrop, View};
pub use in_hand::layout_in_hand;

/// The largest width or height that is laid out, in pixels. Larger screens get this much.
const SIDE_MAX: u32 = 16_384;

/// A rectangle of pixels. Neither side is negative.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Rect {
    /// The leftmost column.
    pub x: i32,
    /// The top row.
    pub y: i32,
    /// How many columns.
    pub width: i32,
    /// How many rows.
    pub height: i32,
}

/// What is in a place. Indices count the rows of [`GuidePage::rows`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "each is the place of the field of View that it is named after")]
pub enum Part {
    /// Where the film plays: the whole screen, or a corner of the guide.
    Picture,

    /// The card, over the whole picture.
    Card,
    /// The square around the test card's circle.
    CardCircle,
    /// The panel with the card's words.
    CardText,
    /// In the hand, these three have no places: the panel is as high as its words need.
    CardHeading,
    CardSentence,
    CardDetail,

    /// The guide, over the whole screen; the picture shows through at its place.
    Page,
    PageClock,
    PageNote,
    /// Of the selected row: number and name.
    PageStation,
    PageTitle,
    PageTimes,
    PageProgress,
    PagePosition,
    PageNext,
    /// How full the battery is. Only in the hand, like the legend of the buttons.
    PageBattery,
    PageLegend,
    Row(u8),
    RowNumber(u8),
    RowName(u8),
    RowTitle(u8),
    RowTimes(u8),
    RowProgress(u8),
    RowNextTitle(u8),
    /// Left out on small screens and in the hand: the title then has the time in front.
    RowNextStarts(u8),
    /// Shows that there are channels above or below.
    PageScroll,

    /// The page of a programme that is only heard, over the whole screen; only in the hand.
    Sound,
    /// A small test card.
    SoundCard,
    SoundCircle,
    SoundStation,
    SoundClock,
    SoundBattery,
    SoundTitle,
    SoundWhy,
    SoundNote,
    SoundStarts,
    SoundProgress,
    SoundEnds,
    SoundPosition,
    SoundNext,
    SoundLegend,

    Banner,
    BannerNumber,
    BannerName,
    BannerClock,
    BannerTitle,
    BannerStarts,
    BannerProgress,
    BannerEnds,
    BannerPosition,
    BannerNote,
    BannerNext,

    Entry,
    EntryDigits,
    EntryMessage,
    Volume,
    /// A loudspeaker; only in the hand.
    VolumeSymbol,
    VolumeTrack,
    VolumeLevel,
    OfflineBadge,
    MutedBadge,
}

impl Part {
    /// The part that this one lies within. Parts within the same one do not overlap.
    pub const fn parent(self) -> Option<Self> {
        Some(match self {
            Self::CardCircle | Self::CardText => Self::Card,
            Self::CardHeading | Self::CardSentence | Self::CardDetail => Self::CardText,
            Self::PageClock
            | Self::PageNote
            | Self::PageStation
            | Self::PageTitle
            | Self::PageTimes
            | Self::PageProgress
            | Self::PagePosition
            | Self::PageNext
            | Self::PageBattery
            | Self::PageLegend
            | Self::PageScroll
            | Self::Row(_) => Self::Page,
            Self::SoundCard
            | Self::SoundStation
            | Self::SoundClock
            | Self::SoundBattery
            | Self::SoundTitle
            | Self::SoundWhy
            | Self::SoundNote
            | Self::SoundStarts
            | Self::SoundProgress
            | Self::SoundEnds
            | Self::SoundPosition
            | Self::SoundNext
            | Self::SoundLegend => Self::Sound,
            Self::SoundCircle => Self::SoundCard,
            Self::RowNumber(row)
            | Self::RowName(row)
            | Self::RowTitle(row)
            | Self::RowTimes(row)
            | Self::RowProgress(row)
            | Self::RowNextTitle(row)
            | Self::RowNextStarts(row) => Self::Row(row),
            Self::BannerNumber
            | Self::BannerName
            | Self::BannerClock
            | Self::BannerTitle
            | Self::BannerStarts
            | Self::BannerProgress
            | Self::BannerEnds
            | Self::BannerPosition
            | Self::BannerNote
            | Self::BannerNext => Self::Banner,
            Self::EntryDigits | Self::EntryMessage => Self::Entry,
            Self::VolumeSymbol | Self::VolumeTrack | Self::VolumeLevel => Self::Volume,
            Self::Picture
            | Self::Card
            | Self::Page
            | Self::Sound
            | Self::Banner
            | Self::Entry
            | Self::Volume
            | Self::OfflineBadge
            | Self::MutedBadge => return None,
        })
    }

    /// Whether a click here does something.
    const fn clickable(self) -> bool {
        matches!(self, Self::Picture | Self::Row(_) | Self::Banner | Self::VolumeTrack)
    }
}

/// A part in its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Element {
    /// What it is.
    pub part: Part,
    /// Where it is: within the screen and not empty.
    pub rect: Rect,
    /// The size of its text in pixels per em, at most the height; 0 where there is no text.
    pub text_px: i32,
}

/// Every part of a view in its place, those behind before those in front.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Layout {
    elements: Vec<Element>,
    em: i32,
    hours: Hours,
}

impl Layout {
    fn of(em: i32, view: &View) -> Self {
        Self { elements: Vec::new(), em, hours: view.hours }
    }

    /// All of them, from back to front.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The size of ordinary text, in pixels.
    pub const fn em(&self) -> i32 {
        self.em
    }

    /// The place of a part, when it is on the screen.
    pub fn place(&self, part: Part) -> Option<Element> {
        self.elements.iter().find(|element| element.part == part).copied()
    }

    /// The places that anything is drawn in, none within another. The picture is not among them: it
    /// is not drawn but shown.
    pub fn panels(&self) -> impl Iterator<Item = Rect> {
        let panels = || {
            let outermost = self.elements.iter().filter(|at| at.part.parent().is_none());
            outermost.filter(|at| at.part != Part::Picture).map(|at| at.rect).enumerate()
        };
        let stands_alone = move |(nth, rect): &(usize, Rect)| {
            panels().all(|(other, around)| other >= *nth || around.intersection(*rect) != *rect)
        };
        panels().filter(stands_alone).map(|(_, rect)| rect)
    }

    /// The foremost part at a pixel of those that a click does something to, and its place.
    pub fn hit(&self, x: i32, y: i32) -> Option<(Part, Rect)> {
        let at = self
            .elements
            .iter()
            .rev()
            .find(|element| element.part.clickable() && element.rect.contains(x, y))?;
        Some((at.part, at.rect))
    }

    fn put(&mut self, part: Part, rect: Rect, text_px: i32) {
        if rect.width > 0 && rect.height > 0 {
            self.elements.push(Element { part, rect, text_px: text_px.min(rect.height) });
        }
    }
}

/// Lays `view` out on a screen of `width` × `height` pixels.
pub fn layout(width: u32, height: u32, view: &View) -> Layout {
    let screen = Rect::screen(width, height);
    let em = (screen.height / 36).min(screen.width / 56).max(12);
    let mut layout = Layout::of(em, view);
    // 5 % at each side is what a television may hide (EBU R 95 asks for 3.5 % of action-safe and
    // 5 % of graphics-safe area).
    let safe = screen.inset(screen.width / 20, screen.height / 20);
    match &view.guide {
        Some(page) => layout.page(screen, safe, view, page),
        None => layout.watching(screen, safe, view),
    }
    layout
}

impl Layout {
    fn watching(&mut self, screen: Rect, safe: Rect, view: &View) {
        let em = self.em;
        let mut rest = safe;
        let banner = rest.cut_bottom((safe.height * 31 / 100).clamp(em * 64 / 10, em * 10));
        rest.cut_bottom(em / 4);

        self.put(Part::Picture, screen, 0);
        if let Some(card) = &view.card {
            self.card(screen, rest, card.backdrop, card.detail.is_some());
        }
        if let Some(shown) = &view.banner {
            self.banner(banner, shown.note.is_some());
        }
        let mut strip = rest.cut_top(em * 32 / 10);
        if let Some(entry) = &view.entry {
            self.entry(strip.cut_right(em * 16), entry.message.is_some());
        }
        self.badges(strip.cut_top(em * 16 / 10), view, em * 85 / 100, Rect::cut_left);
        rest.cut_top(em / 2);
        if view.volume.is_some() {
            self.volume(rest);
        }
    }

    /// The words are in the middle of the circle, and above where the banner comes.
    fn card(&mut self, screen: Rect, above_banner: Rect, backdrop: Backdrop, detail: bool) {
        let em = self.em;
        let diameter = screen.width.min(screen.height) * 88 / 100;
        let circle = screen.centred(diameter, diameter);
        let half_height = diameter * 18 / 100;
        let radius = i64::from(diameter / 2);
        let chord = (radius * radius - i64::from(half_height) * i64::from(half_height)).max(0);
        let half_width = i32::try_from(chord.isqrt()).unwrap_or(0);
        let band = screen.centred(half_width * 2, half_height * 2);
        let panel = match backdrop {
            Backdrop::TestCard => band,
            Backdrop::Picture => screen.centred(em * 36, em * 6),
        };
        let text = panel.intersection(above_banner);

        self.put(Part::Card, screen, 0);
        if backdrop == Backdrop::TestCard {
            self.put(Part::CardCircle, circle, 0);
        }
        self.put(Part::CardText, text, 0);
        let pad = if backdrop == Backdrop::TestCard { em / 4 } else { em * 6 / 10 };
        let mut words = text.inset(em / 2, pad);
        words = words.centred(words.width, em * 8);
        if let Some(line) = words.line(em * 14 / 10) {
            self.put(Part::CardHeading, line, em * 12 / 10);
        }
        if detail && words.height >= em * 38 / 10 {
            let line = words.cut_bottom(em * 125 / 100);
            self.put(Part::CardDetail, line, em);
        }
        self.put(Part::CardSentence, words, em);
    }

    /// The width of something with times of day in it, given in tenths of an em for "20:42" and for
    /// "8:42 PM".
    fn tenths(&self, twenty_four: i32, twelve: i32) -> i32 {
        let tenths = match self.hours {
            Hours::TwentyFour => twenty_four,
            Hours::Twelve => twelve,
        };
        self.em * tenths / 10
    }

    fn banner(&mut self, banner: Rect, note: bool) {
        let em = self.em;
        self.put(Part::Banner, banner, 0);
        let roomy = banner.height >= em * 8;
        let pad = if roomy { em * 6 / 10 } else { em / 3 };
        let mut words = banner.inset(pad.max(em * 6 / 10), pad);
        let number = words.cut_left(if roomy { em * 56 / 10 } else { em * 42 / 10 });
        let number_px = if roomy { em * 3 } else { em * 2 };
        self.put(Part::BannerNumber, number, number_px);
        words.cut_left(em / 2);

        let (name_px, title_px, gap) = match roomy {
            true => (em * 11 / 10, em * 18 / 10, em * 3 / 10),
            false => (em, em * 14 / 10, 0),
        };
        let lines = em * 14 / 10 + title_px * 125 / 100 + em * 13 / 10 * (2 + i32::from(note));
        words = words.centred(words.width, lines + 3 * gap + gap / 2);
        if let Some(mut line) = words.line(em * 14 / 10) {
            self.put(Part::BannerClock, line.cut_right(self.tenths(40, 68)), name_px);
            self.put(Part::BannerName, line, name_px);
        }
        words.cut_top(gap);
        if let Some(line) = words.line(title_px * 125 / 100) {
            self.put(Part::BannerTitle, line, title_px);
        }
        words.cut_top(gap);
        if let Some(mut line) = words.line(em * 13 / 10) {
            self.put(Part::BannerStarts, line.cut_left(self.tenths(32, 54)), em);
            line.cut_left(em * 4 / 10);
            self.put(Part::BannerPosition, line.cut_right(em * 9), em);
            self.put(Part::BannerEnds, line.cut_right(self.tenths(32, 54)), em);
            line.cut_right(em * 4 / 10);
            self.put(Part::BannerProgress, line.bar(em), 0);
        }
        words.cut_top(gap);
        let more = [(Part::BannerNote, note), (Part::BannerNext, true)];
        for (part, _) in more.into_iter().filter(|(_, shown)| *shown) {
            if let Some(line) = words.line(em * 13 / 10) {
                self.put(part, line, em);
                words.cut_top(gap / 2);
            }
        }
    }

    fn entry(&mut self, mut area: Rect, message: bool) {
        let em = self.em;
        let entry = if message { area } else { area.cut_right(em * 56 / 10) };
        self.put(Part::Entry, entry, 0);
        let mut words = entry.inset(em / 2, em * 3 / 10);
        self.put(Part::EntryDigits, words.cut_left(em * 46 / 10), em * 22 / 10);
        words.cut_left(em * 4 / 10);
        if message {
            self.put(Part::EntryMessage, words, em);
        }
    }

    fn badges(
        &mut self,
        mut strip: Rect,
        view: &View,
        text_px: i32,
        cut: fn(&mut Rect, i32) -> Rect,
    ) {
        let em = self.em;
        for (part, shown, width) in [
            (Part::OfflineBadge, view.offline, em * 58 / 10),
            (Part::MutedBadge, view.muted, em * 46 / 10),
        ] {
            if shown && strip.width >= width {
                self.put(part, cut(&mut strip, width), text_px);
                cut(&mut strip, em / 2);
            }
        }
    }

    fn volume(&mut self, mut rest: Rect) {
        let em = self.em;
        let column = rest.cut_right(em * 36 / 10);
        let volume = column.centred(column.width, column.height.min(em * 16));
        self.put(Part::Volume, volume, 0);
        let mut inner = volume.inset(em * 3 / 10, em * 6 / 10);
        if inner.height < em * 3 {
            return self.put(Part::VolumeLevel, inner, em);
        }
        let level = inner.cut_bottom(em * 15 / 10);
        inner.cut_bottom(em * 3 / 10);
        self.put(Part::VolumeTrack, inner.centred(em * 7 / 10, inner.height), 0);
        self.put(Part::VolumeLevel, level, em);
    }

    fn page(&mut self, screen: Rect, safe: Rect, view: &View, page: &GuidePage) {
        let em = self.em;
        let mut rest = safe;
        let mut details = rest.cut_top((safe.height * 34 / 100).min(em * 14));
        rest.cut_top((safe.height / 40).min(em));

        let preview_height = details.height.min(details.width * 40 / 100 * 9 / 16);
        let preview = details
            .cut_right(preview_height * 16 / 9)
            .centred(preview_height * 16 / 9, preview_height);
        details.cut_right(em);
        self.put(Part::Picture, preview, 0);
        if view.card.is_some() {
            self.put(Part::Card, preview, 0);
            let diameter = preview.height * 88 / 100;
            self.put(Part::CardCircle, preview.centred(diameter, diameter), 0);
        }
        self.put(Part::Page, screen, 0);
        self.page_details(details, view, page);

        let rows = i32::try_from(GuidePage::ROWS).unwrap_or(1);
        let gap = em / 4;
        let row_height = ((rest.height + gap) / rows - gap).clamp(0, em * 5);
        rest = rest.cut_top((row_height + gap) * rows - gap);
        if page.above > 0 || page.below > 0 {
            self.put(Part::PageScroll, rest.cut_right(em / 4), 0);
            rest.cut_right(em / 4);
        }
        for row in (0u8..).take(page.rows.len().min(GuidePage::ROWS)) {
            let area = rest.cut_top(row_height);
            rest.cut_top(gap);
            self.row(row, area);
        }

        let mut overlay = safe;
        let top = overlay.cut_top(em * 32 / 10).cut_right(em * 16);
        if let Some(entry) = &view.entry {
            self.entry(top, entry.message.is_some());
        }
        overlay.cut_top(em / 2);
        if view.volume.is_some() {
            self.volume(overlay);
        }
    }

    fn page_details(&mut self, mut words: Rect, view: &View, page: &GuidePage) {
        let em = self.em;
        let roomy = words.height >= em * 9;
        let (title_px, gap) = match roomy {
            true => (em * 18 / 10, em * 7 / 10),
            false => (em * 13 / 10, em / 12),
        };
        if let Some(mut line) = words.line(em * 16 / 10) {
            self.put(Part::PageClock, line.cut_right(self.tenths(40, 68)), em * 12 / 10);
            let badges = line.cut_right(
                em * 58 / 10 * i32::from(view.offline) + em * 56 / 10 * i32::from(view.muted),
            );
            self.badges(badges, view, em * 85 / 100, Rect::cut_right);
            self.put(Part::PageStation, line, em * 11 / 10);
        }
        words.cut_top(gap);
        if let Some(line) = words.line(title_px * 125 / 100) {
            self.put(Part::PageTitle, line, title_px);
        }
        words.cut_top(gap);
        if let Some(mut line) = words.line(em * 13 / 10) {
            self.put(Part::PageTimes, line.cut_left(em * 75 / 10), em);
            self.put(Part::PagePosition, line.cut_right(em * 9), em);
            self.put(Part::PageProgress, line.bar(em), 0);
        }
        words.cut_top(gap);
        let more = [(Part::PageNote, page.note.is_some()), (Part::PageNext, true)];
        for (part, _) in more.into_iter().filter(|(_, shown)| *shown) {
            if let Some(line) = words.line(em * 13 / 10) {
                self.put(part, line, em);
                words.cut_top(gap / 2);
            }
        }
    }

    fn row(&mut self, row: u8, area: Rect) {
        let em = self.em;
        self.put(Part::Row(row), area, 0);
        let roomy = area.height >= em * 32 / 10;
        let mut cells = area.inset(em / 2, 0);
        let number = cells.cut_left(em * 32 / 10);
        self.put(Part::RowNumber(row), number, em * 14 / 10);
        cells.cut_left(em / 2);
        let name = cells.cut_left((area.width * 17 / 100).max(em * 7));
        self.put(Part::RowName(row), name, em);
        cells.cut_left(em);
        let mut next = cells.cut_right(cells.width * 38 / 100);
        cells.cut_right(em);

        if !roomy {
            let mut now = cells.centred(cells.width, (em * 2).min(cells.height));
            let mut next = next.centred(next.width, now.height);
            if let Some(line) = now.line(em * 14 / 10) {
                self.put(Part::RowTitle(row), line, em);
            }
            if let Some(line) = next.line(em * 14 / 10) {
                self.put(Part::RowNextTitle(row), line, em);
            }
            self.put(Part::RowProgress(row), now.bar(em * 8 / 10), 0);
            return;
        }
        let mut now = cells.centred(cells.width, em * 28 / 10);
        next = next.centred(next.width, em * 28 / 10);
        self.put(Part::RowTitle(row), now.cut_top(em * 15 / 10), em * 11 / 10);
        self.put(Part::RowNextTitle(row), next.cut_top(em * 15 / 10), em);
        self.put(Part::RowNextStarts(row), next, em * 9 / 10);
        self.put(Part::RowTimes(row), now.cut_left(em * 7), em * 9 / 10);
        self.put(Part::RowProgress(row), now.bar(em * 8 / 10), 0);
    }
}

impl Rect {
    fn screen(width: u32, height: u32) -> Self {
        let side = |pixels: u32| i32::try_from(pixels.min(SIDE_MAX)).unwrap_or(0);
        Self { x: 0, y: 0, width: side(width), height: side(height) }
    }

    /// Whether a pixel lies within.
    pub const fn contains(self, x: i32, y: i32) -> bool {
        x >= self.x && x - self.x < self.width && y >= self.y && y - self.y < self.height
    }

    /// The pixels that both have; empty when there are none.
    pub fn intersection(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let right = (self.x + self.width).min(other.x + other.width);
        let bottom = (self.y + self.height).min(other.y + other.height);
        Self { x, y, width: (right - x).max(0), height: (bottom - y).max(0) }
    }

    /// This rectangle less `dx` columns at either side and `dy` rows at top and bottom.
    pub fn inset(self, dx: i32, dy: i32) -> Self {
        let (dx, dy) = (dx.min(self.width / 2), dy.min(self.height / 2));
        Self {
            x: self.x + dx,
            y: self.y + dy,
            width: self.width - 2 * dx,
            height: self.height - 2 * dy,
        }
    }

    /// A rectangle in the middle of this one and no larger.
    pub fn centred(self, width: i32, height: i32) -> Self {
        let (width, height) = (width.min(self.width), height.min(self.height));
        Self {
            x: self.x + (self.width - width) / 2,
            y: self.y + (self.height - height) / 2,
            width,
            height,
        }
    }

    fn cut_left(&mut self, columns: i32) -> Self {
        let width = columns.clamp(0, self.width);
        let cut = Self { width, ..*self };
        self.x += width;
        self.width -= width;
        cut
    }

    fn cut_right(&mut self, columns: i32) -> Self {
        let width = columns.clamp(0, self.width);
        self.width -= width;
        Self { x: self.x + self.width, width, ..*self }
    }

    fn cut_top(&mut self, rows: i32) -> Self {
        let height = rows.clamp(0, self.height);
        let cut = Self { height, ..*self };
        self.y += height;
        self.height -= height;
        cut
    }

    fn cut_bottom(&mut self, rows: i32) -> Self {
        let height = rows.clamp(0, self.height);
        self.height -= height;
        Self { y: self.y + self.height, height, ..*self }
    }

    /// A line of this height cut from the top, if there is room for the whole of it.
    fn line(&mut self, height: i32) -> Option<Self> {
        (height <= self.height).then(|| self.cut_top(height))
    }

    /// A progress bar for text of this size, half way up.
    fn bar(self, text_px: i32) -> Self {
        self.centred(self.width, (text_px * 4 / 10).max(3))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use proptest::prelude::*;

    use super::super::view::{Banner, Card, NumberEntry, Row, SoundPage, Station, Volume};
    use super::*;

    fn station() -> Station {
        Station { number: 120, name: "Night Owl".to_string(), on_air: None, next: None }
    }

    /// A view with everything on it that can be on together, as the bits of `shown` choose.
    fn view(shown: u16) -> View {
        let bit = |n: u16| shown & (1 << n) != 0;
        let text = || "words".to_string();
        let note = bit(0).then(text);
        let backdrop = if bit(1) { Backdrop::TestCard } else { Backdrop::Picture };
        let detail = bit(2).then(text);
        let rows = vec![Row { station: station(), tuned: true }; usize::from(shown >> 10) % 6];
        View {
            card: bit(3).then(|| Card { backdrop, heading: text(), sentence: text(), detail }),
            sound: (!bit(3) && !bit(4)).then(|| SoundPage {
                clock: text(),
                station: station(),
                why: text(),
                note: note.clone(),
            }),
            guide: bit(4).then(|| GuidePage {
                clock: text(),
                rows,
                selected: 0,
                above: usize::from(bit(5)),
                below: 0,
                note: note.clone(),
            }),
            banner: (!bit(4) && bit(5)).then(|| Banner { clock: text(), station: station(), note }),
            entry: bit(6).then(|| NumberEntry { digits: text(), message: None, unknown: false }),
            volume: bit(7).then_some(Volume { percent: 50, muted: false }),
            hours: if bit(15) { Hours::Twelve } else { Hours::TwentyFour },
            offline: bit(8),
            muted: bit(9),
        }
    }

    /// The picture, the card and the pages are what the rest lies on.
    fn is_ground(part: Part) -> bool {
        matches!(part, Part::Picture | Part::Card | Part::Page | Part::Sound)
    }

    fn is_badge(part: Part) -> bool {
        matches!(part, Part::OfflineBadge | Part::MutedBadge)
    }

    fn overlap(a: Rect, b: Rect) -> bool {
        let both = a.intersection(b);
        both.width > 0 && both.height > 0
    }

    fn check(width: u32, height: u32, view: &View) -> Result<(), TestCaseError> {
        check_layout(width, height, &layout(width, height, view))?;
        check_layout(width, height, &layout_in_hand(width, height, view))
    }

    fn check_layout(width: u32, height: u32, laid_out: &Layout) -> Result<(), TestCaseError> {
        let screen = Rect { x: 0, y: 0, width: width as i32, height: height as i32 };
        for element in laid_out.elements() {
            let parent = match element.part.parent() {
                Some(parent) => laid_out.place(parent).map(|parent| parent.rect),
                None => Some(screen),
            };
            let parent = parent.expect("a parent is laid out before its children");
            prop_assert!(element.rect.width > 0 && element.rect.height > 0, "{:?}", element);
            prop_assert_eq!(element.rect.intersection(parent), element.rect, "{:?}", element);
            prop_assert!(element.text_px <= element.rect.height, "{:?}", element);
        }
        // Over the pages, number and volume lie on top; the badges are part of them.
        let page = laid_out.place(Part::Page).or(laid_out.place(Part::Sound));
        let badges_in = page.map(|page| page.part);
        let parent = |part: Part| if is_badge(part) { badges_in } else { part.parent() };
        for (n, a) in laid_out.elements().iter().enumerate() {
            for b in laid_out.elements().iter().skip(n + 1) {
                let siblings = parent(a.part) == parent(b.part);
                let text_in_circle = a.part == Part::CardCircle && b.part == Part::CardText;
                if siblings && !is_ground(a.part) && !is_ground(b.part) && !text_in_circle {
                    prop_assert!(!overlap(a.rect, b.rect), "{:?} and {:?} overlap", a, b);
                }
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn parts_lie_within_their_parents_and_beside_their_siblings(
            width in 480u32..=3840,
            height in 272u32..=2160,
            shown: u16,
        ) {
            check(width, height, &view(shown))?;
        }

        #[test]
        fn windows_too_small_to_read_are_laid_out_all_the_same(
            width in 0u32..=480,
            height in 0u32..=272,
            shown: u16,
        ) {
            check(width, height, &view(shown))?;
        }
    }

    /// The bits of [`view`] for everything but the guide, and for everything with it.
    const WATCHING: u16 = 0b11_1110_1111;
    const GUIDE: u16 = 0b1_0111_1111_1111;

    const SCREENS: [(u32, u32); 5] =
        [(480, 272), (640, 480), (1280, 720), (1920, 1080), (3840, 2160)];

    #[test]
    fn all_that_matters_has_a_place_on_every_screen() {
        for (width, height) in SCREENS {
            let watching = layout(width, height, &view(WATCHING));
            for part in [
                Part::CardHeading,
                Part::CardSentence,
                Part::CardDetail,
                Part::BannerNumber,
                Part::BannerName,
                Part::BannerClock,
                Part::BannerTitle,
                Part::BannerProgress,
                Part::BannerPosition,
                Part::BannerNote,
                Part::EntryDigits,
                Part::VolumeTrack,
                Part::OfflineBadge,
                Part::MutedBadge,
            ] {
                assert!(watching.place(part).is_some(), "{part:?} at {width}x{height}");
            }
            let without_note = layout(width, height, &view(WATCHING & !1));
            assert!(without_note.place(Part::BannerNext).is_some(), "{width}x{height}");

            let guide = layout(width, height, &view(GUIDE));
            for part in [
                Part::PageClock,
                Part::PageTitle,
                Part::PageProgress,
                Part::PageNote,
                Part::RowNumber(4),
                Part::RowName(4),
                Part::RowTitle(4),
                Part::RowProgress(4),
                Part::RowNextTitle(4),
                Part::OfflineBadge,
            ] {
                assert!(guide.place(part).is_some(), "{part:?} at {width}x{height}");
            }
        }
    }

    #[test]
    fn no_words_are_smaller_than_ten_pixels_or_in_the_outer_twentieth_of_the_screen() {
        for (width, height) in SCREENS {
            let (side, top) = ((width / 20) as i32, (height / 20) as i32);
            for shown in [WATCHING, GUIDE] {
                let laid_out = layout(width, height, &view(shown));
                for Element { part, rect, text_px } in laid_out.elements().iter().copied() {
                    if text_px > 0 {
                        assert!(text_px >= 10, "{part:?} at {width}x{height}");
                        assert!(rect.x >= side && rect.y >= top, "{part:?}");
                        assert!(rect.x + rect.width <= width as i32 - side, "{part:?}");
                        assert!(rect.y + rect.height <= height as i32 - top, "{part:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn in_the_hand_words_have_14_pixels_and_8_to_the_edge_and_everything_has_a_place() {
        const SOUND: u16 = 0b11_1110_0111;
        const HEARD: u16 = 0b11_1100_0111;
        for (shown, parts) in [
            (WATCHING, &[Part::CardText, Part::CardCircle, Part::VolumeSymbol][..]),
            (WATCHING, &[Part::BannerNumber, Part::BannerTitle, Part::BannerPosition]),
            (WATCHING, &[Part::BannerNote, Part::BannerNext, Part::VolumeTrack, Part::MutedBadge]),
            (SOUND, &[Part::SoundTitle, Part::SoundWhy, Part::SoundClock, Part::BannerTitle]),
            (HEARD, &[Part::SoundTitle, Part::SoundWhy, Part::SoundProgress, Part::SoundNext]),
            (HEARD, &[Part::SoundClock, Part::SoundNote, Part::SoundLegend, Part::OfflineBadge]),
            (GUIDE, &[Part::PageClock, Part::PageNote, Part::PageLegend, Part::MutedBadge]),
            (GUIDE & !1, &[Part::PageStation, Part::PageTimes, Part::PagePosition]),
            (GUIDE, &[Part::RowNumber(4), Part::RowName(4), Part::RowTitle(4)]),
            (GUIDE, &[Part::RowProgress(4), Part::RowNextTitle(4)]),
        ] {
            let laid_out = layout_in_hand(480, 272, &view(shown));
            for part in parts {
                assert!(laid_out.place(*part).is_some(), "{part:?}");
            }
            for Element { part, rect, text_px } in laid_out.elements().iter().copied() {
                let margin = Rect { x: 8, y: 8, width: 464, height: 256 };
                assert!(text_px == 0 || text_px >= 14, "{part:?}");
                assert!(text_px == 0 || rect.intersection(margin) == rect, "{part:?}");
            }
        }
    }

    #[test]
    fn a_screen_of_one_pixel_and_of_none_and_of_too_many_is_laid_out() {
        for side in [0, 1, u32::MAX] {
            for shown in [WATCHING, GUIDE] {
                layout(side, side, &view(shown));
                layout(side, 1, &view(shown));
                layout(1, side, &view(shown));
                layout_in_hand(side, side, &view(shown));
            }
        }
    }
}
