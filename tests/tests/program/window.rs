//! The set in a real window, operated by keys and clicks: what it does is held against the guide's
//! model, which is operated in the same way here.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use testcard_archive::{Archive, Clip, FilmSpec, Layout};
use testcard_core::guide::{Action, Guide, Kept, Key, Moment, Reception, Status, layout};
use testcard_core::line_up::LineUp;
use testcard_core::schedule::{DEFAULT_SEED, Schedule};
use testcard_core::time::{Instant, UnixMillis};

use crate::display::{Display, SIZE};
use crate::run::{Running, Stage};

/// 2026-11-20T20:42:00Z.
const WHEN: UnixMillis = UnixMillis(1_795_207_320_000);

/// Films of an hour on four channels, of which two begin with the same digit.
const CHANNELS: [(u16, &str); 4] = [(1, "one"), (2, "two"), (3, "three"), (12, "twelve")];

fn line_up() -> String {
    let channel = |(number, id): &(u16, &str)| {
        let mut text =
            format!("[[channel]]\nnumber = {number}\nid = \"{id}\"\nname = \"{id}\"\n\n");
        for part in ["a", "b", "c"] {
            text += &format!(
                "[[channel.programme]]\ntitle = \"{id} {part}\"\nitem = \"{id}\"\n\
                 file = \"{part}.mp4\"\nduration = \"1:00:00\"\nsubtitles = \"{part}.srt\"\n\n"
            );
        }
        text
    };
    CHANNELS.iter().map(channel).collect()
}

fn archive() -> Archive {
    let mut archive = Archive::new(Clip::test_card(), 1);
    for (_, id) in CHANNELS {
        for part in ["a", "b", "c"] {
            let spec = FilmSpec::new(3_600_000, Layout::MoovFirst);
            archive.add(id, id, &format!("{part}.mp4"), spec);
        }
    }
    archive
}

/// A set in a window, and a model of it.
struct Watched {
    display: Display,
    stage: Stage,
    running: Running,
    schedule: Schedule,
    model: Guide,
}

impl Watched {
    /// A set on channel 1, two minutes into the evening, whose first picture is there.
    fn start(base_url: Option<&str>) -> Self {
        let (display, stage) = (Display::start(), Stage::new(archive()));
        fs::write(stage.path("line-up.toml"), line_up()).expect("a file");
        let running = Self::switch_on(&display, &stage, base_url);
        // What the program's own line-up adds is replaced: these are all of its channels that count.
        let own = LineUp::parse(&line_up()).unwrap_or_else(|error| panic!("{error}"));
        let all = LineUp::built_in().merged_with(own).unwrap_or_else(|error| panic!("{error}"));
        let schedule = Schedule::new(all, DEFAULT_SEED);
        let model = Guide::new(&schedule, &Kept { channel: "one".into(), ..Kept::default() });
        let mut watched = Self { display, stage, running, schedule, model };
        watched.running.wait_for("a picture", |trace| trace.iter().any(|e| e["ev"] == "picture"));
        watched.display.focus_window();
        watched
    }

    fn switch_on(display: &Display, stage: &Stage, base_url: Option<&str>) -> Running {
        let file = stage.path("line-up.toml");
        let base = base_url.unwrap_or(stage.server.url());
        stage.start_on(
            display,
            &[
                "--base-url",
                base,
                "--line-up",
                file.to_str().expect("UTF-8"),
                "--when",
                "2026-11-20T20:42:00Z",
                "--channel",
                "1",
            ],
        )
    }

    /// The moment in the model. Films are an hour long, so that seconds more or less do not matter.
    fn moment(&self) -> Moment {
        Moment { now: Instant::ZERO, wall: WHEN.plus_millis(5_000) }
    }

    /// What the trace has to say of the screen after what was done to the model.
    fn expected(&self) -> Value {
        let channels = &self.schedule.line_up().channels;
        let cursor = self.model.selected(&self.schedule, self.moment());
        let guide = cursor.map_or(Value::Null, |(channel, airing)| {
            let channel = &channels[channel];
            let title = airing.of(channel).map(|programme| programme.title.clone());
            serde_json::json!({
                "channel": channel.number,
                "title": title,
                "starts_ms": airing.starts.0,
            })
        });
        serde_json::json!({
            "channel": channels[self.model.channel()].number,
            "guide": guide,
            "volume": self.model.volume(),
            "muted": self.model.muted(),
        })
    }

