//! `testcard probe`: what the demuxer makes of a file, on disk or behind an address. Reads the index
//! and nothing else, or what a sound file says about itself.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use clap::Args;
use serde_json::json;
use testcard_core::mp4::{Codec, Kind, Movie, Track};
use testcard_core::net::{Network, Url};
use testcard_core::playback::{Aim, Part, Player, Step};
use testcard_core::stream::{Container, Limits, Patience, ProgrammeFailure};
use testcard_core::time::{Clock, MediaTime};
use testcard_https::Https;

use super::{Failure, NetworkArgs, parse_url};
use crate::clock::SystemClock;
use crate::file::OneFile;

#[derive(Args)]
pub struct Probe {
    /// A file, or an https:// address
    #[arg(value_name = "FILE|URL")]
    what: String,
    /// Print every sample as a line of JSON, track by track in decode order
    #[arg(long)]
    samples: bool,
    #[command(flatten)]
    network: NetworkArgs,
}

pub fn run(args: Probe) -> Result<(), Failure> {
    let Probe { what, samples, network } = args;
    if what.contains("://") {
        let url = parse_url(&what).map_err(Failure::Usage)?;
        let waiting = thread::current();
        let https = Https::new(network.options()?, Arc::new(move || waiting.unpark()));
        let https = https.map_err(|error| Failure::Usage(error.to_string()))?;
        print(&what, samples, &locate(https, url)?)
    } else {
        let file = OneFile::open(Path::new(&what))
            .map_err(|error| Failure::Usage(format!("{what} cannot be read: {error}")))?;
        print(&what, samples, &locate(file, OneFile::url())?)
    }
}

/// Prints what was asked for.
fn print<N: Network>(what: &str, samples: bool, player: &Player<N>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = match (player.movie(), samples) {
        (Some(movie), true) => print_samples(&movie, &mut out),
        (Some(movie), false) => print_tracks(&movie, &mut out),
        (None, false) => print_codings(player, &mut out),
        (None, true) => {
            let why = format!("{what} has no index that lists samples");
            return Err(Failure::Usage(why));
        }
    };
    match printed.and_then(|()| out.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Usage(format!("standard output cannot be written: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Finds out what there is to play the way the set does.
fn locate<N: Network>(mut net: N, url: Url) -> Result<Player<N>, ProgrammeFailure> {
    let limits = Limits { patience: Patience::Tries(4), ..Limits::DESKTOP };
    let clock = SystemClock::new();
    let player = Player::new(url, Aim::At(MediaTime::ZERO), limits, clock.now(), &mut ())?;
    let mut player = player.reading(testcard_streaming::reader, None);
    loop {
        match player.poll(&mut net, clock.now(), MediaTime::ZERO, &mut ()) {
            Step::Located => return Ok(player),
            Step::Failed(why) => return Err(why),
            Step::Wait(wake) => thread::park_timeout(wake.since(clock.now())),
            _ => {}
        }
    }
}

/// What a reader makes of a file that is no film of the core's.
fn print_codings<N: Network>(player: &Player<N>, out: &mut impl Write) -> io::Result<()> {
    let container = match player.container() {
        Some(Container::FragmentedMp4) => "MP4 in fragments",
        Some(Container::Mp3) => "MP3",
        Some(Container::Ogg) => "Ogg",
        Some(Container::Flac) | None => "FLAC",
    };
    write!(out, "{container}")?;
    match player.duration().map(|duration| duration.as_micros()) {
        Some(micros) => {
            writeln!(out, ", {}.{:03} s", micros / 1_000_000, micros / 1000 % 1000)?;
        }
        None => writeln!(out, ", which does not say how long it plays")?,
    }
    for (part, kind) in [(Part::Picture, "video"), (Part::Sound, "audio")] {
        let Some(coding) = player.coding(part) else { continue };
        write!(out, "{kind}: {}", coding.format)?;
        match part {
            Part::Sound => {
                writeln!(out, " {} Hz, {} channels", coding.sample_rate, coding.channels)?;
            }
            Part::Picture => writeln!(out)?,
        }
    }
    Ok(())
}

fn print_tracks(movie: &Movie<'_>, out: &mut impl Write) -> io::Result<()> {
    for track in movie.tracks() {
        let micros = track.duration().as_micros();
        write!(
            out,
            "track {}: {}, {}, {} samples, {}.{:03} s",
            track.id(),
            kind(&track),
            codec(&track),
            track.sample_count(),
            micros / 1_000_000,
            micros / 1000 % 1000,
        )?;
        if let Some(picture) = track.picture() {
            let (h, v) = picture.pixel_aspect_ratio;
            write!(out, ", {}x{}, pixel aspect {h}:{v}", picture.width, picture.height)?;
        }
        writeln!(out)?;
    }
    for (part, declined) in [("picture", movie.video().err()), ("sound", movie.audio().err())] {
        if let Some(declined) = declined {
            writeln!(out, "no {part}: {declined}")?;
        }
    }
    Ok(())
}

fn print_samples(movie: &Movie<'_>, out: &mut impl Write) -> io::Result<()> {
    for track in movie.tracks() {
        let mut cursor = track.start();
        while let Some(sample) = cursor.next(&track) {
            let line = json!({
                "track": track.id(),
                "kind": kind(&track),
                "index": sample.index,
                "offset": sample.range.offset,
                "size": sample.range.size,
                "dts": sample.dts,
                "pts": sample.pts,
                "timescale": track.timescale(),
                "time_us": sample.time.as_micros(),
                "sync": sample.sync,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn kind(track: &Track<'_>) -> &'static str {
    match track.kind() {
        Kind::Video => "video",
        Kind::Audio => "audio",
    }
}

fn codec(track: &Track<'_>) -> String {
    match track.codec() {
        Codec::Avc(avc) => {
            format!("H.264 profile {} level {}.{}", avc.profile, avc.level / 10, avc.level % 10)
        }
        Codec::Aac(aac) => format!("AAC {} Hz, {} channels", aac.sample_rate, aac.channels),
        Codec::Encrypted(kind) => format!("encrypted {kind}"),
        Codec::Misconfigured(kind) => format!("misconfigured {kind}"),
        Codec::Other(kind) => kind.to_string(),
    }
}
