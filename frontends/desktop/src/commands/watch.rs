//! `testcard`: the set in its window, on the schedule. Decides what to tune to; everything else is
//! the guide's, the tuner's and the window's.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use testcard_core::guide::{Action, Guide, Kept, Moment, Reception, Status, Zone, layout};
use testcard_core::net::{ExchangePoll, Network, Request, Url};
use testcard_core::playback::Aim;
use testcard_core::schedule::{Airing, Schedule};
use testcard_core::stream::Limits;
use testcard_core::time::{Clock, UnixMillis};
use testcard_https::{Https, Options};

use super::{Failure, KeepArgs, NetworkArgs, ScheduleArgs, parse_url, unusable};
use crate::clock::SystemClock;
use crate::offline;
use crate::stop::Stop;
use crate::tape::Tape;
use crate::television::{Input, Setup, Television};
use crate::tuner::Report;

#[derive(Args)]
pub struct Watch {
    /// Play films made inside the program instead of archive.org's, on the same schedule
    #[arg(long)]
    offline: bool,
    /// Do so only if archive.org does not answer within a few seconds
    #[arg(long, conflicts_with = "offline")]
    offline_if_unreachable: bool,
    /// Start on this channel
    #[arg(long, value_name = "N")]
    channel: Option<u16>,
    /// A mirror of archive.org, or a test server
    #[arg(long, value_name = "URL", value_parser = parse_url, conflicts_with = "offline")]
    base_url: Option<Url>,
    #[command(flatten)]
    keep: KeepArgs,
}

const OFFLINE: &str = "The set is offline: test pictures stand in for the films.";

const ARCHIVE: &str = "https://archive.org";

/// How long archive.org may take to answer before the set helps itself.
const REACH_WITHIN: Duration = Duration::from_secs(4);

/// How long after a network failure the programme is tried again.
const RETRY_AFTER_MS: i64 = 60_000;

/// A set clock that disagrees with the monotonic one by more than this was set by somebody, or the
/// machine has slept: the schedule is joined anew.
const CLOCK_JUMP_MS: i64 = 2_000;

/// How often a screen that shows nothing new is looked at: often enough for a clock's minute.
const IDLE: Duration = Duration::from_millis(250);

pub fn run(
    args: Watch,
    schedule: &ScheduleArgs,
    network: NetworkArgs,
    stop: Stop,
) -> Result<(), Failure> {
    let clock = schedule.pretended().map_or_else(SystemClock::new, SystemClock::pretending);
    let schedule = schedule.schedule()?;
    let channels = &schedule.line_up().channels;
    let channel = match args.channel {
        None => 0,
        Some(number) => channels.iter().position(|c| c.number == number).ok_or_else(|| {
            let numbers: Vec<_> = channels.iter().map(|c| c.number.to_string()).collect();
            Failure::Usage(format!(
                "there is no channel {number}; there are {}",
                numbers.join(", ")
            ))
        })?,
    };
    let mut network = network.options()?;
    // Its authority has to be known before the tuner starts, so it starts whenever it may be needed.
    // It makes nothing before it is asked for something.
    let server = match args.offline || args.offline_if_unreachable {
        true => Some(offline::start(schedule.line_up()).map_err(unusable("--offline"))?),
        false => None,
    };
    let base = args.base_url.map_or_else(|| parse_url(ARCHIVE).map_err(Failure::Usage), Ok)?;
    let answer = match args.offline_if_unreachable {
        true => Some(reach(base.clone(), network.clone())?),
        false => None,
    };
    if let Some(server) = &server {
        network.extra_ca.extend_from_slice(server.ca_pem().as_bytes());
    }
    let frame_dump = args.keep.frame_dump()?;
    let number = channels.get(channel).map_or(0, |channel| channel.number);
    let title = format!("The set is watched, channel {number} first");
    let tape = args.keep.tape(title, Limits::DESKTOP, &clock)?;
    let trace = args.keep.journal(tape.as_ref())?;
    let sound_dump = args.keep.dump_audio.clone();
    let setup =
        Setup { network, clock: clock.clone(), trace, sound_dump, frame_dump, stop: stop.clone() };
    let television = Television::open(setup).map_err(unusable("this machine"))?;
    let offline_url = server.as_ref().map(|server| server.url().to_string());
    let archive = match (args.offline, answer) {
        (true, _) => Archive::inside(offline_url, OFFLINE)?,
        (false, Some(answer)) => Archive::Asking { answer, base, offline_url },
        (false, None) => Archive::At { base, offline: None },
    };
    let channel = channels.get(channel).map(|channel| channel.id.clone()).unwrap_or_default();
    let guide = Guide::new(&schedule, &Kept { channel, ..Kept::default() });
    let keep = args.keep;
    Set { schedule, guide, television, clock, archive, keep, stop, on: None, notice: None, tape }
        .watch()
}

