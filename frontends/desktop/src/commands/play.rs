//! `testcard play`: one film or sound file without the guide, in a window or without one. Counts, dumps and traces
//! what it shows, so that others can measure it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use testcard_core::guide::{Action, Backdrop, Card, Guide, Kept, Key, Moment, Reception, View};
use testcard_core::line_up::LineUp;
use testcard_core::net::{Network, Url};
use testcard_core::playback::{Aim, Player};
use testcard_core::schedule::Schedule;
use testcard_core::stream::{Limits, Patience};
use testcard_core::time::{Clock, MediaTime};
use testcard_https::Https;
use testcard_session::Recorder;

use super::{Failure, KeepArgs, NetworkArgs, parse_seconds, parse_url, unusable};
use crate::clock::SystemClock;
use crate::frame_dump::FrameDump;
use crate::journal::{Journal, Shown};
use crate::receiver::{Happening, Receiver};
use crate::sound::CHANNELS;
use crate::stop::Stop;
use crate::tape::Tape;
use crate::television::{Input, Setup, Television};
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

pub fn run(args: Play, stop: Stop) -> Result<(), Failure> {
    let frame_dump = args.keep.frame_dump()?;
    let clock = SystemClock::new();
    let tape = args.keep.tape(format!("{} is played", args.url.path()), LIMITS, &clock)?;
    let trace = args.keep.journal(tape.as_ref())?;
    let tools = Tools { clock, frame_dump, trace, stop };
    let outcome = match args.headless {
        true => headless(args, tools, tape.as_ref()),
        false => in_window(args, tools),
    };
    match outcome {
        Ok(()) => super::finish(tape),
        // Dropping the tape saves it too; what went wrong first is what is told.
        Err(failure) => Err(failure),
    }
}

/// What is used however a film is played.
struct Tools {
    clock: SystemClock,
    frame_dump: Option<FrameDump>,
    trace: Journal,
    stop: Stop,
}

