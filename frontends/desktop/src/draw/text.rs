//! Text on a canvas: Inter in two weights, kerned, with caches of the lines set and the glyphs drawn
//! so far. It lays out one line from left to right; there is no shaping for scripts that need it,
//! and a character that the font lacks shows as a box.

use std::collections::HashMap;
use std::rc::Rc;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, point};
use icu_normalizer::ComposingNormalizer;
use testcard_core::guide::Rect;

use super::canvas::{Canvas, Colour, Mask};

/// How many glyphs are kept. A screen has some 150 different ones at up to four places between
/// pixels; beyond this the cache starts afresh.
const GLYPHS_MAX: usize = 2048;
/// How many lines and words are kept in each style. The guide has some 60, and scrolls through
/// others.
const LINES_MAX: usize = 1024;
/// Inter's capitals are this high, of 1000 per em (OS/2 sCapHeight: 2048 of 2816).
const CAP_HEIGHT_PERMILLE: i32 = 727;
const ELLIPSIS: char = '…';
/// What a font gives for a character that it lacks, and the width of the box drawn in its place.
const MISSING: GlyphId = GlyphId(0);
const BOX_PERMILLE: i32 = 620;

/// How text looks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Style {
    /// Whether it is semi-bold.
    pub bold: bool,
    /// Size, in pixels per em.
    pub px: i32,
    /// Extra space after each character, in thousandths of an em.
    pub tracking: i32,
    /// Whether all digits are equally wide, so that a running clock stands still.
    pub tabular: bool,
}

/// Where the lines of a paragraph stand together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stand {
    /// At the upper edge.
    Top,
    /// Half way up.
    Middle,
}

/// Where a line stands in the rectangle that it is given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Align {
    /// At the left edge.
    Left,
    /// In the middle.
    Centre,
    /// At the right edge.
    Right,
}

/// Draws text.
pub(super) struct Text {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
    glyphs: HashMap<GlyphKey, Glyph>,
    lines: HashMap<Style, HashMap<String, Rc<Line>>>,
}

/// A line that has been set.
struct Line {
    glyphs: Vec<Placed>,
    width: f32,
}

#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct GlyphKey {
    bold: bool,
    px: i32,
    id: GlyphId,
    /// How far right of a pixel's left edge it starts, in quarters of a pixel.
    quarter: u8,
}

struct Glyph {
    /// From the pen to the left edge, and from the base line down to the top edge.
    left: i32,
    top: i32,
    mask: Mask,
}

/// A glyph's place, in pixels from the start of the line.
type Placed = (GlyphId, f32);

