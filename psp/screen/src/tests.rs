//! What must hold on every screen: nothing cut that matters, nothing near the edge, nothing drawn
//! in vain.

use testcard_core::guide::{Key, Reception, Rect, Status, View};
use testcard_core::mp4::Mp4Error;
use testcard_core::net::ExchangeError;
use testcard_core::schedule::Schedule;
use testcard_core::stream::{Container, NodeFailure, ProgrammeFailure};

use super::*;

#[path = "../tests/shown/mod.rs"]
mod shown;

/// A line of text that was drawn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    pub words: String,
    /// The pixels that its letters cover.
    pub painted: Rect,
    /// The place it was given.
    pub place: Rect,
    /// Whether it was cut short.
    pub is_cut: bool,
}

const SAFE: Rect = Rect { x: 8, y: 8, width: 464, height: 256 };

fn drawn(view: &View, extra: &Extra) -> (Vec<Line>, usize) {
    let mut pixels = shown::film();
    let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
    Screen::new().draw(&mut canvas, view, extra);
    (canvas.lines, canvas.written)
}

fn contains(outer: Rect, inner: Rect) -> bool {
    outer.intersection(inner) == inner
}

#[test]
fn no_letter_is_closer_than_8_pixels_to_the_edge() {
    for (name, view, extra) in shown::screens() {
        for line in drawn(&view, &extra).0 {
            assert!(contains(SAFE, line.painted), "{name}: {line:?}");
        }
    }
}

#[test]
fn letters_stay_within_the_height_of_their_line_and_lines_do_not_run_into_each_other() {
    for (name, view, extra) in shown::screens() {
        let lines = drawn(&view, &extra).0;
        for (n, line) in lines.iter().enumerate() {
            let Rect { y, height, .. } = line.painted;
            let room = line.place.y - 1..=line.place.y + line.place.height + 1;
            assert!(room.contains(&y) && room.contains(&(y + height)), "{name}: {line:?}");
            for other in lines.iter().skip(n + 1) {
                let both = line.painted.intersection(other.painted);
                // The volume bar lies over the clock and what is below it, and the banner and the
                // card's panel over the test card's name.
                let covered = ["TESTCARD", "MUTED", "20:42"].contains(&line.words.as_str());
                assert!(
                    both.width == 0 || both.height == 0 || covered,
                    "{name}: {line:?} {other:?}"
                );
            }
        }
    }
}

#[test]
fn only_titles_are_ever_cut_short() {
    let titles = ["Charlie Chaplin", "Броненосец", "Das Cabinet", "東京物語", "Steamboat"];
    for (name, view, extra) in shown::screens() {
        for line in drawn(&view, &extra).0 {
            let is_title = titles.iter().any(|title| line.words.contains(title));
            // A reason of more than two lines is whole on the card, which the guide covers.
            let is_reason = name == "guide-failed" && line.place.y < 40;
            assert!(!line.is_cut || is_title || is_reason, "{name}: {line:?}");
        }
    }
}

/// A film's title, and a name of a channel, of the longest kind.
#[test]
fn the_longest_names_do_not_hide_their_neighbours() {
    let long = "Ŵĥatever ".repeat(60);
    let screens = shown::screens();
    for (name, mut view, extra) in screens {
        let stations = view.list.iter_mut().flat_map(|page| &mut page.rows);
        let stations = stations
            .map(|row| &mut row.station)
            .chain(view.banner.as_mut().map(|banner| &mut banner.station))
            .chain(view.sound.as_mut().map(|page| &mut page.station));
        for station in stations {
            station.name.clone_from(&long);
            station.number = 999;
            if let Some(on_air) = &mut station.on_air {
                on_air.title.clone_from(&long);
                on_air.position = "12:34:56".into();
                on_air.duration = "23:59:59".into();
            }
            if let Some(next) = &mut station.next {
                next.title.clone_from(&long);
            }
        }
        for line in drawn(&view, &extra).0 {
            // A capital's accent may reach two pixels further up.
            assert!(contains(SAFE, line.painted.inset(0, 2)), "{name}: {line:?}");
            let Rect { x, width, .. } = line.place;
            let right = line.painted.x + line.painted.width;
            assert!(line.painted.x >= x - 1 && right <= x + width + 1, "{name}: {line:?}");
        }
    }
}

