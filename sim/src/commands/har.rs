//! `testcard-sim har`: sessions as HAR files, and HAR files as sessions.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use testcard_sim::har;

use super::{Failure, Verdict};

/// Write a session as a HAR 1.2 file, as browsers and proxies do, or read one
///
/// HAR knows neither when the pieces of a body came nor where it broke off. What it cannot say goes
/// into fields of our own, so that a session survives the way there and back.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Subcommand)]
enum Direction {
    /// Write a session as a HAR file
    Export {
        /// The session's directory
        session: PathBuf,
        /// The file to write; standard output without it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// With --out, for machines: one JSON object
        #[arg(long, requires = "out")]
        json: bool,
    },
    /// Make a session of a HAR file
    Import {
        /// The file
        file: PathBuf,
        /// The directory to make; it is replaced if it is a session already
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// For machines: one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    match &arguments.direction {
        Direction::Export { session, out, json } => {
            let session = super::read(session)?;
            let mut text = serde_json::to_string_pretty(&har::export(&session))?;
            text.push('\n');
            let Some(file) = out else {
                super::print(&text)?;
                return Ok(Verdict::Fine);
            };
            super::write(file, &text)?;
            match json {
                true => super::print_json(&json!({ "file": file }))?,
                false => super::print(&told(file, session.exchanges.len()))?,
            }
        }
        Direction::Import { file, out, json } => {
            let text = super::read_file(file, har::HAR_BYTES_MAX as u64)?;
            let imported = har::import(&text)
                .map_err(|error| Failure(format!("{}: {error}", file.display())))?;
            imported.session.write(out)?;
            let left_out = imported.left_out.iter();
            if *json {
                let left_out: Vec<_> = left_out
                    .map(|(n, why)| json!({ "entry": n, "why": why.to_string() }))
                    .collect();
                super::print_json(&json!({ "session": out, "left_out": left_out }))?;
            } else {
                for (number, why) in left_out {
                    eprintln!("testcard-sim: entry {number} is left out: {why}");
                }
                super::print(&told(out, imported.session.exchanges.len()))?;
            }
        }
    }
    Ok(Verdict::Fine)
}

/// A line about what was made.
fn told(path: &Path, exchanges: usize) -> String {
    let plural = if exchanges == 1 { "" } else { "s" };
    format!("{}: {exchanges} exchange{plural}\n", path.display())
}
