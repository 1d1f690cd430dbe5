//! `testcard guide`: what is on, for people, and for the guides of other programs: XMLTV listings,
//! and M3U playlists. Opens nothing; all of it follows from the schedule.

mod m3u;
mod text;
mod xmltv;

use std::io::{self, BufWriter, Write};

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use testcard_core::line_up::{Channel, Programme};
use testcard_core::net::Url;
use testcard_core::schedule::{Airing, Schedule};
use testcard_core::time::UnixMillis;

use super::{ARCHIVE, Failure, ScheduleArgs, parse_url, unusable};
use crate::local_time::hours_here;

const HOUR_MS: i64 = 60 * 60 * 1000;

#[derive(Args)]
#[command(group = clap::ArgGroup::new("form").args(["xmltv", "m3u"]))]
pub struct Guide {
    /// Print listings in the XMLTV format, for Kodi, Jellyfin and the like
    #[arg(long)]
    xmltv: bool,
    /// Print a playlist of the channels, each the address of the film on air; with --channel, the
    /// channel's films from the one on air on
    #[arg(long)]
    m3u: bool,
    /// This channel alone
    #[arg(long, value_name = "NUMBER")]
    channel: Option<u16>,
    /// So many days from the start on [default: 3, and 6 hours for people]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=31))]
    days: Option<i64>,
    /// Start at this moment rather than now: 2026-11-20T20:42:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "when")]
    from: Option<Timestamp>,
    /// Films are under this address and not archive.org's, for mirrors and tests
    #[arg(long, value_name = "URL", value_parser = parse_url, default_value = ARCHIVE)]
    base_url: Url,
    #[command(flatten)]
    schedule: ScheduleArgs,
}

/// What to list of the schedule.
struct Listing<'a> {
    schedule: &'a Schedule,
    /// Indices into the line-up's channels.
    channels: Vec<usize>,
    from: UnixMillis,
    /// The first moment that is not listed.
    until: UnixMillis,
    base_url: &'a Url,
}

/// Something on air on a channel.
#[derive(Clone, Copy)]
struct Listed<'a> {
    airing: Airing,
    programme: &'a Programme,
    is_filler: bool,
}

pub fn run(args: &Guide) -> Result<(), Failure> {
    let schedule = args.schedule.schedule()?;
    let now = UnixMillis(Timestamp::now().as_millisecond());
    let from = args.from.map(|from| UnixMillis(from.as_millisecond()));
    let from = from.or(args.schedule.pretended()).unwrap_or(now);
    let is_for_people = !args.xmltv && !args.m3u;
    let hours = match args.days {
        Some(days) => days * 24,
        None if is_for_people => 6,
        None => 3 * 24,
    };
    let channels = schedule.line_up().channels.iter().enumerate();
    let channels: Vec<usize> = channels
        .filter(|(_, channel)| args.channel.is_none_or(|number| number == channel.number))
        .map(|(index, _)| index)
        .collect();
    if let (Some(number), true) = (args.channel, channels.is_empty()) {
        return Err(Failure::Usage(format!("--channel: there is no channel {number}")));
    }
    let until = from.plus_millis(hours * HOUR_MS);
    let listing = Listing { schedule: &schedule, channels, from, until, base_url: &args.base_url };

    let mut out = BufWriter::new(io::stdout().lock());
    let written = match () {
        () if args.xmltv => xmltv::write(&listing, &mut out),
        () if args.m3u && args.channel.is_some() => m3u::write_programmes(&listing, &mut out),
        () if args.m3u => m3u::write_channels(&listing, &mut out),
        () => text::write(&listing, &TimeZone::system(), hours_here(), &mut out),
    };
    match written.and_then(|()| out.flush()) {
        // Who reads it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(unusable("standard output")),
    }
}

impl<'a> Listing<'a> {
    fn channels(&self) -> impl Iterator<Item = (usize, &'a Channel)> {
        let all = &self.schedule.line_up().channels;
        self.channels.iter().filter_map(|index| Some((*index, all.get(*index)?)))
    }

