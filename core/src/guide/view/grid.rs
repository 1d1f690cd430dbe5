//! The guide as a grid: channels downwards, hours to the right, and what there is to know about the
//! programme under the cursor. Times are put into words here, for the very moment each is of.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Local, length, span};
use crate::guide::page::{HALF_HOUR_MS, HOUR_MS, Page};
use crate::guide::status::Details;
use crate::guide::{Guide, GuidePage, Moment, Status};
use crate::line_up::Channel;
use crate::schedule::{Airing, Schedule};
use crate::time::UnixMillis;

/// How far the line for now moves at a time, on the second like all else: a column of pixels where
/// the grid has 2400 of them.
const NOW_MS: i64 = Grid::SPAN_MS / 2400;

/// The guide on a large screen: [`GuidePage::ROWS`] channels and [`Grid::SPAN_MS`] of their
/// programmes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grid {
    /// The time of day.
    pub clock: String,
    /// The day at the left edge: "Today", "Tomorrow", "Mon 23 Nov".
    pub day: String,
    /// The half hours of local time on the page.
    pub ticks: Vec<Tick>,
    /// Where now is, in milliseconds from the left edge, when it is on the page.
    pub now_ms: Option<i32>,
    /// The channels on the page. While the page moves, one more than fit.
    pub rows: Vec<GridRow>,
    /// How much of the first row is above the upper edge, in thousandths.
    pub scrolled_permille: u16,
    /// How many channels lie above the rows shown.
    pub above: usize,
    /// How many channels lie below the rows shown.
    pub below: usize,
    /// What is not as it should be with the channel being watched.
    pub note: Option<String>,
    /// About the programme under the cursor.
    pub about: Option<About>,
}

/// A half hour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tick {
    /// Milliseconds from the left edge.
    pub from_left_ms: i32,
    /// "20:30"; at midnight with the day in front.
    pub label: String,
}

/// A channel of the grid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GridRow {
    /// Its index in the line-up.
    pub channel: u16,
    /// Its number, 1 to 999.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// Whether it is the one being watched.
    pub tuned: bool,
    /// Whether it is a favourite.
    pub favourite: bool,
    /// What it plays in the hours shown, in the order of time. What is shorter than
    /// [`Grid::CELL_MS_MIN`] has no cell, as nobody could see it.
    pub cells: Vec<Cell>,
}

/// A programme in the grid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cell {
    /// When it starts, which on its channel is its name.
    pub starts: UnixMillis,
    /// Its left edge, in milliseconds from the page's, not before it.
    pub from_ms: i32,
    /// Its right edge, in milliseconds from the page's left edge, not after [`Grid::SPAN_MS`].
    pub to_ms: i32,
    /// Whether it starts before the page does.
    pub starts_before: bool,
    /// Whether it ends after the page does.
    pub ends_after: bool,
    /// Its title, or the channel's name where it plays nothing.
    pub title: String,
    /// "20:18 – 21:32"; empty where the channel plays nothing.
    pub times: String,
    /// Whether it is over, on, or to come.
    pub tense: Tense,
    /// Whether it is no programme but the channel's ident.
    pub ident: bool,
    /// Whether it is under the cursor.
    pub selected: bool,
}

/// When a programme is on, seen from now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tense {
    /// It is over.
    Past,
    /// It is on.
    Now,
    /// It is to come.
    Future,
}

/// What there is to know about a programme.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct About {
    /// "3 · Night Owl".
    pub channel: String,
    /// Whether the channel is a favourite.
    pub favourite: bool,
    /// The whole title.
    pub title: String,
    /// "Tomorrow 20:18 – 21:32".
    pub times: String,
    /// "1945 · 1 h 7 min · Edgar G. Ulmer", as far as it is known.
    pub facts: String,
    /// How much of it has passed, in thousandths, while it is on.
    pub progress_permille: Option<u16>,
    /// How far in, of how much: "29:41 / 1:07:38", while it is on.
    pub position: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// `https://archive.org/details/Detour`.
    pub link: Option<String>,
    /// In a person's words.
    pub licence: Option<String>,
}

impl Grid {
    /// How much time the grid shows, in milliseconds: two hours.
    pub const SPAN_MS: i64 = 2 * HOUR_MS;
    /// How short a programme is too short to be seen, in milliseconds: 1/240 of the grid's width.
    pub const CELL_MS_MIN: i64 = Self::SPAN_MS / 240;
}

impl Guide {
    pub(super) fn grid(
        &self,
        page: Page,
        schedule: &Schedule,
        status: &Status,
        local: Local<'_>,
        moment: Moment,
        note: Option<String>,
    ) -> Grid {
        let wall = local.wall;
        let channels = schedule.line_up().channels.as_slice();
        // Half hours of UTC are half hours here too, save where clocks are a quarter hour off.
        let offset_ms = i64::from(local.zone.offset_minutes(wall)) * 60_000;
        let left = page.left(moment.now).plus_millis(-offset_ms.rem_euclid(HALF_HOUR_MS));
        let top = page.top(moment.now).max(0);
        let scrolled = top % 1000;
        let first = usize::try_from(top / 1000).unwrap_or(0).min(channels.len());
        let shown = GuidePage::ROWS + usize::from(scrolled > 0);
        let last = (first + shown).min(channels.len());
        let selected = self.selected(schedule, moment);
        let row = |channel: usize| {
            let line_up = channels.get(channel)?;
            let selected = selected.filter(|(at, _)| *at == channel).map(|(_, airing)| airing);
            Some(GridRow {
                channel: u16::try_from(channel).unwrap_or(u16::MAX),
                number: line_up.number,
                name: line_up.name.clone(),
                tuned: channel == self.channel,
                favourite: self.favourites.contains(&line_up.id),
                cells: cells(schedule, channel, line_up, left, selected, local),
            })
        };
        let now_ms = wall.millis_since(left);
        let now_ms = now_ms - now_ms.rem_euclid(NOW_MS);
        Grid {
            clock: local.clock(wall),
            day: local.zone.day_name(left, wall),
            ticks: ticks(left, local),
            now_ms: i32::try_from(now_ms).ok().filter(|_| (0..=Grid::SPAN_MS).contains(&now_ms)),
            rows: (first..last).filter_map(row).collect(),
            scrolled_permille: u16::try_from(scrolled).unwrap_or(0),
            above: first,
            below: channels.len() - last,
            note,
            about: selected.and_then(|(channel, airing)| {
                let line_up = channels.get(channel)?;
                let favourite = self.favourites.contains(&line_up.id);
                Some(about(line_up, airing, favourite, status.details.as_ref(), local))
            }),
        }
    }
}

