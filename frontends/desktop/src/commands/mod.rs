//! The command line: what a person types, and what the shell gets back. Every command's module does
//! one thing and prints it; none of them knows the others.

mod guide;
mod lineup;
mod manual;
mod now;
mod play;
mod probe;
mod watch;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use testcard_core::line_up::LineUp;
use testcard_core::net::Url;
use testcard_core::schedule::{DEFAULT_SEED, Schedule};
use testcard_core::stream::{Limits, ProgrammeFailure};
use testcard_core::time::UnixMillis;
use testcard_https::{Options, Pin};

use crate::clock::SystemClock;
use crate::frame_dump::FrameDump;
use crate::journal::Journal;
use crate::logging;
use crate::places::Places;
use crate::stop::{STOPPED, Stop};
use crate::tape::Tape;

/// A TV set for the Internet Archive: five channels of archive.org's films on a schedule that
/// everyone shares.
///
/// Without a command it opens the set in a window.
#[derive(Parser)]
#[command(name = "testcard", version, max_term_width = 100, after_help = manual::after_help())]
// What stands before a command would be the set's and go unheard.
#[command(args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    watch: watch::Watch,
    #[command(flatten)]
    schedule: ScheduleArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Where films come from unless told.
const ARCHIVE: &str = "https://archive.org";

#[derive(Subcommand)]
enum Command {
    /// Play one film or sound file without the guide
    Play(play::Play),
    /// Print what a film or sound file is made of, and the samples of a film
    Probe(probe::Probe),
    /// Print what every channel shows
    Now(now::Now),
    /// Make, check and show line-ups: channels of your own
    Lineup(lineup::LineUpCommand),
    /// Print what is on tonight, or the listings for another program's guide
    Guide(guide::Guide),
    Completions(manual::Completions),
    #[command(hide = true)]
    Manual(manual::Manual),
}

/// Which schedule.
#[derive(Args)]
#[command(next_help_heading = "What is on")]
struct ScheduleArgs {
    /// A line-up file: its channels replace those with the same id or number, or are added. Instead
    /// of the one that `testcard lineup refresh` made
    #[arg(long, value_name = "FILE")]
    line_up: Option<PathBuf>,
    /// The seed of the schedule. Sets with the same seed and line-up show the same
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Pretend that it is this moment: 2026-11-20T20:42:00Z
    #[arg(long, value_name = "TIME")]
    when: Option<Timestamp>,
}

/// What to keep of what is shown.
#[derive(Args)]
#[command(next_help_heading = "Measuring")]
struct KeepArgs {
    /// Leave after so many pictures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// Write every picture shown as DIR/<n>_<position in µs>.png
    #[arg(long, value_name = "DIR")]
    dump_frames: Option<PathBuf>,
    /// Write the sound, from the first picture of the first programme on, as 16-bit stereo
    #[arg(long, value_name = "FILE.wav")]
    dump_audio: Option<PathBuf>,
    /// Write what happens as JSON lines, times in µs
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Record what the network brings, and what is made of it, as a session that testcard-sim can
    /// replay. DIR is made, or replaced if it is a session; it is saved every five seconds and at the
    /// end
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// How to reach hosts.
#[derive(Args)]
#[command(next_help_heading = "Network")]
struct NetworkArgs {
    /// Trust the certificate authorities in this PEM file as well
    #[arg(long, value_name = "FILE")]
    extra_ca: Option<PathBuf>,
    /// Find this host's port at this address, 127.0.0.1 or 127.0.0.1:8443, without asking the
    /// system. The host's certificate has to be its own all the same. May be given several times
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Pin>,
}

/// Why a command came to nothing. The exit code follows from the kind.
#[derive(Debug)]
pub enum Failure {
    /// The command line or a file that it names cannot be used; a sentence.
    Usage(String),
    /// archive.org's catalogue has not what was asked for, or did not say.
    Archive {
        /// What, and why.
        sentence: String,
        /// Whether the network is to blame.
        is_network: bool,
    },
    /// A programme failed.
    Programme(ProgrammeFailure),
    /// Somebody stopped it before it was done. There is nothing to say: it was their wish.
    Stopped,
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Programme(failure) if failure.is_network() => ExitCode::from(4),
            Self::Archive { is_network: true, .. } => ExitCode::from(4),
            Self::Programme(_) | Self::Archive { .. } => ExitCode::from(3),
            Self::Stopped => ExitCode::from(STOPPED),
        }
    }
}