    /// Presses a key in the window and in the model, and waits until both show the same.
    fn press(&mut self, key: &str, pressed: Key) {
        let moment = self.moment();
        self.model.handle_key(pressed, &self.schedule, moment);
        self.display.press(key);
        self.agrees(key);
    }

    fn agrees(&mut self, what: &str) {
        let expected = self.expected();
        self.running.wait_for(&format!("after {what}: {expected}"), |trace| {
            let screen = trace.iter().rev().find(|event| event["ev"] == "screen");
            let fields = expected.as_object().expect("an object");
            screen.is_some_and(|screen| fields.iter().all(|(key, value)| screen[key] == *value))
        });
    }

    /// A pixel where a click does in the model what `wanted` says.
    fn place(&self, wanted: impl Fn(Option<Action>, &Guide) -> bool) -> (i32, i32) {
        let status = Status { reception: Reception::Playing, ..Status::default() };
        let view = self.model.view(&self.schedule, &status, self.moment());
        let layout = layout(SIZE.0, SIZE.1, &view);
        let pixels =
            (0..SIZE.1 as i32 / 4).flat_map(|y| (0..SIZE.0 as i32 / 4).map(move |x| (x, y)));
        let mut fitting = pixels.map(|(x, y)| (4 * x, 4 * y)).filter(|(x, y)| {
            let mut guide = self.model.clone();
            let action = guide.click(*x, *y, &layout, &self.schedule, self.moment());
            wanted(action, &guide)
        });
        fitting.next().expect("there is such a place on the screen")
    }

    /// The last event of a kind.
    fn last(&self, kind: &str) -> &Value {
        let event = self.running.trace.iter().rev().find(|event| event["ev"] == kind);
        event.unwrap_or_else(|| panic!("no {kind}"))
    }
}

#[test]
fn keys_do_in_the_window_what_they_do_in_the_model() {
    let mut watched = Watched::start(None);
    watched.agrees("the start");
    for (name, key) in [
        ("Page_Up", Key::ChannelUp),
        ("Right", Key::Right),
        ("minus", Key::VolumeDown),
        ("m", Key::Mute),
        ("m", Key::Mute),
        ("g", Key::Guide),
        ("Down", Key::Down),
        ("Right", Key::Right),
        ("Left", Key::Left),
        ("bracketright", Key::Later),
        ("Home", Key::Live),
        ("Up", Key::Up),
        ("Return", Key::Ok),
        ("BackSpace", Key::LastChannel),
        ("b", Key::Favourite),
        ("Page_Down", Key::ChannelDown),
        ("v", Key::NextFavourite),
        ("Escape", Key::Back),
    ] {
        watched.press(name, key);
    }
}

#[test]
fn a_number_is_entered_digit_by_digit() {
    let mut watched = Watched::start(None);
    watched.display.press("1");
    watched.running.wait_for("the digit", |trace| trace.iter().any(|e| e["entry"] == "1"));
    watched.display.press("2");
    watched.running.wait_for("channel 12", |trace| trace.iter().any(|e| e["channel"] == 12));
    // And a digit that is alone is taken by itself after a while.
    watched.display.press("1");
    watched.running.wait_for("channel 1", |trace| {
        trace.iter().rev().find(|e| e["ev"] == "screen").is_some_and(|e| e["channel"] == 1)
    });
}

#[test]
fn a_click_in_the_guide_tunes_to_what_it_is_on() {
    let mut watched = Watched::start(None);
    watched.press("g", Key::Guide);
    let wanted = CHANNELS[2].0;
    let channels = watched.schedule.line_up().channels.clone();
    let is_wanted = |action: Option<Action>, _: &Guide| matches!(action, Some(Action::Tune(channel)) if channels[channel].number == wanted);
    let (x, y) = watched.place(is_wanted);
    watched.display.click(x, y);
    watched.running.wait_for("channel 3", |trace| {
        let screen = trace.iter().rev().find(|event| event["ev"] == "screen");
        screen.is_some_and(|screen| screen["channel"] == wanted)
    });
}

