//! Words on a canvas: one line from left to right, kerned, cut short with an ellipsis where it is
//! too wide, or several lines broken at spaces. There is no shaping for scripts that need it, and a
//! character without a glyph shows as a box. Nothing here allocates.
//!
//! Words always stand on a ground of one colour, which their caller names: so a letter's edge is
//! looked up among sixteen shades, without reading the canvas back and without multiplying.

use testcard_core::guide::Rect;

use crate::canvas::{Canvas, Colour};
use crate::font::{Face, Letter, compose};

const ELLIPSIS: &str = "…";

/// How words look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub face: &'static Face,
    /// Whether all digits are equally wide, so that a running clock stands still.
    pub tabular: bool,
    /// Extra space after each character, in 1/64 pixel.
    pub tracking: i32,
    pub align: Align,
    pub ink: Colour,
    /// What is behind the words already.
    pub ground: Colour,
}

/// Where a line stands in the rectangle that it is given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

/// Where the lines of a paragraph stand together in the rectangle that they are given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stand {
    Top,
    Middle,
    Bottom,
}

/// From one line to the next in a paragraph, in pixels.
pub(crate) fn line_height(face: &Face) -> i32 {
    face.px * 125 / 100
}

/// How wide a line is, in whole pixels.
pub(crate) fn width(text: &str, style: Style) -> i32 {
    (advance(text, style) + 63) >> 6
}

/// Draws a line with its capitals half way up `rect`, cut short with an ellipsis when it is wider.
pub(crate) fn line(canvas: &mut Canvas<'_>, text: &str, rect: Rect, style: Style) {
    let kept = fit(text, style, rect.width);
    let end = if kept.len() < text.len() { ELLIPSIS } else { "" };
    let length = advance(kept, style) + advance(end, style);
    let slack = (rect.width * 64 - length).max(0);
    let x = rect.x * 64
        + match style.align {
            Align::Left => 0,
            Align::Centre => slack / 2,
            Align::Right => slack,
        };
    let base_line = rect.y + (rect.height + style.face.cap_height + 1) / 2;
    let shades = style.ground.ramp(style.ink);
    let mut seam = i32::MIN;
    let after = x + advance(kept, style);
    for (text, x) in [(kept, x), (end, after)] {
        for (letter, at) in Letters::of(text, style) {
            seam = draw_letter(canvas, style.face, letter, x + at, base_line, &shades, seam);
        }
    }
    #[cfg(test)]
    canvas.lines.push(crate::tests::Line {
        words: text.into(),
        painted: painted(kept, style, x, base_line),
        place: rect,
        is_cut: !end.is_empty(),
    });
}

/// The pixels that a line's letters cover.
#[cfg(test)]
fn painted(text: &str, style: Style, x: i32, base_line: i32) -> Rect {
    let boxes = Letters::of(text, style).filter_map(|(letter, at)| {
        let (glyph, _) = style.face.glyph(letter, 0)?;
        let (left, top) = (i32::from(glyph.left), i32::from(glyph.top));
        let (x, y) = (((x + at) >> 6) + left, base_line + top);
        Some(Rect { x, y, width: glyph.width.into(), height: glyph.height.into() })
    });
    let boxes = boxes.filter(|rect| rect.width > 0);
    let around = boxes.reduce(|a, b| {
        let (x, y) = (a.x.min(b.x), a.y.min(b.y));
        let right = (a.x + a.width).max(b.x + b.width);
        let bottom = (a.y + a.height).max(b.y + b.height);
        Rect { x, y, width: right - x, height: bottom - y }
    });
    around.unwrap_or_default()
}

/// Draws text in as many lines as `rect` has room for.
pub(crate) fn paragraph(
    canvas: &mut Canvas<'_>,
    text: &str,
    rect: Rect,
    stand: Stand,
    style: Style,
) {
    let height = line_height(style.face);
    let count_max = usize::try_from(rect.height / height.max(1)).unwrap_or(0).max(1);
    let mut lines = Lines { rest: text, style, width: rect.width };
    let count = lines.clone().take(count_max).count();
    let drawn = i32::try_from(count).unwrap_or(1) * height;
    let above = match stand {
        Stand::Top => 0,
        Stand::Middle => (rect.height - drawn) / 2,
        Stand::Bottom => rect.height - drawn,
    };
    let mut place = Rect { y: rect.y + above, height, ..rect };
    for left in (0..count).rev() {
        let all = lines.rest;
        let Some(words) = lines.next() else { break };
        // What is left over goes into the last line, to be cut there.
        line(canvas, if left == 0 { all.trim() } else { words }, place, style);
        place.y += height;
    }
}

/// How many lines a text takes in this width.
pub(crate) fn line_count(text: &str, style: Style, width: i32) -> i32 {
    i32::try_from(Lines { rest: text, style, width }.count()).unwrap_or(i32::MAX)
}

