//! Subtitles: SubRip and WebVTT text in, what is said at a position out. Never fetches anything, and
//! never fails over a part of a file: what cannot be read is left out.
//!
//! The two formats are one to this reader: a line with `-->` between two times, then text up to an
//! empty line. Most `.srt` files on archive.org were made by hand or by a converter, and no two
//! agree: numbers are missing, commas are points, empty lines are forgotten. Crates for them are
//! strict, or read one of the two; so here are a hundred lines of our own.

use encoding_rs::{Encoding, WINDOWS_1252};
use testcard_core::time::MediaTime;

/// The longest file read: forty times that of a long film with much talk.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most cues kept: ten times those of a long film with much talk.
const CUES_MAX: usize = 20_000;
/// The longest text of a cue in characters. What a person can read while it is there is a tenth.
const CHARS_MAX: usize = 1_000;

/// The longest piece of markup. What seems to be longer is text.
const MARKUP_BYTES_MAX: usize = 256;
/// The most lines shown at once, of all that is said at the same time.
const LINES_MAX: usize = 4;

/// What is said when.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subtitles {
    /// In the order of their starts.
    cues: Vec<Cue>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Cue {
    starts: MediaTime,
    /// The first moment after it.
    ends: MediaTime,
    /// Lines with something in them, without markup.
    lines: Vec<String>,
}

impl Subtitles {
    /// Reads a file of either format. One that is neither has no cues.
    ///
    /// A byte-order mark says which encoding it is in. Without one it is UTF-8 or, where it is not,
    /// Windows-1252: what SubRip wrote on most machines.
    pub fn parse(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(BYTES_MAX)];
        let text = match (Encoding::for_bom(bytes), std::str::from_utf8(bytes)) {
            (Some((encoding, _)), _) => encoding.decode(bytes).0,
            (None, Ok(text)) => text.into(),
            (None, Err(_)) => WINDOWS_1252.decode(bytes).0,
        };
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut cues = Vec::new();
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let Some((starts, ends)) = timing(line) else { continue };
            let mut said = String::new();
            while let Some(line) = lines.next_if(|line| is_text(line)) {
                // The number of the next cue, with no empty line before it.
                let is_number = line.trim().bytes().all(|byte| byte.is_ascii_digit());
                if is_number && lines.peek().is_some_and(|next| next.contains("-->")) {
                    break;
                }
                said.push_str(line);
                said.push('\n');
            }
            let lines = shown(&said);
            if !lines.is_empty() && cues.len() < CUES_MAX {
                cues.push(Cue { starts, ends, lines });
            }
        }
        cues.sort_by_key(|cue| cue.starts);
        Self { cues }
    }

    /// Whether nothing is ever said.
    pub fn is_empty(&self) -> bool {
        self.cues.is_empty()
    }

    /// What is said at that position of the film, lines ended by `\n` but for the last.
    pub fn at(&self, position: MediaTime) -> Option<String> {
        let begun = self.cues.partition_point(|cue| cue.starts <= position);
        let said = self.cues[..begun].iter().filter(|cue| position < cue.ends);
        let lines: Vec<&str> = said.flat_map(|cue| &cue.lines).map(String::as_str).collect();
        // Of too many the latest.
        let first = lines.len().saturating_sub(LINES_MAX);
        (!lines.is_empty()).then(|| lines[first..].join("\n"))
    }
}

/// Whether a line belongs to the text of a cue.
fn is_text(line: &str) -> bool {
    !line.trim().is_empty() && timing(line).is_none()
}

/// Start and end of a line with both; what a format adds behind is ignored. `None`: it is another
/// line, or the cue ends before it has begun.
fn timing(line: &str) -> Option<(MediaTime, MediaTime)> {
    let (before, after) = line.split_once("-->")?;
    let starts = time(before.split_whitespace().next_back()?)?;
    let ends = time(after.split_whitespace().next()?)?;
    (starts < ends).then_some((starts, ends))
}