impl Text {
    /// The fonts are part of the program.
    pub fn new() -> Self {
        let font = |bytes: &'static [u8]| {
            FontRef::try_from_slice(bytes).expect("the font is part of this crate, and is sound")
        };
        Self {
            regular: font(include_bytes!("../../fonts/Inter-Regular.otf")),
            bold: font(include_bytes!("../../fonts/Inter-SemiBold.otf")),
            glyphs: HashMap::new(),
            lines: HashMap::new(),
        }
    }

    /// How wide a line is, in pixels.
    pub fn width(&self, text: &str, style: Style) -> i32 {
        self.place(text, style).1.ceil() as i32
    }

    /// Draws a line with its capitals half way up `rect`, cut short with an ellipsis when it is
    /// wider.
    pub fn line(
        &mut self,
        canvas: &mut Canvas,
        text: &str,
        rect: Rect,
        style: Style,
        align: Align,
        colour: Colour,
    ) {
        if !canvas.shows(rect) {
            return;
        }
        let mut line = self.set(text, style);
        if line.width.ceil() as i32 > rect.width {
            line = self.set(&self.fit(text, style, rect.width), style);
        }
        let slack = rect.width as f32 - line.width;
        let x = rect.x as f32
            + match align {
                Align::Left => 0.0,
                Align::Centre => slack / 2.0,
                Align::Right => slack,
            };
        let cap_height = style.px * CAP_HEIGHT_PERMILLE / 1000;
        let base_line = rect.y + (rect.height + cap_height + 1) / 2;
        for (id, at) in &line.glyphs {
            self.glyph(canvas, style, *id, x + at, base_line, colour);
        }
    }

    /// Draws text in as many lines as `rect` has room for.
    pub fn paragraph(
        &mut self,
        canvas: &mut Canvas,
        text: &str,
        rect: Rect,
        style: Style,
        (align, stand): (Align, Stand),
        colour: Colour,
    ) {
        if !canvas.shows(rect) {
            return;
        }
        let line_height = line_height(style.px);
        let lines_max = (rect.height / line_height.max(1)).max(1);
        let lines = self.wrap(text, style, rect.width, lines_max as usize);
        let count = i32::try_from(lines.len()).unwrap_or(1);
        let height = line_height.min(rect.height);
        let top = match stand {
            Stand::Top => rect.y,
            Stand::Middle => rect.y + (rect.height - height * count) / 2,
        };
        for (y, line) in (top..).step_by(height.max(1) as usize).zip(&lines) {
            let rect = Rect { y, height, ..rect };
            self.line(canvas, line, rect, style, align, colour);
        }
    }

    /// Whether text fits into so many lines without being cut.
    pub fn fits(&mut self, text: &str, style: Style, width: i32, lines: usize) -> bool {
        let wrapped = self.wrap(text, style, width, lines);
        wrapped.last().is_none_or(|last| self.width(last, style) <= width)
    }

    /// The line, set now or before.
    fn set(&mut self, text: &str, style: Style) -> Rc<Line> {
        let set = self.lines.get(&style).and_then(|lines| lines.get(text));
        if let Some(line) = set {
            return Rc::clone(line);
        }
        let (glyphs, width) = self.place(text, style);
        let line = Rc::new(Line { glyphs, width });
        let lines = self.lines.entry(style).or_default();
        if lines.len() >= LINES_MAX {
            lines.clear();
        }
        lines.insert(text.to_string(), Rc::clone(&line));
        line
    }

    /// The text itself, or as much of it as fits with an ellipsis after it.
    fn fit(&self, text: &str, style: Style, width: i32) -> String {
        if self.width(text, style) <= width {
            return text.to_string();
        }
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let cut = |end: usize| {
            let kept = text.get(..end).unwrap_or_default();
            let kept = kept.trim_end_matches(|c: char| c.is_whitespace() || ",.:;–-(".contains(c));
            format!("{kept}{ELLIPSIS}")
        };
        let fitting = ends.partition_point(|end| self.width(&cut(*end), style) <= width);
        match fitting.checked_sub(1).and_then(|last| ends.get(last)) {
            Some(end) => cut(*end),
            None => String::new(),
        }
    }

    /// Breaks text into lines at spaces. The last takes one word more than fits when there is more,
    /// so that it is cut.
    pub fn wrap(&mut self, text: &str, style: Style, width: i32, lines_max: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let may_break = |c: char| c.is_whitespace() && c != '\u{a0}';
        let width = width as f32;
        let space = self.set(" ", style).width;
        let mut taken = 0.0;
        for word in text.split(may_break).filter(|word| !word.is_empty()) {
            let word_width = self.set(word, style).width;
            let full = lines.len() >= lines_max;
            match lines.last_mut() {
                Some(line) if full || taken + space + word_width <= width => {
                    line.push(' ');
                    line.push_str(word);
                    taken += space + word_width;
                    if full && taken > width {
                        break;
                    }
                }
                _ => {
                    lines.push(word.to_string());
                    taken = word_width;
                }
            }
        }
        lines
    }

    /// Where each glyph of a line comes, and how wide the line is.
    fn place(&self, text: &str, style: Style) -> (Vec<Placed>, f32) {
        let font = self.font(style.bold);
        let units = font.units_per_em().unwrap_or(1000.0);
        let per_unit = style.px as f32 / units;
        let tracking = style.px as f32 * style.tracking as f32 / 1000.0;
        let digit_width = ('0'..='9')
            .map(|digit| font.h_advance_unscaled(font.glyph_id(digit)))
            .fold(0.0, f32::max);

        let mut placed = Vec::with_capacity(text.len());
        let mut x = 0.0;
        let mut last: Option<GlyphId> = None;
        // File systems of Apple's take letters and accents apart, and so do names made from them.
        let composed = ComposingNormalizer::new_nfc().normalize(text);
        for c in composed.chars().filter(|c| !is_invisible(*c)) {
            let c = if c.is_whitespace() || c.is_control() { ' ' } else { c };
            let id = font.glyph_id(c);
            let mut advance = match id {
                MISSING => units * BOX_PERMILLE as f32 / 1000.0,
                _ => font.h_advance_unscaled(id),
            };
            if style.tabular && c.is_ascii_digit() {
                let slack = digit_width - advance;
                placed.push((id, x + slack / 2.0 * per_unit));
                advance = digit_width;
                last = None;
            } else {
                x += last.map_or(0.0, |last| font.kern_unscaled(last, id)) * per_unit;
                placed.push((id, x));
                last = Some(id);
            }
            x += advance * per_unit + tracking;
        }
        (placed, (x - tracking).max(0.0))
    }

    fn glyph(
        &mut self,
        canvas: &mut Canvas,
        style: Style,
        id: GlyphId,
        x: f32,
        base_line: i32,
        colour: Colour,
    ) {
        // Large glyphs look the same wherever they start; small ones do not.
        let step = if style.px >= 48 { 4.0 } else { 1.0 };
        let quarters = ((x * 4.0 / step).round() * step) as i32;
        let quarter = quarters.rem_euclid(4) as u8;
        let key = GlyphKey { bold: style.bold, px: style.px, id, quarter };
        if !self.glyphs.contains_key(&key) {
            if self.glyphs.len() >= GLYPHS_MAX {
                self.glyphs.clear();
            }
            let glyph = rasterize(self.font(style.bold), key);
            self.glyphs.insert(key, glyph);
        }
        if let Some(glyph) = self.glyphs.get(&key) {
            let x = quarters.div_euclid(4) + glyph.left;
            canvas.fill_mask(x, base_line + glyph.top, &glyph.mask, colour);
        }
    }

    fn font(&self, bold: bool) -> &FontRef<'static> {
        if bold { &self.bold } else { &self.regular }
    }
}

