//! `testcard`: the set in its window, on the schedule. Reads the command line and puts a [`Set`]
//! together; what the set then does is in its own module.

use clap::{Args, ValueEnum};
use testcard_core::guide::{Hours, Kept};
use testcard_core::net::Url;
use testcard_core::stream::Limits;

use super::{ARCHIVE, Failure, KeepArgs, NetworkArgs, ScheduleArgs, parse_url, unusable};
use crate::clock::SystemClock;
use crate::local_time::hours_here;
use crate::offline;
use crate::places::Places;
use crate::set::{Archive, Set, Setup};
use crate::settings::Settings;
use crate::stop::Stop;
use crate::television::{self, Television};

#[derive(Args)]
pub struct Watch {
    /// Play films made inside the program instead of archive.org's, on the same schedule
    #[arg(long)]
    offline: bool,
    /// Do so only if archive.org does not answer within a few seconds
    #[arg(long, conflicts_with = "offline")]
    offline_if_unreachable: bool,
    /// Start on this channel, and not on the one watched last
    #[arg(long, value_name = "N")]
    channel: Option<u16>,
    /// Fill the screen from the start
    #[arg(long)]
    full_screen: bool,
    /// Write the time of day with so many hours, and not as your locale does
    #[arg(long, value_name = "12|24", hide_possible_values = true)]
    hours: Option<HoursArg>,
    /// Neither read nor write what the set remembers: channel, volume, favourites, subtitles
    #[arg(long)]
    no_settings: bool,
    /// A mirror of archive.org, or a test server
    #[arg(long, value_name = "URL", value_parser = parse_url, conflicts_with = "offline")]
    base_url: Option<Url>,
    #[command(flatten)]
    keep: KeepArgs,
}

/// How the time of day is written.
#[derive(Clone, Copy, ValueEnum)]
enum HoursArg {
    #[value(name = "12")]
    Twelve,
    #[value(name = "24")]
    TwentyFour,
}

const OFFLINE: &str = "The set is offline: test pictures stand in for the films.";

pub fn run(
    args: Watch,
    schedule: &ScheduleArgs,
    network: NetworkArgs,
    stop: Stop,
) -> Result<(), Failure> {
    let clock = schedule.pretended().map_or_else(SystemClock::new, SystemClock::pretending);
    let (schedule, notice) = schedule.schedule_to_watch()?;
    let channels = &schedule.line_up().channels;
    let channel = args.channel.map(|number| {
        channels.iter().find(|channel| channel.number == number).ok_or_else(|| {
            let numbers: Vec<_> = channels.iter().map(|c| c.number.to_string()).collect();
            let all = numbers.join(", ");
            Failure::Usage(format!("there is no channel {number}; there are {all}"))
        })
    });
    let channel = channel.transpose()?;
    let mut network = network.options()?;
    // Its authority has to be known before the tuner starts, so it starts whenever it may be needed.
    // It makes nothing before it is asked for something.
    let server = match args.offline || args.offline_if_unreachable {
        true => Some(offline::start(schedule.line_up()).map_err(unusable("--offline"))?),
        false => None,
    };
    let base = args.base_url.map_or_else(|| parse_url(ARCHIVE).map_err(Failure::Usage), Ok)?;
    let archive = match &server {
        None => Archive::At { base, offline: None },
        Some(server) => {
            let inside = parse_url(server.url()).map_err(Failure::Usage)?;
            match args.offline {
                true => Archive::At { base: inside, offline: Some(OFFLINE.to_string()) },
                false => {
                    Archive::ask(base, inside, network.clone()).map_err(unusable("--extra-ca"))?
                }
            }
        }
    };
    if let Some(server) = &server {
        network.extra_ca.extend_from_slice(server.ca_pem().as_bytes());
    }
    let frame_dump = args.keep.frame_dump()?;
    let places = Places::of_this_person();
    let (settings, mut kept) = match places.as_ref().filter(|_| !args.no_settings) {
        None => (None, Kept::default()),
        Some(places) => {
            let (settings, kept) = Settings::open(places.settings(), Kept::default());
            (Some(settings), kept)
        }
    };
    if let Some(channel) = channel {
        kept.channel.clone_from(&channel.id);
    }
    let first = channels.iter().find(|channel| channel.id == kept.channel).or(channels.first());
    let title = match first {
        Some(channel) => format!("The set is watched, channel {} first", channel.number),
        None => "A set without channels is watched".to_string(),
    };
    let tape = args.keep.tape(title, Limits::DESKTOP, &clock)?;
    let trace = args.keep.journal(tape.as_ref())?;
    let television = Television::open(television::Setup {
        network: network.clone(),
        clock: clock.clone(),
        trace,
        sound_dump: args.keep.dump_audio.clone(),
        frame_dump,
        stop: stop.clone(),
    });
    let television = television.map_err(unusable("this machine"))?;
    let hours = args.hours.map_or_else(hours_here, |hours| match hours {
        HoursArg::Twelve => Hours::Twelve,
        HoursArg::TwentyFour => Hours::TwentyFour,
    });
    let setup = Setup {
        schedule,
        clock,
        archive,
        network,
        kept,
        settings,
        cache: places.map(|places| places.answers()),
        hours,
        notice,
        full_screen: args.full_screen,
        frames: args.keep.frames,
        stop,
    };
    // When all that is recorded is over, the tape is saved.
    Set::new(setup, television).watch().map_err(unusable("the window"))?;
    super::finish(tape)
}
