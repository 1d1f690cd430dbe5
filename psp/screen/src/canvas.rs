//! Somebody else's pixels, and shapes drawn on them in integers. Everything is clipped to the
//! canvas, edges are antialiased. Nothing here is transparent: the PSP's memory is slow to read
//! back, so only the few pixels on an edge are blended with what was there.

use testcard_core::guide::Rect;

/// An opaque colour as the PSP's screen wants it (`PixelFormat8888`): red in the lowest byte, then
/// green, blue, and 255.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Colour(pub u32);

/// Coverage is counted in fifteenths; this many cover a pixel wholly.
pub(crate) const WHOLE: u32 = 15;

impl Colour {
    /// A colour as it is written: `0xRRGGBB`.
    pub const fn rgb(hex: u32) -> Self {
        let [_, red, green, blue] = hex.to_be_bytes();
        Self(u32::from_le_bytes([red, green, blue, 255]))
    }

    /// This colour with `part` fifteenths of another over it.
    pub fn under(self, over: Self, part: u32) -> Self {
        let (below, over) = (self.0.to_le_bytes(), over.0.to_le_bytes());
        let mut mixed = [255; 4];
        for (value, (below, over)) in mixed.iter_mut().zip(below.into_iter().zip(over)).take(3) {
            let sum = u32::from(below) * (WHOLE - part.min(WHOLE)) + u32::from(over) * part;
            *value = ((sum + WHOLE / 2) / WHOLE).min(255) as u8;
        }
        Self(u32::from_le_bytes(mixed))
    }

    /// From this colour to another in fifteenths.
    pub fn ramp(self, over: Self) -> [u32; 16] {
        let mut shades = [self.0; 16];
        for (part, shade) in (0u32..).zip(&mut shades) {
            *shade = self.under(over, part).0;
        }
        shades
    }
}

/// A picture in memory that is not this crate's: a frame buffer.
#[derive(Debug)]
pub struct Canvas<'a> {
    pixels: &'a mut [u32],
    width: i32,
    height: i32,
    stride: usize,
    /// How many pixels were written, for the tests to hold against a budget.
    #[cfg(test)]
    pub(crate) written: usize,
    /// Every line of text.
    #[cfg(test)]
    pub(crate) lines: Vec<crate::tests::Line>,
}

impl<'a> Canvas<'a> {
    /// A canvas of `width` × `height` pixels whose rows start every `stride` pixels; of fewer rows,
    /// when `pixels` does not hold so many. Each pixel is ABGR8888: red in the lowest byte.
    pub fn new(pixels: &'a mut [u32], width: u32, height: u32, stride: usize) -> Self {
        let width = width.min(SIDE_MAX).min(u32::try_from(stride).unwrap_or(SIDE_MAX));
        let rows = match pixels.len().checked_sub(width as usize) {
            Some(rest) if stride > 0 => rest / stride + 1,
            _ => 0,
        };
        let height = height.min(SIDE_MAX).min(u32::try_from(rows).unwrap_or(SIDE_MAX));
        Self {
            pixels,
            width: i32::try_from(width).unwrap_or(0),
            height: i32::try_from(height).unwrap_or(0),
            stride,
            #[cfg(test)]
            written: 0,
            #[cfg(test)]
            lines: Vec::new(),
        }
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.width.unsigned_abs()
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height.unsigned_abs()
    }

