//! What the text files have in common: numbers within bounds, strings, places.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use testcard_core::net::Url;
use testcard_core::time::{Instant, MediaTime};
use toml::Spanned;

use crate::bounds::{NUMBER_MAX, URL_MAX};
use crate::error::Flaw;

/// A TOML file's text, for finding lines in it.
pub(super) struct Toml<'a>(pub(super) &'a str);

impl<'a> Toml<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Flaw> {
        Ok(Self(utf8(bytes)?))
    }

    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Flaw> {
        toml::from_str(self.0).map_err(|error| {
            let line = error.span().map(|span| self.line_at(span.start));
            Flaw::malformed(line, error.message().trim_end())
        })
    }

    /// The line of something.
    pub(super) fn line<T>(&self, of: &Spanned<T>) -> usize {
        self.line_at(of.span().start)
    }

    fn line_at(&self, offset: usize) -> usize {
        let before = self.0.as_bytes().get(..offset).unwrap_or(self.0.as_bytes());
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// A number that is neither negative nor beyond [`NUMBER_MAX`].
    pub(super) fn number(&self, name: &str, number: &Spanned<i64>) -> Result<u64, Flaw> {
        match u64::try_from(*number.get_ref()) {
            Ok(number) if number <= NUMBER_MAX => Ok(number),
            _ => Err(Flaw::malformed(
                self.line(number),
                format!("{name} is {}; it must be from 0 to 2^53 - 1", number.get_ref()),
            )),
        }
    }

    pub(super) fn time(&self, name: &str, number: &Spanned<i64>) -> Result<Instant, Flaw> {
        self.number(name, number).map(Instant::from_micros)
    }

    pub(super) fn position(&self, name: &str, number: &Spanned<i64>) -> Result<MediaTime, Flaw> {
        if number.get_ref().unsigned_abs() > NUMBER_MAX {
            return Err(Flaw::malformed(
                self.line(number),
                format!("{name} is {}; it must be within 2^53 - 1 of 0", number.get_ref()),
            ));
        }
        Ok(MediaTime::from_micros(*number.get_ref()))
    }

    pub(super) fn url(&self, text: &Spanned<String>) -> Result<Url, Flaw> {
        url(text.get_ref()).map_err(|what| Flaw::malformed(self.line(text), what))
    }
}

/// The URL that a text is, if it is one of a network.
pub(super) fn url(text: &str) -> Result<Url, String> {
    if text.len() > URL_MAX {
        return Err(format!("a URL of {} bytes; at most {URL_MAX} are taken", text.len()));
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) => Err(format!("{} is no address for https or http", quoted(text))),
        Err(error) => Err(format!("{} is no URL: {error}", quoted(text))),
    }
}

/// A text in a sentence, cut when it is long.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Flaw> {
    core::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Flaw::malformed(line, "this is no UTF-8 text")
    })
}

/// A TOML basic string (TOML 1.0 "String").
pub(super) fn toml_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                out.push_str(&format!("\\u{:04X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The complete lines of a file, each with its number.
pub(super) fn lines(bytes: &[u8], most: usize, longest: usize) -> Result<Vec<(usize, &str)>, Flaw> {
    let text = utf8(bytes)?;
    let count = text.bytes().filter(|byte| *byte == b'\n').count();
    if count > most {
        return Err(Flaw::too_large(most + 1, format!("more than {most} lines")));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(Flaw::malformed(
            count + 1,
            "the file ends within a line; it was cut, get it again",
        ));
    }
    let lines: Vec<_> = (1..).zip(text.split_terminator('\n')).collect();
    match lines.iter().find(|(_, line)| line.len() > longest) {
        Some((n, _)) => Err(Flaw::too_large(*n, format!("a line of more than {longest} bytes"))),
        None => Ok(lines),
    }
}

/// What serde says of one line of JSON, without the line number that it counts itself.
pub(super) fn json_complaint(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or_default();
    format!("{message} (column {})", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_string_survives_toml() {
        for text in ["", "a \"b\" \\ c", "\u{0}\u{1f}\u{7f}\r\n\t", "für 5 € 🎬", "'''"] {
            let table: toml::Table = toml::from_str(&format!("x = {}", toml_string(text))).unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
        }
    }
}
