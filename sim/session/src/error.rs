//! Why a session cannot be read or written, as sentences for the person who has the files.

use alloc::string::String;
use core::fmt;
#[cfg(feature = "std")]
use std::{io, path::PathBuf};

/// A session cannot be read. Shown, it says where, what is wrong and what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReadError {
    /// The file's path, or the directory's where it is about the whole.
    pub file: String,
    /// The line within it, counted from 1, where it is about one.
    pub line: Option<usize>,
    /// What kind of thing is wrong.
    pub kind: ReadErrorKind,
    /// What is wrong, and what to do.
    pub what: String,
}

/// What kind of thing is wrong with a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadErrorKind {
    /// A file is not there.
    Missing,
    /// A file cannot be read, or is none.
    Unreadable,
    /// It was written by a newer program.
    Newer,
    /// Something is beyond a bound.
    TooLarge,
    /// A file is not what its name says.
    Malformed,
    /// Files contradict each other, or one itself.
    Inconsistent,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl core::error::Error for ReadError {}

/// A session cannot be written. What was there before is still there.
#[cfg(feature = "std")]
#[derive(Debug)]
pub enum WriteError {
    /// The file system would not.
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is something else in that place.
    Occupied(PathBuf),
    /// That is no place for a directory of its own.
    NoName(PathBuf),
    /// A body is taken from a film that is not among the session's fixtures; the exchange's number.
    UnknownFilm(usize),
    /// It would be no session that can be read.
    Unreadable(ReadError),
}

#[cfg(feature = "std")]
impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Occupied(path) => write!(
                f,
                "{}: there is something that is no session; choose another directory",
                path.display()
            ),
            Self::NoName(path) => {
                write!(f, "{}: a session needs a directory of its own; name one", path.display())
            }
            Self::UnknownFilm(x) => write!(
                f,
                "exchange {x}: its body is taken from a film that is not among the fixtures"
            ),
            Self::Unreadable(error) => write!(f, "the session could not be read back: {error}"),
        }
    }
}

#[cfg(feature = "std")]
impl std::error::Error for WriteError {}

/// A [`ReadError`] whose file its finder does not know.
#[derive(Debug)]
pub(crate) struct Flaw {
    pub(crate) line: Option<usize>,
    pub(crate) kind: ReadErrorKind,
    pub(crate) what: String,
}

impl Flaw {
    pub(crate) fn malformed(line: impl Into<Option<usize>>, what: impl Into<String>) -> Self {
        Self { line: line.into(), kind: ReadErrorKind::Malformed, what: what.into() }
    }

    pub(crate) fn inconsistent(line: impl Into<Option<usize>>, what: impl Into<String>) -> Self {
        Self { line: line.into(), kind: ReadErrorKind::Inconsistent, what: what.into() }
    }

    pub(crate) fn too_large(line: impl Into<Option<usize>>, what: impl Into<String>) -> Self {
        Self { line: line.into(), kind: ReadErrorKind::TooLarge, what: what.into() }
    }

    /// The same as seen from outside.
    pub(crate) fn at(self, file: impl Into<String>) -> ReadError {
        ReadError { file: file.into(), line: self.line, kind: self.kind, what: self.what }
    }
}
