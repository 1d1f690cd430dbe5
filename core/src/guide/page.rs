//! The guide's cursor, and which channels and hours are on the screen. Knows neither titles nor
//! pixels. What leaves the screen glides: where it is follows from the moment alone, by a curve in
//! integers that starts fast and ends softly.

use core::time::Duration;

use super::{Grid, GuidePage};
use crate::schedule::{Airing, Schedule};
use crate::time::{Instant, UnixMillis};

/// How far the guide reaches to either side of now, in milliseconds: two weeks.
pub const REACH_MS: i64 = 14 * 24 * HOUR_MS;
/// How long what moves takes to its place.
pub const GLIDE: Duration = Duration::from_millis(280);

pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(super) const HALF_HOUR_MS: i64 = 30 * MINUTE_MS;
const MINUTE_MS: i64 = 60_000;

/// What the cursor's programme shows of itself at least, unless it is shorter.
const SHOWN_MS: i64 = HOUR_MS;
/// What the cursor keeps away from the right edge: hours that start at a quarter, as Nepal's do,
/// are drawn so much further right.
const MARGIN_MS: i64 = 15 * MINUTE_MS;
/// How many airings are looked through for one that is no ident.
pub(super) const IDENTS_MAX: usize = 8;

/// The cursor and the window around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// The channel under the cursor.
    pub selected: usize,
    /// When what is under the cursor is on; `None`: now, whatever time it gets.
    pub at: Option<UnixMillis>,
    /// The top row. The selected one is among the [`GuidePage::ROWS`] from here.
    pub first: usize,
    /// The left edge: a half hour of UTC.
    left: UnixMillis,
    /// Whether the left edge moves on with the time.
    follows: bool,
    /// How long gliding takes; zero where nothing does.
    glide: Duration,
    rows: Glide,
    hours: Glide,
}

/// Something on the way to where it belongs.
#[derive(Clone, Copy, Debug)]
struct Glide {
    from: i64,
    since: Instant,
}

impl Glide {
    /// Where it is: the way left is the cube of the time left.
    fn position(self, to: i64, glide: Duration, now: Instant) -> i64 {
        let (all, passed) = (glide.as_micros(), now.since(self.since).as_micros());
        let Some(left) = all.checked_sub(passed).filter(|left| *left > 0) else { return to };
        let cube = |micros: u128| i128::try_from(micros * micros * micros).unwrap_or(i128::MAX);
        let way = i128::from(self.from) - i128::from(to);
        // A second of microseconds cubed is 60 bits and two weeks of milliseconds are 31.
        to.saturating_add(i64::try_from(way * cube(left) / cube(all)).unwrap_or(0))
    }
}

impl Page {
    /// The cursor on what is on now on the channel being watched, in the middle where there are
    /// rows enough around it.
    pub fn new(channel: usize, channels: usize, wall: UnixMillis, glide: Duration) -> Self {
        let last_first = channels.saturating_sub(GuidePage::ROWS);
        let first = channel.saturating_sub(GuidePage::ROWS / 2).min(last_first);
        let still = Glide { from: 0, since: Instant::ZERO };
        let left = half_hour(wall);
        let (rows, hours) = (still, still);
        let (at, follows, selected) = (None, true, channel);
        Self { selected, at, first, left, follows, glide, rows, hours }.settled()
    }

    fn settled(mut self) -> Self {
        self.rows.from = rows_permille(self.first);
        self.hours.from = self.left.0;
        self
    }

    /// When what is under the cursor is on.
    pub fn cursor(&self, wall: UnixMillis) -> UnixMillis {
        self.at.unwrap_or(wall)
    }

    /// Where the top is, in thousandths of a row.
    pub fn top(&self, now: Instant) -> i64 {
        self.rows.position(rows_permille(self.first), self.glide, now)
    }

    /// The moment at the left edge.
    pub fn left(&self, now: Instant) -> UnixMillis {
        UnixMillis(self.hours.position(self.left.0, self.glide, now))
    }

    /// Whether anything is under way.
    pub fn is_gliding(&self, now: Instant) -> bool {
        self.top(now) != rows_permille(self.first) || self.left(now) != self.left
    }

    /// Moves the cursor, and the rows as little as it takes for it to be among them.
    pub fn select(&mut self, channel: usize, now: Instant) {
        self.selected = channel;
        self.glide_to_row(
            self.first.clamp((channel + 1).saturating_sub(GuidePage::ROWS), channel),
            now,
        );
    }

