//! Secrets left behind, and what says who somebody is. Goes by forms that hardly anything else has:
//! a rule that cries wolf would soon be switched off. Hashes, tags and names of files are fine.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr};

use flate2::bufread::GzDecoder;

use super::{Report, Rule};
use crate::Session;
use crate::disk::is_blob;

/// Of a blob, so much is looked at: texts are shorter.
const BLOB_BYTES: u64 = 512 * 1024;
/// A random text this long is a secret in a query...
const QUERY_SECRET: usize = 16;
/// ...and this long in a header, where there are more of other kinds.
const HEADER_SECRET: usize = 24;

/// Headers whose values are secrets, or say who somebody is: each by a part of its name.
const SECRET_HEADERS: [&str; 13] = [
    "cookie",
    "authorization",
    "proxy-auth",
    "x-amz-",
    "token",
    "api-key",
    "apikey",
    "secret",
    "session",
    "forwarded-for",
    "real-ip",
    "client-ip",
    "connecting-ip",
];

/// Headers that may have random texts, which open nothing: each by a part of its name.
const HARMLESS_HEADERS: [&str; 14] = [
    "etag",
    "md5",
    "digest",
    "hash",
    "checksum",
    "-id",
    "cache",
    "cf-ray",
    "report-to",
    "nel",
    "policy",
    "pins",
    "served-by",
    "server-timing",
];

/// Parameters whose values are secrets: each the whole name.
const SECRET_PARAMETERS: [&str; 17] = [
    "token",
    "access_token",
    "auth",
    "authorization",
    "sig",
    "signature",
    "key",
    "api_key",
    "apikey",
    "secret",
    "password",
    "passwd",
    "md5",
    "hmac",
    "credential",
    "session",
    "sid",
];

/// Tells of placeholders that the session does not know.
pub(super) fn placeholders(session: &Session, report: &mut Report<'_>) {
    let known = session.about.tokens.len();
    for (x, exchange) in (1..).zip(&session.exchanges) {
        let name = format!("exchanges/{x:02}.http");
        let headers = exchange.head.iter().flat_map(|(_, head)| &head.headers);
        let texts = headers.map(|(_, value)| value.as_str());
        for text in std::iter::once(exchange.request.url.as_str()).chain(texts) {
            for number in text.split("{{token:").skip(1).filter_map(|rest| rest.split_once("}}")) {
                if !number.0.parse().is_ok_and(|number: usize| (1..=known).contains(&number)) {
                    let what = format!(
                        "{{{{token:{}}}}} is no placeholder of this session, which has {known}; \
                         add a [[token]] to session.toml",
                        number.0
                    );
                    report.add(&name, None, Rule::Discreet, what);
                }
            }
        }
    }
}

/// Tells of secrets in one file.
pub(super) fn scan(name: &str, bytes: &[u8], report: &mut Report<'_>) {
    let unpacked;
    let mut bytes = bytes;
    if is_blob(name) {
        let mut text = Vec::new();
        // What cannot be unpacked was told when the session was read.
        let _ = GzDecoder::new(bytes).take(BLOB_BYTES).read_to_end(&mut text);
        unpacked = text;
        bytes = &unpacked;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Nothing but numbers and hashes; that is checked when they are read.
    if matches!(name, "timeline.jsonl" | "bodies.toml") {
        return;
    }
    for (n, line) in (1..).zip(text.lines()) {
        let mut tell = |what: String| {
            let what = format!("{what}; replace it by a placeholder such as {{{{token:1}}}}");
            report.add(name, Some(n), Rule::Discreet, what);
        };
        if let Some((header, value)) = header(name, line) {
            let header = header.to_ascii_lowercase();
            if SECRET_HEADERS.iter().any(|part| header.contains(part)) && !is_placeholder(value) {
                tell(format!("the value of {header} is nobody's business"));
                continue;
            }
            let is_harmless = HARMLESS_HEADERS.iter().any(|part| header.contains(part));
            // Addresses are looked into below.
            if !is_harmless && !value.contains('/') {
                let mut words = value.split([' ', ',', ';', '=', '"']);
                if let Some(word) = words.find(|w| is_random(w, HEADER_SECRET)) {
                    tell(format!("{} in {header} looks like a secret", shown(word)));
                }
            }
        }
        if let Some((parameter, value)) = parameters(line).find(|(name, value)| {
            !is_placeholder(value) && (is_random(value, QUERY_SECRET) || is_secret(name, value))
        }) {
            tell(format!("the parameter {parameter} has a secret, {}", shown(value)));
        }
        if let Some(key) = well_known(line) {
            tell(format!("this is {key}"));
        }
        if let Some(address) = private_address(line) {
            report.add(
                name,
                Some(n),
                Rule::Discreet,
                format!("{address} is an address within somebody's network; take it out"),
            );
        }
        if let Some(address) = mail_address(line) {
            report.add(
                name,
                Some(n),
                Rule::Discreet,
                format!("{address} is somebody's e-mail address; take it out, or elide the body"),
            );
        }
    }
}

/// A header's name and value, in a file that has headers.
fn header<'a>(name: &str, line: &'a str) -> Option<(&'a str, &'a str)> {
    if !name.starts_with("exchanges/") || line.starts_with("GET ") {
        return None;
    }
    line.split_once(':').map(|(name, value)| (name, value.trim()))
}