impl From<ProgrammeFailure> for Failure {
    fn from(failure: ProgrammeFailure) -> Self {
        Self::Programme(failure)
    }
}

impl CommandLine {
    /// Does what the command line says.
    pub fn run(self) -> ExitCode {
        logging::start();
        let outcome = match self.command {
            None => watch::run(self.watch, &self.schedule, self.network, Stop::listen()),
            Some(Command::Play(play)) => play::run(play, Stop::listen()),
            Some(Command::Probe(probe)) => probe::run(probe),
            Some(Command::Now(now)) => now::run(&now),
            Some(Command::Lineup(lineup)) => lineup::run(lineup),
            Some(Command::Guide(guide)) => guide::run(&guide),
            Some(Command::Completions(completions)) => manual::completions(&completions),
            Some(Command::Manual(manual)) => manual::manual(&manual),
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                match &failure {
                    Failure::Usage(sentence) | Failure::Archive { sentence, .. } => {
                        eprintln!("testcard: {sentence}");
                    }
                    Failure::Programme(failure) => eprintln!("testcard: {failure}"),
                    Failure::Stopped => {}
                }
                failure.exit_code()
            }
        }
    }
}

impl ScheduleArgs {
    fn schedule(&self) -> Result<Schedule, Failure> {
        let line_up = set_line_up(self.line_up.as_deref())?;
        Ok(Schedule::new(line_up, self.seed))
    }

    /// The same for a person who wants to watch: where the line-up that was made for them cannot be
    /// used, the built-in one stands in, and a sentence says so.
    fn schedule_to_watch(&self) -> Result<(Schedule, Option<String>), Failure> {
        match self.schedule() {
            Err(Failure::Usage(sentence)) if self.line_up.is_none() => {
                eprintln!("testcard: {sentence}");
                Ok((Schedule::new(LineUp::built_in(), self.seed), Some(sentence)))
            }
            outcome => Ok((outcome?, None)),
        }
    }

    /// The moment to pretend, if any.
    fn pretended(&self) -> Option<UnixMillis> {
        self.when.map(|when| UnixMillis(when.as_millisecond()))
    }
}

impl KeepArgs {
    /// The session to record, if any: `title` is a sentence.
    fn tape(
        &self,
        title: String,
        limits: Limits,
        clock: &SystemClock,
    ) -> Result<Option<Tape>, Failure> {
        let start = |dir: &PathBuf| Tape::start(dir, title, limits, clock.clone());
        self.record.as_ref().map(start).transpose().map_err(unusable("--record"))
    }

    fn journal(&self, tape: Option<&Tape>) -> Result<Journal, Failure> {
        let recording = tape.map(|tape| tape.recording().clone());
        Journal::create(self.trace.as_deref(), recording).map_err(unusable("--trace"))
    }

    fn frame_dump(&self) -> Result<Option<FrameDump>, Failure> {
        let created = self.dump_frames.as_deref().map(FrameDump::create).transpose();
        created.map_err(unusable("--dump-frames"))
    }

    /// Whether so many pictures are enough.
    fn enough(&self, pictures: u64) -> bool {
        self.frames.is_some_and(|frames| pictures >= frames)
    }
}

impl NetworkArgs {
    /// The same for [`testcard_https`], the file read.
    fn options(self) -> Result<Options, Failure> {
        let extra_ca = match &self.extra_ca {
            None => Vec::new(),
            Some(path) => std::fs::read(path).map_err(|error| {
                Failure::Usage(format!("--extra-ca {} cannot be read: {error}", path.display()))
            })?,
        };
        Ok(Options { extra_ca, pinned: self.resolve })
    }
}

/// The line-up that the set plays: the built-in one with the channels of `file` on top, or of the one
/// that was made for this person.
fn set_line_up(file: Option<&Path>) -> Result<LineUp, Failure> {
    let made = || Places::of_this_person().map(|places| places.line_up());
    let file = file.map(Path::to_owned).or_else(|| made().filter(|made| made.exists()));
    let Some(path) = file else { return Ok(LineUp::built_in()) };
    let what = format!("the line-up {} cannot be used", path.display());
    let personal = LineUp::parse(&lineup::read(&path)?).map_err(unusable(&what))?;
    LineUp::built_in().merged_with(personal).map_err(unusable(&what))
}