/// The text itself, or as much of it as fits with an ellipsis after it.
fn fit(text: &str, style: Style, width: i32) -> &str {
    let room = width * 64;
    if advance(text, style) <= room {
        return text;
    }
    let room = room - advance(ELLIPSIS, style);
    let mut kept = 0;
    for (end, x) in ends(text, style) {
        if x > room {
            break;
        }
        let before = text.get(..end).unwrap_or_default();
        if !before.ends_with(|c: char| c.is_whitespace() || ",.:;–-(".contains(c)) {
            kept = end;
        }
    }
    text.get(..kept).unwrap_or_default()
}

/// Text broken into lines at spaces, and within words that are wider than a line.
#[derive(Clone)]
struct Lines<'a> {
    rest: &'a str,
    style: Style,
    width: i32,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start_matches(may_break);
        if text.is_empty() {
            return None;
        }
        let room = self.width * 64;
        let (mut in_word, mut at_space) = (0, None);
        let mut end = text.len();
        for (to, x) in ends(text, self.style) {
            if x > room {
                end = at_space.unwrap_or(in_word);
                break;
            }
            in_word = to;
            if text.get(to..).is_some_and(|rest| rest.starts_with(may_break)) {
                at_space = Some(to);
            }
        }
        // At least one character, or this would never end.
        let first = text.chars().next().map_or(0, char::len_utf8);
        let (line, rest) = text.split_at_checked(end.max(first)).unwrap_or((text, ""));
        self.rest = rest;
        Some(line.trim_end_matches(may_break))
    }
}

fn may_break(c: char) -> bool {
    c.is_whitespace() && c != '\u{a0}'
}

/// How far the pen moves, in 1/64 pixel.
fn advance(text: &str, style: Style) -> i32 {
    let mut letters = Letters::of(text, style);
    letters.by_ref().for_each(drop);
    (letters.x - style.tracking).max(0)
}

/// Where text can be cut: after each letter with all its accents, and how wide it is up to there.
fn ends(text: &str, style: Style) -> impl Iterator<Item = (usize, i32)> {
    let mut letters = Letters::of(text, style);
    core::iter::from_fn(move || {
        letters.next()?;
        Some((text.len() - letters.chars.as_str().len(), letters.x - style.tracking))
    })
}

/// The letters of a line and where each starts, in 1/64 pixel from the start of the line.
struct Letters<'a> {
    chars: core::str::Chars<'a>,
    style: Style,
    x: i32,
    last: Option<Letter>,
}

impl<'a> Letters<'a> {
    fn of(text: &'a str, style: Style) -> Self {
        Self { chars: text.chars(), style, x: 0, last: None }
    }

    /// The next character that takes room, with the accents after it. File systems of Apple's take
    /// letters and accents apart, and so do names made from them.
    fn next_char(&mut self) -> Option<char> {
        let mut c = self.chars.by_ref().find(|c| !is_invisible(*c))?;
        loop {
            let mut ahead = self.chars.clone();
            match ahead.next() {
                Some(mark) if is_invisible(mark) => {}
                Some(accent) => match compose(c, accent) {
                    Some(whole) => c = whole,
                    None => break,
                },
                None => break,
            }
            self.chars = ahead;
        }
        Some(if c.is_whitespace() || c.is_control() { ' ' } else { c })
    }
}

impl Iterator for Letters<'_> {
    type Item = (Letter, i32);

    fn next(&mut self) -> Option<(Letter, i32)> {
        let c = self.next_char()?;
        let Style { face, tabular, tracking, .. } = self.style;
        let letter = Letter::of(c);
        let mut advance = face.advance(letter);
        let at = if tabular && c.is_ascii_digit() {
            let slack = face.digit_advance() - advance;
            advance = face.digit_advance();
            self.last = None;
            self.x + slack / 2
        } else {
            self.x += self.last.map_or(0, |last| face.kern(last, letter));
            self.last = Some(letter);
            self.x
        };
        self.x += advance + tracking;
        Some((letter, at))
    }
}

/// Draws a letter that starts `x` sixty-fourths of a pixel from the left edge, and says where it
/// ends, in pixels.
fn draw_letter(
    canvas: &mut Canvas<'_>,
    face: &'static Face,
    letter: Letter,
    x: i32,
    base_line: i32,
    shades: &[u32; 16],
    seam: i32,
) -> i32 {
    let steps = (x * face.starts + 32) >> 6;
    let (column, start) = (steps.div_euclid(face.starts), steps.rem_euclid(face.starts));
    let Some((glyph, rows)) = face.glyph(letter, start) else { return seam };
    let (left, top) = (column + i32::from(glyph.left), base_line + i32::from(glyph.top));
    for (y, row) in (top..).zip(rows) {
        canvas.letter_row(left, y, row, shades, seam);
    }
    seam.max(left + i32::from(glyph.width))
}

