//! The JSON of `/metadata`, as far as anything reads it. Checksums are left out: nobody hashed the
//! films.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::archive::{Item, Listed};
use crate::clip::Clip;
use crate::film::{FilmSpec, VirtualFilm};

/// `/metadata/<identifier>`. `node` is the host that has the item.
pub(crate) fn item(identifier: &str, item: &Item, clip: &Arc<Clip>, node: &str) -> String {
    let metadata = about(identifier, item);
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

/// What is said of an item, here as in search results. Of several the archive makes an array.
pub(crate) fn about(identifier: &str, item: &Item) -> Map<String, Value> {
    let several = |values: &[String]| match values {
        [] => None,
        [one] => Some(Value::from(one.as_str())),
        values => Some(Value::from(values)),
    };
    let about = &item.about;
    let fields = [
        ("identifier", Some(Value::from(identifier))),
        ("mediatype", Some(Value::from(about.mediatype()))),
        ("title", Some(Value::from(item.title.as_str()))),
        ("creator", several(&about.creators)),
        ("collection", several(&about.collections)),
        ("year", about.year.map(|year| Value::from(year.to_string()))),
        ("description", about.description.as_deref().map(Value::from)),
        ("licenseurl", about.licence.as_deref().map(Value::from)),
    ];
    let known = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    known.collect()
}

/// A file's time of modification in Unix seconds; it depends on the name alone (synthetic).
pub(crate) fn mtime(name: &str) -> u64 {
    let sum = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 300_000_000);
    1_300_000_000 + sum
}

fn file_entries(item: &Item, clip: &Arc<Clip>) -> Vec<FileEntry> {
    let served = item.files.iter().filter_map(|file| FileEntry::new(clip, item, file));
    served.chain(item.about.listed.iter().map(FileEntry::listed)).collect()
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers can be written")
}

#[derive(Serialize)]
struct MetadataEntry<'a> {
    dir: String,
    files: Vec<FileEntry>,
    files_count: usize,
    metadata: Map<String, Value>,
    server: &'a str,
}

#[derive(Serialize)]
struct FilesEntry {
    result: Vec<FileEntry>,
}

#[derive(Serialize)]
struct DarkEntry {
    is_dark: bool,
    metadata: Map<String, Value>,
}

/// One of `files[]`; numbers are strings, as in the entries of 2026-09-24.
#[derive(Serialize)]
struct FileEntry {
    name: String,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    format: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<String>,
    mtime: String,
    size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<String>,
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
            title: Some(item.title.clone()),
            format: format.to_owned(),
            original: None,
            mtime: mtime(name).to_string(),
            size: film.len().to_string(),
            length: Some(format!(
                "{}.{:02}",
                spec.duration_ms / 1000,
                spec.duration_ms % 1000 / 10
            )),
            height: Some("480".to_owned()),
            width: Some("640".to_owned()),
        })
    }

    fn listed(file: &Listed) -> Self {
        Self {
            name: file.name.clone(),
            source: if file.original.is_some() { "derivative" } else { "original" },
            title: None,
            format: file.format.clone(),
            original: file.original.clone(),
            mtime: mtime(&file.name).to_string(),
            size: file.bytes.to_string(),
            length: file.length.clone(),
            height: file.height.map(|height| height.to_string()),
            width: None,
        }
    }
}
