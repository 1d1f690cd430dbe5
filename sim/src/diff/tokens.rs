//! Numbered secrets, `{{token:1}}`, in texts that are compared. Their numbers say which are the same
//! within one session and nothing else; where a session has one more, all later ones count on.

use std::collections::BTreeMap;

const OPEN: &str = "{{token:";
const CLOSE: &str = "}}";

/// Which secret of one side is which of the other, as far as is known.
#[derive(Default)]
pub struct Tokens {
    forth: BTreeMap<u32, u32>,
    back: BTreeMap<u32, u32>,
}

impl Tokens {
    /// Whether two texts are the same up to the numbers of their secrets, each of one side standing
    /// for always the same one of the other. Secrets that were not seen before are taken to be the
    /// same when they stand at the same place of texts that are the same otherwise.
    pub fn same(&mut self, expected: &str, actual: &str) -> bool {
        if expected == actual && !expected.contains(OPEN) {
            return true;
        }
        let (expected, actual) = (Parts(expected), Parts(actual));
        let mut fresh = Vec::new();
        let mut rest = actual;
        for was in expected {
            let Some(is) = rest.next() else { return false };
            match (was, is) {
                (Part::Text(was), Part::Text(is)) if was == is => {}
                (Part::Token(was), Part::Token(is)) => {
                    match (self.forth.get(&was), self.back.get(&is)) {
                        (Some(known), _) if *known == is => {}
                        (None, None) => fresh.push((was, is)),
                        _ => return false,
                    }
                }
                _ => return false,
            }
        }
        if rest.next().is_some() {
            return false;
        }
        for (was, is) in fresh {
            self.forth.insert(was, is);
            self.back.insert(is, was);
        }
        true
    }
}

/// A text, cut where secrets are.
#[derive(Clone, Copy)]
struct Parts<'a>(&'a str);

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Token(u32),
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if let Some((number, rest)) = token(self.0) {
            self.0 = rest;
            return Some(Part::Token(number));
        }
        if self.0.is_empty() {
            return None;
        }
        let starts = self.0.match_indices(OPEN).map(|(at, _)| at);
        let end = starts.into_iter().find(|at| token(&self.0[*at..]).is_some());
        let (text, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        Some(Part::Text(text))
    }
}

/// The secret at the start of a text, and what follows it.
fn token(text: &str) -> Option<(u32, &str)> {
    let (number, rest) = text.strip_prefix(OPEN)?.split_once(CLOSE)?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_may_be_numbered_otherwise_but_always_in_the_same_way() {
        let mut tokens = Tokens::default();
        assert!(tokens.same("/film?t={{token:1}}", "/film?t={{token:3}}"));
        assert!(tokens.same("a {{token:1}} b {{token:2}}", "a {{token:3}} b {{token:2}}"));
        assert!(!tokens.same("/film?t={{token:1}}", "/film?t={{token:2}}"));
        assert!(!tokens.same("/film?t={{token:4}}", "/film?t={{token:3}}"), "3 is 1");
        assert!(tokens.same("{{token:4}}", "{{token:4}}"));
    }

    #[test]
    fn texts_that_differ_otherwise_say_nothing_about_secrets() {
        let mut tokens = Tokens::default();
        assert!(!tokens.same("/film?t={{token:1}}", "/firm?t={{token:3}}"));
        assert!(!tokens.same("{{token:1}}", "{{token:3}} and more"));
        assert!(!tokens.same("{{token:1}} and more", "{{token:3}}"));
        assert!(!tokens.same("{{token:1}}", "aec3"));
        assert!(tokens.same("{{token:1}}", "{{token:1}}"));
    }

    #[test]
    fn what_only_looks_like_a_secret_is_text() {
        let mut tokens = Tokens::default();
        for text in ["{{token:", "{{token:x}}", "{{token:1}", "{{token:{{token:9999999999}}", "é{{"]
        {
            assert!(tokens.same(text, text), "{text}");
            assert!(!tokens.same(text, "other"), "{text}");
        }
        assert!(tokens.same("{{token:{{token:1}}", "{{token:{{token:2}}"));
    }
}
