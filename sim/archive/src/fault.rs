//! What can go wrong, on demand: each [`Fault`] is something that archive.org, or the way to it,
//! was seen to do or could do. A [`Rule`] says where and when. Nothing here happens by itself.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::response::CutKind;

/// One thing that goes wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// This status with nginx's own page. 500 is what 37 to 50 % of requests through `/download`
    /// got at bad times in August 2026, with exactly these 170 bytes; 401 is a node's answer to a
    /// stale URL; 503 an address refused.
    Status {
        /// The status code.
        status: u16,
        /// Seconds in a `Retry-After`, if there is one.
        retry_after: Option<u32>,
    },
    /// This many microseconds pass before the head.
    Delay(u64),
    /// The body comes at this many bytes a second.
    Pace(u64),
    /// The connection ends this way before the head.
    NoAnswer(CutKind),
    /// The connection ends this way after so many bytes of the body. After 0 bytes: seen on a
    /// second connection to the same node.
    Cut(u64, CutKind),
    /// The node answers 200 with the whole file. Some were seen to.
    RangeIgnored,
    /// The node sends bytes from so much further on, and says so (synthetic).
    RangeShifted(u64),
    /// The file was replaced by one so many bytes longer: another size, time and entity tag
    /// (synthetic).
    Replaced(u64),
    /// A page with status 200 instead of the film (synthetic).
    Page,
    /// The file ends at this many bytes, whatever its moov says (synthetic).
    Truncated(u64),
    /// `{"error":"[BACKEND_ERROR] …"}` with status 200, as the archive's search was seen to say at
    /// times.
    BackendError,
    /// Some bytes of the moov are wrong (synthetic).
    MoovDamaged,
    /// The redirect leads somewhere else (synthetic).
    Redirect(Detour),
    /// The redirect has a body of so many bytes. A few hundred were seen.
    RedirectBody(u32),
    /// The node sends no more than so many bytes of those asked for, and says so, as RFC 9110
    /// §15.3.7 lets it (synthetic).
    Crumbs(u64),
    /// The node says that the body is packed, though nobody asked for that (synthetic).
    Packed,
    /// Header names are in lower case, and those that say nothing about the body come twice
    /// (synthetic; the 302's case was seen to be mixed).
    OddHeaders,
}

/// Where a redirect leads instead of a node.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Detour {
    /// To a host that is not the archive's.
    ForeignHost,
    /// To the node by plain http.
    PlainHttp,
    /// Back to where it came from.
    Loop,
    /// To three more redirects at the front, one after the other, and then to the node.
    Chain,
    /// To a path without scheme and host, which is served.
    Relative,
    /// Nowhere: there is no `Location`.
    Missing,
}

/// Which requests a fault can meet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// `/metadata` at the front.
    Metadata,
    /// `/download` at the front.
    Download,
    /// A file at a node, or under the front's `/files`.
    Node,
    /// `/advancedsearch.php` and `/services/search/v1/scrape` at the front.
    Search,
}

/// Which of the requests to a place a fault meets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum When {
    /// All.
    Always,
    /// Those with these numbers, counted from 0 for each place.
    Requests(Range<u64>),
    /// So many in a thousand, by the archive's seed.
    PerMille(u16),
}

/// A fault, where and when. As a string, for command lines: `PLACE:WHEN:FAULT`, where
///
/// - PLACE is `metadata`, `download`, `node` or `search`;
/// - WHEN is `always`, a number `3`, a half-open range `0..2` or `370/1000`;
/// - FAULT is `status=503`, `status=503,30` (with `Retry-After: 30`), `delay=MICROSECONDS`,
///   `pace=BYTES_PER_SECOND`, `no-answer`, `no-answer=reset`, `no-answer=stall`, `close=BYTES`,
///   `reset=BYTES`, `stall=BYTES`, `range-ignored`, `range-shifted=BYTES`, `replaced=BYTES`, `page`,
///   `truncated=BYTES`, `moov-damaged`, `redirect=foreign`, `redirect=http`, `redirect=loop`,
///   `redirect=chain`, `redirect=relative`, `redirect=missing`, `redirect-body=BYTES`,
///   `crumbs=BYTES`, `packed`, `odd-headers` or `backend-error`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Which requests it can meet.
    pub place: Place,
    /// Which of those it meets.
    pub when: When,
    /// What goes wrong.
    pub fault: Fault,
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(rule: &str) -> Result<Self, RuleError> {
        let mut parts = rule.splitn(3, ':');
        let place = match parts.next() {
            Some("metadata") => Place::Metadata,
            Some("download") => Place::Download,
            Some("node") => Place::Node,
            Some("search") => Place::Search,
            _ => return Err(RuleError::Place),
        };
        let when = parts.next().and_then(parse_when).ok_or(RuleError::When)?;
        let fault = parts.next().and_then(parse_fault).ok_or(RuleError::Fault)?;
        Ok(Self { place, when, fault })
    }
}

