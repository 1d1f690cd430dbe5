//! Answers of the last day, on disk: a file each, named after the address asked. It may be deleted
//! at any time. A cache that cannot be read or written is one that forgets; nobody is told twice.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use testcard_core::net::Url;

/// How long an answer is good. archive.org asks for caching; how long is our own rule.
const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long one lies about.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The longest answer kept.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A folder of answers.
#[derive(Debug)]
pub struct Cache {
    /// `None`: nothing is kept.
    folder: Option<PathBuf>,
    /// Answers from before are not good enough.
    is_fresh: bool,
}

impl Cache {
    /// Keeps answers in this folder, which is made when there is one to keep.
    pub fn open(folder: PathBuf) -> Self {
        let cache = Self { folder: Some(folder), is_fresh: false };
        cache.tidy(SystemTime::now());
        cache
    }

    /// Keeps nothing.
    pub fn none() -> Self {
        Self { folder: None, is_fresh: false }
    }

    /// The same, without answers from before.
    pub fn fresh(self) -> Self {
        Self { is_fresh: true, ..self }
    }

    /// The answer at this address, if it is there and good.
    pub(super) fn get(&self, url: &Url) -> Option<Vec<u8>> {
        if self.is_fresh {
            return None;
        }
        self.get_at(url, SystemTime::now())
    }

    fn get_at(&self, url: &Url, now: SystemTime) -> Option<Vec<u8>> {
        let mut file = File::open(self.path(url)?).ok()?;
        let metadata = file.metadata().ok()?;
        // One from the future is of a clock that was wrong.
        let age = now.duration_since(metadata.modified().ok()?).ok()?;
        if age >= GOOD_FOR || metadata.len() > BYTES_MAX {
            return None;
        }
        let mut answer = Vec::new();
        file.read_to_end(&mut answer).ok()?;
        Some(answer)
    }

    /// Keeps an answer.
    pub(super) fn put(&self, url: &Url, answer: &[u8]) {
        if let (Some(folder), Some(path)) = (&self.folder, self.path(url))
            && let Err(error) = write(folder, &path, answer)
        {
            log::warn!("an answer cannot be kept in {}: {error}", folder.display());
        }
    }

    fn path(&self, url: &Url) -> Option<PathBuf> {
        let mut name = String::new();
        for byte in Sha256::digest(url.as_str()) {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Some(self.folder.as_ref()?.join(name + ".json"))
    }

    /// Removes what has not been good for days.
    fn tidy(&self, now: SystemTime) {
        let Some(entries) = self.folder.as_ref().and_then(|folder| fs::read_dir(folder).ok())
        else {
            return;
        };
        for entry in entries.flatten() {
            let is_ours = entry.path().extension().is_some_and(|ending| ending == "json");
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
            if is_ours && age.is_some_and(|age| age > KEPT_FOR) {
                // It may be gone already.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn write(folder: &Path, path: &Path, answer: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, answer)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_answer_is_good_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("answers"));
        let (one, other) = (url("https://archive.org/a"), url("https://archive.org/a?b"));
        assert_eq!(cache.get(&one), None);
        cache.put(&one, b"{}");
        assert_eq!(cache.get(&one).as_deref(), Some(&b"{}"[..]));
        assert_eq!(cache.get(&other), None);
        let in_a_day = SystemTime::now() + GOOD_FOR;
        assert_eq!(cache.get_at(&one, in_a_day - Duration::from_secs(60)), Some(b"{}".to_vec()));
        assert_eq!(cache.get_at(&one, in_a_day + Duration::from_secs(1)), None);
        let yesterday = SystemTime::now() - Duration::from_secs(60);
        assert_eq!(cache.get_at(&one, yesterday), None, "from the future");
        assert_eq!(cache.fresh().get(&one), None);
    }

    #[test]
    fn what_is_old_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned());
        cache.put(&url("https://archive.org/a"), b"{}");
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let count = || fs::read_dir(folder.path()).unwrap().count();
        cache.tidy(SystemTime::now());
        assert_eq!(count(), 2);
        cache.tidy(SystemTime::now() + KEPT_FOR + Duration::from_secs(60));
        assert_eq!(count(), 1);
        assert!(folder.path().join("notes.txt").exists());
    }

    #[test]
    fn a_cache_without_a_place_forgets() {
        let cache = Cache::none();
        cache.put(&url("https://archive.org/a"), b"{}");
        assert_eq!(cache.get(&url("https://archive.org/a")), None);
        let nowhere = Cache::open("/proc/nowhere".into());
        nowhere.put(&url("https://archive.org/a"), b"{}");
        assert_eq!(nowhere.get(&url("https://archive.org/a")), None);
    }
}
