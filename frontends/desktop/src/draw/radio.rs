//! A radio: what the set shows of a programme that is only heard.

use testcard_core::guide::Rect;

use super::canvas::{Canvas, Circle, Colour};
use super::palette::{AMBER, INK, NIGHT};

const WALNUT_TOP: Colour = Colour::rgb(0x7a4a2b);
const WALNUT_BOTTOM: Colour = Colour::rgb(0x4f2d1a);
const EDGE: Colour = Colour::rgb(0x2e1a10);
const CLOTH: Colour = Colour::rgb(0xcdb892);
const THREAD: Colour = Colour::rgb(0xa9936c);
const DIAL: Colour = Colour::rgb(0xffe6b0);
const DIAL_INK: Colour = Colour::rgb(0x4f2d1a);
const NEEDLE: Colour = Colour::rgb(0xc9402a);
const KNOB: Colour = Colour::rgb(0xe9dcc0);

/// Draws a radio into `rect`, whose needle stands `needle` thousandths along the dial.
pub(super) fn draw(canvas: &mut Canvas, rect: Rect, needle: u16) {
    let unit = (rect.height / 40).max(1);
    let feet = Rect { y: rect.y + rect.height - unit * 2, height: unit * 2, ..rect };
    for x in [rect.x + unit * 5, rect.x + rect.width - unit * 9] {
        canvas.fill(Rect { x, width: unit * 4, ..feet }, EDGE);
    }
    let body = Rect { height: rect.height - unit * 3 / 2, ..rect };
    canvas.fill_rounded(body, unit * 5, EDGE);
    let front = body.inset(unit, unit);
    canvas.fill_gradient(front, unit * 4, WALNUT_TOP, WALNUT_BOTTOM);

    let inside = front.inset(unit * 3, unit * 3);
    let speaker = Rect { width: inside.height.min(inside.width * 55 / 100), ..inside };
    loudspeaker(canvas, speaker.centred(speaker.width, speaker.width), unit);
    let x = speaker.x + speaker.width + unit * 3;
    let right = Rect { x, width: inside.x + inside.width - x, ..inside };
    dial(canvas, Rect { height: right.height * 45 / 100, ..right }, unit, needle);
    knobs(canvas, right, unit);
}

/// Cloth behind a ring, woven of upright threads.
fn loudspeaker(canvas: &mut Canvas, within: Rect, unit: i32) {
    let circle = Circle::within(within);
    canvas.fill_in_circle(circle, within, CLOTH);
    for x in (within.x..within.x + within.width).step_by(unit.max(2) as usize) {
        let thread = Rect { x, width: (unit / 3).max(1), ..within };
        canvas.fill_in_circle(circle, thread, THREAD);
    }
    canvas.ring(circle, unit as f32 * 1.2, EDGE);
    let cone = within.centred(within.width * 36 / 100, within.height * 36 / 100);
    canvas.ring(Circle::within(cone), unit as f32 * 0.6, THREAD);
}

/// A lit scale and the needle on it.
fn dial(canvas: &mut Canvas, rect: Rect, unit: i32, needle: u16) {
    canvas.fill_rounded(rect, unit * 2, EDGE);
    let glass = rect.inset(unit * 6 / 10, unit * 6 / 10);
    canvas.fill_rounded(glass, unit * 3 / 2, DIAL);
    let scale = glass.inset(unit * 2, 0);
    let line = (unit / 4).max(1);
    for n in 0..=20 {
        let x = scale.x + (scale.width - line) * n / 20;
        let height = glass.height * if n % 5 == 0 { 30 } else { 16 } / 100;
        canvas.fill(Rect { x, y: glass.y + unit, width: line, height }, DIAL_INK);
    }
    let y = glass.y + glass.height - unit * 2;
    canvas.fill(Rect { y, height: line, ..scale }, DIAL_INK);
    let width = (unit / 2).max(2);
    let x = scale.x + (scale.width - width) * i32::from(needle.min(1000)) / 1000;
    canvas.fill(Rect { x, width, ..glass }.inset(0, unit / 2), NEEDLE);
}

/// Two knobs, and between them a lamp that says that it is on.
fn knobs(canvas: &mut Canvas, right: Rect, unit: i32) {
    let side = (right.height * 36 / 100).min(right.width * 42 / 100);
    let y = right.y + right.height - side;
    for x in [right.x, right.x + right.width - side] {
        let place = Rect { x, y, width: side, height: side };
        canvas.fill_in_circle(Circle::within(place), place, EDGE);
        let face = place.inset(unit * 6 / 10, unit * 6 / 10);
        canvas.fill_in_circle(Circle::within(face), face, KNOB);
        let mark = Rect {
            x: face.x + face.width / 2 - unit / 4,
            y: face.y + unit,
            width: (unit / 2).max(2),
            height: face.height / 4,
        };
        canvas.fill_rounded(mark, unit / 4, EDGE);
    }
    let lamp = Rect { x: right.x, y, width: right.width, height: side };
    let lamp = lamp.centred(unit * 2, unit * 2);
    canvas.fill_in_circle(Circle::within(lamp), lamp, NIGHT);
    let glow = lamp.inset(unit / 3, unit / 3);
    canvas.fill_in_circle(Circle::within(glow), glow, AMBER.towards(INK, 1, 4));
}