impl fmt::Display for Rule {
    /// The string it is read from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.place {
            Place::Metadata => "metadata:",
            Place::Download => "download:",
            Place::Node => "node:",
            Place::Search => "search:",
        })?;
        match &self.when {
            When::Always => f.write_str("always")?,
            When::Requests(range) if range.end == range.start + 1 => write!(f, "{}", range.start)?,
            When::Requests(range) => write!(f, "{}..{}", range.start, range.end)?,
            When::PerMille(ratio) => write!(f, "{ratio}/1000")?,
        }
        write!(f, ":{}", self.fault)
    }
}

impl fmt::Display for Fault {
    /// The last part of a [`Rule`]'s string.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, retry_after: None } => write!(f, "status={status}"),
            Self::Status { status, retry_after: Some(seconds) } => {
                write!(f, "status={status},{seconds}")
            }
            Self::Delay(micros) => write!(f, "delay={micros}"),
            Self::Pace(pace) => write!(f, "pace={pace}"),
            Self::NoAnswer(CutKind::Close) => f.write_str("no-answer"),
            Self::NoAnswer(how) => write!(f, "no-answer={how}"),
            Self::Cut(after, how) => write!(f, "{how}={after}"),
            Self::RangeIgnored => f.write_str("range-ignored"),
            Self::RangeShifted(by) => write!(f, "range-shifted={by}"),
            Self::Replaced(more) => write!(f, "replaced={more}"),
            Self::Page => f.write_str("page"),
            Self::Truncated(bytes) => write!(f, "truncated={bytes}"),
            Self::MoovDamaged => f.write_str("moov-damaged"),
            Self::RedirectBody(bytes) => write!(f, "redirect-body={bytes}"),
            Self::OddHeaders => f.write_str("odd-headers"),
            Self::Crumbs(bytes) => write!(f, "crumbs={bytes}"),
            Self::Packed => f.write_str("packed"),
            Self::BackendError => f.write_str("backend-error"),
            Self::Redirect(detour) => f.write_str(match detour {
                Detour::ForeignHost => "redirect=foreign",
                Detour::PlainHttp => "redirect=http",
                Detour::Loop => "redirect=loop",
                Detour::Chain => "redirect=chain",
                Detour::Relative => "redirect=relative",
                Detour::Missing => "redirect=missing",
            }),
        }
    }
}

fn parse_when(when: &str) -> Option<When> {
    if when == "always" {
        return Some(When::Always);
    }
    if let Some(ratio) = when.strip_suffix("/1000") {
        return Some(When::PerMille(ratio.parse().ok().filter(|ratio| *ratio <= 1000)?));
    }
    let range = match when.split_once("..") {
        Some((first, end)) => first.parse().ok()?..end.parse().ok()?,
        None => {
            let only: u64 = when.parse().ok()?;
            only..only.checked_add(1)?
        }
    };
    Some(When::Requests(range))
}

