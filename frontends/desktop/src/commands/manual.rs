//! `testcard manual` and `testcard completions`: what the system is told of the program, made of the
//! command line itself so that it cannot say anything else. Here is also what `--help` and the
//! manual page say of keys, files and exit codes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{CommandLine, Failure, unusable};

/// Keys of the window, and what they do.
pub(super) const KEYS: [(&str, &str); 20] = [
    ("Up, Down, PgUp, PgDn", "channels; in the guide rows, and pages of rows"),
    ("Left, Right", "volume; in the guide the programme before and after"),
    ("-, +, mouse wheel", "volume; the wheel moves the guide, with Shift in time"),
    ("M", "mute"),
    ("0-9", "a channel's number"),
    ("Backspace, L", "the channel before"),
    ("B", "makes the channel a favourite, or one no longer"),
    ("V", "the next favourite"),
    ("G, Tab", "the guide"),
    ("Enter, click", "in the guide: watch; else what is on, and the guide"),
    ("[, ]", "in the guide: a day back, a day on"),
    ("S", "watch the programme from its beginning"),
    ("N, Home", "back to now, in the guide and after S"),
    ("I", "what is on"),
    ("C", "subtitles, where there are any"),
    ("H", "how the stream is: buffer, rate, node, connections"),
    ("Z", "sleep timer: 15, 30, 60, 90, 120 minutes, off"),
    ("F, F11, double click", "full screen"),
    ("Escape", "takes back what is on the picture, one thing at a time"),
    ("Q", "switch off"),
];

/// A game controller's, as SDL names them.
pub(super) const CONTROLS: [(&str, &str); 6] = [
    ("D-pad, left stick", "as the arrow keys; held, they repeat"),
    ("A, B, X", "Enter, Escape, what is on"),
    ("Y, Start", "the guide"),
    ("Shoulders, triggers", "channels; a day back, a day on"),
    ("Back", "the channel before"),
    ("Right stick", "volume; pressed: subtitles. Left stick pressed: mute"),
];

/// Exit codes, and what they mean.
pub(super) const EXIT_CODES: [(&str, &str); 5] = [
    ("0", "played to the end, or left by the viewer"),
    ("2", "the command line, or a file named on it, cannot be used"),
    ("3", "a programme failed: not there, not a film, not decodable"),
    ("4", "the network failed"),
    ("130", "play was stopped before it was done, by Ctrl-C or SIGTERM"),
];

const FILES: [(&str, &str); 2] = [
    (
        "~/.config/testcard/settings.toml",
        "What the set remembers: channel, volume, favourites, subtitles. It may be edited while the \
         set is off; comments stay. One that cannot be read is kept as settings.toml.broken.",
    ),
    ("~/.cache/testcard", "What archive.org said about items. It may be removed at any time."),
];

const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "RUST_LOG",
        "How much the program says on standard error: RUST_LOG=testcard=info for what is tuned to, \
         =debug for every exchange. Warnings only by default. Nothing that it says is secret.",
    ),
    ("LC_ALL, LC_TIME, LANG", "Whether the time of day has 12 hours or 24; --hours says so too."),
    ("XDG_CONFIG_HOME, XDG_CACHE_HOME", "Where those files are instead."),
    (
        "SDL_RENDER_DRIVER, SDL_GAMECONTROLLERCONFIG",
        "Known to SDL, for drawing and for controllers.",
    ),
];

/// What stands below the options in `--help`.
pub(super) fn after_help() -> String {
    let sections: [(&str, &[(&str, &str)]); 3] = [
        ("Keys in the window", &KEYS),
        ("Game controllers", &CONTROLS),
        ("Exit codes", &EXIT_CODES),
    ];
    let mut help = String::new();
    for (heading, lines) in sections {
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        help += &format!("{heading}:\n");
        for (name, what) in lines {
            help += &format!("  {name:width$}  {what}\n");
        }
        help.push('\n');
    }
    help.trim_end().to_string()
}

/// Write the manual pages as DIR/testcard.1, DIR/testcard-play.1 and so on
#[derive(Args)]
pub struct Manual {
    /// The directory; it is made
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Print a script that completes these commands in a shell
///
/// For bash: testcard completions bash > ~/.local/share/bash-completion/completions/testcard
#[derive(Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

pub fn manual(args: &Manual) -> Result<(), Failure> {
    let what = format!("the manual cannot be written to {}", args.directory.display());
    fs::create_dir_all(&args.directory).map_err(unusable(&what))?;
    let mut command = CommandLine::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, &args.directory).map_err(unusable(&what))
}

pub fn completions(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut CommandLine::command(), "testcard", &mut script);
    io::stdout().write_all(&script).map_err(unusable("standard output"))
}

/// A page for a command and each of those below it.
fn write_pages(command: &Command, directory: &Path) -> io::Result<()> {
    let is_shown = |command: &&Command| !command.is_hide_set();
    for below in command.get_subcommands().filter(is_shown) {
        write_pages(below, directory)?;
    }
    // "testcard play" is the page testcard-play.
    let name = command.get_bin_name().unwrap_or(command.get_name()).replace(' ', "-");
    fs::write(directory.join(format!("{name}.1")), page(command, name)?)
}

fn page(command: &Command, name: String) -> io::Result<Vec<u8>> {
    let is_whole = command.get_subcommands().next().is_some();
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .source(concat!("testcard ", env!("CARGO_PKG_VERSION")))
        .manual("Testcard");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if is_whole {
        man.render_subcommands_section(&mut page)?;
        let sections: [(&str, &[(&str, &str)]); 5] = [
            ("KEYS", &KEYS),
            ("GAME CONTROLLERS", &CONTROLS),
            ("EXIT STATUS", &EXIT_CODES),
            ("FILES", &FILES),
            ("ENVIRONMENT", &ENVIRONMENT),
        ];
        for (heading, lines) in sections {
            let mut roff = Roff::new();
            roff.control("SH", [heading]);
            for (name, what) in lines {
                roff.control("TP", []);
                roff.text([bold(*name)]);
                roff.text([roman(*what)]);
            }
            page.write_all(roff.render().as_bytes())?;
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_command_and_it_says_everything() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = folder.path().join("man1");
        manual(&Manual { directory: directory.clone() }).expect("a place");
        let page = |name: &str| fs::read_to_string(directory.join(name)).expect(name);
        assert!(page("testcard-play.1").contains("\\-\\-headless"));
        let whole = page("testcard.1");
        for (name, what) in [&KEYS[..], &CONTROLS, &EXIT_CODES, &FILES, &ENVIRONMENT].concat() {
            for words in [name, what] {
                // Up to what is written in another way in a manual page.
                let plain = words.split(['-', '\'', '.']).next().unwrap_or_default();
                assert!(whole.contains(plain), "{words} is not there");
            }
        }
        assert!(whole.contains("testcard\\-play(1)"), "{whole}");
    }

    #[test]
    fn help_fits_a_terminal_of_eighty_columns() {
        for line in after_help().lines() {
            assert!(line.chars().count() < 80, "{line}");
        }
    }
}
