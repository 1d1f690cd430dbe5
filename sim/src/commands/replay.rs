//! `testcard-sim replay`: sessions watched again, and whether it went as it did.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as RealInstant};

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use serde_json::json;
use testcard_session::{Provenance, Session, trace_sha256};
use testcard_sim::diff::{self, Difference, Ignore};
use testcard_sim::replay::{self, Derailed, Expiry, ReplayError, Replayed, Why, what_if};

use super::diff::Ignoring;
use super::{Failure, Verdict};

/// Watch recorded sessions again and compare what the TV does with what it did
///
/// Exits with 1 when it asks for something that was not recorded, leaves something out, or does
/// something else than it did, or when nobody wrote down what it did. A session that cannot be replayed keeps none of the others from it.
#[derive(Args)]
pub(super) struct Arguments {
    /// Sessions, or directories of sessions
    #[arg(required_unless_present = "show_ignored", value_name = "DIR")]
    sessions: Vec<PathBuf>,
    /// Through which network
    #[arg(long, value_enum, default_value_t = Driver::Heap)]
    driver: Driver,
    /// With loopback: how many times faster than real. By default so that a session takes seconds
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: Option<u32>,
    #[command(flatten)]
    ignoring: Ignoring,
    /// Heap driver only: have token ID run out at this second of the session instead, and print what
    /// the TV does then. There is nothing to compare it with
    #[arg(
        long,
        value_name = "ID=SECONDS",
        conflicts_with_all = ["save", "html", "exact", "ignore", "heed", "show_ignored"]
    )]
    expire: Vec<Expiry>,
    /// A session without a trace is fine: there is nothing to compare, only to watch
    #[arg(long)]
    without_trace: bool,
    /// Print what the TV does, line by line
    #[arg(long, conflicts_with = "json")]
    timeline: bool,
    /// Write the session with what the TV does now to a directory of its name in this one
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Write a page for each session that went another way to this directory: NAME.html
    #[arg(long, value_name = "DIR")]
    html: Option<PathBuf>,
    /// For machines: one line of JSON for each session
    #[arg(long)]
    json: bool,
}

/// What a session is watched again through.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Driver {
    /// Virtual time, to the microsecond
    Heap,
    /// HTTP over simulated TCP between simulated hosts
    Turmoil,
    /// The desktop's network, TLS and all, over this machine's sockets
    Loopback,
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    if arguments.ignoring.show_ignored && arguments.sessions.is_empty() {
        super::print(&arguments.ignoring.rules(Ignore::across_drivers()).to_string())?;
    }
    if !arguments.expire.is_empty() && arguments.driver != Driver::Heap {
        let sentence = "--expire is for --driver heap: the others do only what was recorded\n";
        clap::Error::raw(ErrorKind::ArgumentConflict, sentence).exit();
    }
    let mut verdict = Verdict::Fine;
    for dir in &super::sessions(&arguments.sessions)? {
        let told = match arguments.watch(dir) {
            Ok(told) => told,
            Err(failure) => {
                if arguments.json {
                    super::print_json(&json!({ "session": dir, "error": failure.0 }))?;
                }
                failure.tell();
                Verdict::Undone
            }
        };
        verdict = verdict.max(told);
    }
    Ok(verdict)
}

/// A session as it was watched again.
struct Again<'a> {
    dir: &'a Path,
    session: &'a Session,
    replayed: Replayed,
    /// Why it went where the recording does not, if it did, and which exchanges it left out.
    derailed: Option<(Why, Vec<usize>)>,
    real: Duration,
}

impl Again<'_> {
    /// The file name of what is kept of it.
    fn name(&self) -> &Path {
        Path::new(self.dir.file_name().unwrap_or(self.dir.as_os_str()))
    }

    /// The recorded answers with what the TV does now.
    fn to_session(&self) -> Session {
        Session { trace: self.replayed.trace.clone(), ..self.session.clone() }
    }
}

impl Arguments {
    /// Watches one session again and says what came of it.
    fn watch(&self, dir: &Path) -> Result<Verdict, Failure> {
        let session = &super::read(dir)?;
        if !self.expire.is_empty() {
            return self.watch_what_if(dir, session);
        }
        let began = RealInstant::now();
        let outcome = match self.driver {
            Driver::Heap => replay::replay(session),
            Driver::Turmoil => replay::turmoil::replay(session),
            Driver::Loopback => {
                let speed = self.speed.unwrap_or_else(|| replay::loopback::speed_for(session));
                replay::loopback::replay(session, speed)
            }
        };
        let real = began.elapsed();
        let (replayed, derailed) = match outcome {
            Ok(replayed) => (replayed, None),
            Err(ReplayError::Derailed(derailed)) => {
                let Derailed { why, replayed, unused } = *derailed;
                (replayed, Some((why, unused)))
            }
            Err(error) => return Err(Failure(format!("{}: {error}", dir.display()))),
        };
        self.tell(&Again { dir, session, replayed, derailed, real })
    }

