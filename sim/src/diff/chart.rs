//! Draws what sessions were like over time, one above the other on one axis: a row for every
//! exchange, how full the window was, whether the film played. The size of the drawing is bounded,
//! whatever a session says: rows, gaps and points that nobody could tell apart are drawn as one.

use std::fmt::Write;

use serde_json::Value;
use testcard_core::net::ByteRange;
use testcard_core::time::Instant;
use testcard_session::{Ending, Exchange, Session};

use super::words::{bytes, cut, escape};
use super::{exchanges, words};
use crate::replay::HostClass;

/// The drawing's own units; at 1280 pixels they are pixels.
const WIDTH: f64 = 1230.0;
const LEFT: f64 = 252.0;
const RIGHT: f64 = 86.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
const LEVEL_HEIGHT: f64 = 84.0;
const BAND_HEIGHT: f64 = 16.0;
/// So many exchanges have a row each, with words. More of them share rows.
const ROWS_MAX: usize = 40;
/// More rows than this are not drawn.
const SHARED_ROWS_MAX: usize = 60;
/// More exchanges than this are not drawn.
const EXCHANGES_MAX: usize = 1500;
/// Between two exchanges in one row.
const ROOM: f64 = 8.0;
/// As many gaps of one exchange are drawn.
const GAPS_MAX: usize = 100;
/// How finely arrivals are told apart.
const BINS: usize = 446;
/// A flow of pieces further apart than this stands still in between.
const STEADY_US: u64 = 250_000;
/// Silence of this length within a body is drawn as such.
const STALL_US: u64 = 2_000_000;

/// A stretch of time that is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stretch {
    /// Its start in µs.
    pub from: u64,
    /// Its end in µs, behind the start.
    pub to: u64,
}

impl Stretch {
    /// All of these sessions.
    pub fn whole(sessions: &[&Session]) -> Self {
        let to = sessions.iter().map(|session| last_moment(session)).max().unwrap_or(0);
        Self { from: 0, to: to.saturating_add(to / 100).max(1000) }
    }

    /// A close look at a moment: a third before it, two thirds behind.
    pub fn around(at: Instant, length: u64) -> Self {
        let from = at.as_micros().saturating_sub(length / 3);
        Self { from, to: from.saturating_add(length).max(from.saturating_add(1)) }
    }

    fn length(self) -> f64 {
        (self.to.saturating_sub(self.from)).max(1) as f64
    }

    /// Where a moment is drawn, within the plot.
    fn x(self, at: u64) -> f64 {
        let along = (at as f64 - self.from as f64) / self.length();
        LEFT + PLOT * along.clamp(0.0, 1.0)
    }

    fn shows(self, from: u64, to: u64) -> bool {
        to >= self.from && from <= self.to
    }
}

/// When the last thing happened of which anything is known, in µs.
pub fn last_moment(session: &Session) -> u64 {
    let exchanges = session.exchanges.iter().map(|x| exchanges::ended(x).as_micros());
    exchanges.chain(session.trace.iter().map(|line| line.at.as_micros())).max().unwrap_or(0)
}

