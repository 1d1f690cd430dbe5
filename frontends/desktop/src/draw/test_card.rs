//! The test card: what the set shows when there is no picture. Like the cards of the broadcasters
//! it is also good for something: the castellations at the edge show what a television hides, the
//! circle whether pixels are square, the gratings how fine a detail survives, the steps of grey and
//! the bars of colour whether dark, bright and colour are right.

use testcard_core::guide::Rect;

use super::canvas::{Canvas, Circle, Colour};
use super::palette::{INK, NIGHT};
use super::text::{Align, Style, Text};

const GROUND: Colour = Colour::rgb(0x595f6d);
const GRID: Colour = Colour::rgb(0xd4d3cc);
const WHITE: Colour = Colour::rgb(0xf6f3ec);
const TEAL: Colour = Colour::rgb(0x2fa396);
const SAND: Colour = Colour::rgb(0xe8b84e);
const CORAL: Colour = Colour::rgb(0xe06a4c);
const INDIGO: Colour = Colour::rgb(0x4455a8);

/// The colour bars of 75 % amplitude (EBU Tech 3373, also Rec. ITU-R BT.471), from light to dark.
const BARS: [Colour; 8] = [
    Colour::rgb(0xbfbfbf),
    Colour::rgb(0xbfbf00),
    Colour::rgb(0x00bfbf),
    Colour::rgb(0x00bf00),
    Colour::rgb(0xbf00bf),
    Colour::rgb(0xbf0000),
    Colour::rgb(0x0000bf),
    Colour::rgb(0x000000),
];

/// Squares of the grid from top to bottom. Even, so that a line goes through the middle.
const SQUARES: i32 = 14;

/// Draws the card over `rect`, its circle in the square `circle`, and a dark band across the middle,
/// as high as `words`, for others to write on. Too small for words, it has a cross there.
pub(super) fn draw(
    canvas: &mut Canvas,
    text: &mut Text,
    rect: Rect,
    circle: Rect,
    words: Option<Rect>,
) {
    let square = (rect.width.min(rect.height) / SQUARES).max(2);
    canvas.fill(rect, GROUND);
    grid(canvas, rect, square);
    castellations(canvas, rect, square);
    sides(canvas, rect, circle, square);
    disc(canvas, text, circle, words);
}

/// Lines at whole squares from the middle.
fn grid(canvas: &mut Canvas, rect: Rect, square: i32) {
    let width = (square / 26).max(1);
    let (x, y) = (rect.x + rect.width / 2, rect.y + rect.height / 2);
    for n in -(rect.width / 2 / square)..=rect.width / 2 / square {
        let line = Rect { x: x + n * square - width / 2, width, ..rect };
        canvas.fill(line.intersection(rect), GRID);
    }
    for n in -(rect.height / 2 / square)..=rect.height / 2 / square {
        let line = Rect { y: y + n * square - width / 2, height: width, ..rect };
        canvas.fill(line.intersection(rect), GRID);
    }
}

/// Blocks of black and white along the edge, on the squares of the grid.
fn castellations(canvas: &mut Canvas, rect: Rect, square: i32) {
    let depth = square / 2;
    let colour = |n: i32| if n % 2 == 0 { WHITE } else { NIGHT };
    let (x, y) = (rect.x + rect.width / 2, rect.y + rect.height / 2);
    let (right, bottom) = (rect.x + rect.width, rect.y + rect.height);
    for n in 0..=rect.width / 2 / square {
        for (x, n) in [(x + n * square, n), (x - (n + 1) * square, n + 1)] {
            for y in [rect.y, bottom - depth] {
                let block = Rect { x, y, width: square, height: depth };
                canvas.fill(block.intersection(rect), colour(n));
            }
        }
    }
    for n in 0..=rect.height / 2 / square {
        for (y, n) in [(y + n * square, n), (y - (n + 1) * square, n + 1)] {
            for x in [rect.x, right - depth] {
                let block = Rect { x, y, width: depth, height: square };
                let inner = Rect { y: rect.y + depth, height: rect.height - 2 * depth, ..rect };
                canvas.fill(block.intersection(inner), colour(n));
            }
        }
    }
}

