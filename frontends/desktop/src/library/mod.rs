//! What archive.org knows about its items: for the set's guide, item by item and never waiting; and
//! for making line-ups, all at once.
//!
//! `client` asks, politely, and `cache` remembers; `answers` reads what comes back;
//! `catalogue` knows where to ask for what; `choice` picks one file of a film, and `freeze`
//! makes a line-up of a plan. Nothing here plays, and nothing that plays waits for this.

pub(crate) mod answers;
pub(crate) mod cache;
pub(crate) mod catalogue;
pub(crate) mod choice;
pub(crate) mod client;
pub(crate) mod freeze;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use testcard_core::guide::Details;
use testcard_core::net::Url;
use testcard_https::{ExtraCaError, Options};

use self::answers::Item;
use self::cache::Cache;
use self::catalogue::{Archive, Catalogue};
use self::client::Client;

/// Items remembered. Whoever leafs through more asks the disk again.
const KNOWN_MAX: usize = 500;

/// Questions that wait. Of more, those that the viewer left behind longest ago are dropped.
const WAITING_MAX: usize = 8;

/// How long an item that nobody could tell about is left alone.
const ASK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// The library as the set has it: asked once a frame, answering at once.
pub struct Library {
    questions: Sender<String>,
    answers: Receiver<(String, Answer)>,
    known: BTreeMap<String, Entry>,
}

enum Entry {
    /// Asked, or about to be.
    Asked,
    Known(Details),
    /// Nobody could tell, at that time.
    Unknown(Instant),
}

/// What became of a question.
enum Answer {
    Told(Details),
    /// There is no such item, or nobody answered.
    Nothing,
    /// It was dropped before its turn came.
    Dropped,
}

