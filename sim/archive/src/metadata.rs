//! The JSON of `/metadata`, as far as anything reads it. Checksums are left out: nobody hashed the
//! films.

use std::sync::Arc;

use serde::Serialize;

use crate::archive::Item;
use crate::clip::Clip;
use crate::film::{FilmSpec, VirtualFilm};

/// `/metadata/<identifier>`. `node` is the host that has the item.
pub(crate) fn item(identifier: &str, item: &Item, clip: &Arc<Clip>, node: &str) -> String {
    let metadata = ItemEntry { identifier, mediatype: "movies", title: &item.title };
    if item.dark {
        return to_json(&DarkEntry { is_dark: true, metadata });
    }
    let files = file_entries(item, clip);
    to_json(&MetadataEntry {
        dir: format!("/0/items/{identifier}"),
        files_count: files.len(),
        files,
        metadata,
        server: node,
    })
}

/// `/metadata/<identifier>/files`.
pub(crate) fn files(item: &Item, clip: &Arc<Clip>) -> String {
    to_json(&FilesEntry { result: if item.dark { Vec::new() } else { file_entries(item, clip) } })
}

/// A file's time of modification in Unix seconds; it depends on the name alone (synthetic).
pub(crate) fn mtime(name: &str) -> u64 {
    let sum = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 300_000_000);
    1_300_000_000 + sum
}

fn file_entries(item: &Item, clip: &Arc<Clip>) -> Vec<FileEntry> {
    item.files.iter().filter_map(|file| FileEntry::new(clip, item, file)).collect()
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers can be written")
}

#[derive(Serialize)]
struct MetadataEntry<'a> {
    dir: String,
    files: Vec<FileEntry>,
    files_count: usize,
    metadata: ItemEntry<'a>,
    server: &'a str,
}

#[derive(Serialize)]
struct FilesEntry {
    result: Vec<FileEntry>,
}

#[derive(Serialize)]
struct DarkEntry<'a> {
    is_dark: bool,
    metadata: ItemEntry<'a>,
}

#[derive(Serialize)]
struct ItemEntry<'a> {
    identifier: &'a str,
    mediatype: &'static str,
    title: &'a str,
}

/// One of `files[]`; numbers are strings, as in the entries of 2026-09-24.
#[derive(Serialize)]
struct FileEntry {
    name: String,
    source: &'static str,
    title: String,
    format: &'static str,
    mtime: String,
    size: String,
    length: String,
    height: &'static str,
    width: &'static str,
}

impl FileEntry {
    fn new(clip: &Arc<Clip>, item: &Item, (name, spec): &(String, FilmSpec)) -> Option<Self> {
        let film = VirtualFilm::new(clip, spec).ok()?;
        let format = match name {
            name if name.ends_with("_512kb.mp4") => "512Kb MPEG4",
            name if name.ends_with(".ia.mp4") => "h.264 IA",
            name if name.ends_with(".mp3") => "VBR MP3",
            name if name.ends_with(".ogg") => "Ogg Vorbis",
            name if name.ends_with(".flac") => "Flac",
            _ => "h.264",
        };
        Some(Self {
            name: name.clone(),
            source: "derivative",
            title: item.title.clone(),
            format,
            mtime: mtime(name).to_string(),
            size: film.len().to_string(),
            length: format!("{}.{:02}", spec.duration_ms / 1000, spec.duration_ms % 1000 / 10),
            height: "480",
            width: "640",
        })
    }
}
