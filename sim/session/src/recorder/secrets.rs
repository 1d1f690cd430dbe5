//! What must not be told, and the numbered placeholders in its place. The same secret is the same
//! placeholder wherever it stands, so that a replay can use the placeholder itself: an answer hands
//! it out, and the next request brings it back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use testcard_core::net::{Head, Url};
use testcard_core::time::Instant;

use crate::about::Token;
use crate::bounds::TOKENS_MAX;

/// A value in a query that is as long as this is a secret wherever it goes: 16 characters of base64
/// are 96 bits.
const LONG: usize = 16;
/// A secret that is as long as this is recognised within any text. Shorter ones may be words.
const RECOGNISED: usize = 8;

/// The secrets of one recording.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    numbers: BTreeMap<String, usize>,
    tokens: Vec<Token>,
    /// Hosts and ports that films are asked for at, and that therefore say openly what they want.
    fronts: BTreeSet<(String, u16)>,
}

impl Secrets {
    /// What placeholders there are, in order.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// From now on, only long values in queries to the host of this URL are secrets.
    pub(super) fn trust(&mut self, url: &Url) {
        self.fronts.extend(authority(url));
    }

    /// Somebody says until when the secrets in a URL are good, a URL whose secrets are replaced.
    /// Only the first time counts.
    pub(super) fn expire(&mut self, url: &Url, at: Instant) {
        for part in url.as_str().split("{{token:").skip(1) {
            let number = part.split_once("}}").and_then(|(number, _)| number.parse().ok());
            let index = number.and_then(|number: usize| number.checked_sub(1));
            if let Some(token) = index.and_then(|index| self.tokens.get_mut(index)) {
                token.valid_until.get_or_insert(at);
            }
        }
    }

    /// A URL without its secrets.
    pub(super) fn url(&mut self, url: &Url, at: Instant) -> Url {
        let replaced = self.reference(url.as_str(), url, at);
        // A placeholder may stand wherever one is put, so this is a URL still.
        Url::parse(&replaced).unwrap_or_else(|_| {
            let mut bare = url.clone();
            bare.set_query(None);
            bare.set_fragment(None);
            bare
        })
    }

    /// An answer's head without its secrets, and without what cannot stand in a head or be part of
    /// one. `base` is what was asked for.
    pub(super) fn head(&mut self, head: &Head, base: &Url, at: Instant) -> Head {
        let mut length = 0;
        let fit = head.headers.iter().take(Head::MAX_HEADERS).take_while(|(name, value)| {
            length += name.len() + value.len();
            length <= Head::MAX_BYTES
        });
        let headers = fit.filter_map(|(name, value)| {
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            let name: String = name.chars().map(|c| if is_token(c) { c } else { '_' }).collect();
            let value = value.replace(|c: char| c.is_ascii_control() && c != '\t', " ");
            let value = value.trim_matches([' ', '\t']);
            let lower = name.to_ascii_lowercase();
            let value = match lower.as_str() {
                "" => return None,
                _ if value.is_empty() => String::new(),
                _ if is_secret_header(&lower) => self.placeholder(value, at),
                "location" | "content-location" => match base.join(value) {
                    Ok(url) => self.reference(value, &url, at),
                    Err(_) => self.text(value, at),
                },
                _ => self.text(value, at),
            };
            Some((name, value))
        });
        Head { status: head.status.clamp(100, 999), headers: headers.collect() }
    }

    /// What an event tells, without secrets.
    pub(super) fn fields(&mut self, fields: &mut Map<String, Value>, at: Instant) {
        for value in fields.values_mut() {
            match value {
                Value::String(text) => *text = self.text(text, at),
                Value::Object(fields) => self.fields(fields, at),
                _ => {}
            }
        }
    }

