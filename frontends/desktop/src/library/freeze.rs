//! From a plan to a line-up that says it all: every item looked up, one file chosen for each film,
//! in an order that stays. Whoever has the file has the schedule; so a refresh keeps what is there
//! in its order, adds what is new at the end, and says what it changed, because each change moves
//! the channel's schedule.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use jiff::Timestamp;
use testcard_core::line_up::{
    Channel, Files, LineUp, LineUpError, Plan, PlannedChannel, Programme, Source, Wanted,
};

use super::catalogue::{Catalogue, Results, licence_will_do};
use super::choice::{self, Unusable};
use super::client::AskError;
use crate::whole_file;

/// How a file begins that [`write`] has made, and may replace.
const MADE_BY: &str = "# Made by testcard ";

/// What became of a channel.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// Its number and name.
    pub channel: String,
    /// Programmes that are as they were.
    pub kept: usize,
    /// Titles and items of those that are new.
    pub added: Vec<String>,
    /// Of those that are gone.
    pub removed: Vec<String>,
    /// Of those with another file or another length.
    pub replaced: Vec<String>,
    /// Items that were left out, and why.
    pub left_out: Vec<(String, Unusable)>,
    /// Whether anything is on at another time than before.
    pub moves: bool,
}

/// Why a plan became no line-up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FreezeError {
    /// The archive did not say what was asked: about an item, or a search.
    Ask {
        /// What was asked about.
        about: String,
        /// Why there is no answer.
        why: AskError,
    },
    /// What came together is no line-up.
    LineUp(LineUpError),
}

impl fmt::Display for FreezeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask { about, why } => write!(f, "{about}: {why}"),
            Self::LineUp(error) => write!(f, "{error}"),
        }
    }
}

/// Makes a line-up of a plan. What `before` has and is there still stays in its order. `tell` hears
/// of each item that is looked up.
///
/// # Errors
/// When the archive does not answer, or what came together is no line-up: nothing found, say.
pub fn freeze(
    plan: &Plan,
    before: Option<&LineUp>,
    catalogue: &mut dyn Catalogue,
    tell: &mut dyn FnMut(&str),
) -> Result<(LineUp, Vec<Changes>), FreezeError> {
    let mut channels = Vec::new();
    let mut all_changes = Vec::new();
    for planned in &plan.channels {
        let id = &planned.channel.id;
        let old = before.and_then(|before| before.channels.iter().find(|old| old.id == *id));
        let mut look_up = LookUp { catalogue: &mut *catalogue, tell: &mut *tell };
        let (channel, changes) = look_up.channel(planned, old)?;
        channels.push(channel);
        all_changes.push(changes);
    }
    let line_up = LineUp { channels };
    line_up.check().map_err(FreezeError::LineUp)?;
    Ok((line_up, all_changes))
}

struct LookUp<'a> {
    catalogue: &'a mut dyn Catalogue,
    tell: &'a mut dyn FnMut(&str),
}

impl LookUp<'_> {
    fn channel(
        &mut self,
        planned: &PlannedChannel,
        old: Option<&Channel>,
    ) -> Result<(Channel, Changes), FreezeError> {
        let mut changes = Changes {
            channel: format!("{} {:?}", planned.channel.number, planned.channel.name),
            ..Changes::default()
        };
        let empty = Vec::new();
        let old_programmes = old.map_or(&empty, |old| &old.programmes);
        let old_fillers = old.map_or(&empty, |old| &old.fillers);
        let mut found = Vec::new();
        for source in &planned.sources {
            let room = Channel::PROGRAMMES_MAX - found.len();
            self.source(source, old_programmes, room, &mut found, &mut changes)?;
        }
        found.retain(|programme| {
            let fits = planned.channel.has_room_for(programme);
            if !fits {
                changes.left_out.push((programme.item.clone(), Unusable::TooLong));
            }
            fits
        });
        let mut fillers = Vec::new();
        if let Some(source) = &planned.fillers {
            self.source(source, old_fillers, Channel::FILLERS_MAX, &mut fillers, &mut changes)?;
            // A film that is on the channel is no filler too.
            fillers.retain(|filler| !found.iter().any(|programme| is_same(programme, filler)));
        }
        let programmes = merged(old_programmes, found, &mut changes);
        let fillers = merged(old_fillers, fillers, &mut changes);
        let channel = Channel { programmes, fillers, ..planned.channel.clone() };
        changes.moves = old.is_some_and(|old| timing(old) != timing(&channel));
        Ok((channel, changes))
    }

    /// Adds the programmes of a source to `found`, `room` of them at most.
    fn source(
        &mut self,
        source: &Source,
        old: &[Programme],
        room: usize,
        found: &mut Vec<Programme>,
        changes: &mut Changes,
    ) -> Result<(), FreezeError> {
        let most = found.len() + room;
        match &source.wanted {
            Wanted::Items(items) => {
                for item in items {
                    self.item(item, source, old, most, found, changes)?;
                }
            }
            Wanted::Search { query, rows, sort } => {
                let mut results = Results::new(query, sort, &source.licences);
                let mut usable = 0;
                while usable < *rows && found.len() < most {
                    let next = results.next(self.catalogue);
                    let next = next.map_err(|why| FreezeError::Ask {
                        about: format!("search {query:?}"),
                        why,
                    });
                    let Some(item) = next? else { break };
                    usable += usize::from(self.item(&item, source, old, most, found, changes)?);
                }
            }
        }
        Ok(())
    }

    /// Whether the item became a programme or several.
    fn item(
        &mut self,
        identifier: &str,
        source: &Source,
        old: &[Programme],
        most: usize,
        found: &mut Vec<Programme>,
        changes: &mut Changes,
    ) -> Result<bool, FreezeError> {
        (self.tell)(identifier);
        let item = self.catalogue.item(identifier);
        let about = || format!("item {identifier}");
        let programmes = match item.map_err(|why| FreezeError::Ask { about: about(), why })? {
            None => Err(Unusable::Missing),
            Some(item) if !licence_will_do(item.licence_address.as_deref(), &source.licences) => {
                Err(Unusable::Licence)
            }
            Some(item) => choice::programmes(identifier, &item, source.files, old),
        };
        match programmes {
            Ok(programmes) => {
                for programme in programmes {
                    let is_there = found.iter().any(|other| is_same(other, &programme));
                    if !is_there && found.len() < most {
                        found.push(Programme { part: source.part.clone(), ..programme });
                    }
                }
                Ok(true)
            }
            Err(why) => {
                changes.left_out.push((identifier.to_owned(), why));
                Ok(false)
            }
        }
    }
}

