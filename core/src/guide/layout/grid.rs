//! The places of the guide on a large screen: what is under the cursor at the top with the picture
//! beside it, and below it the grid, two hours wide.

use super::{Layout, Part, Rect};
use crate::guide::GuidePage;
use crate::guide::view::{About, Grid, GridRow, View};

impl Layout {
    pub(super) fn grid(&mut self, screen: Rect, safe: Rect, view: &View, grid: &Grid) {
        let em = self.em;
        let mut rest = safe;
        let mut details = rest.cut_top((safe.height * 41 / 100).min(em * 15));
        rest.cut_top((safe.height / 40).min(em));

        let height = details.height.min(details.width * 40 / 100 * 9 / 16);
        let mut column = details.cut_right(height * 16 / 9);
        let preview = column.cut_top(height);
        details.cut_right(em);
        self.put(Part::Picture, preview, 0);
        if view.card.is_some() {
            self.put(Part::Card, preview, 0);
            let diameter = preview.height * 88 / 100;
            self.put(Part::CardCircle, preview.centred(diameter, diameter), 0);
        }
        self.put(Part::Page, screen, 0);
        if view.sound.is_some() {
            self.put(Part::Sound, preview, 0);
            let height = preview.height * 7 / 10;
            self.put(Part::SoundCard, preview.centred(height * 14 / 10, height), 0);
        }
        self.details(details, view, grid);
        self.hours(rest, grid);
        self.over_grid(safe, details, view);
    }

    /// Volume and notices come over the rows, a number over the words beside the film: nothing over
    /// the film.
    fn over_grid(&mut self, safe: Rect, details: Rect, view: &View) {
        let em = self.em;
        let mut top = details;
        top.cut_top(em * 19 / 10);
        if let Some(entry) = &view.entry {
            let strip = top.cut_top(em * 32 / 10);
            let width = strip.width.min(em * 16);
            self.entry({ strip }.cut_right(width), entry.message.is_some());
        }
        let mut rows = safe;
        rows.cut_top(details.height);
        if view.notice.is_some() {
            self.notice(rows.cut_bottom(em * 24 / 10));
            rows.cut_bottom(em / 4);
        }
        if view.volume.is_some() {
            rows.cut_top(em / 2);
            self.volume(rows);
        }
    }

    fn details(&mut self, mut words: Rect, view: &View, grid: &Grid) {
        let em = self.em;
        let about = grid.about.as_ref();
        let gap = if words.height >= em * 11 { em * 3 / 10 } else { em / 12 };
        if let Some(mut line) = words.line(em * 16 / 10) {
            self.put(Part::PageClock, line.cut_right(self.tenths(40, 68)), em * 12 / 10);
            let badges = line.cut_right(
                em * 63 / 10 * i32::from(view.offline) + em * 51 / 10 * i32::from(view.muted),
            );
            self.badges(badges, view, em * 85 / 100, Rect::cut_right);
            self.put(Part::PageStation, line, em * 11 / 10);
        }
        words.cut_top(gap);
        if let Some(lines) = words.line(em * 3) {
            self.put(Part::PageTitle, lines, em * 19 / 10);
        }
        words.cut_top(gap);
        if let Some(mut line) = words.line(em * 13 / 10) {
            match about.and_then(|about| about.progress_permille) {
                Some(_) => {
                    self.put(Part::PageTimes, line.cut_left(self.tenths(75, 120)), em);
                    self.put(Part::PagePosition, line.cut_right(em * 9), em);
                    line.cut_right(em / 2);
                    self.put(Part::PageProgress, line.bar(em), 0);
                }
                None => self.put(Part::PageTimes, line, em),
            }
        }
        if let Some(line) = words.line(em * 13 / 10) {
            self.put(Part::PageFacts, line, em);
        }
        if grid.note.is_some()
            && let Some(line) = words.line(em * 13 / 10)
        {
            self.put(Part::PageNote, line, em);
        }
        self.more(words, about);
    }

    /// The link and the licence at the foot, and between them and the facts what it is about.
    fn more(&mut self, mut words: Rect, about: Option<&About>) {
        let em = self.em;
        let Some(about) = about else { return };
        if about.link.is_some() && words.height >= em * 12 / 10 {
            let mut line = words.cut_bottom(em * 12 / 10);
            if about.licence.is_some() {
                self.put(Part::PageLicence, line.cut_right(line.width * 36 / 100), em * 85 / 100);
                line.cut_right(em / 2);
            }
            self.put(Part::PageLink, line, em * 85 / 100);
        }
        words.cut_bottom(em / 5);
        words.cut_top(em / 5);
        if about.description.is_some() && words.height >= em * 12 / 10 {
            self.put(Part::PageDescription, words, em * 9 / 10);
        }
    }

