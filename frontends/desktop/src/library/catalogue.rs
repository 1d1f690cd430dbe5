//! The archive's catalogue: its items, and its search. Says what the archive says; chooses nothing.

use std::collections::BTreeSet;
use std::vec;

use testcard_core::line_up::LicenceKind;
use testcard_core::net::Url;

use super::answers::{self, Found, FoundItem, Item};
use super::client::{AskError, Client};

/// Whoever knows items.
pub trait Catalogue {
    /// What is known of an item; `None`: there is none.
    ///
    /// # Errors
    /// When nobody answers.
    fn item(&mut self, identifier: &str) -> Result<Option<Item>, AskError>;

    /// A page of what a search finds.
    ///
    /// # Errors
    /// When nobody answers, or not to this query.
    fn page(&mut self, query: &str, sort: &str, page: Page) -> Result<Found, AskError>;
}

/// Which page of a search's results.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Page {
    /// This one, from 1, of [`PAGE_ROWS`] each.
    Number(usize),
    /// In deep paging the first.
    Deep,
    /// In deep paging the one at this cursor.
    At(String),
}

/// Results on a page.
const PAGE_ROWS: usize = 100;

/// Results beyond which only deep paging goes; more than that and the archive answers
/// `[RANGE_OUT_OF_BOUNDS]`.
const SHALLOW_MAX: usize = 10_000;

/// Results on a page in deep paging.
const DEEP_ROWS: usize = 1_000;

/// The most results looked at for one search, most of which its licences would have ruled out.
const LOOKED_AT_MAX: usize = 50_000;

/// archive.org, or a server like it.
pub struct Archive {
    client: Client,
    base: Url,
}

impl Archive {
    /// The one at `base`.
    pub fn new(base: Url, client: Client) -> Self {
        Self { client, base }
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut address = self.base.clone();
        // An address that cannot be a base was refused when it was typed.
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        address
    }
}

impl Catalogue for Archive {
    fn item(&mut self, identifier: &str) -> Result<Option<Item>, AskError> {
        let address = self.address(&["metadata", identifier]);
        self.client.ask(&address, answers::item)
    }

    fn page(&mut self, query: &str, sort: &str, page: Page) -> Result<Found, AskError> {
        match page {
            Page::Number(number) => {
                let mut address = self.address(&["advancedsearch.php"]);
                address
                    .query_pairs_mut()
                    .append_pair("q", query)
                    .append_pair("fl[]", "identifier")
                    .append_pair("fl[]", "licenseurl")
                    .append_pair("sort[]", sort)
                    .append_pair("rows", &PAGE_ROWS.to_string())
                    .append_pair("page", &number.to_string())
                    .append_pair("output", "json");
                self.client.ask(&address, answers::search_page)
            }
            Page::Deep | Page::At(_) => {
                let mut address = self.address(&["services", "search", "v1", "scrape"]);
                let mut pairs = address.query_pairs_mut();
                pairs
                    .append_pair("q", query)
                    .append_pair("fields", "identifier,licenseurl")
                    .append_pair("sorts", sort)
                    .append_pair("count", &DEEP_ROWS.to_string());
                if let Page::At(cursor) = &page {
                    pairs.append_pair("cursor", cursor);
                }
                drop(pairs);
                self.client.ask(&address, answers::scrape_page)
            }
        }
    }
}

/// The results of a search, one after the other, each once, those under other licences left out.
pub struct Results<'a> {
    query: &'a str,
    sort: &'a str,
    licences: &'a [LicenceKind],
    /// The next one to ask for; `None` when there are no more.
    page: Option<Page>,
    ready: vec::IntoIter<FoundItem>,
    seen: BTreeSet<String>,
    looked_at: usize,
}

impl<'a> Results<'a> {
    /// Those of this query in this order.
    pub fn new(query: &'a str, sort: &'a str, licences: &'a [LicenceKind]) -> Self {
        Self {
            query,
            sort,
            licences,
            page: Some(Page::Number(1)),
            ready: Vec::new().into_iter(),
            seen: BTreeSet::new(),
            looked_at: 0,
        }
    }

    /// The next one's identifier.
    ///
    /// # Errors
    /// Those of [`Catalogue::page`].
    pub fn next(&mut self, catalogue: &mut dyn Catalogue) -> Result<Option<String>, AskError> {
        loop {
            for found in self.ready.by_ref() {
                self.looked_at += 1;
                let will_do = licence_will_do(found.licence_address.as_deref(), self.licences);
                if will_do && self.seen.insert(found.identifier.clone()) {
                    return Ok(Some(found.identifier));
                }
            }
            let Some(page) = self.page.take().filter(|_| self.looked_at < LOOKED_AT_MAX) else {
                return Ok(None);
            };
            let found = match catalogue.page(self.query, self.sort, page.clone()) {
                // Where the archive draws the line between pages and cursors is its business.
                Err(AskError::Refused(words))
                    if words.contains("[RANGE_OUT_OF_BOUNDS]")
                        && matches!(page, Page::Number(2..)) =>
                {
                    self.page = Some(Page::Deep);
                    continue;
                }
                found => found?,
            };
            self.page = after(page, &found);
            self.ready = found.items.into_iter();
        }
    }
}

