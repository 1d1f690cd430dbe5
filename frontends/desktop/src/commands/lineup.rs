//! `testcard lineup`: makes the set's line-up out of a plan, checks it, and shows it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use testcard_core::line_up::{Channel, LineUp, Plan, Programme};
use testcard_core::net::Url;

use super::{ARCHIVE, Failure, NetworkArgs, parse_url, set_line_up, unusable};
use crate::library::cache::Cache;
use crate::library::catalogue::{Archive, Catalogue};
use crate::library::client::{AskError, Client};
use crate::library::freeze::{self, Changes, FreezeError};
use crate::places::Places;

#[derive(Args)]
pub struct LineUpCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the set's line-up out of the channels you want: items, or what archive.org's search
    /// finds
    Refresh(Refresh),
    /// Say what is wrong with a line-up or with channels.toml, if anything
    Check(Check),
    /// Print a line-up: channels, programmes, lengths, licences
    Show(Show),
}

#[derive(Args)]
struct Refresh {
    /// The channels that you want [default: channels.toml where your settings are]
    #[arg(long, value_name = "FILE")]
    channels: Option<PathBuf>,
    /// Where the line-up goes [default: line-up.toml where the set looks for it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Forget what the line-up has, its order too. Everything moves
    #[arg(long)]
    anew: bool,
    #[command(flatten)]
    archive: ArchiveArgs,
}

#[derive(Args)]
struct Check {
    /// A line-up, or a channels.toml [default: both of yours]
    file: Option<PathBuf>,
    /// Ask archive.org whether every file is still there, in its size
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    archive: ArchiveArgs,
}

#[derive(Args)]
struct Show {
    /// A line-up [default: what the set plays]
    file: Option<PathBuf>,
    /// Print JSON: lengths in ms
    #[arg(long)]
    json: bool,
}

/// Whom to ask.
#[derive(Args)]
struct ArchiveArgs {
    /// Ask again what was asked within a day
    #[arg(long)]
    fresh: bool,
    /// A mirror of archive.org, or a test server
    #[arg(long, value_name = "URL", value_parser = parse_url, default_value = ARCHIVE)]
    base_url: Url,
    #[command(flatten)]
    network: NetworkArgs,
}

pub fn run(args: LineUpCommand) -> Result<(), Failure> {
    match args.command {
        Command::Refresh(args) => refresh(args),
        Command::Check(args) => check(args),
        Command::Show(args) => show(&args),
    }
}

/// What a plan looks like, for who has none.
const EXAMPLE: &str = "\
[[channel]]
id = \"silents\"
number = 12
name = \"Silents\"
search = \"collection:silent_films AND year:[1920 TO 1929]\"
";

fn refresh(args: Refresh) -> Result<(), Failure> {
    let places = Places::of_this_person();
    let channels = args.channels.or_else(|| places.as_ref().map(Places::channels));
    let channels = channels.ok_or_else(|| nowhere("--channels"))?;
    let out = args.out.or_else(|| places.as_ref().map(Places::line_up));
    let out = out.ok_or_else(|| nowhere("--out"))?;
    if !channels.exists() {
        return Err(Failure::Usage(format!(
            "{} is not there. Write down the channels that you want, like this, or name another \
             file with --channels:\n\n{EXAMPLE}",
            channels.display()
        )));
    }
    let plan = Plan::parse(&read(&channels)?).map_err(unusable(&named(&channels)))?;
    // What cannot come to anything is said before anybody is asked for hours.
    let planned = plan.channels.iter().map(|planned| planned.channel.clone()).collect();
    let merged = LineUp::built_in().merged_with(LineUp { channels: planned });
    merged.map_err(unusable(&named(&channels)))?;
    freeze::check_place(&out).map_err(unusable(&named(&out)))?;
    let before = match args.anew || !out.exists() {
        true => None,
        false => {
            let what = format!("{} (--anew does without it)", named(&out));
            Some(LineUp::parse(&read(&out)?).map_err(unusable(&what))?)
        }
    };
    let mut archive = args.archive.open(places.as_ref())?;
    let mut asked = 0;
    let mut tell = |item: &str| {
        asked += 1;
        eprintln!("{asked:>4}  {item}");
    };
    let frozen = freeze::freeze(&plan, before.as_ref(), &mut archive, &mut tell);
    let (line_up, changes) = frozen.map_err(|error| {
        let is_network = matches!(&error, FreezeError::Ask { why, .. } if why.is_network());
        Failure::Archive { sentence: format!("the line-up stays as it is: {error}"), is_network }
    })?;
    let text = freeze::text(&line_up, &plan, Timestamp::now());
    freeze::write(&out, &text).map_err(unusable(&named(&out)))?;
    let mut report = String::new();
    for changes in &changes {
        report += &told(changes, before.is_some());
    }
    print(&format!("{report}{}: {}\n", out.display(), summary(&line_up)))
}

