//! A picture in memory, and shapes drawn on it in software. Every edge is antialiased, everything
//! is clipped to the canvas. It knows nothing of text (see [`super::text`]) nor of windows.
//!
//! Colours are sRGB with *straight* alpha, which is what SDL's plain blend mode (SDL_BLENDMODE_BLEND)
//! expects of a texture; the usual reason to prefer premultiplied alpha, dark fringes when a
//! texture is scaled with a filter, does not arise: the canvas has the size of the screen. Blending
//! a colour onto a pixel is exact in either form, save for the last bit.

use std::ops::Range;

use testcard_core::guide::Rect;

/// An sRGB colour with straight alpha: red, green, blue, alpha.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Colour(pub [u8; 4]);

impl Colour {
    /// Nothing.
    pub const CLEAR: Self = Self([0; 4]);

    /// An opaque colour as it is written: `0xRRGGBB`.
    pub const fn rgb(hex: u32) -> Self {
        let [_, red, green, blue] = hex.to_be_bytes();
        Self([red, green, blue, 255])
    }

    /// This colour with another alpha, 0 to 255.
    pub const fn alpha(self, alpha: u8) -> Self {
        let Self([red, green, blue, _]) = self;
        Self([red, green, blue, alpha])
    }

    /// The colour `step` of `steps` on the way from here to `end`.
    pub fn towards(self, end: Self, step: i32, steps: i32) -> Self {
        let mut mixed = self.0;
        for (from, to) in mixed.iter_mut().zip(end.0) {
            let (a, b) = (i64::from(*from), i64::from(to));
            let value = a + (b - a) * i64::from(step) / i64::from(steps.max(1));
            *from = value.clamp(0, 255) as u8;
        }
        Self(mixed)
    }
}

/// A picture of so many pixels.
#[derive(Clone, Debug, Default)]
pub struct Canvas {
    width: i32,
    height: i32,
    pixels: Vec<[u8; 4]>,
    /// What is drawn outside of this rectangle is not.
    clip: Rect,
}

impl Canvas {
    /// The bytes of the picture: red, green, blue, straight alpha of each pixel, row by row from
    /// the top left without gaps. SDL calls this `RGBA32`.
    pub fn pixels(&self) -> &[u8] {
        self.pixels.as_flattened()
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.width.unsigned_abs()
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height.unsigned_abs()
    }

    /// From one row to the next, in bytes.
    pub fn pitch(&self) -> usize {
        self.width.unsigned_abs() as usize * 4
    }

    /// Makes the canvas this large and transparent.
    pub(super) fn reset(&mut self, width: u32, height: u32) {
        self.width = i32::try_from(width).unwrap_or(0);
        self.height = i32::try_from(height).unwrap_or(0);
        self.pixels.clear();
        let count = self.width.unsigned_abs() as usize * self.height.unsigned_abs() as usize;
        self.pixels.resize(count, Colour::CLEAR.0);
        self.clip = self.whole();
    }