/// What was there before and was found again, in its old order; then what is new.
fn merged(old: &[Programme], found: Vec<Programme>, changes: &mut Changes) -> Vec<Programme> {
    let name = |programme: &Programme| format!("{} ({})", programme.title, programme.item);
    let key = |programme: &Programme| {
        (programme.item.clone(), Programme::film(&programme.file).to_owned())
    };
    let mut by_film: BTreeMap<_, _> =
        found.iter().map(|programme| (key(programme), programme.clone())).collect();
    let mut merged = Vec::new();
    for before in old {
        match by_film.remove(&key(before)) {
            None => changes.removed.push(name(before)),
            Some(now) => {
                let is_file = (&now.file, now.bytes) == (&before.file, before.bytes);
                // The same bytes are as long as they were, whatever the archive says today.
                let duration_ms = if is_file { before.duration_ms } else { now.duration_ms };
                let now = Programme { duration_ms, ..now };
                match is_file && now.part == before.part {
                    true => changes.kept += 1,
                    false => changes.replaced.push(name(&now)),
                }
                merged.push(now);
            }
        }
    }
    for programme in found {
        if let Some(new) = by_film.remove(&key(&programme)) {
            changes.added.push(name(&new));
            merged.push(new);
        }
    }
    merged
}

fn is_same(one: &Programme, other: &Programme) -> bool {
    one.item == other.item && Programme::film(&one.file) == Programme::film(&other.file)
}

/// All of a channel that its schedule depends on, but for its seed's default.
fn timing(channel: &Channel) -> impl PartialEq {
    let slots = |programmes: &[Programme]| -> Vec<(u64, Option<String>)> {
        programmes.iter().map(|p| (p.duration_ms, p.part.clone())).collect()
    };
    (
        (channel.seed, channel.start_on_min, channel.utc_offset_min),
        channel.day_parts.clone(),
        (slots(&channel.programmes), slots(&channel.fillers)),
    )
}

/// The text of a line-up with where it came from above it.
pub fn text(line_up: &LineUp, plan: &Plan, at: Timestamp) -> String {
    let mut text = format!(
        "{MADE_BY}{} on {}: `testcard lineup refresh` makes it anew.\n\
         # Whoever has this file sees the same schedule. What each channel was made of:\n",
        env!("CARGO_PKG_VERSION"),
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    );
    for planned in &plan.channels {
        let named = |source: &Source| match &source.part {
            Some(part) => format!("{} {part:?}", planned.channel.number),
            None => planned.channel.number.to_string(),
        };
        for source in &planned.sources {
            text += &format!("#   {}: {}\n", named(source), origin(source));
        }
        if let Some(source) = &planned.fillers {
            text += &format!("#   {} fillers: {}\n", planned.channel.number, origin(source));
        }
    }
    text + &line_up.to_toml()
}

