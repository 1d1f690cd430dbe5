//! The test card: what the set shows when there is no picture, the desktop's in integers. Like the
//! cards of the broadcasters it is also good for something: the castellations at the edge show what
//! a case hides, the circle whether pixels are square, the gratings how fine a detail survives, the
//! steps of grey and the bars of colour whether dark, bright and colour are right.

use testcard_core::guide::Rect;

use crate::canvas::{Canvas, Circle, Colour};
use crate::font::STRONG;
use crate::palette::{INK, NIGHT};
use crate::text::{self, Align, Style};

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

/// Draws the card over `rect`, its circle in the square `circle`.
pub(crate) fn draw(canvas: &mut Canvas<'_>, rect: Rect, circle: Rect) {
    let square = (rect.width.min(rect.height) / SQUARES).max(2);
    // Not where the circle is anyway.
    let inside = circle.centred(circle.width * 7 / 10, circle.height * 7 / 10);
    canvas.fill_around(rect, inside, GROUND);
    grid(canvas, rect, square);
    castellations(canvas, rect, square);
    sides(canvas, rect, circle, square);
    disc(canvas, circle);
}

/// Lines at whole squares from the middle.
fn grid(canvas: &mut Canvas<'_>, rect: Rect, square: i32) {
    let (x, y) = (rect.x + rect.width / 2, rect.y + rect.height / 2);
    for n in -(rect.width / 2 / square)..=rect.width / 2 / square {
        let line = Rect { x: x + n * square, width: 1, ..rect };
        canvas.fill(line.intersection(rect), GRID);
    }
    for n in -(rect.height / 2 / square)..=rect.height / 2 / square {
        let line = Rect { y: y + n * square, height: 1, ..rect };
        canvas.fill(line.intersection(rect), GRID);
    }
}

/// Blocks of black and white along the edge, on the squares of the grid.
fn castellations(canvas: &mut Canvas<'_>, rect: Rect, square: i32) {
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
fn sides(canvas: &mut Canvas<'_>, rect: Rect, circle: Rect, square: i32) {
    let room = (rect.width - circle.width) / 2 / square;
    if room < 5 {
        return;
    }
    let (x, y) = (rect.x + rect.width / 2, rect.y + rect.height / 2);
    // Both sit on crossings of the grid: the rings' centres, and the corners of the colours.
    let column = (circle.width / 2 / square + room / 2 + 1).min(rect.width / 2 / square - 3);
    for (across, down) in [(-1, -1), (1, -1), (-1, 1), (1, 1)] {
        let centre = (x + across * column * square, y + down * 4 * square);
        let ring = Circle::around(centre.0, centre.1, square * 2);
        let around = Rect {
            x: centre.0 - 2 * square,
            y: centre.1 - 2 * square,
            width: 4 * square,
            height: 4 * square,
        };
        canvas.fill_in_circle(ring, around, GROUND);
        let inner = ring.scaled(62);
        canvas.fill_in_circle(inner, around, NIGHT);
        let pitch = (square / 5).max(2);
        if across * down > 0 {
            let stripes = (-6..=6).map(|n| centre.0 + n * pitch).map(|x| (x, x + pitch / 2));
            canvas.stripes_in_circle(inner, around, stripes, WHITE);
        } else {
            for y in (-6..=6).map(|n| centre.1 + n * pitch) {
                let stripe = Rect { y, height: pitch / 2, ..around };
                canvas.fill_in_circle(inner, stripe.intersection(around), WHITE);
            }
        }
        canvas.ring(inner, 2, WHITE);
        canvas.ring(ring, 2, WHITE);
    }
    for (across, upper, lower) in [(-1, TEAL, SAND), (1, CORAL, INDIGO)] {
        let left = x + across * column * square - square;
        let block = Rect { x: left, y: y - square, width: 2 * square, height: square };
        canvas.fill(block, upper);
        canvas.fill(Rect { y, ..block }, lower);
    }
}

/// The circle: a white cap with the name, bars of colour, a cross in a dark band, gratings, greys.
fn disc(canvas: &mut Canvas<'_>, within: Rect) {
    let circle = Circle::within(within);
    let radius = within.width / 2;
    let (x, y) = (within.x + radius, within.y + radius);
    let row = |from: i32, to: i32| Rect {
        x: within.x,
        y: y + radius * from / 1000,
        width: within.width,
        height: radius * to / 1000 - radius * from / 1000,
    };
    let chord = |permille: i32| {
        let half = (1_000_000 - permille * permille).max(0).isqrt();
        half * radius / 1000
    };

    let cap = row(-1000, -640);
    canvas.fill_in_circle(circle, cap, WHITE);
    let plate_half = chord(850);
    let plate = Rect { x: x - plate_half, width: 2 * plate_half, ..row(-870, -690) };
    if plate.height >= STRONG.px {
        canvas.fill(plate, NIGHT);
        let style = Style {
            face: &STRONG,
            tabular: false,
            tracking: 2 * 64,
            align: Align::Centre,
            ink: INK,
            ground: NIGHT,
        };
        text::line(canvas, "TESTCARD", plate, style);
    }

    let bars = row(-640, -240);
    for (n, colour) in (0..).zip(BARS) {
        canvas.fill_in_circle(circle, column(bars, radius, x, n, 8), colour);
    }

    let band = row(-240, 240);
    canvas.fill_in_circle(circle, band, NIGHT);
    for edge in [band.y, band.y + band.height - 2] {
        canvas.fill_in_circle(circle, Rect { y: edge, height: 2, ..band }, WHITE);
    }
    canvas.fill(Rect { x: x - 1, width: 2, ..band }, WHITE);
    canvas.fill_in_circle(circle, Rect { y: y - 1, height: 2, ..band }, WHITE);

    let gratings = row(240, 580);
    canvas.fill_in_circle(circle, gratings, NIGHT);
    let half = chord(240);
    for n in 0..5 {
        let field = column(gratings, half, x, n, 5);
        // From five pairs of lines in the width of a field to as many as the pixels give.
        let width = (field.width / (10 + 8 * n)).max(1);
        let stripes = (0..field.width / width / 2).map(|pair| field.x + 2 * pair * width);
        canvas.stripes_in_circle(circle, gratings, stripes.map(|x| (x, x + width)), WHITE);
    }

    let greys = row(580, 790);
    for n in 0..7 {
        let colour = NIGHT.under(WHITE, n * 15 / 6);
        let n = i32::try_from(n).unwrap_or(0);
        canvas.fill_in_circle(circle, column(greys, chord(580), x, n, 7), colour);
    }

    let foot = row(790, 1000);
    canvas.fill_in_circle(circle, foot, SAND);
    let mark = Rect { x: x - radius / 10, width: radius / 5, ..foot };
    canvas.fill_in_circle(circle, mark, CORAL);
    canvas.ring(circle, (radius / 40).max(2), WHITE);
}

/// The `n`th of `count` equal columns of a row, `half` to either side of `x`, without gaps.
fn column(row: Rect, half: i32, x: i32, n: i32, count: i32) -> Rect {
    let edge = |n: i32| x - half + 2 * half * n / count;
    Rect { x: edge(n), width: edge(n + 1) - edge(n), ..row }
}