    /// Whether bytes have one of the secrets in them.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        self.recognised().any(|(secret, _)| text.contains(secret))
    }

    /// A text, with the URLs in it and whatever else is known replaced.
    pub(super) fn text(&mut self, text: &str, at: Instant) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = ["https://", "http://"].iter().filter_map(|s| rest.find(s)).min() {
            out.push_str(&self.known(&rest[..start]));
            let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>');
            let end = rest[start..].find(ends).map_or(rest.len(), |len| start + len);
            let reference = &rest[start..end];
            out.push_str(&match Url::parse(reference) {
                Ok(url) => self.reference(reference, &url, at),
                Err(_) => self.known(reference),
            });
            rest = &rest[end..];
        }
        out.push_str(&self.known(rest));
        out
    }

    /// A text without the secrets that are known.
    fn known(&self, text: &str) -> String {
        let mut found: Vec<_> = self.recognised().filter(|(s, _)| text.contains(*s)).collect();
        // One may be a part of another.
        found.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
        found.iter().fold(text.to_owned(), |text, (secret, number)| {
            text.replace(secret, &format!("{{{{token:{number}}}}}"))
        })
    }

    fn recognised(&self) -> impl Iterator<Item = (&str, usize)> {
        let all = self.numbers.iter().map(|(secret, number)| (secret.as_str(), *number));
        all.filter(|(secret, _)| secret.len() >= RECOGNISED && !is_placeholder(secret))
    }

    /// A reference as it is written (RFC 3986 §4.1), the secrets in it replaced; `url` is what it
    /// leads to. Who somebody is, before the host, is left out: no placeholder could stand there.
    fn reference(&mut self, written: &str, url: &Url, at: Instant) -> String {
        let (rest, fragment) = match written.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (written, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let is_front = authority(url).is_some_and(|authority| {
            matches!(authority.0.as_str(), "archive.org" | "www.archive.org")
                || self.fronts.contains(&authority)
        });
        let mut out = match url.username().is_empty() && url.password().is_none() {
            true => path.to_owned(),
            false => without_userinfo(path),
        };
        if let Some(query) = query {
            out.push('?');
            let parts: Vec<_> =
                query.split('&').map(|part| self.parameter(part, is_front, at)).collect();
            out.push_str(&parts.join("&"));
        }
        if let Some(fragment) = fragment {
            out.push('#');
            out.push_str(&self.parameter(fragment, true, at));
        }
        out
    }

    /// `name=value`, or only a value.
    fn parameter(&mut self, part: &str, is_front: bool, at: Instant) -> String {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (&part[..=name.len()], value),
            None => ("", part),
        };
        let is_open = is_front && value.len() < LONG && !is_placeholder(value);
        if value.is_empty() || is_open {
            return part.to_owned();
        }
        format!("{name}{}", self.placeholder(&normal(value), at))
    }

    fn placeholder(&mut self, secret: &str, at: Instant) -> String {
        let number = match self.numbers.get(secret) {
            Some(number) => *number,
            None if self.tokens.len() < TOKENS_MAX => {
                self.tokens.push(Token { seen: at, valid_until: None });
                self.numbers.insert(secret.to_owned(), self.tokens.len());
                self.tokens.len()
            }
            None => TOKENS_MAX,
        };
        format!("{{{{token:{number}}}}}")
    }
}

fn authority(url: &Url) -> Option<(String, u16)> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

/// Whether a recording of a replay has come upon what the first one wrote.
fn is_placeholder(value: &str) -> bool {
    value.starts_with("{{token:") && value.ends_with("}}")
}

/// A value as it stands in a URL's query: what an answer hands out may be written differently, and is
/// the same secret.
fn normal(value: &str) -> String {
    let Ok(mut url) = Url::parse("https://localhost/") else { return value.to_owned() };
    url.set_query(Some(value));
    url.query().unwrap_or(value).to_owned()
}

/// A reference's scheme, host and path, without what stands before an `@`.
fn without_userinfo(path: &str) -> String {
    let Some((before, rest)) = path.split_once("//") else { return path.to_owned() };
    let host_len = rest.find(['/', '\\']).unwrap_or(rest.len());
    let host_at = rest[..host_len].rfind('@').map_or(0, |at| at + 1);
    format!("{before}//{}", &rest[host_at..])
}