/// Draws sessions, each with the name of its side. `id` is the drawing's own within the page, `mark`
/// the first difference.
pub fn draw(
    id: &str,
    what: &str,
    sides: &[(&str, &Session)],
    stretch: Stretch,
    mark: Option<Instant>,
) -> String {
    let scene: Vec<_> = sides.iter().map(|(name, s)| Drawn::new(name, s, stretch)).collect();
    let rate_max = scene.iter().map(Drawn::rate_max).fold(1.0, f64::max);
    let level_max = scene.iter().map(|drawn| drawn.level_max).max().unwrap_or(0).max(1);

    let top = 30.0;
    let height = top + scene.iter().map(Drawn::height).sum::<f64>() + 24.0;
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg class=\"plot\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
         viewBox=\"0 0 {WIDTH} {height:.0}\" xmlns=\"http://www.w3.org/2000/svg\">\
         <title id=\"{id}-t\">{what}</title><desc id=\"{id}-d\">Time runs to the right, from {} to \
         {} seconds. A row for each exchange, then the bytes in the window, then what the set did. \
         The traces below say the same in words.</desc>",
        seconds(stretch.from),
        seconds(stretch.to),
    );
    axis(stretch, top, height - 24.0, &mut svg);
    let mut y = top;
    for drawn in &scene {
        drawn.draw(y, rate_max, level_max, &mut svg);
        y += drawn.height();
    }
    if let Some(mark) = mark.filter(|at| stretch.shows(at.as_micros(), at.as_micros())) {
        let x = stretch.x(mark.as_micros());
        let _ = write!(
            svg,
            "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{:.1}\"/>\
             <path d=\"M{x:.1} {top}l-5 -7h10z\" fill=\"var(--mark)\"/>",
            height - 24.0,
        );
        let (anchor, dx) = if x > WIDTH / 2.0 { ("end", -8.0) } else { ("start", 8.0) };
        let _ = write!(
            svg,
            "<a href=\"#first\"><text class=\"marked\" x=\"{:.1}\" y=\"10\" \
             text-anchor=\"{anchor}\">first difference, {} s</text></a>",
            x + dx,
            seconds(mark.as_micros()),
        );
    }
    let mut y = top;
    for drawn in &scene {
        drawn.draw_title(y, &mut svg);
        y += drawn.height();
    }
    svg.push_str("</svg>");
    svg
}

/// Ticks above and below, and lines between them.
fn axis(stretch: Stretch, top: f64, bottom: f64, svg: &mut String) {
    const STEPS: [u64; 19] = [
        1_000,
        5_000,
        10_000,
        50_000,
        100_000,
        200_000,
        500_000,
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        15_000_000,
        30_000_000,
        60_000_000,
        120_000_000,
        300_000_000,
        600_000_000,
        1_800_000_000,
        3_600_000_000,
    ];
    let length = stretch.to.saturating_sub(stretch.from).max(1);
    let fits = |step: &u64| length / step <= 12;
    let step = STEPS.into_iter().find(fits).unwrap_or_else(|| (length / 12).max(1));
    let first = stretch.from.div_ceil(step);
    for n in (first..).take(14) {
        let Some(at) = n.checked_mul(step).filter(|at| *at <= stretch.to) else { break };
        let x = stretch.x(at);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom:.1}\"/>"
        );
        for y in [top - 7.0, bottom + 15.0] {
            let _ = write!(
                svg,
                "<text class=\"muted\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
                tick(at, step)
            );
        }
    }
    let unit = if step >= 60_000_000 { "h:min:s" } else { "seconds" };
    let _ = write!(svg, "<text class=\"muted\" x=\"12\" y=\"{:.1}\">{unit}</text>", top - 7.0);
}

fn tick(at: u64, step: u64) -> String {
    let whole = at / 1_000_000;
    if step >= 60_000_000 {
        return format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
    }
    match step {
        1_000_000.. => whole.to_string(),
        100_000.. => format!("{whole}.{}", at / 100_000 % 10),
        10_000.. => format!("{whole}.{:02}", at / 10_000 % 100),
        _ => format!("{whole}.{:03}", at / 1000 % 1000),
    }
}

fn seconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1000 % 1000)
}

/// A session, measured for drawing.
struct Drawn<'a> {
    name: &'a str,
    session: &'a Session,
    stretch: Stretch,
    /// Whether each exchange has a row for itself.
    has_rows: bool,
    rows: usize,
    /// Exchanges, each with its row.
    bars: Vec<(usize, Bar<'a>)>,
    /// Exchanges for which there is no room.
    left_out: usize,
    /// Times, bytes.
    levels: Vec<(u64, u64)>,
    level_max: u64,
    states: Vec<State>,
    throttled: Vec<(u64, u64)>,
}

/// An exchange, measured for drawing.
struct Bar<'a> {
    number: usize,
    exchange: &'a Exchange,
    /// Bytes a second, in equal parts of the stretch.
    rates: Vec<f64>,
    /// Silences within the body.
    gaps: Vec<(u64, u64)>,
}

/// What the set did for a while.
struct State {
    from: u64,
    to: u64,
    class: &'static str,
    word: &'static str,
}

