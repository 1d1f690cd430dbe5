//! Whether a session is fit to be kept in git and shown to everybody: it can be read, looks as this
//! crate would write it, is small, tells no secrets, and has nothing in it that is not its own. Never
//! changes a file.

mod secrets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Session;
use crate::about::Provenance;
use crate::bounds::{EXCHANGES_MAX, LITERAL_BYTES_MAX};
use crate::disk::{Directory, Files, Source, is_blob};

/// The most bytes of a session in git, all files together: an index of 8 MiB, packed, and the rest.
pub const LINT_SESSION_BYTES_MAX: u64 = 2560 * 1024;
/// The most bytes of a blob in git, as it is packed.
pub const LINT_BLOB_BYTES_MAX: u64 = 2304 * 1024;
/// After so many findings nobody reads on.
const FINDINGS_MAX: usize = 200;
/// More files than any session has.
const FILES_MAX: usize = 4 * EXCHANGES_MAX;

/// Something that should not be so. Shown, it says where, what, and what to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The file, or the directory where it is about the whole.
    pub file: PathBuf,
    /// The line within it, counted from 1, where it is about one.
    pub line: Option<usize>,
    /// Against what.
    pub rule: Rule,
    /// What is wrong, and what to do.
    pub what: String,
}

/// What a session has to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It can be read.
    Readable,
    /// It is written as this crate writes it, so that only what changed differs in git.
    Canonical,
    /// It is small.
    Small,
    /// It tells no secrets and nothing about persons.
    Discreet,
    /// All that is there belongs to it.
    Complete,
    /// It says where it comes from.
    Honest,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Everything that should not be so in the session in `dir`; nothing, if it is fit.
pub fn lint(dir: &Path) -> Vec<Finding> {
    let mut report = Report { dir, findings: Vec::new() };
    let there = files_in(dir, &mut report);
    report.sizes(&there);
    match Session::read(dir) {
        Err(error) => report.findings.push(Finding {
            file: error.file.into(),
            line: error.line,
            rule: Rule::Readable,
            what: error.what,
        }),
        Ok(session) => {
            report.provenance(&session);
            report.trace(&session);
            if let Ok(files) = session.files() {
                report.strays(&there, &files);
                report.canonical(&files);
            }
            secrets::placeholders(&session, &mut report);
        }
    }
    for name in there.keys() {
        // What cannot be read was told above.
        if let Ok(Some(bytes)) = Directory(dir.to_owned()).file_if_there(name, LITERAL_BYTES_MAX) {
            secrets::scan(name, &bytes, &mut report);
        }
    }
    report.findings.truncate(FINDINGS_MAX);
    report.findings
}

/// What was found so far.
struct Report<'a> {
    dir: &'a Path,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, name: &str, line: Option<usize>, rule: Rule, what: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            let file = if name.is_empty() { self.dir.to_owned() } else { self.dir.join(name) };
            self.findings.push(Finding { file, line, rule, what: what.into() });
        }
    }

    fn sizes(&mut self, there: &BTreeMap<String, u64>) {
        let whole: u64 = there.values().sum();
        if whole > LINT_SESSION_BYTES_MAX {
            let what = format!(
                "the session has {whole} bytes, more than {LINT_SESSION_BYTES_MAX}; record a \
                 shorter one, or a film whose index is smaller"
            );
            self.add("", None, Rule::Small, what);
        }
        for (name, len) in there {
            if is_blob(name) && *len > LINT_BLOB_BYTES_MAX {
                let what = format!(
                    "the blob has {len} bytes, more than {LINT_BLOB_BYTES_MAX}; elide what \
                     nobody needs of it, or record a smaller film"
                );
                self.add(name, None, Rule::Small, what);
            }
        }
    }

    fn provenance(&mut self, session: &Session) {
        if let Provenance::Recorded { at, .. } = &session.about.provenance
            && !is_utc(at)
        {
            let what = format!("at is {at:?}; write when it was recorded as 2026-11-20T16:00:00Z");
            self.add("session.toml", None, Rule::Honest, what);
        }
    }

    fn trace(&mut self, session: &Session) {
        if session.trace.is_empty() {
            let what = "there is no trace of what the TV did, so a replay proves nothing; write one \
                        with testcard-sim replay --without-trace --save";
            self.add("trace.jsonl", None, Rule::Complete, what);
        }
    }

    fn strays(&mut self, there: &BTreeMap<String, u64>, files: &Files) {
        for (name, len) in there {
            // An empty trace says what an absent one says, and was told.
            if files.0.contains_key(name) || (name == "trace.jsonl" && *len == 0) {
                continue;
            }
            let what = match is_blob(name) {
                true => "no body is made of this blob; remove it",
                false => "this is no part of the session; remove it",
            };
            self.add(name, None, Rule::Complete, what);
        }
    }

    /// Packed bytes are not compared: another packer's are as good.
    fn canonical(&mut self, files: &Files) {
        for (name, expected) in files.0.iter().filter(|(name, _)| !is_blob(name)) {
            let source = Directory(self.dir.to_owned());
            let Ok(Some(found)) = source.file_if_there(name, LITERAL_BYTES_MAX) else { continue };
            if found == *expected {
                continue;
            }
            let mut lines = expected.split(|b| *b == b'\n').zip(found.split(|b| *b == b'\n'));
            let same = lines.by_ref().take_while(|(a, b)| a == b).count();
            let what = "from here on this is not as it would be written; let Testcard read the \
                        session and write it again";
            self.add(name, Some(same + 1), Rule::Canonical, what);
        }
    }
}

/// The files of a directory and of those in it, and how long each is.
fn files_in(dir: &Path, report: &mut Report<'_>) -> BTreeMap<String, u64> {
    let mut files = BTreeMap::new();
    let mut places = vec![(String::new(), dir.to_owned())];
    while let Some((prefix, place)) = places.pop() {
        // An unreadable directory is told when the session is read.
        let Ok(entries) = fs::read_dir(place) else { continue };
        for entry in entries.flatten() {
            if files.len() >= FILES_MAX {
                report.add("", None, Rule::Complete, "there are far too many files; tidy up");
                return files;
            }
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.metadata() {
                Ok(found) if found.is_dir() && prefix.is_empty() => {
                    places.push((format!("{name}/"), entry.path()));
                }
                Ok(found) if found.is_file() => {
                    files.insert(name, found.len());
                }
                _ => {
                    let what = "this is neither a plain file nor a directory of them; remove it";
                    report.add(&name, None, Rule::Complete, what);
                }
            }
        }
    }
    files
}

/// Whether a text is a time as `2026-11-20T16:00:00Z`.
fn is_utc(text: &str) -> bool {
    let form = "0000-00-00T00:00:00Z";
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(b, form)| match form {
            b'0' => b.is_ascii_digit(),
            form => b == form,
        })
}
