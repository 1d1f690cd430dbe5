//! `testcard-sim record`: somebody watches a film over the real network, and it is written down.

use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use testcard_core::net::Url;
use testcard_core::playback::Aim;
use testcard_core::stream::{Limits, Patience};
use testcard_core::time::{Instant, MediaTime};
use testcard_https::{Https, Pin};
use testcard_session::{
    End, NUMBER_MAX, Options, Provenance, Recorder, Recording, Session, Tune, Viewing,
};
use testcard_sim::real_time::{self, Bell, Clock};
use testcard_sim::viewer::Viewer;

use super::{Failure, Verdict};

/// How often what has come is saved while recording goes on.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// The most bytes of certificates to trust: some seventy times all that Mozilla trusts.
const EXTRA_CA_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Watch a film over the network, without picture and sound, and record the session
///
/// What has come is saved every five seconds, so recording may be interrupted. Exits with 1 when the
/// film cannot be watched; that is recorded too.
#[derive(Args)]
pub(super) struct Arguments {
    /// The film: an https:// address, http:// on this machine only
    #[arg(value_parser = film)]
    url: Url,
    /// The directory to make; it is replaced if it is a session already
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Start here: seconds into the film
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    at: u32,
    /// Watch so many seconds of it
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    seconds: u32,
    /// What the session shows, as a sentence
    #[arg(long, value_name = "SENTENCE")]
    title: Option<String>,
    /// Bytes that the set holds ahead of what it plays
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = Limits::DESKTOP.window_bytes as u64,
        value_parser = clap::value_parser!(u64).range(1..=NUMBER_MAX)
    )]
    window: u64,
    /// Trust the certificates in this PEM file too
    #[arg(long, value_name = "FILE")]
    extra_ca: Option<PathBuf>,
    /// Ask for a host at this address, as HOST:PORT:ADDRESS, several times for several
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Pin>,
    /// For machines: one JSON object
    #[arg(long)]
    json: bool,
}

/// An address that may be asked: encrypted, or never leaving this machine. The network refuses what
/// is not, too, and would be heard only in the session.
fn film(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    let is_local = |host: &str| {
        matches!(host, "localhost" | "[::1]")
            || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if url.host_str().is_some_and(is_local) => Ok(url),
        "http" => Err("http is for this machine only; use https".to_owned()),
        scheme => Err(format!("{scheme} is not https")),
    }
}

pub(super) fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    Session::check_place(&arguments.out)?;
    let extra_ca = match &arguments.extra_ca {
        Some(file) => super::read_file(file, EXTRA_CA_BYTES_MAX)?,
        None => Vec::new(),
    };
    let bell = Bell::default();
    let ring = bell.clone();
    let options = testcard_https::Options { extra_ca, pinned: arguments.resolve };
    let https = Https::new(options, Arc::new(move || ring.ring()))?;

    let window_bytes = usize::try_from(arguments.window)?;
    let limits = Limits { window_bytes, patience: Patience::Tries(5), ..Limits::DESKTOP };
    let from = MediaTime::ZERO + Duration::from_secs(arguments.at.into());
    let end = End {
        at: Instant::FAR_FUTURE,
        position: Some(from + Duration::from_secs(arguments.seconds.into())),
    };
    let tune = Tune { at: Instant::ZERO, url: arguments.url, aim: Aim::At(from), duration: None };
    let title = arguments.title.unwrap_or_else(|| format!("{} is watched", tune.url.path()));
    let provenance = Provenance::Recorded {
        at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        by: concat!("testcard-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
    };

    let recording = Recording::new(limits, Options::default());
    recording.tuned(tune.at, &tune.url, tune.aim, tune.duration);
    let clock = Clock::new(1);
    let mut net = Recorder::new(https, recording.clone(), move || clock.now());
    let mut viewer =
        Viewer::new(Viewing { limits, tunes: vec![tune], end }).reading(testcard_streaming::reader);
    let (mut noted, mut saved) = (0, Instant::ZERO);
    let save = |now: Instant| {
        let end = End { at: now, ..end };
        recording.snapshot(&title, provenance.clone(), end).write(&arguments.out)
    };
    let mut trouble = None;
    let over = real_time::watch(&mut viewer, &mut net, clock, &bell, |viewer, now| {
        let lines = viewer.timeline().to_trace(noted);
        noted += lines.len();
        lines.into_iter().for_each(|line| recording.note(line));
        if now.since(saved) >= SAVE_EVERY {
            saved = now;
            trouble = save(now).err();
        }
        if trouble.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    viewer.timeline().to_trace(noted).into_iter().for_each(|line| recording.note(line));
    match trouble {
        Some(error) => return Err(error.into()),
        None => save(over)?,
    }

    let failure = viewer.failure().map(ToString::to_string);
    let figures = viewer.figures();
    let start = figures.start.map(|start| start.at);
    match arguments.json {
        true => super::print_json(&json!({
            "session": arguments.out,
            "failure": failure,
            "start_us": start,
            "rebuffers": figures.rebuffers,
        }))?,
        false => {
            let how = failure.clone().unwrap_or_else(|| match start {
                Some(at) => format!("the first picture after {at} s"),
                None => "no picture".to_owned(),
            });
            super::print(&format!("{}: {how}\n", arguments.out.display()))?;
        }
    }
    Ok(if failure.is_none() { Verdict::Fine } else { Verdict::Wrong })
}
