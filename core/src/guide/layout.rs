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

mod grid;
mod in_hand;
mod rect;
mod sound;
#[cfg(test)]
mod tests;
mod watching;

use alloc::vec::Vec;

use super::status::Hours;
use super::view::View;
use crate::time::UnixMillis;
pub use in_hand::layout_in_hand;
pub use rect::Rect;

/// What is in a place. A row's index counts [`super::GuidePage::rows`], a tick's
/// [`super::Grid::ticks`], a fact's [`View::health`]; a channel's is that of the line-up, and a
/// programme of the grid has its channel's and the moment when it starts.
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
    /// Of what is under the cursor: the channel's number and name.
    PageStation,
    PageTitle,
    PageTimes,
    PageProgress,
    PagePosition,
    PageFacts,
    PageDescription,
    PageLink,
    PageLicence,
    /// How full the battery is. Only in the hand, like the legend of the buttons.
    PageBattery,
    PageLegend,
    /// Shows that there are channels above or below.
    PageScroll,
    /// The day at the grid's left edge.
    GridDay,
    Tick(u8),
    /// The grid's rows. What is in it may reach beyond it while it moves, and is cut off there.
    Rows,
    /// The left end of a row: a channel's number and name.
    Channel(u16),
    ChannelNumber(u16),
    ChannelName(u16),
    /// That it is a favourite.
    ChannelMark(u16),
    Cell(u16, UnixMillis),
    CellTitle(u16, UnixMillis),
    /// Left out where there is no room for a second line.
    CellTimes(u16, UnixMillis),
    /// The line that says what time it is, over the rows.
    Now,
    /// A row of the list in the hand.
    Row(u8),
    RowNumber(u8),
    RowName(u8),
    RowTitle(u8),
    RowProgress(u8),
    RowNextTitle(u8),

    /// The page of a programme that is only heard: over the whole screen, or in the guide's corner.
    Sound,
    /// A drawn radio; in the hand a small test card.
    SoundCard,
    /// The square around the test card's circle. Only in the hand, like battery and legend.
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
    Notice,
    NoticeWords,
    /// What is said in the film. The words stand at the foot of it.
    Subtitle,
    Health,
    FactName(u8),
    FactValue(u8),
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
            | Self::PageFacts
            | Self::PageDescription
            | Self::PageLink
            | Self::PageLicence
            | Self::PageBattery
            | Self::PageLegend
            | Self::GridDay
            | Self::Tick(_)
            | Self::Rows
            | Self::Now
            | Self::PageScroll
            | Self::Row(_) => Self::Page,
            Self::Channel(_) | Self::Cell(..) => Self::Rows,
            Self::ChannelNumber(channel)
            | Self::ChannelName(channel)
            | Self::ChannelMark(channel) => Self::Channel(channel),
            Self::CellTitle(channel, starts) | Self::CellTimes(channel, starts) => {
                Self::Cell(channel, starts)
            }
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
            | Self::RowProgress(row)
            | Self::RowNextTitle(row) => Self::Row(row),
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
            Self::NoticeWords => Self::Notice,
            Self::FactName(_) | Self::FactValue(_) => Self::Health,
            Self::Picture
            | Self::Card
            | Self::Page
            | Self::Sound
            | Self::Banner
            | Self::Entry
            | Self::Volume
            | Self::OfflineBadge
            | Self::MutedBadge
            | Self::Notice
            | Self::Subtitle
            | Self::Health => return None,
        })
    }

    /// Whether a click here does something.
    const fn clickable(self) -> bool {
        use Part::*;
        matches!(self, Picture | Row(_) | Channel(_) | Cell(..) | Banner | VolumeTrack)
    }
}

/// A part in its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Element {
    /// What it is.
    pub part: Part,
    /// Where it is: within the screen and not empty. Those in [`Part::Rows`] may reach beyond it.
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
        let rows = self.place(Part::Rows).map(|rows| rows.rect);
        let is_hit = |at: &&Element| {
            let cut = rows.filter(|_| at.part.parent() == Some(Part::Rows)).unwrap_or(at.rect);
            at.part.clickable() && at.rect.contains(x, y) && cut.contains(x, y)
        };
        let at = self.elements.iter().rev().find(is_hit)?;
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
        Some(grid) => layout.grid(screen, safe, view, grid),
        None => layout.watching(screen, safe, view),
    }
    layout
}

impl Layout {
    /// The width of something with times of day in it, given in tenths of an em for "20:42" and for
    /// "8:42 PM".
    fn tenths(&self, twenty_four: i32, twelve: i32) -> i32 {
        let tenths = match self.hours {
            Hours::TwentyFour => twenty_four,
            Hours::Twelve => twelve,
        };
        self.em * tenths / 10
    }
}
