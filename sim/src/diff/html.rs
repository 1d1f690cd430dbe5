//! One page about one session or two: what was asked and what came over time, how full the window
//! was, what the set did, and what is different. The page is complete in itself, runs no scripts and
//! fetches nothing; all that a session says is shown as text and never taken for markup.

use std::collections::BTreeSet;
use std::fmt::Write;

use testcard_core::time::Instant;
use testcard_session::{Provenance, Session, TraceLine};

use super::chart::{self, Stretch};
use super::words::{bytes, cut, escape};
use super::{Difference, Ignore, Place, trace, words};

/// More differences are counted, not listed.
const DIFFERENCES_MAX: usize = 500;
/// More lines of traces are counted, not shown.
const LINES_MAX: usize = 3000;
/// Longer runs of lines that are the same are folded but for so many at either end.
const LINES_AROUND: usize = 12;
/// Longer texts are cut.
const CHARACTERS_MAX: usize = 400;
/// A session longer than four of these is worth a closer look at its most telling moment.
const CLOSE_UP_US: u64 = 15_000_000;

const TEMPLATE: &str = include_str!("report.html");

/// A page about what is different between two sessions; `differences` and `ignore` are what
/// [`compare`](super::compare) gave and was given.
pub fn report(
    expected: &Session,
    actual: &Session,
    differences: &[Difference],
    ignore: &Ignore,
) -> String {
    two(expected, actual, differences, ignore, None)
}

/// The same where the actual session came to an early end, with the sentence that says why.
pub fn report_derailed(
    expected: &Session,
    actual: &Session,
    differences: &[Difference],
    ignore: &Ignore,
    why: &str,
) -> String {
    two(expected, actual, differences, ignore, Some(why))
}

fn two(
    expected: &Session,
    actual: &Session,
    differences: &[Difference],
    ignore: &Ignore,
    why: Option<&str>,
) -> String {
    let first = differences.first().map(|difference| difference.at);
    let mut body = String::from("<header><h1>Two network sessions compared</h1>");
    if let Some(why) = why {
        let _ = write!(body, "<p class=\"verdict differs\">✕ {}.</p>", text(why));
    }
    match differences {
        // What went wrong left no line in the trace, or there was none to compare with.
        [] if why.is_some() => {}
        [] => body.push_str("<p class=\"verdict same\">✓ No differences.</p>"),
        [first, ..] => {
            let _ = write!(
                body,
                "<p class=\"verdict differs\">✕ {} {}; <a href=\"#first\">the first</a> at {} s.</p>",
                differences.len(),
                if differences.len() == 1 { "difference" } else { "differences" },
                first.at,
            );
        }
    }
    ignored(ignore, &mut body);
    body.push_str("<div class=\"cards\">");
    card("A", "expected", expected, &mut body);
    card("B", "actual", actual, &mut body);
    body.push_str("</div></header>");

    let sides = [("A, expected", expected), ("B, actual", actual)];
    charts(&sides, first, &mut body);
    list(differences, &mut body);
    both_traces(expected, actual, differences, ignore, &mut body);
    page("Two sessions compared", &body)
}

/// A page about one session.
pub fn view(session: &Session) -> String {
    let mut body = String::from("<header><h1>A network session</h1><div class=\"cards\">");
    card("", "", session, &mut body);
    body.push_str("</div></header>");
    charts(&[("", session)], None, &mut body);
    one_trace(session, &mut body);
    page(&cut(&session.about.title, CHARACTERS_MAX), &body)
}

fn page(title: &str, body: &str) -> String {
    let (head, rest) = TEMPLATE.split_once("%TITLE%").unwrap_or((TEMPLATE, ""));
    let (middle, end) = rest.split_once("%BODY%").unwrap_or((rest, ""));
    let title = escape(title);
    [head, &title, " · Testcard", middle, body, end].concat()
}

fn ignored(ignore: &Ignore, body: &mut String) {
    let names: Vec<_> = ignore.rules().map(|rule| rule.name()).collect();
    if names.is_empty() {
        body.push_str("<p class=\"muted\">Compared to the microsecond; nothing was ignored.</p>");
        return;
    }
    let _ = write!(body, "<details><summary>Not compared: {}</summary><ul>", names.join(", "));
    for rule in ignore.rules() {
        let _ = write!(body, "<li><b>{}</b>: {}</li>", rule.name(), escape(rule.reason()));
    }
    body.push_str("</ul></details>");
}

