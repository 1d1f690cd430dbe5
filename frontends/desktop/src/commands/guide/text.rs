//! The guide for people: channel after channel, a line for each film, in local time.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use testcard_core::guide::Hours;
use testcard_core::time::UnixMillis;

use crate::local_time::clock;

use super::Listing;

pub fn write(
    listing: &Listing,
    zone: &TimeZone,
    hours: Hours,
    out: &mut impl Write,
) -> io::Result<()> {
    for (nth, (index, channel)) in listing.channels().enumerate() {
        if nth > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{:>3}  {}", channel.number, channel.name)?;
        let mut day = None;
        for listed in listing.on(index, channel).filter(|listed| !listed.is_filler) {
            let starts = local(listed.airing.starts, zone);
            let date = starts.as_ref().map(Zoned::date);
            // Only a listing that goes past midnight needs to say where.
            if day.replace(date).is_some_and(|day| day != date)
                && let Some(starts) = &starts
            {
                writeln!(out, "     {}", starts.strftime("%A, %-d %B"))?;
            }
            let clock = clock(listed.airing.starts, zone, hours);
            writeln!(out, "     {clock}  {}", listed.title())?;
        }
    }
    Ok(())
}

/// `None` beyond the year 9999.
fn local(at: UnixMillis, zone: &TimeZone) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LINE_UP, with_listing};
    use super::*;

    #[test]
    fn people_read_local_time_and_where_a_day_begins() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let text = with_listing(LINE_UP, 4, |listing| {
            let mut out = Vec::new();
            write(listing, &zone, Hours::TwentyFour, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        });
        assert_eq!(
            text,
            "  1  Films & \"more\"
     21:00  Häxan <tinted> & \"subtitled\" (1922)
     23:00  Häxan <tinted> & \"subtitled\" (1922)
     Saturday, 21 November
     01:00  Häxan <tinted> & \"subtitled\" (1922)

 22  Radio
     21:00  A Concert
     22:00  A Concert
     23:00  A Concert
     Saturday, 21 November
     00:00  A Concert
     01:00  A Concert
"
        );
    }
}
