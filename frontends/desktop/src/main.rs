//! The set as a program.

use std::process::ExitCode;

use clap::Parser;
use testcard_desktop::commands::CommandLine;

fn main() -> ExitCode {
    CommandLine::parse().run()
}
