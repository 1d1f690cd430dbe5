//! What can be wrong with a line-up, where, and what a person can do about it.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::plan::{LicenceKind, Source};
use super::{Channel, LineUp, Programme};

/// Something is wrong with a line-up. Shown, it is a sentence for the person who wrote the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LineUpError {
    /// Where in the text; `None` when it is not about one place.
    pub place: Option<Place>,
    /// Which channel and programme, in words; empty when it is not about one.
    pub subject: String,
    /// What is wrong.
    pub problem: LineUpProblem,
}

/// A place in a text, both counted from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

/// What is wrong with a line-up.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LineUpProblem {
    /// The text is longer than [`LineUp::TEXT_BYTES_MAX`]; this long.
    TextLength(usize),
    /// The text is not TOML, or not TOML of this form; what the TOML parser says.
    Toml(String),
    /// A version of the format other than [`LineUp::VERSION`].
    Version(i64),
    /// None, or more than [`LineUp::CHANNELS_MAX`] channels.
    ChannelCount(usize),
    /// An id that is not 1 to 32 of `a-z0-9-`.
    Id(String),
    /// An id that an earlier channel has.
    IdTwice(String),
    /// A number outside [`Channel::NUMBERS`].
    Number(i64),
    /// A number that an earlier channel has.
    NumberTwice(u16),
    /// A channel that replaces one channel has the number of another.
    NumberOfAnother {
        /// The name of the channel with that number.
        other: String,
    },
    /// A name, title or licence that is empty, too long, or has control characters in it.
    Label(String),
    /// A seed below zero.
    Seed(i64),
    /// A grid that cannot be read, or that the day is no multiple of.
    StartOn(String),
    /// An offset from UTC that cannot be read, or outside [`Channel::UTC_OFFSETS_MIN`].
    UtcOffset(String),
    /// More than [`Channel::DAY_PARTS_MAX`] parts of the day.
    PartCount(usize),
    /// A part of the day with the name of an earlier one.
    PartTwice(String),
    /// A time of day that cannot be read.
    TimeOfDay(String),
    /// A part that begins or ends between two starts.
    PartOffGrid {
        /// The time of day.
        text: String,
        /// Minutes from one start to the next.
        grid_min: u16,
    },
    /// A part that ends when it begins, at this time of day.
    PartWithoutEnd(String),
    /// Two parts of the day share some of it.
    PartsOverlap {
        /// The name of one.
        one: String,
        /// The name of the other.
        other: String,
    },
    /// No programme belongs to this part of the day.
    PartWithoutProgramme(String),
    /// Between its parts the day has nothing to play.
    NothingBetweenParts {
        /// From this time of day.
        from: String,
        /// To this.
        to: String,
    },
    /// A programme belongs to a part that the channel does not have.
    PartUnknown(String),
    /// A programme belongs to no part, and the parts take up the day.
    NeverOn,
    /// A programme and its way to the next start are longer than its part of the day.
    LongerThanPart {
        /// The minutes of that part, or of the longest time between parts.
        longest_min: u16,
    },
    /// More than [`Channel::FILLERS_MAX`] fillers.
    FillerCount(usize),
    /// A filler on a channel that has no gaps.
    FillerWithoutGap,
    /// A filler that belongs to a part of the day.
    FillerWithPart,
    /// None, or more than [`Channel::PROGRAMMES_MAX`] programmes.
    ProgrammeCount(usize),
    /// A year outside [`Programme::YEARS`].
    Year(i64),
    /// Not an archive.org identifier.
    Item(String),
    /// Not a path within an item.
    File(String),
    /// A file that cannot be this long.
    Bytes(i64),
    /// A description of so many characters.
    Description(usize),
    /// Not a path of subtitles within an item.
    Subtitles(String),
    /// A duration that cannot be read.
    Duration(String),
    /// A duration outside [`Programme::DURATIONS_MS`].
    DurationBounds(String),
    /// Nothing says what a channel, or a part of its day, plays.
    NoSource,
    /// Both items and a search do.
    TwoSources,
    /// None, or more than [`Channel::PROGRAMMES_MAX`] items.
    ItemCount(usize),
    /// Not a search: empty, too long, or with control characters.
    Search(String),
    /// Not a number of results.
    Rows(i64),
    /// Not an order of results.
    Sort(String),
    /// Not a licence that can be asked for.
    Licence(String),
    /// Not a choice of files.
    Files(String),
    /// The same film is on the channel already: the same file, or another rendition of it.
    FilmTwice {
        /// The file listed before.
        other: String,
    },
}

impl LineUpError {
    pub(super) fn overall(problem: LineUpProblem) -> Self {
        Self { place: None, subject: String::new(), problem }
    }

