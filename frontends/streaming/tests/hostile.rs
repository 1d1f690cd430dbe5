//! Files that are cut off, damaged, or made up to hurt: whatever comes, there is an end to it, nothing
//! panics, and no more memory is taken than a file can ask for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use testcard_core::playback::{Bytes, Find, Part, Read};
use testcard_core::stream::{Container, Window};
use testcard_core::time::MediaTime;
use testcard_streaming::reader;

const FILES: [(&[u8], Container); 4] = [
    (include_bytes!("../../../recorded-sessions/clips/radio.mp3"), Container::Mp3),
    (include_bytes!("../../../recorded-sessions/clips/radio.ogg"), Container::Ogg),
    (include_bytes!("../../../recorded-sessions/clips/radio.flac"), Container::Flac),
    (include_bytes!("../../../recorded-sessions/clips/radio.mp4"), Container::FragmentedMp4),
];

/// Notes the largest piece of memory that anybody asked for.
struct Largest;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator as it came.
unsafe impl GlobalAlloc for Largest {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: as for this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: it is from `alloc` above, which is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Largest = Largest;

/// More than any step of any reader of ours holds: the largest fragment and as much again.
const LARGEST_MAX: usize = 17 << 20;

/// Reads a file as a player would, all of it being there; how many packets it had.
fn read(file: &[u8], container: Container, target: i64) -> Result<usize, String> {
    let length = file.len() as u64;
    let mut window = Window::new(file.len().max(1 << 16));
    let fill = |window: &mut Window, from: u64| {
        window.restart_at(from);
        let mut rest = file.get(from as usize..).unwrap_or_default();
        while !rest.is_empty() {
            let room = window.room();
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            window.commit(count);
            rest = &rest[count..];
        }
    };
    fill(&mut window, 0);
    let mut reader = reader(container, None).expect("a reader");
    let mut at = None;
    for _ in 0..200 {
        match reader.find(MediaTime::from_millis(target), &Bytes::new(&window, Some(length)))? {
            Find::At(offset) => {
                at = Some(offset);
                break;
            }
            Find::Need(range) => {
                let is_here = Bytes::new(&window, Some(length)).have(&range);
                assert!(!is_here, "{range:?} of {length} is here");
                fill(&mut window, range.start);
            }
        }
    }
    let at = at.expect("an end of looking");
    assert!(reader.coding(Part::Sound).is_some() || reader.coding(Part::Picture).is_some());
    fill(&mut window, at);
    let mut packets = 0;
    for _ in 0..200_000 {
        match reader.next(&Bytes::new(&window, Some(length)))? {
            Read::Packet(packet) => {
                assert!(packet.bytes.len() <= file.len());
                packets += 1;
            }
            Read::Need(until) => {
                // The core takes this for the end when the file has no more.
                assert!(until > length, "{until} of {length} is here");
                return Ok(packets);
            }
            Read::End => return Ok(packets),
        }
        let position = reader.position();
        assert!(position >= window.start(), "it went back");
        window.release_before(position);
    }
    panic!("there is no end of packets");
}

fn check(file: &[u8], container: Container, target: i64) {
    LARGEST.store(0, Ordering::Relaxed);
    // Whether anything comes of it does not matter.
    let _ = read(file, container, target);
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest <= LARGEST_MAX + file.len(), "{largest} bytes at once for {}", file.len());
}

#[test]
fn a_file_cut_off_anywhere_is_read_as_far_as_it_goes() {
    for (file, container) in FILES {
        let whole = read(file, container, 0).expect("a good file");
        for cut in (0..file.len()).step_by(file.len() / 40).chain(0..200) {
            check(&file[..cut], container, 0);
            check(&file[..cut], container, 9000);
        }
        let half = read(&file[..file.len() / 2], container, 0).expect("half of a good file");
        assert!(half > whole / 3 && half < whole, "{container}: {half} of {whole}");
    }
}

#[test]
fn an_mp3_with_noise_in_its_middle_goes_on_behind_it() {
    let (mp3, container) = FILES[0];
    let noise: Vec<u8> =
        (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let file = [&mp3[..30_000], &noise, &mp3[30_000..]].concat();
    let packets = read(&file, container, 0).expect("an MP3");
    assert!(packets >= 480, "{packets}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_anywhere_costs_what_is_damaged(
        which in 0..FILES.len(),
        damage in proptest::collection::vec((0.0..1.0_f64, any::<u8>()), 1..30),
        in_front in any::<bool>(),
        target in prop_oneof![Just(0_i64), 0..12_000_i64],
    ) {
        let (file, container) = FILES[which];
        let mut file = file.to_vec();
        // Half of the time where the headers are.
        let reach = if in_front { 1000 } else { file.len() };
        for (place, byte) in damage {
            file[(place * reach as f64) as usize] = byte;
        }
        check(&file, container, target);
    }

    #[test]
    fn noise_behind_a_good_start_is_survived(
        which in 0..FILES.len(),
        keep in 4..6000_usize,
        noise in proptest::collection::vec(any::<u8>(), 0..30_000),
    ) {
        let (file, container) = FILES[which];
        let file = [&file[..keep.min(file.len())], &noise].concat();
        check(&file, container, 0);
    }

    #[test]
    fn boxes_that_lie_about_their_numbers_are_survived(
        words in proptest::collection::vec((28_usize..4000, prop_oneof![
            Just(u32::MAX), Just(0), Just(0x7fff_ffff), Just(1 << 24), any::<u32>(),
        ]), 1..6),
    ) {
        let (file, container) = FILES[3];
        let mut file = file.to_vec();
        for (at, word) in words {
            file[at..at + 4].copy_from_slice(&word.to_be_bytes());
        }
        check(&file, container, 0);
        check(&file, container, 6000);
    }
}
