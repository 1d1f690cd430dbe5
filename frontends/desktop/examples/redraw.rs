//! Says how long the screen takes to draw, on one core and without a window: `just bench-guide`.
//! Every figure is of the model and the drawing together, from a moment to the canvas.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant as Stopwatch};

use testcard_core::guide::{Details, FRAME, Guide, Kept, Key, Moment, Reception, Status, View};
use testcard_core::line_up::{Channel, LineUp, Programme};
use testcard_core::schedule::Schedule;
use testcard_core::time::{Instant, UnixMillis};
use testcard_desktop::draw::Painter;

const SIZES: [(u32, u32); 3] = [(1280, 720), (1920, 1080), (3840, 2160)];
/// How often each is drawn: p99 is the fourth slowest.
const FRAMES: u32 = 400;
/// How long the guide may take at 1920 × 1080: a quarter of a frame at 60 a second.
const GUIDE_MAX: Duration = Duration::from_millis(4);
/// 2026-11-20T20:42:07Z.
const WALL: UnixMillis = UnixMillis(1_795_207_327_000);

fn main() -> ExitCode {
    let schedule = schedule();
    let status = Status {
        reception: Reception::Playing,
        details: Some(Details {
            item: "item".to_string(),
            description: Some(
                "What it is about, in some more words than there is room for. ".repeat(9),
            ),
            licence: Some("Public Domain Mark 1.0".to_string()),
            year: Some(1945),
            creator: Some("Somebody".to_string()),
        }),
        ..Status::default()
    };
    println!("{:>11}  {:<36}  frames  median     p99", "", "milliseconds");
    let mut slowest = Duration::ZERO;
    for size in SIZES {
        let mut bench =
            Bench { schedule: &schedule, status: &status, size, slowest: Duration::ZERO };
        bench.whole_page();
        bench.run("a second passes in the guide", Duration::from_secs(1), &[]);
        bench.run("the guide scrolls through hours", FRAME, &[Key::Right]);
        bench.run("the guide scrolls through days", FRAME, &[Key::Later, Key::Earlier]);
        bench.run("the guide scrolls through channels", FRAME, &[Key::ChannelDown, Key::ChannelUp]);
        if size == (1920, 1080) {
            slowest = bench.slowest;
        }
        bench.banner();
    }
    let kept = slowest <= GUIDE_MAX;
    let (most, verdict) = (GUIDE_MAX.as_millis(), if kept { "yes" } else { "NO" });
    println!("the guide within {most} ms at 1920 × 1080, by every median: {verdict}");
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Bench<'a> {
    schedule: &'a Schedule,
    status: &'a Status,
    size: (u32, u32),
    /// The largest median so far.
    slowest: Duration,
}

impl Bench<'_> {
    fn guide(&self) -> Guide {
        Guide::new(self.schedule, &Kept::default())
    }

    /// The guide over a film, from nothing.
    fn whole_page(&mut self) {
        let mut guide = self.guide();
        guide.handle_key(Key::Guide, self.schedule, at(0));
        let mut painter = Painter::new();
        let mut times = Vec::new();
        for frame in 0..FRAMES {
            painter.paint(&View::default(), self.size.0, self.size.1);
            let moment = at(u64::from(frame) * 40);
            times.extend(self.frame(&guide, &mut painter, moment));
        }
        self.print("the whole guide", times);
    }

    /// The guide with `every` between one look and the next. The keys are pressed in turn whenever
    /// nothing moves, so that with keys every frame is another.
    fn run(&mut self, what: &str, every: Duration, keys: &[Key]) {
        let mut guide = self.guide();
        guide.handle_key(Key::Guide, self.schedule, at(0));
        let mut keys = keys.iter().cycle().peekable();
        let mut painter = Painter::new();
        let mut times = Vec::new();
        for frame in 0..FRAMES {
            let moment = at(1000 + u64::from(frame) * every.as_millis() as u64);
            guide.poll(moment);
            let is_moving = guide.next_wake(moment) == Some(moment.now + FRAME);
            if let Some(key) = keys.next_if(|_| !is_moving) {
                guide.handle_key(*key, self.schedule, moment);
            }
            times.extend(self.frame(&guide, &mut painter, moment));
        }
        self.print(what, times);
    }

    /// A banner that fades over and over.
    fn banner(&mut self) {
        let mut guide = self.guide();
        let mut painter = Painter::new();
        let mut times = Vec::new();
        for frame in 0..FRAMES {
            if frame % 25 == 0 {
                guide.inform(Instant::ZERO);
            }
            let moment = at(4_600 + u64::from(frame % 25) * 16);
            times.extend(self.frame(&guide, &mut painter, moment));
        }
        self.print("a banner fades over the film", times);
    }

    /// How long it took to draw; `None` if nothing had changed.
    fn frame(&self, guide: &Guide, painter: &mut Painter, moment: Moment) -> Option<Duration> {
        let start = Stopwatch::now();
        let view = guide.view(self.schedule, self.status, moment);
        let has_changed = black_box(painter.paint(&view, self.size.0, self.size.1));
        has_changed.then(|| start.elapsed())
    }

    fn print(&mut self, what: &str, mut times: Vec<Duration>) {
        times.sort_unstable();
        self.slowest = self.slowest.max(times[times.len() / 2]);
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        let size = format!("{} × {}", self.size.0, self.size.1);
        let (median, slow, drawn) = (at(50), at(99), times.len());
        println!("{size:>11}  {what:<36}  {drawn:6}  {median:6.2}  {slow:6.2}");
    }
}

/// Both clocks, that many milliseconds after the start.
fn at(millis: u64) -> Moment {
    Moment {
        now: Instant::ZERO + Duration::from_millis(millis),
        wall: WALL.plus_millis(millis as i64),
    }
}

/// Twenty channels of films, episodes and shorts, as a personal line-up has them: on every other
/// one they start on the half hour, with shorts between them.
fn schedule() -> Schedule {
    let titles = [
        ("Detour", 68),
        ("Charlie Chaplin . The Cure (1917 Classic Comedy Silent Short Film)", 25),
        ("Броненосец «Потёмкин»", 74),
        ("Das Cabinet des Dr. Caligari", 51),
        ("Steamboat Willie", 8),
        ("The Adventures of Sherlock Holmes, episode 12", 27),
        ("A Trip to the Moon", 13),
    ];
    let programme = |(title, minutes): &(&str, u64)| Programme {
        title: (*title).to_string(),
        year: Some(1945),
        item: "item".to_string(),
        file: "file.mp4".to_string(),
        duration_ms: minutes * 60_000,
        ..Programme::default()
    };
    let channels = (1..=20)
        .map(|number| Channel {
            id: format!("channel-{number}"),
            number,
            name: format!("Channel {number}"),
            programmes: titles.iter().map(programme).collect(),
            start_on_min: (number % 2 == 0).then_some(30),
            fillers: titles.iter().filter(|(_, minutes)| *minutes < 20).map(programme).collect(),
            ..Channel::default()
        })
        .collect();
    Schedule::new(LineUp { channels }, 6)
}
