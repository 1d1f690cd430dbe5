//! A plan: which channels a person wants, and where what they play is to come from: items of the
//! archive, or a search. `channels.toml`, as `docs/line-up.md` describes it. Whoever has a network
//! makes a line-up out of it; this only reads it, and never asks whether anything is there.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::error::Quoted;
use super::toml_text::{self, DayPartText, HeadText, Subject, is_identifier};
use super::{Channel, LineUp, LineUpError, LineUpProblem};

/// Channels as a person wants them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Sorted by number.
    pub channels: Vec<PlannedChannel>,
}

/// A channel without its programmes, and where they come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedChannel {
    /// All but programmes and fillers.
    pub channel: Channel,
    /// Where the programmes come from, those of one part of the day after those of another. At
    /// least one.
    pub sources: Vec<Source>,
    /// Where the fillers come from.
    pub fillers: Option<Source>,
}

/// Where programmes come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The part of the day that they are for; `None`: between parts, or no filler's business.
    pub part: Option<String>,
    /// What to look for.
    pub wanted: Wanted,
    /// Which licences will do; all when empty, an item that does not tell among them.
    pub licences: Vec<LicenceKind>,
    /// Which files of an item.
    pub files: Files,
}

/// What to look for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// These items.
    Items(Vec<String>),
    /// What the archive's search finds.
    Search {
        /// In the archive's own language: `collection:feature_films AND year:[1920 TO 1929]`.
        query: String,
        /// How many items, in [`Source::ROWS`].
        rows: usize,
        /// A field of the archive's, and ` asc` or ` desc`.
        sort: String,
    },
}

/// Which of an item's films or pieces become programmes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Files {
    /// The longest of films, all pieces of sound.
    #[default]
    ByKind,
    /// The longest.
    Longest,
    /// All, in the order of their names.
    All,
}

/// A kind of licence, by the words that Creative Commons has for it in its addresses.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LicenceKind {
    /// No rights reserved: marked as in the public domain, dedicated to it, or CC0.
    PublicDomain,
    /// Name the author.
    By,
    /// And share alike.
    BySa,
    /// And change nothing.
    ByNd,
    /// And earn nothing.
    ByNc,
    /// And earn nothing, and share alike.
    ByNcSa,
    /// And earn nothing, and change nothing.
    ByNcNd,
}

impl LicenceKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::PublicDomain,
        Self::By,
        Self::BySa,
        Self::ByNd,
        Self::ByNc,
        Self::ByNcSa,
        Self::ByNcNd,
    ];

    /// The word for it in a plan.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PublicDomain => "publicdomain",
            Self::By => "by",
            Self::BySa => "by-sa",
            Self::ByNd => "by-nd",
            Self::ByNc => "by-nc",
            Self::ByNcSa => "by-nc-sa",
            Self::ByNcNd => "by-nc-nd",
        }
    }

    /// What the address of a licence says of its kind: `creativecommons.org/licenses/by-sa/3.0/`,
    /// `creativecommons.org/publicdomain/mark/1.0/`. `None` for those of others.
    pub fn of_address(address: &str) -> Option<Self> {
        let (_, path) = address.split_once("creativecommons.org/")?;
        let mut parts = path.split('/');
        match (parts.next()?, parts.next()?.trim()) {
            ("publicdomain", _) | ("licenses", "publicdomain") => Some(Self::PublicDomain),
            ("licenses", word) => Self::ALL.into_iter().find(|kind| kind.word() == word),
            _ => None,
        }
    }
}

impl fmt::Display for LicenceKind {
    /// `Public domain` or `CC BY-SA`, for the screen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicDomain => f.write_str("Public domain"),
            kind => write!(f, "CC {}", kind.word().to_uppercase()),
        }
    }
}

impl Source {
    /// How many items a search may bring: as many as a channel can have programmes.
    pub const ROWS: RangeInclusive<usize> = 1..=Channel::PROGRAMMES_MAX;
    /// How many it brings unless told: a week of features.
    pub const ROWS_USUAL: usize = 50;
    /// The order of a search's results unless told.
    pub const SORT_USUAL: &str = "downloads desc";
    /// The longest query in bytes: addresses have to stay within what servers take.
    pub const QUERY_BYTES_MAX: usize = 1000;
}

/// The text as serde sees it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanText {
    version: Option<Spanned<i64>>,
    #[serde(default)]
    channel: Vec<ChannelText>,
}

