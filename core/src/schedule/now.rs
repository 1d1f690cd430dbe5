//! What every channel shows at one moment and what follows, in a form that is printed and compared:
//! the data of `testcard now`.

use alloc::vec::Vec;

use serde::Serialize;

use super::{Airing, Schedule};
use crate::line_up::Channel;
use crate::time::UnixMillis;

/// What every channel shows at one moment. As JSON, this is what `testcard now --json` prints.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Now<'a> {
    /// The moment.
    pub at_unix_ms: UnixMillis,
    /// The seed of the schedule.
    pub seed: u64,
    /// In the order of their numbers. Without those where [`Schedule::on_air`] is `None`.
    pub channels: Vec<ChannelNow<'a>>,
}

/// What a channel shows.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ChannelNow<'a> {
    /// Its number.
    pub number: u16,
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// How far into what is on air the moment is.
    pub position_ms: i64,
    /// The programme on air; absent while the channel shows its ident.
    pub on_air: Option<Showing<'a>>,
    /// The programme after it; absent only at the end of time.
    pub next: Option<Showing<'a>>,
}

/// An airing and the programme that it is of.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Showing<'a> {
    /// The programme's title.
    pub title: &'a str,
    /// The year it was first shown, where known.
    pub year: Option<u16>,
    /// The archive.org identifier of the item.
    pub item: &'a str,
    /// The path of the file within the item, unencoded.
    pub file: &'a str,
    /// When the airing starts.
    pub starts_unix_ms: UnixMillis,
    /// When the airing ends and the next starts.
    pub ends_unix_ms: UnixMillis,
}

impl Schedule {
    /// What every channel shows at that moment.
    pub fn now(&self, at: UnixMillis) -> Now<'_> {
        let channels = self.line_up.channels.iter().enumerate();
        let channels = channels.filter_map(|(index, channel)| {
            let mut airings = self.airings(index, at);
            let airing = airings.next()?;
            // At most two gaps in a row, the second a time between parts too short for anything.
            let programme_within = 2 * (channel.fillers.len() + 1) + 1;
            Some(ChannelNow {
                number: channel.number,
                id: &channel.id,
                name: &channel.name,
                position_ms: at.millis_since(airing.starts),
                on_air: Showing::new(channel, airing),
                next: airings
                    .take(programme_within)
                    .filter(|next| !next.is_filler(channel))
                    .find_map(|next| Showing::new(channel, next)),
            })
        });
        Now { at_unix_ms: at, seed: self.seed, channels: channels.collect() }
    }
}

impl<'a> Showing<'a> {
    /// `None` for the ident.
    fn new(channel: &'a Channel, airing: Airing) -> Option<Self> {
        let programme = airing.of(channel)?;
        Some(Self {
            title: &programme.title,
            year: programme.year,
            item: &programme.item,
            file: &programme.file,
            starts_unix_ms: airing.starts,
            ends_unix_ms: airing.ends,
        })
    }
}
