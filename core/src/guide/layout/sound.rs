//! The places of a programme that is heard and not seen: a radio, and beside it what it plays.

use super::{Layout, Part, Rect};
use crate::guide::view::View;

impl Layout {
    /// Over the whole `screen`, with words in `rest`, which is what the banner leaves. What the
    /// banner says too is left out under it.
    pub(super) fn sound_page(&mut self, screen: Rect, mut rest: Rect, view: &View) {
        let em = self.em;
        self.put(Part::Sound, screen, 0);
        let mut line = rest.cut_top(em * 2);
        self.put(Part::SoundClock, line.cut_right(self.tenths(40, 68)), em * 12 / 10);
        let badges = line.cut_right(
            em * 63 / 10 * i32::from(view.offline) + em * 51 / 10 * i32::from(view.muted),
        );
        let badges = badges.centred(badges.width, em * 16 / 10);
        self.badges(badges, view, em * 85 / 100, Rect::cut_right);
        self.put(Part::SoundStation, line, em * 14 / 10);
        rest.cut_top(em);

        if view.banner.is_none() {
            self.sound_times(&mut rest, view);
        }
        let mut middle = rest.centred(rest.width, em * 18);
        let width = (middle.width * 42 / 100).min(middle.height * 14 / 10);
        let radio = middle.cut_left(width);
        self.put(Part::SoundCard, radio.centred(width, width * 10 / 14), 0);
        middle.cut_left(em * 15 / 10);
        let mut words = middle.centred(middle.width, em * 14);
        let title = words.cut_top(words.height * 6 / 10);
        self.put(Part::SoundTitle, title, em * 22 / 10);
        words.cut_top(em / 2);
        self.put(Part::SoundWhy, words.cut_top(em * 28 / 10), em);
    }

    fn sound_times(&mut self, rest: &mut Rect, view: &View) {
        let em = self.em;
        self.put(Part::SoundNext, rest.cut_bottom(em * 14 / 10), em);
        rest.cut_bottom(em / 4);
        let mut line = rest.cut_bottom(em * 14 / 10);
        self.put(Part::SoundStarts, line.cut_left(self.tenths(32, 54)), em);
        line.cut_left(em * 4 / 10);
        self.put(Part::SoundPosition, line.cut_right(em * 9), em);
        self.put(Part::SoundEnds, line.cut_right(self.tenths(32, 54)), em);
        line.cut_right(em * 4 / 10);
        self.put(Part::SoundProgress, line.bar(em), 0);
        rest.cut_bottom(em / 4);
        if view.sound.as_ref().is_some_and(|page| page.note.is_some()) {
            self.put(Part::SoundNote, rest.cut_bottom(em * 14 / 10), em);
        }
        rest.cut_bottom(em / 2);
    }
}
