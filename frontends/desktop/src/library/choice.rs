//! Which file of an item is shown. An original and all that archive.org derives from it are one
//! programme: the best of them that decodes in real time is taken, by this rule:
//!
//! 1. Left out: what is private, what is not listed below, what has no length or one outside
//!    [`Programme::DURATIONS_MS`]; of films, what is higher than [`HEIGHT_MAX`] lines or takes more
//!    than [`KBITS_MAX`] kb/s. HEVC is in no list, and neither is an original of whatever codec but
//!    `MPEG4`.
//! 2. Of what is left the first in the order of [`FILMS`] or [`SOUNDS`] is taken; of two alike the
//!    smaller.
//! 3. What was taken before stays taken while it is there in the same size.
//!
//! Subtitles are those derived from the same original, `.srt` before `.vtt`, people's before those
//! that a machine heard.

use std::collections::BTreeMap;
use std::fmt;

use testcard_core::line_up::{Channel, Files, LineUp, Programme};

use super::answers::{File, Item, licence};

/// Formats of films, best first: archive.org's usual derivative of 640 × 480 at some 700 kb/s,
/// those with more lines, the older derivative of 320 × 240, then what a person uploaded as MP4,
/// which may be of any codec, and last what was made for modems.
pub const FILMS: [&str; 11] = [
    "h.264",
    "h.264 IA",
    "h.264 MPEG4",
    "h.264 720P",
    "h.264 HD",
    "h.264 popcorn",
    "512Kb MPEG4",
    "MPEG4",
    "HiRes MPEG4",
    "256Kb MPEG4",
    "64Kb MPEG4",
];

/// Formats of sound, best first: what archive.org derives for streaming before what is large.
pub const SOUNDS: [&str; 9] = [
    "VBR MP3",
    "128Kbps MP3",
    "MP3",
    "192Kbps MP3",
    "256Kbps MP3",
    "320Kbps MP3",
    "Ogg Vorbis",
    "Flac",
    "64Kbps MP3",
];

/// The most lines of a film: what one core decodes in real time with room to spare.
pub const HEIGHT_MAX: u64 = 720;

/// The most kilobits a second of a film, for the same reason and for the network's.
pub const KBITS_MAX: u64 = 4_000;

/// The longest description kept, in characters: what a guide has room for.
const DESCRIPTION_CHARS_MAX: usize = 300;

/// The most programmes that one item becomes.
const PROGRAMMES_MAX: usize = 200;

/// Why an item becomes no programme.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// It does not exist.
    Missing,
    /// It was taken out of public view.
    Dark,
    /// None of its files is a film or a sound that is played here, with a length.
    NothingToPlay,
    /// Those that are take too much to decode or to fetch.
    TooHeavy,
    /// Its part of the day is too short for it.
    TooLong,
    /// Its licence is not one of those asked for, or it does not tell.
    Licence,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no such item",
            Self::Dark => "it was taken out of public view",
            Self::NothingToPlay => "it has no file that can be played and says how long it is",
            Self::TooHeavy => "its files are too large to be played as they come",
            Self::TooLong => "it is longer than its part of the day",
            Self::Licence => "it is not under one of the licences asked for",
        })
    }
}

