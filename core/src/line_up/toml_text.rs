//! From TOML to a line-up that keeps every rule, or to the first thing that breaks one.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::day::{DAY_MIN, DayPart, clock, grid, time_of_day, utc_offset};
use super::error::{LineUpError, LineUpProblem, Place, Quoted};
use super::{Channel, LineUp, Programme};

/// The text as serde sees it. Numbers are `i64` and times are strings here, so that the rules below
/// refuse them in our words and not in the parser's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineUpText {
    version: Option<Spanned<i64>>,
    #[serde(default)]
    channel: Vec<ChannelText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelText {
    id: Spanned<String>,
    number: Spanned<i64>,
    name: Spanned<String>,
    seed: Option<Spanned<i64>>,
    start_on: Option<Spanned<String>>,
    utc_offset: Option<Spanned<String>>,
    #[serde(default)]
    day_part: Vec<DayPartText>,
    #[serde(default)]
    programme: Vec<ProgrammeText>,
    #[serde(default)]
    filler: Vec<ProgrammeText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DayPartText {
    pub(super) name: Spanned<String>,
    pub(super) from: Spanned<String>,
    pub(super) to: Spanned<String>,
}

/// What a channel says of itself, in a line-up as in a plan.
pub(super) struct HeadText {
    pub(super) id: Spanned<String>,
    pub(super) number: Spanned<i64>,
    pub(super) name: Spanned<String>,
    pub(super) seed: Option<Spanned<i64>>,
    pub(super) start_on: Option<Spanned<String>>,
    pub(super) utc_offset: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgrammeText {
    title: Spanned<String>,
    year: Option<Spanned<i64>>,
    item: Spanned<String>,
    file: Spanned<String>,
    bytes: Option<Spanned<i64>>,
    duration: Spanned<String>,
    licence: Option<Spanned<String>>,
    description: Option<Spanned<String>>,
    subtitles: Option<Spanned<String>>,
    part: Option<Spanned<String>>,
}

pub(super) fn parse(toml: &str) -> Result<LineUp, LineUpError> {
    let text: LineUpText = read(toml)?;
    check_file(toml, text.version, text.channel.len())?;
    let mut channels: Vec<Channel> = Vec::new();
    for text in text.channel {
        let name = format!("channel {} {}", text.number.get_ref(), Quoted(text.name.get_ref()));
        let channel = channel(text, &channels, &Subject { toml, name })?;
        channels.push(channel);
    }
    channels.sort_by_key(|channel| channel.number);
    Ok(LineUp { channels })
}

/// The text as serde sees it, if it is TOML of that form and not too long.
pub(super) fn read<T: for<'de> Deserialize<'de>>(toml: &str) -> Result<T, LineUpError> {
    if toml.len() > LineUp::TEXT_BYTES_MAX {
        return Err(LineUpError::overall(LineUpProblem::TextLength(toml.len())));
    }
    toml::from_str(toml).map_err(|error| LineUpError {
        place: error.span().map(|span| place(toml, span.start)),
        subject: String::new(),
        problem: LineUpProblem::Toml(error.message().to_owned()),
    })
}

/// Checks what a file says above its channels, and how many there are.
pub(super) fn check_file(
    toml: &str,
    version: Option<Spanned<i64>>,
    channels: usize,
) -> Result<(), LineUpError> {
    let overall = Subject { toml, name: String::new() };
    overall.check_some(version, |version| match version {
        LineUp::VERSION => Ok(()),
        _ => Err(LineUpProblem::Version(version)),
    })?;
    if !(1..=LineUp::CHANNELS_MAX).contains(&channels) {
        return Err(LineUpError::overall(LineUpProblem::ChannelCount(channels)));
    }
    Ok(())
}

/// A channel with nothing to play yet.
pub(super) fn head<'a>(
    text: HeadText,
    before: impl Iterator<Item = &'a Channel> + Clone,
    subject: &Subject<'_>,
) -> Result<Channel, LineUpError> {
    let id = subject.check(text.id, |id| {
        let is_letter = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=32).contains(&id.len()) || !id.bytes().all(is_letter) {
            Err(LineUpProblem::Id(id))
        } else if before.clone().any(|other| other.id == id) {
            Err(LineUpProblem::IdTwice(id))
        } else {
            Ok(id)
        }
    })?;
    let number = subject.check(text.number, |number| match u16::try_from(number) {
        Ok(small) if before.clone().any(|other| other.number == small) => {
            Err(LineUpProblem::NumberTwice(small))
        }
        Ok(small) if Channel::NUMBERS.contains(&small) => Ok(small),
        _ => Err(LineUpProblem::Number(number)),
    })?;
    let name = subject.check(text.name, label)?;
    let seed = subject
        .check_some(text.seed, |seed| u64::try_from(seed).map_err(|_| LineUpProblem::Seed(seed)))?;
    let start_on_min = subject
        .check_some(text.start_on, |text| grid(&text).ok_or(LineUpProblem::StartOn(text)))?;
    let utc_offset_min = subject.check_some(text.utc_offset, |text| {
        utc_offset(&text).ok_or(LineUpProblem::UtcOffset(text))
    })?;
    let utc_offset_min = utc_offset_min.unwrap_or_default();
    Ok(Channel { id, number, name, seed, start_on_min, utc_offset_min, ..Channel::default() })
}