fn after(page: Page, found: &Found) -> Option<Page> {
    if found.items.is_empty() {
        return None;
    }
    match page {
        Page::Number(number) => {
            let looked_at = number * PAGE_ROWS;
            if found.total.is_some_and(|total| total <= looked_at as u64) {
                None
            } else if looked_at + PAGE_ROWS > SHALLOW_MAX {
                Some(Page::Deep)
            } else {
                Some(Page::Number(number + 1))
            }
        }
        Page::Deep | Page::At(_) => found.cursor.clone().map(Page::At),
    }
}

/// Whether a licence, if any, is one of those that will do.
pub fn licence_will_do(address: Option<&str>, licences: &[LicenceKind]) -> bool {
    let kind = address.and_then(LicenceKind::of_address);
    licences.is_empty() || kind.is_some_and(|kind| licences.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many items `n0`, `n1`, …, of which every third is in the public domain.
    struct Numbered {
        items: usize,
        asked: Vec<Page>,
        refuses_from: usize,
        refuses_deep: bool,
    }

    impl Catalogue for Numbered {
        fn item(&mut self, _: &str) -> Result<Option<Item>, AskError> {
            Ok(None)
        }

        fn page(&mut self, _: &str, _: &str, page: Page) -> Result<Found, AskError> {
            self.asked.push(page.clone());
            let (from, rows) = match &page {
                Page::Number(number) if *number >= self.refuses_from => {
                    return Err(AskError::Refused("[RANGE_OUT_OF_BOUNDS] x".to_owned()));
                }
                Page::Deep if self.refuses_deep => {
                    return Err(AskError::Refused("[RANGE_OUT_OF_BOUNDS] y".to_owned()));
                }
                Page::Number(number) => ((number - 1) * PAGE_ROWS, PAGE_ROWS),
                Page::Deep => (0, DEEP_ROWS),
                Page::At(cursor) => (cursor.parse().unwrap(), DEEP_ROWS),
            };
            let item = |n: usize| FoundItem {
                identifier: format!("n{n}"),
                licence_address: n
                    .is_multiple_of(3)
                    .then(|| "http://creativecommons.org/publicdomain/mark/1.0/".to_owned()),
            };
            let end = (from + rows).min(self.items);
            Ok(Found {
                items: (from..end.max(from)).map(item).collect(),
                total: Some(self.items as u64),
                cursor: (end < self.items).then(|| end.to_string()),
            })
        }
    }

    fn numbered(items: usize) -> Numbered {
        Numbered { items, asked: Vec::new(), refuses_from: usize::MAX, refuses_deep: false }
    }

    fn all(catalogue: &mut Numbered, licences: &[LicenceKind]) -> Vec<String> {
        let mut results = Results::new("q", "downloads desc", licences);
        std::iter::from_fn(|| results.next(catalogue).unwrap()).collect()
    }

    #[test]
    fn results_come_page_by_page_and_no_page_more_than_there_are() {
        let mut catalogue = numbered(250);
        assert_eq!(all(&mut catalogue, &[]).len(), 250);
        assert_eq!(catalogue.asked, [Page::Number(1), Page::Number(2), Page::Number(3)]);
        let mut catalogue = numbered(0);
        assert_eq!(all(&mut catalogue, &[]).len(), 0);
        let mut catalogue = numbered(100);
        assert_eq!(all(&mut catalogue, &[]).len(), 100);
        assert_eq!(catalogue.asked.len(), 1);
    }

    #[test]
    fn beyond_ten_thousand_a_cursor_goes_on_and_nothing_comes_twice() {
        let mut catalogue = numbered(12_345);
        let found = all(&mut catalogue, &[]);
        assert_eq!(found.len(), 12_345);
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 12_345);
        assert!(catalogue.asked.contains(&Page::Number(100)));
        assert!(!catalogue.asked.contains(&Page::Number(101)));
        assert!(catalogue.asked.contains(&Page::At("12000".to_owned())));
    }

    #[test]
    fn an_archive_that_refuses_to_go_on_in_any_way_is_not_asked_for_ever() {
        let mut catalogue = Numbered { refuses_from: 3, refuses_deep: true, ..numbered(1_500) };
        let mut results = Results::new("q", "downloads desc", &[]);
        let outcome =
            std::iter::from_fn(|| results.next(&mut catalogue).transpose()).find_map(Result::err);
        assert!(matches!(outcome, Some(AskError::Refused(_))), "{outcome:?}");
        assert_eq!(catalogue.asked.len(), 4);
    }

    #[test]
    fn an_archive_that_draws_the_line_elsewhere_is_gone_along_with() {
        let mut catalogue = Numbered { refuses_from: 3, ..numbered(1_500) };
        assert_eq!(all(&mut catalogue, &[]).len(), 1_500);
    }

    #[test]
    fn a_search_gives_up_in_the_end() {
        let mut catalogue = numbered(1_000_000);
        let found = all(&mut catalogue, &[LicenceKind::By]);
        assert_eq!(found, Vec::<String>::new());
        assert!(catalogue.asked.len() < 200, "{}", catalogue.asked.len());
    }

    #[test]
    fn only_licences_asked_for_will_do() {
        let found = all(&mut numbered(9), &[LicenceKind::PublicDomain]);
        assert_eq!(found, ["n0", "n3", "n6"]);
        assert!(!licence_will_do(None, &[LicenceKind::By]));
        assert!(licence_will_do(None, &[]));
        let by = Some("https://creativecommons.org/licenses/by/4.0/");
        assert!(licence_will_do(by, &[LicenceKind::PublicDomain, LicenceKind::By]));
        assert!(!licence_will_do(by, &[LicenceKind::BySa]));
    }
}