impl<'a> Drawn<'a> {
    fn new(name: &'a str, session: &'a Session, stretch: Stretch) -> Self {
        let is_shown = |(_, exchange): &(usize, &Exchange)| {
            stretch.shows(exchange.opened.as_micros(), exchanges::ended(exchange).as_micros())
        };
        let shown: Vec<_> = session.exchanges.iter().enumerate().filter(is_shown).collect();
        let has_rows = shown.len() <= ROWS_MAX;
        // Where each row is free again.
        let mut rows: Vec<f64> = Vec::new();
        let mut drawn = Vec::new();
        for (n, exchange) in shown.iter().take(EXCHANGES_MAX) {
            let from = stretch.x(exchange.opened.as_micros());
            let free = rows.iter().position(|free| *free <= from && !has_rows);
            let row = free.unwrap_or(rows.len());
            if row == SHARED_ROWS_MAX {
                continue;
            }
            rows.resize(rows.len().max(row + 1), 0.0);
            rows[row] = stretch.x(exchanges::ended(exchange).as_micros()) + ROOM;
            drawn.push((row, Bar::new(n + 1, exchange, stretch)));
        }
        let (states, throttled) = states(session);
        let levels = levels(session, stretch);
        let fullest = levels.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
        let window = session.about.viewing.limits.window_bytes as u64;
        Self {
            name,
            session,
            stretch,
            left_out: shown.len() - drawn.len(),
            has_rows,
            rows: rows.len(),
            bars: drawn,
            level_max: fullest.max(if levels.is_empty() { 0 } else { window }),
            levels,
            states,
            throttled,
        }
    }

    fn rate_max(&self) -> f64 {
        let rates = self.bars.iter().flat_map(|(_, bar)| bar.rates.iter().copied());
        rates.fold(0.0, f64::max)
    }

    fn row_height(&self) -> f64 {
        if self.has_rows { 19.0 } else { 14.0 }
    }

    fn height(&self) -> f64 {
        let rows = self.rows as f64 * self.row_height();
        let left_out = if self.left_out > 0 { 18.0 } else { 0.0 };
        30.0 + rows + left_out + 14.0 + LEVEL_HEIGHT + 8.0 + 2.0 * (BAND_HEIGHT + 4.0) + 12.0
    }

    fn draw_title(&self, y: f64, svg: &mut String) {
        let title = escape(&cut(&self.session.about.title, 120));
        let name = escape(self.name);
        let _ = write!(
            svg,
            "<line class=\"rule\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"title\" x=\"12\" y=\"{:.1}\">{name}{}{title}</text>",
            y + 19.0,
            if name.is_empty() || title.is_empty() { "" } else { " · " },
        );
    }

    fn draw(&self, top: f64, rate_max: f64, level_max: u64, svg: &mut String) {
        let mut y = top;
        y += 30.0;
        let height = self.row_height();
        if !self.has_rows {
            let _ = write!(
                svg,
                "<text x=\"12\" y=\"{:.1}\">{} exchanges</text>\
                 <text class=\"muted\" x=\"12\" y=\"{:.1}\">many in a row</text>",
                y + 11.0,
                self.bars.len(),
                y + 25.0,
            );
        }
        for (row, bar) in &self.bars {
            bar.draw(y + *row as f64 * height, height, rate_max, self, svg);
        }
        y += self.rows as f64 * height;
        if self.left_out > 0 {
            let _ = write!(
                svg,
                "<text class=\"muted\" x=\"12\" y=\"{:.1}\">… and {} more exchanges</text>",
                y + 13.0,
                self.left_out
            );
            y += 18.0;
        }
        y += 14.0;
        self.draw_levels(y, level_max, svg);
        y += LEVEL_HEIGHT + 8.0;
        self.draw_bands(y, svg);
    }

