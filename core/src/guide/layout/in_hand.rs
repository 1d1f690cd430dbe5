//! The same parts on a screen of four inches that is held in the hand, like the PSP's 480 × 272. It
//! differs from a television in three ways, and so do the places: words need a larger share of it,
//! nothing hides its edges, and there is no room for a picture beside the guide. It has a line for
//! what its few buttons do instead.
//!
//! The em is 1/19 of the height, 14 pixels at 272: at 128 pixels per inch 2.8 mm, seen at arm's
//! length as large as the television's 30 pixels at three metres.

use super::{Layout, Part, Rect};
use crate::guide::GuidePage;
use crate::guide::view::View;

/// The least distance of words from the edge: PSP cases hide a few pixels.
const MARGIN: i32 = 8;

/// The parts in the header of a page: how full the battery is, and the time of day.
type Header = (Part, Part);

/// Lays `view` out on a screen of `width` × `height` pixels that is held in the hand. No picture is
/// placed beside the guide, and a card only where it has no rows; the volume bar lies flat.
pub fn layout_in_hand(width: u32, height: u32, view: &View) -> Layout {
    let screen = Rect::screen(width, height);
    let em = (screen.height / 19).min(screen.width / 32).max(12);
    let mut layout = Layout::of(em, view);
    let safe = screen.inset(MARGIN, MARGIN);
    match &view.list {
        Some(page) => layout.guide_in_hand(screen, safe, view, page),
        None => layout.watching_in_hand(screen, safe, view),
    }
    layout
}

impl Layout {
    fn watching_in_hand(&mut self, screen: Rect, safe: Rect, view: &View) {
        let em = self.em;
        let mut rest = safe;
        let note = view.banner.as_ref().is_some_and(|banner| banner.note.is_some());
        let banner = view.banner.as_ref().map(|_| {
            let banner = rest.cut_bottom(em * 65 / 10 + em * 13 / 10 * i32::from(note));
            rest.cut_bottom(em / 4);
            banner
        });

        self.put(Part::Picture, screen, 0);
        if view.sound.is_some() {
            self.sound_page_in_hand(screen, rest, view);
        }
        let mut below = rest;
        let mut strip = below.cut_top(em * 2);
        below.cut_top(em / 4);
        if view.card.is_some() {
            let words = match banner {
                Some(_) => below,
                None => screen.centred(below.width, em * 14).intersection(below),
            };
            self.card_in_hand(screen, words.centred(words.width - 2 * em, words.height));
        }
        if let Some(banner) = banner {
            self.banner(banner, note);
        }
        if view.sound.is_some() {
            return self.over_page(rest, view);
        }
        if view.volume.is_some() {
            self.flat_volume(strip.cut_right(em * 14));
        }
        if let Some(entry) = &view.entry {
            self.entry(below.cut_top(em * 32 / 10).cut_right(em * 16), entry.message.is_some());
        }
        self.badges(strip.cut_top(em * 16 / 10), view, em, Rect::cut_left);
    }

    /// Volume and number lie on a page: the volume covers the right end of the header.
    fn over_page(&mut self, mut rest: Rect, view: &View) {
        let em = self.em;
        let mut header = rest.cut_top(em * 26 / 10);
        if view.volume.is_some() {
            self.flat_volume(header.cut_right(em * 11));
        }
        rest.cut_top(em / 4);
        if let Some(entry) = &view.entry {
            self.entry(rest.cut_top(em * 32 / 10).cut_right(em * 16), entry.message.is_some());
        }
    }

    /// The words lie across the whole screen, over the middle of the test card or of the picture,
    /// on a panel no larger than this: how many lines they take, only fonts know.
    fn card_in_hand(&mut self, screen: Rect, panel: Rect) {
        let diameter = screen.width.min(screen.height) * 88 / 100;
        self.put(Part::Card, screen, 0);
        self.put(Part::CardCircle, screen.centred(diameter, diameter), 0);
        self.put(Part::CardText, panel, self.em);
    }

    fn flat_volume(&mut self, volume: Rect) {
        let em = self.em;
        self.put(Part::Volume, volume, 0);
        let mut inner = volume.inset(em * 7 / 10, em / 4);
        self.put(Part::VolumeSymbol, inner.cut_left(em * 12 / 10), 0);
        inner.cut_left(em / 2);
        let level = inner.cut_right(em * 3);
        inner.cut_right(em / 2);
        self.put(Part::VolumeTrack, inner.centred(inner.width, em * 6 / 10), 0);
        self.put(Part::VolumeLevel, level, em);
    }

    /// The right end of a page's top two lines. What remains of them is given back.
    fn header(&mut self, mut lines: Rect, view: &View, (battery, clock): Header) -> Rect {
        let em = self.em;
        let mut right = lines.cut_right(em * 11);
        lines.cut_right(em / 2);
        let mut line = right.cut_top(em * 13 / 10);
        self.put(clock, line.cut_right(self.tenths(40, 68)), em * 13 / 10);
        self.put(battery, line.cut_right(em * 2).centred(em * 2, em * 8 / 10), 0);
        self.badges(right, view, em, Rect::cut_right);
        lines
    }