/// Saves a session for the last time.
fn finish(tape: Option<Tape>) -> Result<(), Failure> {
    tape.map_or(Ok(()), Tape::finish).map_err(unusable("--record"))
}

/// Turns an error about `what` into a sentence.
fn unusable<E: Display>(what: &str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::Usage(format!("{what}: {error}"))
}

/// Seconds with up to six decimals, as on the command line, as µs.
fn parse_seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not a number of seconds, such as 900 or 12.5");
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
        return Err(wrong());
    }
    let micros = whole.parse::<i64>().ok().and_then(|seconds| {
        let fraction = format!("{decimals:0<6}").parse::<i64>().ok()?;
        seconds.checked_mul(1_000_000)?.checked_add(fraction)
    });
    micros.ok_or_else(wrong)
}

/// An address as a person types it: spaces and the like are encoded as in a browser.
fn parse_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is not an address: {error}"))?;
    match url.scheme() {
        "https" | "http" if url.has_host() => Ok(url),
        _ => Err(format!("{text:?} is not an https:// or http:// address")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    /// What the command line is refused for, if it is.
    fn refused(arguments: &str) -> Option<ErrorKind> {
        let words = ["testcard"].into_iter().chain(arguments.split(' '));
        CommandLine::try_parse_from(words).err().map(|error| error.kind())
    }

    const SCHEDULE: [&str; 3] = ["--line-up mine.toml", "--seed 7", "--when 2026-11-20T20:42:00Z"];
    const NETWORK: [&str; 2] = ["--extra-ca ca.pem", "--resolve archive.org:443:127.0.0.1"];

    #[test]
    fn the_set_takes_every_option_and_a_command_those_that_it_heeds() {
        for option in SCHEDULE {
            assert_eq!(refused(option), None);
            for command in ["now", "guide", "guide --xmltv", "guide --m3u --channel 3"] {
                assert_eq!(refused(&format!("{command} {option}")), None);
            }
            for command in ["play https://archive.org/x.mp4", "probe x.mp4"] {
                let arguments = format!("{command} {option}");
                assert_eq!(refused(&arguments), Some(ErrorKind::UnknownArgument), "{arguments}");
            }
        }
        for option in NETWORK {
            for command in ["", "play https://archive.org/x.mp4 ", "probe https://archive.org/x "] {
                assert_eq!(refused(&format!("{command}{option}")), None);
            }
            let arguments = format!("now {option}");
            assert_eq!(refused(&arguments), Some(ErrorKind::UnknownArgument), "{arguments}");
        }
    }

    #[test]
    fn an_option_before_a_command_is_refused_and_not_ignored() {
        for option in SCHEDULE.iter().chain(&NETWORK).chain(&["--channel 3", "--offline"]) {
            for command in
                ["play https://archive.org/x.mp4", "probe x.mp4", "now", "guide", "lineup check"]
            {
                let arguments = format!("{option} {command}");
                assert!(refused(&arguments).is_some(), "{arguments}");
            }
        }
    }

    #[test]
    fn hosts_are_pinned_one_by_one() {
        let words = [
            "--resolve",
            "archive.org:443:127.0.0.1",
            "--resolve",
            "x.us.archive.org:443:[::1]:8443",
        ];
        let line = CommandLine::try_parse_from(["testcard"].into_iter().chain(words)).unwrap();
        let pins: Vec<Pin> = [words[1], words[3]].map(|text| text.parse().unwrap()).into();
        assert_eq!(line.network.options().unwrap().pinned, pins);
        assert_eq!(refused("--resolve archive.org:127.0.0.1"), Some(ErrorKind::ValueValidation));
    }

    #[test]
    fn seconds_are_read_to_the_microsecond_and_nonsense_is_refused() {
        assert_eq!(parse_seconds("900"), Ok(900_000_000));
        assert_eq!(parse_seconds("12.5"), Ok(12_500_000));
        assert_eq!(parse_seconds("0.000001"), Ok(1));
        for nonsense in ["", ".", "1.", "-1", "1e3", "1.0000001", "99999999999999999999"] {
            assert!(parse_seconds(nonsense).is_err(), "{nonsense:?}");
        }
    }
}
