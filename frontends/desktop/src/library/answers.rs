//! What archive.org says, as JSON and otherwise, with all its habits: numbers that are strings,
//! strings that are arrays, lengths in three forms, an empty object for an item that does not
//! exist, errors with status 200, plain text under a JSON content type. Never fails over a value
//! that it could do without.

use serde_json::{Map, Value};
use testcard_core::line_up::{LicenceKind, Programme};

use super::client::Wrong;

/// An item, as its metadata tells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Item {
    pub title: Option<String>,
    pub creator: Option<String>,
    pub year: Option<u16>,
    /// As plain text on one line.
    pub description: Option<String>,
    pub licence_address: Option<String>,
    /// `movies` or `audio`, or something that is neither watched nor heard.
    pub mediatype: Option<String>,
    /// Taken out of public view.
    pub is_dark: bool,
    pub files: Vec<File>,
}

/// A file of an item.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct File {
    pub name: String,
    pub title: Option<String>,
    /// archive.org's own word: `h.264`, `VBR MP3`.
    pub format: String,
    /// The file that this one was derived from.
    pub original: Option<String>,
    pub bytes: Option<u64>,
    pub duration_ms: Option<u64>,
    pub height: Option<u64>,
    /// Listed, and given to nobody.
    pub is_private: bool,
}

/// What a search found, page by page.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Found {
    pub items: Vec<FoundItem>,
    /// Of all pages, where the answer tells.
    pub total: Option<u64>,
    /// Where to go on, in deep paging.
    pub cursor: Option<String>,
}

/// One of the items that a search found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FoundItem {
    pub identifier: String,
    pub licence_address: Option<String>,
}

/// Reads `/metadata/<identifier>`. `None`: there is no such item.
pub fn item(answer: &[u8]) -> Result<Option<Item>, Wrong> {
    let value = json(answer)?;
    let Value::Object(object) = &value else {
        // An empty array was what an empty object is now.
        return match value.as_array().is_some_and(Vec::is_empty) {
            true => Ok(None),
            false => Err(Wrong::Answer("it is not an object".to_owned())),
        };
    };
    if object.is_empty() {
        return Ok(None);
    }
    let empty = Map::new();
    let metadata = object.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
    let words = |key: &str| metadata.get(key).and_then(text).filter(|text| !text.is_empty());
    let files = object.get("files").and_then(Value::as_array).map(Vec::as_slice);
    Ok(Some(Item {
        title: words("title").map(|title| plain(&title)),
        creator: words("creator").map(|creator| plain(&creator)),
        year: words("year").or_else(|| words("date")).and_then(|date| year(&date)),
        description: words("description").map(|text| plain(&text)).filter(|text| !text.is_empty()),
        licence_address: words("licenseurl"),
        mediatype: words("mediatype"),
        is_dark: object.get("is_dark").is_some_and(truth),
        files: files.unwrap_or_default().iter().filter_map(file).collect(),
    }))
}

/// Reads a page of `/advancedsearch.php`.
pub fn search_page(answer: &[u8]) -> Result<Found, Wrong> {
    let value = json(answer)?;
    let response = value.get("response").ok_or_else(|| no("response"))?;
    let docs = response.get("docs").and_then(Value::as_array).ok_or_else(|| no("docs"))?;
    let total = response.get("numFound").and_then(number);
    Ok(Found { items: docs.iter().filter_map(found).collect(), total, cursor: None })
}

/// Reads a page of `/services/search/v1/scrape`.
pub fn scrape_page(answer: &[u8]) -> Result<Found, Wrong> {
    let value = json(answer)?;
    let items = value.get("items").and_then(Value::as_array).ok_or_else(|| no("items"))?;
    Ok(Found {
        items: items.iter().filter_map(found).collect(),
        total: value.get("total").and_then(number),
        cursor: value.get("cursor").and_then(text),
    })
}

fn no(what: &str) -> Wrong {
    Wrong::Answer(format!("it has no {what:?}"))
}

