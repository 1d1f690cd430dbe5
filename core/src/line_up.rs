//! The line-up: which channels there are and what they play, as a person writes it down. Never says
//! when anything is on (that is [`crate::schedule`]) nor whether it can be played.
//!
//! `core/line-up.toml` is the one that everybody gets; its head explains the format. A person's own
//! file has the same format and goes on top, see [`LineUp::merged_with`].

mod day;
mod error;
mod plan;
mod toml_text;
mod toml_writing;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::ops::RangeInclusive;

pub use day::{DAY_MIN, DayPart};
pub use error::{LineUpError, LineUpProblem, Place};
pub use plan::{Files, LicenceKind, Plan, PlannedChannel, Source, Wanted};

/// Channels and what they play.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LineUp {
    /// Sorted by number.
    pub channels: Vec<Channel>,
}

/// One channel.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Channel {
    /// A short name that never changes, `a-z0-9-`: it keys the channel's shuffle, so a channel that
    /// is renamed or renumbered keeps its schedule.
    pub id: String,
    /// The number on the remote control, in [`Channel::NUMBERS`].
    pub number: u16,
    /// The name on the screen.
    pub name: String,
    /// The seed of its schedule, where it has one of its own: the set's has no part in it then.
    pub seed: Option<u64>,
    /// Every programme starts at a multiple of so many minutes after midnight on the channel's
    /// clock, a divisor of [`DAY_MIN`]; `None`: one starts where the other ends.
    pub start_on_min: Option<u16>,
    /// How far the channel's clock is ahead of UTC, in [`Channel::UTC_OFFSETS_MIN`], all year
    /// round. It says what is midnight for `start_on_min` and `day_parts`.
    pub utc_offset_min: i16,
    /// Parts of the day with programmes of their own. They do not overlap.
    pub day_parts: Vec<DayPart>,
    /// What it plays, at least one. Their order matters to the shuffle and to nothing else.
    pub programmes: Vec<Programme>,
    /// Shorts and idents for what is left before the next programme starts. Nothing is ever left on
    /// a channel with neither `start_on_min` nor `day_parts`.
    pub fillers: Vec<Programme>,
}

/// One film, or one episode.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Programme {
    /// As shown on the screen.
    pub title: String,
    /// The year it was first shown, where known, in [`Programme::YEARS`].
    pub year: Option<u16>,
    /// The archive.org identifier of the item that holds it.
    pub item: String,
    /// The path of the file within the item, unencoded.
    pub file: String,
    /// The file's length in bytes, where known.
    pub bytes: Option<u64>,
    /// How long its slot is, in [`Programme::DURATIONS_MS`].
    pub duration_ms: u64,
    /// In a person's words, where known.
    pub licence: Option<String>,
    /// What it is about, in at most [`Programme::DESCRIPTION_CHARS_MAX`] characters, where known.
    pub description: Option<String>,
    /// The path within the item of its subtitles, `.srt` or `.vtt`, unencoded, where there are any.
    pub subtitles: Option<String>,
    /// The name of the [`DayPart`] that it belongs to; `None`: it is on between them.
    pub part: Option<String>,
}

impl LineUp {
    /// The longest text that [`LineUp::parse`] reads: room for some 30,000 programmes, of 500 bytes
    /// with their descriptions.
    pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
    /// The most channels in a line-up.
    pub const CHANNELS_MAX: usize = 100;

    /// The version of the format that this crate reads and writes. A file without one has this.
    pub const VERSION: i64 = 1;

    /// The five channels that everybody gets: `core/line-up.toml`.
    pub fn built_in() -> Self {
        Self::parse(include_str!("../line-up.toml"))
            .expect("the file is part of this crate and a test parses it")
    }

    /// Reads a line-up from TOML.
    ///
    /// # Errors
    /// The first thing that is wrong with it, where, and what to do about it.
    pub fn parse(toml: &str) -> Result<Self, LineUpError> {
        toml_text::parse(toml)
    }

    /// Writes it as TOML that [`LineUp::parse`] reads as the same line-up, if it reads it at all: a
    /// line-up that was put together by hand may break its rules.
    pub fn to_toml(&self) -> String {
        toml_writing::write(self)
    }