fn parse_fault(fault: &str) -> Option<Fault> {
    let (name, value) = fault.split_once('=').unwrap_or((fault, ""));
    let number = || value.parse().ok();
    Some(match name {
        "status" => {
            let (status, retry_after) = match value.split_once(',') {
                Some((status, seconds)) => (status, Some(seconds.parse().ok()?)),
                None => (value, None),
            };
            let status = status.parse().ok().filter(|status| (400..600).contains(status))?;
            Fault::Status { status, retry_after }
        }
        "delay" => Fault::Delay(number()?),
        "pace" => Fault::Pace(number().filter(|pace| *pace > 0)?),
        "no-answer" => Fault::NoAnswer(match value {
            "" => CutKind::Close,
            "reset" => CutKind::Reset,
            "stall" => CutKind::Stall,
            _ => return None,
        }),
        "close" => Fault::Cut(number()?, CutKind::Close),
        "reset" => Fault::Cut(number()?, CutKind::Reset),
        "stall" => Fault::Cut(number()?, CutKind::Stall),
        "range-ignored" => Fault::RangeIgnored,
        "range-shifted" => Fault::RangeShifted(number()?),
        "replaced" => Fault::Replaced(number()?),
        "page" => Fault::Page,
        "truncated" => Fault::Truncated(number()?),
        "moov-damaged" => Fault::MoovDamaged,
        "redirect" => Fault::Redirect(match value {
            "foreign" => Detour::ForeignHost,
            "http" => Detour::PlainHttp,
            "loop" => Detour::Loop,
            "chain" => Detour::Chain,
            "relative" => Detour::Relative,
            "missing" => Detour::Missing,
            _ => return None,
        }),
        "redirect-body" => Fault::RedirectBody(value.parse().ok()?),
        "odd-headers" => Fault::OddHeaders,
        "crumbs" => Fault::Crumbs(number().filter(|bytes| *bytes > 0)?),
        "packed" => Fault::Packed,
        "backend-error" => Fault::BackendError,
        _ => return None,
    })
}

/// Which part of a [`Rule`]'s string cannot be understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RuleError {
    /// The first.
    Place,
    /// The second.
    When,
    /// The third.
    Fault,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Place => {
                "expected PLACE:WHEN:FAULT with metadata, download, node or search for PLACE"
            }
            Self::When => "expected always, 3, 0..2 or 370/1000 for WHEN",
            Self::Fault => "unknown FAULT, or its value is missing or no number",
        })
    }
}

impl std::error::Error for RuleError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_strings() {
        let rule = |text: &str| text.parse::<Rule>();
        assert_eq!(
            rule("download:370/1000:status=500"),
            Ok(Rule {
                place: Place::Download,
                when: When::PerMille(370),
                fault: Fault::Status { status: 500, retry_after: None },
            })
        );
        assert_eq!(
            rule("node:0..2:status=503,30"),
            Ok(Rule {
                place: Place::Node,
                when: When::Requests(0..2),
                fault: Fault::Status { status: 503, retry_after: Some(30) },
            })
        );
        assert_eq!(
            rule("node:1:reset=1000").map(|rule| (rule.when, rule.fault)),
            Ok((When::Requests(1..2), Fault::Cut(1000, CutKind::Reset)))
        );
        for fault in ["page", "moov-damaged", "redirect=loop", "truncated=5", "no-answer=stall"] {
            assert!(rule(&format!("node:always:{fault}")).is_ok(), "{fault}");
        }
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for when in ["always", "3", "0..2", "370/1000"] {
            for fault in [
                "status=503",
                "status=503,30",
                "delay=1",
                "pace=1",
                "no-answer",
                "no-answer=reset",
                "no-answer=stall",
                "close=1",
                "reset=1",
                "stall=1",
                "range-ignored",
                "range-shifted=1",
                "replaced=1",
                "page",
                "truncated=1",
                "moov-damaged",
                "redirect=foreign",
                "redirect=http",
                "redirect=loop",
                "redirect=chain",
                "odd-headers",
                "redirect-body=1",
                "crumbs=1",
                "packed",
                "backend-error",
                "redirect=relative",
                "redirect=missing",
            ] {
                let rule = format!("node:{when}:{fault}");
                assert_eq!(rule.parse::<Rule>().unwrap().to_string(), rule);
            }
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_by_its_part() {
        let error = |text: &str| text.parse::<Rule>().unwrap_err();
        assert_eq!(error(""), RuleError::Place);
        assert_eq!(error("nodes:always:page"), RuleError::Place);
        assert_eq!(error("node"), RuleError::When);
        assert_eq!(error("node:1001/1000:page"), RuleError::When);
        assert_eq!(error("node:always"), RuleError::Fault);
        for fault in ["", "status=200", "status=abc", "pace=0", "crumbs=0", "reset", "redirect=up"]
        {
            assert_eq!(error(&format!("node:always:{fault}")), RuleError::Fault, "{fault}");
        }
    }
}
