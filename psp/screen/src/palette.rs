//! The colours of the set: the desktop's, opaque. Words on their ground have a contrast of at least
//! 4.5 to 1 (WCAG 2.2, 1.4.3); a test computes it.

use crate::canvas::Colour;

/// Words.
pub(crate) const INK: Colour = Colour::rgb(0xf6f3ec);
/// Words that matter less.
pub(crate) const DIM: Colour = Colour::rgb(0xb9bfcc);
/// What is special: the channel, progress.
pub(crate) const AMBER: Colour = Colour::rgb(0xffc857);
/// What is wrong.
pub(crate) const CORAL: Colour = Colour::rgb(0xff8f7a);
/// The ground of words over a picture, and of all that is dark on the test card.
pub(crate) const NIGHT: Colour = Colour::rgb(0x0b0e16);
/// A page.
pub(crate) const PAGE: Colour = Colour::rgb(0x111726);
/// A row of the guide.
pub(crate) const ROW: Colour = Colour::rgb(0x1d2438);
/// The row under the cursor, and the words and the progress on it.
pub(crate) const CURSOR: Colour = Colour::rgb(0xf6f3ec);
/// See [`CURSOR`].
pub(crate) const CURSOR_INK: Colour = Colour::rgb(0x121622);
/// See [`CURSOR`].
pub(crate) const CURSOR_DIM: Colour = Colour::rgb(0x4a5163);
/// See [`CURSOR`].
pub(crate) const CURSOR_PROGRESS: Colour = Colour::rgb(0xb45f06);
/// The part of a bar that is not reached, on a dark and on a light ground.
pub(crate) const TRACK: Colour = Colour::rgb(0x464b59);
/// See [`TRACK`].
pub(crate) const CURSOR_TRACK: Colour = Colour::rgb(0xcbc9c6);
/// A button with a word on it.
pub(crate) const BUTTON: Colour = Colour::rgb(0x36405a);

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2's contrast ratio.
    fn contrast(a: Colour, b: Colour) -> f64 {
        let luminance = |colour: Colour| {
            let [red, green, blue, _] =
                colour.0.to_le_bytes().map(|value| match f64::from(value) / 255.0 {
                    value if value <= 0.04045 => value / 12.92,
                    value => ((value + 0.055) / 1.055).powf(2.4),
                });
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn all_words_have_a_contrast_of_at_least_4_5_to_1() {
        let dark = [NIGHT, PAGE, ROW].map(|ground| [INK, DIM, AMBER, CORAL].map(|w| (w, ground)));
        let light = [CURSOR_INK, CURSOR_DIM].map(|words| (words, CURSOR));
        let others = [(INK, BUTTON), (NIGHT, AMBER)];
        for (words, ground) in dark.into_iter().flatten().chain(light).chain(others) {
            let ratio = contrast(words, ground);
            assert!(ratio >= 4.5, "{words:x?} on {ground:x?}: {ratio:.2}");
        }
    }
}