    pub(crate) fn whole(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// Fills a rectangle.
    pub(crate) fn fill(&mut self, rect: Rect, colour: Colour) {
        let rect = rect.intersection(self.whole());
        for row in rect.y..rect.y + rect.height {
            self.fill_span(row, rect.x, rect.x + rect.width, colour);
        }
    }

    /// Fills what of `rect` is not in `hole`, which lies within it.
    pub(crate) fn fill_around(&mut self, rect: Rect, hole: Rect, colour: Colour) {
        let (right, bottom) = (hole.x + hole.width, hole.y + hole.height);
        let end = (rect.x + rect.width, rect.y + rect.height);
        let beside = Rect { y: hole.y, height: hole.height, ..rect };
        self.fill(Rect { height: hole.y - rect.y, ..rect }, colour);
        self.fill(Rect { width: hole.x - rect.x, ..beside }, colour);
        self.fill(Rect { x: right, width: end.0 - right, ..beside }, colour);
        self.fill(Rect { y: bottom, height: end.1 - bottom, ..rect }, colour);
    }

    /// Fills a rectangle with round corners.
    pub(crate) fn fill_rounded(&mut self, rect: Rect, radius: i32, colour: Colour) {
        let radius = radius.min(rect.width.min(rect.height) / 2).max(0);
        let corner = Circle::around(radius, radius, radius);
        let (left, right) = (rect.x, rect.x + rect.width);
        for row in rect.y.max(0)..(rect.y + rect.height).min(self.height) {
            // The row counted from the nearer horizontal edge: in the corner when below `radius`.
            let from_edge = (row - rect.y).min(rect.y + rect.height - 1 - row);
            let mut inset = 0;
            while from_edge < radius && inset < radius {
                let part = corner.coverage(inset, from_edge);
                if part >= WHOLE {
                    break;
                }
                self.blend(left + inset, row, colour, part);
                self.blend(right - inset - 1, row, colour, part);
                inset += 1;
            }
            self.fill_span(row, left + inset, right - inset, colour);
        }
    }

    /// Fills the part of a rectangle that lies within a circle.
    pub(crate) fn fill_in_circle(&mut self, circle: Circle, rect: Rect, colour: Colour) {
        let whole = core::iter::once((rect.x, rect.x + rect.width));
        self.stripes_in_circle(circle, rect, whole, colour);
    }

    /// Fills those columns of a rectangle, each from one up to another, that lie within a circle.
    pub(crate) fn stripes_in_circle(
        &mut self,
        circle: Circle,
        rect: Rect,
        stripes: impl Iterator<Item = (i32, i32)> + Clone,
        colour: Colour,
    ) {
        let rect = rect.intersection(self.whole());
        for row in rect.y..rect.y + rect.height {
            let Some((outer, inner)) = circle.spans(row) else { continue };
            for (first, end) in stripes.clone() {
                let first = first.clamp(rect.x, rect.x + rect.width);
                let end = end.clamp(first, rect.x + rect.width);
                let inner = (inner.0.clamp(first, end), inner.1.clamp(first, end));
                for x in outer.0.max(first)..inner.0 {
                    self.blend(x, row, colour, circle.coverage(x, row));
                }
                self.fill_span(row, inner.0, inner.1, colour);
                for x in inner.1..outer.1.min(end) {
                    self.blend(x, row, colour, circle.coverage(x, row));
                }
            }
        }
    }

    /// Draws a circle's line of `width` pixels, its outer edge on the circle.
    pub(crate) fn ring(&mut self, circle: Circle, width: i32, colour: Colour) {
        let inside = circle.smaller(width);
        let bounds = circle.bounds().intersection(self.whole());
        for row in bounds.y..bounds.y + bounds.height {
            let Some((outer, _)) = circle.spans(row) else { continue };
            let hole = inside.spans(row).map_or((outer.1, outer.1), |(_, inner)| inner);
            for x in (outer.0..hole.0.min(outer.1)).chain(hole.1..outer.1) {
                let part = circle.coverage(x, row).saturating_sub(inside.coverage(x, row));
                self.blend(x, row, colour, part);
            }
        }
    }

    /// Draws a row of a letter: two pixels to a byte of `coverage`, `shades` from none to whole.
    /// Left of `seam` another letter may have been drawn already: there the letter is blended in.
    pub(crate) fn letter_row(
        &mut self,
        x: i32,
        y: i32,
        coverage: &[u8],
        shades: &[u32; 16],
        seam: i32,
    ) {
        let length = i32::try_from(coverage.len() * 2).unwrap_or(0);
        let inside = x >= 0 && x.saturating_add(length) <= self.width && y >= 0 && y < self.height;
        if !inside || x < seam {
            let ink = Colour(shades[WHOLE as usize]);
            for (x, byte) in (x..).step_by(2).zip(coverage) {
                for (x, part) in [(x, byte >> 4), (x + 1, byte & 15)] {
                    match part {
                        0 => {}
                        _ if x < seam => self.blend(x, y, ink, part.into()),
                        _ => self.fill_span(y, x, x + 1, Colour(shades[usize::from(part)])),
                    }
                }
            }
            return;
        }
        let row = self.span(y, x, x + length);
        #[cfg(test)]
        let mut written = 0;
        for (two, byte) in row.chunks_exact_mut(2).zip(coverage) {
            for (pixel, part) in two.iter_mut().zip([byte >> 4, byte & 15]) {
                if part > 0 {
                    *pixel = shades[usize::from(part)];
                    #[cfg(test)]
                    {
                        written += 1;
                    }
                }
            }
        }
        #[cfg(test)]
        {
            self.written += written;
        }
    }

    fn fill_span(&mut self, row: i32, from: i32, to: i32, colour: Colour) {
        let span = self.span(row, from, to);
        span.fill(colour.0);
        #[cfg(test)]
        {
            let count = span.len();
            self.written += count;
        }
    }

    fn blend(&mut self, x: i32, y: i32, colour: Colour, part: u32) {
        if part == 0 {
            return;
        }
        if let Some(pixel) = self.span(y, x, x.saturating_add(1)).first_mut() {
            *pixel = Colour(*pixel).under(colour, part).0;
            #[cfg(test)]
            {
                self.written += 1;
            }
        }
    }

    /// The pixels of a row from column `from` up to `to`, as far as they are on the canvas.
    fn span(&mut self, row: i32, from: i32, to: i32) -> &mut [u32] {
        let (from, to) = (from.clamp(0, self.width), to.clamp(0, self.width));
        if row < 0 || row >= self.height || from >= to {
            return &mut [];
        }
        let start = row as usize * self.stride;
        self.pixels.get_mut(start + from as usize..start + to as usize).unwrap_or_default()
    }
}

/// The longest side of a canvas, in pixels: squares of sixteenths of it still fit 32 bits.
const SIDE_MAX: u32 = 2048;

/// A circle. Lengths count in sixteenths of a pixel; (0, 0) is the canvas's top left corner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circle {
    x: i32,
    y: i32,
    radius: i32,
}

