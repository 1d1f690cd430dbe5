//! A film watched over simulated TCP: as over the heap where nothing goes wrong, and through what
//! only a network of hosts and connections can do.

use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use testcard_archive::{
    Archive, Clip, Cut, CutKind, FilmSpec, Framing, Layout, Origin, Pace, Request, Response, Run,
    VirtualFilm,
};
use testcard_core::net::{ExchangeError, Url};
use testcard_core::playback::Aim;
use testcard_core::stream::{Limits, NodeFailure};
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::Event;
use testcard_session::{End, Tune, Viewing};
use testcard_sim::heap::{Link, RECEIVE_BUFFER};
use testcard_sim::screening::{Scene, Screening, URL};
use testcard_sim::simulated_tcp::{Ended, Error, Net, NetEvent, Outcome, Served, World, watch};
use testcard_sim::timeline::Timeline;
use testcard_sim::viewer::Viewer;

const FRONT: &str = "archive.org";
/// The nodes; downloads are sent to them in turn.
const NODES: [&str; 2] = ["dn600101.us.archive.org", "dn711006.ca.archive.org"];

/// Half an hour of 822 kbit/s from its 900th second on, over a good line: 1 MB/s and 80 ms.
fn scene(layout: Layout) -> Scene {
    let film = FilmSpec::new(1_800_000, layout).with_bytes(185_000_000);
    let link = Link { bytes_per_second: 1_000_000, round_trip: Duration::from_millis(80) };
    Scene::new(film, link, Aim::At(MediaTime::from_millis(900_000)))
}

/// The hosts that a scene needs, for so long.
fn world(scene: &Scene, seconds: u64) -> World {
    World { duration_max: Duration::from_secs(seconds), ..World::of_archive(scene.link) }
}

