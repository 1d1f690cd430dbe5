//! How the stream is, for the curious: counted from what the core says that it does, and read off
//! its player. Only looks; nothing is decided by it.

use std::time::Duration;

use testcard_core::guide::Health;
use testcard_core::mp4::{Codec, Track};
use testcard_core::net::{Network, Url};
use testcard_core::playback::{Coding, Part, Player};
use testcard_core::time::MediaTime;
use testcard_core::trace::Event;

/// The health of one programme's stream. Another programme has a new one.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    health: Health,
    /// Tries since the last that anybody answered.
    unanswered: u32,
}

/// So many tries that nobody answers in a row are the network's doing, and not a node's.
const UNANSWERED_MAX: u32 = 2;

impl Meter {
    /// Hears of something that the core did.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Opened { url, .. } => {
                self.health.connections = self.health.connections.saturating_add(1);
                let host = Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_string()));
                self.health.node = host;
            }
            Event::NodeFailed { why, .. } => {
                self.unanswered = match why.is_unreachable() {
                    true => self.unanswered.saturating_add(1),
                    false => 0,
                };
                self.health.reconnects = self.health.reconnects.saturating_add(1);
            }
            Event::Answered { .. } => self.unanswered = 0,
            Event::Starved { .. } => {
                self.health.underruns = self.health.underruns.saturating_add(1);
            }
            _ => {}
        }
    }

    /// Whether there seems to be no network at all.
    pub fn is_cut_off(&self) -> bool {
        self.unanswered >= UNANSWERED_MAX
    }

    /// Reads what a film is made of, once it is known.
    pub fn located<N: Network>(&mut self, player: &Player<N>) {
        let coded = |part| player.coding(part).map(coding);
        let picture = player.track(Part::Picture).and_then(|track| picture(&track));
        let sound = player.track(Part::Sound).and_then(|track| sound(&track));
        self.health.picture = picture.or_else(|| coded(Part::Picture));
        self.health.sound = sound.or_else(|| coded(Part::Sound));
    }

    /// Reads how things stand.
    pub fn look<N: Network>(&mut self, player: &Player<N>) -> Health {
        let stream = player.stream();
        let bytes = stream.window().len() as u64;
        self.health.buffer_bytes = bytes;
        self.health.buffer = lasting(bytes, stream.file_length(), player.duration());
        self.health.bytes_per_second = stream.measured().bytes_per_second;
        self.health.received_bytes = stream.totals().0;
        self.health.clone()
    }
}

/// How long so many bytes of a film of this length in bytes and in time last, on average.
fn lasting(bytes: u64, all: Option<u64>, length: Option<MediaTime>) -> Duration {
    let micros = length.map_or(0, |length| u64::try_from(length.as_micros()).unwrap_or(0));
    let all = u128::from(all.unwrap_or(0).max(1));
    let lasting = u128::from(bytes) * u128::from(micros) / all;
    Duration::from_micros(u64::try_from(lasting).unwrap_or(u64::MAX).min(micros))
}

fn picture(track: &Track<'_>) -> Option<String> {
    let picture = track.picture()?;
    let codec = match track.codec() {
        Codec::Avc(_) => "H.264",
        _ => return None,
    };
    let micros = u64::try_from(track.duration().as_micros()).ok().filter(|micros| *micros > 0)?;
    // Pictures in a hundred seconds.
    let rate = u64::from(track.sample_count()).saturating_mul(100_000_000) / micros;
    Some(format!(
        "{} × {} {codec}, {}.{:02}/s",
        picture.width,
        picture.height,
        rate / 100,
        rate % 100
    ))
}

fn sound(track: &Track<'_>) -> Option<String> {
    let Codec::Aac(aac) = track.codec() else { return None };
    Some(sound_of(aac.sample_rate, aac.channels, "AAC"))
}

/// What a file is made of that is no film of the core's. Some of it only decoders know.
fn coding(coding: &Coding) -> String {
    let format = coding.format.to_string();
    match coding.sample_rate {
        0 => format,
        rate => sound_of(rate, coding.channels, &format),
    }
}

fn sound_of(rate: u32, channels: u8, format: &str) -> String {
    let channels = match channels {
        1 => "mono".to_string(),
        2 => "stereo".to_string(),
        n => format!("{n} channels"),
    };
    let thousands = format!("{}.{:03}", rate / 1000, rate % 1000);
    let thousands = thousands.trim_end_matches('0').trim_end_matches('.');
    format!("{thousands} kHz {channels} {format}")
}

#[cfg(test)]
mod tests {
    use testcard_core::net::ExchangeError;
    use testcard_core::stream::NodeFailure;

    use super::*;

    #[test]
    fn connections_and_what_broke_them_are_counted() {
        let mut meter = Meter::default();
        let opened = |url: &str| Event::Opened { x: 1, url: url.to_string(), range: None };
        let why = NodeFailure::Exchange(ExchangeError::Disconnected);
        meter.event(&opened("https://archive.org/download/a/b.mp4"));
        meter.event(&opened("https://ia800906.us.archive.org/21/items/a/b.mp4?token=secret"));
        meter.event(&Event::NodeFailed { x: 2, why, pause: Duration::ZERO });
        let Health { node, connections, reconnects, .. } = meter.health;
        assert_eq!(node.as_deref(), Some("ia800906.us.archive.org"));
        assert_eq!((connections, reconnects), (2, 1));
    }

    #[test]
    fn one_node_that_is_quiet_is_no_lack_of_a_network_and_two_tries_without_an_answer_are() {
        let mut meter = Meter::default();
        let failed = |why| Event::NodeFailed { x: 1, why, pause: Duration::ZERO };
        let mut cut_off_after = |event: Event| {
            meter.event(&event);
            meter.is_cut_off()
        };
        assert!(!cut_off_after(failed(NodeFailure::Stalled)));
        assert!(cut_off_after(failed(NodeFailure::Exchange(ExchangeError::NameNotFound))));
        assert!(cut_off_after(failed(NodeFailure::Exchange(ExchangeError::Unreachable))));
        assert!(!cut_off_after(Event::Answered { x: 2, status: 503 }));
        assert!(!cut_off_after(failed(NodeFailure::Busy(503))));
        assert!(!cut_off_after(failed(NodeFailure::NoAnswer)));
    }

    #[test]
    fn sound_is_described_as_on_the_box_of_a_record_player() {
        assert_eq!(sound_of(44_100, 2, "AAC"), "44.1 kHz stereo AAC");
        assert_eq!(sound_of(22_050, 1, "MP3"), "22.05 kHz mono MP3");
        assert_eq!(sound_of(96_000, 6, "FLAC"), "96 kHz 6 channels FLAC");
    }

    #[test]
    fn what_is_buffered_lasts_as_long_as_its_part_of_the_film() {
        let minutes = |n: i64| Some(MediaTime::from_micros(n * 60_000_000));
        assert_eq!(lasting(1_000, Some(30_000), minutes(30)), Duration::from_secs(60));
        assert_eq!(lasting(40_000, Some(30_000), minutes(30)), Duration::from_secs(1800));
        for unknown in [lasting(1_000, None, None), lasting(1_000, Some(0), None)] {
            assert_eq!(unknown, Duration::ZERO);
        }
        lasting(u64::MAX, Some(1), Some(MediaTime::from_micros(i64::MAX)));
    }
}