/// Names and values of what comes after a question mark or an ampersand.
fn parameters(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '&' | '#' | '\\');
    line.split(['?', '&']).skip(1).filter_map(move |part| {
        let part = part.strip_prefix("amp;").unwrap_or(part);
        part.split(ends).next()?.split_once('=')
    })
}

fn is_secret(parameter: &str, value: &str) -> bool {
    value.len() >= 4
        && SECRET_PARAMETERS.iter().any(|secret| parameter.eq_ignore_ascii_case(secret))
}

fn is_placeholder(value: &str) -> bool {
    value.is_empty() || value.starts_with("{{token:") && value.ends_with("}}")
}

/// Whether a word is made of letters and digits as only a machine mixes them: hexadecimal digits or
/// base64. Words with a year behind them, and words in CamelCase, are not.
fn is_random(word: &str, at_least: usize) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit();
    if word.len() < at_least
        || !word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-.~%".contains(&b))
    {
        return false;
    }
    let (mut digits, mut cases) = (0, 0);
    for pair in word.as_bytes().windows(2).filter(|p| p.iter().all(u8::is_ascii_alphanumeric)) {
        let (a, b) = (pair[0], pair[1]);
        digits += usize::from(is_digit(a) != is_digit(b));
        let are_letters = !is_digit(a) && !is_digit(b);
        cases += usize::from(are_letters && a.is_ascii_uppercase() != b.is_ascii_uppercase());
    }
    digits >= 3 && digits + cases >= word.len() / 5
}

/// Keys of a form that nothing else has.
fn well_known(line: &str) -> Option<&'static str> {
    let run = |from: &str, is: fn(u8) -> bool| from.bytes().take_while(|b| is(*b)).count();
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let is_upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    for (at, _) in line.match_indices("eyJ") {
        let first = run(&line[at..], is_base64);
        if first >= 13
            && let Some(rest) = line[at + first..].strip_prefix('.')
            && run(rest, is_base64) >= 10
            && rest[run(rest, is_base64)..].starts_with('.')
        {
            return Some("a JSON web token");
        }
    }
    for prefix in ["AKIA", "ASIA"] {
        for (at, _) in line.match_indices(prefix) {
            if run(&line[at..], is_upper) == 20 {
                return Some("an access key of Amazon's");
            }
        }
    }
    if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    let bearer = line.find("Bearer ").map(|at| &line[at + "Bearer ".len()..]);
    bearer.filter(|rest| run(rest, is_base64) >= 8).map(|_| "a bearer token")
}

/// An address of a network that is somebody's own (RFC 1918, RFC 3927, RFC 4193, RFC 4291).
fn private_address(line: &str) -> Option<String> {
    let words = |is: fn(char) -> bool| line.split(move |c| !is(c));
    let v4 = words(|c| c.is_ascii_alphanumeric() || c == '.').find_map(|word| {
        let address: Ipv4Addr = word.trim_end_matches('.').parse().ok()?;
        (address.is_private() || address.is_link_local()).then(|| address.to_string())
    });
    let v6 = words(|c| c.is_ascii_alphanumeric() || c == ':').find_map(|word| {
        let address: Ipv6Addr = word.parse().ok()?;
        let is_own = address.is_unique_local() || address.is_unicast_link_local();
        is_own.then(|| address.to_string())
    });
    v4.or(v6)
}