/// What a session is, and what it came to.
fn card(side: &str, role: &str, session: &Session, body: &mut String) {
    body.push_str("<section class=\"card\"><h3>");
    if !side.is_empty() {
        let _ =
            write!(body, "<span class=\"side\">{side}</span><span class=\"muted\">{role}</span> ");
    }
    let title = match session.about.title.trim() {
        "" => "A session without a title",
        title => title,
    };
    let provenance = match &session.about.provenance {
        Provenance::Recorded { at, by } => format!("Recorded at {at} by {by}."),
        Provenance::Synthetic { from } => format!("Synthetic, from {from}."),
    };
    let _ = write!(
        body,
        "{}</h3><p class=\"muted\">{}</p><dl class=\"figures\">",
        text(title),
        text(&provenance),
    );
    let figures = Figures::of(session);
    for (name, figure) in [
        ("length", format!("{} s", tenths(chart::last_moment(session)))),
        ("exchanges", session.exchanges.len().to_string()),
        ("received", bytes(figures.received)),
        ("first ready", figures.ready.map_or("never".to_owned(), |at| format!("{at} s"))),
        ("node failures", figures.node_failures.to_string()),
        (
            "ran dry",
            match figures.starved {
                0 => "never".to_owned(),
                n => format!("{n} ×, {} s", tenths(figures.starving_us)),
            },
        ),
    ] {
        let _ = write!(body, "<div><dt>{name}</dt><dd>{figure}</dd></div>");
    }
    body.push_str("</dl></section>");
}

#[derive(Default)]
struct Figures {
    received: u64,
    ready: Option<Instant>,
    node_failures: usize,
    starved: usize,
    starving_us: u64,
}

impl Figures {
    fn of(session: &Session) -> Self {
        let mut figures = Self::default();
        for exchange in &session.exchanges {
            figures.received = figures.received.saturating_add(exchange.body.len());
        }
        let mut dry_since = None;
        for line in &session.trace {
            let event = words::event(&line.fields);
            match event {
                "node_failed" => figures.node_failures += 1,
                "starved" => {
                    figures.starved += 1;
                    dry_since.get_or_insert(line.at);
                }
                "ready" => {
                    figures.ready.get_or_insert(line.at);
                }
                _ => {}
            }
            if matches!(event, "ready" | "failed" | "tuned")
                && let Some(since) = dry_since.take()
            {
                figures.add_dry(since, line.at.as_micros());
            }
        }
        if let Some(since) = dry_since {
            figures.add_dry(since, chart::last_moment(session));
        }
        figures
    }

    fn add_dry(&mut self, since: Instant, until: u64) {
        let micros = until.saturating_sub(since.as_micros());
        self.starving_us = self.starving_us.saturating_add(micros);
    }
}

fn tenths(micros: u64) -> String {
    format!("{}.{}", micros / 1_000_000, micros / 100_000 % 10)
}

/// All of it, and a closer look: at the first difference, or else at the start.
fn charts(sides: &[(&str, &Session)], first: Option<Instant>, body: &mut String) {
    let sessions: Vec<_> = sides.iter().map(|(_, session)| *session).collect();
    let whole = Stretch::whole(&sessions);
    body.push_str(PATTERNS);
    body.push_str("<h2>What happened</h2><div class=\"chart\">");
    body.push_str(&chart::draw("whole", "The sessions over time", sides, whole, first));
    body.push_str("</div>");
    body.push_str(LEGEND);
    if whole.to > 4 * CLOSE_UP_US {
        let (what, at) = match first {
            Some(at) => ("Close to the first difference", at),
            None => ("The first seconds", Instant::ZERO),
        };
        let close = Stretch::around(at, CLOSE_UP_US);
        let _ = write!(body, "<h2>{what}</h2><div class=\"chart\">");
        body.push_str(&chart::draw("close", what, sides, close, first));
        body.push_str("</div>");
    }
}

fn list(differences: &[Difference], body: &mut String) {
    body.push_str("<h2>Differences</h2>");
    if differences.is_empty() {
        body.push_str("<p>None.</p>");
        return;
    }
    body.push_str(
        "<div class=\"wide\"><table class=\"differences\"><colgroup><col class=\"at\">\
         <col class=\"where\"><col class=\"field\"><col><col></colgroup><thead><tr><th>at, s</th>\
         <th>where</th><th>field</th><th>A, expected</th><th>B, actual</th></tr></thead><tbody>",
    );
    for (n, difference) in differences.iter().take(DIFFERENCES_MAX).enumerate() {
        let id = if n == 0 { " id=\"first\"" } else { "" };
        let value = |side: &Option<String>, sign: &str, class: &str| match side {
            Some(value) => format!(
                "<td class=\"v {class}\"><span class=\"sign\">{sign}</span>{}</td>",
                text(value)
            ),
            None => "<td class=\"none\">nothing</td>".to_owned(),
        };
        let subject = match difference.is_of_all() {
            true => String::new(),
            false => format!("<div class=\"subject\">{}</div>", text(&difference.subject)),
        };
        let _ = write!(
            body,
            "<tr{id}><td class=\"t\">{}</td><td>{}{subject}</td><td>{}</td>{}{}</tr>",
            difference.at,
            difference.place,
            text(&difference.field),
            value(&difference.expected, "−", "old"),
            value(&difference.actual, "+", "new"),
        );
    }
    body.push_str("</tbody></table></div>");
    if let Some(more) = differences.len().checked_sub(DIFFERENCES_MAX).filter(|more| *more > 0) {
        let _ = write!(body, "<p class=\"muted\">… and {more} more.</p>");
    }
}