impl Circle {
    /// A circle around a corner of pixels, in pixels.
    pub fn around(x: i32, y: i32, radius: i32) -> Self {
        Self { x: x * 16, y: y * 16, radius: radius * 16 }
    }

    /// The largest circle in a rectangle.
    pub fn within(rect: Rect) -> Self {
        Self {
            x: rect.x * 16 + rect.width * 8,
            y: rect.y * 16 + rect.height * 8,
            radius: rect.width.min(rect.height) * 8,
        }
    }

    /// A circle with the same centre whose radius is so many pixels less.
    pub fn smaller(self, pixels: i32) -> Self {
        Self { radius: (self.radius - pixels * 16).max(0), ..self }
    }

    /// A circle with the same centre and so many percent of the radius.
    pub fn scaled(self, percent: i32) -> Self {
        Self { radius: self.radius * percent / 100, ..self }
    }

    fn bounds(self) -> Rect {
        let side = self.radius / 8 + 2;
        Rect {
            x: (self.x - self.radius) >> 4,
            y: (self.y - self.radius) >> 4,
            width: side,
            height: side,
        }
    }

    /// How much of a pixel lies within, 0 to [`WHOLE`], from the distance of its centre to the
    /// edge.
    fn coverage(self, x: i32, y: i32) -> u32 {
        let (dx, dy) = ((x * 16 + 8).abs_diff(self.x), (y * 16 + 8).abs_diff(self.y));
        let square = dx.saturating_mul(dx).saturating_add(dy.saturating_mul(dy));
        // Most pixels are wholly in or out, and need no root.
        let (inner, outer) = ((self.radius - 8).max(0), self.radius + 8);
        if square >= outer.pow(2).unsigned_abs() {
            return 0;
        }
        if square <= inner.pow(2).unsigned_abs() {
            return WHOLE;
        }
        let inside = outer.unsigned_abs().saturating_sub(square.isqrt());
        inside.min(16) * WHOLE / 16
    }

