//! What a seed stands for: a film, a way to it, somebody who watches, and all that goes wrong. Swarm
//! testing (Groce et al., 2012): a seed first draws *which kinds* of trouble there can be, and then
//! trouble of those kinds, so that some seeds meet many of one kind and none of another, which no
//! even mixture of all would ever do. Never plays anything.

use std::fmt;
use std::time::Duration;

use testcard_archive::{
    Clip, CutKind, Detour, Fault, FilmError, FilmSpec, Layout, MdatSize, Place, Rule, VirtualFilm,
    When,
};
use testcard_core::playback::{Aim, Part};
use testcard_core::stream::{Limits, Patience};
use testcard_core::time::{Instant, MediaTime};

use super::dice::{Dice, Purpose};
use crate::heap::Link;
use crate::screening::Scene;

/// The longest `Retry-After` drawn, in seconds.
pub const RETRY_AFTER_MAX: u32 = 25;

/// A whole evening: what is watched, what happens meanwhile, and when all is well again.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The film, the way to it, who watches it, and what goes wrong at the archive.
    pub scene: Scene,
    /// What happens to the world, in order.
    pub events: Vec<(Instant, Change)>,
    /// When the trouble ends.
    pub well_at: Instant,
}

/// Something that happens to the world.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// The cable is pulled.
    Unplug,
    /// The cable is put back.
    PlugIn,
    /// The link carries so many bytes a second from now on.
    Rate(u64),
    /// The viewer goes to another channel.
    Leave,
    /// The viewer comes back.
    Return,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unplug => f.write_str("unplugged"),
            Self::PlugIn => f.write_str("plugged in"),
            Self::Rate(rate) => write!(f, "{rate} B/s"),
            Self::Leave => f.write_str("left"),
            Self::Return => f.write_str("came back"),
        }
    }
}

impl Trial {
    /// The trial that a seed stands for.
    pub fn new(seed: u64) -> Self {
        let film = film(&mut Dice::new(seed, Purpose::Film));
        let link = link(&mut Dice::new(seed, Purpose::Link));
        let mut viewer = Dice::new(seed, Purpose::Viewer);
        let aim = aim(&mut viewer, film.duration_ms);
        let limits = limits(&mut viewer, &film);
        let token_life = match viewer.within(0..8) {
            0 => None,
            _ => Some(Duration::from_millis(viewer.magnitude(500..120_000))),
        };
        let refused = match viewer.within(0..12) {
            0 => Some(Part::Picture),
            1 => Some(Part::Sound),
            _ => None,
        };
        let well_at = Instant::from_micros(viewer.within(15..60) * 1_000_000);
        let menu = Menu::new(&mut Dice::new(seed, Purpose::Menu));
        let rules = rules(&mut Dice::new(seed, Purpose::Rules), &menu, &film);
        let events = events(&mut Dice::new(seed, Purpose::Events), &menu, well_at);
        let scene =
            Scene { limits, token_life, refused, rules, seed, ..Scene::new(film, link, aim) };
        Self { scene, events, well_at }
    }
}

impl fmt::Display for Trial {
    /// What is watched and over what, then everything that goes wrong, one to a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scene { film, link, aim, limits, token_life, rules, refused, .. } = &self.scene;
        writeln!(f, "film    {film}")?;
        let round_trip_ms = link.round_trip.as_millis();
        writeln!(f, "link    {} B/s, {round_trip_ms} ms", link.bytes_per_second)?;
        match aim {
            Aim::At(at) => writeln!(f, "from    {} ms", at.as_micros() / 1000)?,
            Aim::Live { position, .. } => {
                writeln!(f, "from    {} ms, in step with a schedule", position.as_micros() / 1000)?;
            }
        }
        let patience = match limits.patience {
            Patience::Endless => "for ever".to_owned(),
            Patience::Tries(tries) => format!("{tries} times"),
        };
        let (window, index) = (limits.window_bytes, limits.index_bytes);
        writeln!(f, "set     window {window}, index {index} bytes, tries {patience}")?;
        if let Some(life) = token_life {
            writeln!(f, "tokens  {} ms", life.as_millis())?;
        }
        if let Some(part) = refused {
            writeln!(f, "refused {part:?}")?;
        }
        for rule in rules {
            writeln!(f, "fault   {rule}")?;
        }
        for (at, change) in &self.events {
            writeln!(f, "event   {at} {change}")?;
        }
        writeln!(f, "well at {}", self.well_at)
    }
}