/// Which lines of a trace, or exchanges, are different.
struct Marked {
    lines: [BTreeSet<usize>; 2],
    /// Exchanges, from 1, that the other side has not.
    alone: [BTreeSet<usize>; 2],
}

impl Marked {
    fn of(differences: &[Difference]) -> Self {
        let mut marked = Self { lines: Default::default(), alone: Default::default() };
        for difference in differences {
            match difference.place {
                Place::Viewing => {}
                Place::Exchange { expected, actual: None } => marked.alone[0].extend(expected),
                Place::Exchange { expected: None, actual } => marked.alone[1].extend(actual),
                Place::Exchange { .. } => {}
                Place::Trace { expected, actual } => {
                    marked.lines[0].extend(expected);
                    marked.lines[1].extend(actual);
                }
            }
        }
        marked
    }
}

fn both_traces(
    expected: &Session,
    actual: &Session,
    differences: &[Difference],
    ignore: &Ignore,
    body: &mut String,
) {
    body.push_str("<h2>What the set did</h2>");
    let traces = [&expected.trace, &actual.trace];
    if traces.iter().all(|trace| trace.is_empty()) {
        body.push_str("<p class=\"muted\">Nobody wrote a trace.</p>");
        return;
    }
    let mut marked = Marked::of(differences);
    for (side, trace) in traces.into_iter().enumerate() {
        // The lines of an exchange that only one side has were reported with it.
        let alone = &marked.alone[side];
        let lines = trace::lines_of(trace, |exchange| alone.contains(&(exchange + 1)));
        marked.lines[side].extend(lines);
    }
    let rows = trace::side_by_side(traces[0], traces[1], ignore);
    let differs = |(left, right): &(Option<usize>, Option<usize>)| {
        left.is_some_and(|n| marked.lines[0].contains(&n))
            || right.is_some_and(|n| marked.lines[1].contains(&n))
    };
    body.push_str(
        "<div class=\"wide\"><table class=\"trace\"><colgroup><col class=\"n\"><col class=\"t\"><col>\
         <col class=\"n\"><col class=\"t\"><col></colgroup><thead><tr><th colspan=\"3\">A, expected\
         </th><th colspan=\"3\">B, actual</th></tr></thead><tbody>",
    );
    let mut left = LINES_MAX;
    for run in rows.chunk_by(|a, b| differs(a) == differs(b)) {
        let is_same = !differs(&run[0]);
        let (head, tail) = match is_same && run.len() > 2 * LINES_AROUND + 4 {
            true => (&run[..LINES_AROUND], &run[run.len() - LINES_AROUND..]),
            false => (run, &run[run.len()..]),
        };
        let folded = run.len() - head.len() - tail.len();
        for (part, skipped) in [(head, folded), (tail, 0)] {
            for row in part.iter().take(left) {
                body.push_str("<tr>");
                cells(traces[0], row.0, &marked.lines[0], ("−", "old"), body);
                cells(traces[1], row.1, &marked.lines[1], ("+", "new"), body);
                body.push_str("</tr>");
            }
            left = left.saturating_sub(part.len());
            if skipped > 0 && left > 0 {
                let _ = write!(
                    body,
                    "<tr class=\"skip\"><td colspan=\"6\">{skipped} lines without a difference\
                     </td></tr>"
                );
            }
        }
        if left == 0 {
            body.push_str("<tr class=\"skip\"><td colspan=\"6\">… and more</td></tr>");
            break;
        }
    }
    body.push_str("</tbody></table></div>");
}

