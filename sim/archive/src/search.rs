//! `/advancedsearch.php` and `/services/search/v1/scrape`: which items a query finds, page by page.
//!
//! Their shapes are archive.org's, and so are `[RANGE_OUT_OF_BOUNDS]` as plain text under a JSON
//! content type beyond 10,000 results, and a cursor beyond that. Synthetic are the numbers of
//! downloads, the words of errors behind their codes, and that a query knows no more than terms
//! joined by `AND`: `field:value`, `field:"some words"`, `year:[1920 TO 1929]`, `*:*`, and words of
//! a title.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::archive::Item;
use crate::metadata;

/// Results beyond which only a cursor goes.
const SHALLOW_MAX: usize = 10_000;

/// The fewest and the most results on a page with a cursor.
const DEEP_ROWS: std::ops::RangeInclusive<usize> = 100..=10_000;

type Items<'a> = Vec<(&'a String, &'a Item)>;

/// The body of `/advancedsearch.php`, JSON or not.
pub(crate) fn advanced(items: &BTreeMap<String, Item>, query: &str) -> String {
    let of = |name: &str| value(query, name);
    let rows: usize = of("rows").and_then(|rows| rows.parse().ok()).unwrap_or(50);
    let page: usize = of("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
    let start = (page - 1).saturating_mul(rows);
    if start.saturating_add(rows) > SHALLOW_MAX {
        return format!(
            "[RANGE_OUT_OF_BOUNDS] paging is limited to {SHALLOW_MAX} results, use the scrape API"
        );
    }
    let found = match find(items, &of("q").unwrap_or_default(), of("sort[]").as_deref()) {
        Ok(found) => found,
        Err(error) => return json!({ "error": error }).to_string(),
    };
    let fields = values(query, "fl[]");
    let docs: Vec<Value> =
        found.iter().skip(start).take(rows).map(|(id, item)| doc(id, item, &fields)).collect();
    json!({
        "responseHeader": { "status": 0, "QTime": 7 },
        "response": { "numFound": found.len(), "start": start, "docs": docs },
    })
    .to_string()
}

/// The body of `/services/search/v1/scrape`.
pub(crate) fn scrape(items: &BTreeMap<String, Item>, query: &str) -> String {
    let of = |name: &str| value(query, name);
    let count: usize = of("count").and_then(|count| count.parse().ok()).unwrap_or(5_000);
    if !DEEP_ROWS.contains(&count) {
        return json!({ "error": "count must be from 100 to 10000", "errorType": "RangeException" })
            .to_string();
    }
    let start = match of("cursor") {
        None => 0,
        Some(cursor) => match cursor.strip_prefix("W3siaWR").and_then(|n| n.parse().ok()) {
            Some(start) => start,
            None => return json!({ "error": "no such cursor" }).to_string(),
        },
    };
    let found = match find(items, &of("q").unwrap_or_default(), of("sorts").as_deref()) {
        Ok(found) => found,
        Err(error) => return json!({ "error": error }).to_string(),
    };
    let fields = of("fields").unwrap_or_default();
    let fields: Vec<String> = fields.split(',').map(str::to_owned).collect();
    let page: Vec<Value> =
        found.iter().skip(start).take(count).map(|(id, item)| doc(id, item, &fields)).collect();
    let next = start + page.len();
    let mut body = json!({ "items": page, "count": next - start, "total": found.len() });
    if next < found.len()
        && let Some(body) = body.as_object_mut()
    {
        body.insert("cursor".to_owned(), format!("W3siaWR{next}").into());
    }
    body.to_string()
}

/// What a query finds, in order.
fn find<'a>(
    items: &'a BTreeMap<String, Item>,
    query: &str,
    sort: Option<&str>,
) -> Result<Items<'a>, String> {
    let mut found = Vec::new();
    let terms: Vec<&str> = query.split(" AND ").map(str::trim).collect();
    for (id, item) in items.iter().filter(|(_, item)| !item.dark) {
        let mut matches = true;
        for term in &terms {
            matches &= is_found(id, item, term)?;
        }
        if matches {
            found.push((id, item));
        }
    }
    if let Some((field, direction)) = sort.and_then(|sort| sort.split_once(' ')) {
        let number = |id: &str, item: &Item| match field {
            "downloads" => metadata::mtime(id) % 1_000_000,
            "date" | "year" => u64::from(item.about.year.unwrap_or_default()),
            _ => 0,
        };
        found.sort_by_key(|(id, item)| number(id, item));
        if direction == "desc" {
            found.reverse();
        }
    }
    Ok(found)
}