fn seconds(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

/// Watches what a [`Screening`] of the scene shows.
fn watch_scene(scene: &Scene, world: World) -> Outcome<Archive> {
    watch_tunes(scene, world, vec![tune(scene, URL, seconds(0))])
}

fn watch_tunes(scene: &Scene, world: World, tunes: Vec<Tune>) -> Outcome<Archive> {
    let (archive, viewer) = both_ends(scene, tunes);
    let outcome = watch(world, archive, viewer).unwrap();
    let violation = outcome.viewer.violation();
    assert_eq!(violation, None, "\n{}", outcome.viewer.timeline());
    outcome
}

fn tune(scene: &Scene, url: &str, at: Instant) -> Tune {
    Tune { at, url: Url::parse(url).unwrap(), aim: scene.aim, duration: None }
}

fn both_ends(scene: &Scene, tunes: Vec<Tune>) -> (Archive, Viewer<Net>) {
    let clip = Clip::test_card();
    let truth = VirtualFilm::new(&clip, &scene.film).unwrap();
    let mut archive = Archive::new(clip, scene.seed);
    archive.add("film", "A film", "film.mp4", scene.film.clone());
    archive.set_token_life(scene.token_life.map(|life| life.as_micros() as u64));
    archive.set_rules(scene.rules.clone());
    let end = End { at: Instant::FAR_FUTURE, position: None };
    let viewing = Viewing { limits: scene.limits, tunes, end };
    let url = Url::parse(URL).unwrap();
    (archive, Viewer::new(viewing).knowing(&url, vec![truth.into()]))
}

/// What happened, without when and exchange by exchange: the end of one, such as that of a redirect's
/// body, comes before or after the beginning of the next as it happens.
fn events(timeline: &Timeline) -> Vec<String> {
    let mut events: Vec<_> = timeline.events().map(|(_, event)| event).collect();
    events.sort_by_key(|event| match event {
        Event::Opened { x, .. }
        | Event::Answered { x, .. }
        | Event::Closed { x, .. }
        | Event::NodeFailed { x, .. } => *x,
        _ => 0,
    });
    events.iter().map(|event| format!("{event:?}")).collect()
}

/// What the core found wrong, and in which second.
fn failures(timeline: &Timeline) -> Vec<(u64, NodeFailure)> {
    let failure = |(at, event): (Instant, &Event)| match event {
        Event::NodeFailed { why, .. } => Some((at.as_micros() / 1_000_000, *why)),
        _ => None,
    };
    timeline.events().filter_map(failure).collect()
}

/// How the exchanges ended for the hosts.
fn endings<O>(outcome: &Outcome<O>) -> Vec<Option<Ended>> {
    outcome.exchanges.iter().map(|served| served.ended.map(|(_, how)| how)).collect()
}

const COMPLETE: Option<Ended> = Some(Ended::Complete);
const HUNG_UP: Option<Ended> = Some(Ended::HungUp);

#[test]
fn a_film_shows_the_same_events_as_over_the_heap_at_nearly_the_same_times() {
    for layout in [Layout::MoovFirst, Layout::MoovLast] {
        let scene = scene(layout);
        let mut screening = Screening::start(scene.clone());
        screening.watch_until(seconds(60));
        screening.zap();
        let outcome = watch_scene(&scene, world(&scene, 60));
        let (heap, tcp) = (screening.timeline(), outcome.viewer.timeline());
        assert_eq!(events(tcp), events(heap), "{layout:?}:\n{heap}\n{tcp}");
        for ((on_heap, _), (on_tcp, event)) in heap.events().zip(tcp.events()) {
            let apart = on_tcp.since(on_heap).max(on_heap.since(on_tcp));
            assert!(apart < Duration::from_millis(50), "{event:?} at {on_heap} and {on_tcp}");
        }
        assert_eq!(outcome.viewer.figures().shown, screening.figures().shown);
        assert_eq!(outcome.connections, screening.heap().totals().connections);
    }
}

#[test]
fn a_node_that_is_cut_off_in_mid_film_is_left_for_another_while_the_buffer_plays() {
    let scene = scene(Layout::MoovFirst);
    let events = vec![(seconds(10), NetEvent::Partition(NODES[1].to_owned()))];
    let outcome = watch_scene(&scene, World { events, ..world(&scene, 60) });
    let viewer = &outcome.viewer;
    // Ten seconds after its last piece, which came just before it was cut off.
    assert_eq!(failures(viewer.timeline()), [(19, NodeFailure::Stalled)]);
    assert_eq!((viewer.figures().rebuffers, viewer.figures().late), (0, 0));
    assert!(viewer.is_playing());
    // The one that was cut off hears nothing of it.
    let expected = [COMPLETE, HUNG_UP, COMPLETE, None, COMPLETE, HUNG_UP];
    assert_eq!(endings(&outcome), expected);
    assert_eq!(outcome.exchanges[5].host, NODES[0]);
}

#[test]
fn a_node_that_is_held_up_for_less_than_ten_seconds_is_not_left_and_loses_nothing() {
    let scene = scene(Layout::MoovFirst);
    let node = NODES[1].to_owned();
    let events =
        vec![(seconds(10), NetEvent::Hold(node.clone())), (seconds(19), NetEvent::Repair(node))];
    let outcome = watch_scene(&scene, World { events, ..world(&scene, 60) });
    assert_eq!(failures(outcome.viewer.timeline()), []);
    assert_eq!(outcome.viewer.figures().rebuffers, 0);
    assert_eq!(endings(&outcome), [COMPLETE, HUNG_UP, COMPLETE, HUNG_UP]);
}

#[test]
fn a_front_that_is_cut_off_is_unreachable_after_ten_seconds_and_reached_when_it_is_back() {
    let scene = scene(Layout::MoovFirst);
    let front = FRONT.to_owned();
    let events = vec![
        (seconds(0), NetEvent::Partition(front.clone())),
        (seconds(14), NetEvent::Repair(front)),
    ];
    let outcome = watch_scene(&scene, World { events, ..world(&scene, 60) });
    let unreachable = NodeFailure::Exchange(ExchangeError::Unreachable);
    assert_eq!(failures(outcome.viewer.timeline()), [(10, unreachable)]);
    // The second attempt is repeated after 1, 2 and 4 seconds.
    assert_eq!(outcome.exchanges[0].at, Instant::from_micros(17_200_000));
    assert!(outcome.viewer.is_playing());
}

#[test]
fn a_node_without_an_address_is_left_for_another_after_a_round_trip() {
    let scene = scene(Layout::MoovFirst);
    let mut world = world(&scene, 30);
    world.hosts.retain(|host| host != NODES[0]);
    let outcome = watch_scene(&scene, world);
    let no_name = NodeFailure::Exchange(ExchangeError::NameNotFound);
    assert_eq!(failures(outcome.viewer.timeline()), [(0, no_name), (2, no_name)]);
    assert!(outcome.viewer.is_playing());
}

#[test]
fn a_port_on_which_nobody_listens_refuses() {
    let scene = scene(Layout::MoovFirst);
    let url = URL.replace(FRONT, &format!("{FRONT}:8443"));
    let outcome = watch_tunes(&scene, world(&scene, 5), vec![tune(&scene, &url, seconds(0))]);
    let failures = failures(outcome.viewer.timeline());
    assert_eq!(failures[0], (0, NodeFailure::Exchange(ExchangeError::Refused)));
    assert_eq!(outcome.connections, 0);
}

#[test]
fn a_viewer_whose_window_is_full_makes_the_node_wait() {
    let limits = Limits { window_bytes: 2 * 1024 * 1024, ..Limits::DESKTOP };
    let link = Link { bytes_per_second: 10_000_000, round_trip: Duration::from_millis(80) };
    let scene = Scene { limits, link, ..scene(Layout::MoovFirst) };
    let outcome = watch_scene(&scene, world(&scene, 30));
    let media = outcome.exchanges.last().unwrap();
    // The film has 103 kB a second.
    let watched = 30 * 103_000;
    let in_the_window = scene.limits.window_bytes as u64;
    let on_the_way = 10_000_000 * 40 / 1000 + 10 * 16 * 1024;
    let most = watched + in_the_window + RECEIVE_BUFFER + on_the_way;
    assert!(media.sent > watched + in_the_window, "{media:?}");
    assert!(media.sent <= most, "{media:?}, at most {most}");
}

#[test]
fn every_exchange_that_is_cancelled_is_closed_at_its_host() {
    let scene = scene(Layout::MoovFirst);
    // While connecting, between the redirect and the node's head, in the index, in the film.
    let tuned = [0, 30, 130, 530, 1_000, 1_400, 7_000].map(|ms| Instant::from_micros(ms * 1000));
    let tunes = tuned.iter().map(|at| tune(&scene, URL, *at)).collect();
    let outcome = watch_tunes(&scene, world(&scene, 12), tunes);
    let timeline = outcome.viewer.timeline();
    let opened = timeline.events().filter(|(_, event)| matches!(event, Event::Opened { .. }));
    assert!(opened.count() > outcome.exchanges.len(), "some never got as far as a request");
    let endings = endings(&outcome);
    let hung_up = endings.iter().filter(|ended| **ended == HUNG_UP).count();
    assert!(hung_up >= tuned.len() - 2, "{endings:?}\n{timeline}");
    assert!(endings.iter().all(|ended| matches!(*ended, COMPLETE | HUNG_UP)), "{endings:?}");
    // Whoever was tuned away from has heard so after the way there, and not at the end.
    let away = tuned[tuned.len() - 1] + Duration::from_millis(50);
    let late = |served: &&Served| served.at < tuned[6] && served.ended.unwrap().0 > away;
    assert_eq!(outcome.exchanges.iter().find(late), None);
}

#[test]
fn a_body_is_cut_at_the_very_byte_and_resumed_there() {
    for (rule, how) in [("close", CutKind::Close), ("reset", CutKind::Reset)] {
        let scene = scene(Layout::MoovFirst).with_rules(&[&format!("node:1:{rule}=5000123")]);
        let outcome = watch_scene(&scene, world(&scene, 30));
        let [.., cut, _, resumed] = &outcome.exchanges[..] else { panic!("{rule}") };
        assert_eq!((cut.sent, cut.ended.unwrap().1), (5_000_123, Ended::Cut(how)));
        let first = |served: &Served| -> u64 {
            let range = served.range.as_deref().unwrap();
            range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
        };
        assert_eq!(first(resumed), first(cut) + 5_000_123);
        assert_eq!(outcome.viewer.figures().rebuffers, 0);
    }
}

/// The archive, whose redirects have a body that ends with the connection, and how that ends.
struct UntilClose(Archive, Option<CutKind>);

impl Origin for UntilClose {
    fn respond(&mut self, request: &Request) -> Response {
        let mut response = self.0.respond(request);
        if response.status == 302 {
            response.framing = Framing::UntilClose;
            response.headers.retain(|(name, _)| name != "Transfer-Encoding");
            response.cut = self.1.map(|how| Cut { after: Some(100), how });
        }
        response
    }
}

#[test]
fn a_reset_is_not_taken_for_the_end_of_a_body_that_ends_with_its_connection() {
    for (how, ending) in [
        (None, "complete after 138 bytes"),
        (Some(CutKind::Close), "complete after 100 bytes"),
        (Some(CutKind::Reset), "hung up after 100 bytes"),
    ] {
        let scene = scene(Layout::MoovFirst);
        let (archive, viewer) = both_ends(&scene, vec![tune(&scene, URL, seconds(0))]);
        let outcome = watch(world(&scene, 1), UntilClose(archive, how), viewer).unwrap();
        let timeline = outcome.viewer.timeline().to_string();
        assert!(timeline.contains(&format!("closed        #1 {ending}")), "{how:?}\n{timeline}");
    }
}

/// The archive, whose nodes send 1,000 bytes every 200 µs: pieces as a recording has them.
struct InSmallPieces(Archive);

impl Origin for InSmallPieces {
    fn respond(&mut self, request: &Request) -> Response {
        let mut response = self.0.respond(request);
        if response.status == 206 {
            let run = Run { first_us: 50_000, every_us: 200, times: u32::MAX, bytes: 1000 };
            response.pace = Pace::Times { runs: vec![run], end_us: 0 };
        }
        response
    }
}

#[test]
fn the_times_of_small_pieces_are_kept_over_a_link_that_sets_no_limit() {
    let link = Link { bytes_per_second: u64::MAX, round_trip: Duration::from_millis(200) };
    let scene = Scene { link, ..scene(Layout::MoovFirst) };
    let (archive, viewer) = both_ends(&scene, vec![tune(&scene, URL, seconds(0))]);
    let outcome = watch(world(&scene, 10), InSmallPieces(archive), viewer).unwrap();
    let mut events = outcome.viewer.timeline().events();
    let found = events.find_map(|(at, event)| match event {
        Event::IndexFound { offset, bytes } => Some((at, offset + bytes)),
        _ => None,
    });
    let (found, index_end) = found.unwrap();
    let node = &outcome.exchanges[1];
    let there = node.at + Duration::from_micros(50_000 + index_end / 1000 * 200);
    let expected = there + Duration::from_millis(100);
    let apart = found.since(expected).max(expected.since(found));
    assert!(apart <= World::TICK, "{found}, expected {expected}");
}

#[test]
#[should_panic(expected = "an origin's own")]
fn a_panic_of_the_origin_is_a_panic_of_the_test() {
    struct Panics;
    impl Origin for Panics {
        fn respond(&mut self, _: &Request) -> Response {
            panic!("an origin's own");
        }
    }
    let scene = scene(Layout::MoovFirst);
    let (_, viewer) = both_ends(&scene, vec![tune(&scene, URL, seconds(0))]);
    let _ = watch(world(&scene, 5), Panics, viewer);
}

#[test]
fn a_world_that_cannot_be_is_an_error() {
    let scene = scene(Layout::MoovFirst);
    let good = || world(&scene, 1);
    let error = |world| {
        let (archive, viewer) = both_ends(&scene, Vec::new());
        watch(world, archive, viewer).err()
    };
    let one_way = Duration::from_millis(40);
    for micros in [0, 500, 1_500, 41_000] {
        let tick = Duration::from_micros(micros);
        assert_eq!(error(World { tick, ..good() }), Some(Error::Tick { tick, one_way }));
    }
    assert_eq!(error(World { tick: one_way, ..good() }), None);
    for name in [FRONT, "viewer.invalid"] {
        let mut world = good();
        world.hosts.push(name.to_owned());
        assert_eq!(error(world), Some(Error::HostName(name.to_owned())));
    }
    let events = vec![(seconds(0), NetEvent::Hold("nobody".to_owned()))];
    let no_host = Error::NoSuchHost("nobody".to_owned());
    assert_eq!(error(World { events, ..good() }), Some(no_host));
}

/// All that happened at both ends in a session with mishaps of every kind.
fn bad_evening(seed: u64) -> String {
    let rules =
        ["download:400/1000:status=500", "node:300/1000:reset=1000000", "node:2:stall=100000"];
    let scene = Scene { seed, ..scene(Layout::MoovLast).with_rules(&rules) };
    let events = vec![
        (seconds(5), NetEvent::Partition(NODES[0].to_owned())),
        (seconds(20), NetEvent::Hold(NODES[1].to_owned())),
        (seconds(25), NetEvent::Repair(NODES[0].to_owned())),
        (seconds(33), NetEvent::Repair(NODES[1].to_owned())),
    ];
    let outcome = watch_scene(&scene, World { events, seed, ..world(&scene, 60) });
    format!("{}\n{:#?}", outcome.viewer.timeline(), outcome.exchanges)
}

#[test]
fn the_same_seed_gives_the_same_evening_in_two_processes_and_another_seed_another() {
    const FILE: &str = "TESTCARD_EVENING_FILE";
    let here = bad_evening(1);
    if let Some(file) = env::var_os(FILE) {
        return fs::write(file, here).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("evening");
    let this = "the_same_seed_gives_the_same_evening_in_two_processes_and_another_seed_another";
    let mut there = Command::new(env::current_exe().unwrap());
    let output = there.args(["--exact", this]).env(FILE, &file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let there = fs::read_to_string(file).unwrap();
    let differing = here.lines().zip(there.lines()).find(|(here, there)| here != there);
    assert_eq!(differing, None, "the first line that differs, here and there");
    assert_eq!(here.len(), there.len());
    assert_ne!(here, bad_evening(2));
}