/// Bytes a second of a film whose pictures can be larger than a window.
const RICH: u64 = 2_000_000;

fn film(dice: &mut Dice) -> FilmSpec {
    let layout = dice.one_of(&[Layout::MoovFirst, Layout::MoovLast]);
    let (duration_ms, bytes_per_second) = match dice.within(0..32) {
        // A film whose pictures are larger than the smallest window.
        0 => (dice.magnitude(1_000..20_000), dice.within(RICH..3_500_000)),
        // One whose groups of pictures are larger than what is enough to start with.
        1..=3 => (dice.magnitude(5_000..60_000), dice.within(500_000..1_200_000)),
        // One that is over before the evening is.
        4..=11 => (dice.magnitude(1_000..60_000), dice.magnitude(20_000..150_000)),
        _ => (dice.within(180_000..900_000), dice.magnitude(20_000..150_000)),
    };
    let mut film = FilmSpec::new(duration_ms, layout);
    film.wide_offsets = dice.chance(1, 4);
    film.mdat = match (dice.within(0..4), layout) {
        (0, _) => MdatSize::Wide,
        (1, Layout::MoovFirst) => MdatSize::ToEnd,
        _ => MdatSize::Fitting,
    };
    let spacious = film.clone().with_bytes(duration_ms * bytes_per_second / 1000);
    match VirtualFilm::new(&Clip::test_card(), &spacious) {
        Err(FilmError::TooFewBytes { .. }) => film,
        _ => spacious,
    }
}

fn link(dice: &mut Dice) -> Link {
    Link {
        bytes_per_second: dice.magnitude(20_000..5_000_000),
        round_trip: Duration::from_millis(dice.magnitude(1..400)),
    }
}

fn aim(dice: &mut Dice, duration_ms: u64) -> Aim {
    let position_ms = match dice.within(0..4) {
        0 => 0,
        _ => dice.within(0..duration_ms),
    };
    let position = MediaTime::from_millis(i64::try_from(position_ms).unwrap_or(0));
    match dice.chance(1, 2) {
        true => Aim::At(position),
        false => Aim::Live { when: Instant::ZERO, position },
    }
}

fn limits(dice: &mut Dice, film: &FilmSpec) -> Limits {
    let is_rich = film.bytes.is_some_and(|bytes| bytes * 1000 / film.duration_ms >= RICH);
    let window_bytes = match dice.within(0..8) {
        // Where it may be smaller than a picture.
        1..=4 if is_rich => dice.within(64 * 1024..128 * 1024) as usize,
        0 => Limits::DESKTOP.window_bytes,
        _ => dice.magnitude(64 * 1024..4 * 1024 * 1024) as usize,
    };
    let index_bytes = match dice.within(0..24) {
        0 => dice.magnitude(1_000..100_000),
        _ => Limits::DESKTOP.index_bytes,
    };
    let patience = match dice.within(0..8) {
        0 => Patience::Tries(dice.within(1..6) as u32),
        _ => Patience::Endless,
    };
    Limits { window_bytes, index_bytes, patience }
}

/// The kinds of trouble that a seed can meet.
struct Menu {
    faults: Vec<Kind>,
    unplugging: bool,
    rates: bool,
    zapping: bool,
}

/// A kind of fault. [`Kind::of`] keeps the list complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Refusal,
    ServerError,
    NotFound,
    Busy,
    Delay,
    Pace,
    NoAnswer,
    Cut,
    RangeIgnored,
    RangeShifted,
    Replaced,
    Page,
    Truncated,
    MoovDamaged,
    Redirect,
    Crumbs,
    Packed,
    OddHeaders,
    RedirectBody,
}