/// The programmes that an item becomes, in the order of their files' names. `before` are those that
/// were taken before.
pub fn programmes(
    identifier: &str,
    item: &Item,
    which: Files,
    before: &[Programme],
) -> Result<Vec<Programme>, Unusable> {
    if item.is_dark {
        return Err(Unusable::Dark);
    }
    let mut films: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in item.files.iter().filter(|file| !file.is_private) {
        films.entry(film(file)).or_default().push(file);
    }
    let is_audio = matches!(item.mediatype.as_deref(), Some("audio" | "etree"));
    let best = |formats: &[&str]| -> Vec<(&File, &[&File])> {
        let chosen = films.values().filter_map(|files| {
            let best = files.iter().filter(|file| is_light(file));
            let best = best.filter_map(|file| Some((rank(file, formats)?, file.bytes, *file)));
            let best = best.min_by_key(|(rank, bytes, _)| (*rank, bytes.unwrap_or(u64::MAX)));
            let was_taken = |file: &&&File| {
                before.iter().any(|old| {
                    (&*old.item, &old.file, old.bytes) == (identifier, &file.name, file.bytes)
                })
            };
            let stays = files.iter().find(was_taken).filter(|file| rank(file, formats).is_some());
            Some((stays.copied().or(best.map(|(_, _, file)| file))?, files.as_slice()))
        });
        chosen.collect()
    };
    let mut chosen = if is_audio { Vec::new() } else { best(&FILMS) };
    let is_sound = chosen.is_empty();
    if is_sound {
        chosen = best(&SOUNDS);
    }
    let longest_only = match which {
        Files::Longest => true,
        Files::All => false,
        Files::ByKind => !is_sound,
    };
    if longest_only {
        // Of two alike the first by name.
        let longest = chosen.iter().rev().max_by_key(|(file, _)| file.duration_ms).copied();
        chosen = longest.into_iter().collect();
    }
    let is_alone = chosen.len() == 1;
    let chosen = chosen.into_iter().take(PROGRAMMES_MAX);
    let programmes: Vec<Programme> = chosen
        .map(|(file, siblings)| programme(identifier, item, file, siblings, is_alone))
        .filter(is_sound_programme)
        .collect();
    let is_heavy = |file: &File| rank(file, &FILMS).is_some() && !is_light(file);
    match programmes.is_empty() {
        false => Ok(programmes),
        true if item.files.iter().any(is_heavy) => Err(Unusable::TooHeavy),
        true => Err(Unusable::NothingToPlay),
    }
}

/// What a file and its siblings have in common.
fn film(file: &File) -> &str {
    Programme::film(file.original.as_deref().unwrap_or(&file.name))
}

/// Its place in the order, if it can be played at all.
fn rank(file: &File, formats: &[&str]) -> Option<usize> {
    file.duration_ms.filter(|ms| Programme::DURATIONS_MS.contains(ms))?;
    formats.iter().position(|format| format.eq_ignore_ascii_case(&file.format))
}

/// Whether it can be decoded and fetched in real time. What does not say is believed.
fn is_light(file: &File) -> bool {
    let kbits = match (file.bytes, file.duration_ms) {
        // Bits in a millisecond are kilobits in a second.
        (Some(bytes), Some(ms)) => bytes.saturating_mul(8).checked_div(ms).unwrap_or(u64::MAX),
        _ => 0,
    };
    file.height.is_none_or(|height| height <= HEIGHT_MAX) && kbits <= KBITS_MAX
}

fn programme(
    identifier: &str,
    item: &Item,
    file: &File,
    siblings: &[&File],
    is_alone: bool,
) -> Programme {
    let stem = film(file).rsplit('/').next().unwrap_or_default().replace('_', " ");
    let title = match (&item.title, &file.title) {
        (Some(title), _) if is_alone => title.clone(),
        (Some(title), Some(its)) if title != its => its.clone(),
        (Some(title), _) => format!("{title}: {stem}"),
        (None, Some(its)) => its.clone(),
        (None, None) => stem,
    };
    let title = if title.trim().is_empty() { identifier.to_owned() } else { title };
    Programme {
        title: shortened(&title, 200),
        year: item.year,
        item: identifier.to_owned(),
        file: file.name.clone(),
        bytes: file.bytes,
        duration_ms: file.duration_ms.unwrap_or_default(),
        licence: item.licence_address.as_deref().and_then(licence),
        description: item.description.as_deref().map(|text| shortened(text, DESCRIPTION_CHARS_MAX)),
        subtitles: subtitles(siblings),
        part: None,
    }
}

/// The best subtitles among files of one film.
fn subtitles(siblings: &[&File]) -> Option<String> {
    let ending = |file: &File| match file.name.rsplit_once('.') {
        Some((_, "srt")) => Some(0),
        Some((_, "vtt")) => Some(1),
        _ => None,
    };
    // `Film.asr.srt` is what archive.org's machines heard.
    let ranked = siblings.iter().filter_map(|file| {
        Some((file.name.contains(".asr."), ending(file)?, file.name.len(), &file.name))
    });
    ranked.min().map(|(_, _, _, name)| name.clone())
}

/// So much of a text as has room, cut between words.
fn shortened(text: &str, chars_max: usize) -> String {
    let text = text.trim();
    let Some((end, _)) = text.char_indices().nth(chars_max) else { return text.to_owned() };
    let room = text.char_indices().nth(chars_max - 1).map_or(end, |(room, _)| room);
    let cut = &text[..room];
    let cut = cut.rsplit_once(' ').map_or(cut, |(whole_words, _)| whole_words);
    format!("{}…", cut.trim_end())
}