    /// In this row: the columns that the circle touches at all, and those that it covers wholly.
    fn spans(self, row: i32) -> Option<((i32, i32), (i32, i32))> {
        let dy = row * 16 + 8 - self.y;
        if self.radius <= 0 || dy.abs() >= self.radius + 16 {
            return None;
        }
        let half = |radius: i32| (radius.max(0).pow(2) - dy.pow(2)).max(0).isqrt();
        let (touched, covered) = (half(self.radius + 16), half(self.radius - 16) - 16);
        let outer = ((self.x - touched) >> 4, (self.x + touched + 15) >> 4);
        let inner = ((self.x - covered + 15) >> 4, (self.x + covered) >> 4);
        let inner = if inner.0 < inner.1 { inner } else { (outer.1, outer.1) };
        Some((outer, inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Colour = Colour::rgb(0xff0000);

    #[test]
    fn red_is_the_lowest_byte() {
        assert_eq!(Colour::rgb(0x12_34_56).0, 0xff56_3412);
    }

    #[test]
    fn a_ramp_ends_in_both_colours_and_has_their_middle_half_way() {
        let shades = Colour::rgb(0).ramp(Colour::rgb(0xffffff));
        assert_eq!((shades[0], shades[15]), (0xff00_0000, 0xffff_ffff));
        assert_eq!(shades[8], 0xff88_8888);
    }

    #[test]
    fn a_rectangle_fills_its_pixels_and_leaves_what_lies_between_the_rows() {
        let mut pixels = vec![0; 16 * 4];
        let mut canvas = Canvas::new(&mut pixels, 10, 4, 16);
        canvas.fill(Rect { x: 7, y: 1, width: 99, height: 2 }, RED);
        assert_eq!(canvas.written, 6);
        let filled: Vec<usize> = (0..64).filter(|at| pixels[*at] == RED.0).collect();
        assert_eq!(filled, [23, 24, 25, 39, 40, 41]);
    }

    #[test]
    fn a_buffer_too_small_for_the_size_it_is_said_to_have_is_drawn_as_far_as_it_goes() {
        for length in [0, 1, 9, 10, 16, 25, 26, 64] {
            let mut pixels = vec![0; length];
            let mut canvas = Canvas::new(&mut pixels, 10, 4, 16);
            canvas.fill(canvas.whole(), RED);
            assert_eq!(canvas.written, canvas.height() as usize * 10, "{length}");
        }
        assert_eq!(Canvas::new(&mut [0; 9], 3, 3, 0).height(), 0);
    }

    #[test]
    fn shapes_that_leave_the_canvas_are_clipped() {
        let mut pixels = vec![0; 20];
        let mut canvas = Canvas::new(&mut pixels, 5, 4, 5);
        let large = Rect { x: -90, y: -90, width: 200, height: 200 };
        canvas.fill_rounded(large, 50, RED);
        canvas.ring(Circle::within(large), 3, RED);
        canvas.fill_in_circle(Circle::within(large), large, RED);
        let inside_out = Rect { x: 2, y: 2, width: -9, height: -9 };
        canvas.fill_rounded(inside_out, 3, RED);
        canvas.fill_in_circle(Circle::within(large), inside_out, RED);
        for corner in [-100, -3, 3, 100] {
            canvas.letter_row(corner, corner, &[0xff; 4], &[RED.0; 16], 0);
            canvas.letter_row(corner, 1, &[0xff; 4], &[RED.0; 16], 9);
        }
        assert_eq!(pixels[0], RED.0);
    }

    #[test]
    fn a_circle_covers_the_area_of_a_circle() {
        let mut pixels = vec![Colour::rgb(0).0; 100 * 100];
        let mut canvas = Canvas::new(&mut pixels, 100, 100, 100);
        let around = Rect { x: 10, y: 10, width: 80, height: 80 };
        canvas.fill_in_circle(Circle::within(around), around, RED);
        let sum: u32 = pixels.iter().map(|pixel| pixel & 0xff).sum();
        // π × 40² = 5026.5
        assert!(sum.abs_diff(5027 * 255) < 30 * 255, "{}", sum / 255);
    }

    #[test]
    fn a_letter_over_the_edge_of_another_adds_to_it() {
        let mut pixels = vec![Colour::rgb(0).0; 4];
        let mut canvas = Canvas::new(&mut pixels, 4, 1, 4);
        let shades = Colour::rgb(0).ramp(Colour::rgb(0xffffff));
        canvas.letter_row(0, 0, &[0x0f, 0xf0], &shades, 0);
        canvas.letter_row(2, 0, &[0x1f], &shades, 3);
        assert_eq!(pixels, [0xff00_0000, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff]);
    }
}
