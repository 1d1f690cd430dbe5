//! Films that bodies are taken from, as far as a session needs to know them: how long they are, and
//! their bytes. Never makes one: the virtual archive does.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;

use crate::about::Fixture;
use crate::bounds::FIXTURE_BYTES_MAX;

/// A film that can be made anywhere, bytes and all.
pub trait Film: fmt::Debug + Send + Sync {
    /// Bytes of the whole file.
    fn length(&self) -> u64;

    /// Copies the bytes from `offset` on, as many as `buf` holds and the film has. Returns how many,
    /// less than asked for only at the end.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize;
}

/// A film of which is known what each of its samples truly is.
pub trait TrueFilm: Film {
    /// How long it is shown, in milliseconds. Its last samples may lie behind that.
    fn duration_ms(&self) -> u64;

    /// A picture, counted in decode order from 0; absent behind the last.
    fn picture(&self, number: u64) -> Option<TrueSample>;

    /// A frame of sound, counted from 0, the priming frame; absent behind the last.
    fn sound(&self, number: u64) -> Option<TrueSample>;
}

/// Where a sample lies and when it is due.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrueSample {
    /// Its bytes in the file.
    pub range: Range<u64>,
    /// When it is shown or heard, in microseconds of the presentation, rounded down.
    pub time_us: i64,
}

/// Who makes the films that a session names.
pub trait Films {
    /// The film of a recipe, `SECONDS:BYTES:LAYOUT` as `testcard-sim serve --film` has it.
    ///
    /// # Errors
    /// What is wrong with the recipe, as a sentence.
    fn film(&self, recipe: &str) -> Result<Fixture, String>;
}

/// Films as long as they should be, in which every byte is zero: for machines that have no room for
/// the clip that films are made of. They are enough to watch a session again, because the bytes that
/// decide anything, those of heads and indexes, are literally in it, and nobody decodes the others.
#[derive(Clone, Copy, Debug)]
pub struct BlankFilms;

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Blank(u64);

impl Films for BlankFilms {
    fn film(&self, recipe: &str) -> Result<Fixture, String> {
        let bytes = recipe.split(':').nth(1).unwrap_or_default();
        let length = match bytes {
            // How few are enough, only who makes it knows. No range was recorded beyond its end.
            "min" => FIXTURE_BYTES_MAX,
            bytes => bytes.parse().map_err(|_| format!("its length {bytes:?} is no number"))?,
        };
        Ok(Fixture { film_spec: recipe.to_owned(), film: Arc::new(Blank(length)) })
    }
}

impl Film for Blank {
    fn length(&self) -> u64 {
        self.0
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let left = usize::try_from(self.0.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = buf.len().min(left);
        buf[..count].fill(0);
        count
    }
}

#[cfg(feature = "std")]
pub use virtual_films::VirtualFilms;

#[cfg(feature = "std")]
mod virtual_films {
    use testcard_archive::{Clip, FilmSample, FilmSpec, FilmSpecError, VirtualFilm};

    use super::*;

    /// The films of the virtual archive, to the byte.
    #[derive(Clone, Copy, Debug)]
    pub struct VirtualFilms;

    impl Films for VirtualFilms {
        fn film(&self, recipe: &str) -> Result<Fixture, String> {
            let spec: FilmSpec =
                recipe.parse().map_err(|error: FilmSpecError| error.to_string())?;
            if spec.bytes.is_some_and(|bytes| bytes > FIXTURE_BYTES_MAX) {
                return Err(format!("it has more than {FIXTURE_BYTES_MAX} bytes"));
            }
            let film =
                VirtualFilm::new(&Clip::test_card(), &spec).map_err(|error| error.to_string())?;
            Ok(Fixture { film_spec: spec.to_string(), film: Arc::new(film) })
        }
    }

    impl Film for VirtualFilm {
        fn length(&self) -> u64 {
            self.len()
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
            VirtualFilm::read_at(self, offset, buf)
        }
    }

    impl TrueFilm for VirtualFilm {
        fn duration_ms(&self) -> u64 {
            VirtualFilm::duration_ms(self)
        }

        fn picture(&self, number: u64) -> Option<TrueSample> {
            VirtualFilm::picture(self, number).map(TrueSample::from)
        }

        fn sound(&self, number: u64) -> Option<TrueSample> {
            VirtualFilm::sound(self, number).map(TrueSample::from)
        }
    }

    impl From<FilmSample> for TrueSample {
        fn from(FilmSample { range, time_us }: FilmSample) -> Self {
            Self { range, time_us }
        }
    }
}
