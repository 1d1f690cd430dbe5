//! Rectangles, and how they are cut up.

/// The largest width or height that is laid out, in pixels. Larger screens get this much.
const SIDE_MAX: u32 = 16_384;

/// A rectangle of pixels. Neither side is negative.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Rect {
    /// The leftmost column.
    pub x: i32,
    /// The top row.
    pub y: i32,
    /// How many columns.
    pub width: i32,
    /// How many rows.
    pub height: i32,
}

impl Rect {
    pub(super) fn screen(width: u32, height: u32) -> Self {
        let side = |pixels: u32| i32::try_from(pixels.min(SIDE_MAX)).unwrap_or(0);
        Self { x: 0, y: 0, width: side(width), height: side(height) }
    }

    /// Whether a pixel lies within.
    pub const fn contains(self, x: i32, y: i32) -> bool {
        x >= self.x && x - self.x < self.width && y >= self.y && y - self.y < self.height
    }

    /// The pixels that both have; empty when there are none.
    pub fn intersection(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let right = (self.x + self.width).min(other.x + other.width);
        let bottom = (self.y + self.height).min(other.y + other.height);
        Self { x, y, width: (right - x).max(0), height: (bottom - y).max(0) }
    }

    /// This rectangle less `dx` columns at either side and `dy` rows at top and bottom.
    pub fn inset(self, dx: i32, dy: i32) -> Self {
        let (dx, dy) = (dx.min(self.width / 2), dy.min(self.height / 2));
        Self {
            x: self.x + dx,
            y: self.y + dy,
            width: self.width - 2 * dx,
            height: self.height - 2 * dy,
        }
    }

    /// A rectangle in the middle of this one and no larger.
    pub fn centred(self, width: i32, height: i32) -> Self {
        let (width, height) = (width.min(self.width), height.min(self.height));
        Self {
            x: self.x + (self.width - width) / 2,
            y: self.y + (self.height - height) / 2,
            width,
            height,
        }
    }

    pub(super) fn cut_left(&mut self, columns: i32) -> Self {
        let width = columns.clamp(0, self.width);
        let cut = Self { width, ..*self };
        self.x += width;
        self.width -= width;
        cut
    }

    pub(super) fn cut_right(&mut self, columns: i32) -> Self {
        let width = columns.clamp(0, self.width);
        self.width -= width;
        Self { x: self.x + self.width, width, ..*self }
    }

    pub(super) fn cut_top(&mut self, rows: i32) -> Self {
        let height = rows.clamp(0, self.height);
        let cut = Self { height, ..*self };
        self.y += height;
        self.height -= height;
        cut
    }

    pub(super) fn cut_bottom(&mut self, rows: i32) -> Self {
        let height = rows.clamp(0, self.height);
        self.height -= height;
        Self { y: self.y + self.height, height, ..*self }
    }

    /// A line of this height cut from the top, if there is room for the whole of it.
    pub(super) fn line(&mut self, height: i32) -> Option<Self> {
        (height <= self.height).then(|| self.cut_top(height))
    }

    /// A progress bar for text of this size, half way up.
    pub(super) fn bar(self, text_px: i32) -> Self {
        self.centred(self.width, (text_px * 4 / 10).max(3))
    }
}
