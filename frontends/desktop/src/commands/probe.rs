//! `testcard probe`: what the demuxer makes of a file, on disk or behind an address. Reads the index
//! and nothing else.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use clap::Args;
use serde_json::json;
use testcard_core::mp4::{Codec, Kind, Movie, MovieLayout, Track};
use testcard_core::net::{Network, Url};
use testcard_core::stream::{Context, Limits, Patience, ProgrammeFailure, Progress, Stream};
use testcard_core::time::Clock;
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
    let moov = if args.what.contains("://") {
        let url = parse_url(&args.what).map_err(Failure::Usage)?;
        let waiting = thread::current();
        let https = Https::new(args.network.options()?, Arc::new(move || waiting.unpark()));
        let mut https = https.map_err(|error| Failure::Usage(error.to_string()))?;
        read_index(&mut https, url)?
    } else {
        let mut file = OneFile::open(Path::new(&args.what))
            .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", args.what)))?;
        read_index(&mut file, OneFile::url())?
    };
    let layout = MovieLayout::parse(&moov).map_err(ProgrammeFailure::Index)?;
    let movie = layout.over(&moov).ok_or(ProgrammeFailure::NoIndex)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = match args.samples {
        true => print_samples(&movie, &mut out),
        false => print_tracks(&movie, &mut out),
    };
    match printed.and_then(|()| out.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Usage(format!("standard output cannot be written: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Finds the index the way the set does.
fn read_index<N: Network>(net: &mut N, url: Url) -> Result<Vec<u8>, ProgrammeFailure> {
    let limits = Limits { patience: Patience::Tries(4), ..Limits::DESKTOP };
    let clock = SystemClock::new();
    let mut stream = Stream::new(url, limits)?;
    loop {
        let now = clock.now();
        match stream.poll(&mut Context { net, now, trace: &mut () })? {
            Progress::Index(moov) => return Ok(moov),
            Progress::FileChanged => {}
            Progress::Wait(wake) => thread::park_timeout(wake.since(clock.now())),
        }
    }
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
