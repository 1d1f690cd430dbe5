//! The subtitles of what is on: fetched once somebody wants them and the film plays, so that they
//! never keep it waiting. Without any, or with a file that cannot be had, the film plays as ever.

use testcard_core::net::Url;
use testcard_core::time::MediaTime;
use testcard_https::Options;

use crate::errand::Errand;
use crate::subtitles::{self, Subtitles};

/// The subtitles of one programme.
pub enum Captions {
    /// It has none, or none that can be had.
    None,
    /// They are here, and nobody has asked for them yet.
    At(Url),
    /// They are on their way.
    Fetching(Errand),
    /// What is said when.
    Here(Subtitles),
}

impl Captions {
    /// Whether there are any, as far as is known.
    pub fn are_there(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Fetches them, unless that has been done. Call it when they are wanted and the film plays;
    /// `wake` is called when there is news.
    pub fn fetch(&mut self, network: &Options, wake: impl Fn() + Send + 'static) {
        match self {
            Self::At(url) => {
                log::info!("subtitles: {}", crate::logging::without_secrets(url.as_str()));
                let errand =
                    Errand::start(url.clone(), subtitles::BYTES_MAX, network.clone(), wake);
                *self = match errand {
                    Ok(errand) => Self::Fetching(errand),
                    Err(error) => Self::missing(&error.to_string()),
                };
            }
            Self::Fetching(errand) => match errand.poll() {
                Some(Ok(file)) => {
                    let subtitles = Subtitles::parse(&file);
                    *self = match subtitles.is_empty() {
                        true => Self::missing("there is nothing in the file that is ever said"),
                        false => Self::Here(subtitles),
                    };
                }
                Some(Err(error)) => *self = Self::missing(&error.to_string()),
                None => {}
            },
            Self::None | Self::Here(_) => {}
        }
    }

    /// What is said at that position.
    pub fn at(&self, position: MediaTime) -> Option<String> {
        match self {
            Self::Here(subtitles) => subtitles.at(position),
            Self::None | Self::At(_) | Self::Fetching(_) => None,
        }
    }

    fn missing(why: &str) -> Self {
        log::info!("no subtitles: {why}");
        Self::None
    }
}