    /// Moves the cursor and the rows by so many, as far as there are any.
    pub fn step_rows(&mut self, rows: isize, channels: usize, now: Instant) {
        let Some(last) = channels.checked_sub(1) else { return };
        self.selected = self.selected.saturating_add_signed(rows).min(last);
        self.scroll_rows(rows, channels, now);
        self.select(self.selected, now);
    }

    /// Moves the rows by so many, as far as there are any. The cursor stays on the screen.
    pub fn scroll_rows(&mut self, rows: isize, channels: usize, now: Instant) {
        let last_first = channels.saturating_sub(GuidePage::ROWS);
        self.glide_to_row(self.first.saturating_add_signed(rows).min(last_first), now);
        let last = (self.first + GuidePage::ROWS - 1).min(channels.saturating_sub(1));
        self.selected = self.selected.clamp(self.first.min(last), last);
    }

    /// Moves the cursor to the programme after or before, past idents, within [`REACH_MS`].
    pub fn step_programme(
        &mut self,
        later: bool,
        schedule: &Schedule,
        now: Instant,
        wall: UnixMillis,
    ) {
        let (channel, at) = (self.selected, self.cursor(wall));
        let is_programme = |airing: &Airing| airing.programme.is_some();
        let next = match later {
            true => schedule.airings(channel, at).skip(1).take(IDENTS_MAX).find(is_programme),
            false => schedule.airings_before(channel, at).take(IDENTS_MAX).find(is_programme),
        };
        let Some(airing) = next else { return };
        let reached = match later {
            true => airing.starts.millis_since(wall) < REACH_MS,
            false => wall.millis_since(airing.ends) < REACH_MS,
        };
        if reached {
            self.show(airing, now, wall);
        }
    }

    /// Puts the cursor on that programme of the selected channel, and moves the hours as little as
    /// it takes to see an hour of it, or all of it.
    pub fn show(&mut self, airing: Airing, now: Instant, wall: UnixMillis) {
        let shown = airing.duration_ms().min(SHOWN_MS);
        let leftmost = airing.starts.plus_millis(shown - Grid::SPAN_MS + MARGIN_MS);
        let rightmost = half_hour(airing.ends.plus_millis(-shown));
        let mut left = self.left;
        if left < leftmost {
            left = half_hour(leftmost.plus_millis(HALF_HOUR_MS - 1));
        }
        if left > rightmost {
            left = rightmost;
        }
        self.glide_to_hour(left, now, wall);
        let is_on = airing.starts <= wall && wall < airing.ends;
        self.at = (!is_on).then_some(airing.starts.max(self.left));
    }

    /// Moves the hours by so many milliseconds within [`REACH_MS`]. The cursor stays on the screen,
    /// or goes with the hours.
    pub fn scroll_hours(&mut self, millis: i64, carry: bool, now: Instant, wall: UnixMillis) {
        let left = half_hour(self.left.plus_millis(millis));
        let before = self.left;
        self.glide_to_hour(left, now, wall);
        let moved = if carry { self.left.millis_since(before) } else { 0 };
        let last = self.left.plus_millis(Grid::SPAN_MS - HALF_HOUR_MS);
        let at = self.cursor(wall).plus_millis(moved).clamp(self.left, last);
        self.at = (at != wall).then_some(at);
    }

    /// Back to now.
    pub fn go_live(&mut self, now: Instant, wall: UnixMillis) {
        self.at = None;
        self.glide_to_hour(half_hour(wall), now, wall);
    }

    /// Lets time pass: the hours follow it as long as nobody has moved them.
    pub fn follow(&mut self, now: Instant, wall: UnixMillis) {
        let is_shown = (0..Grid::SPAN_MS).contains(&wall.millis_since(self.left));
        let live = half_hour(wall);
        if (self.follows || (self.at.is_none() && !is_shown)) && self.left != live {
            self.glide_to_hour(live, now, wall);
            self.at = self.at.map(|at| at.max(self.left));
        }
    }

    fn glide_to_row(&mut self, first: usize, now: Instant) {
        if first != self.first {
            self.rows = Glide { from: self.top(now), since: now };
            self.first = first;
        }
    }

    fn glide_to_hour(&mut self, left: UnixMillis, now: Instant, wall: UnixMillis) {
        let live = half_hour(wall);
        let left = left.clamp(live.plus_millis(-REACH_MS), live.plus_millis(REACH_MS));
        if left != self.left {
            self.hours = Glide { from: self.left(now).0, since: now };
            self.left = left;
        }
        self.follows = left == live;
    }
}

fn rows_permille(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// The half hour that a moment is in.
fn half_hour(at: UnixMillis) -> UnixMillis {
    at.plus_millis(-at.0.rem_euclid(HALF_HOUR_MS))
}
