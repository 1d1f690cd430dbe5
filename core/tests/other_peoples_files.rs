//! Films that other people's test suites are made of, read by `mp4` and compared with what
//! ExoPlayer reads from them.
//!
//! The files are not ours to hand on, so they are not here: the environment variable
//! `TESTCARD_MEDIA` names a folder with them, and with `expected/<name>.0.dump` from ExoPlayer's
//! own tests for some of those called `androidx__<name>`. Without it there is nothing to compare, and the tests say so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use testcard_core::mp4::boxes::{BoxHeader, Size};
use testcard_core::mp4::{Movie, MovieLayout, Mp4Error, Track};

/// What a dump and a track both say of a sample.
#[derive(Debug, Eq, PartialEq)]
struct Row {
    time_us: i64,
    sync: bool,
    size: u32,
}

#[test]
fn every_dumped_sample_table_comes_out_the_same() {
    let Some(media) = media() else { return };
    let mut compared = 0;
    for dump in files(&media.join("expected")) {
        let name = file_name(&dump);
        let name = name.strip_suffix(".0.dump").expect("a dump is called <name>.0.dump");
        let file = media.join(format!("androidx__{name}"));
        let bytes = fs::read(&file).unwrap();
        let expected = dumped(&fs::read_to_string(&dump).unwrap());

        let moov = moov(&bytes).unwrap();
        let layout = match MovieLayout::parse(moov) {
            Ok(layout) => layout,
            // ExoPlayer reads fragments; here they are declined, by name.
            Err(Mp4Error::Fragmented) if has_box(&bytes, b"moof") => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        let movie = layout.over(moov).unwrap();
        // ExoPlayer leaves out tracks without samples.
        let tracks: Vec<_> = movie.tracks().filter(|track| track.sample_count() > 0).collect();
        for (number, rows) in expected {
            // Subtitle tracks come after those of picture and sound.
            let Some(track) = tracks.get(number) else {
                panic!("{name}: track {number} is missing");
            };
            assert_eq!(walk(track), rows, "{name}, track {number}");
            compared += 1;
        }
    }
    assert!(compared > 0, "no dumps in {}", media.display());
    println!("{compared} tracks compared");
}

#[test]
fn every_file_gives_a_table_or_a_named_error() {
    let Some(media) = media() else { return };
    for file in files(&media) {
        let name = file_name(&file);
        let bytes = fs::read(&file).unwrap();
        let Some(moov) = moov(&bytes) else {
            println!("{name}: no moov");
            continue;
        };
        let layout = match MovieLayout::parse(moov) {
            Ok(layout) => layout,
            Err(error) => {
                println!("{name}: {error}");
                continue;
            }
        };
        let movie = layout.over(moov).unwrap();
        println!("{name}: {}", describe(&movie));
        for track in movie.tracks() {
            let rows = walk(&track);
            assert_eq!(rows.is_empty(), track.sample_count() == 0, "{name}, track {}", track.id());
        }
    }
}

fn media() -> Option<PathBuf> {
    let media = std::env::var_os("TESTCARD_MEDIA").map(PathBuf::from);
    if media.is_none() {
        println!("skipped: TESTCARD_MEDIA names no folder of films");
    }
    media
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Top-level boxes, cut off where the file is.
fn boxes(file: &[u8]) -> impl Iterator<Item = (BoxHeader, &[u8])> {
    let mut rest = file;
    std::iter::from_fn(move || {
        let header = BoxHeader::read(rest).ok()?;
        let len = match header.size {
            Size::Known(len) => usize::try_from(len).unwrap_or(usize::MAX).min(rest.len()),
            Size::ToEnd => rest.len(),
        };
        let (this, next) = rest.split_at(len);
        rest = next;
        Some((header, this))
    })
}

fn moov(file: &[u8]) -> Option<&[u8]> {
    boxes(file).find(|(header, _)| header.kind.0 == *b"moov").map(|(_, bytes)| bytes)
}

fn has_box(file: &[u8], kind: &[u8; 4]) -> bool {
    boxes(file).any(|(header, _)| header.kind.0 == *kind)
}

fn walk(track: &Track<'_>) -> Vec<Row> {
    let mut cursor = track.start();
    std::iter::from_fn(|| cursor.next(track))
        .map(|sample| Row {
            time_us: sample.time.as_micros(),
            sync: sample.sync,
            size: sample.range.size,
        })
        .collect()
}

fn describe(movie: &Movie<'_>) -> String {
    let say = |track: Result<Track<'_>, _>| match track {
        Ok(track) => format!("{} samples", track.sample_count()),
        Err(declined) => format!("{declined:?}"),
    };
    format!("picture: {}, sound: {}", say(movie.video()), say(movie.audio()))
}

/// The samples of each track in ExoPlayer's dump, by the track's number there.
fn dumped(text: &str) -> BTreeMap<usize, Vec<Row>> {
    const SYNC_SAMPLE: u32 = 1;
    let mut tracks: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    let (mut track, mut time_us, mut flags) = (0, 0, 0u32);
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("track ") {
            track = number.trim_end_matches(':').parse().unwrap();
        } else if let Some(time) = line.strip_prefix("    time = ") {
            time_us = time.parse().unwrap();
        } else if let Some(value) = line.strip_prefix("    flags = ") {
            flags = value.parse().unwrap();
        } else if let Some(data) = line.strip_prefix("    data = length ") {
            let size = data.split(',').next().unwrap().parse().unwrap();
            let row = Row { time_us, sync: flags & SYNC_SAMPLE != 0, size };
            tracks.entry(track).or_default().push(row);
        }
    }
    tracks
}