    /// The whole canvas.
    pub(super) fn whole(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// Draws within `clip` from now on, and within the canvas. Gives back what was there before.
    pub(super) fn set_clip(&mut self, clip: Rect) -> Rect {
        let clip = clip.intersection(self.whole());
        std::mem::replace(&mut self.clip, clip)
    }

    /// Draws within both `clip` and what it was clipped to, until the clip that is given back is
    /// set again.
    pub(super) fn narrow_clip(&mut self, clip: Rect) -> Rect {
        self.set_clip(clip.intersection(self.clip))
    }

    /// Whether any pixel of this rectangle would be drawn.
    pub(super) fn shows(&self, rect: Rect) -> bool {
        let both = self.clip.intersection(rect);
        both.width > 0 && both.height > 0
    }

    /// The rows of a rectangle that are drawn.
    fn rows(&self, rect: Rect) -> Range<i32> {
        rect.y.max(self.clip.y)..(rect.y + rect.height).min(self.clip.y + self.clip.height)
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, rect: Rect, colour: Colour) {
        self.fill_rounded(rect, 0, colour);
    }

    /// Fills a rectangle with round corners.
    pub(super) fn fill_rounded(&mut self, rect: Rect, radius: i32, colour: Colour) {
        self.rounded(rect, radius, |_, span, coverage| blend_span(span, colour, coverage));
    }

    /// Makes a rectangle transparent, whatever was there.
    pub(super) fn erase(&mut self, rect: Rect) {
        self.rounded(rect, 0, |_, span, _| span.fill(Colour::CLEAR.0));
    }

    /// Fills a rectangle with a colour that turns into another from top to bottom.
    pub(super) fn fill_gradient(&mut self, rect: Rect, radius: i32, top: Colour, bottom: Colour) {
        self.rounded(rect, radius, |row, span, coverage| {
            blend_span(span, top.towards(bottom, row - rect.y, rect.height), coverage);
        });
    }

    /// Fills the part of a rectangle that lies within a circle.
    pub(super) fn fill_in_circle(&mut self, circle: Circle, rect: Rect, colour: Colour) {
        if rect.width <= 0 {
            return;
        }
        for row in self.rows(rect.intersection(circle.bounds())) {
            let Some((outer, inner)) = circle.spans(row, circle.radius) else { continue };
            self.between(row, rect, outer, inner, |x| circle.coverage(x, row), colour);
        }
    }

    /// Draws a circle's line, its outer edge on the circle.
    pub(super) fn ring(&mut self, circle: Circle, width: f32, colour: Colour) {
        let inside = Circle { radius: circle.radius - width, ..circle };
        let bounds = circle.bounds();
        for row in self.rows(bounds) {
            let Some((outer, _)) = circle.spans(row, circle.radius) else { continue };
            let hole = circle.spans(row, inside.radius).map_or((0, 0), |(_, inner)| inner);
            let hole = if hole.0 < hole.1 { hole } else { (outer.1, outer.1) };
            for x in (outer.0..hole.0).chain(hole.1..outer.1) {
                let cover = circle.coverage(x, row).saturating_sub(inside.coverage(x, row));
                if let Some(pixel) = self.pixel(x, row) {
                    blend(pixel, colour, cover);
                }
            }
        }
    }

    /// Blends a colour in where `mask` covers the canvas, its top left corner at (`x`, `y`).
    pub(super) fn fill_mask(&mut self, x: i32, y: i32, mask: &Mask, colour: Colour) {
        let Some(width) = usize::try_from(mask.width).ok().filter(|width| *width > 0) else {
            return;
        };
        let shown = self.rows(Rect { x, y, width: mask.width, height: mask.height() });
        let first = usize::try_from(shown.start - y).unwrap_or(0);
        let skipped = usize::try_from(self.clip.x - x).unwrap_or(0);
        for (row, coverage) in shown.zip(mask.coverage.chunks_exact(width).skip(first)) {
            let span = self.span(row, x, x + mask.width);
            for (pixel, coverage) in span.iter_mut().zip(coverage.iter().skip(skipped)) {
                blend(pixel, colour, *coverage);
            }
        }
    }

    /// Calls `draw` for each stretch of equal coverage of a rectangle with round corners.
    fn rounded(&mut self, rect: Rect, radius: i32, draw: impl Fn(i32, &mut [[u8; 4]], u8)) {
        let radius = radius.min(rect.width.min(rect.height) / 2).max(0);
        let (left, right) = (rect.x, rect.x + rect.width);
        for row in self.rows(rect) {
            // The row counted from the nearer horizontal edge: in the corner when below `radius`.
            let from_edge = (row - rect.y).min(rect.y + rect.height - 1 - row);
            if from_edge >= radius {
                draw(row, self.span(row, left, right), 255);
                continue;
            }
            let corner = Circle { x: radius as f32, y: radius as f32, radius: radius as f32 };
            for column in 0..radius {
                let cover = corner.coverage(column, from_edge);
                if cover > 0 {
                    draw(row, self.span(row, left + column, left + column + 1), cover);
                    draw(row, self.span(row, right - column - 1, right - column), cover);
                }
            }
            draw(row, self.span(row, left + radius, right - radius), 255);
        }
    }

    /// Fills a row of `rect` between the columns of `outer`, wholly where within `inner`.
    fn between(
        &mut self,
        row: i32,
        rect: Rect,
        outer: (i32, i32),
        inner: (i32, i32),
        coverage: impl Fn(i32) -> u8,
        colour: Colour,
    ) {
        let clip = |x: i32| x.clamp(rect.x, rect.x + rect.width);
        let inner = if inner.0 < inner.1 { inner } else { (outer.1, outer.1) };
        blend_span(self.span(row, clip(inner.0), clip(inner.1)), colour, 255);
        let edges = (clip(outer.0)..clip(inner.0)).chain(clip(inner.1)..clip(outer.1));
        for x in edges {
            if let Some(pixel) = self.pixel(x, row) {
                blend(pixel, colour, coverage(x));
            }
        }
    }

    /// The pixels of a row from column `from` up to `to`, as far as they are on the canvas.
    fn span(&mut self, row: i32, from: i32, to: i32) -> &mut [[u8; 4]] {
        let (left, right) = (self.clip.x, self.clip.x + self.clip.width);
        let (from, to) = (from.clamp(left, right), to.clamp(left, right));
        if row < self.clip.y || row >= self.clip.y + self.clip.height || from >= to {
            return &mut [];
        }
        let start = row as usize * self.width as usize;
        &mut self.pixels[start + from as usize..start + to as usize]
    }

    fn pixel(&mut self, x: i32, y: i32) -> Option<&mut [u8; 4]> {
        self.span(y, x, x.saturating_add(1)).first_mut()
    }
}

/// A circle, in pixels; (0, 0) is the canvas's top left corner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circle {
    /// Column of the centre.
    pub x: f32,
    /// Row of the centre.
    pub y: f32,
    /// Radius.
    pub radius: f32,
}