#[test]
fn a_programme_starts_over_and_comes_back_to_now() {
    let mut watched = Watched::start(None);
    let live_us = watched.last("tuned")["target_us"].as_i64().expect("µs");
    assert!(live_us > 60_000_000, "nothing to start over yet: {live_us} µs");
    let tuned = |trace: &[Value]| trace.iter().filter(|event| event["ev"] == "tuned").count();
    watched.display.press("s");
    watched.running.wait_for("starting over", |trace| tuned(trace) == 2);
    let over_us = watched.last("tuned")["target_us"].as_i64().expect("µs");
    assert_eq!(over_us, 0);
    watched.running.wait_for("the screen", |trace| {
        trace.iter().any(|event| event["behind_ms"].as_i64().is_some_and(|ms| ms > 60_000))
    });
    watched.display.press("n");
    watched.running.wait_for("what is live", |trace| tuned(trace) == 3);
    let again_us = watched.last("tuned")["target_us"].as_i64().expect("µs");
    assert!(again_us >= live_us, "{again_us} µs");
}

#[test]
fn what_a_person_changed_is_there_the_next_time() {
    let mut watched = Watched::start(None);
    for (name, key) in [("minus", Key::VolumeDown), ("b", Key::Favourite), ("c", Key::Subtitles)] {
        watched.press(name, key);
    }
    let Watched { display, stage, running, model, .. } = watched;
    running.signal("TERM");
    assert_eq!(running.end().0, Some(0));
    let file = stage.path("config/testcard/settings.toml");
    let text = fs::read_to_string(&file).expect("settings");
    for line in ["subtitles = true", "favourites = [\"one\"]"] {
        assert!(text.contains(line), "{text}");
    }
    let mut again = Watched::switch_on(&display, &stage, None);
    again.wait_for("the volume", |trace| trace.iter().any(|e| e["volume"] == model.volume()));
}

/// Stands before an archive that has no subtitles, and has some: one line that is said all the time.
fn with_subtitles(archive: String, asked: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(connection.try_clone().expect("a socket")).lines();
            let Some(Ok(request)) = lines.next() else { continue };
            // The rest of the head.
            lines.map_while(Result::ok).find(String::is_empty);
            let path = request.split(' ').nth(1).unwrap_or_default();
            let subtitles = "1\n00:00:00,000 --> 02:00:00,000\n<i>Nobody</i> said this.\n";
            let response = match path.ends_with(".srt") {
                true => {
                    asked.fetch_add(1, Ordering::SeqCst);
                    format!("200 OK\r\nContent-Length: {}\r\n\r\n{subtitles}", subtitles.len())
                }
                false => {
                    format!("302 Found\r\nLocation: {archive}{path}\r\nContent-Length: 0\r\n\r\n")
                }
            };
            // Whoever asked may have gone.
            let _ = connection.write_all(format!("HTTP/1.1 {response}").as_bytes());
        }
    });
    url
}

#[test]
fn subtitles_are_fetched_when_somebody_wants_them_and_shown_while_they_do() {
    let display = Display::start();
    let stage = Stage::new(archive());
    fs::write(stage.path("line-up.toml"), line_up()).expect("a file");
    let asked = Arc::new(AtomicUsize::new(0));
    let front = with_subtitles(stage.server.url().to_string(), Arc::clone(&asked));
    let mut running = Watched::switch_on(&display, &stage, Some(&front));
    running.wait_for("a picture", |trace| trace.iter().any(|e| e["ev"] == "picture"));
    assert!(running.trace.iter().all(|event| event["subtitle"].is_null()));
    display.focus_window();
    display.press("c");
    running.wait_for("what is said", |trace| {
        trace.iter().any(|event| event["subtitle"] == "Nobody said this.")
    });
    display.press("c");
    running.wait_for("silence", |trace| {
        let screen = trace.iter().rev().find(|event| event["ev"] == "screen");
        screen.is_some_and(|screen| screen["subtitle"].is_null())
    });
    // Another moment of the same programme has the same subtitles.
    display.press("s");
    running.wait_for("the beginning", |trace| {
        trace.iter().any(|event| event["ev"] == "picture" && event["pts_us"] == 0)
    });
    display.press("c");
    running.wait_for("what is said there", |trace| {
        let screen = trace.iter().rev().find(|event| event["ev"] == "screen");
        screen.is_some_and(|screen| screen["subtitle"] == "Nobody said this.")
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
