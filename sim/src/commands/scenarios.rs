//! `testcard-sim scenarios`: the sessions that come with Testcard, made again.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use testcard_sim::scenarios::{self, Scenario};

use super::{Failure, Verdict};

/// List the sessions that come with Testcard, or record them anew from the virtual archive
///
/// One more is made only when it is named: whole-film, an hour and a half to measure with.
#[derive(Args)]
pub(super) struct Arguments {
    /// Record them, each in a directory of its name in this one
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only these
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// For machines: one line of JSON for each
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let wanted = match arguments.names.as_slice() {
        [] => scenarios::all(),
        names => names.iter().map(|name| named(name)).collect::<Result<_, _>>()?,
    };
    for scenario in wanted {
        if let Some(out) = &arguments.out {
            scenario.record().write(&out.join(scenario.slug))?;
        }
        match arguments.json {
            true => super::print_json(&json!({ "name": scenario.slug, "title": scenario.title }))?,
            false => super::print(&format!("{:<38} {}\n", scenario.slug, scenario.title))?,
        }
    }
    Ok(Verdict::Fine)
}

fn named(name: &str) -> Result<Scenario, Failure> {
    let mut all = scenarios::all().into_iter().chain([scenarios::whole_film()]);
    all.find(|scenario| scenario.slug == name).ok_or_else(|| {
        Failure(format!("there is no scenario {name}: testcard-sim scenarios lists them"))
    })
}