fn channel(
    text: ChannelText,
    before: &[Channel],
    subject: &Subject<'_>,
) -> Result<Channel, LineUpError> {
    let name_at = text.name.span().start;
    let head = head(
        HeadText {
            id: text.id,
            number: text.number,
            name: text.name,
            seed: text.seed,
            start_on: text.start_on,
            utc_offset: text.utc_offset,
        },
        before.iter(),
        subject,
    )?;
    let count = text.programme.len();
    if !(1..=Channel::PROGRAMMES_MAX).contains(&count) {
        return Err(subject.error(Some(name_at), LineUpProblem::ProgrammeCount(count)));
    }

    let mut films = BTreeMap::new();
    let (mut programmes, mut durations_at) = (Vec::new(), Vec::new());
    for text in text.programme {
        let name = format!("{}, {}", subject.name, Quoted(text.title.get_ref()));
        let subject = Subject { toml: subject.toml, name };
        durations_at.push(text.duration.span().start);
        programmes.push(programme(text, &mut films, &subject)?);
    }
    let mut fillers = Vec::new();
    let has_gaps = head.start_on_min.is_some() || !text.day_part.is_empty();
    let count = text.filler.len();
    for text in text.filler {
        let name = format!("{}, filler {}", subject.name, Quoted(text.title.get_ref()));
        let subject = Subject { toml: subject.toml, name };
        let text = ProgrammeText {
            title: subject.check(text.title.clone(), |_| match count {
                _ if !has_gaps => Err(LineUpProblem::FillerWithoutGap),
                1..=Channel::FILLERS_MAX => Ok(text.title),
                _ => Err(LineUpProblem::FillerCount(count)),
            })?,
            part: subject.check_some(text.part, |_| Err(LineUpProblem::FillerWithPart))?,
            ..text
        };
        fillers.push(programme(text, &mut films, &subject)?);
    }

    let (day_parts, parts_at) = day_parts(text.day_part, head.start_on_min, subject)?;
    let channel = Channel { day_parts, programmes, fillers, ..head };
    check_overlaps(&channel, &parts_at, subject)?;
    check_day(&channel, &parts_at, &durations_at, subject)?;
    Ok(channel)
}

/// The parts of a day, and the offset in the text that each begins at.
pub(super) fn day_parts(
    texts: Vec<DayPartText>,
    start_on_min: Option<u16>,
    subject: &Subject<'_>,
) -> Result<(Vec<DayPart>, Vec<usize>), LineUpError> {
    if texts.len() > Channel::DAY_PARTS_MAX {
        return Err(subject.error(None, LineUpProblem::PartCount(texts.len())));
    }
    let parts_at = texts.iter().map(|part| part.from.span().start).collect();
    let mut day_parts: Vec<DayPart> = Vec::new();
    for text in texts {
        let part = day_part(text, &day_parts, start_on_min, subject)?;
        day_parts.push(part);
    }
    Ok((day_parts, parts_at))
}

/// Whether no two parts of the day overlap.
pub(super) fn check_overlaps(
    channel: &Channel,
    parts_at: &[usize],
    subject: &Subject<'_>,
) -> Result<(), LineUpError> {
    channel.windows().map(drop).map_err(|(one, other)| {
        let problem = LineUpProblem::PartsOverlap {
            one: part_name(channel, one).to_owned(),
            other: part_name(channel, other).to_owned(),
        };
        subject.error(parts_at.get(other).copied(), problem)
    })
}

fn part_name(channel: &Channel, part: usize) -> &str {
    channel.day_parts.get(part).map_or("", |part| &part.name)
}

fn day_part(
    text: DayPartText,
    before: &[DayPart],
    start_on_min: Option<u16>,
    subject: &Subject<'_>,
) -> Result<DayPart, LineUpError> {
    let name = subject.check(text.name, |name| {
        let name = label(name)?;
        let is_new = before.iter().all(|other| other.name != name);
        if is_new { Ok(name) } else { Err(LineUpProblem::PartTwice(name)) }
    })?;
    let minutes = |text: String| match (time_of_day(&text), start_on_min) {
        (None, _) => Err(LineUpProblem::TimeOfDay(text)),
        (Some(minutes), Some(grid_min)) if minutes % grid_min != 0 => {
            Err(LineUpProblem::PartOffGrid { text, grid_min })
        }
        (Some(minutes), _) => Ok(minutes),
    };
    let from_min = subject.check(text.from, minutes)?;
    let to_min = subject.check(text.to, |text| match minutes(text)? {
        same if same == from_min => Err(LineUpProblem::PartWithoutEnd(clock(same))),
        other => Ok(other),
    })?;
    Ok(DayPart { name, from_min, to_min })
}