    /// This line-up with a person's own on top. A channel of theirs takes the place of the one with
    /// the same id, else of the one with the same number, else is added. Those left alone keep
    /// their schedule.
    ///
    /// # Errors
    /// When a channel of theirs has the id of one and the number of another that both would have to
    /// go, or when there are more than [`LineUp::CHANNELS_MAX`].
    pub fn merged_with(self, personal: Self) -> Result<Self, LineUpError> {
        let mut channels = self.channels;
        let mut with_new_id = Vec::new();
        for theirs in &personal.channels {
            let before = channels.len();
            channels.retain(|ours| ours.id != theirs.id);
            if channels.len() == before {
                with_new_id.push(theirs.number);
            }
        }
        channels.retain(|ours| !with_new_id.contains(&ours.number));
        for theirs in &personal.channels {
            if let Some(other) = channels.iter().find(|ours| ours.number == theirs.number) {
                return Err(LineUpError::in_channel(
                    theirs,
                    LineUpProblem::NumberOfAnother { other: other.name.clone() },
                ));
            }
        }
        channels.extend(personal.channels);
        if channels.len() > Self::CHANNELS_MAX {
            return Err(LineUpError::overall(LineUpProblem::ChannelCount(channels.len())));
        }
        channels.sort_by_key(|channel| channel.number);
        Ok(Self { channels })
    }
}

impl Channel {
    /// The numbers a channel can have: three digits on a remote control.
    pub const NUMBERS: RangeInclusive<u16> = 1..=999;
    /// The most programmes on a channel.
    pub const PROGRAMMES_MAX: usize = 2000;
    /// The most fillers on a channel: each gap shuffles them all.
    pub const FILLERS_MAX: usize = 100;
    /// The most parts of a day.
    pub const DAY_PARTS_MAX: usize = 24;
    /// How far a clock can be from UTC, in minutes: as far as those of countries are.
    pub const UTC_OFFSETS_MIN: RangeInclusive<i16> = -12 * 60..=14 * 60;

    /// All that is ever on: programmes, then fillers.
    pub fn everything(&self) -> impl Iterator<Item = &Programme> {
        self.programmes.iter().chain(&self.fillers)
    }
}

impl Programme {
    /// The years that a film can be from: not before moving pictures, and no slip of the finger.
    pub const YEARS: RangeInclusive<u16> = 1870..=2099;
    /// How short and how long a programme can be: a second, as a shorter one is a mistake and makes
    /// tuning a race; a day, eight times the longest film in the built-in line-up, as a longer one
    /// is a mistake in the units.
    pub const DURATIONS_MS: RangeInclusive<u64> = 1_000..=24 * 60 * 60 * 1_000;

    /// The longest description that is kept: more than a screen has room for.
    pub const DESCRIPTION_CHARS_MAX: usize = 2000;

    /// What this file and others derived from the same original have in common: of `Film.mpeg`,
    /// `Film.mp4`, `Film.ia.mp4` and `Film_512kb.mp4`, that is `Film`. They are one programme.
    pub fn film(file: &str) -> &str {
        toml_text::film(file)
    }

