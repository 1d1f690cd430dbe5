//! What the set remembers from one evening to the next, as a file that a person may read and edit:
//! `settings.toml`, in [`crate::places`]. Comments and keys that are not ours stay as they are.
//!
//! Nothing of a person's is lost: the file is replaced as a whole or not at all, only values that
//! have changed in the set are written, and a file that is no TOML is kept under another name before
//! a new one takes its place. What cannot be understood is told in a sentence and is as if it were
//! not there. Never keeps the window waiting: files are written on a thread of their own.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use testcard_core::guide::Kept;
use toml_edit::{Array, DocumentMut, Item, TomlError, Value};

use crate::whole_file;

/// How long nothing changes before it is written: whoever holds a volume key writes once.
const QUIET: Duration = Duration::from_secs(1);

/// The longest file read: some ten thousand favourites.
const BYTES_MAX: u64 = 256 * 1024;

/// Files under other names that a broken one has beside it at most.
const BROKEN_MAX: u32 = 20;

/// The settings of a set that is on. Dropping it writes what has changed.
pub struct Settings {
    /// What was wrong with them at first.
    trouble: Option<String>,
    /// `None` when it is over.
    changes: Option<Sender<Kept>>,
    writer: Option<JoinHandle<()>>,
}

/// Why the file cannot be used, or a value of it.
#[derive(Debug)]
enum Trouble {
    /// It is there and cannot be read.
    Read(io::Error),
    /// It is no TOML.
    Toml(TomlError),
    /// A value is of another kind.
    Value { key: &'static str, expected: &'static str },
    /// It cannot be written.
    Write(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "it cannot be read: {error}"),
            Self::Toml(error) => {
                // The first line says where, the last what; between them is a drawing.
                let text = error.to_string();
                let place = text.lines().next().unwrap_or_default().trim_start_matches("TOML ");
                write!(f, "{place}: {}", error.message())
            }
            Self::Value { key, expected } => write!(f, "{key} is not {expected}"),
            Self::Write(error) => write!(f, "it cannot be written: {error}"),
        }
    }
}

impl Settings {
    /// What the file at `path` says, with `usual` for all that it does not say. What cannot be
    /// understood is warned of.
    pub fn open(path: PathBuf, usual: Kept) -> (Self, Kept) {
        let (kept, troubles) = match read(&path) {
            Ok(None) => (usual, Vec::new()),
            Ok(Some(document)) => understand(&document, usual),
            Err(trouble) => (usual, vec![trouble]),
        };
        for trouble in &troubles {
            log::warn!("the settings in {}: {trouble}", path.display());
        }
        let first = troubles.first();
        let trouble = first.map(|trouble| format!("Settings cannot be used: {trouble}."));
        let (changes, news) = mpsc::channel();
        let written = kept.clone();
        let writer = thread::Builder::new()
            .name("settings".to_string())
            .spawn(move || write_changes(&path, written, &news))
            .inspect_err(|error| log::warn!("the settings will not be kept: {error}"))
            .ok();
        (Self { trouble, changes: Some(changes), writer }, kept)
    }

    /// What cannot be understood in the file, as a sentence for the screen.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Has `kept` written when nothing else comes for a moment.
    pub fn keep(&self, kept: Kept) {
        if let Some(changes) = &self.changes {
            // A writer that could not be started has been told of.
            let _ = changes.send(kept);
        }
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(writer) = self.writer.take() {
            // A panic there has been printed.
            let _ = writer.join();
        }
    }
}

/// Writes what comes until nobody sends any more.
fn write_changes(path: &Path, written: Kept, news: &Receiver<Kept>) {
    let mut keeper = Keeper { path, latest: written.clone(), written };
    while let Ok(latest) = news.recv() {
        keeper.latest = latest;
        while let Ok(later) = news.recv_timeout(QUIET) {
            keeper.latest = later;
        }
        keeper.write();
    }
    // A disk that was full may have room again.
    keeper.write();
}

/// What is to be in the file, and what of it is.
struct Keeper<'a> {
    path: &'a Path,
    latest: Kept,
    written: Kept,
}

impl Keeper<'_> {
    /// Writes what has changed since it was last written; what cannot be written still has, the next
    /// time.
    fn write(&mut self) {
        if self.latest == self.written {
            return;
        }
        match write(self.path, &self.written, &self.latest) {
            Ok(()) => {
                log::debug!("settings written to {}", self.path.display());
                self.written = self.latest.clone();
            }
            Err(trouble) => log::warn!("the settings in {}: {trouble}", self.path.display()),
        }
    }
}

/// The file as it is now; `None`: there is none.
fn read(path: &Path) -> Result<Option<DocumentMut>, Trouble> {
    let mut text = String::new();
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(Trouble::Read)?,
    };
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(Trouble::Read)?;
    if text.len() as u64 > BYTES_MAX {
        let why = format!("it is longer than {} KiB", BYTES_MAX / 1024);
        return Err(Trouble::Read(io::Error::new(io::ErrorKind::InvalidData, why)));
    }
    text.parse().map(Some).map_err(Trouble::Toml)
}

