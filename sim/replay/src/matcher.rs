//! Which recorded exchange a request means: the first not yet used that has the same method, class
//! of host, path and range. A query does not count, because it is where tokens are.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use testcard_core::net::Request;
use testcard_session::Session;

/// A request, as far as it counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Whom.
    pub host: HostClass,
    /// The path as it is sent.
    pub path: String,
    /// The value of `Range`, if there is one.
    pub range: Option<String>,
}

/// Which kind of host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HostClass {
    /// archive.org itself.
    Front,
    /// One of its data nodes: a request may as well go to another.
    Node,
    /// Any other, with its port unless it is the scheme's own.
    Other(String),
}

impl HostClass {
    /// The class of a host, which may have a port.
    pub fn of(host: &str) -> Self {
        match host.split_once(':').map_or(host, |(name, _)| name) {
            "archive.org" | "www.archive.org" => Self::Front,
            name if name.ends_with(".archive.org") => Self::Node,
            _ => Self::Other(host.to_owned()),
        }
    }

    /// In a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Node => "node",
            Self::Other(_) => "other",
        }
    }
}

impl fmt::Display for HostClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Front => f.write_str("archive.org"),
            Self::Node => f.write_str("a node"),
            Self::Other(host) => f.write_str(host),
        }
    }
}

impl Asked {
    /// What a request asks.
    pub fn new(method: &str, host: &str, target: &str, range: Option<&str>) -> Self {
        Self {
            method: method.to_owned(),
            host: HostClass::of(host),
            path: target.split('?').next().unwrap_or_default().to_owned(),
            range: range.map(str::to_owned),
        }
    }

    /// What a request of the core asks.
    pub fn from_request(request: &Request) -> Self {
        let range = request.range.map(|range| range.to_string());
        Self::new("GET", &authority(&request.url), request.url.path(), range.as_deref())
    }

    /// In how many respects both are the same, the more important ones counting more.
    pub fn likeness(&self, other: &Self) -> u32 {
        8 * u32::from(self.path == other.path)
            + 4 * u32::from(self.host == other.host)
            + 2 * u32::from(self.range == other.range)
            + u32::from(self.method == other.method)
    }
}

/// Host, and port unless it is the scheme's own.
pub fn authority(url: &testcard_core::net::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} from {}", self.method, self.path, self.host)?;
        match &self.range {
            Some(range) => write!(f, ", {range}"),
            None => Ok(()),
        }
    }
}

/// A request that was not recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unmatched {
    /// What was asked for.
    pub asked: Asked,
    /// The recorded exchange most like it: its number, from 1, what it asked for, and whether it was
    /// already used. Absent when nothing was recorded.
    pub nearest: Option<(usize, Asked, bool)>,
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was not recorded", self.asked)?;
        let Some((x, nearest, is_used)) = &self.nearest else { return Ok(()) };
        if self.asked == *nearest && *is_used {
            return write!(f, " so often: exchange {x}, the last like it, was already used");
        }
        write!(f, "; the nearest is exchange {x}")?;
        let mut differs = Vec::new();
        if nearest.method != self.asked.method {
            differs.push(nearest.method.clone());
        }
        if nearest.host != self.asked.host {
            differs.push(nearest.host.to_string());
        }
        if nearest.path != self.asked.path {
            differs.push(nearest.path.clone());
        }
        if nearest.range != self.asked.range {
            differs.push(nearest.range.clone().unwrap_or_else(|| "the whole file".to_owned()));
        }
        write!(f, ", which asked for {}", differs.join(", "))
    }
}

/// The recorded requests, and which of them came.
#[derive(Debug)]
pub struct Matcher {
    recorded: Vec<(Asked, bool)>,
    unmatched: Option<Unmatched>,
}

impl Matcher {
    /// Nothing has been asked for yet.
    pub fn new(session: &Session) -> Self {
        let asked = session.exchanges.iter().map(|x| (Asked::from_request(&x.request), false));
        Self { recorded: asked.collect(), unmatched: None }
    }

    /// The index of the exchange that this request means.
    ///
    /// # Errors
    /// When none was recorded, or not so often.
    pub fn find(&mut self, asked: Asked) -> Result<usize, Box<Unmatched>> {
        let found = self.recorded.iter().position(|(a, is_used)| !is_used && *a == asked);
        if let Some(n) = found {
            self.recorded[n].1 = true;
            return Ok(n);
        }
        let nearest = (self.recorded.iter().enumerate())
            .max_by_key(|(n, (a, used))| (a.likeness(&asked), !used, core::cmp::Reverse(*n)))
            .map(|(n, (a, used))| (n + 1, a.clone(), *used));
        let unmatched = Unmatched { asked, nearest };
        self.unmatched.get_or_insert_with(|| unmatched.clone());
        Err(Box::new(unmatched))
    }

    /// Whether a recorded exchange that this request means is left.
    pub fn has(&self, asked: &Asked) -> bool {
        self.recorded.iter().any(|(a, is_used)| !is_used && a == asked)
    }

    /// Whether the exchange of this index was asked for.
    pub fn is_used(&self, n: usize) -> bool {
        self.recorded.get(n).is_some_and(|(_, is_used)| *is_used)
    }

    /// The first request that was not recorded.
    pub fn unmatched(&self) -> Option<Unmatched> {
        self.unmatched.clone()
    }

    /// The exchanges that were not asked for.
    pub fn unused(&self) -> Vec<usize> {
        let unused = self.recorded.iter().enumerate().filter(|(_, (_, is_used))| !is_used);
        unused.map(|(n, _)| n).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(all: &[(&str, &str, Option<&str>)]) -> Matcher {
        let asked = |(host, target, range): &(&str, &str, Option<&str>)| {
            (Asked::new("GET", host, target, *range), false)
        };
        Matcher { recorded: all.iter().map(asked).collect(), unmatched: None }
    }

    const NODE: (&str, &str, Option<&str>) =
        ("dn1.us.archive.org", "/0/items/a/b.mp4?t=1", Some("bytes=0-"));

    #[test]
    fn a_request_means_the_first_like_it_that_is_left_at_any_node_with_any_token() {
        let mut matcher = recorded(&[("archive.org", "/download/a/b.mp4", None), NODE, NODE]);
        let again = || Asked::new("GET", "ia9.us.archive.org", "/0/items/a/b.mp4?t=9", NODE.2);
        assert_eq!(matcher.find(again()), Ok(1));
        assert_eq!(matcher.find(again()), Ok(2));
        assert_eq!(matcher.unused(), [0]);
        let sentence = matcher.find(again()).unwrap_err().to_string();
        assert!(sentence.ends_with("so often: exchange 2, the last like it, was already used"));
    }

    #[test]
    fn what_was_not_recorded_names_the_nearest_that_was() {
        let mut matcher = recorded(&[("archive.org", "/download/a/b.mp4", None), NODE]);
        let other = Asked::new("GET", NODE.0, NODE.1, Some("bytes=7-"));
        assert_eq!(matcher.find(other).err().map(|unmatched| *unmatched), matcher.unmatched());
        assert_eq!(
            matcher.unmatched().unwrap().to_string(),
            "GET /0/items/a/b.mp4 from a node, bytes=7- was not recorded; the nearest is exchange \
             2, which asked for bytes=0-"
        );
    }
}