    pub(super) fn in_channel(channel: &Channel, problem: LineUpProblem) -> Self {
        let subject = format!("channel {} {}", channel.number, Quoted(&channel.name));
        Self { place: None, subject, problem }
    }
}

impl fmt::Display for LineUpError {
    /// `line 12, column 8: channel 3 "Living Room", "Dragnet": what is wrong; what to do`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.subject.is_empty() {
            write!(f, "{}: ", self.subject)?;
        }
        write!(f, "{}", self.problem)
    }
}

impl fmt::Display for LineUpProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TextLength(bytes) => {
                let max = LineUp::TEXT_BYTES_MAX;
                write!(f, "the line-up is {bytes} bytes long; keep it within {max}")
            }
            Self::Toml(message) => write!(f, "{message}"),
            Self::Version(version) => {
                let known = LineUp::VERSION;
                write!(
                    f,
                    "this Testcard reads version {known} of line-ups and not {version}; write \
                     version = {known}, or get a Testcard that reads {version}"
                )
            }
            Self::ChannelCount(0) => {
                f.write_str("the line-up has no channel; begin one with [[channel]]")
            }
            Self::ChannelCount(count) => {
                let max = LineUp::CHANNELS_MAX;
                write!(f, "the line-up has {count} channels; keep it within {max}")
            }
            Self::Id(id) => {
                let id = Quoted(id);
                write!(f, "{id} cannot be an id; use 1 to 32 of a-z, 0-9 and -, like \"night-owl\"")
            }
            Self::IdTwice(id) => {
                let id = Quoted(id);
                write!(f, "another channel has the id {id}; give this one an id of its own")
            }
            Self::Number(number) => {
                let (min, max) = (Channel::NUMBERS.start(), Channel::NUMBERS.end());
                write!(f, "{number} cannot be a channel's number; use {min} to {max}")
            }
            Self::NumberTwice(number) => write!(
                f,
                "another channel has the number {number}; give this one a number of its own"
            ),
            Self::NumberOfAnother { other } => {
                let other = Quoted(other);
                write!(
                    f,
                    "it replaces the channel with its id, but its number belongs to {other}; give \
                     it another number, or another id to replace {other} instead"
                )
            }
            Self::Label(text) => {
                let text = Quoted(text);
                write!(
                    f,
                    "{text} cannot be shown; use 1 to 200 characters on one line, without control \
                     characters"
                )
            }
            Self::Seed(seed) => write!(f, "{seed} cannot be a seed; use 0 or more"),
            Self::StartOn(text) => {
                let text = Quoted(text);
                write!(
                    f,
                    "{text} is nothing to start on; write \"hour\", \"half hour\", \
                     \"quarter hour\", or minutes that a day is a multiple of, like \"20 minutes\""
                )
            }
            Self::UtcOffset(text) => {
                let text = Quoted(text);
                write!(
                    f,
                    "{text} is not an offset from UTC; write hours and minutes from \"-12:00\" to \
                     \"+14:00\", like \"+01:00\""
                )
            }
            Self::PartCount(count) => {
                let max = Channel::DAY_PARTS_MAX;
                write!(f, "the day has {count} parts; keep it within {max}")
            }
            Self::PartTwice(name) => {
                let name = Quoted(name);
                write!(f, "another part of the day has the name {name}; give this one its own")
            }
            Self::TimeOfDay(text) => {
                let text = Quoted(text);
                write!(f, "{text} is not a time of day; write hours and minutes like \"20:00\"")
            }
            Self::PartOffGrid { text, grid_min } => {
                let text = Quoted(text);
                write!(
                    f,
                    "no programme starts at {text}, as they start every {grid_min} minutes from \
                     midnight on; move it, or change start_on"
                )
            }
            Self::PartWithoutEnd(text) => {
                let text = Quoted(text);
                write!(
                    f,
                    "the part of the day ends at {text}, when it begins; give it another end, or \
                     leave the part out where it is to be the whole day"
                )
            }
            Self::PartsOverlap { one, other } => {
                let (one, other) = (Quoted(one), Quoted(other));
                write!(
                    f,
                    "the parts {one} and {other} overlap; let one end before the other begins"
                )
            }
            Self::PartWithoutProgramme(name) => {
                let name = Quoted(name);
                write!(
                    f,
                    "no programme belongs to the part {name}; write part = {name} below one, or \
                     remove the part"
                )
            }
            Self::NothingBetweenParts { from, to } => write!(
                f,
                "there is nothing to play from {from} to {to}; add a programme without a part, or \
                 let the parts take up the day"
            ),
            Self::PartUnknown(name) => {
                let name = Quoted(name);
                write!(
                    f,
                    "the channel's day has no part {name}; add it with [[channel.day_part]], or \
                     name one that it has"
                )
            }
            Self::NeverOn => f.write_str(
                "it is never on, as it belongs to no part of the day and the parts leave nothing \
                 between them; give it a part",
            ),
            Self::LongerThanPart { longest_min } => write!(
                f,
                "it does not fit into its part of the day, {longest_min} minutes at most; make the \
                 part longer, or put the programme into another"
            ),
            Self::FillerCount(count) => {
                let max = Channel::FILLERS_MAX;
                write!(f, "the channel has {count} fillers; keep it within {max}")
            }
            Self::FillerWithoutGap => f.write_str(
                "the channel has no gap to fill; add start_on or a day part, or remove the filler",
            ),
            Self::FillerWithPart => f.write_str("a filler is for the whole day; remove its part"),
            Self::ProgrammeCount(0) => f.write_str(
                "the channel has no programme; add one with [[channel.programme]], or remove the \
                 channel",
            ),
            Self::ProgrammeCount(count) => {
                let max = Channel::PROGRAMMES_MAX;
                write!(f, "the channel has {count} programmes; keep it within {max}")
            }
            Self::Year(year) => {
                let (min, max) = (Programme::YEARS.start(), Programme::YEARS.end());
                write!(f, "{year} cannot be its year; use {min} to {max}, or leave it out")
            }
            Self::Item(item) => {
                let item = Quoted(item);
                write!(
                    f,
                    "{item} is not an archive.org identifier; use what follows \
                     archive.org/details/ in the address of its page"
                )
            }
            Self::File(file) => {
                let file = Quoted(file);
                write!(
                    f,
                    "{file} is not a file of an item; use its name as archive.org lists it, with \
                     folders before it and / between, not percent-encoded"
                )
            }
            Self::Bytes(bytes) => write!(
                f,
                "a film cannot be {bytes} bytes long; use the size that archive.org lists, or \
                 leave it out"
            ),
            Self::Description(chars) => write!(
                f,
                "a description has 1 to {} characters and this one {chars}; shorten it, or leave \
                 it out",
                Programme::DESCRIPTION_CHARS_MAX
            ),
            Self::Subtitles(file) => {
                let file = Quoted(file);
                write!(f, "{file} are no subtitles; use a .srt or .vtt file of the item")
            }
            Self::Duration(text) => {
                let text = Quoted(text);
                write!(
                    f,
                    "{text} is not a duration; write hours, minutes and seconds like \
                     \"1:31:44.5\", or minutes and seconds like \"7:22\""
                )
            }
            Self::DurationBounds(text) => {
                let text = Quoted(text);
                write!(f, "a programme cannot last {text}; use one second to 24 hours")
            }
            Self::NoSource => {
                f.write_str("nothing says what to play; write items = [\"…\"] or search = \"…\"")
            }
            Self::TwoSources => f.write_str("items and search are both there; keep one of the two"),
            Self::ItemCount(count) => {
                let max = Channel::PROGRAMMES_MAX;
                write!(f, "there are {count} items; list 1 to {max}")
            }
            Self::Search(query) => {
                let (query, max) = (Quoted(query), Source::QUERY_BYTES_MAX);
                write!(
                    f,
                    "{query} is no search; write 1 to {max} characters on one line, as into \
                     archive.org's search"
                )
            }
            Self::Rows(rows) => {
                let (min, max) = (Source::ROWS.start(), Source::ROWS.end());
                write!(f, "{rows} cannot be how many; use {min} to {max}")
            }
            Self::Sort(sort) => {
                let sort = Quoted(sort);
                write!(
                    f,
                    "{sort} is no order; write a field of the archive's and asc or desc, like \
                     \"downloads desc\""
                )
            }
            Self::Licence(word) => {
                let word = Quoted(word);
                write!(f, "{word} is no licence that can be told apart; use some of ")?;
                for (nth, kind) in LicenceKind::ALL.iter().enumerate() {
                    write!(f, "{}{}", if nth > 0 { ", " } else { "" }, kind.word())?;
                }
                Ok(())
            }
            Self::Files(word) => {
                let word = Quoted(word);
                write!(f, "{word} are no files; write \"longest\" or \"all\"")
            }
            Self::FilmTwice { other } => {
                let other = Quoted(other);
                write!(f, "the channel has this film already, as {other}; keep one of the two")
            }
        }
    }
}

impl core::error::Error for LineUpError {}

/// A text in quotes with its oddities escaped, cut off where a sentence would drown in it.
pub(super) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let (start, rest) = match self.0.char_indices().nth(60) {
            Some((end, _)) => (self.0.get(..end).unwrap_or_default(), "…"),
            None => (self.0, ""),
        };
        write!(f, "{}{rest}\"", start.escape_debug())
    }
}