/// Where there is room beside the circle: a ring in each corner, a pair of colours at each side.
fn sides(canvas: &mut Canvas, rect: Rect, circle: Rect, square: i32) {
    let room = (rect.width - circle.width) / 2 / square;
    if room < 5 {
        return;
    }
    let (x, y) = (rect.x + rect.width / 2, rect.y + rect.height / 2);
    // Both sit on crossings of the grid: the rings' centres, and the corners of the colours.
    let column = (circle.width / 2 / square + room / 2 + 1).min(rect.width / 2 / square - 3);
    let line = (square / 13).max(1) as f32;
    for (across, down) in [(-1, -1), (1, -1), (-1, 1), (1, 1)] {
        let centre = (x + across * column * square, y + down * 4 * square);
        let ring = Circle { x: centre.0 as f32, y: centre.1 as f32, radius: square as f32 * 2.0 };
        let around = Rect {
            x: centre.0 - 2 * square,
            y: centre.1 - 2 * square,
            width: 4 * square,
            height: 4 * square,
        };
        canvas.fill_in_circle(ring, around, GROUND);
        let inner = Circle { radius: square as f32 * 1.25, ..ring };
        canvas.fill_in_circle(inner, around, NIGHT);
        let pitch = (square / 6).max(2);
        for n in -6..=6 {
            let (x, y) = (centre.0 + n * pitch - pitch / 4, centre.1 + n * pitch - pitch / 4);
            let stripe = match across * down > 0 {
                true => Rect { x, width: pitch / 2, ..around },
                false => Rect { y, height: pitch / 2, ..around },
            };
            canvas.fill_in_circle(inner, stripe, WHITE);
        }
        canvas.ring(inner, line, WHITE);
        canvas.ring(ring, line, WHITE);
    }
    for (across, upper, lower) in [(-1, TEAL, SAND), (1, CORAL, INDIGO)] {
        let left = x + across * column * square - square;
        let block = Rect { x: left, y: y - square, width: 2 * square, height: square };
        canvas.fill(block, upper);
        canvas.fill(Rect { y, ..block }, lower);
    }
}

/// The circle: a white cap with the name, bars of colour, the band of words, gratings, greys.
fn disc(canvas: &mut Canvas, text: &mut Text, within: Rect, words: Option<Rect>) {
    let circle = Circle::within(within);
    let radius = within.width / 2;
    let (x, y) = (within.x + radius, within.y + radius);
    let row = |from: i32, to: i32| Rect {
        x: within.x,
        y: y + radius * from / 1000,
        width: within.width,
        height: radius * to / 1000 - radius * from / 1000,
    };
    let chord = |permille: i64| {
        let half = (1_000_000 - permille * permille).max(0).isqrt() * i64::from(radius) / 1000;
        i32::try_from(half).unwrap_or(0)
    };

    canvas.fill_in_circle(circle, within, NIGHT);

    let cap = row(-1000, -640);
    canvas.fill_in_circle(circle, cap, WHITE);
    let plate_half = chord(850) * 90 / 100;
    let plate = Rect { x: x - plate_half, width: 2 * plate_half, ..row(-850, -690) };
    let px = plate.height * 62 / 100;
    if px >= 7 {
        canvas.fill(plate, NIGHT);
        let style = Style { bold: true, px, tracking: 240, tabular: false };
        text.line(canvas, "TESTCARD", plate, style, Align::Centre, INK);
    }

    let band = words.unwrap_or(row(-360, 360));
    let band = Rect { x: within.x, width: within.width, ..band };
    let bars = row(-640, 0);
    let bars = Rect { height: band.y - bars.y, ..bars };
    for (n, colour) in (0..).zip(BARS) {
        canvas.fill_in_circle(circle, column(bars, chord(360), x, n, 8), colour);
    }

    let greys = row(580, 790);
    let top = band.y + band.height;
    let gratings = Rect { y: top, height: greys.y - top, ..greys };
    canvas.fill_in_circle(circle, gratings, NIGHT);
    let half = chord(360);
    for n in 0..5 {
        let field = column(gratings, half, x, n, 5);
        // From five pairs of lines in the width of a field to 21, or as many as the pixels give.
        let width = (field.width / (10 + 8 * n)).max(1);
        for pair in 0..field.width / width / 2 {
            let line = Rect { x: field.x + 2 * pair * width, width, ..field };
            canvas.fill_in_circle(circle, line, WHITE);
        }
    }

    for n in 0..7 {
        let colour = NIGHT.towards(WHITE, n, 6);
        canvas.fill_in_circle(circle, column(greys, chord(580), x, n, 7), colour);
    }

    let foot = row(790, 1000);
    canvas.fill_in_circle(circle, foot, SAND);
    let mark = Rect { x: x - radius / 10, width: radius / 5, ..foot };
    canvas.fill_in_circle(circle, mark, CORAL);

    let line = (radius / 60).max(1);
    if words.is_some() {
        for y in [band.y, band.y + band.height - line] {
            canvas.fill_in_circle(circle, Rect { y, height: line, ..band }, WHITE);
        }
    } else {
        canvas.fill(Rect { x: x - line / 2, width: line, ..band }, WHITE);
        canvas.fill_in_circle(circle, Rect { y: y - line / 2, height: line, ..band }, WHITE);
    }
    canvas.ring(circle, line as f32 * 1.5, WHITE);
}

/// The `n`th of `count` equal columns of a row, `half` to either side of `x`, without gaps.
fn column(row: Rect, half: i32, x: i32, n: i32, count: i32) -> Rect {
    let edge = |n: i32| x - half + 2 * half * n / count;
    Rect { x: edge(n), width: edge(n + 1) - edge(n), ..row }
}
