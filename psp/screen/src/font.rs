//! The letters, as build.rs drew them: four faces of Inter, Latin with all its accents, Greek and
//! Cyrillic. Only looks things up; where a letter goes is [`super::text`]'s.

/// Inter in one weight and size.
#[derive(Debug)]
pub struct Face {
    /// Pixels per em.
    pub px: i32,
    /// How many starts within a pixel each glyph was drawn at.
    pub starts: i32,
    /// What kerning is counted in.
    units_per_em: i32,
    /// The height of capitals, in pixels.
    pub cap_height: i32,
    /// How far the pen moves for the widest digit, in 1/64 pixel.
    digit: u16,
    /// Sorted pairs of indices of characters, and how much more or less the pen moves between them.
    kerning: &'static [(u16, u16, i16)],
    /// `starts` for each of [`CHARS`], and as many for the box of a character that is not there.
    glyphs: &'static [Glyph],
    /// How far the pen moves, in 1/64 pixel.
    advances: &'static [u16],
    bits: &'static [u8],
}

/// A small picture of a letter.
#[derive(Clone, Copy, Debug)]
pub struct Glyph {
    bits: u32,
    /// From the pen to its left edge, in pixels.
    pub left: i8,
    /// From the base line down to its top edge, in pixels.
    pub top: i8,
    /// Pixels in a row.
    pub width: u8,
    /// Rows.
    pub height: u8,
}

/// Which of a face's letters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Letter(usize);

include!(concat!(env!("OUT_DIR"), "/faces.rs"));

impl Face {
    /// The largest of the bold faces that is no larger than `px`, else the smallest.
    pub fn bold(px: i32) -> &'static Self {
        [&LARGE, &TITLE].into_iter().find(|face| face.px <= px).unwrap_or(&STRONG)
    }

    /// How far the pen moves, in 1/64 pixel.
    pub fn advance(&self, letter: Letter) -> i32 {
        self.advances.get(letter.0).copied().unwrap_or(0).into()
    }

    /// How far the pen moves for any digit where all are to be equally wide, in 1/64 pixel.
    pub fn digit_advance(&self) -> i32 {
        self.digit.into()
    }

    /// How much further the pen moves between two letters, in 1/64 pixel.
    pub fn kern(&self, left: Letter, right: Letter) -> i32 {
        let at = self.kerning.binary_search_by_key(&(left.0, right.0), |(left, right, _)| {
            (usize::from(*left), usize::from(*right))
        });
        let found = at.ok().and_then(|at| self.kerning.get(at));
        found.map_or(0, |(_, _, kern)| i32::from(*kern) * self.px * 64 / self.units_per_em)
    }

    /// The picture of a letter that starts `start` of [`Face::starts`] into a pixel, and its rows:
    /// two pixels to a byte, the left one in the upper half, each 0 to 15.
    pub fn glyph(
        &self,
        letter: Letter,
        start: i32,
    ) -> Option<(Glyph, impl Iterator<Item = &[u8]>)> {
        let starts = usize::try_from(self.starts).ok()?;
        let glyph = *self.glyphs.get(letter.0 * starts + usize::try_from(start).ok()?)?;
        let bits = self.bits.get(glyph.bits as usize..)?;
        let row = usize::from(glyph.width.div_ceil(2)).max(1);
        Some((glyph, bits.chunks_exact(row).take(glyph.height.into())))
    }
}

impl Letter {
    /// The letter of a character, or the box that stands for all others.
    pub fn of(c: char) -> Self {
        let at = u16::try_from(u32::from(c)).ok().and_then(|c| CHARS.binary_search(&c).ok());
        Self(at.unwrap_or(CHARS.len()))
    }

    /// Whether this is the box.
    #[cfg(test)]
    pub fn is_missing(self) -> bool {
        self.0 == CHARS.len()
    }
}

/// The one character for a letter and the accent after it, where there is one.
pub fn compose(letter: char, accent: char) -> Option<char> {
    let key = (u16::try_from(u32::from(letter)).ok()?, u16::try_from(u32::from(accent)).ok()?);
    let at = COMPOSED.binary_search_by_key(&key, |(letter, accent, _)| (*letter, *accent)).ok()?;
    COMPOSED.get(at).and_then(|(_, _, whole)| char::from_u32((*whole).into()))
}
