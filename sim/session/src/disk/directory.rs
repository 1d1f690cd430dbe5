//! Sessions as directories: how one is read, and how it is replaced. Never follows a link out of a
//! session, and never leaves half a session behind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{BODIES_TOML, SESSION_TOML, Source, TIMELINE, TRACE, http_name, trace_text};
use super::{blobs, bodies_toml, heads, session_toml, timeline};
use crate::Session;
use crate::body::Segment;
use crate::digest::sha256;
use crate::error::{Flaw, ReadError, ReadErrorKind, WriteError};
use crate::film::VirtualFilms;

/// A directory with the files of a session.
#[derive(Clone, Debug)]
pub struct Directory(pub PathBuf);

impl Directory {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Source for Directory {
    fn file_if_there(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let path = self.path(name);
        let unreadable = |what: String| ReadError {
            file: self.place(name),
            line: None,
            kind: ReadErrorKind::Unreadable,
            what,
        };
        // A link could lead anywhere, and a pipe has no end. On the way there is one directory at
        // most.
        if let Some((parent, _)) = name.split_once('/') {
            match fs::symlink_metadata(self.path(parent)) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Err(unreadable(format!("{parent} is no directory"))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(unreadable(error.to_string())),
            }
        }
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => {
                return Err(unreadable("this is no plain file; links are not followed".into()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        }
        let mut bytes = Vec::new();
        let read = fs::File::open(&path).and_then(|f| f.take(most + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => Err(unreadable(error.to_string())),
            Ok(_) if bytes.len() as u64 > most => {
                Err(Flaw::too_large(None, format!("the file has more than {most} bytes"))
                    .at(self.place(name)))
            }
            Ok(_) => Ok(Some(bytes)),
        }
    }

    fn place(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// The files of a session, by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl Source for Files {
    fn file_if_there(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        match self.0.get(name) {
            Some(bytes) if bytes.len() as u64 > most => {
                let flaw = Flaw::too_large(None, format!("the file has more than {most} bytes"));
                Err(flaw.at(name))
            }
            found => Ok(found.cloned()),
        }
    }

    fn place(&self, name: &str) -> String {
        name.to_owned()
    }
}

impl Session {
    /// Reads a session from its directory.
    pub fn read(dir: &Path) -> Result<Self, ReadError> {
        let directory = match (dir.exists(), Places::of(dir)) {
            // A writer was interrupted between putting the old one aside and the new one in place.
            (false, Ok(places)) if places.old.exists() => Directory(places.old),
            _ => Directory(dir.to_owned()),
        };
        Self::read_from(&directory, &VirtualFilms)
    }

    /// Writes a session to its directory, in place of the one that may be there. Whoever is
    /// interrupted at this leaves the old session or the new one; one writer at a time.
    pub fn write(&self, dir: &Path) -> Result<(), WriteError> {
        let files = self.files()?;
        Self::check_place(dir)?;
        let places = Places::of(dir)?;
        remove(&places.new)?;
        for (name, bytes) in &files.0 {
            let path = places.new.join(name);
            let parent = path.parent().unwrap_or(&places.new);
            fs::create_dir_all(parent).map_err(io_error(parent))?;
            fs::write(&path, bytes).map_err(io_error(&path))?;
        }
        if places.dir.exists() {
            remove(&places.old)?;
            fs::rename(&places.dir, &places.old).map_err(io_error(&places.dir))?;
        }
        fs::rename(&places.new, &places.dir).map_err(io_error(&places.new))?;
        remove(&places.old)
    }

    /// Whether a session may be written to this directory: there is a session, nothing in it, or no
    /// such directory yet. For whoever has much to do before there is a session to write.
    ///
    /// # Errors
    /// When something else is there, or the path names no directory of its own.
    pub fn check_place(dir: &Path) -> Result<(), WriteError> {
        Places::of(dir)?;
        match dir.exists() && !is_free_or_session(dir) {
            true => Err(WriteError::Occupied(dir.to_owned())),
            false => Ok(()),
        }
    }

    /// The files of this session, which can be read back.
    pub(crate) fn files(&self) -> Result<Files, WriteError> {
        let mut files = BTreeMap::new();
        let about = session_toml::write(&self.about);
        files.insert(SESSION_TOML.to_owned(), about.into_bytes());
        files.insert(TIMELINE.to_owned(), timeline::write(&self.exchanges).into_bytes());
        let bodies = bodies_toml::write(&self.exchanges, &self.about.fixtures)
            .map_err(WriteError::UnknownFilm)?;
        files.insert(BODIES_TOML.to_owned(), bodies.into_bytes());
        if !self.trace.is_empty() {
            files.insert(TRACE.to_owned(), trace_text(&self.trace).into_bytes());
        }
        for (x, exchange) in (1..).zip(&self.exchanges) {
            let head = exchange.head.as_ref().map(|(_, head)| head);
            files.insert(http_name(x), heads::write(&exchange.request, head).into_bytes());
            for segment in exchange.body.segments() {
                if let Segment::Literal(bytes) = segment {
                    let name = blobs::name(&sha256(bytes));
                    files.entry(name).or_insert_with(|| blobs::pack(bytes));
                }
            }
        }
        let files = Files(files);
        Self::read_from(&files, &VirtualFilms).map_err(WriteError::Unreadable)?;
        Ok(files)
    }
}

/// A session's directory, and beside it where the next one is made and the last one put aside.
struct Places {
    dir: PathBuf,
    new: PathBuf,
    old: PathBuf,
}

impl Places {
    fn of(dir: &Path) -> Result<Self, WriteError> {
        let absolute = std::path::absolute(dir).map_err(io_error(dir))?;
        let Some(name) = absolute.file_name() else {
            return Err(WriteError::NoName(dir.to_owned()));
        };
        let beside = |ending: &str| {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(ending);
            absolute.with_file_name(hidden)
        };
        Ok(Self { new: beside(".new"), old: beside(".old"), dir: absolute })
    }
}

/// Whether a directory may be replaced: it holds a session, or nothing.
fn is_free_or_session(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none() || dir.join(SESSION_TOML).exists(),
        Err(_) => false,
    }
}

fn remove(dir: &Path) -> Result<(), WriteError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(dir)(error)),
        _ => Ok(()),
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_owned();
    move |error| WriteError::Io { path, error }
}