/// The longest of the sentences about a broken index, whose parts have private types.
const INDEX: &str = "This film's index cannot be used: the stsd box at byte 4294967295 of the moov \
                     says it has 4294967295 entries and is too short for them.";

/// One of each failure, with the longest words that each can have.
fn failures(host: &str) -> Vec<ProgrammeFailure> {
    use ExchangeError::*;
    use NodeFailure::*;
    use ProgrammeFailure as P;

    let exchanges = [NameNotFound, Refused, Unreachable, Certificate, Tls, Disconnected, Protocol];
    let statuses = [Status(401), Status(410), Status(599), Busy(503)];
    let others = [ShortBody, Stalled, NoAnswer, RangeIgnored, WrongRange, ContentCoding];
    let nodes = exchanges.map(Exchange).into_iter().chain(statuses).chain(others);
    let indices =
        [Mp4Error::NotMoov, Mp4Error::TooLarge, Mp4Error::Compressed, Mp4Error::Fragmented];
    let why = "its picture is in High 4:4:4 Predictive profile, which cannot be decoded here, and \
               its sound has 5.1 channels, of which only one or two can be played";
    let others = [
        P::NotFound,
        P::NoSuchItem,
        P::Dark,
        P::InsecureAddress,
        P::InsecureRedirect,
        P::ForeignRedirect(host.into()),
        P::TooManyRedirects,
        P::BrokenRedirect,
        P::WebPage,
        P::NotMp4,
        P::NoReader(Container::FragmentedMp4),
        P::Truncated,
        P::NoIndex,
        P::IndexTooLarge(u64::MAX),
        P::NothingToPlay(why.into()),
        P::KeepsChanging,
    ];
    let mut all: Vec<P> = others.into();
    all.extend(indices.map(P::Index));
    all.extend(nodes.map(P::GaveUp));
    // A new kind belongs above: this does not compile without it.
    for failure in &all {
        match failure {
            P::NotFound | P::NoSuchItem | P::Dark | P::InsecureAddress | P::InsecureRedirect => {}
            P::ForeignRedirect(_) | P::TooManyRedirects | P::BrokenRedirect | P::WebPage => {}
            P::NotMp4 | P::NoReader(_) | P::Truncated | P::NoIndex => {}
            P::IndexTooLarge(_) | P::Index(_) => {}
            P::NothingToPlay(_) | P::KeepsChanging => {}
            P::GaveUp(
                Exchange(_) | Status(_) | Busy(_) | ShortBody | Stalled | NoAnswer | RangeIgnored
                | WrongRange | ContentCoding,
            ) => {}
        }
    }
    all
}

#[test]
fn every_failure_is_on_its_card_to_the_last_word() {
    let schedule = Schedule::new(shown::line_up(&[120]), 6);
    // The longest host name (RFC 1035 §2.3.4) is 253 letters in labels of up to 63. It needs the
    // room that the banner takes, for as long as it is there.
    let label = "subdomain".repeat(7);
    let host = [label.as_str(); 4].join(".");
    let (host, short) = (host.get(..253).unwrap_or(&host), format!("{label}.example.com"));
    for (host, retry_at, keys, notice) in [
        (host, None, &[][..], false),
        (host, Some(shown::WALL.plus_millis(59_000)), &[Key::Mute], false),
        (&short, None, &[Key::Info, Key::VolumeUp], false),
        (&short, Some(shown::WALL.plus_millis(59_000)), &[Key::Info], true),
    ] {
        let sentences = failures(host).into_iter().map(|failure| failure.to_string());
        for sentence in sentences.chain([INDEX.into()]) {
            let mut guide = shown::set(&schedule, 0);
            for key in keys {
                guide.handle_key(*key, &schedule, shown::NOW);
            }
            let status = Status {
                reception: Reception::Failed { sentence: sentence.clone(), retry_at },
                notice: notice.then(|| "Something else.".into()),
                ..Status::default()
            };
            let view = guide.view(&schedule, &status, shown::NOW);
            let lines = drawn(&view, &Extra::default()).0;
            let whole: Vec<&Line> = lines.iter().filter(|line| !line.is_cut).collect();
            let words = whole.iter().map(|line| line.words.as_str()).collect::<String>();
            let no_spaces = |text: &str| text.replace(char::is_whitespace, "");
            assert!(no_spaces(&words).contains(&no_spaces(&sentence)), "{sentence}\n{lines:#?}");
        }
    }
}

