//! The sessions in `recorded-sessions`: what each shows, as a snapshot of its timeline; that replaying
//! is exact; and that the same core does the same over every network there is.

mod equality;
mod format;
mod recorded;

use std::path::{Path, PathBuf};

use testcard_session::Session;

/// Where the sessions are.
fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../recorded-sessions")
}

/// All of them by name, in order.
fn sessions() -> Vec<(String, Session)> {
    let entries = std::fs::read_dir(home()).expect("the sessions");
    let mut dirs: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("session.toml").exists())
        .collect();
    dirs.sort();
    assert!(!dirs.is_empty(), "there are no sessions");
    let read = |dir: PathBuf| {
        let name = dir.file_name().expect("a name").to_string_lossy().into_owned();
        (name, Session::read(&dir).unwrap_or_else(|error| panic!("{error}")))
    };
    dirs.into_iter().map(read).collect()
}