/// What became of a channel, for people.
fn told(changes: &Changes, is_refresh: bool) -> String {
    let counts = [
        (changes.kept, "kept"),
        (changes.added.len(), "new"),
        (changes.replaced.len(), "with another file"),
        (changes.removed.len(), "gone"),
        (changes.left_out.len(), "left out"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    let mut told = format!("channel {}: {}\n", changes.channel, counts.join(", "));
    for (sign, titles) in [("+", &changes.added), ("~", &changes.replaced), ("-", &changes.removed)]
    {
        for title in titles {
            told += &format!("  {sign} {title}\n");
        }
    }
    for (item, why) in &changes.left_out {
        told += &format!("  ! {item}: {why}\n");
    }
    if changes.moves {
        told += "  its schedule moves\n";
    } else if is_refresh {
        told += "  its schedule stays\n";
    }
    told
}

fn check(args: Check) -> Result<(), Failure> {
    let places = Places::of_this_person();
    let files = match (&args.file, &places) {
        (Some(file), _) => vec![file.clone()],
        (None, Some(places)) => {
            let files = [places.channels(), places.line_up()];
            let files: Vec<PathBuf> = files.into_iter().filter(|file| file.exists()).collect();
            if files.is_empty() {
                let sentence = "you have neither channels.toml nor a line-up; name a file";
                return Err(Failure::Usage(sentence.to_owned()));
            }
            files
        }
        (None, None) => return Err(nowhere("a file")),
    };
    let mut line_ups = Vec::new();
    for file in files {
        let text = read(&file)?;
        let said = match (LineUp::parse(&text), Plan::parse(&text)) {
            (Ok(line_up), _) => {
                let merged = LineUp::built_in().merged_with(line_up.clone());
                merged.map_err(unusable(&named(&file)))?;
                let said = summary(&line_up);
                line_ups.push(line_up);
                said
            }
            (Err(_), Ok(plan)) => format!("a plan for {}", counted(plan.channels.len(), "channel")),
            // A line-up has programmes, and a plan none.
            (Err(error), Err(_)) if text.contains("programme") => {
                return Err(unusable(&named(&file))(error));
            }
            (Err(_), Err(error)) => return Err(unusable(&named(&file))(error)),
        };
        print(&format!("{}: {said}\n", file.display()))?;
    }
    if args.online {
        let mut archive = args.archive.open(places.as_ref())?;
        for line_up in &line_ups {
            check_online(line_up, &mut archive)?;
        }
    }
    Ok(())
}

/// Asks about every programme, says what is wrong with each, and fails if anything is.
fn check_online(line_up: &LineUp, archive: &mut dyn Catalogue) -> Result<(), Failure> {
    let mut wrong = 0;
    for channel in &line_up.channels {
        for programme in channel.everything() {
            let item = archive.item(&programme.item).map_err(|why| not_told(programme, &why))?;
            let trouble = match item {
                None => Some("there is no such item".to_owned()),
                Some(item) if item.is_dark => Some("it was taken out of public view".to_owned()),
                Some(item) => match item.files.iter().find(|file| file.name == programme.file) {
                    None => Some(format!("its item has no file {:?}", programme.file)),
                    Some(file) => match (programme.bytes, file.bytes) {
                        (Some(ours), Some(theirs)) if ours != theirs => {
                            Some(format!("its file has {theirs} bytes and not {ours}"))
                        }
                        _ => None,
                    },
                },
            };
            if let Some(trouble) = trouble {
                wrong += 1;
                let (title, item) = (&programme.title, &programme.item);
                print(&format!("channel {}, {title:?} ({item}): {trouble}\n", channel.number))?;
            }
        }
    }
    match wrong {
        0 => print("every file is there\n"),
        wrong => {
            let sentence = format!("{} would not be played", counted(wrong, "programme"));
            Err(Failure::Archive { sentence, is_network: false })
        }
    }
}

fn not_told(programme: &Programme, why: &AskError) -> Failure {
    let sentence = format!("item {}: {why}", programme.item);
    Failure::Archive { sentence, is_network: why.is_network() }
}

fn show(args: &Show) -> Result<(), Failure> {
    let line_up = match &args.file {
        Some(file) => LineUp::parse(&read(file)?).map_err(unusable(&named(file)))?,
        None => set_line_up(None)?,
    };
    if args.json {
        let channels: Vec<ChannelShown> = line_up.channels.iter().map(ChannelShown::new).collect();
        // Strings and integers only: this cannot fail.
        let json = serde_json::to_string_pretty(&channels).map_err(unusable("JSON"))?;
        return print(&(json + "\n"));
    }
    let mut table = String::new();
    for (nth, channel) in line_up.channels.iter().enumerate() {
        let separator = if nth > 0 { "\n" } else { "" };
        table += &format!("{separator}{:>3}  {}", channel.number, channel.name);
        if let Some(minutes) = channel.start_on_min {
            table += &format!(", every {minutes} minutes");
        }
        table += "\n";
        let parts = channel.day_parts.iter().map(|part| Some(part.name.as_str()));
        for part in std::iter::once(None).chain(parts) {
            if let Some(part) = part {
                table += &format!("     {part}\n");
            }
            let its = channel.programmes.iter().filter(|p| p.part.as_deref() == part);
            its.for_each(|programme| table += &row(programme));
        }
        if !channel.fillers.is_empty() {
            table += "     between programmes\n";
            channel.fillers.iter().for_each(|filler| table += &row(filler));
        }
    }
    print(&format!("{table}\n{}\n", summary(&line_up)))
}

/// A programme's line of the table.
fn row(programme: &Programme) -> String {
    let seconds = programme.duration_ms.div_ceil(1000);
    let length = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let year = programme.year.map(|year| format!(" ({year})")).unwrap_or_default();
    let licence = programme.licence.as_ref().map(|text| format!("  [{text}]")).unwrap_or_default();
    format!("     {length:>8}  {}{year}{licence}\n", programme.title)
}

/// `3 channels, 120 programmes, 161 hours`.
fn summary(line_up: &LineUp) -> String {
    let programmes: Vec<&Programme> =
        line_up.channels.iter().flat_map(|channel| &channel.programmes).collect();
    let hours = programmes.iter().map(|p| p.duration_ms).sum::<u64>() / 3_600_000;
    format!(
        "{}, {}, {}",
        counted(line_up.channels.len(), "channel"),
        counted(programmes.len(), "programme"),
        counted(usize::try_from(hours).unwrap_or(usize::MAX), "hour")
    )
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// A channel as `testcard lineup show --json` prints it.
#[derive(Serialize)]
struct ChannelShown<'a> {
    number: u16,
    id: &'a str,
    name: &'a str,
    seed: Option<u64>,
    start_on_min: Option<u16>,
    utc_offset_min: i16,
    day_parts: Vec<PartShown<'a>>,
    programmes: Vec<ProgrammeShown<'a>>,
    fillers: Vec<ProgrammeShown<'a>>,
}

#[derive(Serialize)]
struct PartShown<'a> {
    name: &'a str,
    from_min: u16,
    to_min: u16,
}

#[derive(Serialize)]
struct ProgrammeShown<'a> {
    title: &'a str,
    year: Option<u16>,
    item: &'a str,
    file: &'a str,
    bytes: Option<u64>,
    duration_ms: u64,
    licence: Option<&'a str>,
    description: Option<&'a str>,
    subtitles: Option<&'a str>,
    part: Option<&'a str>,
}