fn cells(
    trace: &[TraceLine],
    number: Option<usize>,
    marked: &BTreeSet<usize>,
    (sign, class): (&str, &str),
    body: &mut String,
) {
    let line = number.and_then(|n| Some((n, trace.get(n.checked_sub(1)?)?)));
    let Some((number, line)) = line else {
        body.push_str("<td class=\"n\"></td><td></td><td></td>");
        return;
    };
    let (sign, class) = if marked.contains(&number) { (sign, class) } else { ("", "") };
    let sign = match sign {
        "" => String::new(),
        sign => format!("<span class=\"sign\">{sign}</span>"),
    };
    let _ = write!(
        body,
        "<td class=\"n {class}\">{number}</td><td class=\"t {class}\">{}</td>\
         <td class=\"e {class}\">{sign}{}</td>",
        line.at,
        text(&words::line(&line.fields)),
    );
}

fn one_trace(session: &Session, body: &mut String) {
    body.push_str("<h2>What the set did</h2>");
    let is_shown = |(_, line): &(usize, &TraceLine)| words::event(&line.fields) != "level";
    let lines: Vec<_> = session.trace.iter().enumerate().filter(is_shown).collect();
    if lines.is_empty() {
        body.push_str("<p class=\"muted\">Nobody wrote a trace.</p>");
        return;
    }
    body.push_str(
        "<div class=\"wide\"><table class=\"trace\"><colgroup><col class=\"n\"><col class=\"t\"><col>\
         </colgroup><thead><tr><th></th><th>at, s</th><th>event</th></tr></thead><tbody>",
    );
    for (n, _) in lines.iter().take(LINES_MAX) {
        body.push_str("<tr>");
        cells(&session.trace, Some(n + 1), &BTreeSet::new(), ("", ""), body);
        body.push_str("</tr>");
    }
    if let Some(more) = lines.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
        let _ = write!(body, "<tr class=\"skip\"><td colspan=\"3\">… and {more} more</td></tr>");
    }
    body.push_str("</tbody></table></div>");
}

/// A text of a session's. Addresses may be broken behind a slash.
fn text(text: &str) -> String {
    escape(&cut(text, CHARACTERS_MAX)).replace('/', "/<wbr>")
}

/// What tells states apart beside their colours.
const PATTERNS: &str = "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\">\
<defs><pattern id=\"tuning\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"6\" height=\"6\" fill=\"var(--tune)\" fill-opacity=\".16\"/>\
<circle cx=\"3\" cy=\"3\" r=\"1\" fill=\"var(--tune)\"/></pattern>\
<pattern id=\"starved\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(45)\"><rect width=\"7\" height=\"7\" fill=\"var(--bad)\" \
fill-opacity=\".22\"/><rect width=\"3\" height=\"7\" fill=\"var(--bad)\" fill-opacity=\".75\"/>\
</pattern><pattern id=\"throttled\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"5\" height=\"5\" fill=\"var(--wait)\" fill-opacity=\".14\"/>\
<rect width=\"1.4\" height=\"5\" fill=\"var(--wait)\" fill-opacity=\".7\"/></pattern></defs></svg>";

/// What the shapes and colours mean.
const LEGEND: &str = "<ul class=\"legend\">\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<rect class=\"wait\" x=\"1\" y=\"4\" width=\"32\" height=\"6\"/></svg>\
waiting for the head</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<path class=\"f1\" d=\"M0 2h8v10h-8z\"/><path class=\"f3\" d=\"M9 2h12v10h-12z\"/><path class=\"f5\" d=\"M22 2h12v10h-12z\"/></svg>\
body arriving: the stronger, the faster</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<line class=\"stall\" x1=\"0\" x2=\"34\" y1=\"7\" y2=\"7\"/></svg>\
silence of 2 s or more</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<line class=\"held\" x1=\"0\" x2=\"34\" y1=\"7\" y2=\"7\"/></svg>\
the same, with the window full</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<path class=\"complete\" d=\"M10 7l4 5l8 -10\"/></svg>\
complete</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<path class=\"failed\" d=\"M12 2l10 10m0 -10l-10 10\"/></svg>\
failed</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<path class=\"dropped\" d=\"M17 0v14\"/></svg>\
hung up</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<path class=\"dropped\" d=\"M14 2l5 5l-5 5\"/></svg>\
still open</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<rect class=\"band playing\" x=\"1\" y=\"1\" width=\"32\" height=\"12\"/></svg>\
playing</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<rect class=\"band tuning\" x=\"1\" y=\"1\" width=\"32\" height=\"12\"/></svg>\
tuning</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<rect class=\"band starved\" x=\"1\" y=\"1\" width=\"32\" height=\"12\"/></svg>\
starved</li>\
<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\">\
<rect class=\"band throttled\" x=\"1\" y=\"1\" width=\"32\" height=\"12\"/></svg>\
throttled</li>\
</ul>";