/// The answer as JSON, unless it says that it is none.
fn json(answer: &[u8]) -> Result<Value, Wrong> {
    let words = String::from_utf8_lossy(answer);
    let start = || words.trim().chars().take(200).collect::<String>();
    let value: Value = match serde_json::from_slice(answer) {
        Ok(value) => value,
        // `[RANGE_OUT_OF_BOUNDS] …`, under a JSON content type.
        Err(_) if is_code(&words) => return Err(error(start())),
        Err(_) => return Err(Wrong::Answer(format!("it begins with {:?}", start()))),
    };
    match value.get("error").and_then(text) {
        Some(words) => Err(error(words.chars().take(200).collect())),
        None => Ok(value),
    }
}

/// Whether a text begins like archive.org's errors, `[BACKEND_ERROR]`.
fn is_code(words: &str) -> bool {
    let code = words.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
    code.is_some_and(|(code, _)| {
        !code.is_empty() && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    })
}

/// An error in the archive's words: its own trouble, or the question's.
fn error(words: String) -> Wrong {
    if words.contains("[BACKEND_ERROR]") { Wrong::Answer(words) } else { Wrong::Question(words) }
}

fn found(value: &Value) -> Option<FoundItem> {
    Some(FoundItem {
        identifier: value.get("identifier").and_then(text)?,
        licence_address: value.get("licenseurl").and_then(text),
    })
}

fn file(value: &Value) -> Option<File> {
    let words = |key: &str| value.get(key).and_then(text);
    Some(File {
        name: words("name")?,
        title: words("title").map(|title| plain(&title)).filter(|title| !title.is_empty()),
        format: words("format").unwrap_or_default(),
        original: words("original"),
        bytes: value.get("size").and_then(number).filter(|bytes| *bytes > 0),
        duration_ms: words("length").and_then(|length| duration_ms(&length)),
        height: value.get("height").and_then(number),
        is_private: value.get("private").is_some_and(truth),
    })
}

/// A string, a number, or the first of an array that is one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(values) => values.iter().find_map(|value| match value {
            Value::Array(_) => None,
            value => text(value),
        }),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    text(value)?.trim().parse().ok()
}

fn truth(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| text(value).is_some_and(|text| text == "true"))
}

/// `4646.42`, `10:00` or `1:17:26`, in milliseconds.
fn duration_ms(length: &str) -> Option<u64> {
    let mut seconds: f64 = 0.0;
    let parts: Vec<&str> = length.trim().split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    for part in parts {
        let is_number = part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        seconds = seconds * 60.0 + part.parse::<f64>().ok().filter(|_| is_number)?;
    }
    // Saturates, and is out of bounds then.
    Some((seconds * 1000.0).round() as u64)
}

/// The year of `1925`, `1925-06-26` or `[1925]`.
fn year(date: &str) -> Option<u16> {
    let digits: String =
        date.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let year = digits.parse().ok().filter(|_| digits.len() == 4)?;
    Programme::YEARS.contains(&year).then_some(year)
}

/// A licence in words, from its address; the address itself where it is not of a kind that we know.
pub fn licence(address: &str) -> Option<String> {
    let address = address.trim();
    match LicenceKind::of_address(address) {
        Some(LicenceKind::PublicDomain) if address.contains("/zero/") => Some("CC0".to_owned()),
        Some(LicenceKind::PublicDomain) => Some(LicenceKind::PublicDomain.to_string()),
        Some(kind) => {
            let version =
                address.split("/licenses/").nth(1).and_then(|path| path.split('/').nth(1));
            let version = version.filter(|v| v.starts_with(|c: char| c.is_ascii_digit()));
            Some(version.map_or_else(|| kind.to_string(), |version| format!("{kind} {version}")))
        }
        None if address.starts_with("http") && address.len() <= 200 => Some(address.to_owned()),
        None => None,
    }
}

/// So much HTML is looked at: more than is ever shown, and little enough for whatever is in it.
const HTML_BYTES_MAX: usize = 10_000;

/// HTML as text on one line: descriptions are HTML that people typed.
fn plain(html: &str) -> String {
    let mut words = String::new();
    let mut rest = &html[..html.floor_char_boundary(HTML_BYTES_MAX)];
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        words.push_str(before);
        let (c, after) = match tag(from).or_else(|| reference(from)) {
            Some((c, after)) => (c, after),
            // It stands for itself.
            None => (if from.starts_with('<') { '<' } else { '&' }, &from[1..]),
        };
        words.push(c);
        rest = after;
    }
    words.push_str(rest);
    let words = words.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What comes after the tag that the text begins with, if it does, and a space in its place.
