//! The guide as extended M3U. Of the attributes, `tvg-id` ties a channel to its XMLTV listing;
//! Kodi's and Jellyfin's readers take these, and every other player skips what it does not know.
//!
//! An address is a film's: a player starts it at its beginning, and knows nothing of what follows.

use std::fmt;
use std::io::{self, Write};

use super::xmltv::channel_id;
use super::{Listing, is_sound};

/// One entry a channel: the film on air, or the next one while there is none.
pub fn write_channels(listing: &Listing, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "#EXTM3U")?;
    for (index, channel) in listing.channels() {
        let films = listing.on(index, channel);
        let Some(on_air) = films.take(WITHIN).find(|listed| !listed.is_filler) else { continue };
        let name = Line(&channel.name);
        let radio = if is_sound(on_air.programme) { " radio=\"true\"" } else { "" };
        writeln!(
            out,
            "#EXTINF:-1 tvg-id=\"{}\" tvg-chno=\"{}\" tvg-name=\"{}\" \
             group-title=\"Testcard\"{radio},{name}",
            channel_id(&channel.id),
            channel.number,
            Value(&channel.name),
        )?;
        writeln!(out, "{}", listing.address(on_air.programme))?;
    }
    Ok(())
}

/// More fillers than a gap can have.
const WITHIN: usize = 2 * testcard_core::line_up::Channel::FILLERS_MAX + 2;

/// One entry a film, from the one on air on.
pub fn write_programmes(listing: &Listing, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "#EXTM3U")?;
    for (index, channel) in listing.channels() {
        writeln!(out, "#PLAYLIST:{}", Line(&channel.name))?;
        for listed in listing.on(index, channel) {
            let seconds = listed.programme.duration_ms.div_ceil(1000);
            let title = listed.title();
            writeln!(out, "#EXTINF:{seconds},{}", Line(&title))?;
            let begun_s = listed.airing.position(listing.from).as_micros() / 1_000_000;
            if begun_s > 0 {
                // VLC joins the film there; others start it at its beginning.
                writeln!(out, "#EXTVLCOPT:start-time={begun_s}")?;
            }
            writeln!(out, "{}", listing.address(listed.programme))?;
        }
    }
    Ok(())
}

/// The rest of a line.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().filter(|c| !c.is_control()).try_for_each(|c| write!(f, "{c}"))
    }
}

/// What stands in quotes. The format has no way to write one there.
struct Value<'a>(&'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Line(&self.0.replace('"', "'")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LINE_UP, with_listing};
    use super::*;

    fn written(write: impl FnOnce(&Listing, &mut Vec<u8>) -> io::Result<()>) -> String {
        with_listing(LINE_UP, 2, |listing| {
            let mut out = Vec::new();
            write(listing, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn a_channel_is_the_film_on_air() {
        assert_eq!(
            written(write_channels),
            "#EXTM3U
#EXTINF:-1 tvg-id=\"films.testcard\" tvg-chno=\"1\" tvg-name=\"Films & 'more'\" \
             group-title=\"Testcard\",Films & \"more\"
https://archive.org/download/Haxan/sub%20folder/H%C3%A4xan%20%231.mp4
#EXTINF:-1 tvg-id=\"radio.testcard\" tvg-chno=\"22\" tvg-name=\"Radio\" \
             group-title=\"Testcard\" radio=\"true\",Radio
https://archive.org/download/concert/concert.mp3
"
        );
    }

    #[test]
    fn a_channels_films_follow_each_other_and_the_first_is_joined() {
        let films = |listing: &Listing, out: &mut Vec<u8>| {
            let channels = vec![0];
            write_programmes(&Listing { channels, ..*listing }, out)
        };
        let text = written(films);
        let film = "https://archive.org/download/Haxan/sub%20folder/H%C3%A4xan%20%231.mp4";
        let title = "#EXTINF:6293,Häxan <tinted> & \"subtitled\" (1922)";
        let ident = "#EXTINF:30,Ident\nhttps://archive.org/download/ident/ident.mp4";
        assert_eq!(
            text,
            format!(
                "#EXTM3U\n#PLAYLIST:Films & \"more\"\n{title}\n#EXTVLCOPT:start-time=2520\n{film}\n\
                 {ident}\n{title}\n{film}\n"
            )
        );
    }
}
