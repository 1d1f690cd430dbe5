//! `testcard now`: what every channel shows, for people and for scripts. Opens nothing.

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use testcard_core::time::UnixMillis;

use super::{Failure, ScheduleArgs};
use crate::local_time::{clock, hours_here};

#[derive(Args)]
pub struct Now {
    /// Print JSON: times in ms since 1970, positions in ms
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    schedule: ScheduleArgs,
}

pub fn run(args: &Now) -> Result<(), Failure> {
    let at = args.schedule.pretended().unwrap_or(UnixMillis(Timestamp::now().as_millisecond()));
    let schedule = args.schedule.schedule()?;
    let now = schedule.now(at);
    if args.json {
        // Strings and integers only: this cannot fail.
        let json = serde_json::to_string_pretty(&now).map_err(|e| Failure::Usage(e.to_string()))?;
        println!("{json}");
        return Ok(());
    }
    let (zone, hours) = (TimeZone::system(), hours_here());
    let gap = clock(at, &zone, hours).len() + 3;
    let name_width = now.channels.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
    for channel in &now.channels {
        match &channel.on_air {
            Some(on_air) => {
                let year = on_air.year.map(|year| format!(" ({year})")).unwrap_or_default();
                println!(
                    "{:>3}  {:<name_width$}  {}–{}  {}{year}, {} in",
                    channel.number,
                    channel.name,
                    clock(on_air.starts_unix_ms, &zone, hours),
                    clock(on_air.ends_unix_ms, &zone, hours),
                    on_air.title,
                    duration(channel.position_ms),
                );
            }
            None => println!("{:>3}  {:<name_width$}", channel.number, channel.name),
        }
        if let Some(next) = &channel.next {
            println!(
                "     {:<name_width$}  {}{:gap$}{}",
                "",
                clock(next.starts_unix_ms, &zone, hours),
                "",
                next.title
            );
        }
    }
    Ok(())
}

fn duration(millis: i64) -> String {
    let seconds = millis / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
