//! An `EBOOT.PBP` is a list of eight files; the seventh is the module. So what is checked can be
//! what is shipped.

use std::fmt;

/// The first bytes of a PBP file.
const SIGNATURE: &[u8; 4] = b"\0PBP";

/// Where in its header the offsets of the module and of what follows it are.
const DATA_PSP: usize = 8 + 6 * 4;
const DATA_PSAR: usize = 8 + 7 * 4;

/// A PBP file that does not have a module where it says it has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotAnEboot;

impl fmt::Display for NotAnEboot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this PBP file is cut off, or has no DATA.PSP")
    }
}

/// The module in a PBP file; any other file is taken for one as it is.
///
/// # Errors
/// It is a PBP file, and there is no module in it.
pub fn module(file: &[u8]) -> Result<&[u8], NotAnEboot> {
    if !file.starts_with(SIGNATURE) {
        return Ok(file);
    }
    let offset = |at: usize| {
        let bytes = file.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let (begin, end) = (offset(DATA_PSP).ok_or(NotAnEboot)?, offset(DATA_PSAR).ok_or(NotAnEboot)?);
    file.get(begin..end).filter(|module| !module.is_empty()).ok_or(NotAnEboot)
}