/// A time like `01:02:03,456`, `1:02:03.4` or `02:03.456`.
fn time(text: &str) -> Option<MediaTime> {
    let (clock, fraction) = text.split_once([',', '.']).unwrap_or((text, ""));
    let number = |digits: &str| -> Option<i64> {
        let is_number =
            (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let mut seconds = 0;
    let mut parts = 0;
    for part in clock.split(':') {
        // At most 4 digits each: no overflow.
        seconds = seconds * 60 + number(part)?;
        parts += 1;
    }
    if !(2..=3).contains(&parts) {
        return None;
    }
    let digits = fraction.get(..fraction.len().min(3))?;
    let millis = match digits {
        "" => 0,
        digits => number(digits)? * [100, 10, 1].get(digits.len() - 1)?,
    };
    Some(MediaTime::from_millis(seconds * 1000 + millis))
}

/// The lines of a cue as they are shown: without tags, the codes of other formats and the names of
/// characters.
fn shown(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text;
    // Four bytes are the most that a character takes.
    while plain.len() < CHARS_MAX * 4
        && let Some(at) = rest.find(['<', '{', '&'])
    {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        match markup(rest) {
            Some((length, instead)) => {
                plain.push_str(instead);
                rest = &rest[length..];
            }
            None => {
                plain.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    let plain: String = plain.chars().take(CHARS_MAX).collect();
    let lines = plain.split('\n').map(|line| {
        let visible: String = line.chars().filter(|c| !c.is_control()).collect();
        visible.trim().to_string()
    });
    lines.filter(|line| !line.is_empty()).collect()
}

/// The markup that a text starts with: how many bytes it has, and what stands in its place.
fn markup(text: &str) -> Option<(usize, &'static str)> {
    const CHARACTERS: [(&str, &str); 8] = [
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", "\u{a0}"),
        ("&lrm;", "\u{200e}"),
        ("&rlm;", "\u{200f}"),
    ];
    let up_to = |end: u8| {
        let at = text.bytes().take(MARKUP_BYTES_MAX).position(|byte| byte == end)?;
        Some((at + 1, ""))
    };
    let second = text[1..].chars().next();
    match text.as_bytes().first()? {
        // `<i>`, `</font>`, `<c.loud>`, and `<00:01.000>` for karaoke; "1 < 2" is none.
        b'<' if second.is_some_and(|c| c == '/' || c.is_ascii_alphanumeric()) => up_to(b'>'),
        // `{\an8}` of SubStation Alpha, which puts a line at the top.
        b'{' if second == Some('\\') => up_to(b'}'),
        b'&' => {
            let named = CHARACTERS.into_iter().find(|(name, _)| text.starts_with(name));
            named.map(|(name, character)| (name.len(), character))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is said at these seconds, a line each.
    fn said(file: &[u8], seconds: &[f64]) -> Vec<String> {
        let subtitles = Subtitles::parse(file);
        let at = |s: &f64| subtitles.at(MediaTime::from_micros((s * 1e6) as i64));
        seconds.iter().map(|s| at(s).unwrap_or_default()).collect()
    }

    #[test]
    fn what_looks_like_markup_without_an_end_is_text() {
        let long = format!("<{}>", "a".repeat(MARKUP_BYTES_MAX));
        assert_eq!(shown("<i>Who?</i> <b"), ["Who? <b"]);
        assert_eq!(shown(&long), [long.as_str()]);
        // Quadratic, this would take minutes.
        assert_eq!(shown(&"<a".repeat(2_000_000)), ["<a".repeat(CHARS_MAX / 2)]);
    }

    #[test]
    fn subrip_is_read() {
        let file = b"1\r\n00:00:01,500 --> 00:00:03,000\r\nWho is there?\r\nIt is late.\r\n\r\n\
            2\r\n00:01:00,000 --> 01:00:00,000\r\nNobody.\r\n";
        assert_eq!(
            said(file, &[1.4, 1.5, 2.999, 3.0, 60.0, 3599.0, 3600.0]),
            [
                "",
                "Who is there?\nIt is late.",
                "Who is there?\nIt is late.",
                "",
                "Nobody.",
                "Nobody.",
                ""
            ]
        );
    }

    #[test]
    fn webvtt_is_read() {
        let file = "\u{feff}WEBVTT - A film\n\nSTYLE\n::cue { color: red }\n\nNOTE from me\n\n\
            intro\n00:01.000 --> 00:02.000 align:start line:0\n<v Ann><i>Hello</i> &amp; <b>hi</b>\n\n\
            00:00:02.000 --> 00:00:03.000\nGood<00:00:02.500> bye\n";
        assert_eq!(said(file.as_bytes(), &[1.0, 2.0]), ["Hello & hi", "Good bye"]);
    }

    #[test]
    fn what_is_said_at_once_is_shown_at_once_and_no_more_than_there_is_room_for() {
        let file = b"00:01.000 --> 00:09.000\none\n\n00:03.000 --> 00:04.000\ntwo\n\n\
            00:03.000 --> 00:05.000\nthree\nfour\nfive\n";
        assert_eq!(
            said(file, &[2.0, 3.5, 4.5, 6.0]),
            ["one", "two\nthree\nfour\nfive", "one\nthree\nfour\nfive", "one"]
        );
    }

    #[test]
    fn files_are_read_in_the_encodings_that_people_have() {
        let line = "1\n00:00:01,000 --> 00:00:02,000\nÇa va, Zoë – 5 €?\n";
        let utf_16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            mark.into_iter().chain(line.encode_utf16().flat_map(bytes)).collect::<Vec<u8>>()
        };
        for file in [
            line.as_bytes().to_vec(),
            ["\u{feff}", line].concat().into_bytes(),
            WINDOWS_1252.encode(line).0.into_owned(),
            utf_16([0xff, 0xfe], u16::to_le_bytes),
            utf_16([0xfe, 0xff], u16::to_be_bytes),
        ] {
            assert_eq!(said(&file, &[1.0]), ["Ça va, Zoë – 5 €?"]);
        }
    }

    #[test]
    fn sloppy_files_are_read_as_they_were_meant() {
        // No numbers, no empty lines, points for commas, no hours, no spaces, old Macs, SSA's codes.
        let file = b"0:00:01.5-->0:00:02.25\rone\r2\r00:00:03,000  -->  00:00:04,000 X1:1 X2:2\r\
            {\\an8}two\r3\r00:05 --> 00:06\r1984\r";
        assert_eq!(said(file, &[1.5, 2.24, 2.25, 3.0, 5.5]), ["one", "one", "", "two", "1984"]);
    }

    #[test]
    fn what_is_no_markup_is_left_alone() {
        let file = b"00:01.000 --> 00:02.000\n1 < 2 > {x} & I <3 you &nosuch;\n<unclosed\n";
        assert_eq!(said(file, &[1.0]), ["1 < 2 > {x} & I <3 you &nosuch;\n<unclosed"]);
    }

    #[test]
    fn cues_that_make_no_sense_are_left_out() {
        let file = b"00:02.000 --> 00:01.000\nbackwards\n\n00:01.000 --> 00:01.000\nnever\n\n\
            99999:00:00,000 --> 99999:00:01,000\nlate\n\n--> 00:02.000\nhalf\n\n\
            00:01.000 --> 00:02.000\n<i></i>\n\n00:01.000 --> 00:02.000\nsense\n";
        assert_eq!(said(file, &[1.0]), ["sense"]);
        assert!(Subtitles::parse(b"<!DOCTYPE html><p>404 --> not found").is_empty());
        assert!(Subtitles::parse(b"").is_empty());
    }

    #[test]
    fn a_file_made_to_cost_memory_costs_little() {
        let one = "00:00.000 --> 99:59.000\n".to_string() + &"x".repeat(2 * CHARS_MAX) + "\n\n";
        let subtitles = Subtitles::parse(one.repeat(3000).as_bytes());
        assert!(subtitles.cues.len() < BYTES_MAX / one.len() + 2);
        assert!(subtitles.cues.iter().all(|cue| cue.lines[0].chars().count() <= CHARS_MAX));
        let many = "0:0 --> 0:1\nx\n\n".repeat(CUES_MAX * 2);
        assert_eq!(Subtitles::parse(many.as_bytes()).cues.len(), CUES_MAX);
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(bytes: Vec<u8>) {
            Subtitles::parse(&bytes).at(MediaTime::ZERO);
        }

        #[test]
        fn anything_like_subtitles_is_read_to_lines_in_order(
            text in "([0-9]{0,3}\n?[0-9:.,]{0,9}( ?--> ?)[0-9:.,]{0,9}[\r\n]{1,3}[<{&/}a-z>;é\\\\]{0,9}[\r\n]{0,3}){0,9}",
            millis in 0i64..100_000,
        ) {
            let subtitles = Subtitles::parse(text.as_bytes());
            prop_assert!(subtitles.cues.is_sorted_by_key(|cue| cue.starts));
            if let Some(said) = subtitles.at(MediaTime::from_millis(millis)) {
                prop_assert!(said.lines().count() <= LINES_MAX && !said.trim().is_empty());
            }
        }
    }
}