/// The half hours by the clock on the wall: those of UTC, or where that is a quarter hour off, those
/// between them. Around a change of the clocks each moment is asked for its own time.
fn ticks(left: UnixMillis, local: Local<'_>) -> Vec<Tick> {
    const QUARTER_MS: i64 = HALF_HOUR_MS / 2;
    let before = left.0.rem_euclid(QUARTER_MS);
    let first = if before == 0 { 0 } else { QUARTER_MS - before };
    let mut ticks = Vec::new();
    for from_left_ms in (first..Grid::SPAN_MS).step_by(QUARTER_MS as usize) {
        let at = left.plus_millis(from_left_ms);
        let of_day = local.zone.minute_of_day(at);
        if of_day % 30 != 0 {
            continue;
        }
        let clock = local.clock(at);
        let label = match of_day {
            0 if from_left_ms > 0 => format!("{} {clock}", local.zone.day_name(at, local.wall)),
            _ => clock,
        };
        ticks.push(Tick { from_left_ms: i32::try_from(from_left_ms).unwrap_or(0), label });
    }
    ticks
}

fn cells(
    schedule: &Schedule,
    channel: usize,
    line_up: &Channel,
    left: UnixMillis,
    selected: Option<Airing>,
    local: Local<'_>,
) -> Vec<Cell> {
    let right = left.plus_millis(Grid::SPAN_MS);
    let within =
        |at: UnixMillis| i32::try_from(at.millis_since(left).clamp(0, Grid::SPAN_MS)).unwrap_or(0);
    let airings = schedule.airings(channel, left).take_while(|airing| airing.starts < right);
    let is_seen =
        |airing: &Airing| airing.duration_ms() >= Grid::CELL_MS_MIN || selected == Some(*airing);
    let cell = |airing: Airing| {
        let programme = airing.of(line_up);
        Cell {
            starts: airing.starts,
            from_ms: within(airing.starts),
            to_ms: within(airing.ends),
            starts_before: airing.starts < left,
            ends_after: airing.ends > right,
            title: programme.map_or(&line_up.name, |programme| &programme.title).clone(),
            times: programme.map(|_| local.times(airing)).unwrap_or_default(),
            tense: tense(airing, local.wall),
            ident: programme.is_none(),
            selected: selected == Some(airing),
        }
    };
    airings.filter(is_seen).map(cell).collect()
}

fn tense(airing: Airing, wall: UnixMillis) -> Tense {
    match wall {
        wall if airing.ends <= wall => Tense::Past,
        wall if wall < airing.starts => Tense::Future,
        _ => Tense::Now,
    }
}

fn about(
    channel: &Channel,
    airing: Airing,
    favourite: bool,
    details: Option<&Details>,
    local: Local<'_>,
) -> About {
    let programme = airing.of(channel);
    let item = programme.map(|programme| &programme.item);
    let details = details.filter(|details| Some(&details.item) == item);
    let duration = airing.duration_ms();
    let is_on = tense(airing, local.wall) == Tense::Now && programme.is_some();
    let position = local.whole_second().millis_since(airing.starts).clamp(0, duration);
    let is_today = local.zone.day(airing.starts) == local.zone.day(local.wall);
    let day = match is_on || is_today {
        true => String::new(),
        false => format!("{} ", local.zone.day_name(airing.starts, local.wall)),
    };
    let year = programme.and_then(|programme| programme.year);
    let facts = [
        year.or(details.and_then(|details| details.year)).map(|year| year.to_string()),
        programme.map(|_| length(duration)),
        details.and_then(|details| details.creator.clone()),
    ];
    let own = |words: Option<&Option<String>>| words.cloned().flatten();
    let description = own(programme.map(|programme| &programme.description));
    let licence = own(programme.map(|programme| &programme.licence));
    About {
        channel: format!("{} · {}", channel.number, channel.name),
        favourite,
        title: programme.map_or(&channel.name, |programme| &programme.title).clone(),
        times: format!("{day}{}", local.times(airing)),
        facts: facts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        progress_permille: is_on.then(|| permille(position, duration)),
        position: is_on.then(|| format!("{} / {}", span(position), span(duration))),
        description: description.or_else(|| own(details.map(|details| &details.description))),
        link: item.map(|item| format!("https://archive.org/details/{item}")),
        licence: licence.or_else(|| own(details.map(|details| &details.licence))),
    }
}

pub(super) fn permille(position: i64, duration: i64) -> u16 {
    let permille = i128::from(position) * 1000 / i128::from(duration.max(1));
    u16::try_from(permille).unwrap_or(1000)
}