/// Characters that take no room: joiners, marks of direction, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::font::{BODY, LARGE, STRONG, TITLE};

    const STYLE: Style = Style {
        face: &BODY,
        tabular: false,
        tracking: 0,
        align: Align::Left,
        ink: Colour::rgb(0xffffff),
        ground: Colour::rgb(0),
    };

    fn lines(text: &str, width: i32) -> Vec<&str> {
        Lines { rest: text, style: STYLE, width }.collect()
    }

    #[test]
    fn text_that_fits_stays_and_text_that_does_not_leaves_room_for_an_ellipsis() {
        let title = "Charlie Chaplin . The Cure (1917 Classic Comedy Silent Short)";
        let whole = width(title, STYLE);
        assert_eq!(fit(title, STYLE, whole), title);
        for narrower in [whole - 1, whole / 2, 60, 24] {
            let kept = fit(title, STYLE, narrower);
            assert!(!kept.is_empty() && kept.len() < title.len());
            assert!(width(kept, STYLE) + width(ELLIPSIS, STYLE) <= narrower + 1, "{kept}");
        }
        assert_eq!(fit(title, STYLE, 3), "");
    }

    #[test]
    fn an_ellipsis_comes_after_a_word_and_not_after_a_space_or_comma() {
        let title = "Bed, breakfast, and everything else";
        for room in 20..width(title, STYLE) {
            let kept = fit(title, STYLE, room);
            assert!(!kept.ends_with([' ', ',']), "{kept}");
        }
    }

    #[test]
    fn text_is_cut_between_characters_and_not_between_a_letter_and_its_accent() {
        let title = "Me\u{301}lie\u{300}s Ĳ ‘日本’ Потёмкин";
        for room in 0..width(title, STYLE) {
            let kept = fit(title, STYLE, room);
            let next = title[kept.len()..].chars().next();
            assert!(!matches!(next, Some('\u{301}' | '\u{300}')), "{kept}");
        }
    }

    #[test]
    fn tabular_digits_are_equally_wide_and_others_are_not() {
        let tabular = Style { tabular: true, ..STYLE };
        assert_eq!(width("11:11", tabular), width("20:48", tabular));
        assert!(width("11:11", STYLE) < width("20:48", STYLE));
    }

    #[test]
    fn letters_are_kerned() {
        for face in [&BODY, &STRONG, &TITLE, &LARGE] {
            let style = Style { face, ..STYLE };
            assert!(advance("To", style) < advance("T", style) + advance("o", style));
        }
    }

    #[test]
    fn lines_break_at_spaces_and_lose_nothing() {
        let reason = "The archive answered 404: this film is not there.";
        let narrow = width("The archive answered", STYLE);
        assert_eq!(
            lines(reason, narrow),
            ["The archive answered", "404: this film is not", "there."]
        );
        assert_eq!(lines("", narrow), Vec::<&str>::new());
        assert_eq!(lines("  12\u{a0}s  ", narrow), ["12\u{a0}s"]);
    }

    #[test]
    fn a_word_wider_than_a_line_is_broken_within() {
        let host = "subdomain".repeat(20);
        let broken = lines(&host, 100);
        assert!(broken.len() > 5);
        assert!(broken.iter().all(|line| width(line, STYLE) <= 100));
        assert_eq!(broken.concat(), host);
        assert_eq!(lines("WWW", 1), ["W", "W", "W"]);
    }

    #[test]
    fn accents_greek_and_cyrillic_are_in_the_font_and_the_rest_shows_as_a_box() {
        for c in "Amélie Œuvre Łódź Ěščř Çağ ΑΘΗΝΑ αθήνα Броненосец Ёж Ґ “”‘’–—…·€№→✓".chars()
        {
            assert!(!Letter::of(c).is_missing(), "{c}");
        }
        for c in ['東', '\u{1f3a5}'] {
            assert!(Letter::of(c).is_missing());
            let mut pixels = [0; 20 * 20];
            let mut canvas = Canvas::new(&mut pixels, 20, 20, 20);
            let whole = canvas.whole();
            line(&mut canvas, c.encode_utf8(&mut [0; 4]), whole, STYLE);
            assert!(canvas.written > 20, "{c} is visible");
        }
    }

    #[test]
    fn an_accent_given_as_a_character_of_its_own_joins_its_letter() {
        let letters = |text| Letters::of(text, STYLE).collect::<Vec<_>>();
        assert_eq!(letters("Ame\u{301}lie"), letters("Amélie"));
    }

    #[test]
    fn marks_without_width_leave_no_trace() {
        assert_eq!(width("a\u{200b}b\u{feff}", STYLE), width("ab", STYLE));
    }

    #[test]
    fn every_letter_lies_within_the_line_that_it_is_on() {
        for face in [&BODY, &STRONG, &TITLE, &LARGE] {
            for c in "ÅÉgjpqy|()Ţß".chars() {
                let (glyph, rows) = face.glyph(Letter::of(c), 0).expect("it has a picture");
                assert_eq!(rows.count(), usize::from(glyph.height));
                assert!(i32::from(glyph.height) <= line_height(face) + 1, "{c}: {glyph:?}");
            }
        }
    }
}
