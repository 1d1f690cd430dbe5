//! How times, requests and lines of a trace are worded, for people. Lines of a trace may come from
//! a newer program, or from anywhere: whatever is not known is shown as it is.

use std::borrow::Cow;
use std::fmt::Write;
use std::mem::discriminant;

use serde_json::{Map, Value};
use testcard_core::net::{Request, Url};
use testcard_core::stream::NodeFailure;
use testcard_core::time::{Instant, MediaTime};
use testcard_session::TraceLine;

use crate::replay::HostClass;

/// What a line of a trace tells of.
pub fn event(fields: &Map<String, Value>) -> &str {
    fields.get("ev").and_then(Value::as_str).unwrap_or_default()
}

/// A line of a trace, with its time.
pub fn timed(line: &TraceLine) -> String {
    format!("{:>11} | {}", line.at.to_string(), self::line(&line.fields))
}

/// The fields that come first in a line.
const FIRST: [&str; 9] =
    ["x", "status", "url", "range", "complete", "received", "sentence", "notice", "what"];

/// A line of a trace, without its time: `answered      #3 302`.
pub fn line(fields: &Map<String, Value>) -> String {
    let mut text = format!("{:<13}", event(fields).replace('_', " "));
    // What it is about comes first, then what people know the event by, then the rest.
    let first = FIRST.into_iter().filter_map(|key| fields.get_key_value(key));
    let first = first.map(|(key, value)| (key.as_str(), value));
    let rest = fields.iter().map(|(key, value)| (key.as_str(), value));
    // A sentence says why, too.
    let is_said = |key: &str| key == "ev" || key == "why" && fields.contains_key("sentence");
    let rest = rest.filter(|(key, _)| !FIRST.contains(key) && !is_said(key));
    for (key, value) in first.chain(rest) {
        text.push(' ');
        let _ = match (key, value) {
            ("x", x) => write!(text, "#{x}"),
            ("complete", Value::Bool(true)) => write!(text, "complete"),
            ("complete", Value::Bool(false)) => write!(text, "hung up"),
            ("received", bytes) => write!(text, "after {bytes} bytes"),
            ("status", value) => write!(text, "{value}"),
            ("url" | "range" | "sentence" | "notice" | "what", value) => {
                write!(text, "{}", self::value(value))
            }
            ("why", why) => match serde_json::from_value::<NodeFailure>(why.clone()) {
                Ok(why) => write!(text, "{why}"),
                Err(_) => write!(text, "why={why}"),
            },
            (key, value) => match (key.strip_suffix("_us"), value.as_i64()) {
                (Some(key), Some(us)) => {
                    write!(text, "{key}={}", position(MediaTime::from_micros(us)))
                }
                _ => write!(text, "{key}={}", self::value(value)),
            },
        };
    }
    text.truncate(text.trim_end().len());
    text
}

/// A field's value.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A position in the film, in seconds: `900.000000`.
pub fn position(position: MediaTime) -> String {
    let micros = position.as_micros();
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{}", Instant::from_micros(micros.unsigned_abs()))
}

/// A number of bytes for people: `93.4 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1000 => format!("{count} B"),
        1000..1_000_000 => tenths(count / 100, "kB"),
        1_000_000..1_000_000_000 => tenths(count / 100_000, "MB"),
        _ => tenths(count / 100_000_000, "GB"),
    }
}

fn tenths(tenths: u64, unit: &str) -> String {
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A text of at most so many characters.
pub fn cut(text: &str, characters_max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters_max) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// The same text on one line, with what would act instead of being shown made visible: control
/// characters, and those that turn the direction of writing round.
pub fn printable(text: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}')
    };
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match acts(c) {
            true => line.extend(c.escape_unicode()),
            false => line.push(c),
        }
    }
    line
}

/// The same for HTML, between tags or in an attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A request as a line: `GET https://archive.org/download/film/film.mp4 bytes=0-`.
pub fn request(request: &Request) -> String {
    match request.range {
        Some(range) => format!("GET {} {range}", request.url),
        None => format!("GET {}", request.url),
    }
}

/// What tells one exchange from another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    class: HostClass,
    host: String,
    path: String,
    range: String,
    status: Option<u16>,
}

impl Asked {
    /// The weight of two that are the same.
    pub const BEST: u32 = 18;

    /// An exchange by its address, which may be none, the range asked for and the status.
    pub fn new(url: &str, range: String, status: Option<u16>) -> Self {
        let url = Url::parse(url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
        let class = HostClass::of(&host);
        let path = url.as_ref().map(Url::path).unwrap_or_default();
        // On a node, the path begins with the number of a disk.
        let path = match path.split_once("/items/") {
            Some((_, item)) if class == HostClass::Node => item,
            _ => path,
        };
        Self { class, host, path: path.to_owned(), range, status }
    }

    /// How well two exchanges go together: 0 not at all, [`Asked::BEST`] perfectly.
    pub fn weight(&self, other: &Self) -> u32 {
        // Two strangers are of one kind, whatever their names.
        if discriminant(&self.class) != discriminant(&other.class) {
            return 0;
        }
        2 + 8 * u32::from(self.path == other.path)
            + 4 * u32::from(self.range == other.range)
            + 3 * u32::from(self.status == other.status)
            + u32::from(self.host == other.host)
    }
}