    /// What a channel plays, idents left out.
    fn on(&self, index: usize, channel: &'a Channel) -> impl Iterator<Item = Listed<'a>> {
        let until = self.until;
        let airings = self.schedule.airings(index, self.from);
        let airings = airings.take_while(move |airing| airing.starts < until);
        airings.filter_map(|airing| {
            let is_filler = airing.is_filler(channel);
            Some(Listed { airing, programme: airing.of(channel)?, is_filler })
        })
    }

    /// Where a programme can be had.
    fn address(&self, programme: &Programme) -> String {
        let base = self.base_url.as_str().trim_end_matches('/');
        format!("{base}{}", programme.download_path())
    }
}

impl Listed<'_> {
    /// Its title, with the year where it is known.
    fn title(&self) -> String {
        match self.programme.year {
            Some(year) => format!("{} ({year})", self.programme.title),
            None => self.programme.title.clone(),
        }
    }
}

/// Whether it has sound and no picture, by the name of its file.
fn is_sound(programme: &Programme) -> bool {
    let ending = programme.file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("mp3" | "ogg" | "oga" | "flac" | "m4a"))
}

/// What the tests of the three forms list.
#[cfg(test)]
mod tests {
    use testcard_core::line_up::LineUp;

    use super::*;

    /// 2026-11-20T20:42:00Z.
    pub const FROM: UnixMillis = UnixMillis(1_795_207_320_000);

    /// A channel of films with awkward names on the half hour, and one of sound.
    pub const LINE_UP: &str = r#"
[[channel]]
id = "films"
number = 1
name = "Films & \"more\""
start_on = "half hour"

[[channel.programme]]
title = "Häxan <tinted> & \"subtitled\""
year = 1922
item = "Haxan"
file = "sub folder/Häxan #1.mp4"
duration = "1:44:52.9"
description = "Two lines,\nand <tags> & a \u0007 bell \uFFFF."

[[channel.filler]]
title = "Ident"
item = "ident"
file = "ident.mp4"
duration = "0:30"

[[channel]]
id = "radio"
number = 22
name = "Radio"

[[channel.programme]]
title = "A Concert"
item = "concert"
file = "concert.mp3"
duration = "1:00:00"
"#;

    pub fn with_listing<T>(line_up: &str, hours: i64, look: impl FnOnce(&Listing) -> T) -> T {
        let schedule = Schedule::new(LineUp::parse(line_up).unwrap(), 1);
        look(&Listing {
            schedule: &schedule,
            channels: (0..schedule.line_up().channels.len()).collect(),
            from: FROM,
            until: FROM.plus_millis(hours * HOUR_MS),
            base_url: &Url::parse("https://archive.org").unwrap(),
        })
    }

    #[test]
    fn a_listing_begins_with_what_is_on_and_leaves_idents_out() {
        with_listing(LINE_UP, 5, |listing| {
            let (index, films) = listing.channels().next().unwrap();
            let listed: Vec<_> = listing.on(index, films).collect();
            assert!(listed[0].airing.starts <= FROM && FROM < listed[0].airing.ends);
            assert!(listed.iter().all(|listed| listed.airing.programme.is_some()));
            assert_eq!(listed.iter().filter(|listed| listed.is_filler).count(), 2);
        });
    }

    #[test]
    fn an_address_is_under_the_base_whatever_slash_that_ends_with() {
        let base_url = Url::parse("https://mirror.example/archive/").unwrap();
        with_listing(LINE_UP, 1, |listing| {
            let listing = Listing { base_url: &base_url, channels: Vec::new(), ..*listing };
            let films = &listing.schedule.line_up().channels[0];
            assert_eq!(
                listing.address(&films.programmes[0]),
                "https://mirror.example/archive/download/Haxan/sub%20folder/H%C3%A4xan%20%231.mp4"
            );
        });
    }
}
