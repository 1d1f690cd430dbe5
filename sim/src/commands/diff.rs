//! `testcard-sim diff`: what is different between two sessions.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use testcard_sim::diff::{self, Ignore, Rule};

use super::{Failure, Verdict};

/// Compare two sessions: what was asked, what came back, and what the TV made of it
///
/// Exits with 1 when they differ in something that is not declared to be ignored.
#[derive(Args)]
pub(super) struct Arguments {
    /// The session as it should be
    #[arg(required_unless_present = "show_ignored")]
    expected: Option<PathBuf>,
    /// The session as it is
    #[arg(required_unless_present = "show_ignored")]
    actual: Option<PathBuf>,
    #[command(flatten)]
    ignoring: Ignoring,
    /// Write a page with both sessions and their differences to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// For machines: one JSON object with all differences
    #[arg(long)]
    json: bool,
}

/// What does not count.
#[derive(Args)]
pub(super) struct Ignoring {
    /// Everything counts, times to the microsecond
    #[arg(long)]
    exact: bool,
    /// Ignore this as well, several times for several: see --show-ignored
    #[arg(long, value_name = "RULE")]
    ignore: Vec<Rule>,
    /// Do not ignore this, several times for several
    #[arg(long, value_name = "RULE")]
    heed: Vec<Rule>,
    /// Print what is ignored, what could be, and why
    #[arg(long, conflicts_with = "json")]
    pub(super) show_ignored: bool,
}

impl Ignoring {
    /// These rules, or all of `usual` when nothing else is said.
    pub(super) fn rules(&self, usual: Ignore) -> Ignore {
        let preset = if self.exact { Ignore::default() } else { usual };
        let with = self.ignore.iter().fold(preset, |ignore, rule| ignore.with(*rule));
        self.heed.iter().fold(with, |ignore, rule| ignore.without(*rule))
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let ignore = arguments.ignoring.rules(Ignore::across_drivers());
    if arguments.ignoring.show_ignored {
        super::print(&ignore.to_string())?;
    }
    let (Some(expected), Some(actual)) = (&arguments.expected, &arguments.actual) else {
        return Ok(Verdict::Fine);
    };
    let (expected, actual) = (super::read(expected)?, super::read(actual)?);
    let differences = diff::compare(&expected, &actual, &ignore);
    if let Some(html) = &arguments.html {
        super::write(html, &diff::html::report(&expected, &actual, &differences, &ignore))?;
    }
    match arguments.json {
        true => super::print_json(&json!({ "differences": differences }))?,
        false if differences.is_empty() => super::print("no difference\n")?,
        false => super::print(&diff::text(&differences, super::PLACES_MAX))?,
    }
    Ok(if differences.is_empty() { Verdict::Fine } else { Verdict::Wrong })
}