/// Whether each part of the day has something to play, and each programme a part that it fits.
fn check_day(
    channel: &Channel,
    parts_at: &[usize],
    durations_at: &[usize],
    subject: &Subject<'_>,
) -> Result<(), LineUpError> {
    let part_name = |part: usize| part_name(channel, part);
    let part_at = |part: usize| parts_at.get(part).copied();
    // Whoever calls has checked that they do not overlap.
    let windows = channel.windows().unwrap_or_default();

    for (programme, at) in channel.programmes.iter().zip(durations_at) {
        let fails = |problem| {
            let name = format!("{}, {}", subject.name, Quoted(&programme.title));
            Err(Subject { toml: subject.toml, name }.error(Some(*at), problem))
        };
        let name = programme.part.as_deref();
        if let Some(name) = name
            && !channel.day_parts.iter().any(|part| part.name == name)
        {
            return fails(LineUpProblem::PartUnknown(name.to_owned()));
        }
        let Some(longest_min) = channel.room_min(name) else {
            return fails(LineUpProblem::NeverOn);
        };
        if !channel.has_room_for(programme) {
            return fails(LineUpProblem::LongerThanPart { longest_min });
        }
    }
    for window in &windows {
        if channel.programmes_of(window.part).next().is_none() {
            let (problem, at) = match window.part {
                Some(part) => {
                    (LineUpProblem::PartWithoutProgramme(part_name(part).to_owned()), part_at(part))
                }
                None => {
                    let to_min = (window.from_min + window.length_min) % DAY_MIN;
                    let (from, to) = (clock(window.from_min), clock(to_min));
                    (LineUpProblem::NothingBetweenParts { from, to }, None)
                }
            };
            return Err(subject.error(at, problem));
        }
    }
    Ok(())
}

/// The films that a channel has so far: item and [`film`], and the file listed for it.
type Films = BTreeMap<(String, String), String>;

fn programme(
    text: ProgrammeText,
    films: &mut Films,
    subject: &Subject<'_>,
) -> Result<Programme, LineUpError> {
    let title = subject.check(text.title, label)?;
    let year = subject.check_some(text.year, |year| match u16::try_from(year) {
        Ok(small) if Programme::YEARS.contains(&small) => Ok(small),
        _ => Err(LineUpProblem::Year(year)),
    })?;
    let item = subject.check(text.item, |item| {
        if is_identifier(&item) { Ok(item) } else { Err(LineUpProblem::Item(item)) }
    })?;
    let file = subject.check(text.file, |file| {
        if !is_path_in_item(&file) {
            return Err(LineUpProblem::File(file));
        }
        match films.insert((item.clone(), film(&file).to_owned()), file.clone()) {
            Some(other) => Err(LineUpProblem::FilmTwice { other }),
            None => Ok(file),
        }
    })?;
    let bytes = subject.check_some(text.bytes, |bytes| match u64::try_from(bytes) {
        Ok(positive @ 1..) => Ok(positive),
        _ => Err(LineUpProblem::Bytes(bytes)),
    })?;
    let duration_ms = subject.check(text.duration, |text| match duration_ms(&text) {
        Some(millis) if Programme::DURATIONS_MS.contains(&millis) => Ok(millis),
        Some(_) => Err(LineUpProblem::DurationBounds(text)),
        None => Err(LineUpProblem::Duration(text)),
    })?;
    let licence = subject.check_some(text.licence, label)?;
    let description = subject.check_some(text.description, |text| {
        let fits = (1..=Programme::DESCRIPTION_CHARS_MAX).contains(&text.chars().count());
        if fits { Ok(text) } else { Err(LineUpProblem::Description(text.chars().count())) }
    })?;
    let subtitles = subject.check_some(text.subtitles, |file| {
        let is_known = [".srt", ".vtt"].iter().any(|ending| file.ends_with(ending));
        if is_known && is_path_in_item(&file) {
            Ok(file)
        } else {
            Err(LineUpProblem::Subtitles(file))
        }
    })?;
    Ok(Programme {
        title,
        year,
        item,
        file,
        bytes,
        duration_ms,
        licence,
        description,
        subtitles,
        part: text.part.map(Spanned::into_inner),
    })
}

/// What is being read, in words, and the text it stands in: makes an error out of a problem.
pub(super) struct Subject<'a> {
    pub(super) toml: &'a str,
    pub(super) name: String,
}

