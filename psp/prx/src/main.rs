//! `testcard-prx fix ELF` and `testcard-prx check FILE…`: what tools/eboot calls between the linker
//! and the EBOOT.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

/// Completes a PSP module after linking, and checks what the firmware would trip over
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Write how many functions of each library are imported into a linked ELF file, before prxgen
    Fix {
        /// The file, which is changed
        elf: PathBuf,
    },
    /// Show what PRX or PBP files import, and fail if a PSP would not load one or call wrongly
    Check {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let sound = match Command::parse() {
        Command::Fix { elf } => told(&elf, fix(&elf)),
        // All of them, and not only up to the first that is wrong.
        Command::Check { files } => {
            files.iter().filter(|file| !told(file, check(file))).count() == 0
        }
    };
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what is wrong with a file, and whether nothing is.
fn told(file: &Path, result: Result<(), Vec<String>>) -> bool {
    for sentence in result.as_ref().err().into_iter().flatten() {
        eprintln!("{}: {sentence}", file.display());
    }
    result.is_ok()
}

fn sentence(error: impl ToString) -> Vec<String> {
    vec![error.to_string()]
}

fn fix(elf: &Path) -> Result<(), Vec<String>> {
    let mut bytes = fs::read(elf).map_err(sentence)?;
    testcard_prx::fix(&mut bytes).map_err(sentence)?;
    fs::write(elf, bytes).map_err(sentence)
}

fn check(file: &Path) -> Result<(), Vec<String>> {
    let bytes = fs::read(file).map_err(sentence)?;
    let module = testcard_prx::module(&bytes).map_err(sentence)?;
    let report = testcard_prx::check(module).map_err(sentence)?;
    println!("{} imports:\n{report}", file.display());
    match &report.problems[..] {
        [] => Ok(()),
        problems => Err(problems.iter().map(ToString::to_string).collect()),
    }
}