/// Where films come from.
enum Archive {
    /// Not known yet: `base` has been asked whether it is there.
    Asking { answer: Receiver<bool>, base: Url, offline_url: Option<String> },
    /// From here. `offline` says why it is not archive.org.
    At { base: Url, offline: Option<String> },
}

/// The programme tuned to.
struct On {
    channel: usize,
    airing: Airing,
    /// Civil minus monotonic time when it was tuned to, in ms.
    clock_offset_ms: i64,
    /// When to try again after a failure of the network.
    retry_at: Option<UnixMillis>,
}

struct Set {
    schedule: Schedule,
    guide: Guide,
    television: Television,
    clock: SystemClock,
    archive: Archive,
    keep: KeepArgs,
    stop: Stop,
    on: Option<On>,
    /// The latest notice that the viewer has been told of.
    notice: Option<String>,
    /// Last, so that it is saved when all that is recorded is over.
    tape: Option<Tape>,
}

impl Set {
    fn watch(mut self) -> Result<(), Failure> {
        self.television.set_volume(self.guide.volume(), self.guide.muted());
        self.guide.inform(self.clock.now());
        loop {
            let moment = self.moment();
            let Moment { now, wall } = moment;
            if let Some(action) = self.guide.poll(moment)
                && self.act(action)?
            {
                break;
            }
            self.find_archive()?;
            self.keep_to_schedule(wall)?;
            let report = self.television.tuner().report();
            if report.notice != self.notice {
                self.notice.clone_from(&report.notice);
                self.guide.inform(now);
            }
            let status = Status {
                reception: self.reception(&report),
                notice: report.notice.clone(),
                offline: match &self.archive {
                    Archive::At { offline, .. } => offline.clone(),
                    Archive::Asking { .. } => None,
                },
                zone: Zone::fixed(utc_offset_minutes(wall)),
                ..Status::default()
            };
            let view = self.guide.view(&self.schedule, &status, moment);
            let wake = self.guide.next_wake(moment).map_or(IDLE, |wake| wake.since(now).min(IDLE));
            let wake = wake.min(self.until_next_programme(wall));
            let inputs =
                self.television.turn(&view, &report, wake).map_err(unusable("the window"))?;
            let mut leave = self.stop.is_wished();
            for input in inputs {
                let moment = self.moment();
                let action = match input {
                    Input::Key(key) => self.guide.handle_key(key, &self.schedule, moment),
                    Input::Click(x, y) => {
                        let (width, height) = self.television.size();
                        let layout = layout(width, height, &view);
                        self.guide.click(x, y, &layout, &self.schedule, moment)
                    }
                    Input::FullScreen(on) => {
                        self.guide.full_screen_changed(on);
                        None
                    }
                };
                if let Some(action) = action {
                    leave |= self.act(action)?;
                }
            }
            if leave || self.keep.enough(self.television.pictures_shown()) {
                break;
            }
        }
        self.television.finish();
        super::finish(self.tape)
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), wall: self.clock.wall() }
    }

    /// Does what the guide says; whether that is to leave.
    fn act(&mut self, action: Action) -> Result<bool, Failure> {
        match action {
            // The schedule's next look finds another channel wanted than is on.
            Action::Tune(_) | Action::Retune => {}
            Action::Volume(_) | Action::Mute(_) => {
                self.television.set_volume(self.guide.volume(), self.guide.muted());
            }
            Action::FullScreen(on) => self.television.set_full_screen(on),
            Action::Quit => return Ok(true),
        }
        Ok(false)
    }

    /// Settles where films come from, once archive.org has answered or failed to.
    fn find_archive(&mut self) -> Result<(), Failure> {
        let Archive::Asking { answer, base, offline_url } = &mut self.archive else {
            return Ok(());
        };
        match answer.try_recv() {
            Ok(true) => self.archive = Archive::At { base: base.clone(), offline: None },
            Ok(false) | Err(mpsc::TryRecvError::Disconnected) => {
                let name = base.host_str().unwrap_or_default();
                let why = format!("{name} does not answer: test pictures stand in for its films.");
                self.archive = Archive::inside(offline_url.take(), &why)?;
                self.guide.inform(self.clock.now());
            }
            Err(mpsc::TryRecvError::Empty) => {}
        }
        Ok(())
    }

    /// Tunes when another programme is on than the one tuned to.
    fn keep_to_schedule(&mut self, wall: UnixMillis) -> Result<(), Failure> {
        let Archive::At { base, .. } = &self.archive else { return Ok(()) };
        let channel = self.guide.channel();
        let watching_at = self.guide.watching_at(wall);
        let Some(airing) = self.schedule.on_air(channel, watching_at) else { return Ok(()) };
        let clock_offset_ms = watching_at.0 - (self.clock.now().as_micros() / 1000) as i64;
        let report = self.television.tuner().report();
        if let Some(on) = &mut self.on {
            let same = (on.channel, on.airing) == (channel, airing);
            let jumped = (on.clock_offset_ms - clock_offset_ms).abs() > CLOCK_JUMP_MS;
            if let Some(Err(failure)) = &report.ending
                && failure.is_network()
            {
                on.retry_at.get_or_insert(wall.plus_millis(RETRY_AFTER_MS));
            }
            let retry = on.retry_at.is_some_and(|at| at <= wall);
            if same && !jumped && !retry {
                return Ok(());
            }
            if on.channel != channel || on.airing != airing {
                self.television.clear_picture().map_err(unusable("the window"))?;
                self.guide.inform(self.clock.now());
            }
        }
        let channels = &self.schedule.line_up().channels;
        let programme = channels.get(channel).and_then(|c| airing.of(c));
        let Some(programme) = programme else { return Ok(()) };
        let url = base.join(&programme.download_path());
        let url = url.map_err(unusable("--base-url"))?;
        let aim = Aim::Live { when: self.clock.now(), position: airing.position(watching_at) };
        self.television.tuner().tune(url, aim, Limits::DESKTOP);
        self.on = Some(On { channel, airing, clock_offset_ms, retry_at: None });
        Ok(())
    }

    /// How long what is on still lasts.
    fn until_next_programme(&self, wall: UnixMillis) -> Duration {
        let left = self.on.as_ref().map_or(i64::MAX, |on| on.airing.ends.millis_since(wall));
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// What the viewer is told about reception.
    fn reception(&self, report: &Report) -> Reception {
        if let Archive::Asking { .. } = &self.archive {
            return Reception::Tuning { stage: "Calling archive.org…".to_string() };
        }
        match &report.reception {
            Reception::Failed { sentence, .. } => Reception::Failed {
                sentence: sentence.clone(),
                retry_at: self.on.as_ref().and_then(|on| on.retry_at),
            },
            _ => self.television.reception(report),
        }
    }
}