fn understand(document: &DocumentMut, usual: Kept) -> (Kept, Vec<Trouble>) {
    let mut kept = usual;
    let mut troubles = Vec::new();
    let mut take = |key, expected, set: &mut dyn FnMut(&Item) -> Option<()>| {
        if document.get(key).is_some_and(|item| set(item).is_none()) {
            troubles.push(Trouble::Value { key, expected });
        }
    };
    take("channel", "a channel's id in quotes", &mut |item| {
        kept.channel = item.as_str()?.to_string();
        Some(())
    });
    take("volume", "a number from 0 to 100", &mut |item| {
        kept.volume = u8::try_from(item.as_integer()?).ok().filter(|percent| *percent <= 100)?;
        Some(())
    });
    take("muted", "true or false", &mut |item| {
        kept.muted = item.as_bool()?;
        Some(())
    });
    take("subtitles", "true or false", &mut |item| {
        kept.subtitles = item.as_bool()?;
        Some(())
    });
    take("favourites", "a list of channels' ids in quotes", &mut |item| {
        let ids = item.as_array()?.iter().map(|id| id.as_str().map(str::to_string));
        kept.favourites = ids.collect::<Option<_>>()?;
        Some(())
    });
    (kept, troubles)
}

/// Writes what is different in `latest` from `written` into the file as it is now.
fn write(path: &Path, written: &Kept, latest: &Kept) -> Result<(), Trouble> {
    if written == latest {
        return Ok(());
    }
    let mut document = match read(path) {
        Ok(document) => document.unwrap_or_default(),
        Err(trouble) => {
            let aside = set_aside(path).map_err(Trouble::Write)?;
            log::warn!(
                "the settings in {}: {trouble}; kept as {}",
                path.display(),
                aside.display()
            );
            DocumentMut::new()
        }
    };
    let mut put = |key: &str, is_new: bool, value: Value| {
        if is_new {
            put(&mut document, key, value);
        }
    };
    put("channel", latest.channel != written.channel, latest.channel.as_str().into());
    put("volume", latest.volume != written.volume, i64::from(latest.volume).into());
    put("muted", latest.muted != written.muted, latest.muted.into());
    put("subtitles", latest.subtitles != written.subtitles, latest.subtitles.into());
    let favourites: Array = latest.favourites.iter().map(String::as_str).collect();
    put("favourites", latest.favourites != written.favourites, favourites.into());
    whole_file::replace(path, document.to_string().as_bytes()).map_err(Trouble::Write)
}

/// Sets a value, and leaves the comment behind it where it is.
fn put(document: &mut DocumentMut, key: &str, mut value: Value) {
    if let Some(before) = document.get(key).and_then(Item::as_value) {
        *value.decor_mut() = before.decor().clone();
    }
    match document.get_mut(key) {
        Some(item) => *item = Item::Value(value),
        None => drop(document.insert(key, Item::Value(value))),
    }
}

