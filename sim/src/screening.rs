//! A film shown to one viewer over a [`Heap`], in virtual time: the archive, the way to it, the set
//! and what goes wrong, all in one value. What scenarios are told with, and what the sweep runs by
//! the thousand.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use testcard_archive::{Archive, Clip, Fault, FilmSpec, Rule, VirtualFilm};
use testcard_core::net::Url;
use testcard_core::playback::{Aim, Part, Player};
use testcard_core::stream::{Limits, ProgrammeFailure};
use testcard_core::time::{Instant, MediaTime};
use testcard_session::{End, Tune, Viewing};

use crate::heap::{Heap, Link, Totals};
use crate::timeline::Timeline;
use crate::viewer::{self, Figures, Start, Viewer};

/// Where a scene's film is asked for.
pub const URL: &str = "https://archive.org/download/film/film.mp4";

/// What is watched, and over what.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The film at [`URL`].
    pub film: FilmSpec,
    /// The way to it.
    pub link: Link,
    /// From where on it is watched.
    pub aim: Aim,
    /// What the viewer's set can afford.
    pub limits: Limits,
    /// How long a node's address is good for; absent: for ever.
    pub token_life: Option<Duration>,
    /// What goes wrong at the archive.
    pub rules: Vec<Rule>,
    /// The part that the viewer's set cannot decode.
    pub refused: Option<Part>,
    /// Seed of everything random.
    pub seed: u64,
}

impl Scene {
    /// A scene in which nothing goes wrong, on a desktop.
    pub fn new(film: FilmSpec, link: Link, aim: Aim) -> Self {
        Self {
            film,
            link,
            aim,
            limits: Limits::DESKTOP,
            token_life: Some(Duration::from_micros(Archive::TOKEN_LIFE_US)),
            rules: Vec::new(),
            refused: None,
            seed: 0,
        }
    }

    /// The same with these [rules](Rule) for what goes wrong.
    pub fn with_rules(self, rules: &[&str]) -> Self {
        let parse = |rule: &&str| rule.parse().expect("a rule of the test");
        Self { rules: rules.iter().map(parse).collect(), ..self }
    }
}

/// Something that must never happen, and did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Violation {
    /// The viewer saw it.
    Viewer(viewer::Violation),
    /// So many exchanges with nodes at a time.
    MediaExchanges(usize),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Viewer(violation) => violation.fmt(f),
            Self::MediaExchanges(count) => {
                write!(f, "nodes serve {count} exchanges at a time")
            }
        }
    }
}

impl std::error::Error for Violation {}

/// A scene being played.
pub struct Screening {
    heap: Heap,
    viewer: Viewer<Heap>,
    film: Arc<VirtualFilm>,
    now: Instant,
    start: Option<(Start, Totals)>,
}

impl Screening {
    /// Tunes in at [`Instant::ZERO`].
    pub fn start(scene: Scene) -> Self {
        let clip = Clip::test_card();
        let film = VirtualFilm::new(&clip, &scene.film).expect("a film that can be made");
        let film = Arc::new(film);
        let mut versions = vec![film.clone()];
        for rule in &scene.rules {
            if let Fault::Replaced(more) = rule.fault {
                let spec = scene.film.clone().with_bytes(film.len().saturating_add(more));
                versions.extend(VirtualFilm::new(&clip, &spec).map(Arc::new));
            }
        }
        let mut archive = Archive::new(clip, scene.seed);
        archive.add("film", "A film", "film.mp4", scene.film);
        let life = scene.token_life.map(|life| u64::try_from(life.as_micros()).unwrap_or(0));
        archive.set_token_life(life);
        archive.set_rules(scene.rules);
        let url = Url::parse(URL).expect("a URL");
        let viewing = Viewing {
            limits: scene.limits,
            tunes: vec![Tune {
                at: Instant::ZERO,
                url: url.clone(),
                aim: scene.aim,
                duration: None,
            }],
            end: End { at: Instant::FAR_FUTURE, position: None },
        };
        Self {
            heap: Heap::new(archive, scene.link),
            viewer: Viewer::new(viewing)
                .refusing(scene.refused)
                .reading(testcard_streaming::reader)
                .knowing(&url, versions),
            film,
            now: Instant::ZERO,
            start: None,
        }
    }

