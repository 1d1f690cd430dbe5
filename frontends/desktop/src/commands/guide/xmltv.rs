//! The guide in the XMLTV format, version 0.5 of its DTD: <https://wiki.xmltv.org/>. Times are UTC
//! to the second; a programme ends where what follows it starts.

use std::fmt;
use std::io::{self, Write};

use jiff::Timestamp;
use testcard_core::time::UnixMillis;

use super::{Listed, Listing, is_sound};

pub fn write(listing: &Listing, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<!DOCTYPE tv SYSTEM \"xmltv.dtd\">")?;
    writeln!(
        out,
        "<tv source-info-name=\"Internet Archive\" source-info-url=\"https://archive.org/\" \
         generator-info-name=\"testcard {}\">",
        env!("CARGO_PKG_VERSION")
    )?;
    for (_, channel) in listing.channels() {
        writeln!(out, "  <channel id=\"{}\">", channel_id(&channel.id))?;
        writeln!(out, "    <display-name>{}</display-name>", Line(&channel.name))?;
        writeln!(out, "    <display-name>{}</display-name>", channel.number)?;
        writeln!(out, "  </channel>")?;
    }
    for (index, channel) in listing.channels() {
        for listed in listing.on(index, channel) {
            write_programme(&listed, &channel_id(&channel.id), out)?;
        }
    }
    writeln!(out, "</tv>")
}

/// The elements are in the order that the DTD asks for.
fn write_programme(listed: &Listed, channel: &str, out: &mut impl Write) -> io::Result<()> {
    let programme = listed.programme;
    let (starts, ends) = (second(listed.airing.starts), second(listed.airing.ends));
    let (Some(starts), Some(ends)) = (starts, ends) else { return Ok(()) };
    writeln!(out, "  <programme start=\"{starts}\" stop=\"{ends}\" channel=\"{channel}\">")?;
    // Neither may be empty, whatever is left of it.
    let title = Some(Line(&programme.title).to_string()).filter(|title| !title.is_empty());
    writeln!(out, "    <title>{}</title>", title.as_ref().unwrap_or(&programme.item))?;
    let description = programme.description.as_ref().map(|text| Line(text).to_string());
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        writeln!(out, "    <desc>{description}</desc>")?;
    }
    if let Some(year) = programme.year {
        writeln!(out, "    <date>{year}</date>")?;
    }
    let category = match listed {
        listed if is_sound(listed.programme) => "Radio",
        Listed { is_filler: true, .. } => "Interlude",
        _ => "Film",
    };
    writeln!(out, "    <category lang=\"en\">{category}</category>")?;
    writeln!(
        out,
        "    <length units=\"seconds\">{}</length>",
        programme.duration_ms.div_ceil(1000)
    )?;
    // An identifier needs no escapes.
    writeln!(out, "    <url>https://archive.org/details/{}</url>", programme.item)?;
    writeln!(out, "  </programme>")
}

/// A channel's id as others know it: like a host's name, as the DTD would have it.
pub(super) fn channel_id(id: &str) -> String {
    format!("{id}.testcard")
}

/// `20261120204200 +0000`; `None` beyond the year 9999.
fn second(at: UnixMillis) -> Option<String> {
    let time = Timestamp::from_millisecond(at.0.div_euclid(1000) * 1000).ok()?;
    Some(time.strftime("%Y%m%d%H%M%S +0000").to_string())
}

/// Text of an element: one line, escaped, without what XML 1.0 §2.2 has no place for.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_between =
            |c: char| c.is_whitespace() || c.is_control() || ('\u{fffd}'..='\u{ffff}').contains(&c);
        let words = self.0.split(is_between).filter(|word| !word.is_empty());
        for (nth, word) in words.enumerate() {
            if nth > 0 {
                f.write_str(" ")?;
            }
            for c in word.chars() {
                match c {
                    '&' => f.write_str("&amp;")?,
                    '<' => f.write_str("&lt;")?,
                    '>' => f.write_str("&gt;")?,
                    c => write!(f, "{c}")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LINE_UP, with_listing};
    use super::*;

    #[test]
    fn a_listing_has_channels_then_programmes_with_all_that_is_known() {
        let xml = with_listing(LINE_UP, 1, |listing| {
            let mut out = Vec::new();
            write(listing, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        });
        let version = env!("CARGO_PKG_VERSION");
        let on = |start: &str, stop: &str, channel: &str| {
            format!(
                "  <programme start=\"{start} +0000\" stop=\"{stop} +0000\" \
                 channel=\"{channel}\">"
            )
        };
        let film = on("20261120200000", "20261120214452", "films.testcard");
        let concert = on("20261120200000", "20261120210000", "radio.testcard");
        let another = on("20261120210000", "20261120220000", "radio.testcard");
        assert_eq!(
            xml,
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE tv SYSTEM \"xmltv.dtd\">
<tv source-info-name=\"Internet Archive\" source-info-url=\"https://archive.org/\" \
                 generator-info-name=\"testcard {version}\">
  <channel id=\"films.testcard\">
    <display-name>Films &amp; \"more\"</display-name>
    <display-name>1</display-name>
  </channel>
  <channel id=\"radio.testcard\">
    <display-name>Radio</display-name>
    <display-name>22</display-name>
  </channel>
{film}
    <title>Häxan &lt;tinted&gt; &amp; \"subtitled\"</title>
    <desc>Two lines, and &lt;tags&gt; &amp; a bell .</desc>
    <date>1922</date>
    <category lang=\"en\">Film</category>
    <length units=\"seconds\">6293</length>
    <url>https://archive.org/details/Haxan</url>
  </programme>
{concert}
    <title>A Concert</title>
    <category lang=\"en\">Radio</category>
    <length units=\"seconds\">3600</length>
    <url>https://archive.org/details/concert</url>
  </programme>
{another}
    <title>A Concert</title>
    <category lang=\"en\">Radio</category>
    <length units=\"seconds\">3600</length>
    <url>https://archive.org/details/concert</url>
  </programme>
</tv>
"
            )
        );
    }
}