// serde cannot say where the fields of a flattened struct stand, so those of a source are here
// three times.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelText {
    id: Spanned<String>,
    number: Spanned<i64>,
    name: Spanned<String>,
    seed: Option<Spanned<i64>>,
    start_on: Option<Spanned<String>>,
    utc_offset: Option<Spanned<String>>,
    items: Option<Spanned<Vec<Spanned<String>>>>,
    search: Option<Spanned<String>>,
    licence: Option<Vec<Spanned<String>>>,
    rows: Option<Spanned<i64>>,
    sort: Option<Spanned<String>>,
    files: Option<Spanned<String>>,
    #[serde(default)]
    day_part: Vec<PartText>,
    fillers: Option<Spanned<SourceText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartText {
    name: Spanned<String>,
    from: Spanned<String>,
    to: Spanned<String>,
    items: Option<Spanned<Vec<Spanned<String>>>>,
    search: Option<Spanned<String>>,
    licence: Option<Vec<Spanned<String>>>,
    rows: Option<Spanned<i64>>,
    sort: Option<Spanned<String>>,
    files: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceText {
    items: Option<Spanned<Vec<Spanned<String>>>>,
    search: Option<Spanned<String>>,
    licence: Option<Vec<Spanned<String>>>,
    rows: Option<Spanned<i64>>,
    sort: Option<Spanned<String>>,
    files: Option<Spanned<String>>,
}

impl Plan {
    /// Reads a plan from TOML.
    ///
    /// # Errors
    /// The first thing that is wrong with it, where, and what to do about it.
    pub fn parse(toml: &str) -> Result<Self, LineUpError> {
        let text: PlanText = toml_text::read(toml)?;
        toml_text::check_file(toml, text.version, text.channel.len())?;
        let mut channels: Vec<PlannedChannel> = Vec::new();
        for text in text.channel {
            let name = format!("channel {} {}", text.number.get_ref(), Quoted(text.name.get_ref()));
            let before: Vec<&Channel> = channels.iter().map(|planned| &planned.channel).collect();
            let planned = channel(text, &before, &Subject { toml, name })?;
            channels.push(planned);
        }
        channels.sort_by_key(|planned| planned.channel.number);
        Ok(Self { channels })
    }
}

fn channel(
    text: ChannelText,
    before: &[&Channel],
    subject: &Subject<'_>,
) -> Result<PlannedChannel, LineUpError> {
    let at = text.id.span().start;
    let head = HeadText {
        id: text.id,
        number: text.number,
        name: text.name,
        seed: text.seed,
        start_on: text.start_on,
        utc_offset: text.utc_offset,
    };
    let mut channel = toml_text::head(head, before.iter().copied(), subject)?;
    let its = SourceText {
        items: text.items,
        search: text.search,
        licence: text.licence,
        rows: text.rows,
        sort: text.sort,
        files: text.files,
    };
    let mut sources = Vec::new();
    // Where parts take up the day, the channel itself has nothing to say.
    let is_silent = its.items.is_none() && its.search.is_none();
    if !is_silent || text.day_part.is_empty() {
        sources.push(source(its, None, subject, at)?);
    }
    let mut parts = Vec::new();
    for part in text.day_part {
        let at = part.name.span().start;
        let its = SourceText {
            items: part.items,
            search: part.search,
            licence: part.licence,
            rows: part.rows,
            sort: part.sort,
            files: part.files,
        };
        let name = part.name.get_ref().to_owned();
        parts.push(DayPartText { name: part.name, from: part.from, to: part.to });
        sources.push(source(its, Some(name), subject, at)?);
    }
    let (day_parts, parts_at) = toml_text::day_parts(parts, channel.start_on_min, subject)?;
    channel.day_parts = day_parts;
    toml_text::check_overlaps(&channel, &parts_at, subject)?;
    let has_gaps = channel.start_on_min.is_some() || !channel.day_parts.is_empty();
    let fillers = match text.fillers {
        None => None,
        Some(text) => {
            let at = text.span().start;
            if !has_gaps {
                return Err(subject.error(Some(at), LineUpProblem::FillerWithoutGap));
            }
            Some(source(text.into_inner(), None, subject, at)?)
        }
    };
    Ok(PlannedChannel { channel, sources, fillers })
}

fn source(
    text: SourceText,
    part: Option<String>,
    subject: &Subject<'_>,
    at: usize,
) -> Result<Source, LineUpError> {
    let licences = text.licence.unwrap_or_default().into_iter().map(|word| {
        subject.check(word, |word| {
            let kind = LicenceKind::ALL.into_iter().find(|kind| kind.word() == word);
            kind.ok_or(LineUpProblem::Licence(word))
        })
    });
    let licences = licences.collect::<Result<Vec<_>, _>>()?;
    let files = subject.check_some(text.files, |word| match word.as_str() {
        "longest" => Ok(Files::Longest),
        "all" => Ok(Files::All),
        _ => Err(LineUpProblem::Files(word)),
    })?;
    let rows = subject.check_some(text.rows, |rows| {
        let fits = usize::try_from(rows).ok().filter(|rows| Source::ROWS.contains(rows));
        fits.ok_or(LineUpProblem::Rows(rows))
    })?;
    let sort = subject.check_some(text.sort, |sort| {
        if is_sort(&sort) { Ok(sort) } else { Err(LineUpProblem::Sort(sort)) }
    })?;
    let wanted = match (text.items, text.search) {
        (None, None) => return Err(subject.error(Some(at), LineUpProblem::NoSource)),
        (Some(items), Some(_)) => {
            return Err(subject.error(Some(items.span().start), LineUpProblem::TwoSources));
        }
        (Some(items), None) => {
            let count = items.get_ref().len();
            let items_at = items.span().start;
            if !(1..=Channel::PROGRAMMES_MAX).contains(&count) {
                let problem = LineUpProblem::ItemCount(count);
                return Err(subject.error(Some(items_at), problem));
            }
            let mut known: Vec<String> = Vec::new();
            for item in items.into_inner() {
                let item = subject.check(item, |item| {
                    if is_identifier(&item) { Ok(item) } else { Err(LineUpProblem::Item(item)) }
                })?;
                // Said twice is meant once.
                if !known.contains(&item) {
                    known.push(item);
                }
            }
            Wanted::Items(known)
        }
        (None, Some(search)) => Wanted::Search {
            query: subject.check(search, |query| {
                let fits = (1..=Source::QUERY_BYTES_MAX).contains(&query.trim().len());
                let is_good = fits && !query.contains(char::is_control);
                if is_good { Ok(query) } else { Err(LineUpProblem::Search(query)) }
            })?,
            rows: rows.unwrap_or(Source::ROWS_USUAL),
            sort: sort.unwrap_or_else(|| Source::SORT_USUAL.to_owned()),
        },
    };
    Ok(Source { part, wanted, licences, files: files.unwrap_or_default() })
}

/// `downloads desc`: a field of the archive's and a direction.
fn is_sort(text: &str) -> bool {
    let Some((field, direction)) = text.split_once(' ') else { return false };
    let is_letter = |b: u8| b.is_ascii_lowercase() || b == b'_';
    (1..=40).contains(&field.len())
        && field.bytes().all(is_letter)
        && matches!(direction, "asc" | "desc")
}

impl LineUp {
    /// Whether this line-up, put together by a program, keeps the rules that [`LineUp::parse`] has.
    ///
    /// # Errors
    /// The first that it breaks. The error names no place: there is no text that a person wrote.
    pub fn check(&self) -> Result<(), LineUpError> {
        let text = self.to_toml();
        Self::parse(&text).map(drop).map_err(|error| LineUpError { place: None, ..error })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const GOOD: &str = r#"
version = 1

[[channel]]
id = "silents"
number = 12
name = "Silents"
seed = 1925
start_on = "half hour"
search = "collection:silent_films AND year:[1920 TO 1929]"
licence = ["publicdomain", "by"]
rows = 40
sort = "date asc"

[[channel.day_part]]
name = "night"
from = "22:00"
to = "02:00"
items = ["Nosferatu", "Haxan"]
files = "all"

[channel.fillers]
items = ["ident"]
"#;

    fn says(old: &str, new: &str) -> String {
        assert_eq!(GOOD.matches(old).count(), 1, "{old:?} is to stand there once");
        match Plan::parse(&GOOD.replacen(old, new, 1)) {
            Ok(_) => "fine".to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_plan_is_read_to_the_last_word() {
        let plan = Plan::parse(GOOD).unwrap();
        let [planned] = plan.channels.as_slice() else { panic!("{plan:?}") };
        let channel = &planned.channel;
        assert_eq!((&*channel.id, channel.number, channel.seed), ("silents", 12, Some(1925)));
        assert_eq!(channel.start_on_min, Some(30));
        assert_eq!(channel.day_parts.len(), 1);
        let [between, night] = planned.sources.as_slice() else { panic!("{planned:?}") };
        assert_eq!(
            *between,
            Source {
                part: None,
                wanted: Wanted::Search {
                    query: "collection:silent_films AND year:[1920 TO 1929]".to_owned(),
                    rows: 40,
                    sort: "date asc".to_owned(),
                },
                licences: [LicenceKind::PublicDomain, LicenceKind::By].into(),
                files: Files::ByKind,
            }
        );
        assert_eq!(
            (night.part.as_deref(), &night.wanted, night.files),
            (
                Some("night"),
                &Wanted::Items(["Nosferatu".to_owned(), "Haxan".to_owned()].into()),
                Files::All
            )
        );
        let ident = Wanted::Items(["ident".to_owned()].into());
        assert_eq!(planned.fillers.as_ref().map(|fillers| &fillers.wanted), Some(&ident));
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let plan = "[[channel]]\nid = \"a\"\nnumber = 1\nname = \"A\"\nsearch = \"x\"";
        let Wanted::Search { rows, sort, .. } =
            Plan::parse(plan).unwrap().channels.remove(0).sources.remove(0).wanted
        else {
            panic!("a search")
        };
        assert_eq!((rows, sort.as_str()), (50, "downloads desc"));
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_said_and_where() {
        let it = "channel 12 \"Silents\"";
        for (old, new, said) in [
            (
                "number = 12",
                "number = 1200",
                "line 6, column 10: channel 1200 \"Silents\": 1200 cannot be a channel's number; \
                 use 1 to 999"
                    .to_owned(),
            ),
            (
                "\"by\"",
                "\"gpl\"",
                format!(
                    "line 11, column 28: {it}: \"gpl\" is no licence that can be told apart; use \
                     some of publicdomain, by, by-sa, by-nd, by-nc, by-nc-sa, by-nc-nd"
                ),
            ),
            (
                "rows = 40",
                "rows = 0",
                format!("line 12, column 8: {it}: 0 cannot be how many; use 1 to 2000"),
            ),
            (
                "\"date asc\"",
                "\"date\"",
                format!(
                    "line 13, column 8: {it}: \"date\" is no order; write a field of the \
                     archive's and asc or desc, like \"downloads desc\""
                ),
            ),
            (
                "files = \"all\"",
                "files = \"some\"",
                format!(
                    "line 20, column 9: {it}: \"some\" are no files; write \"longest\" or \"all\""
                ),
            ),
            (
                "\"Haxan\"",
                "\"Häxan\"",
                format!(
                    "line 19, column 23: {it}: \"Häxan\" is not an archive.org identifier; use \
                     what follows archive.org/details/ in the address of its page"
                ),
            ),
            (
                "items = [\"ident\"]",
                "items = []",
                format!("line 23, column 9: {it}: there are 0 items; list 1 to 2000"),
            ),
            (
                "items = [\"ident\"]",
                "",
                format!(
                    "line 22, column 1: {it}: nothing says what to play; write items = [\"…\"] or \
                     search = \"…\""
                ),
            ),
            (
                "sort = \"date asc\"",
                "items = [\"a\"]",
                format!(
                    "line 13, column 9: {it}: items and search are both there; keep one of the two"
                ),
            ),
            (
                "\"22:00\"",
                "\"22:10\"",
                format!(
                    "line 17, column 8: {it}: no programme starts at \"22:10\", as they start \
                     every 30 minutes from midnight on; move it, or change start_on"
                ),
            ),
        ] {
            assert_eq!(says(old, new), said);
        }
        assert!(says("search = \"collection", "search = \"\\ncollection").contains("no search"));
        assert!(says("rows = 40", "row = 40").contains("unknown field `row`"));
        assert!(says("version = 1", "version = 7").contains("reads version 1"));
    }

    #[test]
    fn a_licences_address_tells_its_kind() {
        for (address, kind) in [
            ("http://creativecommons.org/licenses/by-nc-sa/3.0/us/", Some(LicenceKind::ByNcSa)),
            ("https://creativecommons.org/licenses/by/4.0/", Some(LicenceKind::By)),
            ("http://creativecommons.org/licenses/publicdomain/", Some(LicenceKind::PublicDomain)),
            ("http://creativecommons.org/publicdomain/mark/1.0/", Some(LicenceKind::PublicDomain)),
            ("http://creativecommons.org/publicdomain/zero/1.0/", Some(LicenceKind::PublicDomain)),
            ("https://creativecommons.org/licenses/sampling+/1.0/", None),
            ("https://www.gnu.org/licenses/fdl.html", None),
            ("", None),
        ] {
            assert_eq!(LicenceKind::of_address(address), kind, "{address:?}");
        }
        let words: Vec<String> = LicenceKind::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(words[0], "Public domain");
        assert_eq!(words[5], "CC BY-NC-SA");
    }
}