    fn draw_levels(&self, top: f64, level_max: u64, svg: &mut String) {
        let bottom = top + LEVEL_HEIGHT;
        let y = |level: u64| bottom - (LEVEL_HEIGHT - 8.0) * level as f64 / level_max as f64;
        let _ = write!(
            svg,
            "<text x=\"12\" y=\"{:.1}\">window</text>\
             <line class=\"rule\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\"/>",
            top + LEVEL_HEIGHT / 2.0 + 4.0,
            LEFT + PLOT,
        );
        if self.levels.is_empty() {
            let _ = write!(
                svg,
                "<text class=\"muted\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                LEFT + 10.0,
                top + LEVEL_HEIGHT / 2.0 + 4.0,
                match last_moment(self.session) < self.stretch.from {
                    true => "it was over by then",
                    false => "nobody noted how full it was",
                },
            );
            return;
        }
        let full = self.session.about.viewing.limits.window_bytes as u64;
        let full_y = y(full);
        let _ = write!(
            svg,
            "<line class=\"full\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{full_y:.1}\" y2=\"{full_y:.1}\"/>\
             <text class=\"muted\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">full, {}</text>\
             <text class=\"muted\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">0</text>",
            LEFT + PLOT,
            LEFT - 8.0,
            full_y + 4.0,
            escape(&bytes(full)),
            LEFT - 8.0,
            bottom,
        );
        svg.push_str("<path class=\"level\" d=\"");
        let start = self.stretch.x(self.levels[0].0);
        let _ = write!(svg, "M{start:.1} {bottom:.1}");
        let mut end = start;
        // It is noted when it has changed, once a second at most: until then it was as before.
        let often = (3.0 * self.stretch.length() / BINS as f64).max(2e6) as u64;
        let mut before: Option<(u64, u64)> = None;
        for (at, level) in &self.levels {
            if let Some((then, level)) = before.replace((*at, *level))
                && at.saturating_sub(then) > often
            {
                let x = self.stretch.x(at.saturating_sub(1_000_000));
                let _ = write!(svg, "L{x:.1} {:.1}", y(level));
            }
            end = self.stretch.x(*at);
            let _ = write!(svg, "L{end:.1} {:.1}", y(*level));
        }
        let _ = write!(svg, "L{end:.1} {bottom:.1}Z\"/>");
    }

    fn draw_bands(&self, top: f64, svg: &mut String) {
        let throttled = self.throttled.iter().map(|(from, to)| State {
            from: *from,
            to: *to,
            class: "throttled",
            word: "throttled",
        });
        let throttled: Vec<_> = throttled.collect();
        for (n, (label, states)) in
            [("playing", &self.states), ("network", &throttled)].into_iter().enumerate()
        {
            let y = top + n as f64 * (BAND_HEIGHT + 4.0);
            let base = y + BAND_HEIGHT - 4.0;
            let _ = write!(svg, "<text x=\"12\" y=\"{base:.1}\">{label}</text>");
            let mut drawn_to = 0.0;
            for state in states.iter().filter(|state| self.stretch.shows(state.from, state.to)) {
                let (from, to) = (self.stretch.x(state.from), self.stretch.x(state.to));
                // Two within half a unit cannot be told apart.
                if to - drawn_to < 0.5 {
                    continue;
                }
                drawn_to = to;
                let width = (to - from).max(0.8);
                let _ = write!(
                    svg,
                    "<rect class=\"band {}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                     height=\"{BAND_HEIGHT}\"><title>{}, {} to {} s</title></rect>",
                    state.class,
                    state.word,
                    seconds(state.from),
                    seconds(state.to),
                );
                if width > 8.0 * state.word.len() as f64 {
                    let _ = write!(
                        svg,
                        "<text x=\"{:.1}\" y=\"{base:.1}\" paint-order=\"stroke\" \
                         stroke=\"var(--bg)\" stroke-width=\"3\">{}</text>",
                        from + 5.0,
                        state.word
                    );
                }
            }
            if states.is_empty() {
                let word = match (label, self.session.trace.is_empty()) {
                    (_, true) => "nobody wrote a trace",
                    ("network", false) => "never throttled",
                    _ => "nothing was tuned to",
                };
                let x = LEFT + 10.0;
                let _ =
                    write!(svg, "<text class=\"muted\" x=\"{x}\" y=\"{base:.1}\">{word}</text>");
            }
        }
    }
}