#[test]
fn few_pixels_are_written_more_than_once() {
    let screen = (WIDTH * HEIGHT) as usize;
    for (name, view, extra) in shown::screens() {
        let (_, written) = drawn(&view, &extra);
        // A test card under a banner and a card is the worst.
        let most = if view.list.is_some() { screen * 14 / 10 } else { screen * 26 / 10 };
        assert!(written <= most, "{name}: {written} of {screen}");
        let over_film = extra.picture && !covers_picture(&view);
        assert!(over_film || written >= screen, "{name}: {written} of {screen}");
    }
}

#[test]
fn a_page_is_drawn_over_whatever_the_buffer_held() {
    for (name, view, extra) in shown::screens() {
        if extra.picture && !covers_picture(&view) {
            continue;
        }
        let [one, other] = [0, 0xffff_00ff].map(|before| {
            let mut pixels = vec![before; STRIDE * HEIGHT as usize];
            let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
            Screen::new().draw(&mut canvas, &view, &extra);
            shown::rgb(&pixels)
        });
        assert!(one == other, "{name}");
    }
}

#[test]
fn a_view_is_drawn_once_until_it_or_the_battery_changes() {
    let mut pixels = shown::film();
    let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
    let mut screen = Screen::new();
    let extra = Extra::default();
    let view = View::default();
    assert!(screen.draw(&mut canvas, &view, &extra));
    let before = canvas.written;
    assert!(!screen.draw(&mut canvas, &view, &extra));
    assert_eq!(canvas.written, before);
    assert!(screen.draw(&mut canvas, &view, &Extra { battery: Some(50), ..extra }));
    assert!(screen.draw(&mut canvas, &View { muted: true, ..view.clone() }, &extra));
    assert!(screen.draw(&mut canvas, &view, &extra));
    screen.forget();
    assert!(screen.draw(&mut canvas, &view, &extra));
}

#[test]
fn over_a_film_what_lies_on_it_is_drawn_with_every_picture_and_nothing_else() {
    let mut screen = Screen::new();
    for (name, view, extra) in shown::screens() {
        if !extra.picture || covers_picture(&view) {
            continue;
        }
        let mut draw = || {
            let mut pixels = shown::film();
            let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
            let drawn = screen.draw(&mut canvas, &view, &extra);
            assert_eq!(drawn, canvas.written > 0, "{name}");
            pixels
        };
        assert!(draw() == draw(), "{name}");
        assert_eq!(draw() == shown::film(), name == "film");
    }
}

#[test]
fn screens_of_every_shape_and_buffers_of_every_length_are_drawn() {
    let mut pixels = vec![0; 300 * 200];
    for (width, height) in [(0, 0), (1, 1), (3, 200), (300, 2), (40, 30), (130, 90), (300, 200)] {
        for length in [0, 1, 5000, pixels.len()] {
            for (_, view, extra) in shown::screens() {
                let mut canvas = Canvas::new(&mut pixels[..length], width, height, 300);
                Screen::new().draw(&mut canvas, &view, &extra);
                draw_panic(&mut canvas, shown::PANIC);
            }
        }
    }
}

#[test]
fn a_panic_fills_the_screen_and_no_message_is_too_long_for_it() {
    for message in ["", shown::PANIC, &"m".repeat(70_000), &"a b ".repeat(9000)] {
        let mut pixels = shown::film();
        let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
        draw_panic(&mut canvas, message);
        assert!(canvas.written >= (WIDTH * HEIGHT) as usize);
        for line in &canvas.lines {
            assert!(contains(SAFE, line.painted), "{line:?}");
        }
    }
}
