//! Whole files read through a window that fills up as a network would have it: everything comes out,
//! at its time, wherever one begins and however the bytes come.

use std::time::Duration;

use testcard_archive::{Clip, VirtualFilm};
use testcard_core::playback::{Bytes, Find, Packet, Part, Read, Reader};
use testcard_core::stream::{Container, Window};
use testcard_core::time::MediaTime;
use testcard_streaming::reader;

const MP3: &[u8] = include_bytes!("../../../recorded-sessions/clips/radio.mp3");
const OGG: &[u8] = include_bytes!("../../../recorded-sessions/clips/radio.ogg");
const FLAC: &[u8] = include_bytes!("../../../recorded-sessions/clips/radio.flac");
const MP4: &[u8] = include_bytes!("../../../recorded-sessions/clips/radio.mp4");

/// A file, and a window on it.
struct Set<'a> {
    file: &'a [u8],
    window: Window,
    /// How many bytes come at a time.
    piece: usize,
    /// How often the window was moved to somewhere else.
    jumps: u32,
}

impl<'a> Set<'a> {
    fn new(file: &'a [u8], piece: usize) -> Self {
        Self { file, window: Window::new(4 << 20), piece, jumps: 0 }
    }

    fn bytes(&self) -> Bytes<'_> {
        Bytes::new(&self.window, Some(self.file.len() as u64))
    }

    fn come(&mut self) {
        let end = self.window.end() as usize;
        let left = self.file.get(end..).unwrap_or_default();
        assert!(!left.is_empty(), "more was wanted than the file has");
        let room = self.window.room();
        let count = room.len().min(left.len()).min(self.piece);
        assert!(count > 0, "more was wanted than the window holds");
        room[..count].copy_from_slice(&left[..count]);
        self.window.commit(count);
    }

    /// Finds a place to begin.
    fn find(&mut self, reader: &mut dyn Reader, target: MediaTime) -> Result<u64, String> {
        for _ in 0..100_000 {
            match reader.find(target, &self.bytes())? {
                Find::At(offset) => {
                    self.window.release_before(offset.max(self.window.start()));
                    if self.window.start() != offset {
                        self.window.restart_at(offset);
                        self.jumps += 1;
                    }
                    return Ok(offset);
                }
                Find::Need(range) => {
                    assert!(!self.bytes().have(&range), "{range:?} is here");
                    if range.start < self.window.start() || range.start > self.window.end() + 65_536
                    {
                        self.window.restart_at(range.start);
                        self.jumps += 1;
                    }
                    self.come();
                }
            }
        }
        panic!("there is no end of looking");
    }

    /// Reads on to the end, releasing what was read.
    fn read(&mut self, reader: &mut dyn Reader) -> Result<Vec<Packet>, String> {
        let mut packets = Vec::new();
        for _ in 0..1_000_000 {
            match reader.next(&self.bytes())? {
                Read::Packet(packet) => packets.push(packet),
                Read::Need(until) => {
                    assert!(until > self.window.end(), "{until} is here");
                    match self.window.end() >= self.file.len() as u64 {
                        true => return Ok(packets),
                        false => self.come(),
                    }
                }
                Read::End => return Ok(packets),
            }
            let position = reader.position();
            assert!(position >= self.window.start());
            self.window.release_before(position);
        }
        panic!("there is no end of packets");
    }
}

fn all(file: &[u8], container: Container, from: i64, piece: usize) -> (Vec<Packet>, u32) {
    let mut reader = reader(container, None).expect("a reader");
    let mut set = Set::new(file, piece);
    set.find(&mut *reader, MediaTime::from_millis(from)).expect("a place");
    let packets = set.read(&mut *reader).expect("packets");
    (packets, set.jumps)
}

fn millis(time: MediaTime) -> i64 {
    time.as_micros() / 1000
}

const FILES: [(&[u8], Container); 4] = [
    (MP3, Container::Mp3),
    (OGG, Container::Ogg),
    (FLAC, Container::Flac),
    (MP4, Container::FragmentedMp4),
];

#[test]
fn every_kind_of_file_is_read_from_its_first_packet_to_its_last() {
    for (file, container) in FILES {
        let (packets, _) = all(file, container, 0, 100_000);
        let (first, last) = (packets.first().unwrap(), packets.last().unwrap());
        // Vorbis may begin a little before what is to be heard.
        assert!((-50..=0).contains(&millis(first.time)), "{container}: {}", millis(first.time));
        let end = millis(last.time + last.duration);
        assert!((11_900..=12_040).contains(&end), "{container}: {end}");
        // The first of Vorbis is there for the second, and is not heard.
        let gaps = packets[1..].windows(2).filter(|pair| {
            let gap = pair[1].time.micros_since(pair[0].time + pair[0].duration);
            gap.abs() > 50
        });
        assert_eq!(gaps.count(), 0, "{container}");
    }
}