impl<'a> Bar<'a> {
    fn new(number: usize, exchange: &'a Exchange, stretch: Stretch) -> Self {
        let mut rates = vec![0.0; BINS];
        let mut gaps = Vec::new();
        let bin_us = stretch.length() / BINS as f64;
        let mut flow = |from: u64, to: u64, bytes: f64| {
            let place = |at: u64| (at as f64 - stretch.from as f64) / bin_us;
            let (from, to) = (place(from), place(to).max(place(from) + 1e-3));
            let first = from.floor().clamp(0.0, BINS as f64);
            let last = to.ceil().clamp(0.0, BINS as f64);
            for (bin, rate) in rates.iter_mut().enumerate().take(last as usize).skip(first as usize)
            {
                let overlap = to.min(bin as f64 + 1.0) - from.max(bin as f64);
                *rate += bytes * overlap.max(0.0) / (to - from) / (bin_us / 1e6);
            }
        };
        let mut before = match &exchange.head {
            Some((at, _)) => at.as_micros(),
            None => exchange.opened.as_micros(),
        };
        let mut silence = |from: u64, to: u64| {
            if to.saturating_sub(from) >= STALL_US && gaps.len() < GAPS_MAX {
                gaps.push((from, to));
            }
        };
        for run in &exchange.arrivals {
            let every = u64::try_from(run.every.as_micros()).unwrap_or(u64::MAX);
            let first = run.first.as_micros();
            silence(before, first);
            let times = u64::from(run.times);
            if every <= STEADY_US {
                let last = first.saturating_add(every.saturating_mul(times.saturating_sub(1)));
                // A piece has come since the one before it.
                let began = before.max(first.saturating_sub(STEADY_US)).min(first);
                flow(began, last, f64::from(run.bytes) * f64::from(run.times));
                before = last;
            } else {
                // Pieces far from each other; more than there are parts cannot be told apart.
                let skipped = stretch.from.saturating_sub(first) / every;
                for n in (skipped..times).take(BINS) {
                    let at = first.saturating_add(every.saturating_mul(n));
                    if n > 0 {
                        silence(at.saturating_sub(every), at);
                    }
                    flow(at.saturating_sub(STEADY_US), at, f64::from(run.bytes));
                }
                before = first.saturating_add(every.saturating_mul(times.saturating_sub(1)));
            }
        }
        if exchange.head.is_some() {
            silence(before, exchanges::ended(exchange).as_micros());
        }
        Self { number, exchange, rates, gaps }
    }

    fn draw(&self, top: f64, height: f64, rate_max: f64, of: &Drawn<'_>, svg: &mut String) {
        let exchange = self.exchange;
        let stretch = of.stretch;
        let (opened, ended) = (exchange.opened.as_micros(), exchanges::ended(exchange).as_micros());
        let head = exchange.head.as_ref().map(|(at, _)| at.as_micros());
        let middle = top + height / 2.0;
        let (bar_top, bar) = (top + height * 0.18, height * 0.64);
        let length = exchange.body.len();
        let _ = write!(
            svg,
            "<g><title>exchange {}: {}. Opened {} s, head {}, over {} s.</title>",
            self.number,
            escape(&cut(&exchanges::course(exchange), 300)),
            seconds(opened),
            head.map_or("never".to_owned(), |at| format!("{} s", seconds(at))),
            seconds(ended),
        );
        if of.has_rows {
            self.label(middle, length, svg);
        }
        let (x_opened, x_ended) = (stretch.x(opened), stretch.x(ended));
        let x_head = stretch.x(head.unwrap_or(ended));
        if stretch.shows(opened, head.unwrap_or(ended)) {
            let width = (x_head - x_opened).max(1.0);
            let _ = write!(
                svg,
                "<rect class=\"wait\" x=\"{x_opened:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
                 height=\"{:.1}\"/>",
                bar_top + bar * 0.2,
                bar * 0.6,
            );
        }
        let _ = write!(
            svg,
            "<line class=\"open\" x1=\"{x_head:.1}\" x2=\"{x_ended:.1}\" y1=\"{middle:.1}\" \
             y2=\"{middle:.1}\"/>"
        );
        for (from, to) in self.gaps.iter().filter(|(from, to)| stretch.shows(*from, *to)) {
            let halfway = from + (to - from) / 2;
            let before = of.throttled.partition_point(|(from, _)| *from <= halfway);
            let is_throttled = before > 0 && of.throttled[before - 1].1 >= halfway;
            let pauses = exchange.pauses.partition_point(|pause| pause.as_micros() < *from);
            let is_pause = exchange.pauses.get(pauses).is_some_and(|at| at.as_micros() <= *to);
            let is_held = is_throttled || is_pause;
            let (class, why) = match is_held {
                true => ("held", "the window is full"),
                false => ("stall", "silence"),
            };
            let (x_from, x_to) = (stretch.x(*from), stretch.x(*to));
            let _ = write!(
                svg,
                "<line class=\"gap\" x1=\"{x_from:.1}\" x2=\"{x_to:.1}\" y1=\"{middle:.1}\" \
                 y2=\"{middle:.1}\"/><line class=\"{class}\" x1=\"{x_from:.1}\" \
                 x2=\"{x_to:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\">\
                 <title>{why}, {} to {} s</title></line>",
                seconds(*from),
                seconds(*to),
            );
        }
        self.flow(bar_top, bar, rate_max, svg);
        // Where many share a row, only what went wrong is marked.
        let is_marked = of.has_rows || matches!(exchange.ending, Ending::Failed(..));
        if is_marked && stretch.shows(ended, ended) {
            self.end(x_ended, middle, height, svg);
        }
        svg.push_str("</g>");
    }