/// Where programmes came from, on one line.
fn origin(source: &Source) -> String {
    let mut origin = match &source.wanted {
        Wanted::Items(items) => format!("{} items by name", items.len()),
        Wanted::Search { query, rows, sort } => format!("{rows} of {query} by {sort}"),
    };
    if !source.licences.is_empty() {
        let words: Vec<&str> = source.licences.iter().map(|kind| kind.word()).collect();
        origin += &format!(", licence {}", words.join(" or "));
    }
    match source.files {
        Files::ByKind => {}
        Files::Longest => origin += ", the longest file of each",
        Files::All => origin += ", all files",
    }
    origin
}

/// Writes the text to a file, as a whole or not at all.
///
/// # Errors
/// Those of the file system; and there is another file by that name, which was not made here.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    check_place(path)?;
    whole_file::replace(path, text.as_bytes())
}

/// Whether [`write()`] may write there: nobody's own file is replaced.
///
/// # Errors
/// Those of the file system; and there is another file by that name, which was not made here.
pub fn check_place(path: &Path) -> io::Result<()> {
    let mut start = [0; MADE_BY.len()];
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let is_ours = (&file).read_exact(&mut start).is_ok() && start == *MADE_BY.as_bytes();
    match is_ours {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file that `testcard lineup refresh` did not make; move it away, or write \
             to another with --out",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::answers::{File, Found, FoundItem, Item};
    use super::super::catalogue::Page;
    use super::*;

    /// Items by their identifiers, found in that order.
    struct Shelf(Vec<(&'static str, Option<Item>)>);

    impl Catalogue for Shelf {
        fn item(&mut self, identifier: &str) -> Result<Option<Item>, AskError> {
            if identifier == "silent" {
                return Err(AskError::TimedOut);
            }
            let found = self.0.iter().find(|(id, _)| *id == identifier);
            Ok(found.and_then(|(_, item)| item.clone()))
        }

        fn page(&mut self, _: &str, _: &str, page: Page) -> Result<Found, AskError> {
            assert_eq!(page, Page::Number(1));
            let found = |(id, _): &(&str, Option<Item>)| FoundItem {
                identifier: (*id).to_owned(),
                licence_address: None,
            };
            let items: Vec<_> = self.0.iter().map(found).collect();
            Ok(Found { total: Some(items.len() as u64), items, cursor: None })
        }
    }

    fn film(seconds: u64) -> Option<Item> {
        Some(Item {
            title: Some("Film".to_owned()),
            files: vec![File {
                name: "film.mp4".to_owned(),
                format: "h.264".to_owned(),
                bytes: Some(seconds * 1000),
                duration_ms: Some(seconds * 1000),
                ..File::default()
            }],
            ..Item::default()
        })
    }

    fn plan(source: &str) -> Plan {
        Plan::parse(&format!("[[channel]]\nid = \"a\"\nnumber = 7\nname = \"A\"\n{source}\n"))
            .unwrap()
    }

    fn made(plan: &Plan, before: Option<&LineUp>, mut shelf: Shelf) -> (LineUp, Changes) {
        let (line_up, mut changes) = freeze(plan, before, &mut shelf, &mut |_| ()).unwrap();
        (line_up, changes.remove(0))
    }

    fn items(line_up: &LineUp) -> Vec<&str> {
        line_up.channels[0].programmes.iter().map(|programme| programme.item.as_str()).collect()
    }

    #[test]
    fn a_refresh_keeps_the_order_appends_what_is_new_and_says_what_is_gone() {
        let plan = plan("search = \"x\"");
        let shelf = Shelf(vec![("b", film(60)), ("a", film(70)), ("c", film(80))]);
        let (first, changes) = made(&plan, None, shelf);
        assert_eq!(items(&first), ["b", "a", "c"]);
        assert_eq!((changes.kept, changes.added.len(), changes.moves), (0, 3, false));

        let shelf = Shelf(vec![("c", film(80)), ("d", film(90)), ("b", film(60))]);
        let (second, changes) = made(&plan, Some(&first), shelf);
        assert_eq!(items(&second), ["b", "c", "d"]);
        assert_eq!(
            changes,
            Changes {
                channel: "7 \"A\"".to_owned(),
                kept: 2,
                added: vec!["Film (d)".to_owned()],
                removed: vec!["Film (a)".to_owned()],
                moves: true,
                ..Changes::default()
            }
        );

        let shelf = Shelf(vec![("d", film(90)), ("c", film(80)), ("b", film(60))]);
        let (third, changes) = made(&plan, Some(&second), shelf);
        assert_eq!(third, second);
        assert_eq!((changes.kept, changes.moves), (3, false));
    }

    #[test]
    fn another_file_is_said_and_takes_the_old_ones_place() {
        let plan = plan("items = [\"a\", \"b\"]");
        let (first, _) = made(&plan, None, Shelf(vec![("a", film(60)), ("b", film(70))]));
        let (second, changes) =
            made(&plan, Some(&first), Shelf(vec![("a", film(61)), ("b", film(70))]));
        assert_eq!(items(&second), ["a", "b"]);
        assert_eq!(changes.replaced, ["Film (a)"]);
        assert!(changes.moves);
    }

    #[test]
    fn the_same_bytes_stay_as_long_as_they_were() {
        let plan = plan("items = [\"a\"]");
        let (mut first, _) = made(&plan, None, Shelf(vec![("a", film(60))]));
        first.channels[0].programmes[0].duration_ms = 59_900;
        let (second, changes) = made(&plan, Some(&first), Shelf(vec![("a", film(60))]));
        assert_eq!(second.channels[0].programmes[0].duration_ms, 59_900);
        assert!(!changes.moves);
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_does_not_count() {
        let dark = Some(Item { is_dark: true, ..Item::default() });
        let shelf =
            || Shelf(vec![("a", None), ("b", dark.clone()), ("c", film(60)), ("d", film(70))]);
        let (line_up, changes) = made(&plan("search = \"x\"\nrows = 1"), None, shelf());
        assert_eq!(items(&line_up), ["c"]);
        assert_eq!(
            changes.left_out,
            [("a".to_owned(), Unusable::Missing), ("b".to_owned(), Unusable::Dark)]
        );
        let found = freeze(&plan("items = [\"a\", \"b\"]"), None, &mut shelf(), &mut |_| ());
        assert_eq!(
            found.unwrap_err().to_string(),
            "channel 7 \"A\": the channel has no programme; add one with [[channel.programme]], or \
             remove the channel"
        );
    }

    #[test]
    fn an_archive_that_does_not_answer_changes_nothing_and_is_named() {
        let plan = plan("items = [\"silent\"]");
        let error = freeze(&plan, None, &mut Shelf(Vec::new()), &mut |_| ()).unwrap_err();
        assert_eq!(error.to_string(), "item silent: no answer within 60 s");
    }

    #[test]
    fn parts_and_fillers_come_from_their_own_sources() {
        let plan = plan(
            "items = [\"a\"]\nstart_on = \"hour\"\n[[channel.day_part]]\nname = \"night\"\n\
             from = \"20:00\"\nto = \"06:00\"\nitems = [\"b\", \"a\"]\n\
             [channel.fillers]\nitems = [\"a\", \"c\"]",
        );
        let shelf = Shelf(vec![("a", film(60)), ("b", film(70)), ("c", film(5))]);
        let (line_up, _) = made(&plan, None, shelf);
        let channel = &line_up.channels[0];
        let part = |n: usize| channel.programmes[n].part.as_deref();
        assert_eq!(items(&line_up), ["a", "b"], "a film is on the channel once");
        assert_eq!((part(0), part(1)), (None, Some("night")));
        assert_eq!(channel.fillers.len(), 1);
        assert_eq!(channel.fillers[0].item, "c");
    }

    #[test]
    fn what_is_longer_than_its_part_of_the_day_is_left_out() {
        let plan = plan(
            "items = [\"a\"]\n[[channel.day_part]]\nname = \"noon\"\nfrom = \"12:00\"\n\
             to = \"12:01\"\nitems = [\"b\", \"c\"]",
        );
        let shelf = Shelf(vec![("a", film(70)), ("b", film(60)), ("c", film(61))]);
        let (line_up, changes) = made(&plan, None, shelf);
        assert_eq!(items(&line_up), ["a", "b"]);
        assert_eq!(changes.left_out, [("c".to_owned(), Unusable::TooLong)]);
    }

    #[test]
    fn the_file_says_what_it_was_made_of_and_is_read_again() {
        let plan = plan("search = \"collection:x AND y\"\nrows = 3\nlicence = [\"by\"]");
        let (line_up, _) = made(&self::plan("items = [\"a\"]"), None, Shelf(vec![("a", film(60))]));
        let text = text(&line_up, &plan, "2026-11-20T20:42:00Z".parse().unwrap());
        assert!(text.starts_with(&format!(
            "# Made by testcard {} on 2026-11-20T20:42:00Z: ",
            env!("CARGO_PKG_VERSION")
        )));
        assert!(text.contains("\n#   7: 3 of collection:x AND y by downloads desc, licence by\n"));
        assert_eq!(LineUp::parse(&text), Ok(line_up));
    }

    #[test]
    fn a_file_that_a_person_wrote_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/line-up.toml");
        let made = format!("{MADE_BY}0: one\n");
        write(&path, &made).unwrap();
        write(&path, &format!("{MADE_BY}0: two\n")).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("two\n"));
        fs::write(&path, "# Mine.\n").unwrap();
        let refused = write(&path, &made).unwrap_err();
        assert!(refused.to_string().contains("--out"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "# Mine.\n");
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "nothing half-written is left");
    }
}