/// Gives a file that cannot be understood another name, and says which: that of no other file.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for n in 1..=BROKEN_MAX {
        let number = if n == 1 { String::new() } else { format!(".{n}") };
        let aside = path.with_file_name(format!("{name}.broken{number}"));
        if fs::symlink_metadata(&aside).is_err() {
            fs::rename(path, &aside)?;
            return Ok(aside);
        }
    }
    Err(io::Error::other(format!("there are {BROKEN_MAX} broken ones beside it; remove some")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Kept {
        Kept {
            channel: "matinee".to_string(),
            volume: 70,
            muted: false,
            favourites: Vec::new(),
            subtitles: false,
        }
    }

    struct Home(tempfile::TempDir);

    impl Home {
        fn new(text: Option<&str>) -> Self {
            let home = Self(tempfile::tempdir().expect("a folder"));
            if let Some(text) = text {
                fs::create_dir_all(home.path().parent().expect("a folder")).expect("a folder");
                fs::write(home.path(), text).expect("a file");
            }
            home
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("testcard/settings.toml")
        }

        fn text(&self) -> String {
            fs::read_to_string(self.path()).expect("a file")
        }

        /// The names of all files there.
        fn files(&self) -> Vec<String> {
            let Ok(entries) = fs::read_dir(self.path().parent().expect("a folder")) else {
                return Vec::new();
            };
            let name = |entry: io::Result<fs::DirEntry>| {
                entry.expect("an entry").file_name().into_string().expect("UTF-8")
            };
            let mut names: Vec<_> = entries.map(name).collect();
            names.sort();
            names
        }

        /// Switches a set on and off again, with a change between.
        fn evening(&self, change: impl Fn(&mut Kept)) -> Kept {
            let (settings, mut kept) = Settings::open(self.path(), usual());
            let before = kept.clone();
            change(&mut kept);
            settings.keep(kept);
            before
        }
    }

    #[test]
    fn what_was_kept_is_there_the_next_time() {
        let home = Home::new(None);
        assert_eq!(home.evening(|_| ()), usual());
        assert_eq!(home.files(), Vec::<String>::new(), "nothing has changed");
        home.evening(|kept| {
            kept.channel = "owl".to_string();
            kept.volume = 35;
            kept.favourites = vec!["owl".to_string(), "night \"owl\"".to_string()];
            (kept.muted, kept.subtitles) = (true, true);
        });
        let expected = Kept {
            channel: "owl".to_string(),
            volume: 35,
            muted: true,
            favourites: vec!["owl".to_string(), "night \"owl\"".to_string()],
            subtitles: true,
        };
        assert_eq!(home.evening(|_| ()), expected);
        assert_eq!(home.files(), ["settings.toml"]);
    }

    #[test]
    fn comments_and_keys_of_others_stay() {
        let text = "# mine\nvolume = 10 # quiet\n\n[future]\nkey = 1\n";
        let home = Home::new(Some(text));
        assert_eq!(home.evening(|kept| kept.volume = 15).volume, 10);
        assert_eq!(home.text(), text.replace("10", "15"));
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_stays() {
        let home = Home::new(Some("volume = 10\n"));
        home.evening(|kept| {
            fs::write(home.path(), "volume = 10\nsubtitles = true\n").expect("a file");
            kept.muted = true;
        });
        assert_eq!(home.text(), "volume = 10\nsubtitles = true\nmuted = true\n");
    }

    #[test]
    fn a_broken_file_is_kept_under_another_name_every_time() {
        let home = Home::new(Some("volume = \"loud"));
        assert_eq!(home.evening(|_| ()), usual());
        assert_eq!(home.text(), "volume = \"loud", "nothing has changed");
        home.evening(|kept| kept.volume = 15);
        assert_eq!(home.text(), "volume = 15\n");
        fs::write(home.path(), [0xff, 0xfe]).expect("a file");
        home.evening(|kept| kept.volume = 20);
        assert_eq!(home.text(), "volume = 20\n");
        let broken = ["settings.toml", "settings.toml.broken", "settings.toml.broken.2"];
        assert_eq!(home.files(), broken);
        assert_eq!(fs::read(home.path().with_file_name(broken[1])).unwrap(), b"volume = \"loud");
    }

    #[test]
    fn a_value_of_another_kind_is_as_if_it_were_not_there_and_stays() {
        let text =
            "volume = 300\nmuted = \"yes\"\nchannel = 3\nfavourites = [1]\nsubtitles = true\n";
        let home = Home::new(Some(text));
        let before = home.evening(|kept| kept.muted = true);
        assert_eq!(before, Kept { subtitles: true, ..usual() });
        assert_eq!(home.text(), text.replace("\"yes\"", "true"));
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
        let trouble = |text: &str| {
            let home = Home::new(Some(text));
            match read(&home.path()) {
                Ok(Some(document)) => understand(&document, usual()).1[0].to_string(),
                Ok(None) => panic!("there is a file"),
                Err(trouble) => trouble.to_string(),
            }
        };
        assert_eq!(trouble("volume = 300"), "volume is not a number from 0 to 100");
        let broken = trouble("muted = true\nvolume = = 3");
        assert!(broken.starts_with("parse error at line 2, column 10: "), "{broken}");
        let long = "#".repeat(BYTES_MAX as usize + 1);
        assert_eq!(trouble(&long), "it cannot be read: it is longer than 256 KiB");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_elsewhere_stays_a_link() {
        let home = Home::new(Some(""));
        let elsewhere = home.0.path().join("dotfiles.toml");
        fs::rename(home.path(), &elsewhere).expect("a file");
        std::os::unix::fs::symlink(&elsewhere, home.path()).expect("a link");
        home.evening(|kept| kept.volume = 15);
        assert!(fs::symlink_metadata(home.path()).expect("a link").is_symlink());
        assert_eq!(fs::read_to_string(&elsewhere).expect("a file"), "volume = 15\n");
    }

    #[test]
    fn what_could_not_be_written_is_with_the_next_change() {
        let home = Home::new(None);
        let (path, in_the_way) = (home.path(), home.0.path().join("testcard"));
        fs::write(&in_the_way, "").expect("a file");
        let favourites = vec!["owl".to_string()];
        let mut keeper =
            Keeper { path: &path, latest: Kept { favourites, ..usual() }, written: usual() };
        keeper.write();
        fs::remove_file(&in_the_way).expect("a file");
        keeper.latest.volume = 15;
        keeper.write();
        assert_eq!(home.text(), "volume = 15\nfavourites = [\"owl\"]\n");
    }

    #[test]
    fn what_cannot_be_written_ends_nothing() {
        let home = Home::new(None);
        fs::write(home.0.path().join("testcard"), "a file, not a folder").expect("a file");
        assert_eq!(home.evening(|kept| kept.volume = 15), usual());
    }
}