fn tag(text: &str) -> Option<(char, &str)> {
    let inside = text.strip_prefix('<')?;
    let is_tag = inside.starts_with(|c: char| c.is_ascii_alphabetic() || "/!".contains(c));
    let (_, after) = inside.split_once('>').filter(|_| is_tag)?;
    Some((' ', after))
}

/// The character that the text begins with a reference to, if it does, and what comes after it.
fn reference(text: &str) -> Option<(char, &str)> {
    let (name, after) = text.strip_prefix('&')?.split_once(';')?;
    Some((character(name)?, after))
}

/// The character of a reference, those that descriptions have: `amp`, `#39`, `#x27`.
fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(answer: &str) -> Item {
        match item(answer.as_bytes()) {
            Ok(Some(item)) => item,
            _ => panic!("{answer} is an item"),
        }
    }

    /// What is wrong with an answer, and with what.
    fn wrong<T>(result: Result<T, Wrong>) -> String {
        match result {
            Ok(_) => "nothing".to_owned(),
            Err(Wrong::Question(words)) => format!("question: {words}"),
            Err(Wrong::Answer(words)) => format!("answer: {words}"),
        }
    }

    #[test]
    fn a_file_is_read_as_the_archive_publishes_it() {
        // Captured 2026-09-24.
        let answer = r#"{"files":[{"name":"charlie_chaplin_film_fest.mp4","source":"derivative",
            "title":"Charlie Chaplin Film Festival","format":"h.264",
            "original":"charlie_chaplin_film_fest.mpeg","mtime":"1540595141","size":"483532211",
            "md5":"a100c23e3571bd81ad6bf6d02efa17b3","crc32":"46ea7428",
            "sha1":"4015eabaaa5adf186a094ae5ee4d6a2d1969216c","length":"4646.42","height":"480",
            "width":"640"}]}"#;
        assert_eq!(
            known(answer).files,
            [File {
                name: "charlie_chaplin_film_fest.mp4".to_owned(),
                title: Some("Charlie Chaplin Film Festival".to_owned()),
                format: "h.264".to_owned(),
                original: Some("charlie_chaplin_film_fest.mpeg".to_owned()),
                bytes: Some(483_532_211),
                duration_ms: Some(4_646_420),
                height: Some(480),
                is_private: false,
            }]
        );
    }

    #[test]
    fn values_are_strings_or_numbers_or_arrays_of_them() {
        let item = known(
            r#"{"metadata":{"title":["One","Two"],"creator":["A","B"],"year":1925,
                "licenseurl":["http://x"],"mediatype":"movies","description":["<p>x</p>","y"]},
                "files":[{"name":"a","size":5,"length":10,"height":480.0,"private":"true"},
                    {"name":7,"size":"many","length":"long"},{"nameless":1},"no file"]}"#,
        );
        assert_eq!(item.title.as_deref(), Some("One"));
        assert_eq!(item.creator.as_deref(), Some("A"));
        assert_eq!(item.year, Some(1925));
        assert_eq!(item.description.as_deref(), Some("x"));
        assert_eq!(item.files.len(), 2);
        assert_eq!(item.files[0].bytes, Some(5));
        assert_eq!(item.files[0].duration_ms, Some(10_000));
        assert!(item.files[0].is_private);
        assert_eq!((item.files[1].name.as_str(), item.files[1].bytes), ("7", None));
    }

    #[test]
    fn an_item_that_does_not_exist_is_empty_and_a_dark_one_has_no_files() {
        for missing in ["{}", "[]", " {} \n"] {
            assert!(matches!(item(missing.as_bytes()), Ok(None)), "{missing}");
        }
        let dark = known(r#"{"is_dark":true,"metadata":{"identifier":"x"}}"#);
        assert!(dark.is_dark && dark.files.is_empty());
    }

    #[test]
    fn errors_are_told_from_answers_whatever_they_look_like() {
        let said = |answer: &str| wrong(search_page(answer.as_bytes()));
        assert_eq!(
            said("[RANGE_OUT_OF_BOUNDS] start + rows must be <= 10000"),
            "question: [RANGE_OUT_OF_BOUNDS] start + rows must be <= 10000"
        );
        assert_eq!(
            said(r#"{"error":"[BACKEND_ERROR] timed out"}"#),
            "answer: [BACKEND_ERROR] timed out"
        );
        assert_eq!(said(r#"{"error":"no such field"}"#), "question: no such field");
        assert_eq!(said("<html>500</html>"), "answer: it begins with \"<html>500</html>\"");
        assert_eq!(said("{}"), "answer: it has no \"response\"");
        assert_eq!(wrong(item(b"5")), "answer: it is not an object");
        assert_eq!(wrong(scrape_page(b"")), "answer: it begins with \"\"");
    }

    #[test]
    fn a_page_of_results_is_read_from_either_search() {
        let page = r#"{"response":{"numFound":2,"start":0,"docs":[
            {"identifier":"a","licenseurl":"http://x"},{"identifier":["b"]},
            {"no":"identifier"}]}}"#;
        let Ok(found) = search_page(page.as_bytes()) else { panic!("a page") };
        let ids: Vec<_> = found.items.iter().map(|item| item.identifier.as_str()).collect();
        assert_eq!((ids, found.total), (vec!["a", "b"], Some(2)));
        let page = r#"{"items":[{"identifier":"a"}],"count":1,"total":"9","cursor":"W3s"}"#;
        let Ok(found) = scrape_page(page.as_bytes()) else { panic!("a page") };
        assert_eq!((found.total, found.cursor.as_deref()), (Some(9), Some("W3s")));
    }

    #[test]
    fn a_length_has_three_forms() {
        for (length, millis) in [
            ("4646.42", Some(4_646_420)),
            ("10:00", Some(600_000)),
            ("1:17:26", Some(4_646_000)),
            ("1:17:26.42", Some(4_646_420)),
            ("0", Some(0)),
            ("", None),
            ("1:2:3:4", None),
            ("-5", None),
            ("1e9", None),
            ("inf", None),
            ("ten", None),
        ] {
            assert_eq!(duration_ms(length), millis, "{length:?}");
        }
    }

    #[test]
    fn a_year_is_taken_out_of_a_date() {
        for (date, year_found) in [
            ("1925", Some(1925)),
            ("1925-06-26T00:00:00Z", Some(1925)),
            ("[1925]", Some(1925)),
            ("25", None),
            ("19250626", None),
            ("0001-01-01", None),
            ("unknown", None),
        ] {
            assert_eq!(year(date), year_found, "{date:?}");
        }
    }

    #[test]
    fn a_licence_is_told_in_words_where_its_address_is_known() {
        for (address, words) in [
            ("http://creativecommons.org/licenses/by-nc-sa/3.0/us/", Some("CC BY-NC-SA 3.0")),
            ("http://creativecommons.org/licenses/publicdomain/", Some("Public domain")),
            ("http://creativecommons.org/publicdomain/mark/1.0/", Some("Public domain")),
            ("http://creativecommons.org/publicdomain/zero/1.0/", Some("CC0")),
            ("https://example.org/terms", Some("https://example.org/terms")),
            ("ask me", None),
        ] {
            assert_eq!(licence(address).as_deref(), words, "{address:?}");
        }
    }

    #[test]
    fn a_description_loses_its_markup_and_keeps_its_words() {
        for (html, words) in [
            ("<p>One<br />two &amp; three.</p>\n\n<b>Four</b>", "One two & three. Four"),
            ("1 < 2 & 3 &unknown; &#39;x&#x27; &nbsp;", "1 < 2 & 3 &unknown; 'x'"),
            ("a <unclosed", "a <unclosed"),
            ("\u{7}bell\r\nline", "bell line"),
            ("", ""),
        ] {
            assert_eq!(plain(html), words, "{html:?}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer: Vec<u8>, text in "[{}\\[\\]\":,<>&#;a-z0-9é .]{0,60}") {
            for answer in [&answer[..], text.as_bytes()] {
                let _ = (item(answer).is_ok(), search_page(answer).is_ok());
                let _ = scrape_page(answer).is_ok();
            }
            let _ = (plain(&text), duration_ms(&text), year(&text), licence(&text));
        }
    }
}