impl<'a> ChannelShown<'a> {
    fn new(channel: &'a Channel) -> Self {
        let part = |part: &'a testcard_core::line_up::DayPart| PartShown {
            name: &part.name,
            from_min: part.from_min,
            to_min: part.to_min,
        };
        Self {
            number: channel.number,
            id: &channel.id,
            name: &channel.name,
            seed: channel.seed,
            start_on_min: channel.start_on_min,
            utc_offset_min: channel.utc_offset_min,
            day_parts: channel.day_parts.iter().map(part).collect(),
            programmes: channel.programmes.iter().map(ProgrammeShown::new).collect(),
            fillers: channel.fillers.iter().map(ProgrammeShown::new).collect(),
        }
    }
}

impl<'a> ProgrammeShown<'a> {
    fn new(programme: &'a Programme) -> Self {
        Self {
            title: &programme.title,
            year: programme.year,
            item: &programme.item,
            file: &programme.file,
            bytes: programme.bytes,
            duration_ms: programme.duration_ms,
            licence: programme.licence.as_deref(),
            description: programme.description.as_deref(),
            subtitles: programme.subtitles.as_deref(),
            part: programme.part.as_deref(),
        }
    }
}

impl ArchiveArgs {
    fn open(self, places: Option<&Places>) -> Result<Archive, Failure> {
        let cache = places.map_or_else(Cache::none, |places| Cache::open(places.answers()));
        let cache = if self.fresh { cache.fresh() } else { cache };
        let client = Client::new(&self.base_url, self.network.options()?, cache);
        Ok(Archive::new(self.base_url, client.map_err(unusable("--extra-ca"))?))
    }
}