impl Library {
    /// The library of the archive at `base`, with its cache in that folder. Asks on a thread of its
    /// own, from the first question on, and calls `wake` when it knows more.
    ///
    /// # Errors
    /// When the extra certificate authority is none.
    pub fn open(
        base: Url,
        network: Options,
        cache: Option<PathBuf>,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, ExtraCaError> {
        let cache = cache.map_or_else(Cache::none, Cache::open);
        let client = Client::new(&base, network, cache)?;
        Ok(Self::asking(Archive::new(base, client), wake))
    }

    fn asking(
        mut catalogue: impl Catalogue + Send + 'static,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let (ask, questions) = mpsc::channel::<String>();
        let (answer, answers) = mpsc::channel();
        let spawned = thread::Builder::new().name("library".to_owned()).spawn(move || {
            let mut waiting = Vec::new();
            // Ends when the library is dropped: what is asked then has no one to hear it.
            while let Ok(question) = questions.recv() {
                waiting.push(question);
                loop {
                    let (next, dropped) = turn(&mut waiting, &questions);
                    for item in dropped {
                        // Nobody listens once the library is gone, which the loop finds out.
                        let _ = answer.send((item, Answer::Dropped));
                    }
                    let Some(item) = next else { break };
                    let found = catalogue.item(&item);
                    if let Err(error) = &found {
                        log::info!("no details of {item}: {error}");
                    }
                    let told = match found {
                        Ok(Some(found)) => Answer::Told(details(&item, &found)),
                        Ok(None) | Err(_) => Answer::Nothing,
                    };
                    if answer.send((item, told)).is_err() {
                        return;
                    }
                    wake();
                }
            }
        });
        if let Err(error) = spawned {
            // The guide shows what the line-up says, then.
            log::warn!("there are no details: {error}");
        }
        Self { questions: ask, answers, known: BTreeMap::new() }
    }

    /// What is known about that item now. Asks about it if nobody did, so it may be known later.
    pub fn details(&mut self, item: &str) -> Option<Details> {
        self.details_at(item, Instant::now())
    }

    fn details_at(&mut self, item: &str, now: Instant) -> Option<Details> {
        while let Ok((item, found)) = self.answers.try_recv() {
            match found {
                Answer::Told(details) => self.known.insert(item, Entry::Known(details)),
                Answer::Nothing => self.known.insert(item, Entry::Unknown(now)),
                Answer::Dropped => self.known.remove(&item),
            };
        }
        match self.known.get(item) {
            Some(Entry::Known(details)) => return Some(details.clone()),
            Some(Entry::Asked) => return None,
            Some(Entry::Unknown(at)) if now.saturating_duration_since(*at) < ASK_AGAIN => {
                return None;
            }
            Some(Entry::Unknown(_)) | None => {}
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        if self.questions.send(item.to_owned()).is_ok() {
            self.known.insert(item.to_owned(), Entry::Asked);
        }
        None
    }
}

/// The question that was asked last, which is what the viewer is looking at, and those that are not
/// to be asked any more.
fn turn(waiting: &mut Vec<String>, questions: &Receiver<String>) -> (Option<String>, Vec<String>) {
    waiting.extend(questions.try_iter());
    let dropped = waiting.drain(..waiting.len().saturating_sub(WAITING_MAX)).collect();
    (waiting.pop(), dropped)
}

fn details(identifier: &str, item: &Item) -> Details {
    Details {
        item: identifier.to_owned(),
        description: item.description.clone(),
        licence: item.licence_address.as_deref().and_then(answers::licence),
        year: item.year,
        creator: item.creator.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::answers::Found;
    use super::catalogue::Page;
    use super::client::AskError;
    use super::*;

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Answers when it is let, and notes what it was asked.
    struct Gate {
        entered: Sender<()>,
        open: Receiver<()>,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Catalogue for Gate {
        fn item(&mut self, identifier: &str) -> Result<Option<Item>, AskError> {
            self.asked.lock().unwrap().push(identifier.to_owned());
            // The test may be over.
            let _ = self.entered.send(());
            let _ = self.open.recv();
            match identifier {
                "gone" => Ok(None),
                "broken" => Err(AskError::TimedOut),
                _ => Ok(Some(Item {
                    description: Some(format!("About {identifier}.")),
                    ..Item::default()
                })),
            }
        }

        fn page(&mut self, _: &str, _: &str, _: Page) -> Result<Found, AskError> {
            Ok(Found::default())
        }
    }

    struct Desk {
        library: Library,
        entered: Receiver<()>,
        open: Sender<()>,
        woken: Receiver<()>,
        asked: Arc<Mutex<Vec<String>>>,
    }

    fn desk() -> Desk {
        let ((enter, entered), (open, gate)) = (mpsc::channel(), mpsc::channel());
        let (wake, woken) = mpsc::channel();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let catalogue = Gate { entered: enter, open: gate, asked: asked.clone() };
        let library = Library::asking(catalogue, move || {
            let _ = wake.send(());
        });
        Desk { library, entered, open, woken, asked }
    }

    impl Desk {
        /// Lets one question be answered.
        fn answer(&self) {
            self.open.send(()).unwrap();
            self.woken.recv_timeout(PATIENCE).unwrap();
        }
    }

    #[test]
    fn details_are_there_once_they_have_come_and_nobody_waits_for_them() {
        let mut desk = desk();
        assert_eq!(desk.library.details("film"), None);
        assert_eq!(desk.library.details("film"), None);
        desk.answer();
        let details = desk.library.details("film").unwrap();
        assert_eq!(details.item, "film");
        assert_eq!(details.description.as_deref(), Some("About film."));
        assert_eq!(*desk.asked.lock().unwrap(), ["film"], "asked once");
    }

    #[test]
    fn what_nobody_could_tell_is_asked_again_after_a_while() {
        let mut desk = desk();
        let now = Instant::now();
        for item in ["gone", "broken"] {
            assert_eq!(desk.library.details_at(item, now), None);
            desk.answer();
            assert_eq!(desk.library.details_at(item, now), None);
        }
        assert_eq!(desk.asked.lock().unwrap().len(), 2);
        assert_eq!(desk.library.details_at("gone", now + ASK_AGAIN), None);
        desk.answer();
        assert_eq!(*desk.asked.lock().unwrap(), ["gone", "broken", "gone"]);
    }

    #[test]
    fn whoever_leafs_fast_is_told_about_what_they_look_at() {
        let mut desk = desk();
        assert_eq!(desk.library.details("first"), None);
        desk.entered.recv_timeout(PATIENCE).unwrap();
        for n in 0..20 {
            assert_eq!(desk.library.details(&format!("n{n}")), None);
        }
        for _ in 0..=WAITING_MAX {
            desk.answer();
        }
        let asked = desk.asked.lock().unwrap().clone();
        let expected = ["first", "n19", "n18", "n17", "n16", "n15", "n14", "n13", "n12"];
        assert_eq!(asked, expected);
        assert!(desk.library.details("n19").is_some());
        // What was dropped is asked again by whoever comes back to it.
        assert_eq!(desk.library.details("n5"), None);
        desk.answer();
        assert!(desk.library.details("n5").is_some());
    }
}