    /// Watches until `until`.
    ///
    /// # Panics
    /// When something happens that never must.
    pub fn watch_until(&mut self, until: Instant) {
        self.insist(Self::try_watch_until, until);
    }

    /// Watches until the first picture, or until `at_most` if there is none by then; what had gone
    /// over the link by then.
    ///
    /// # Panics
    /// When something happens that never must.
    pub fn watch_until_start(&mut self, at_most: Instant) -> Option<(Start, Totals)> {
        let watch = |this: &mut Self, until| this.watch(until, |this| this.start.is_some());
        self.insist(watch, at_most);
        self.start
    }

    fn insist(
        &mut self,
        watch: impl FnOnce(&mut Self, Instant) -> Result<(), Violation>,
        until: Instant,
    ) {
        if let Err(violation) = watch(self, until) {
            panic!("{violation}:\n{}", self.timeline());
        }
    }

    /// Watches until `until`.
    ///
    /// # Errors
    /// When something happens that never must.
    pub fn try_watch_until(&mut self, until: Instant) -> Result<(), Violation> {
        self.watch(until, |_| false)
    }

    fn watch(&mut self, until: Instant, enough: impl Fn(&Self) -> bool) -> Result<(), Violation> {
        loop {
            let next = self.viewer.poll(&mut self.heap, self.now).min(self.heap.next_news());
            if let Some(violation) = self.viewer.violation() {
                return Err(Violation::Viewer(violation.clone()));
            }
            let media_exchanges = self.heap.media_exchanges();
            if media_exchanges > 1 {
                return Err(Violation::MediaExchanges(media_exchanges));
            }
            if self.start.is_none() {
                self.start = self.viewer.figures().start.map(|start| (start, self.heap.totals()));
            }
            if enough(self) {
                return Ok(());
            }
            if next > until {
                self.now = until.max(self.now);
                self.heap.advance(self.now);
                return Ok(());
            }
            self.now = next.max(self.now + Duration::from_micros(1));
            self.heap.advance(self.now);
        }
    }

    /// Tunes to the film again.
    pub fn tune(&mut self, aim: Aim) {
        let url = Url::parse(URL).expect("a URL");
        self.viewer.add(Tune { at: self.now, url, aim, duration: None });
    }

    /// Leaves the film.
    pub fn zap(&mut self) {
        self.viewer.leave(&mut self.heap, self.now);
    }

    /// The network, to do something to it; say what, for the timeline.
    pub fn change_world(&mut self, what: &str, change: impl FnOnce(&mut Heap)) {
        self.viewer.note(self.now, what);
        change(&mut self.heap);
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The network.
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// What has happened.
    pub fn timeline(&self) -> &Timeline {
        self.viewer.timeline()
    }

    /// What it came to.
    pub fn figures(&self) -> &Figures {
        self.viewer.figures()
    }

    /// The film as it truly is.
    pub fn film(&self) -> &VirtualFilm {
        &self.film
    }

    /// What the core makes of the film, until [`Screening::zap`].
    pub fn player(&self) -> Option<&Player<Heap>> {
        self.viewer.player()
    }

    /// Why the film cannot be watched (any further).
    pub fn failure(&self) -> Option<&ProgrammeFailure> {
        self.viewer.failure()
    }

    /// Whether the film was played to its last sample.
    pub fn has_ended(&self) -> bool {
        self.viewer.has_ended()
    }

    /// The position being seen and heard.
    pub fn position(&self) -> MediaTime {
        self.viewer.position()
    }

    /// Whether pictures and sound move.
    pub fn is_playing(&self) -> bool {
        self.viewer.is_playing()
    }
}
