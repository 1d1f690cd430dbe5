use alloc::string::{String, ToString};
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::guide::view::{
    About, Backdrop, Banner, Card, Cell, Fact, Grid, GridRow, NumberEntry, Row, SoundPage, Station,
    Tense, Tick, Volume,
};
use crate::guide::{GuidePage, Hours};

fn station() -> Station {
    Station { number: 120, name: "Night Owl".to_string(), on_air: None, next: None }
}

/// A view with everything on it that can be on together, as the bits of `shown` choose. Bits 16 to
/// 31 are places in time.
fn view(shown: u32) -> View {
    let bit = |n: u32| shown & (1 << n) != 0;
    let text = || "words".to_string();
    let note = bit(0).then(text);
    let backdrop = if bit(1) { Backdrop::TestCard } else { Backdrop::Picture };
    let detail = bit(2).then(text);
    let rows = (shown >> 10) % 6;
    let (page, in_hand) = (bit(4), bit(14));
    View {
        card: bit(3).then(|| Card { backdrop, heading: text(), sentence: text(), detail }),
        sound: (!(bit(3) || (page && in_hand))).then(|| SoundPage {
            clock: text(),
            station: station(),
            why: text(),
            note: note.clone(),
        }),
        list: (page && in_hand).then(|| GuidePage {
            clock: text(),
            rows: vec![Row { station: station(), tuned: true }; rows as usize],
            selected: 0,
            above: usize::from(bit(5)),
            below: 0,
            note: note.clone(),
        }),
        guide: (page && !in_hand).then(|| grid(shown, note.clone())),
        banner: (!page && bit(5)).then(|| Banner {
            clock: text(),
            station: station(),
            note,
            behind: None,
            opacity: 255,
        }),
        entry: bit(6).then(|| NumberEntry { digits: text(), message: None, unknown: false }),
        volume: bit(7).then_some(Volume { percent: 50, muted: false }),
        hours: if bit(15) { Hours::Twelve } else { Hours::TwentyFour },
        offline: bit(8),
        muted: bit(9),
        notice: bit(11).then(text),
        subtitle: (bit(12) && !page).then(text),
        health: (bit(13) && !page).then(|| vec![Fact { name: "Node", value: text() }; 9]),
    }
}

/// A page as it is between two places, with programmes from a minute to hours.
fn grid(shown: u32, note: Option<String>) -> Grid {
    let scrolled = if shown & (1 << 30) == 0 { 0 } else { (shown >> 16) % 1000 };
    let rows = GuidePage::ROWS as u32 + u32::from(scrolled > 0);
    let offset = ((shown >> 16) % 1800) as i32 * 1000;
    let span = Grid::SPAN_MS as i32;
    let row = |channel: u32| {
        let lengths = [60_000, 1_200_000, 400_000, 3_600_000, 30_000, 5_400_000, 700_000];
        let mut from = -offset - (channel as i32) * 100_000;
        let mut cells = Vec::new();
        for length in lengths.into_iter().cycle().skip(channel as usize) {
            let to = from + length;
            if to > 0 {
                cells.push(Cell {
                    starts: UnixMillis(from.into()),
                    from_ms: from.max(0),
                    to_ms: to.min(span),
                    starts_before: from < 0,
                    ends_after: to > span,
                    title: "words".to_string(),
                    times: "words".to_string(),
                    tense: Tense::Future,
                    ident: false,
                    selected: false,
                });
            }
            from = to;
            if from >= span {
                break;
            }
        }
        GridRow {
            channel: channel as u16,
            number: 120,
            name: "words".to_string(),
            tuned: true,
            favourite: true,
            cells,
        }
    };
    let tick = |n: i32| Tick { from_left_ms: n * 1_800_000 - offset, label: "20:30".to_string() };
    let is_shown = |tick: &Tick| (0..span).contains(&tick.from_left_ms);
    let text = || "words".to_string();
    Grid {
        clock: text(),
        day: text(),
        ticks: (0..6).map(tick).filter(is_shown).collect(),
        now_ms: Some(offset),
        rows: (0..rows).map(row).collect(),
        scrolled_permille: scrolled as u16,
        above: (shown >> 5 & 1) as usize,
        below: 0,
        note,
        about: Some(About {
            channel: text(),
            favourite: true,
            title: text(),
            times: text(),
            facts: text(),
            progress_permille: Some(0),
            position: Some(text()),
            description: Some(text()),
            link: Some(text()),
            licence: Some(text()),
        }),
    }
}