    /// What is said left and right of a row.
    fn label(&self, middle: f64, length: u64, svg: &mut String) {
        let exchange = self.exchange;
        let y = middle + 4.0;
        let (status, odd) = match &exchange.head {
            Some((_, head)) => {
                (head.status.to_string(), if head.status >= 400 { "odd" } else { "" })
            }
            // An answer that nobody waited for is not odd.
            None if matches!(exchange.ending, Ending::Failed(..)) => ("—".to_owned(), "odd"),
            None => ("—".to_owned(), ""),
        };
        let host = HostClass::of(exchange.request.url.host_str().unwrap_or_default()).word();
        let range = match exchange.request.range {
            None => "all".to_owned(),
            Some(ByteRange::From(first)) => format!("from {}", bytes(first)),
            Some(ByteRange::Closed { first, last }) => {
                format!("{} at {}", bytes((last - first.min(last)).saturating_add(1)), bytes(first))
            }
        };
        let _ = write!(
            svg,
            "<text class=\"muted\" x=\"40\" y=\"{y:.1}\" text-anchor=\"end\">#{}</text>\
             <text class=\"{odd}\" x=\"52\" y=\"{y:.1}\">{status}</text>\
             <text x=\"84\" y=\"{y:.1}\">{host}</text>\
             <text class=\"muted\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>\
             <text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
            self.number,
            LEFT - 8.0,
            escape(&range),
            WIDTH - 12.0,
            escape(&bytes(length)),
        );
    }

    /// The body: the stronger the colour, the faster.
    fn flow(&self, top: f64, height: f64, rate_max: f64, svg: &mut String) {
        const SHADES: usize = 5;
        let width = PLOT / BINS as f64;
        let shade = |rate: f64| match rate {
            rate if rate <= 0.0 => 0,
            rate => ((rate / rate_max).sqrt() * SHADES as f64).ceil().clamp(1.0, 5.0) as usize,
        };
        let shades: Vec<usize> = self.rates.iter().map(|rate| shade(*rate)).collect();
        for shade in 1..=SHADES {
            let mut path = String::new();
            let mut at = 0;
            for run in shades.chunk_by(|a, b| a == b) {
                if run[0] == shade {
                    let (x, run) = (LEFT + at as f64 * width, run.len() as f64 * width);
                    let _ = write!(path, "M{x:.1} {top:.1}h{run:.1}v{height:.1}h-{run:.1}z");
                }
                at += run.len();
            }
            if !path.is_empty() {
                let _ = write!(svg, "<path class=\"f{shade}\" d=\"{path}\"/>");
            }
        }
    }

