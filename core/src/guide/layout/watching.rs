//! The places of what lies over the film: cards, the banner, and all that comes and goes.

use super::{Layout, Part, Rect};
use crate::guide::view::{Backdrop, View};

impl Layout {
    pub(super) fn watching(&mut self, screen: Rect, safe: Rect, view: &View) {
        let em = self.em;
        let mut above_banner = safe;
        let banner = above_banner.cut_bottom((safe.height * 31 / 100).clamp(em * 64 / 10, em * 10));
        above_banner.cut_bottom(em / 4);
        let mut rest = if view.banner.is_some() { above_banner } else { safe };

        self.put(Part::Picture, screen, 0);
        if view.sound.is_some() {
            self.sound_page(screen, rest, view);
        }
        if let Some(card) = &view.card {
            self.card(screen, above_banner, card.backdrop, card.detail.is_some());
        }
        if let Some(shown) = &view.banner {
            self.banner(banner, shown.note.is_some() || shown.behind.is_some());
        }
        let mut strip = rest.cut_top(em * 32 / 10);
        if let Some(entry) = &view.entry {
            self.entry(strip.cut_right(em * 16), entry.message.is_some());
        }
        if view.sound.is_none() {
            self.badges(strip.cut_top(em * 16 / 10), view, em * 85 / 100, Rect::cut_left);
        }
        if view.notice.is_some() {
            rest.cut_top(em / 4);
            self.notice(rest.cut_top(em * 24 / 10));
        }
        rest.cut_top(em / 4);
        if view.subtitle.is_some() {
            rest.cut_bottom(em / 4);
            let words = rest.cut_bottom(em * 66 / 10);
            let words = words.centred(words.width * 88 / 100, words.height);
            self.put(Part::Subtitle, words, em * 15 / 10);
            rest.cut_bottom(em / 4);
        }
        if let Some(facts) = &view.health {
            self.health(rest.cut_left((em * 21).min(rest.width * 7 / 10)), facts.len());
            rest.cut_left(em / 4);
        }
        if view.volume.is_some() {
            self.volume(rest);
        }
    }

    /// A line or two in the middle of a strip.
    pub(super) fn notice(&mut self, strip: Rect) {
        let em = self.em;
        let notice = strip.centred(em * 34, strip.height);
        self.put(Part::Notice, notice, 0);
        self.put(Part::NoticeWords, notice.inset(em, em / 4), em);
    }

    /// As many facts as there is room for, two columns each.
    fn health(&mut self, mut area: Rect, facts: usize) {
        let em = self.em;
        let (line, pad) = (em * 115 / 100, em * 4 / 10);
        let room = usize::try_from((area.height - 2 * pad) / line.max(1)).unwrap_or(0);
        let shown = u8::try_from(facts.min(room)).unwrap_or(u8::MAX);
        if shown == 0 {
            return;
        }
        let health = area.cut_top(i32::from(shown) * line + 2 * pad);
        self.put(Part::Health, health, 0);
        let mut lines = health.inset(em / 2, pad);
        for fact in 0..shown {
            let mut words = lines.cut_top(line);
            self.put(Part::FactName(fact), words.cut_left(em * 58 / 10), em * 85 / 100);
            words.cut_left(em / 4);
            self.put(Part::FactValue(fact), words, em * 85 / 100);
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

    pub(super) fn banner(&mut self, banner: Rect, note: bool) {
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

    pub(super) fn entry(&mut self, mut area: Rect, message: bool) {
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

    pub(super) fn badges(
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

    pub(super) fn volume(&mut self, mut rest: Rect) {
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
}