impl Kind {
    const ALL: [Self; 19] = [
        Self::Refusal,
        Self::ServerError,
        Self::NotFound,
        Self::Busy,
        Self::Delay,
        Self::Pace,
        Self::NoAnswer,
        Self::Cut,
        Self::RangeIgnored,
        Self::RangeShifted,
        Self::Replaced,
        Self::Page,
        Self::Truncated,
        Self::MoovDamaged,
        Self::Redirect,
        Self::Crumbs,
        Self::Packed,
        Self::OddHeaders,
        Self::RedirectBody,
    ];

    /// Whether a programme hit by it can go on: the others would end most trials early, so that
    /// fewer seeds draw them.
    fn is_survivable(self) -> bool {
        !matches!(self, Self::NotFound | Self::Page | Self::Truncated | Self::MoovDamaged)
    }

    /// `moov_at` is where the film's index lies.
    fn draw(self, dice: &mut Dice, moov_at: u64) -> Fault {
        let cut_kind =
            |dice: &mut Dice| dice.one_of(&[CutKind::Close, CutKind::Reset, CutKind::Stall]);
        let status = |status| Fault::Status { status, retry_after: None };
        match self {
            Self::Refusal => status(dice.one_of(&[401, 403, 410])),
            Self::ServerError => status(dice.one_of(&[500, 502, 504])),
            Self::NotFound => status(404),
            Self::Busy => Fault::Status {
                status: dice.one_of(&[429, 503]),
                retry_after: dice
                    .chance(3, 4)
                    .then(|| dice.within(0..u64::from(RETRY_AFTER_MAX) + 1) as u32),
            },
            Self::Delay => Fault::Delay(dice.magnitude(10_000..40_000_000)),
            Self::Pace => Fault::Pace(dice.magnitude(PACE_MIN..500_000)),
            Self::NoAnswer => Fault::NoAnswer(cut_kind(dice)),
            Self::Cut => {
                let after = match dice.chance(1, 6) {
                    true => 0,
                    false => dice.magnitude(1..6_000_000),
                };
                Fault::Cut(after, cut_kind(dice))
            }
            Self::RangeIgnored => Fault::RangeIgnored,
            Self::RangeShifted => Fault::RangeShifted(dice.magnitude(1..100_000)),
            Self::Replaced => Fault::Replaced(dice.magnitude(1..1_000_000)),
            Self::Page => Fault::Page,
            Self::Truncated => Fault::Truncated(match dice.within(0..4) {
                0 => moov_at,
                1 => dice.within(1..8),
                _ => dice.magnitude(32..30_000_000),
            }),
            Self::MoovDamaged => Fault::MoovDamaged,
            Self::Redirect => Fault::Redirect(dice.one_of(&[
                Detour::ForeignHost,
                Detour::PlainHttp,
                Detour::Loop,
                Detour::Chain,
                Detour::Chain,
                Detour::Relative,
                Detour::Relative,
                Detour::Missing,
            ])),
            Self::Crumbs => Fault::Crumbs(dice.magnitude(1..1_000_000)),
            Self::Packed => Fault::Packed,
            Self::OddHeaders => Fault::OddHeaders,
            Self::RedirectBody => Fault::RedirectBody(dice.magnitude(1..500_000) as u32),
        }
    }

    fn place(self, dice: &mut Dice) -> Place {
        match self {
            Self::Redirect | Self::RedirectBody => Place::Download,
            Self::RangeIgnored
            | Self::RangeShifted
            | Self::Replaced
            | Self::Page
            | Self::Truncated
            | Self::MoovDamaged
            | Self::Crumbs
            | Self::Packed => Place::Node,
            Self::Refusal
            | Self::ServerError
            | Self::NotFound
            | Self::Busy
            | Self::Delay
            | Self::Pace
            | Self::NoAnswer
            | Self::Cut
            | Self::OddHeaders => match dice.within(0..12) {
                0 => Place::Metadata,
                1..=4 => Place::Download,
                _ => Place::Node,
            },
        }
    }
}