    /// How it ended, as a shape.
    fn end(&self, x: f64, y: f64, height: f64, svg: &mut String) {
        let r = (height * 0.26).min(5.0);
        let (class, path) = match self.exchange.ending {
            Ending::Complete(_) => {
                let (a, b) = (r * 0.7, r * 1.7);
                ("complete", format!("M{:.1} {y:.1}l{a:.1} {r:.1}l{r:.1} -{b:.1}", x + 2.0))
            }
            Ending::Failed(..) => {
                let d = 2.0 * r;
                let (left, up) = (x - r, y - r);
                ("failed", format!("M{left:.1} {up:.1}l{d:.1} {d:.1}m0 -{d:.1}l-{d:.1} {d:.1}"))
            }
            Ending::Dropped(_) => {
                ("dropped", format!("M{x:.1} {:.1}v{:.1}", y - height * 0.4, height * 0.8))
            }
            Ending::Open => {
                let d = r * 0.9;
                ("dropped", format!("M{x:.1} {:.1}l{d:.1} {d:.1}l-{d:.1} {d:.1}", y - d))
            }
        };
        let _ = write!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
    }
}

/// How full the window was, in no more points than can be told apart.
fn levels(session: &Session, stretch: Stretch) -> Vec<(u64, u64)> {
    let mut levels: Vec<(u64, u64)> = Vec::new();
    let mut bin = None;
    for line in session.trace.iter().filter(|line| words::event(&line.fields) == "level") {
        let at = line.at.as_micros();
        let Some(level) = line.fields.get("window_bytes").and_then(Value::as_u64) else { continue };
        let along = (at as f64 - stretch.from as f64) / stretch.length() * BINS as f64 * 2.0;
        // What lies outside is drawn at the edge: the last before, the first behind.
        let here = along.clamp(-1.0, BINS as f64 * 2.0 + 1.0).round();
        if bin == Some(here) && levels.len() > 1 {
            if here < 0.0 {
                levels.pop();
            } else {
                continue;
            }
        }
        bin = Some(here);
        levels.push((at, level));
    }
    // It stays as it was noted last, until all is over; and when that is, it is not drawn.
    let end = last_moment(session);
    levels.extend(levels.last().map(|(at, level)| (end.max(*at), *level)));
    if end < stretch.from {
        levels.clear();
    }
    // The line is cut at the edges, not bent towards them.
    if let [first, second, ..] = &mut *levels {
        *first = between(*first, *second, stretch.from.max(first.0));
    }
    if let [.., before, last] = &mut *levels {
        *last = between(*before, *last, stretch.to.min(last.0));
    }
    levels
}

/// The level at a time between two others.
fn between(a: (u64, u64), b: (u64, u64), at: u64) -> (u64, u64) {
    let along = (at.saturating_sub(a.0)) as f64 / b.0.saturating_sub(a.0).max(1) as f64;
    (at, (a.1 as f64 + (b.1 as f64 - a.1 as f64) * along.min(1.0)) as u64)
}

/// What the set did, and when the network waited for it.
fn states(session: &Session) -> (Vec<State>, Vec<(u64, u64)>) {
    let end = last_moment(session);
    let mut states: Vec<State> = Vec::new();
    let mut throttled = Vec::new();
    let mut throttled_since = None;
    // Some tell when playing began, others only when there was enough for it.
    let plays = session.trace.iter().any(|line| words::event(&line.fields) == "playing");
    for line in &session.trace {
        let at = line.at.as_micros();
        let event = words::event(&line.fields);
        // A new exchange is opened for a reason: the network does not wait any more.
        if matches!(event, "unthrottled" | "opened" | "tuned") {
            throttled.extend(throttled_since.take().map(|since| (since, at)));
        }
        let (class, word) = match event {
            "tuned" | "seeked" | "file_changed" => ("tuning", "tuning"),
            "playing" => ("playing", "playing"),
            "ready" if !plays => ("playing", "playing"),
            "starved" => ("starved", "starved"),
            "failed" => ("over", "failed"),
            "ended" => ("over", "ended"),
            "throttled" => {
                throttled_since.get_or_insert(at);
                continue;
            }
            _ => continue,
        };
        if let Some(last) = states.last_mut() {
            last.to = at;
            if last.word == word {
                continue;
            }
        }
        states.push(State { from: at, to: end, class, word });
    }
    if let Some(last) = states.last_mut() {
        last.to = end;
    }
    throttled.extend(throttled_since.map(|since| (since, end)));
    (states, throttled)
}
