//! What can be written only when everything is linked: how many functions of a library are
//! imported. The psp crate has each function in a section of its own, so that the linker leaves out
//! those that nobody calls, and leaves the count at zero. Our own imports count themselves, and
//! stay.

use std::fmt;

use crate::image::{Image, NotAModule};
use crate::import::{Tables, Unreadable};

/// Where in an entry the count is.
const FUNCTIONS: usize = 10;

/// Why the counts cannot be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotFixed {
    /// The file is not a module.
    Image(NotAModule),
    /// It does not say what it imports.
    Imports(Unreadable),
    /// The NIDs of an import are not where NIDs are, or are more than an entry can count.
    Nids(String),
}

impl fmt::Display for NotFixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(why) => why.fmt(f),
            Self::Imports(why) => why.fmt(f),
            Self::Nids(import) => {
                write!(
                    f,
                    "{import}: its functions cannot be counted, its NIDs are not in .rodata.sceNid"
                )
            }
        }
    }
}

/// Writes the counts that are zero into a linked ELF file, and says how many those were. Doing it
/// again changes nothing.
///
/// # Errors
/// The file is not a module, or the tables in it are damaged. Then nothing was written.
pub fn fix(file: &mut [u8]) -> Result<usize, NotFixed> {
    let mut counts = Vec::new();
    {
        let image = Image::parse(file).map_err(NotFixed::Image)?;
        let tables = Tables::read(&image).map_err(NotFixed::Imports)?;
        for import in tables.imports.iter().filter(|import| import.functions == 0) {
            let present = tables.nids_present(import).and_then(|count| u16::try_from(count).ok());
            let offset = image.offset_of(import.address, crate::import::ENTRY);
            match (present, offset) {
                (Some(count), Some(offset)) => counts.push((offset + FUNCTIONS, count)),
                _ => return Err(NotFixed::Nids(import.title())),
            }
        }
    }
    for &(at, count) in &counts {
        file[at..at + 2].copy_from_slice(&count.to_le_bytes());
    }
    Ok(counts.len())
}