impl Circle {
    /// The largest circle in a rectangle.
    pub fn within(rect: Rect) -> Self {
        let (width, height) = (rect.width as f32, rect.height as f32);
        Self {
            x: rect.x as f32 + width / 2.0,
            y: rect.y as f32 + height / 2.0,
            radius: width.min(height) / 2.0,
        }
    }

    fn bounds(self) -> Rect {
        let (x, y) = ((self.x - self.radius).floor(), (self.y - self.radius).floor());
        let side = (2.0 * self.radius).ceil() as i32 + 1;
        Rect { x: x as i32, y: y as i32, width: side, height: side }
    }

    /// How much of a pixel lies within, 0 to 255, from the distance of its centre to the edge.
    fn coverage(self, x: i32, y: i32) -> u8 {
        let (dx, dy) = (x as f32 + 0.5 - self.x, y as f32 + 0.5 - self.y);
        let inside = self.radius + 0.5 - (dx * dx + dy * dy).sqrt();
        (inside.clamp(0.0, 1.0) * 255.0) as u8
    }

    /// In this row: the columns that a circle of this centre touches at all, and those that it
    /// covers wholly.
    fn spans(self, row: i32, radius: f32) -> Option<((i32, i32), (i32, i32))> {
        let dy = row as f32 + 0.5 - self.y;
        let half = |radius: f32| (radius * radius - dy * dy).max(0.0).sqrt();
        if dy.abs() >= radius + 1.0 || radius <= 0.0 {
            return None;
        }
        let (touched, covered) = (half(radius + 1.0), half((radius - 1.0).max(0.0)) - 1.0);
        Some((
            ((self.x - touched).floor() as i32, (self.x + touched).ceil() as i32),
            ((self.x - covered).ceil() as i32, (self.x + covered).floor() as i32),
        ))
    }
}

/// How much of each pixel a shape covers.
#[derive(Clone, Debug, Default)]
pub(super) struct Mask {
    /// Pixels in a row.
    pub width: i32,
    /// 0 to 255, row by row.
    pub coverage: Vec<u8>,
}

impl Mask {
    fn height(&self) -> i32 {
        let rows = self.coverage.len().checked_div(self.width.unsigned_abs() as usize);
        rows.and_then(|rows| i32::try_from(rows).ok()).unwrap_or(0)
    }