fn nowhere(what: &str) -> Failure {
    Failure::Usage(format!("there is no home folder to look in; name {what}"))
}

fn named(path: &Path) -> String {
    format!("{} cannot be used", path.display())
}

/// A text that a line-up or a plan can be, and no byte more.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let read = || -> io::Result<String> {
        if fs::metadata(path)?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut text = String::new();
        let limit = LineUp::TEXT_BYTES_MAX as u64 + 1;
        File::open(path)?.take(limit).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(unusable(&named(path)))
}

/// Prints, for whoever still reads.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(unusable("standard output")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::choice::Unusable;

    #[test]
    fn a_refresh_says_what_it_did() {
        let changes = Changes {
            channel: "7 \"A\"".to_owned(),
            kept: 2,
            added: vec!["New (n)".to_owned()],
            removed: vec!["Old (o)".to_owned()],
            replaced: vec!["Other (x)".to_owned()],
            left_out: vec![("dark".to_owned(), Unusable::Dark)],
            moves: true,
        };
        assert_eq!(
            told(&changes, true),
            "channel 7 \"A\": 2 kept, 1 new, 1 with another file, 1 gone, 1 left out
  + New (n)
  ~ Other (x)
  - Old (o)
  ! dark: it was taken out of public view
  its schedule moves
"
        );
        let quiet = Changes { channel: "7 \"A\"".to_owned(), kept: 2, ..Changes::default() };
        assert_eq!(told(&quiet, true), "channel 7 \"A\": 2 kept\n  its schedule stays\n");
        assert_eq!(told(&quiet, false), "channel 7 \"A\": 2 kept\n");
    }

    #[test]
    fn the_built_in_line_up_in_a_line() {
        assert_eq!(summary(&LineUp::built_in()), "5 channels, 62 programmes, 58 hours");
    }
}
