//! Makes a failing trial as small as it gets: without what the failure does not need. Never settles
//! for another failure than the one that it began with.

use std::time::Duration;

use testcard_archive::{FilmSpec, Layout, MdatSize, When};
use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};

use super::play::play;
use super::trial::Trial;
use super::violation::Violation;

/// The most trials played in search of a smaller one.
const TRIES_MAX: u32 = 300;

/// The smallest trial found that fails as this one does.
pub fn shrink(trial: &Trial, violation: &Violation) -> Trial {
    let mut tries = 0;
    let mut smallest = trial.clone();
    'again: loop {
        for candidate in smaller(&smallest) {
            tries += 1;
            if tries > TRIES_MAX {
                return smallest;
            }
            if play(&candidate).violation.is_some_and(|found| found.is_like(violation)) {
                smallest = candidate;
                continue 'again;
            }
        }
        return smallest;
    }
}

/// Trials that are one step simpler, the largest steps first.
fn smaller(trial: &Trial) -> Vec<Trial> {
    let mut all = Vec::new();
    let mut change = |change: &dyn Fn(&mut Trial)| {
        let mut candidate = trial.clone();
        change(&mut candidate);
        if candidate.to_string() != trial.to_string() {
            all.push(candidate);
        }
    };
    change(&|trial| trial.events.clear());
    change(&|trial| trial.scene.rules.clear());
    for n in 0..trial.events.len() {
        change(&|trial| {
            trial.events.remove(n);
        });
    }
    for n in 0..trial.scene.rules.len() {
        change(&|trial| {
            trial.scene.rules.remove(n);
        });
    }
    change(&|trial| trial.scene.refused = None);
    change(&|trial| trial.scene.token_life = None);
    change(&|trial| trial.scene.aim = Aim::At(MediaTime::ZERO));
    change(&|trial| {
        if let Aim::Live { position, .. } = trial.scene.aim {
            trial.scene.aim = Aim::At(position);
        }
    });
    change(&|trial| trial.scene.limits = Limits::DESKTOP);
    change(&|trial| trial.scene.limits.patience = Limits::DESKTOP.patience);
    change(&|trial| trial.scene.limits.index_bytes = Limits::DESKTOP.index_bytes);
    change(&|trial| {
        trial.scene.film = FilmSpec::new(trial.scene.film.duration_ms, Layout::MoovFirst)
    });
    change(&|trial| {
        trial.scene.film.wide_offsets = false;
        trial.scene.film.mdat = MdatSize::Fitting;
    });
    change(&|trial| {
        if trial.scene.film.mdat != MdatSize::ToEnd {
            trial.scene.film.layout = Layout::MoovFirst;
        }
    });
    change(&|trial| {
        trial.scene.film.duration_ms = 60_000;
        trial.scene.film.bytes = None;
    });
    change(&|trial| trial.scene.link.bytes_per_second = 1_000_000);
    change(&|trial| trial.scene.link.round_trip = Duration::from_millis(80));
    change(&|trial| {
        let last = trial.events.last().map_or(Instant::ZERO, |(at, _)| *at);
        trial.well_at = last.max(Instant::from_micros(trial.well_at.as_micros() / 2));
    });
    for n in 0..trial.scene.rules.len() {
        // One request instead of many.
        change(&|trial| {
            let when = &mut trial.scene.rules[n].when;
            if let When::Requests(numbers) = when {
                numbers.end = numbers.start + 1;
            }
        });
        for first in 0..3 {
            change(&|trial| {
                let when = &mut trial.scene.rules[n].when;
                if !matches!(when, When::Requests(_)) {
                    *when = When::Requests(first..first + 1);
                }
            });
        }
    }
    all
}