fn is_found(id: &str, item: &Item, term: &str) -> Result<bool, String> {
    if term.contains(['(', ')']) || term.contains(" OR ") || term.starts_with("NOT ") {
        return Err(format!("[SEARCH_SYNTAX] only AND is known here: {term}"));
    }
    let Some((field, wanted)) = term.split_once(':') else {
        return Ok(item.title.to_lowercase().contains(&term.to_lowercase()));
    };
    let wanted = wanted.trim_matches('"');
    let about = &item.about;
    Ok(match field {
        "*" => true,
        "identifier" => id == wanted,
        "title" => item.title.to_lowercase().contains(&wanted.to_lowercase()),
        "mediatype" => about.mediatype() == wanted,
        "collection" => about.collections.iter().any(|collection| collection == wanted),
        "creator" => about.creators.iter().any(|creator| creator == wanted),
        "year" => match wanted.strip_prefix('[').and_then(|range| range.strip_suffix(']')) {
            Some(range) => {
                let (from, to) = range.split_once(" TO ").unwrap_or((range, range));
                let year = about.year.map(|year| year.to_string());
                year.is_some_and(|year| from <= year.as_str() && year.as_str() <= to)
            }
            None => about.year.is_some_and(|year| year.to_string() == wanted),
        },
        _ => false,
    })
}

/// The fields of an item that were asked for, as far as it has them.
fn doc(id: &str, item: &Item, fields: &[String]) -> Value {
    let mut doc = Map::new();
    let all = metadata::about(id, item);
    for field in fields.iter().chain([&"identifier".to_owned()]) {
        if let Some(value) = all.get(field) {
            doc.insert(field.clone(), value.clone());
        }
    }
    Value::Object(doc)
}

/// The first value of a parameter.
fn value(query: &str, name: &str) -> Option<String> {
    values(query, name).into_iter().next()
}

/// All values of a parameter, `+` and percent-encoding undone.
fn values(query: &str, name: &str) -> Vec<String> {
    let plain = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| plain(key) == name).map(|(_, value)| plain(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::About;

    fn items(count: usize) -> BTreeMap<String, Item> {
        let item = |n: usize| Item {
            title: format!("Film {n}"),
            dark: n == 3,
            files: Vec::new(),
            about: About {
                year: Some(1920 + n as u16 % 10),
                collections: vec!["films".to_owned()],
                licence: (n == 1).then(|| "http://x".to_owned()),
                ..About::default()
            },
        };
        (0..count).map(|n| (format!("film-{n:05}"), item(n))).collect()
    }

    fn ids(body: &str, of: &str) -> Vec<String> {
        let body: Value = serde_json::from_str(body).expect(body);
        let docs = body.pointer(of).and_then(Value::as_array).expect("documents");
        docs.iter().map(|doc| doc["identifier"].as_str().expect("an id").to_owned()).collect()
    }

    fn found(query: &str) -> Vec<String> {
        let items = items(6);
        let query = format!("q={query}&fl[]=identifier&rows=50&page=1&output=json");
        ids(&advanced(&items, &query), "/response/docs")
    }

    #[test]
    fn terms_joined_by_and_find_items_that_are_not_dark() {
        assert_eq!(found("collection%3Afilms").len(), 5);
        assert_eq!(found("collection:films+AND+year:[1921+TO+1922]"), ["film-00001", "film-00002"]);
        assert_eq!(found("title:%22film+4%22"), ["film-00004"]);
        assert_eq!(found("film+5"), ["film-00005"]);
        assert_eq!(found("identifier:film-00003"), Vec::<String>::new());
        assert_eq!(found("subject:x"), Vec::<String>::new());
        let items = items(1);
        assert!(advanced(&items, "q=a+OR+b").contains("\"error\""));
    }

    #[test]
    fn only_the_fields_that_were_asked_for_come_back() {
        let items = items(3);
        let query = "q=*:*&fl[]=identifier&fl%5B%5D=licenseurl&rows=50";
        let body: Value = serde_json::from_str(&advanced(&items, query)).expect("JSON");
        let docs = &body["response"]["docs"];
        assert_eq!(docs[0], serde_json::json!({ "identifier": "film-00000" }));
        let both = serde_json::json!({ "identifier": "film-00001", "licenseurl": "http://x" });
        assert_eq!(docs[1], both);
    }

    #[test]
    fn beyond_ten_thousand_there_is_plain_text_and_a_cursor() {
        let items = items(10_250);
        let page = |page: usize| {
            let query = format!("q=*:*&rows=100&page={page}&sort[]=downloads+desc");
            advanced(&items, &query)
        };
        assert_eq!(ids(&page(100), "/response/docs").len(), 100);
        assert!(page(101).starts_with("[RANGE_OUT_OF_BOUNDS]"));
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let query = format!("q=*:*&fields=identifier&sorts=downloads+desc&count=1000{cursor}");
            let body = scrape(&items, &query);
            all.extend(ids(&body, "/items"));
            let body: Value = serde_json::from_str(&body).expect("JSON");
            match body["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(all.len(), 10_249);
        assert_eq!(all[..100], ids(&page(1), "/response/docs"), "the same order");
        assert!(scrape(&items, "q=*:*&count=99").contains("\"error\""));
    }
}