    /// Watches a session with tokens that run out at other times, and says what came of it.
    fn watch_what_if(&self, dir: &Path, session: &Session) -> Result<Verdict, Failure> {
        let watched = match what_if::watch(session, &self.expire) {
            Ok(watched) => watched,
            Err(ReplayError::Derailed(derailed)) => {
                let Derailed { why, replayed, .. } = *derailed;
                let error = why.to_string();
                match self.json {
                    true => super::print_json(&json!({ "session": dir, "error": error }))?,
                    false => {
                        super::print(&replayed.timeline.to_string())?;
                        super::print(&format!("{}: {error}\n", dir.display()))?;
                    }
                }
                return Ok(Verdict::Wrong);
            }
            Err(error) => return Err(Failure(format!("{}: {error}", dir.display()))),
        };
        let end = watched.replayed.end;
        if self.json {
            super::print_json(&json!({
                "session": dir,
                "virtual_us": end,
                "refused": watched.refused,
                "failure": watched.failure.map(|failure| failure.to_string()),
            }))?;
        } else {
            super::print(&watched.replayed.timeline.to_string())?;
            let how = match (watched.failure, watched.refused) {
                (Some(failure), _) => failure.to_string(),
                (None, 0) => {
                    "watched to the end; no request came with a token that had run out".to_owned()
                }
                (None, refused) => format!("watched to the end; requests refused: {refused}"),
            };
            super::print(&format!("{}: {how} ({end} s)\n", dir.display()))?;
        }
        Ok(Verdict::Fine)
    }

    /// Where time is virtual in the recording and here, everything counts; elsewhere what drivers may
    /// do otherwise does not.
    fn ignore(&self, session: &Session) -> Ignore {
        let is_synthetic = matches!(session.about.provenance, Provenance::Synthetic { .. });
        self.ignoring.rules(match self.driver {
            Driver::Heap if is_synthetic => Ignore::default(),
            _ => Ignore::across_drivers(),
        })
    }

    fn tell(&self, again: &Again<'_>) -> Result<Verdict, Failure> {
        let (session, replayed) = (again.session, &again.replayed);
        let ignore = self.ignore(session);
        if self.ignoring.show_ignored {
            super::print(&ignore.to_string())?;
        }
        let differences = match session.trace.is_empty() {
            true => Vec::new(),
            false => diff::compare_traces(&session.trace, &replayed.trace, &ignore),
        };
        let went_well = differences.is_empty() && again.derailed.is_none();
        let is_compared = !session.trace.is_empty();
        if let Some(save) = &self.save {
            again.to_session().write(&save.join(again.name()))?;
        }
        if let Some(html) = self.html.as_ref().filter(|_| !went_well) {
            draw(again, &differences, &ignore, html)?;
        }
        if self.json {
            let mut told = json!({
                "session": again.dir,
                "virtual_us": replayed.end,
                "real_us": u64::try_from(again.real.as_micros()).unwrap_or(u64::MAX),
                "trace_sha256": trace_sha256(&replayed.trace),
                "compared": is_compared,
                "differences": differences,
            });
            if let Some((why, _)) = &again.derailed {
                told["error"] = why.to_string().into();
            }
            super::print_json(&told)?;
        } else {
            self.tell_people(again, &differences)?;
        }
        let is_fine = went_well && (is_compared || self.without_trace);
        Ok(if is_fine { Verdict::Fine } else { Verdict::Wrong })
    }

    fn tell_people(&self, again: &Again<'_>, differences: &[Difference]) -> Result<(), Failure> {
        let Again { dir, session, replayed, derailed, .. } = again;
        if self.timeline {
            super::print(&replayed.timeline.to_string())?;
        }
        let how = match (derailed, session.trace.is_empty(), differences.is_empty()) {
            (Some((why, _)), ..) => why.to_string(),
            (None, true, _) if self.without_trace => "done, and compared with nothing".to_owned(),
            (None, true, _) => {
                "there is no trace.jsonl to compare it with; write one with --save, \
                                or say --without-trace"
                    .to_owned()
            }
            (None, false, true) => "as recorded".to_owned(),
            (None, false, false) => "another way than recorded".to_owned(),
        };
        super::print(&format!("{}: {how} ({} s)\n", dir.display(), replayed.end))?;
        super::print(&diff::text(differences, super::PLACES_MAX))
    }
}

/// Writes the page about a session that went another way to this directory.
fn draw(
    again: &Again<'_>,
    differences: &[Difference],
    ignore: &Ignore,
    html: &Path,
) -> Result<(), Failure> {
    std::fs::create_dir_all(html).map_err(Failure::about(html.display()))?;
    let mut now = again.to_session();
    let page = match &again.derailed {
        None => diff::html::report(again.session, &now, differences, ignore),
        Some((why, unused)) => {
            // As far as it went: what was not asked for was not answered.
            let mut n = 0..;
            now.exchanges.retain(|_| n.next().is_some_and(|n| !unused.contains(&n)));
            let why = why.to_string();
            diff::html::report_derailed(again.session, &now, differences, ignore, &why)
        }
    };
    super::write(&html.join(again.name()).with_added_extension("html"), &page)
}