impl Subject<'_> {
    pub(super) fn check<T, U>(
        &self,
        value: Spanned<T>,
        rule: impl FnOnce(T) -> Result<U, LineUpProblem>,
    ) -> Result<U, LineUpError> {
        let start = value.span().start;
        rule(value.into_inner()).map_err(|problem| self.error(Some(start), problem))
    }

    /// The error that a problem at this offset in the text is.
    pub(super) fn error(&self, at: Option<usize>, problem: LineUpProblem) -> LineUpError {
        let place = at.map(|offset| place(self.toml, offset));
        LineUpError { place, subject: self.name.clone(), problem }
    }

    pub(super) fn check_some<T, U>(
        &self,
        value: Option<Spanned<T>>,
        rule: impl FnOnce(T) -> Result<U, LineUpProblem>,
    ) -> Result<Option<U>, LineUpError> {
        value.map(|value| self.check(value, rule)).transpose()
    }
}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or(before);
    Place { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

fn label(text: String) -> Result<String, LineUpProblem> {
    let is_good = (1..=200).contains(&text.chars().count()) && !text.contains(char::is_control);
    if is_good { Ok(text) } else { Err(LineUpProblem::Label(text)) }
}

/// Whether archive.org would accept it as an item's identifier: ASCII letters, digits, `_`, `-` and
/// `.`, of which the last three cannot come first; at most 100 characters.
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Whether it names a file below an item and nothing beside or above it.
fn is_path_in_item(path: &str) -> bool {
    path.len() <= 1000
        && !path.contains(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// What an original and the renditions that archive.org derives from it have in common: of
/// `Film.mpeg`, `Film.mp4`, `Film.ia.mp4` and `Film_512kb.mp4`, that is `Film`.
///
/// One item may well hold several films, the episodes of a series; but two renditions of one film
/// on a channel would be shown as two.
pub(super) fn film(path: &str) -> &str {
    let Some((stem, extension)) = path.rsplit_once('.') else { return path };
    if !(1..=4).contains(&extension.len()) || !extension.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return path;
    }
    [".ia", "_512kb", "_256kb", "_64kb"]
        .iter()
        .find_map(|suffix| stem.strip_suffix(suffix))
        .unwrap_or(stem)
}

/// `H:MM:SS` or `M:SS`, with up to three decimals, in milliseconds. At most two digits of hours,
/// and of minutes where they come first; minutes and seconds below 60.
fn duration_ms(text: &str) -> Option<u64> {
    let (whole, millis) = match text.split_once('.') {
        Some((whole, decimals)) => {
            let tens = 3_u32.checked_sub(u32::try_from(decimals.len()).ok()?)?;
            (whole, digits(decimals, 1..=3)? * 10_u64.pow(tens))
        }
        None => (text, 0),
    };
    let (minutes, seconds) = whole.rsplit_once(':')?;
    let (hours, minutes) = match minutes.split_once(':') {
        Some((hours, minutes)) => (digits(hours, 1..=2)?, digits(minutes, 2..=2)?),
        None => (0, digits(minutes, 1..=2)?),
    };
    let seconds = digits(seconds, 2..=2)?;
    let is_time = minutes < 60 && seconds < 60;
    is_time.then_some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

/// A number of so many decimal digits and nothing else: no sign, no space.
fn digits(text: &str, count: RangeInclusive<usize>) -> Option<u64> {
    let is_number = count.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    /// A line-up with nothing wrong, to go wrong in one place at a time.
    const GOOD: &str = r#"
[[channel]]
id = "night-owl"
number = 5
name = "Night Owl"

[[channel.programme]]
title = "D.O.A."
year = 1949
item = "thoseguysontheradio_gmail_Doa"
file = "doa_1949.mp4"
bytes = 519_470_590
duration = "1:23:09.8"
licence = "Unknown"
description = "A man reports a murder: his own."
subtitles = "doa_1949.srt"

[[channel.programme]]
title = "Detour"
item = "Detour"
file = "Detour_512kb.mp4"
duration = "1:07:38.3"
"#;

    /// What parsing says about the good line-up with that changed.
    fn says(old: &str, new: &str) -> String {
        assert_eq!(GOOD.matches(old).count(), 1, "{old:?} is to stand there once");
        match parse(&GOOD.replacen(old, new, 1)) {
            Ok(_) => "fine".to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn everything_that_is_written_is_read() {
        let line_up = parse(GOOD).unwrap();
        let [channel] = line_up.channels.as_slice() else { panic!("{line_up:?}") };
        assert_eq!((&*channel.id, channel.number, &*channel.name), ("night-owl", 5, "Night Owl"));
        assert_eq!(
            channel.programmes,
            [
                Programme {
                    title: "D.O.A.".to_owned(),
                    year: Some(1949),
                    item: "thoseguysontheradio_gmail_Doa".to_owned(),
                    file: "doa_1949.mp4".to_owned(),
                    bytes: Some(519_470_590),
                    duration_ms: 4_989_800,
                    licence: Some("Unknown".to_owned()),
                    description: Some("A man reports a murder: his own.".to_owned()),
                    subtitles: Some("doa_1949.srt".to_owned()),
                    part: None,
                },
                Programme {
                    title: "Detour".to_owned(),
                    year: None,
                    item: "Detour".to_owned(),
                    file: "Detour_512kb.mp4".to_owned(),
                    bytes: None,
                    duration_ms: 4_058_300,
                    licence: None,
                    description: None,
                    subtitles: None,
                    part: None,
                },
            ]
        );
    }

    #[test]
    fn an_error_says_where_and_what_is_wrong_and_what_to_do() {
        assert_eq!(
            says("\"1:07:38.3\"", "\"67 min\""),
            "line 22, column 12: channel 5 \"Night Owl\", \"Detour\": \"67 min\" is not a \
             duration; write hours, minutes and seconds like \"1:31:44.5\", or minutes and \
             seconds like \"7:22\""
        );
        assert_eq!(
            says("number = 5", "number = 1000"),
            "line 4, column 10: channel 1000 \"Night Owl\": 1000 cannot be a channel's number; \
             use 1 to 999"
        );
    }

    #[test]
    fn an_error_stays_a_sentence_whatever_it_is_about() {
        let said = says("title = \"Detour\"", &format!("title = \"{}\"", "\u{e9}".repeat(1000)));
        assert!(said.contains(&format!("\"{}…\" cannot be shown", "\u{e9}".repeat(60))), "{said}");
        assert!(said.chars().count() < 300, "{said}");
    }

    #[test]
    fn a_text_of_another_form_is_refused_in_the_words_of_the_toml_parser() {
        assert_eq!(
            says("year = 1949", "yaer = 1949"),
            "line 9, column 1: unknown field `yaer`, expected one of `title`, `year`, `item`, \
             `file`, `bytes`, `duration`, `licence`, `description`, `subtitles`, `part`"
        );
        assert_eq!(
            says("duration = \"1:07:38.3\"\n", ""),
            "line 18, column 1: missing field `duration`"
        );
        assert_eq!(
            says("number = 5", "number = 5.0"),
            "line 4, column 10: invalid type: floating point `5.0`, expected i64"
        );
        assert!(says("id = \"night-owl\"", "id = ").starts_with("line 3, column "));
    }

    #[test]
    fn numbers_run_from_1_to_999() {
        for (number, good) in [("0", false), ("1", true), ("999", true), ("1000", false)] {
            let said = says("number = 5", &format!("number = {number}"));
            assert_eq!(said == "fine", good, "{number}: {said}");
        }
        assert!(says("number = 5", "number = -1").contains("cannot be a channel's number"));
        assert!(says("number = 5", "number = 65541").contains("cannot be a channel's number"));
    }

    #[test]
    fn an_id_is_a_short_slug() {
        for (id, good) in [
            ("a", true),
            ("abcdefghij-abcdefghij-0123456789", true),
            ("abcdefghij-abcdefghij-01234567890", false),
            ("", false),
            ("Night", false),
            ("night owl", false),
            ("nuit-é", false),
        ] {
            let said = says("id = \"night-owl\"", &format!("id = \"{id}\""));
            assert_eq!(said == "fine", good, "{id:?}: {said}");
        }
    }

    #[test]
    fn a_year_is_one_of_film() {
        for (year, good) in [(1869, false), (1870, true), (2099, true), (2100, false), (-1, false)]
        {
            let said = says("year = 1949", &format!("year = {year}"));
            assert_eq!(said == "fine", good, "{year}: {said}");
        }
    }

    #[test]
    fn bytes_are_at_least_one() {
        assert_eq!(says("bytes = 519_470_590", "bytes = 1"), "fine");
        assert_eq!(says("bytes = 519_470_590", "bytes = 9223372036854775807"), "fine");
        assert!(says("bytes = 519_470_590", "bytes = 0").contains("cannot be 0 bytes long"));
        assert!(says("bytes = 519_470_590", "bytes = -5").contains("cannot be -5 bytes long"));
    }

    #[test]
    fn what_is_shown_fits_on_a_line() {
        for key in ["name = \"Night Owl\"", "title = \"D.O.A.\"", "licence = \"Unknown\""] {
            let with = |value: &str| {
                says(key, &format!("{} = \"{value}\"", key.split_once(' ').unwrap().0))
            };
            assert_eq!(with("Häxan & …"), "fine");
            assert_eq!(with(&"é".repeat(200)), "fine");
            for bad in ["", &"é".repeat(201), "a\\nb", "a\\u0007b"] {
                assert!(with(bad).contains("cannot be shown"), "{key} {bad:?}");
            }
        }
    }

    #[test]
    fn a_description_is_neither_empty_nor_endless() {
        let with = |text: &str| {
            let old = "\"A man reports a murder: his own.\"";
            says(old, &format!("\"{text}\""))
        };
        let most = Programme::DESCRIPTION_CHARS_MAX;
        assert_eq!(with("é"), "fine");
        assert_eq!(with("Two lines,\\nor a list."), "fine");
        assert_eq!(with(&"é".repeat(most)), "fine");
        assert_eq!(
            with(&"é".repeat(most + 1)),
            "line 15, column 15: channel 5 \"Night Owl\", \"D.O.A.\": a description has 1 to 2000 \
             characters and this one 2001; shorten it, or leave it out"
        );
        assert!(with("").contains("this one 0"));
    }

    #[test]
    fn subtitles_are_a_srt_or_vtt_file_of_the_item() {
        for (file, good) in [
            ("doa.srt", true),
            ("sub folder/doa.en.vtt", true),
            ("doa.SRT", false),
            ("doa.ass", false),
            ("doa", false),
            ("", false),
            ("../doa.srt", false),
            ("/doa.srt", false),
        ] {
            let said = says("\"doa_1949.srt\"", &format!("\"{file}\""));
            assert_eq!(said == "fine", good, "{file:?}: {said}");
        }
        assert_eq!(
            says("\"doa_1949.srt\"", "\"doa_1949.txt\""),
            "line 16, column 13: channel 5 \"Night Owl\", \"D.O.A.\": \"doa_1949.txt\" are no \
             subtitles; use a .srt or .vtt file of the item"
        );
    }

    #[test]
    fn a_version_is_read_where_it_is_known() {
        assert_eq!(parse(&format!("version = 1\n{GOOD}")), parse(GOOD));
        assert_eq!(
            parse(&format!("version = 2\n{GOOD}")).unwrap_err().to_string(),
            "line 1, column 11: this Testcard reads version 1 of line-ups and not 2; write \
             version = 1, or get a Testcard that reads 2"
        );
    }

    /// A channel with all that version 2 of the schedule has, to go wrong in one place at a time.
    const ARRANGED: &str = r#"
[[channel]]
id = "night-owl"
number = 5
name = "Night Owl"
seed = 7
start_on = "half hour"
utc_offset = "+01:00"

[[channel.day_part]]
name = "night"
from = "20:00"
to = "06:00"

[[channel.programme]]
title = "Detour"
item = "Detour"
file = "Detour_512kb.mp4"
duration = "1:07:38.3"
part = "night"

[[channel.programme]]
title = "Duck and Cover"
item = "DuckandC1951"
file = "DuckandC1951_512kb.mp4"
duration = "9:15.4"

[[channel.filler]]
title = "Trailer"
item = "trailer"
file = "trailer.mp4"
duration = "1:41"
"#;

    /// What parsing says about the arranged line-up with that changed, but for its channel.
    fn arranged_says(old: &str, new: &str) -> String {
        assert_eq!(ARRANGED.matches(old).count(), 1, "{old:?} is to stand there once");
        match parse(&ARRANGED.replacen(old, new, 1)) {
            Ok(_) => "fine".to_string(),
            Err(error) => error.to_string().replace("channel 5 \"Night Owl\"", "it"),
        }
    }

    #[test]
    fn a_channels_arrangement_is_read() {
        let line_up = parse(ARRANGED).unwrap();
        let [channel] = line_up.channels.as_slice() else { panic!("{line_up:?}") };
        assert_eq!(
            (channel.seed, channel.start_on_min, channel.utc_offset_min),
            (Some(7), Some(30), 60)
        );
        let night = DayPart { name: "night".to_owned(), from_min: 1200, to_min: 360 };
        assert_eq!(channel.day_parts, [night]);
        assert_eq!(channel.programmes.len(), 2);
        assert_eq!(channel.programmes[0].part.as_deref(), Some("night"));
        assert_eq!(channel.fillers.len(), 1);
    }

    /// The end of the night, and another part after it.
    fn and_part(name: &str, from: &str, to: &str) -> String {
        let part = format!("name = \"{name}\"\nfrom = \"{from}\"\nto = \"{to}\"");
        format!("to = \"06:00\"\n[[channel.day_part]]\n{part}")
    }

    #[test]
    fn what_is_wrong_with_a_channels_arrangement_is_said_and_where() {
        for (old, new, said) in [
            ("seed = 7", "seed = -1", "line 6, column 8: it: -1 cannot be a seed; use 0 or more"),
            (
                "\"half hour\"",
                "\"7 minutes\"",
                "line 7, column 12: it: \"7 minutes\" is nothing to start on; write \"hour\", \
                 \"half hour\", \"quarter hour\", or minutes that a day is a multiple of, like \
                 \"20 minutes\"",
            ),
            (
                "\"+01:00\"",
                "\"Europe/Berlin\"",
                "line 8, column 14: it: \"Europe/Berlin\" is not an offset from UTC; write hours \
                 and minutes from \"-12:00\" to \"+14:00\", like \"+01:00\"",
            ),
            (
                "\"20:00\"",
                "\"8 pm\"",
                "line 12, column 8: it: \"8 pm\" is not a time of day; write hours and minutes \
                 like \"20:00\"",
            ),
            (
                "\"20:00\"",
                "\"20:10\"",
                "line 12, column 8: it: no programme starts at \"20:10\", as they start every 30 \
                 minutes from midnight on; move it, or change start_on",
            ),
            (
                "\"06:00\"",
                "\"20:00\"",
                "line 13, column 6: it: the part of the day ends at \"20:00\", when it begins; \
                 give it another end, or leave the part out where it is to be the whole day",
            ),
            (
                "to = \"06:00\"",
                &and_part("late", "23:00", "01:00"),
                "line 16, column 8: it: the parts \"night\" and \"late\" overlap; let one end \
                 before the other begins",
            ),
            (
                "to = \"06:00\"",
                &and_part("night", "08:00", "09:00"),
                "line 15, column 8: it: another part of the day has the name \"night\"; give this \
                 one its own",
            ),
            (
                "to = \"06:00\"",
                &and_part("day", "08:00", "09:00"),
                "line 16, column 8: it: no programme belongs to the part \"day\"; write part = \
                 \"day\" below one, or remove the part",
            ),
            (
                "part = \"night\"",
                "part = \"knight\"",
                "line 19, column 12: it, \"Detour\": the channel's day has no part \"knight\"; add \
                 it with [[channel.day_part]], or name one that it has",
            ),
            (
                "to = \"06:00\"",
                "to = \"21:00\"",
                "line 19, column 12: it, \"Detour\": it does not fit into its part of the day, 60 \
                 minutes at most; make the part longer, or put the programme into another",
            ),
            (
                "duration = \"9:15.4\"",
                "duration = \"9:15.4\"\npart = \"night\"",
                "it: there is nothing to play from 06:00 to 20:00; add a programme without a part, \
                 or let the parts take up the day",
            ),
            (
                "duration = \"1:41\"",
                "duration = \"1:41\"\npart = \"night\"",
                "line 33, column 8: it, filler \"Trailer\": a filler is for the whole day; remove \
                 its part",
            ),
        ] {
            assert_eq!(arranged_says(old, new), said);
        }
    }

    #[test]
    fn a_filler_needs_a_gap_to_fill() {
        let filler = &ARRANGED[ARRANGED.find("[[channel.filler]]").unwrap()..];
        assert_eq!(
            parse(&format!("{GOOD}{filler}")).unwrap_err().to_string(),
            "line 24, column 9: channel 5 \"Night Owl\", filler \"Trailer\": the channel has no \
             gap to fill; add start_on or a day part, or remove the filler"
        );
    }

    #[test]
    fn a_programme_without_a_part_is_never_on_where_parts_take_up_the_day() {
        let said = arranged_says("to = \"06:00\"", &and_part("day", "06:00", "20:00"));
        assert!(said.contains("\"Duck and Cover\": it is never on"), "{said}");
    }

    #[test]
    fn an_item_is_an_identifier_of_archive_org() {
        for (item, good) in [
            ("plan.-9.-from.-outer.-space.-1957", true),
            ("a", true),
            (&*"a".repeat(100), true),
            (&*"a".repeat(101), false),
            ("", false),
            ("-a", false),
            (".a", false),
            ("_a", false),
            ("a/b", false),
            ("a b", false),
            ("a?b", false),
            ("é", false),
        ] {
            let said = says("item = \"Detour\"", &format!("item = \"{item}\""));
            assert_eq!(said == "fine", good, "{item:?}: {said}");
        }
    }

    #[test]
    fn a_file_stays_within_its_item() {
        for (file, good) in [
            ("a", true),
            ("Plan 9 (1957)/mp4/Plan.9.mp4", true),
            ("100% é? #1.mp4", true),
            ("..a/.b/c..", true),
            (&*"a".repeat(1000), true),
            (&*"a".repeat(1001), false),
            ("", false),
            ("/a.mp4", false),
            ("a/", false),
            ("a//b", false),
            ("../a", false),
            ("a/..", false),
            ("a/./b", false),
            ("a\\nb", false),
            ("a\\u0085b", false),
        ] {
            let said = says("file = \"Detour_512kb.mp4\"", &format!("file = \"{file}\""));
            assert_eq!(said == "fine", good, "{file:?}: {said}");
        }
    }

    #[test]
    fn a_duration_is_read_to_the_millisecond() {
        for (text, expected) in [
            ("1:31:44.5", Some(5_504_500)),
            ("0:01", Some(1_000)),
            ("7:22", Some(442_000)),
            ("07:22", Some(442_000)),
            ("59:59.999", Some(3_599_999)),
            ("0:00:00.07", Some(70)),
            ("0:00.007", Some(7)),
            ("99:59:59.999", Some(359_999_999)),
        ] {
            assert_eq!(duration_ms(text), expected, "{text:?}");
        }
        for text in [
            "",
            ":",
            "1",
            "1.5",
            "90",
            "1:",
            ":30",
            "1:3",
            "1:60",
            "60:00",
            "1:60:00",
            "1:1:00",
            "100:00:00",
            "1:00:00:00",
            "1:00.",
            "1:00.0000",
            "-1:00",
            "+1:00",
            "1:-5",
            "1: 5",
            "1:00 ",
            "1:00.5s",
            "1:00,5",
            "１:00",
            "001:00",
            "1:00.1.1",
        ] {
            assert_eq!(duration_ms(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_programme_lasts_a_second_to_a_day() {
        for (text, good) in
            [("0:00.999", false), ("0:01", true), ("24:00:00", true), ("24:00:00.001", false)]
        {
            let said = says("\"1:07:38.3\"", &format!("\"{text}\""));
            assert_eq!(said == "fine", good, "{text}: {said}");
            assert!(good || said.contains("use one second to 24 hours"), "{said}");
        }
    }

    #[test]
    fn two_renditions_of_one_film_are_one_programme() {
        let second = |item: &str, file: &str| {
            let old = "item = \"Detour\"\nfile = \"Detour_512kb.mp4\"";
            says(old, &format!("item = \"{item}\"\nfile = \"{file}\""))
        };
        let item = "thoseguysontheradio_gmail_Doa";
        for file in
            ["doa_1949.mp4", "doa_1949.mpeg", "doa_1949_512kb.mp4", "doa_1949.ia.mp4", "doa_1949"]
        {
            assert_eq!(
                second(item, file),
                "line 21, column 8: channel 5 \"Night Owl\", \"Detour\": the channel has this film \
                 already, as \"doa_1949.mp4\"; keep one of the two"
            );
        }
    }

    #[test]
    fn an_item_may_hold_several_films() {
        let second = |item: &str, file: &str| {
            let old = "item = \"Detour\"\nfile = \"Detour_512kb.mp4\"";
            says(old, &format!("item = \"{item}\"\nfile = \"{file}\""))
        };
        let item = "thoseguysontheradio_gmail_Doa";
        for file in ["doa_1950.mp4", "doa_1949 part 2.mp4", "mp4/doa_1949.mp4", "doa.1949.mp4"] {
            assert_eq!(second(item, file), "fine", "{file:?}");
        }
        assert_eq!(second("another", "doa_1949.mp4"), "fine");
    }

    #[test]
    fn a_channel_has_an_id_and_a_number_of_its_own() {
        let second = |id: &str, number: u16| {
            let more = GOOD.replace("night-owl", id);
            let more = more.replace("number = 5", &format!("number = {number}"));
            match parse(&format!("{GOOD}{more}")) {
                Ok(line_up) => {
                    let numbers = line_up.channels.iter().map(|channel| channel.number);
                    format!("{:?}", numbers.collect::<Vec<_>>())
                }
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(second("early-bird", 4), "[4, 5]", "sorted by number");
        assert!(second("night-owl", 4).contains("another channel has the id \"night-owl\""));
        assert!(second("early-bird", 5).contains("another channel has the number 5"));
    }

    #[test]
    fn counts_are_bounded() {
        let problem = |text: &str| parse(text).map_err(|error| error.problem).err();
        assert_eq!(problem(""), Some(LineUpProblem::ChannelCount(0)));
        assert_eq!(
            problem("[[channel]]\nid = \"a\"\nnumber = 1\nname = \"A\""),
            Some(LineUpProblem::ProgrammeCount(0))
        );

        let channels = |count: usize| -> String {
            let one = |n: usize| {
                GOOD.replace("night-owl", &format!("n{n}"))
                    .replace("number = 5", &format!("number = {}", n + 1))
            };
            (0..count).map(one).collect()
        };
        let most = LineUp::CHANNELS_MAX;
        assert_eq!(problem(&channels(most)), None);
        assert_eq!(problem(&channels(most + 1)), Some(LineUpProblem::ChannelCount(most + 1)));

        let programmes = |count: usize| -> String {
            let one = |n: usize| {
                format!(
                    "[[channel.programme]]\ntitle = \"A\"\nitem = \"a\"\nfile = \"{n}.mp4\"\n\
                     duration = \"1:00\"\n"
                )
            };
            let all: String = (0..count).map(one).collect();
            format!("[[channel]]\nid = \"a\"\nnumber = 1\nname = \"A\"\n{all}")
        };
        let most = Channel::PROGRAMMES_MAX;
        assert_eq!(problem(&programmes(most)), None);
        assert_eq!(problem(&programmes(most + 1)), Some(LineUpProblem::ProgrammeCount(most + 1)));

        let padded = |len: usize| format!("{GOOD}{}", "#".repeat(len - GOOD.len()));
        let most = LineUp::TEXT_BYTES_MAX;
        assert_eq!(problem(&padded(most)), None);
        assert_eq!(problem(&padded(most + 1)), Some(LineUpProblem::TextLength(most + 1)));
    }

    #[test]
    fn a_place_counts_characters_and_lines_from_one() {
        let text = "ab\nçé x\n";
        let x = text.find('x').unwrap();
        assert_eq!(place(text, 0), Place { line: 1, column: 1 });
        assert_eq!(place(text, x), Place { line: 2, column: 4 });
        assert_eq!(place(text, text.len()), Place { line: 3, column: 1 });
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, at: prop::sample::Index, cut in 0..40_usize) {
            let _ = parse(&text);
            // Half a line-up with something strange in it says more than noise does.
            let boundary = |offset| GOOD.ceil_char_boundary(offset);
            let from = at.index(GOOD.len());
            let (before, after) = (&GOOD[..boundary(from)], &GOOD[boundary(from + cut)..]);
            if let Err(error) = parse(&format!("{before}{text}{after}")) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
