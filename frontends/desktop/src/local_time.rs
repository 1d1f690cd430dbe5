//! Local time for the guide: what this machine's time zone does around a moment, and how people
//! here write the time of day. Only asks; the guide computes.

use std::env;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pure_rust_locales::{Locale, locale_match};
use testcard_core::guide::{Hours, Zone};
use testcard_core::time::UnixMillis;

/// How far around a moment the zone is known: more than twice as far as the guide goes.
const AROUND: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Changes of a zone that are taken note of. In sixty days there are two, or four where daylight
/// saving time rests for Ramadan.
const CHANGES_MAX: usize = 16;

/// What `zone` does in the thirty days before and after a moment.
pub fn zone_around(wall: UnixMillis, zone: &TimeZone) -> Zone {
    let Ok(now) = Timestamp::from_millisecond(wall.0) else { return Zone::fixed(0) };
    let from = now.checked_sub(AROUND).unwrap_or(Timestamp::MIN);
    let to = now.checked_add(AROUND).unwrap_or(Timestamp::MAX);
    let changes = zone
        .following(from)
        .map(|change| (change.timestamp(), change.offset().seconds() / 60))
        .take_while(|(at, _)| *at <= to)
        .take(CHANGES_MAX)
        .map(|(at, minutes)| (UnixMillis(at.as_millisecond()), minutes));
    Zone::new(zone.to_offset(from).seconds() / 60, changes.collect())
}

/// How people write the time of day where this person is, by the first of `LC_ALL`, `LC_TIME` and
/// `LANG` that says anything (POSIX.1-2017, Base Definitions §8.2).
pub fn hours_here() -> Hours {
    let said = ["LC_ALL", "LC_TIME", "LANG"].into_iter().filter_map(|name| env::var(name).ok());
    said.into_iter().find(|locale| !locale.is_empty()).map_or(Hours::default(), |l| hours_in(&l))
}

/// The same in a locale by its name, `en_US.UTF-8`; 24 hours in one that nobody knows.
fn hours_in(locale: &str) -> Hours {
    let modifier = locale.split_once('@').map(|(_, modifier)| modifier);
    let name = locale.split(['.', '@']).next().unwrap_or_default();
    let with_modifier = modifier.and_then(|m| Locale::try_from(&*format!("{name}@{m}")).ok());
    let Some(locale) = with_modifier.or_else(|| Locale::try_from(name).ok()) else {
        return Hours::TwentyFour;
    };
    let format: &str = locale_match!(locale => LC_TIME::T_FMT);
    // The hour from 1 to 12, with and without a leading zero, and the whole time with it.
    match ["%I", "%l", "%r"].iter().any(|twelve| format.contains(twelve)) {
        true => Hours::Twelve,
        false => Hours::TwentyFour,
    }
}

/// The time of day in `zone`, as wide as any other in the same form: "20:42", " 8:42 PM".
pub fn clock(at: UnixMillis, zone: &TimeZone, hours: Hours) -> String {
    let form = match hours {
        Hours::TwentyFour => "%H:%M",
        Hours::Twelve => "%_I:%M %p",
    };
    match Timestamp::from_millisecond(at.0) {
        Ok(time) => time.to_zoned(zone.clone()).strftime(form).to_string(),
        // Beyond the year 9999.
        Err(_) => "--:--".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str, at: &str) -> (Zone, UnixMillis) {
        let at: Timestamp = at.parse().expect("a time");
        let wall = UnixMillis(at.as_millisecond());
        (zone_around(wall, &TimeZone::get(name).expect("a zone")), wall)
    }

    #[test]
    fn a_change_to_daylight_saving_time_is_known_before_and_after_it() {
        // Berlin: 2026-03-29T01:00Z and 2026-10-25T01:00Z.
        for at in ["2026-03-20T12:00:00Z", "2026-04-10T12:00:00Z"] {
            let (zone, _) = zone("Europe/Berlin", at);
            let change: Timestamp = "2026-03-29T01:00:00Z".parse().expect("a time");
            let change = UnixMillis(change.as_millisecond());
            assert_eq!(zone.offset_minutes(change.plus_millis(-1)), 60, "{at}");
            assert_eq!(zone.offset_minutes(change), 120, "{at}");
        }
    }

    #[test]
    fn zones_without_changes_and_with_odd_offsets_are_what_they_are() {
        for (name, minutes) in [("UTC", 0), ("Asia/Kathmandu", 345), ("Pacific/Marquesas", -570)] {
            let (zone, wall) = zone(name, "2026-11-21T19:00:00Z");
            assert_eq!(zone, Zone::fixed(minutes), "{name}");
            assert_eq!(zone.offset_minutes(wall), minutes);
        }
    }

    #[test]
    fn times_beyond_any_calendar_have_a_zone_all_the_same() {
        for wall in [i64::MIN, i64::MAX, 253_402_207_200_000] {
            zone_around(UnixMillis(wall), &TimeZone::get("Europe/Berlin").expect("a zone"));
        }
    }

    #[test]
    fn the_time_of_day_is_written_as_people_there_do() {
        for twelve in ["en_US.UTF-8", "en_US", "en_CA.utf8", "hi_IN", "ar_EG.UTF-8"] {
            assert_eq!(hours_in(twelve), Hours::Twelve, "{twelve}");
        }
        for other in ["de_DE@euro", "de_DE.UTF-8", "en_GB.UTF-8", "ja_JP", "C", "C.UTF-8", "", "xx"]
        {
            assert_eq!(hours_in(other), Hours::TwentyFour, "{other}");
        }
    }
}