/// An e-mail address of somebody; the archive's own and those of examples are nobody's.
fn mail_address(line: &str) -> Option<String> {
    let is_local = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    line.match_indices('@').find_map(|(at, _)| {
        let start = line[..at]
            .rfind(|c| !is_local(c))
            .map_or(0, |before| before + line[before..].chars().next().map_or(1, char::len_utf8));
        let after = &line[at + 1..];
        let domain = after.split(|c| !is_domain(c)).next()?.trim_end_matches(['.', '-']);
        let (name, top) = domain.rsplit_once('.')?;
        let is_file = matches!(
            top.to_ascii_lowercase().as_str(),
            "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" | "css" | "js" | "mp4"
        );
        let is_nobodys = ["archive.org", "example.com", "example.org", "example.net"]
            .iter()
            .any(|own| domain == *own || domain.ends_with(&format!(".{own}")));
        let is_address = at > start
            && !name.is_empty()
            && top.len() >= 2
            && top.chars().all(|c| c.is_ascii_alphabetic());
        (is_address && !is_file && !is_nobodys)
            .then(|| line[start..at + 1 + domain.len()].to_owned())
    })
}

/// The beginning of a secret: enough to find it, too little to use it.
fn shown(secret: &str) -> String {
    format!("{}…", secret.chars().take(6.min(secret.len() / 3)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_looked_at_without_a_panic(
            parts in prop::collection::vec(
                prop_oneof!["\\PC{0,9}", "[?&=@:.]", "eyJ[a-z]{10,12}\\.", "AKIA[A-Z]{16}", "Bearer "],
                0..9
            )
        ) {
            let mut report = Report { dir: Path::new("s"), findings: Vec::new() };
            scan("exchanges/01.http", parts.concat().as_bytes(), &mut report);
            scan("blobs/x.gz", parts.concat().as_bytes(), &mut report);
        }
    }

    #[test]
    fn what_a_machine_made_is_told_from_what_a_person_wrote() {
        for secret in [
            "a3f09c77b2e14d58",
            "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d",
            "kX9vQ2mZ7tB4nW8cR1yLp3",
            "550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert!(is_random(secret, QUERY_SECRET), "{secret}");
        }
        for text in [
            "night_of_the_living_dead_1968",
            "gd89-07-04.sbd.hinko.18542.sbeok.shnf",
            "TheCabinetOfDoctorCaligari1920",
            "collection%3Aprelinger%20AND%20mediatype%3Amovies",
            "1700000000000000",
            "charlie_chaplin_film_fest_512kb.mp4",
            "a3f09c77",
        ] {
            assert!(!is_random(text, QUERY_SECRET), "{text}");
        }
    }

    #[test]
    fn addresses_of_persons_and_their_networks_are_seen() {
        for (line, found) in [
            ("from 192.168.1.7:8080", Some("192.168.1.7")),
            ("http://10.0.0.1/x", Some("10.0.0.1")),
            ("[fe80::1]", Some("fe80::1")),
            ("127.0.0.1 and 203.0.113.9", None),
            ("nginx/1.25.1, OpenSSL/10.0.1.2a", None),
            ("at 16:00:00", None),
        ] {
            assert_eq!(private_address(line).as_deref(), found, "{line}");
        }
        for (line, found) in [
            (
                "\"uploader\":\"jane.doe+films@mail.example.co.uk\"",
                Some("jane.doe+films@mail.example.co.uk"),
            ),
            ("mailto:info@archive.org, a@example.com", None),
            ("logo@2x.png é@b", None),
            ("package@1.2.3", None),
        ] {
            assert_eq!(mail_address(line).as_deref(), found, "{line}");
        }
    }

    #[test]
    fn keys_are_known_by_their_form() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N";
        assert_eq!(well_known(jwt), Some("a JSON web token"));
        let key = format!("AKIA{}", "IOSFODNN7EXAMPLE");
        assert_eq!(well_known(&key), Some("an access key of Amazon's"));
        assert_eq!(well_known("Bearer of bad news, eyJust, AKIAS"), None);
    }
}