    /// Above the banner, without what the banner says too.
    fn sound_page_in_hand(&mut self, screen: Rect, mut rest: Rect, view: &View) {
        let em = self.em;
        self.put(Part::Sound, screen, 0);
        let top = rest.cut_top(em * 26 / 10);
        let station = self.header(top, view, (Part::SoundBattery, Part::SoundClock));
        self.put(Part::SoundStation, station, em * 18 / 10);
        rest.cut_top(em / 2);

        if view.banner.is_none() {
            self.sound_times_in_hand(&mut rest, view);
        }
        rest.cut_bottom(em / 4);
        let card = rest.cut_left(rest.height.min(em * 7));
        let card = card.centred(card.width, card.width);
        self.put(Part::SoundCard, card, 0);
        self.put(Part::SoundCircle, card.centred(card.width * 88 / 100, card.width * 88 / 100), 0);
        rest.cut_left(em);
        // Two lines of large letters, or three of smaller ones.
        self.put(Part::SoundTitle, rest.cut_top(em * 48 / 10), em * 18 / 10);
        rest.cut_top(em / 4);
        self.put(Part::SoundWhy, rest, em);
    }

    fn sound_times_in_hand(&mut self, rest: &mut Rect, view: &View) {
        let em = self.em;
        self.put(Part::SoundLegend, rest.cut_bottom(em * 125 / 100), em);
        rest.cut_bottom(em / 2);
        self.put(Part::SoundNext, rest.cut_bottom(em * 13 / 10), em);
        let mut line = rest.cut_bottom(em * 14 / 10);
        self.put(Part::SoundStarts, line.cut_left(self.tenths(32, 54)), em);
        line.cut_left(em * 4 / 10);
        self.put(Part::SoundPosition, line.cut_right(em * 9), em);
        self.put(Part::SoundEnds, line.cut_right(self.tenths(32, 54)), em);
        line.cut_right(em * 4 / 10);
        self.put(Part::SoundProgress, line.bar(em), 0);
        if view.sound.as_ref().is_some_and(|page| page.note.is_some()) {
            self.put(Part::SoundNote, rest.cut_bottom(em * 13 / 10), em);
        }
    }

    fn guide_in_hand(&mut self, screen: Rect, safe: Rect, view: &View, page: &GuidePage) {
        let em = self.em;
        let mut rest = safe;
        self.put(Part::Page, screen, 0);
        let top = rest.cut_top(em * 26 / 10);
        let mut lines = self.header(top, view, (Part::PageBattery, Part::PageClock));
        rest.cut_top(em * 3 / 10);
        if page.note.is_some() {
            self.put(Part::PageNote, lines, em);
        } else {
            self.put(Part::PageStation, lines.cut_top(em * 14 / 10), em * 13 / 10);
            self.put(Part::PageTimes, lines.cut_left(self.tenths(80, 124)), em);
            self.put(Part::PagePosition, lines, em);
        }
        self.put(Part::PageLegend, rest.cut_bottom(em * 125 / 100), em);
        rest.cut_bottom(em * 3 / 10);

        let rows = i32::try_from(GuidePage::ROWS).unwrap_or(1);
        let gap = em / 7;
        let row_height = ((rest.height + gap) / rows - gap).clamp(0, em * 4);
        rest = rest.cut_top((row_height + gap) * rows - gap);
        if page.above > 0 || page.below > 0 {
            self.put(Part::PageScroll, rest.cut_right(em * 3 / 10), 0);
            rest.cut_right(em * 3 / 10);
        }
        for row in (0u8..).take(page.rows.len().min(GuidePage::ROWS)) {
            let area = rest.cut_top(row_height);
            rest.cut_top(gap);
            self.row_in_hand(row, area);
        }
        if page.rows.is_empty() && view.card.is_some() {
            self.put(Part::Card, screen, 0);
            self.put(Part::CardText, rest.inset(em, em / 2), em);
        }

        self.over_page(safe, view);
    }

    /// Two lines to the right of number and name: what is on, and below how far it is and what
    /// comes next.
    fn row_in_hand(&mut self, row: u8, area: Rect) {
        let em = self.em;
        self.put(Part::Row(row), area, 0);
        let mut cells = area;
        cells.cut_left(em * 6 / 10);
        cells.cut_right(em * 4 / 10);
        self.put(Part::RowNumber(row), cells.cut_left(em * 34 / 10), em * 18 / 10);
        cells.cut_left(em * 5 / 10);
        self.put(Part::RowName(row), cells.cut_left(em * 66 / 10), em);
        cells.cut_left(em / 2);
        let mut lines = cells.centred(cells.width, em * 26 / 10);
        self.put(Part::RowTitle(row), lines.cut_top(em * 14 / 10), em * 13 / 10);
        self.put(Part::RowProgress(row), lines.cut_left(em * 45 / 10).bar(em), 0);
        lines.cut_left(em * 6 / 10);
        self.put(Part::RowNextTitle(row), lines, em);
    }
}
