//! A session on its way to its directory. What a [`Recording`] has so far is saved every few seconds
//! and once more at the end, however the program comes to it. Never decides what is recorded, and
//! never keeps the recorder waiting while files are written: that is done on a thread of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as Monotonic};

use jiff::Timestamp;
use testcard_core::stream::Limits;
use testcard_core::time::{Clock, MediaTime};
use testcard_session::{End, Options, Provenance, Recording, WriteError};

use crate::clock::SystemClock;

/// How often what has come is saved: what is lost at most when the program is killed.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// A save that takes this part of the time between two, or more, makes the next one wait: a session
/// is written as a whole, and one of a long evening takes its time.
const SAVING_MAX: u32 = 10;

/// A session being recorded to a directory. Dropping it saves it.
pub struct Tape {
    shared: Arc<Shared>,
    /// Absent when the session is complete.
    saver: Option<JoinHandle<()>>,
}

struct Shared {
    dir: PathBuf,
    title: String,
    provenance: Provenance,
    recording: Recording,
    clock: SystemClock,
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    /// How much of the film was watched faster than it plays.
    ahead: Duration,
    /// How far, when that is what ended it.
    position: Option<MediaTime>,
}

impl Tape {
    /// Starts a session in a directory, in place of the one that may be there: `title` is a sentence,
    /// `limits` what the set affords, and `clock` tells the time to whoever records.
    ///
    /// # Errors
    /// When the directory cannot be written, or holds something else.
    pub fn start(
        dir: &Path,
        title: String,
        limits: Limits,
        clock: SystemClock,
    ) -> Result<Self, WriteError> {
        let provenance = Provenance::Recorded {
            at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            by: concat!("testcard ", env!("CARGO_PKG_VERSION")).to_string(),
        };
        let recording = Recording::new(limits, Options::default());
        let shared = Arc::new(Shared {
            dir: dir.to_path_buf(),
            title,
            provenance,
            recording,
            clock,
            state: Mutex::default(),
            over: Condvar::new(),
        });
        // At once, so that a directory that will not do is told of before anybody watches.
        shared.save()?;
        let saving = Arc::clone(&shared);
        let saver = thread::Builder::new().name("tape".to_string()).spawn(move || saving.run());
        let saver = saver.map_err(|error| WriteError::Io { path: dir.to_path_buf(), error })?;
        Ok(Self { shared, saver: Some(saver) })
    }

    /// Where everything is noted.
    pub fn recording(&self) -> &Recording {
        &self.shared.recording
    }

    /// Says how much of the film was watched by somebody who does not keep to its pace. Who watches
    /// the session again at that pace takes so much longer; up to `position`, or to the film's end
    /// or failure when there is none.
    pub fn ran_ahead(&self, ahead: Duration, position: Option<MediaTime>) {
        let mut state = self.shared.lock();
        (state.ahead, state.position) = (ahead, position);
    }

    /// Saves the session for the last time. Nothing is to be recorded any more.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), WriteError> {
        let Some(saver) = self.saver.take() else { return Ok(()) };
        self.shared.lock().is_over = true;
        self.shared.over.notify_all();
        // A panic there has been printed, and the session can be saved here all the same.
        let _ = saver.join();
        if !self.shared.recording.is_complete() {
            let dir = self.shared.dir.display();
            log::warn!("{dir} is incomplete: there was more than a session holds");
        }
        self.shared.save()
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::warn!("--record: {error}");
        }
    }
}

impl Shared {
    /// Saves every now and then until it is over.
    fn run(&self) {
        let mut pause = SAVE_EVERY;
        let mut has_failed = false;
        loop {
            let (state, _) = self
                .over
                .wait_timeout_while(self.lock(), pause, |state| !state.is_over)
                .unwrap_or_else(PoisonError::into_inner);
            if state.is_over {
                return;
            }
            drop(state);
            let began = Monotonic::now();
            match self.save() {
                // Room on the disk may be made any time.
                Err(error) if !has_failed => {
                    has_failed = true;
                    log::warn!("the session cannot be saved at the moment: {error}");
                }
                Err(_) => {}
                Ok(()) => has_failed = false,
            }
            pause = SAVE_EVERY.max(began.elapsed() * SAVING_MAX);
        }
    }

    fn save(&self) -> Result<(), WriteError> {
        let state = self.lock();
        let end = End { at: self.clock.now() + state.ahead, position: state.position };
        drop(state);
        let session = self.recording.snapshot(&self.title, self.provenance.clone(), end);
        session.write(&self.dir)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use testcard_core::net::Url;
    use testcard_core::playback::Aim;
    use testcard_session::Session;

    use super::*;

    fn start(dir: &Path) -> Result<Tape, WriteError> {
        Tape::start(dir, "A film is watched".to_string(), Limits::DESKTOP, SystemClock::new())
    }

    fn tunes(dir: &Path) -> usize {
        Session::read(dir).expect("a session").about.viewing.tunes.len()
    }

    #[test]
    fn a_session_is_there_from_the_start_and_saved_when_its_tape_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("new/session");
        let tape = start(&dir).expect("a place");
        assert_eq!(tunes(&dir), 0);
        let url = Url::parse("https://archive.org/download/a/b.mp4").expect("a literal");
        tape.recording().tuned(tape.shared.clock.now(), &url, Aim::At(MediaTime::ZERO), None);
        drop(tape);
        assert_eq!(tunes(&dir), 1);
        assert_eq!(fs::read_dir(folder.path().join("new")).expect("a folder").count(), 1);
    }

    #[test]
    fn a_session_is_replaced_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("session");
        for _ in 0..2 {
            start(&dir).expect("a place").finish().expect("it is saved");
        }
        let other = folder.path().join("letters");
        fs::create_dir(&other).expect("a folder");
        fs::write(other.join("to-an-aunt.txt"), "Dear aunt").expect("a file");
        for occupied in [&other, &other.join("to-an-aunt.txt")] {
            assert!(matches!(start(occupied), Err(WriteError::Occupied(_))));
        }
        assert!(other.join("to-an-aunt.txt").exists());
    }

    #[test]
    fn who_ran_ahead_of_the_film_has_it_watched_again_to_the_same_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("session");
        let tape = start(&dir).expect("a place");
        let position = Some(MediaTime::from_micros(90_000_000));
        tape.ran_ahead(Duration::from_secs(60), position);
        let at = tape.shared.clock.now();
        tape.recording().tuned(
            at,
            &Url::parse("https://archive.org/download/a/b.mp4").expect("a literal"),
            Aim::At(MediaTime::from_micros(30_000_000)),
            None,
        );
        tape.finish().expect("it is saved");
        let end = Session::read(&dir).expect("a session").about.viewing.end;
        assert_eq!(end.position, position);
        assert!(end.at.as_micros() >= 60_000_000, "{end:?}");
    }
}
