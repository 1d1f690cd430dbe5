//! From a line-up to the TOML that [`super::toml_text`] reads as the same. Order and form are those
//! of `core/line-up.toml`, so that what is written can be compared and changed by a person;
//! comments are not kept.

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

use super::day::clock;
use super::{Channel, LineUp, Programme};

pub(super) fn write(line_up: &LineUp) -> String {
    let mut toml = format!("version = {}\n", LineUp::VERSION);
    for channel in &line_up.channels {
        // Writing to a String cannot fail.
        let _ = write_channel(&mut toml, channel);
    }
    toml
}

fn write_channel(toml: &mut String, channel: &Channel) -> fmt::Result {
    writeln!(toml, "\n[[channel]]")?;
    writeln!(toml, "id = {}", Text(&channel.id))?;
    writeln!(toml, "number = {}", channel.number)?;
    writeln!(toml, "name = {}", Text(&channel.name))?;
    if let Some(seed) = channel.seed {
        writeln!(toml, "seed = {seed}")?;
    }
    match channel.start_on_min {
        None => {}
        Some(60) => writeln!(toml, "start_on = \"hour\"")?,
        Some(30) => writeln!(toml, "start_on = \"half hour\"")?,
        Some(15) => writeln!(toml, "start_on = \"quarter hour\"")?,
        Some(minutes) => writeln!(toml, "start_on = \"{minutes} minutes\"")?,
    }
    if channel.utc_offset_min != 0 {
        let sign = if channel.utc_offset_min < 0 { '-' } else { '+' };
        writeln!(toml, "utc_offset = \"{sign}{}\"", clock(channel.utc_offset_min.unsigned_abs()))?;
    }
    for part in &channel.day_parts {
        writeln!(toml, "\n[[channel.day_part]]")?;
        writeln!(toml, "name = {}", Text(&part.name))?;
        writeln!(toml, "from = \"{}\"", clock(part.from_min))?;
        writeln!(toml, "to = \"{}\"", clock(part.to_min))?;
    }
    for programme in &channel.programmes {
        writeln!(toml, "\n[[channel.programme]]")?;
        write_programme(toml, programme)?;
    }
    for filler in &channel.fillers {
        writeln!(toml, "\n[[channel.filler]]")?;
        write_programme(toml, filler)?;
    }
    Ok(())
}

fn write_programme(toml: &mut String, programme: &Programme) -> fmt::Result {
    writeln!(toml, "title = {}", Text(&programme.title))?;
    if let Some(year) = programme.year {
        writeln!(toml, "year = {year}")?;
    }
    writeln!(toml, "item = {}", Text(&programme.item))?;
    writeln!(toml, "file = {}", Text(&programme.file))?;
    if let Some(bytes) = programme.bytes {
        writeln!(toml, "bytes = {bytes}")?;
    }
    writeln!(toml, "duration = \"{}\"", Duration(programme.duration_ms))?;
    for (key, value) in [
        ("licence", &programme.licence),
        ("description", &programme.description),
        ("subtitles", &programme.subtitles),
        ("part", &programme.part),
    ] {
        if let Some(value) = value {
            writeln!(toml, "{key} = {}", Text(value))?;
        }
    }
    Ok(())
}

/// A basic string of TOML 1.0.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// `1:31:44.5` for milliseconds, `7:22` below an hour.
struct Duration(u64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0 / 1000, self.0 % 1000);
        match seconds / 3600 {
            0 => write!(f, "{}:{:02}", seconds / 60, seconds % 60)?,
            hours => write!(f, "{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60)?,
        }
        if millis > 0 {
            let decimals = format!(".{millis:03}");
            f.write_str(decimals.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::string::ToString;
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::line_up::DayPart;

    /// A text that can be shown.
    fn label() -> impl Strategy<Value = String> {
        "[^\\p{Cc}]{1,30}"
    }

    fn programme(part: Option<&'static str>) -> impl Strategy<Value = Programme> {
        let known = (
            label(),
            option::of(Programme::YEARS),
            "[A-Za-z0-9][A-Za-z0-9._-]{0,20}",
            "[^/.\\p{Cc}][^/\\p{Cc}]{0,20}",
            option::of(1..i64::MAX as u64),
            // As short as a part of the day may be.
            1_000..3_600_000_u64,
        );
        let more = (option::of(label()), option::of("(?s).{1,40}"), option::of("[^/\\p{Cc}]{1,9}"));
        (known, more).prop_map(move |(known, (licence, description, subtitles))| Programme {
            title: known.0,
            year: known.1,
            item: known.2,
            file: known.3,
            bytes: known.4,
            duration_ms: known.5,
            licence,
            description,
            subtitles: subtitles.map(|stem| format!("{stem}.srt")),
            part: part.map(str::to_owned),
        })
    }

    fn channel() -> impl Strategy<Value = Channel> {
        let plain = (label(), option::of(0..=i64::MAX as u64), vec(programme(None), 1..6));
        let grid = prop::sample::select(&[1_u16, 5, 15, 20, 30, 60][..]);
        let arranged = (
            option::of(grid),
            Channel::UTC_OFFSETS_MIN,
            option::of((label(), 0..24_u16, 1..24_u16, vec(programme(Some("?")), 1..4))),
            vec(programme(None), 0..3),
        );
        (plain, arranged).prop_map(|((name, seed, programmes), (start_on_min, utc, part, fill))| {
            let mut channel = Channel {
                name,
                seed,
                start_on_min,
                utc_offset_min: utc,
                programmes,
                ..Channel::default()
            };
            if let Some((name, from, length, programmes)) = part {
                channel.programmes.extend(
                    programmes.into_iter().map(|p| Programme { part: Some(name.clone()), ..p }),
                );
                let to_min = (from + length) % 24 * 60;
                channel.day_parts = vec![DayPart { name, from_min: from * 60, to_min }];
            }
            if start_on_min.is_some() || !channel.day_parts.is_empty() {
                channel.fillers = fill;
            }
            // No film twice.
            for (n, programme) in
                channel.programmes.iter_mut().chain(&mut channel.fillers).enumerate()
            {
                programme.item = format!("{n}{}", programme.item);
            }
            channel
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(channels in vec(channel(), 1..5)) {
            let named = channels.into_iter().zip(1..).map(|(channel, number)| {
                Channel { id: format!("n-{number}"), number, ..channel }
            });
            let line_up = LineUp { channels: named.collect() };
            let toml = line_up.to_toml();
            match LineUp::parse(&toml) {
                Ok(read) => prop_assert_eq!(read, line_up),
                Err(error) => prop_assert!(false, "{}\n{}", error, toml),
            }
        }
    }

    #[test]
    fn the_built_in_line_up_is_written_as_it_is() {
        let line_up = LineUp::built_in();
        let written = line_up.to_toml();
        assert_eq!(LineUp::parse(&written), Ok(line_up));
        // Comments, empty lines and underscores in numbers are for people.
        let lines = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            let plain = |line: &str| match line.strip_prefix("bytes = ") {
                Some(number) => format!("bytes = {}", number.replace('_', "")),
                None => line.to_string(),
            };
            lines.map(plain).collect()
        };
        let (written, by_hand) = (lines(&written), lines(include_str!("../../line-up.toml")));
        for (written, by_hand) in written.iter().zip(&by_hand) {
            assert_eq!(written, by_hand);
        }
        assert_eq!(written.len(), by_hand.len());
    }
}