/// The picture, the card and the pages are what the rest lies on.
fn is_ground(part: Part) -> bool {
    matches!(part, Part::Picture | Part::Card | Part::Page | Part::Sound | Part::Rows)
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
        let both = element.rect.intersection(parent);
        match element.part.parent() {
            // What moves may reach beyond, but not to the sides, and not wholly.
            Some(Part::Rows) => prop_assert!(
                both.width == element.rect.width && both.height > 0,
                "{:?} in {:?}",
                element,
                parent
            ),
            _ => prop_assert_eq!(both, element.rect, "{:?}", element),
        }
        prop_assert!(element.text_px <= element.rect.height, "{:?}", element);
    }
    // Over the pages, number, volume and notices lie on top; the badges are part of them.
    let page = laid_out.place(Part::Page).or(laid_out.place(Part::Sound));
    let badges_in = page.map(|page| page.part);
    let parent = |part: Part| if is_badge(part) { badges_in } else { part.parent() };
    for (n, a) in laid_out.elements().iter().enumerate() {
        for b in laid_out.elements().iter().skip(n + 1) {
            let siblings = parent(a.part) == parent(b.part);
            let text_in_circle = a.part == Part::CardCircle && b.part == Part::CardText;
            let now = b.part == Part::Now;
            if siblings && !is_ground(a.part) && !is_ground(b.part) && !text_in_circle && !now {
                prop_assert!(!overlap(a.rect, b.rect), "{:?} and {:?} overlap", a, b);
            }
        }
    }
    // Nothing that comes and goes covers the film in the guide's corner.
    if let (Some(_), Some(film)) = (laid_out.place(Part::Page), laid_out.place(Part::Picture)) {
        for part in [Part::Entry, Part::Volume, Part::Notice] {
            let over = laid_out.place(part).is_some_and(|over| overlap(over.rect, film.rect));
            prop_assert!(!over || film.rect.width == screen.width, "{:?} over the film", part);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn parts_lie_within_their_parents_and_beside_their_siblings(
        width in 480u32..=3840,
        height in 272u32..=2160,
        shown: u32,
    ) {
        check(width, height, &view(shown))?;
    }

    #[test]
    fn windows_too_small_to_read_are_laid_out_all_the_same(
        width in 0u32..=480,
        height in 0u32..=272,
        shown: u32,
    ) {
        check(width, height, &view(shown))?;
    }
}

/// The bits of [`view`] for everything but the guide, and for everything with it.
const WATCHING: u32 = 0b1011_1011_1110_1111;
const GUIDE: u32 = 0b1000_1011_1111_1111;
/// The same in the hand: five rows of a list, and a card.
const LIST: u32 = 0b0100_0111_1111_1111;
const HAND: u32 = 0b11_1110_1111;

const SCREENS: [(u32, u32); 5] = [(640, 360), (640, 480), (1280, 720), (1920, 1080), (3840, 2160)];

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
            Part::NoticeWords,
            Part::Subtitle,
            Part::FactValue(3),
        ] {
            assert!(watching.place(part).is_some(), "{part:?} at {width}x{height}");
        }
        let without_note = layout(width, height, &view(WATCHING & !1));
        assert!(without_note.place(Part::BannerNext).is_some(), "{width}x{height}");

        let guide = layout(width, height, &view(GUIDE));
        let first = view(GUIDE).guide.expect("it is open").rows[0].cells[1].starts;
        for part in [
            Part::PageClock,
            Part::PageTitle,
            Part::PageProgress,
            Part::PageFacts,
            Part::PageLink,
            Part::PageLicence,
            Part::GridDay,
            Part::Tick(0),
            Part::Tick(3),
            Part::ChannelNumber(4),
            Part::ChannelName(4),
            Part::ChannelMark(4),
            Part::CellTitle(0, first),
            Part::Now,
            Part::PageScroll,
            Part::NoticeWords,
            Part::VolumeTrack,
            Part::OfflineBadge,
        ] {
            assert!(guide.place(part).is_some(), "{part:?} at {width}x{height}");
        }
        let without_note = layout(width, height, &view(GUIDE & !1));
        assert!(without_note.place(Part::PageDescription).is_some(), "{width}x{height}");

        let sound = layout(width, height, &view(0));
        for part in [Part::SoundCard, Part::SoundTitle, Part::SoundWhy, Part::SoundProgress] {
            assert!(sound.place(part).is_some(), "{part:?} at {width}x{height}");
        }
    }
}

#[test]
fn no_words_are_smaller_than_ten_pixels_or_in_the_outer_twentieth_of_the_screen() {
    for (width, height) in SCREENS {
        let (side, top) = ((width / 20) as i32, (height / 20) as i32);
        for shown in [WATCHING, GUIDE, 0] {
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
    const SOUND: u32 = 0b11_1110_0111;
    const HEARD: u32 = 0b11_1100_0111;
    for (shown, parts) in [
        (HAND, &[Part::CardText, Part::CardCircle, Part::VolumeSymbol][..]),
        (HAND, &[Part::BannerNumber, Part::BannerTitle, Part::BannerPosition]),
        (HAND, &[Part::BannerNote, Part::BannerNext, Part::VolumeTrack, Part::MutedBadge]),
        (SOUND, &[Part::SoundTitle, Part::SoundWhy, Part::SoundClock, Part::BannerTitle]),
        (HEARD, &[Part::SoundTitle, Part::SoundWhy, Part::SoundProgress, Part::SoundNext]),
        (HEARD, &[Part::SoundClock, Part::SoundNote, Part::SoundLegend, Part::OfflineBadge]),
        (LIST, &[Part::PageClock, Part::PageNote, Part::PageLegend, Part::MutedBadge]),
        (LIST & !1, &[Part::PageStation, Part::PageTimes, Part::PagePosition]),
        (LIST, &[Part::RowNumber(4), Part::RowName(4), Part::RowTitle(4)]),
        (LIST, &[Part::RowProgress(4), Part::RowNextTitle(4)]),
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
            layout_in_hand(side, side, &view(shown | 1 << 14));
        }
    }
}
