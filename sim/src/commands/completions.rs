//! `testcard-sim completions`: what a shell needs to complete the commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Failure, Verdict};

/// Print a script that completes these commands in a shell
///
/// For bash: testcard-sim completions bash > ~/.local/share/bash-completion/completions/testcard-sim
#[derive(Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let mut script = Vec::new();
    let mut command = super::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "testcard-sim", &mut script);
    super::print(&String::from_utf8_lossy(&script))?;
    Ok(Verdict::Fine)
}
