//! `testcard play`: one MP4 without the guide, in a window or without one. Counts, dumps and traces
//! what it shows, so that others can measure it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use testcard_core::guide::{Action, Backdrop, Card, Guide, Key, Reception, View};
use testcard_core::line_up::LineUp;
use testcard_core::net::Url;
use testcard_core::playback::Aim;
use testcard_core::schedule::Schedule;
use testcard_core::stream::{Limits, Patience};
use testcard_core::time::{Clock, MediaTime};
use testcard_https::Https;

use super::{Failure, KeepArgs, NetworkArgs, parse_seconds, parse_url, unusable};
use crate::clock::SystemClock;
use crate::frame_dump::FrameDump;
use crate::receiver::{Happening, Receiver};
use crate::television::{Input, Setup, Television};
use crate::trace_file::{Shown, TraceFile};
use crate::wav::WavWriter;

#[derive(Args)]
pub struct Play {
    /// An https:// address; http:// on this machine
    #[arg(value_parser = parse_url)]
    url: Url,
    /// Start here: seconds into the film
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "0")]
    at: i64,
    /// Without window and speaker: every picture in order, as fast as they can be decoded
    #[arg(long)]
    headless: bool,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Tries before a command gives an unreachable network up: after 0, 1, 2 and 4 s.
const LIMITS: Limits = Limits { patience: Patience::Tries(5), ..Limits::DESKTOP };

pub fn run(args: Play) -> Result<(), Failure> {
    let (trace, frame_dump) = (args.keep.trace()?, args.keep.frame_dump()?);
    match args.headless {
        true => headless(args, frame_dump, trace),
        false => in_window(args, frame_dump, trace),
    }
}

/// Plays in a window until the film or the frames are over, or somebody leaves.
fn in_window(args: Play, frame_dump: Option<FrameDump>, trace: TraceFile) -> Result<(), Failure> {
    let sound_dump = args.keep.dump_audio.clone();
    let clock = SystemClock::new();
    let network = args.network.options()?;
    let setup = Setup { network, clock: clock.clone(), trace, sound_dump, frame_dump };
    let mut television = Television::open(setup).map_err(unusable("this machine"))?;
    let name = args.url.path_segments().and_then(Iterator::last).unwrap_or_default().to_string();
    television.tuner().tune(args.url, Aim::At(MediaTime::from_micros(args.at)), LIMITS);
    // A guide without a channel knows what volume and full screen are.
    let no_channels = Schedule::new(LineUp { channels: Vec::new() }, 0);
    let mut guide = Guide::new(&no_channels, 0);
    television.set_volume(guide.volume(), guide.muted());
    let mut told = None;
    let outcome = 'watching: loop {
        let report = television.tuner().report();
        if report.notice != told {
            told.clone_from(&report.notice);
            told.iter().for_each(|notice| eprintln!("testcard: {notice}"));
        }
        match report.ending {
            Some(Ok(())) => break Ok(()),
            Some(Err(failure)) => break Err(failure.into()),
            None if args.keep.enough(television.pictures_shown()) => break Ok(()),
            None => {}
        }
        let view = View { card: card(&name, &television.reception(&report)), ..View::default() };
        let inputs = television.turn(&view, &report, Duration::from_millis(100));
        for input in inputs.map_err(unusable("the window"))? {
            let Input::Key(key) = input else { continue };
            if matches!(key, Key::Quit | Key::Back) {
                break 'watching Ok(());
            }
            let before = (guide.volume(), guide.muted());
            match guide.handle_key(key, &no_channels, clock.now()) {
                Some(Action::FullScreen(on)) => {
                    television.set_full_screen(on);
                }
                _ if before != (guide.volume(), guide.muted()) => {
                    television.set_volume(guide.volume(), guide.muted());
                }
                _ => {}
            }
        }
    };
    television.finish();
    outcome
}

fn card(name: &str, reception: &Reception) -> Option<Card> {
    let (backdrop, sentence) = match reception {
        Reception::Playing | Reception::Off => return None,
        Reception::Tuning { stage } => (Backdrop::TestCard, stage),
        Reception::Waiting { why } => (Backdrop::Picture, why),
        Reception::Failed { sentence, .. } => (Backdrop::TestCard, sentence),
    };
    let (heading, sentence) = (name.to_string(), sentence.clone());
    Some(Card { backdrop, heading, sentence, detail: None })
}

/// Decodes as fast as it goes, showing every picture to nobody.
fn headless(
    args: Play,
    mut frame_dump: Option<FrameDump>,
    mut trace: TraceFile,
) -> Result<(), Failure> {
    let waiting = thread::current();
    let https = Https::new(args.network.options()?, Arc::new(move || waiting.unpark()));
    let mut receiver = Receiver::new(https.map_err(unusable("--extra-ca"))?);
    let clock = SystemClock::new();
    let aim = Aim::At(MediaTime::from_micros(args.at));
    receiver.tune(args.url, aim, LIMITS, clock.now(), &mut trace)?;
    // Nobody watches, so playing never runs dry: it is always before the first missing sample.
    let nobody = MediaTime::from_micros(i64::MIN);
    let mut wav = None;
    let mut shown = 0;
    let mut started = false;
    let mut happenings = Vec::new();
    let outcome = 'playing: loop {
        let wake = receiver.turn(clock.now(), nobody, &mut happenings, &mut trace);
        for happening in happenings.drain(..) {
            match happening {
                Happening::Located { sound_rate: Some(rate) } if wav.is_none() => {
                    let path = args.keep.dump_audio.as_deref();
                    let created = path.map(|path| WavWriter::create(path, rate)).transpose();
                    wav = created.map_err(unusable("--dump-audio"))?;
                }
                Happening::Notice(notice) => eprintln!("testcard: {notice}"),
                Happening::Failed(why) => break 'playing Err(why.into()),
                _ => {}
            }
        }
        started = started || receiver.may_start();
        if started {
            let sound: Vec<i16> = receiver.sound.drain(..).collect();
            if let Some(wav) = &mut wav {
                wav.write(&sound).map_err(unusable("--dump-audio"))?;
            }
            while let Some(picture) = receiver.pictures.pop_front() {
                let pts_us = picture.pts.as_micros();
                trace.shown(clock.now(), &Shown::Picture { n: shown, pts_us, sound_frames: None });
                if let Some(dump) = &mut frame_dump {
                    dump.write(&picture).map_err(unusable("--dump-frames"))?;
                }
                shown += 1;
                if args.keep.enough(shown) {
                    break 'playing Ok(());
                }
            }
            if receiver.is_over() {
                break Ok(());
            }
        }
        let left = wake.since(clock.now());
        if !left.is_zero() {
            thread::park_timeout(left);
        }
    };
    let (bytes, exchanges) = receiver.player().map_or((0, 0), |player| player.stream().totals());
    receiver.leave(clock.now(), &mut trace);
    if let Some(wav) = wav {
        wav.finish().map_err(unusable("--dump-audio"))?;
    }
    let summary = Shown::Summary { pictures: shown, dropped: 0, bytes, exchanges, underruns: 0 };
    trace.shown(clock.now(), &summary);
    outcome
}
