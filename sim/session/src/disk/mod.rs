//! Sessions as files: what each is called, and how all of them together become a session. Never
//! allocates more than [`crate::bounds`] allow.

mod blobs;
mod bodies_toml;
#[cfg(feature = "std")]
mod directory;
mod heads;
mod session_toml;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod timeline;
mod trace_lines;

#[cfg(feature = "std")]
pub use directory::Directory;
#[cfg(feature = "std")]
pub(crate) use directory::Files;
pub(crate) use trace_lines::write as trace_text;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::bounds::{
    BODIES_TOML_MAX, EXCHANGES_MAX, HTTP_MAX, SESSION_TOML_MAX, TIMELINE_MAX, TRACE_MAX,
};
use crate::error::{Flaw, ReadError, ReadErrorKind};
use crate::exchange::Exchange;
use crate::film::Films;
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

/// Where the files of a session come from. A name is one of this crate's own making, relative, with
/// at most one `/` in it: it never leads out of the session.
pub trait Source {
    /// The bytes of a file, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or has more bytes than `most`.
    fn file_if_there(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError>;

    /// Where a file is, for people.
    fn place(&self, name: &str) -> String;
}

impl dyn Source + '_ {
    /// The bytes of a file that has to be there.
    fn file(&self, name: &str, most: u64) -> Result<Vec<u8>, ReadError> {
        self.file_if_there(name, most)?.ok_or_else(|| ReadError {
            file: self.place(name),
            line: None,
            kind: ReadErrorKind::Missing,
            what: "there is no such file; get the session again, or name another".to_owned(),
        })
    }

    /// A flaw of a file.
    fn fail(&self, name: &str, flaw: Flaw) -> ReadError {
        flaw.at(self.place(name))
    }
}

impl Session {
    /// Reads a session from wherever its files are.
    ///
    /// # Errors
    /// When it is none; the first thing that is wrong, with its place.
    pub fn read_from(source: &dyn Source, films: &dyn Films) -> Result<Self, ReadError> {
        let about = source.file(SESSION_TOML, SESSION_TOML_MAX)?;
        let about =
            session_toml::read(&about, films).map_err(|flaw| source.fail(SESSION_TOML, flaw))?;

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
        for ((request, head), (course, body)) in
            heads.into_iter().zip(courses.into_iter().zip(bodies))
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
                    let what =
                        format!("there is a response's head that {TIMELINE} does not mention");
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
}