/// Whether a line-up would take it: names of files are other people's.
fn is_sound_programme(programme: &Programme) -> bool {
    let channel = Channel {
        id: "a".to_owned(),
        number: 1,
        name: "A".to_owned(),
        programmes: vec![programme.clone()],
        ..Channel::default()
    };
    LineUp { channels: vec![channel] }.check().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, format: &str, original: Option<&str>) -> File {
        File {
            name: name.to_owned(),
            format: format.to_owned(),
            original: original.map(str::to_owned),
            bytes: Some(100_000_000),
            duration_ms: Some(3_600_000),
            height: Some(480),
            ..File::default()
        }
    }

    fn item(files: Vec<File>) -> Item {
        Item { title: Some("An Item".to_owned()), files, ..Item::default() }
    }

    /// The files chosen, or why there are none.
    fn chosen(item: &Item) -> Result<Vec<String>, Unusable> {
        let programmes = programmes("item", item, Files::ByKind, &[])?;
        Ok(programmes.into_iter().map(|programme| programme.file).collect())
    }

    fn one(name: &str) -> Result<Vec<String>, Unusable> {
        Ok(vec![name.to_owned()])
    }

    #[test]
    fn an_original_and_what_is_derived_from_it_are_one_programme() {
        let film = item(vec![
            file("Film.mpeg", "MPEG2", None),
            file("Film.mp4", "h.264", Some("Film.mpeg")),
            file("Film_512kb.mp4", "512Kb MPEG4", Some("Film.mpeg")),
            file("Film.ia.mp4", "h.264 IA", Some("Film.mpeg")),
            file("Film.ogv", "Ogg Video", Some("Film.mpeg")),
            file("Film.gif", "Animated GIF", Some("Film.mpeg")),
        ]);
        let all = programmes("item", &film, Files::All, &[]).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((&*all[0].file, &*all[0].title), ("Film.mp4", "An Item"));
    }

    #[test]
    fn the_best_that_decodes_in_real_time_is_taken() {
        let mut files: Vec<File> = FILMS
            .iter()
            .enumerate()
            .map(|(n, format)| file(&format!("{n}.mp4"), format, Some("Film.avi")))
            .rev()
            .collect();
        files.push(file("x.mp4", "HEVC", Some("Film.avi")));
        for n in 0..FILMS.len() {
            assert_eq!(chosen(&item(files.clone())), one(&format!("{n}.mp4")));
            files.retain(|file| file.name != format!("{n}.mp4"));
        }
        assert_eq!(chosen(&item(files)), Err(Unusable::NothingToPlay), "HEVC is never taken");
    }

    #[test]
    fn what_is_too_large_is_passed_over() {
        let small = file("small.mp4", "512Kb MPEG4", Some("Film.avi"));
        let large = file("large.mp4", "h.264", Some("Film.avi"));
        let heights = |height| File { height: Some(height), ..large.clone() };
        assert_eq!(chosen(&item(vec![heights(720), small.clone()])), one("large.mp4"));
        assert_eq!(chosen(&item(vec![heights(721), small.clone()])), one("small.mp4"));
        assert_eq!(chosen(&item(vec![heights(1080)])), Err(Unusable::TooHeavy));
        let rate = |kbits: u64| File { bytes: Some(kbits * 3_600_000 / 8), ..large.clone() };
        assert_eq!(chosen(&item(vec![rate(4000), small.clone()])), one("large.mp4"));
        assert_eq!(chosen(&item(vec![rate(4001), small])), one("small.mp4"));
    }

    #[test]
    fn what_cannot_be_had_or_has_no_length_is_left_out() {
        let good = file("a.mp4", "h.264", None);
        for bad in [
            File { is_private: true, ..good.clone() },
            File { duration_ms: None, ..good.clone() },
            File { duration_ms: Some(999), ..good.clone() },
            File { duration_ms: Some(86_400_001), ..good.clone() },
            File { name: "../a.mp4".to_owned(), ..good.clone() },
            File { name: "a\u{7}.mp4".to_owned(), ..good.clone() },
            File { format: "Text".to_owned(), ..good.clone() },
        ] {
            let found = chosen(&item(vec![bad.clone()]));
            assert_eq!(found, Err(Unusable::NothingToPlay), "{bad:?}");
        }
        assert_eq!(chosen(&item(Vec::new())), Err(Unusable::NothingToPlay));
        let dark = Item { is_dark: true, ..item(vec![good]) };
        assert_eq!(chosen(&dark), Err(Unusable::Dark));
    }

    #[test]
    fn of_several_films_the_longest_and_of_sound_all_unless_told() {
        let longer = File { duration_ms: Some(4_000_000), ..file("b.mp4", "h.264", None) };
        let films = item(vec![file("a.mp4", "h.264", None), longer]);
        assert_eq!(chosen(&films), one("b.mp4"));
        let all = programmes("item", &films, Files::All, &[]).unwrap();
        let titles: Vec<_> = all.iter().map(|programme| programme.title.as_str()).collect();
        assert_eq!(titles, ["An Item: a", "An Item: b"]);

        let track = |name: &str, title: &str, format: &str, original| File {
            title: Some(title.to_owned()),
            height: None,
            ..file(name, format, original)
        };
        let album = Item {
            mediatype: Some("audio".to_owned()),
            ..item(vec![
                track("02.flac", "Second", "Flac", None),
                track("02.mp3", "Second", "VBR MP3", Some("02.flac")),
                track("01.flac", "First", "Flac", None),
                track("01.ogg", "First", "Ogg Vorbis", Some("01.flac")),
                file("video.mp4", "h.264", None),
            ])
        };
        let tracks = programmes("item", &album, Files::ByKind, &[]).unwrap();
        let tracks: Vec<_> = tracks.iter().map(|p| (p.file.as_str(), p.title.as_str())).collect();
        assert_eq!(tracks, [("01.ogg", "First"), ("02.mp3", "Second")]);
    }

    #[test]
    fn the_order_of_sounds_is_the_order_stated() {
        let mut files: Vec<File> = SOUNDS
            .iter()
            .enumerate()
            .map(|(n, format)| file(&format!("{n}.mp3"), format, Some("Piece.wav")))
            .collect();
        for n in 0..SOUNDS.len() {
            assert_eq!(chosen(&item(files.clone())), one(&format!("{n}.mp3")));
            files.retain(|file| file.name != format!("{n}.mp3"));
        }
    }

    #[test]
    fn what_was_taken_before_stays_while_it_is_there_in_its_size() {
        let film = item(vec![
            file("Film.mp4", "h.264", Some("Film.mpeg")),
            file("Film_512kb.mp4", "512Kb MPEG4", Some("Film.mpeg")),
        ]);
        let old = |bytes| Programme {
            item: "item".to_owned(),
            file: "Film_512kb.mp4".to_owned(),
            bytes: Some(bytes),
            ..Programme::default()
        };
        let with = |old: Programme| programmes("item", &film, Files::ByKind, &[old]).unwrap();
        assert_eq!(with(old(100_000_000))[0].file, "Film_512kb.mp4");
        assert_eq!(with(old(99_999_999))[0].file, "Film.mp4");
        assert_eq!(
            with(Programme { item: "other".to_owned(), ..old(100_000_000) })[0].file,
            "Film.mp4"
        );
    }

    #[test]
    fn subtitles_go_with_their_film() {
        let with = |names: &[&str]| {
            let mut files = vec![file("Film.mp4", "h.264", Some("Film.avi"))];
            for name in names {
                files.push(File {
                    duration_ms: None,
                    ..file(name, "SubRip", (!name.starts_with("Other")).then_some("Film.avi"))
                });
            }
            programmes("item", &item(files), Files::ByKind, &[]).unwrap()[0].subtitles.clone()
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&["Other.srt"]), None);
        assert_eq!(with(&["Film.vtt", "Film.srt"]).as_deref(), Some("Film.srt"));
        assert_eq!(with(&["Film.asr.srt", "Film.vtt"]).as_deref(), Some("Film.vtt"));
        assert_eq!(with(&["Film.asr.srt"]).as_deref(), Some("Film.asr.srt"));
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        assert_eq!(shortened("  short  ", 20), "short");
        assert_eq!(shortened("one two three", 13), "one two three");
        assert_eq!(shortened("one two three", 12), "one two…");
        assert_eq!(shortened(&"é".repeat(50), 10), format!("{}…", "é".repeat(9)));
    }
}