    /// Where archive.org has it: the path of a URL, `/download/<item>/<file>`.
    ///
    /// Every byte but `/` and the unreserved characters of RFC 3986 §2.3 is percent-encoded, as
    /// archive.org's own client does it.
    pub fn download_path(&self) -> String {
        let mut path = String::from("/download/");
        for byte in self.item.bytes().chain([b'/']).chain(self.file.bytes()) {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    path.push(char::from(byte));
                }
                // Writing to a String cannot fail.
                _ => drop(write!(path, "%{byte:02X}")),
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec;

    use proptest::prelude::*;
    use url::Url;

    use super::*;

    fn programme(item: &str, file: &str) -> Programme {
        Programme {
            title: "Film".to_owned(),
            item: item.to_owned(),
            file: file.to_owned(),
            duration_ms: 60_000,
            ..Programme::default()
        }
    }

    fn line_up(channels: &[(&str, u16)]) -> LineUp {
        let channel = |&(id, number): &(&str, u16)| Channel {
            id: id.to_owned(),
            number,
            name: id.to_uppercase(),
            programmes: vec![programme("item", "a.mp4")],
            ..Channel::default()
        };
        LineUp { channels: channels.iter().map(channel).collect() }
    }

    #[test]
    fn the_built_in_line_up_is_five_full_channels_and_no_film_twice() {
        let line_up = LineUp::built_in();
        let numbers: Vec<u16> = line_up.channels.iter().map(|channel| channel.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        let mut items = BTreeSet::new();
        for channel in &line_up.channels {
            assert!(channel.programmes.len() >= 12, "{}", channel.name);
            for programme in &channel.programmes {
                assert!(items.insert(&programme.item), "{} is there twice", programme.title);
                // Between the dial-up and the Blu-ray, or one of the two numbers is wrong.
                let bits_per_second = programme.bytes.unwrap() * 8_000 / programme.duration_ms;
                assert!((300_000..10_000_000).contains(&bits_per_second), "{}", programme.title);
            }
        }
    }

    #[test]
    fn a_personal_channel_replaces_by_id_or_by_number_or_is_added() {
        let merged = |personal: &[(&str, u16)]| {
            let ours = line_up(&[("matinee", 1), ("silents", 2), ("owl", 5)]);
            match ours.merged_with(line_up(personal)) {
                Ok(line_up) => {
                    let channels = line_up.channels.iter();
                    channels
                        .map(|c| format!("{} {}", c.number, c.id))
                        .collect::<Vec<_>>()
                        .join(", ")
                }
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(merged(&[("mine", 3)]), "1 matinee, 2 silents, 3 mine, 5 owl");
        assert_eq!(merged(&[("mine", 2)]), "1 matinee, 2 mine, 5 owl");
        assert_eq!(merged(&[("owl", 7)]), "1 matinee, 2 silents, 7 owl");
        assert_eq!(merged(&[("owl", 1), ("matinee", 5)]), "1 owl, 2 silents, 5 matinee");
        assert_eq!(merged(&[("owl", 7), ("mine", 5)]), "1 matinee, 2 silents, 5 mine, 7 owl");
        assert_eq!(
            merged(&[("owl", 1)]),
            "channel 1 \"OWL\": it replaces the channel with its id, but its number belongs to \
             \"MATINEE\"; give it another number, or another id to replace \"MATINEE\" instead"
        );
    }

    #[test]
    fn a_merged_line_up_has_no_more_channels_than_any_other() {
        let ids: Vec<String> = (0..=LineUp::CHANNELS_MAX).map(|n| format!("n{n}")).collect();
        let channels: Vec<(&str, u16)> = ids.iter().map(|id| &**id).zip(1..).collect();
        let (last, others) = channels.split_last().unwrap();
        let full = line_up(others);
        assert_eq!(
            full.clone().merged_with(line_up(&[*last])).map_err(|error| error.problem),
            Err(LineUpProblem::ChannelCount(LineUp::CHANNELS_MAX + 1))
        );
        assert_eq!(full.clone().merged_with(line_up(&others[..1])), Ok(full));
    }

    #[test]
    fn a_download_path_encodes_all_that_a_path_would_not_keep() {
        let path = |item: &str, file: &str| programme(item, file).download_path();
        assert_eq!(path("Detour", "Detour_512kb.mp4"), "/download/Detour/Detour_512kb.mp4");
        assert_eq!(
            path("plan.-9.", "Plan 9 (1957)/mp4/Plan.9.mp4"),
            "/download/plan.-9./Plan%209%20%281957%29/mp4/Plan.9.mp4"
        );
        assert_eq!(path("a", "Who? #1 100%.mp4"), "/download/a/Who%3F%20%231%20100%25.mp4");
        assert_eq!(path("a", "Häxan+~.mp4"), "/download/a/H%C3%A4xan%2B~.mp4");
        assert_eq!(path("a", "%2e%2e/b\\c"), "/download/a/%252e%252e/b%5Cc");
    }

    proptest! {
        #[test]
        fn a_url_keeps_a_download_path_as_it_is(file in "[^/]{1,20}(/[^/]{1,20}){0,2}") {
            prop_assume!(file.split('/').all(|part| part != "." && part != ".."));
            let path = programme("item", &file).download_path();
            let url = Url::parse("https://archive.org").unwrap().join(&path).unwrap();
            prop_assert_eq!(url.as_str(), format!("https://archive.org{path}"));
            prop_assert_eq!((url.query(), url.fragment()), (None, None));
        }
    }
}