/// Whether the whole value of a header, by its lower-case name, is a secret.
fn is_secret_header(name: &str) -> bool {
    matches!(name, "set-cookie" | "cookie" | "authorization" | "x-api-key")
        || name.starts_with("proxy-")
        || name.starts_with("x-amz-")
        || name.contains("token")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "https://ia1.us.archive.org/0/items/a/b.mp4";

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn location(secrets: &mut Secrets, base: &str, value: &str) -> String {
        let headers = vec![("Location".to_owned(), value.to_owned())];
        let head = Head { status: 302, headers };
        secrets.head(&head, &url(base), Instant::ZERO).headers[0].1.clone()
    }

    #[test]
    fn a_placeholder_survives_every_parser_of_urls() {
        let text = format!("{NODE}?t={{{{token:12}}}}&{{{{token:1}}}}#{{{{token:2}}}}");
        assert_eq!(url(&text).as_str(), text);
        assert_eq!(url(&text).join(&text).unwrap().as_str(), text);
        let (without_fragment, _) = text.split_once('#').unwrap();
        let uri: http::Uri = without_fragment.parse().unwrap();
        assert_eq!(uri.to_string(), without_fragment);
    }

    #[test]
    fn the_same_secret_has_the_same_number_however_it_is_written() {
        let mut secrets = Secrets::default();
        let from = "https://archive.org/download/a/b.mp4";
        let masked = location(&mut secrets, from, &format!("{NODE}?t=o'hara é&u=1&t=2&empty="));
        assert_eq!(
            masked,
            format!("{NODE}?t={{{{token:1}}}}&u={{{{token:2}}}}&t={{{{token:3}}}}&empty=")
        );
        let asked = url(from).join(&format!("{NODE}?t=o'hara é&u=1&t=2&empty=")).unwrap();
        assert_eq!(secrets.url(&asked, Instant::ZERO).as_str(), masked);
        assert_eq!(secrets.tokens().len(), 3);
    }

    #[test]
    fn the_front_says_openly_what_it_wants_unless_it_is_long() {
        let mut secrets = Secrets::default();
        let search = "https://archive.org/advancedsearch.php?q=films&output=json";
        assert_eq!(secrets.url(&url(search), Instant::ZERO).as_str(), search);
        let long = "https://archive.org/download/a?key=0123456789abcdef";
        assert_eq!(
            secrets.url(&url(long), Instant::ZERO).as_str(),
            "https://archive.org/download/a?key={{token:1}}"
        );
        let local = url("https://127.0.0.1:8443/download/a?x=1");
        assert_eq!(
            secrets.url(&local, Instant::ZERO).as_str(),
            "https://127.0.0.1:8443/download/a?x={{token:2}}"
        );
        secrets.trust(&local);
        assert_eq!(secrets.url(&local, Instant::ZERO), local);
        let node = url("https://127.0.0.1:8444/download/a?x=1");
        assert!(secrets.url(&node, Instant::ZERO).as_str().ends_with("{{token:2}}"));
    }

    #[test]
    fn relative_redirects_users_and_fragments_are_seen_through() {
        let mut secrets = Secrets::default();
        assert_eq!(location(&mut secrets, NODE, "../c.mp4?t=1"), "../c.mp4?t={{token:1}}");
        assert_eq!(
            location(&mut secrets, NODE, "//u:p@ia2.us.archive.org/c"),
            "//ia2.us.archive.org/c"
        );
        assert_eq!(
            location(
                &mut secrets,
                NODE,
                "https://u:p@ia2.us.archive.org/c#access=0123456789abcdef"
            ),
            "https://ia2.us.archive.org/c#access={{token:2}}"
        );
    }

    #[test]
    fn secret_headers_and_secrets_in_other_headers_are_replaced() {
        let mut secrets = Secrets::default();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let head = Head {
            status: 200,
            headers: vec![
                header("Set-Cookie", "session=0123456789"),
                header("X-Amz-Request-Id", "TX0"),
                header("X-Auth-Token", "sesame"),
                header("Proxy-Authenticate", "Basic"),
                header("Onion-Location", "https://x.onion/download/a?t=1"),
                header("Link", "<https://ia1.us.archive.org/a?t=1>; rel=\"next\""),
                header("X-Echo", "you said session=0123456789!"),
                header("ETag", "\"5f0c9a-b1a2c3d4e5\""),
                header("Bad\r\nName", "bad\r\nvalue"),
                header("", "nameless"),
            ],
        };
        let replaced = secrets.head(&head, &url(NODE), Instant::ZERO);
        let lines: Vec<_> =
            replaced.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            lines,
            [
                "Set-Cookie: {{token:1}}",
                "X-Amz-Request-Id: {{token:2}}",
                "X-Auth-Token: {{token:3}}",
                "Proxy-Authenticate: {{token:4}}",
                "Onion-Location: https://x.onion/download/a?t={{token:5}}",
                "Link: <https://ia1.us.archive.org/a?t={{token:5}}>; rel=\"next\"",
                "X-Echo: you said {{token:1}}!",
                "ETag: \"5f0c9a-b1a2c3d4e5\"",
                "Bad__Name: bad  value",
            ]
        );
    }

    #[test]
    fn a_token_is_good_until_it_is_refused_first() {
        let mut secrets = Secrets::default();
        let at = Instant::from_micros;
        let masked = secrets.url(&url(&format!("{NODE}?t=1&u=2")), at(5));
        secrets.expire(&masked, at(9));
        secrets.expire(&masked, at(12));
        let token = Token { seen: at(5), valid_until: Some(at(9)) };
        assert_eq!(secrets.tokens(), [token.clone(), token]);
    }

    #[test]
    fn the_recording_of_a_replay_numbers_placeholders_as_the_first_did() {
        let mut secrets = Secrets::default();
        let replayed = format!("{NODE}?t={{{{token:1}}}}");
        assert_eq!(secrets.url(&url(&replayed), Instant::ZERO).as_str(), replayed);
    }
}