/// From one line of a paragraph to the next.
pub(super) fn line_height(px: i32) -> i32 {
    px * 13 / 10
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

fn rasterize(font: &FontRef<'static>, key: GlyphKey) -> Glyph {
    if key.id == MISSING {
        return missing_character(key.px);
    }
    let per_em = font.height_unscaled() / font.units_per_em().unwrap_or(1000.0);
    // ab_glyph's scale is the distance from ascent to descent.
    let scale = PxScale::from(key.px as f32 * per_em);
    let glyph = key.id.with_scale_and_position(scale, point(f32::from(key.quarter) / 4.0, 0.0));
    let Some(outline) = font.outline_glyph(glyph) else {
        return Glyph { left: 0, top: 0, mask: Mask::default() };
    };
    let bounds = outline.px_bounds();
    let (width, height) = (bounds.width() as usize, bounds.height() as usize);
    let mut coverage = vec![0; width * height];
    outline.draw(|x, y, covered| {
        if let Some(value) = coverage.get_mut(y as usize * width + x as usize) {
            *value = (covered.clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    });
    let mask = Mask { width: width as i32, coverage };
    Glyph { left: bounds.min.x as i32, top: bounds.min.y as i32, mask }
}

/// The outline of a box as high as a capital letter.
fn missing_character(px: i32) -> Glyph {
    let line = (px / 16).max(1);
    let side = (px / 16).max(1);
    let (width, height) = (px * BOX_PERMILLE / 1000 - 2 * side, px * CAP_HEIGHT_PERMILLE / 1000);
    let on_line = |at: i32, length: i32| at < line || at >= length - line;
    let coverage = (0..height.max(0))
        .flat_map(|y| (0..width.max(0)).map(move |x| (x, y)))
        .map(|(x, y)| if on_line(x, width) || on_line(y, height) { 255 } else { 0 })
        .collect();
    Glyph { left: side, top: -height, mask: Mask { width, coverage } }
}

/// Characters that take no room: joiners, marks of direction, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { bold: false, px: 30, tracking: 0, tabular: false };

    #[test]
    fn text_that_fits_stays_and_text_that_does_not_ends_in_an_ellipsis() {
        let text = Text::new();
        let title = "Charlie Chaplin . The Cure (1917 Classic Comedy Silent Short)";
        let width = text.width(title, STYLE);
        assert_eq!(text.fit(title, STYLE, width), title);
        for narrower in [width - 1, width / 2, 100, 31] {
            let cut = text.fit(title, STYLE, narrower);
            assert!(cut.ends_with('…'), "{cut}");
            assert!(text.width(&cut, STYLE) <= narrower, "{cut}");
        }
        assert_eq!(text.fit(title, STYLE, 3), "");
        assert_eq!(text.fit(title, STYLE, 0), "");
    }

    #[test]
    fn an_ellipsis_comes_after_a_word_and_not_after_a_space_or_comma() {
        let text = Text::new();
        let title = "Bed, breakfast, and everything else";
        for width in 40..text.width(title, STYLE) {
            let cut = text.fit(title, STYLE, width);
            assert!(!cut.contains(" …") && !cut.contains(",…"), "{cut}");
        }
    }

    #[test]
    fn tabular_digits_are_equally_wide_and_others_are_not() {
        let text = Text::new();
        let tabular = Style { tabular: true, ..STYLE };
        assert_eq!(text.width("11:11", tabular), text.width("20:48", tabular));
        assert!(text.width("11:11", STYLE) < text.width("20:48", STYLE));
    }

    #[test]
    fn letters_are_kerned() {
        let text = Text::new();
        let apart = text.width("T", STYLE) + text.width("o", STYLE);
        assert!(text.width("To", STYLE) < apart - 1);
    }

    #[test]
    fn lines_break_at_spaces_and_the_last_takes_more_than_fits() {
        let mut text = Text::new();
        let reason = "The archive answered 404: this film is not there.";
        let width = text.width("The archive answered", STYLE);
        let lines = text.wrap(reason, STYLE, width, 2);
        assert_eq!(lines, ["The archive answered", "404: this film is not there."]);
        let more = format!("{reason} Perhaps it never was.");
        assert_eq!(text.wrap(&more, STYLE, width, 2), lines);
        assert_eq!(text.wrap(reason, STYLE, width, 3).join(" "), reason);
        assert_eq!(text.wrap("", STYLE, width, 2), Vec::<String>::new());
    }

    #[test]
    fn accents_greek_and_cyrillic_are_in_the_font_and_the_rest_shows_as_a_box() {
        let text = Text::new();
        for weight in [false, true] {
            let font = text.font(weight);
            for c in "Amélie Œuvre Łódź Ěščř Çağ ΑΘΗΝΑ αθήνα Броненосец Ёж Ґ “”‘’–—…·€№→✓".chars()
            {
                assert_ne!(font.glyph_id(c), MISSING, "{c}");
            }
            assert_eq!(font.glyph_id('東'), MISSING);
        }
    }

    #[test]
    fn the_box_for_a_missing_character_is_hollow() {
        let Mask { width, coverage } = missing_character(32).mask;
        let inside = |y: i32| coverage.get((y * width + width / 2) as usize).copied();
        assert_eq!((inside(0), inside(10)), (Some(255), Some(0)));
    }

    #[test]
    fn an_accent_given_as_a_character_of_its_own_joins_its_letter() {
        let text = Text::new();
        assert_eq!(text.place("Ame\u{301}lie", STYLE).0, text.place("Amélie", STYLE).0);
    }

    #[test]
    fn marks_without_width_leave_no_trace() {
        let text = Text::new();
        assert_eq!(text.width("a\u{200b}b\u{feff}", STYLE), text.width("ab", STYLE));
    }
}