    /// A polygon in a square of this many pixels; its corners are in thousandths of the side. Each
    /// pixel is looked at in 16 places.
    pub fn polygon(side: i32, corners: &[(f32, f32)]) -> Self {
        let scale = side as f32 / 1000.0;
        let inside = |x: f32, y: f32| {
            let edges = corners.iter().zip(corners.iter().cycle().skip(1));
            let crossed = edges.filter(|((ax, ay), (bx, by))| {
                let (ax, ay, bx, by) = (ax * scale, ay * scale, bx * scale, by * scale);
                (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax
            });
            crossed.count() % 2 == 1
        };
        let pixels = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        let coverage = pixels.map(|(x, y)| {
            let places = (0..16u8).filter(|n| {
                let (dx, dy) = (f32::from(n % 4), f32::from(n / 4));
                inside(x as f32 + (dx + 0.5) / 4.0, y as f32 + (dy + 0.5) / 4.0)
            });
            (places.count() * 255 / 16) as u8
        });
        Self { width: side, coverage: coverage.collect() }
    }
}

fn blend_span(span: &mut [[u8; 4]], colour: Colour, coverage: u8) {
    let Colour([red, green, blue, alpha]) = colour;
    let alpha = scale(alpha, coverage);
    if alpha == 255 {
        span.fill(colour.0);
    } else if span.iter().all(|pixel| pixel[3] == 255) {
        // What [`blend`] does, in a form that the compiler turns into vector instructions.
        let over = [red, green, blue, 255].map(|value| scale(value, alpha));
        for pixel in span {
            for (value, over) in pixel.iter_mut().zip(over) {
                *value = scale(*value, 255 - alpha).saturating_add(over);
            }
        }
    } else {
        for pixel in span {
            blend(pixel, colour, coverage);
        }
    }
}

/// Porter and Duff's "over" on straight alpha. Three of the four cases need no division, and they
/// are nearly all pixels.
fn blend(pixel: &mut [u8; 4], colour: Colour, coverage: u8) {
    let Colour([red, green, blue, alpha]) = colour;
    let alpha = scale(alpha, coverage);
    let below = pixel[3];
    match (alpha, below) {
        (0, _) => {}
        (255, _) | (_, 0) => *pixel = [red, green, blue, alpha],
        (_, 255) => {
            for (value, over) in pixel.iter_mut().zip([red, green, blue]) {
                *value = scale(over, alpha).saturating_add(scale(*value, 255 - alpha));
            }
        }
        _ => {
            let rest = scale(below, 255 - alpha);
            let sum = u32::from(alpha) + u32::from(rest);
            for (value, over) in pixel.iter_mut().zip([red, green, blue]) {
                let mixed =
                    u32::from(over) * u32::from(alpha) + u32::from(*value) * u32::from(rest);
                *value = ((mixed + sum / 2) / sum) as u8;
            }
            pixel[3] = sum as u8;
        }
    }
}

/// `value × part / 255`, rounded. No step exceeds 16 bits: 255² + 128 + 254 = 65,407.
fn scale(value: u8, part: u8) -> u8 {
    let product = u16::from(value) * u16::from(part) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Colour = Colour::rgb(0xff0000);

    fn canvas(width: u32, height: u32) -> Canvas {
        let mut canvas = Canvas::default();
        canvas.reset(width, height);
        canvas
    }

    fn at(canvas: &mut Canvas, x: i32, y: i32) -> [u8; 4] {
        *canvas.pixel(x, y).expect("on the canvas")
    }

    #[test]
    fn a_rectangle_fills_its_pixels_and_no_other() {
        let mut canvas = canvas(8, 8);
        canvas.fill(Rect { x: 2, y: 3, width: 4, height: 2 }, RED);
        let filled = canvas.pixels.iter().filter(|pixel| **pixel == RED.0).count();
        assert_eq!(filled, 8);
        assert_eq!(at(&mut canvas, 2, 3), RED.0);
        assert_eq!(at(&mut canvas, 6, 3), Colour::CLEAR.0);
    }

    #[test]
    fn shapes_that_leave_the_canvas_are_clipped() {
        let mut canvas = canvas(5, 4);
        let large = Rect { x: -90, y: -90, width: 200, height: 200 };
        let mask = Mask { width: 9, coverage: vec![255; 81] };
        canvas.fill_rounded(large, 50, RED);
        canvas.fill_gradient(large, 0, RED, Colour::CLEAR);
        canvas.ring(Circle::within(large), 3.0, RED);
        canvas.fill_in_circle(Circle::within(large), large, RED);
        let inside_out = Rect { x: 2, y: 2, width: -9, height: -9 };
        canvas.fill_rounded(inside_out, 3, Colour::CLEAR);
        canvas.fill_in_circle(Circle::within(large), inside_out, Colour::CLEAR);
        for corner in [-100, -4, 3, 100] {
            canvas.fill_mask(corner, corner, &mask, RED);
        }
        assert_eq!(at(&mut canvas, 0, 0), RED.0);
    }

    #[test]
    fn a_mask_that_starts_left_of_the_canvas_shows_its_right_part() {
        let mut canvas = canvas(3, 1);
        canvas.fill_mask(-2, 0, &Mask { width: 4, coverage: vec![255, 255, 0, 255] }, RED);
        assert_eq!(at(&mut canvas, 0, 0), Colour::CLEAR.0);
        assert_eq!(at(&mut canvas, 1, 0), RED.0);
    }

    #[test]
    fn half_a_colour_over_another_mixes_them() {
        let mut canvas = canvas(1, 1);
        let whole = Rect { x: 0, y: 0, width: 1, height: 1 };
        canvas.fill(whole, Colour::rgb(0x0000ff));
        canvas.fill(whole, RED.alpha(128));
        assert_eq!(at(&mut canvas, 0, 0), [128, 0, 127, 255]);
    }

    #[test]
    fn half_a_colour_over_nothing_keeps_the_colour_and_is_half_there() {
        let mut canvas = canvas(1, 1);
        let whole = Rect { x: 0, y: 0, width: 1, height: 1 };
        canvas.fill(whole, RED.alpha(128));
        assert_eq!(at(&mut canvas, 0, 0), [255, 0, 0, 128]);
        canvas.fill(whole, Colour::rgb(0x0000ff).alpha(128));
        assert_eq!(at(&mut canvas, 0, 0), [85, 0, 170, 192]);
    }

    #[test]
    fn a_circle_covers_pi_r_squared() {
        let mut canvas = canvas(200, 200);
        let whole = Rect { x: 0, y: 0, width: 200, height: 200 };
        let circle = Circle { x: 100.0, y: 100.0, radius: 80.0 };
        canvas.fill_in_circle(circle, whole, RED);
        let area = |canvas: &Canvas| -> f32 {
            canvas.pixels.iter().map(|pixel| f32::from(pixel[3]) / 255.0).sum()
        };
        let expected = core::f32::consts::PI * 80.0 * 80.0;
        assert!((area(&canvas) - expected).abs() < 60.0, "{}", area(&canvas));
        canvas.reset(200, 200);
        canvas.ring(circle, 10.0, RED);
        let expected = core::f32::consts::PI * (80.0 * 80.0 - 70.0 * 70.0);
        assert!((area(&canvas) - expected).abs() < 60.0, "{}", area(&canvas));
    }

    #[test]
    fn nothing_is_drawn_outside_the_clip() {
        let mut canvas = canvas(20, 20);
        let whole = canvas.whole();
        let mask = Mask { width: 20, coverage: vec![255; 400] };
        let clip = Rect { x: 5, y: 6, width: 7, height: 8 };
        assert_eq!(canvas.set_clip(clip), whole);
        canvas.fill_rounded(whole, 2, RED);
        canvas.fill_mask(-3, -2, &mask, RED);
        canvas.fill_mask(2, 3, &mask, RED);
        canvas.fill_in_circle(Circle::within(whole), whole, RED);
        canvas.ring(Circle::within(whole), 9.0, RED);
        canvas.set_clip(whole);
        for (n, pixel) in (0..).zip(canvas.pixels.clone()) {
            assert_eq!(pixel == RED.0, clip.contains(n % 20, n / 20), "{n}");
        }
    }

    #[test]
    fn a_polygon_covers_its_area() {
        let half = Mask::polygon(40, &[(0.0, 0.0), (1000.0, 0.0), (0.0, 1000.0)]);
        let covered: u32 = half.coverage.iter().map(|covered| u32::from(*covered)).sum();
        assert!(covered.abs_diff(40 * 40 / 2 * 255) < 40 * 255, "{covered}");
        assert_eq!((half.coverage.first(), half.coverage.last()), (Some(&255), Some(&0)));
    }

    #[test]
    fn what_is_erased_lets_the_film_through() {
        let mut canvas = canvas(20, 20);
        let whole = Rect { x: 0, y: 0, width: 20, height: 20 };
        canvas.fill(whole, RED);
        canvas.erase(Rect { x: 5, y: 5, width: 10, height: 10 });
        assert_eq!(at(&mut canvas, 10, 10)[3], 0);
        assert_eq!(at(&mut canvas, 4, 10)[3], 255);
        assert_eq!(at(&mut canvas, 5, 5)[3], 0);
    }
}
