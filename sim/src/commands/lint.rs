//! `testcard-sim lint`: whether sessions may be committed.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Failure, Verdict};

/// Check sessions before they are committed: format, size, and secrets left behind
///
/// Exits with 1 when something was found.
#[derive(Args)]
pub(super) struct Arguments {
    /// Sessions, or directories of sessions
    #[arg(required = true, value_name = "DIR")]
    sessions: Vec<PathBuf>,
    /// For machines: one line of JSON for each session
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::Fine;
    for dir in &super::sessions(&arguments.sessions)? {
        let findings = testcard_session::lint(dir);
        if !findings.is_empty() {
            verdict = Verdict::Wrong;
        }
        if arguments.json {
            let sentences: Vec<_> = findings.iter().map(ToString::to_string).collect();
            super::print_json(&json!({ "session": dir, "findings": sentences }))?;
            continue;
        }
        for finding in &findings {
            super::print(&format!("{finding}\n"))?;
        }
        if findings.is_empty() {
            super::print(&format!("{}: fine\n", dir.display()))?;
        }
    }
    Ok(verdict)
}