/// The slowest pace drawn, in bytes a second: a piece of a body then still comes within
/// [`testcard_core::stream::STALL_AFTER`].
const PACE_MIN: u64 = 2_000;

impl Menu {
    fn new(dice: &mut Dice) -> Self {
        let likely = dice.within(1..4);
        let mut drawn = |kind: &Kind| match kind.is_survivable() {
            true => dice.chance(likely, 8),
            false => dice.chance(likely, 24),
        };
        let faults = Kind::ALL.into_iter().filter(|kind| drawn(kind)).collect();
        Self {
            faults,
            unplugging: dice.chance(1, 4),
            rates: dice.chance(1, 4),
            zapping: dice.chance(1, 4),
        }
    }
}

fn rules(dice: &mut Dice, menu: &Menu, film: &FilmSpec) -> Vec<Rule> {
    let moov_at = VirtualFilm::new(&Clip::test_card(), film).map_or(0, |film| film.moov().start);
    if menu.faults.is_empty() {
        return Vec::new();
    }
    let mut rules: Vec<Rule> = (0..dice.within(1..6))
        .map(|_| {
            let kind = dice.one_of(&menu.faults);
            let place = kind.place(dice);
            let when = match dice.within(0..8) {
                // A file that was replaced mostly stays so.
                0..=5 if kind == Kind::Replaced => When::Requests(dice.within(1..8)..u64::MAX),
                0 => When::Always,
                1..=4 => {
                    let first = dice.within(0..6);
                    When::Requests(first..first + dice.within(1..4))
                }
                _ => When::PerMille(dice.within(50..600) as u16),
            };
            Rule { place, when, fault: kind.draw(dice, moov_at) }
        })
        .collect();
    // Nobody notices another file before a body breaks off.
    if rules.iter().any(|rule| matches!(rule.fault, Fault::Replaced(_))) {
        let when = When::Requests(1..dice.within(2..5));
        let fault = Fault::Cut(dice.magnitude(100_000..6_000_000), CutKind::Close);
        rules.push(Rule { place: Place::Node, when, fault });
    }
    rules
}

fn events(dice: &mut Dice, menu: &Menu, well_at: Instant) -> Vec<(Instant, Change)> {
    let end_ms = well_at.as_micros() / 1000;
    let mut events = Vec::new();
    let mut pairs = |dice: &mut Dice, first: Change, second: Change, apart_ms: u64| {
        for _ in 0..dice.within(1..4) {
            let at_ms = dice.within(0..end_ms);
            let then_ms = at_ms + dice.magnitude(1..apart_ms);
            let at = |ms: u64| Instant::from_micros(ms.min(end_ms) * 1000);
            events.push((at(at_ms), first));
            events.push((at(then_ms), second));
        }
    };
    if menu.unplugging {
        pairs(dice, Change::Unplug, Change::PlugIn, 20_000);
    }
    if menu.rates {
        let rates = (dice.magnitude(2_000..200_000), dice.magnitude(20_000..5_000_000));
        pairs(dice, Change::Rate(rates.0), Change::Rate(rates.1), 20_000);
    }
    if menu.zapping {
        pairs(dice, Change::Leave, Change::Return, 5_000);
    }
    // Stable: what happens at the same time happens in the order drawn.
    events.sort_by_key(|(at, _)| *at);
    events
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_always_stands_for_the_same_trial_and_for_its_own() {
        let trials: BTreeSet<String> = (0..200).map(|seed| Trial::new(seed).to_string()).collect();
        assert_eq!(trials.len(), 200);
        assert!((0..200).all(|seed| trials.contains(&Trial::new(seed).to_string())));
    }

    #[test]
    fn every_rule_drawn_can_be_given_to_a_command_line() {
        for seed in 0..500 {
            for rule in Trial::new(seed).scene.rules {
                assert_eq!(rule.to_string().parse(), Ok(rule));
            }
        }
    }
}
