//! Sessions as directories: the files of one, and how a directory is replaced. Never follows a link
//! out of a session, never allocates more than [`crate::bounds`] allow, and never leaves half a
//! session behind.

mod blobs;
mod bodies_toml;
mod heads;
mod session_toml;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod timeline;
mod trace_lines;

pub(crate) use trace_lines::write as trace_text;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::body::Segment;
use crate::bounds::{
    BODIES_TOML_MAX, EXCHANGES_MAX, HTTP_MAX, SESSION_TOML_MAX, TIMELINE_MAX, TRACE_MAX,
};
use crate::digest::sha256;
use crate::error::{Flaw, ReadError, ReadErrorKind, WriteError};
use crate::exchange::Exchange;
use crate::{Session, TraceLine};

const SESSION_TOML: &str = "session.toml";
const TIMELINE: &str = "timeline.jsonl";
const BODIES_TOML: &str = "bodies.toml";
const TRACE: &str = "trace.jsonl";

/// The file with the heads of an exchange; the first is number 1.
fn http_name(x: usize) -> String {
    format!("exchanges/{x:02}.http")
}

/// Whether a file is a blob, by its name.
pub(crate) fn is_blob(name: &str) -> bool {
    name.starts_with("blobs/")
}

/// Where the files of a session come from. A name is one of this module's own making: it never
/// leads out of the session.
pub(crate) trait Source {
    /// The bytes of a file, if there is one. More than `most` are refused.
    fn file_if_there(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError>;

    /// Where a file is, for people.
    fn path(&self, name: &str) -> PathBuf;

    /// The bytes of a file that has to be there.
    fn file(&self, name: &str, most: u64) -> Result<Vec<u8>, ReadError> {
        self.file_if_there(name, most)?.ok_or_else(|| ReadError {
            file: self.path(name),
            line: None,
            kind: ReadErrorKind::Missing,
            what: "there is no such file; get the session again, or name another".to_owned(),
        })
    }

    /// A flaw of a file.
    fn fail(&self, name: &str, flaw: Flaw) -> ReadError {
        flaw.at(self.path(name))
    }
}

/// A directory.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Source for Directory {
    fn file_if_there(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let path = self.path(name);
        let unreadable = |what: String| ReadError {
            file: path.clone(),
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
                Err(Flaw::too_large(None, format!("the file has more than {most} bytes")).at(path))
            }
            Ok(_) => Ok(Some(bytes)),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
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
                Err(self.fail(name, flaw))
            }
            found => Ok(found.cloned()),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(name)
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
        read(&directory)
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
        let bodies = bodies_toml::write(&self.exchanges, &self.about.fixtures)?;
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
        read(&files).map_err(WriteError::Unreadable)?;
        Ok(files)
    }
}

fn read(source: &dyn Source) -> Result<Session, ReadError> {
    let about = source.file(SESSION_TOML, SESSION_TOML_MAX)?;
    let about = session_toml::read(&about).map_err(|flaw| source.fail(SESSION_TOML, flaw))?;

    let mut heads = Vec::new();
    while let Some(bytes) = source.file_if_there(&http_name(heads.len() + 1), HTTP_MAX)? {
        let name = http_name(heads.len() + 1);
        if heads.len() == EXCHANGES_MAX {
            let what = format!("more than {EXCHANGES_MAX} exchanges");
            return Err(source.fail(&name, Flaw::too_large(None, what)));
        }
        heads.push(heads::read(&bytes).map_err(|flaw| source.fail(&name, flaw))?);
    }

    let timeline = source.file(TIMELINE, TIMELINE_MAX)?;
    let courses =
        timeline::read(&timeline, heads.len()).map_err(|flaw| source.fail(TIMELINE, flaw))?;
    let bodies = source.file(BODIES_TOML, BODIES_TOML_MAX)?;
    let bodies = bodies_toml::read(
        &bodies,
        &courses,
        &about.fixtures,
        &mut blobs::Blobs::new(source),
        |flaw| source.fail(BODIES_TOML, flaw),
    )?;
    let trace: Vec<TraceLine> = match source.file_if_there(TRACE, TRACE_MAX)? {
        None => Vec::new(),
        Some(trace) => trace_lines::read(&trace).map_err(|flaw| source.fail(TRACE, flaw))?,
    };

    let mut exchanges = Vec::with_capacity(heads.len());
    for ((request, head), (course, body)) in heads.into_iter().zip(courses.into_iter().zip(bodies))
    {
        let x = exchanges.len() + 1;
        let head = match (head, course.head) {
            (None, None) => None,
            (Some(head), Some((at, status, _))) if head.status == status => Some((at, head)),
            (Some(head), Some((_, status, line))) => {
                let what = format!(
                    "the status is {status} here, and {} in {}; make them agree",
                    head.status,
                    http_name(x)
                );
                return Err(source.fail(TIMELINE, Flaw::inconsistent(line, what)));
            }
            (None, Some((.., line))) => {
                let what = format!("{} has no response's head", http_name(x));
                return Err(source.fail(TIMELINE, Flaw::inconsistent(line, what)));
            }
            (Some(_), None) => {
                let what = format!("there is a response's head that {TIMELINE} does not mention");
                return Err(source.fail(&http_name(x), Flaw::inconsistent(None, what)));
            }
        };
        exchanges.push(Exchange {
            opened: course.opened,
            request,
            head,
            arrivals: course.arrivals,
            pauses: course.pauses,
            ending: course.ending,
            body,
        });
    }
    Ok(Session { about, exchanges, trace })
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
