//! Says differences to people: grouped by where they are, the first one first, what was expected
//! above what is there. Sessions come from anywhere, and what a terminal would take for a command is
//! shown instead of done.

use std::fmt::Write;

use super::{Difference, Place, words};

/// Values longer than this many characters are cut.
const VALUE_MAX: usize = 400;

/// All differences as text, or those of the first `places_max` places where there are any. Empty
/// when there are none.
pub fn text(differences: &[Difference], places_max: usize) -> String {
    let mut places: Vec<(Place, Vec<&Difference>)> = Vec::new();
    let mut index = std::collections::BTreeMap::new();
    for difference in differences {
        let next = places.len();
        let at = *index.entry(difference.place).or_insert(next);
        if at == next {
            places.push((difference.place, Vec::new()));
        }
        places[at].1.push(difference);
    }
    let mut text = String::new();
    for (place, group) in places.iter().take(places_max) {
        write_place(*place, group, &mut text);
    }
    if let Some(left) = places.len().checked_sub(places_max).filter(|left| *left > 0) {
        let more = places[places_max..].iter().map(|(_, group)| group.len()).sum::<usize>();
        let _ =
            writeln!(text, "… and {} more in {}.", count(more, "difference"), count(left, "place"));
    }
    if !differences.is_empty() {
        let (all, places) = (count(differences.len(), "difference"), count(places.len(), "place"));
        let _ = writeln!(text, "{all} in {places}; the first at {}.", differences[0].at);
    }
    text
}

fn write_place(place: Place, group: &[&Difference], text: &mut String) {
    let Some(first) = group.first() else { return };
    let course = match (place, &first.expected, &first.actual) {
        _ if !first.is_of_all() => "",
        (_, Some(_), _) => " is missing",
        (..) => " is one too many",
    };
    let _ = writeln!(text, "{place}{course} · {}", first.at);
    for line in group.iter().flat_map(|difference| &difference.context) {
        let _ = writeln!(text, "    {}", printable(line));
    }
    let when = match place {
        Place::Trace { .. } => format!("{:>11} | ", first.at.to_string()),
        _ => String::new(),
    };
    if first.is_of_all() {
        for difference in group {
            for (sign, side) in [('-', &difference.expected), ('+', &difference.actual)] {
                if let Some(side) = side {
                    let _ = writeln!(text, "  {sign} {when}{}", printable(side));
                }
            }
        }
    } else {
        let _ = writeln!(text, "    {when}{}", printable(&first.subject));
        write_fields(group, text);
    }
    text.push('\n');
}

fn write_fields(group: &[&Difference], text: &mut String) {
    let width = group.iter().map(|difference| difference.field.chars().count()).max().unwrap_or(0);
    let width = width.min(24);
    for difference in group {
        let value = |side: &Option<String>| match side {
            Some(value) => printable(value),
            None => "(nothing)".to_owned(),
        };
        let field = printable(&difference.field);
        let _ = writeln!(text, "  - {field:<width$}  expected  {}", value(&difference.expected));
        let _ = writeln!(text, "  + {:<width$}  actual    {}", "", value(&difference.actual));
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// One line without control characters, and not too long.
fn printable(text: &str) -> String {
    words::printable(&words::cut(text, VALUE_MAX))
}