/// Plays in a window until the film or the frames are over, or somebody leaves.
fn in_window(args: Play, tools: Tools) -> Result<(), Failure> {
    let Tools { clock, frame_dump, trace, stop } = tools;
    let sound_dump = args.keep.dump_audio.clone();
    let network = args.network.options()?;
    let setup =
        Setup { network, clock: clock.clone(), trace, sound_dump, frame_dump, stop: stop.clone() };
    let mut television = Television::open(setup).map_err(unusable("this machine"))?;
    let name = args.url.path_segments().and_then(Iterator::last).unwrap_or_default().to_string();
    television.tuner().tune(args.url, Aim::At(MediaTime::from_micros(args.at)), LIMITS, None);
    // A guide without a channel knows what volume and full screen are.
    let no_channels = Schedule::new(LineUp { channels: Vec::new() }, 0);
    let mut guide = Guide::new(&no_channels, &Kept::default());
    television.set_volume(guide.volume(), guide.muted());
    let mut told = None;
    let outcome = 'watching: loop {
        let report = television.tuner().report();
        if report.notice != told {
            told.clone_from(&report.notice);
            told.iter().for_each(|notice| log::warn!("{notice}"));
        }
        match report.ending {
            Some(Ok(())) => break Ok(()),
            Some(Err(failure)) => break Err(failure.into()),
            None if args.keep.enough(television.pictures_shown()) => break Ok(()),
            None if stop.is_wished() => break Err(Failure::Stopped),
            None => {}
        }
        let view = View { card: card(&name, &television.reception(&report)), ..View::default() };
        let inputs = television.turn(&view, &report, Duration::from_millis(100));
        for input in inputs.map_err(unusable("the window"))? {
            let key = match input {
                Input::Key(key) => key,
                Input::DoubleClick { .. } => Key::FullScreen,
                Input::Wheel { rows: ..=-1, .. } => Key::VolumeUp,
                Input::Wheel { rows: 1.., .. } => Key::VolumeDown,
                _ => continue,
            };
            if matches!(key, Key::Quit | Key::Back) {
                break 'watching Ok(());
            }
            let before = (guide.volume(), guide.muted());
            let moment = Moment { now: clock.now(), wall: clock.wall() };
            match guide.handle_key(key, &no_channels, moment) {
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

/// Plays as fast as it goes, showing every picture to nobody.
fn headless(args: Play, tools: Tools, tape: Option<&Tape>) -> Result<(), Failure> {
    let waiting = thread::current();
    let stopped = waiting.clone();
    tools.stop.wake_with(move || stopped.unpark());
    let https = Https::new(args.network.options()?, Arc::new(move || waiting.unpark()));
    let https = https.map_err(unusable("--extra-ca"))?;
    let aim = Aim::At(MediaTime::from_micros(args.at));
    match tape {
        None => decode(https, args.url, aim, &args.keep, tools, |_, _| ()),
        Some(tape) => {
            let clock = tools.clock.clone();
            let recorder = Recorder::new(https, tape.recording().clone(), move || clock.now());
            let ran_ahead = |by, to| tape.ran_ahead(by, to);
            decode(recorder, args.url, aim, &args.keep, tools, ran_ahead)
        }
    }
}

/// Decodes what a network brings. `progressed` hears how much of the film that was, and up to where
/// as long as there is more.
fn decode<N: Network>(
    net: N,
    url: Url,
    aim: Aim,
    keep: &KeepArgs,
    tools: Tools,
    progressed: impl Fn(Duration, Option<MediaTime>),
) -> Result<(), Failure> {
    let Tools { clock, mut frame_dump, mut trace, stop } = tools;
    let mut receiver = Receiver::new(net);
    let now = clock.now();
    trace.tuned(now, &url, aim, None);
    receiver.tune(url, aim, LIMITS, None, now, &mut trace)?;
    // Nobody watches, so playing never runs dry: it is always before the first missing sample.
    let nobody = MediaTime::from_micros(i64::MIN);
    let mut wav = None;
    let mut shown = 0;
    let mut started = false;
    let (mut start, mut position) = (MediaTime::ZERO, MediaTime::ZERO);
    let (mut sound_rate, mut frames) = (1, 0);
    let mut length = Duration::ZERO;
    let mut happenings = Vec::new();
    let outcome = 'playing: loop {
        let wake = receiver.turn(clock.now(), nobody, &mut happenings, &mut trace);
        for happening in happenings.drain(..) {
            match happening {
                Happening::Located { sound_rate: Some(rate) } => {
                    sound_rate = rate.max(1);
                    if wav.is_none() {
                        let path = keep.dump_audio.as_deref();
                        let created = path.map(|path| WavWriter::create(path, rate)).transpose();
                        wav = created.map_err(unusable("--dump-audio"))?;
                    }
                }
                Happening::Notice(notice) => log::warn!("{notice}"),
                Happening::Failed(why) => {
                    progressed(length, None);
                    break 'playing Err(why.into());
                }
                _ => {}
            }
        }
        if !started && receiver.may_start() {
            started = true;
            position = receiver.player().map_or(MediaTime::ZERO, Player::target);
            start = position;
            trace.playing(clock.now(), start);
        }
        if started {
            let sound: Vec<i16> = receiver.sound.drain(..).collect();
            frames += (sound.len() / CHANNELS) as u64;
            length = length.max(Duration::from_micros(frames * 1_000_000 / u64::from(sound_rate)));
            if let Some(wav) = &mut wav {
                wav.write(&sound).map_err(unusable("--dump-audio"))?;
            }
            while let Some(picture) = receiver.pictures.pop_front() {
                let pts_us = picture.pts.as_micros();
                trace.shown(clock.now(), &Shown::Picture { n: shown, pts_us, sound_frames: None });
                if let Some(dump) = &mut frame_dump {
                    dump.write(&picture).map_err(unusable("--dump-frames"))?;
                }
                position = picture.pts;
                let since = u64::try_from(position.micros_since(start)).unwrap_or(0);
                length = length.max(Duration::from_micros(since));
                progressed(length, Some(position));
                shown += 1;
                if keep.enough(shown) {
                    break 'playing Ok(());
                }
            }
            if receiver.is_over() {
                progressed(length, None);
                break Ok(());
            }
        }
        if stop.is_wished() {
            break Err(Failure::Stopped);
        }
        if let Some(level) = receiver.level(position, started) {
            trace.level(clock.now(), level);
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