    fn hours(&mut self, mut area: Rect, grid: &Grid) {
        let em = self.em;
        let mut heads = area.cut_top(em * 15 / 10);
        area.cut_top(em / 8);
        if grid.above > 0 || grid.below > 0 {
            self.put(Part::PageScroll, area.cut_right(em / 4), 0);
            area.cut_right(em / 4);
            heads.cut_right(em / 2);
        }
        let rows = i32::try_from(GuidePage::ROWS).unwrap_or(1);
        let gap = (em / 8).max(2);
        let pitch = ((area.height + gap) / rows).min(em * 6);
        let rows = area.cut_top(pitch * rows - gap);
        let column = (rows.width * 18 / 100).max(em * 85 / 10).min(em * 13);

        self.put(Part::GridDay, heads.cut_left(column), em);
        let time = Time { left: heads.x, width: heads.width };
        for (nth, tick) in (0u8..).zip(&grid.ticks) {
            let x = time.column(tick.from_left_ms);
            let width = (heads.width / 4 - em / 4).min(heads.x + heads.width - x);
            // A time that does not fit is none.
            if width >= self.tenths(34, 56) {
                self.put(Part::Tick(nth), Rect { x, width, ..heads }, em * 9 / 10);
            }
        }
        self.put(Part::Rows, rows, 0);
        let scrolled = pitch * i32::from(grid.scrolled_permille) / 1000;
        for (nth, row) in (0..).zip(&grid.rows) {
            let y = rows.y + nth * pitch - scrolled;
            let row_rect = Rect { y, height: pitch - gap, ..rows };
            if row_rect.intersection(rows).height > 0 {
                self.grid_row(row, row_rect, column - gap, time);
            }
        }
        if let Some(now_ms) = grid.now_ms {
            let (width, above) = ((em / 10).max(2), heads.height / 3);
            let (y, height) = (rows.y - above, rows.height + above);
            let x = time.column(now_ms) - width / 2;
            let now = Rect { x, y, width, height };
            self.put(Part::Now, now.intersection(Rect { y, height, ..heads }), 0);
        }
    }

    fn grid_row(&mut self, row: &GridRow, area: Rect, column: i32, time: Time) {
        let em = self.em;
        let channel = row.channel;
        let mut head = { area }.cut_left(column);
        self.put(Part::Channel(channel), head, 0);
        head.cut_left(em * 4 / 10);
        let number = head.cut_left(em * 29 / 10);
        self.put(Part::ChannelNumber(channel), number, em * 13 / 10);
        head.cut_left(em * 2 / 10);
        let mark = head.cut_right(em);
        if row.favourite {
            let side = em * 8 / 10;
            let mut mark = mark.centred(side, mark.height);
            mark.cut_top(em / 4);
            self.put(Part::ChannelMark(channel), mark.cut_top(side), 0);
        }
        self.put(Part::ChannelName(channel), head, em * 95 / 100);

        let gap = (em / 12).max(1);
        for cell in &row.cells {
            let (from, to) = (time.column(cell.from_ms), time.column(cell.to_ms));
            let width = (to - from - gap).max((to - from).min(1));
            let cell_area = Rect { x: from, width, ..area };
            let id = (channel, cell.starts);
            self.put(Part::Cell(id.0, id.1), cell_area, 0);
            let mut words = cell_area.inset(em * 4 / 10, 0);
            if words.width < em * 2 {
                continue;
            }
            let two_lines = area.height >= em * 25 / 10;
            words = words.centred(words.width, em * if two_lines { 25 } else { 14 } / 10);
            let title = words.cut_top(em * 14 / 10);
            self.put(Part::CellTitle(id.0, id.1), title, em);
            if two_lines && words.width >= self.tenths(68, 108) {
                self.put(Part::CellTimes(id.0, id.1), words, em * 85 / 100);
            }
        }
    }
}

/// Where time is, in columns of pixels.
#[derive(Clone, Copy)]
struct Time {
    left: i32,
    width: i32,
}

impl Time {
    fn column(self, from_left_ms: i32) -> i32 {
        let columns = i64::from(self.width) * i64::from(from_left_ms) / Grid::SPAN_MS;
        self.left + i32::try_from(columns).unwrap_or(self.width)
    }
}