impl Archive {
    fn inside(url: Option<String>, why: &str) -> Result<Self, Failure> {
        let base = parse_url(&url.unwrap_or_default()).map_err(Failure::Usage)?;
        Ok(Self::At { base, offline: Some(why.to_string()) })
    }
}

/// Asks for anything at all, on a thread of its own; says whether an answer came.
fn reach(url: Url, network: Options) -> Result<Receiver<bool>, Failure> {
    let (say, answer) = mpsc::channel();
    let (wake, news) = mpsc::channel();
    let waker = Arc::new(move || {
        // The asker may have stopped listening.
        let _ = wake.send(());
    });
    let mut https = Https::new(network, waker).map_err(unusable("--extra-ca"))?;
    thread::spawn(move || {
        let clock = SystemClock::new();
        let mut exchange = https.open(&Request { url, range: None });
        let deadline = clock.now() + REACH_WITHIN;
        let reached = loop {
            match https.poll(&mut exchange, &mut [0; 1]) {
                ExchangePoll::Head(_) => break true,
                ExchangePoll::Pending => {}
                _ => break false,
            }
            let left = deadline.since(clock.now());
            if left.is_zero() {
                break false;
            }
            // Woken or not, the next poll tells.
            let _ = news.recv_timeout(left);
        };
        // The window may be closed already.
        let _ = say.send(reached);
    });
    Ok(answer)
}

/// What to add to UTC here at that moment, daylight saving time included.
fn utc_offset_minutes(wall: UnixMillis) -> i32 {
    Timestamp::from_millisecond(wall.0)
        .map_or(0, |time| TimeZone::system().to_offset(time).seconds() / 60)
}
