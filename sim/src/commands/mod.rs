//! The command line: what each command takes, and what its exit code means. What a command does is
//! the library's business; here it is asked for and told to people, or to machines with `--json`.

mod completions;
mod diff;
mod har;
mod lint;
mod record;
mod replay;
mod scenarios;
mod serve;
mod sweep;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;
use testcard_session::Session;

/// Record network sessions, replay them to the microsecond, compare them, and play the archive's part
#[derive(Parser)]
#[command(name = "testcard-sim", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  everything is as it should be
  1  something is not: sessions differ, a replay went another way, a check found something
  2  the command line cannot be understood
  3  it could not be done: a file, a network or a port is not what it has to be";

/// Differences are told in full for so many places, and counted beyond.
const PLACES_MAX: usize = 20;

#[derive(Subcommand)]
enum Command {
    Record(record::Arguments),
    Replay(replay::Arguments),
    Diff(diff::Arguments),
    Lint(lint::Arguments),
    Har(har::Arguments),
    Serve(serve::Arguments),
    Sweep(sweep::Arguments),
    Scenarios(scenarios::Arguments),
    Completions(completions::Arguments),
}

/// What a command came to, if it could be done.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Verdict {
    /// Everything is as it should be.
    Fine,
    /// Something is not, and the command has said what.
    Wrong,
    /// Some of it could not be done, and the command has said what and why.
    Undone,
}

/// Why a command could not be done: a sentence.
#[derive(Debug)]
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl Failure {
    fn tell(&self) {
        eprintln!("testcard-sim: {}", self.0);
    }

    /// The same with what it is about.
    fn about<E: fmt::Display>(what: impl fmt::Display) -> impl Fn(E) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Har(arguments) => har::run(&arguments),
        Command::Record(arguments) => record::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Sweep(arguments) => sweep::run(arguments),
        Command::Scenarios(arguments) => scenarios::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    match result {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::from(1),
        Ok(Verdict::Undone) => ExitCode::from(3),
        Err(failure) => {
            failure.tell();
            ExitCode::from(3)
        }
    }
}

/// The sessions among these directories, and those in them, in the order of their names. What is
/// neither stays, for whoever reads it to say so.
fn sessions(dirs: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let is_session = |dir: &PathBuf| dir.join("session.toml").exists();
    let mut sessions = Vec::new();
    for dir in dirs {
        let mut found = Vec::new();
        if dir.is_dir() && !is_session(dir) {
            for entry in dir.read_dir().map_err(Failure::about(dir.display()))? {
                found.push(entry.map_err(Failure::about(dir.display()))?.path());
            }
            found.retain(is_session);
            found.sort();
        }
        match found.is_empty() {
            true => sessions.push(dir.clone()),
            false => sessions.append(&mut found),
        }
    }
    Ok(sessions)
}

fn read(dir: &Path) -> Result<Session, Failure> {
    Ok(Session::read(dir)?)
}

/// Reads a file that a person named: a device or a pipe may have no end, whatever size it claims.
fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(Failure::about(path.display()))?;
    match bytes.len() as u64 > most {
        true => Err(Failure(format!("{}: the file has more than {most} bytes", path.display()))),
        false => Ok(bytes),
    }
}

/// Writes a file that a person asked for.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(Failure::about(path.display()))
}

/// Prints a value for machines: one line of JSON.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value)?;
    print(&format!("{line}\n"))
}

/// Prints text. A reader that has left, as `head` does, is nobody's mistake.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
