//! Where a person's files go: the places of the XDG Base Directory Specification on Unix, those of
//! the system elsewhere. Only names them; whoever writes there makes the directory.

use std::path::PathBuf;

use etcetera::{BaseStrategy, choose_base_strategy};

/// A folder of ours in each place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Places {
    /// What a person chose and may edit: `~/.config/testcard`.
    pub config: PathBuf,
    /// What was made for a person and would be missed: `~/.local/share/testcard`.
    pub data: PathBuf,
    /// What can be had again: `~/.cache/testcard`.
    pub cache: PathBuf,
    /// What the program remembers and nobody edits: `~/.local/state/testcard`.
    pub state: PathBuf,
}

impl Places {
    /// This person's; `None` on a machine where nobody has a home.
    pub fn of_this_person() -> Option<Self> {
        let base = choose_base_strategy().ok()?;
        Some(Self {
            config: base.config_dir().join("testcard"),
            data: base.data_dir().join("testcard"),
            cache: base.cache_dir().join("testcard"),
            // Windows has no such place.
            state: base.state_dir().unwrap_or_else(|| base.data_dir()).join("testcard"),
        })
    }

    /// The channels that this person wants, see [`crate::library`].
    pub fn channels(&self) -> PathBuf {
        self.config.join("channels.toml")
    }

    /// The line-up that was made of them.
    pub fn line_up(&self) -> PathBuf {
        self.data.join("line-up.toml")
    }

    /// What archive.org said lately.
    pub fn answers(&self) -> PathBuf {
        self.cache.join("answers")
    }

    /// What the set remembers, see [`crate::settings`].
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.toml")
    }
}