#[test]
fn how_the_bytes_come_makes_no_difference() {
    for (file, container) in FILES {
        let (expected, _) = all(file, container, 0, 1 << 20);
        for piece in [1, 7, 100, 4096, 30_000] {
            assert!(all(file, container, 0, piece).0 == expected, "{container} by {piece}");
        }
    }
}

#[test]
fn reading_begins_at_or_shortly_before_the_moment_wanted_and_goes_on_as_from_the_start() {
    for (file, container) in FILES {
        let (whole, _) = all(file, container, 0, 1 << 20);
        for target in [500, 4000, 7777, 11_500] {
            let (packets, _) = all(file, container, target, 5000);
            let first = millis(packets.first().expect("packets").time);
            assert!((0..=4100).contains(&(target - first)), "{container}: {first} for {target}");
            // Behind the first, which Vorbis has to have and does not hear.
            for packet in &packets[1..] {
                // The last page of Ogg does not say how much of it is silence.
                let is_same = |one: &&Packet| {
                    let apart = one.time.micros_since(packet.time).abs();
                    one.bytes == packet.bytes && apart < 50_000
                };
                assert!(whole.iter().find(is_same).is_some(), "{container}: {packet:?}");
            }
            assert_eq!(
                packets.last().map(|last| &last.bytes),
                whole.last().map(|last| &last.bytes)
            );
        }
    }
}

#[test]
fn what_stands_before_an_mp3_is_stepped_over_in_one_jump() {
    let tag = [b"ID3\x04\0\0\0\x7f\x7f\x7f".as_slice(), &vec![0xff; (1 << 21) - 1]].concat();
    let file = [tag.as_slice(), MP3].concat();
    let (packets, jumps) = all(&file, Container::Mp3, 0, 16_384);
    assert_eq!((packets.len(), jumps), (500, 1));
}

#[test]
fn pictures_in_a_flac_are_stepped_over_and_never_held() {
    let block = |kind: u8, length: usize| {
        [&[kind], &(length as u32).to_be_bytes()[1..], &vec![0; length]].concat()
    };
    let (head, rest) = (&FLAC[..42], &FLAC[42..]);
    let file = [head, &block(6, 3 << 20), &block(1, 2 << 20), rest].concat();
    let (packets, jumps) = all(&file, Container::Flac, 0, 16_384);
    assert_eq!((packets.len(), jumps), (120, 2));
}

#[test]
fn the_tracks_are_known_once_a_place_is_found() {
    for (file, container, sample_rate, duration) in [
        (MP3, Container::Mp3, 48_000, Some(12)),
        (OGG, Container::Ogg, 22_050, None),
        (FLAC, Container::Flac, 16_000, Some(12)),
        (MP4, Container::FragmentedMp4, 32_000, None),
    ] {
        let mut reader = reader(container, None).unwrap();
        let mut set = Set::new(file, 4096);
        set.find(&mut *reader, MediaTime::ZERO).unwrap();
        let coding = reader.coding(Part::Sound).expect("sound");
        assert_eq!((coding.sample_rate, coding.channels), (sample_rate, 1), "{container}");
        assert!(reader.coding(Part::Picture).is_none());
        assert_eq!(reader.duration(), duration.map(Duration::from_secs), "{container}");
    }
}

/// An hour of each kind.
fn hour(layout: &str) -> Vec<u8> {
    let spec = format!("3600:min:{layout}").parse().expect("a description");
    let film = VirtualFilm::new(&Clip::test_card(), &spec).expect("a file");
    let mut bytes = vec![0; film.len() as usize];
    film.read_at(0, &mut bytes);
    bytes
}

#[test]
fn a_moment_of_an_hour_is_found_in_a_few_jumps_whether_or_not_anybody_knows_that_it_is_an_hour() {
    for (layout, container) in [
        ("mp3", Container::Mp3),
        ("ogg", Container::Ogg),
        ("flac", Container::Flac),
        ("fragments", Container::FragmentedMp4),
    ] {
        let file = hour(layout);
        for duration in [None, Some(Duration::from_secs(3600))] {
            for target in [30_000, 1_800_000, 3_590_000] {
                let mut reader = reader(container, duration).expect("a reader");
                let mut set = Set::new(&file[..], 16_384);
                set.find(&mut *reader, MediaTime::from_millis(target)).expect("a place");
                let jumps = set.jumps;
                // The last few seconds are read to the end, the others not.
                set.file = &file[..file.len().min(set.window.start() as usize + 200_000)];
                let packets = set.read(&mut *reader).expect("packets");
                let first = millis(packets[0].time);
                assert!((0..=4100).contains(&(target - first)), "{layout}: {first} for {target}");
                let most = if duration.is_some() { 2 } else { 4 };
                assert!(jumps <= most, "{layout} took {jumps} jumps to {target}");
                let end = packets.last().map_or(0, |last| millis(last.time + last.duration));
                let is_at_end = set.file.len() == file.len();
                assert!(!is_at_end || (end - 3_600_000).abs() < 1100, "{layout}: {end}");
            }
        }
    }
}
