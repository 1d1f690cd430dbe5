//! The tables of what a module imports. For each library of the firmware there is an entry with its
//! name, hashes of the functions' names (NIDs) and as many stubs: places of eight bytes that the
//! loader writes a jump or a system call into. Several entries may be about one library.

use std::fmt;

use crate::image::{Image, Section};

/// The section of the module's header, `SceModuleInfo`.
const MODULE_INFO: &str = ".rodata.sceModuleInfo";

/// Where in the header the addresses of the first entry and of the end of all entries are.
const STUB_TOP: u32 = 44;
const STUB_END: u32 = 48;

/// The bytes of an entry without variables: five words.
pub(crate) const ENTRY: u32 = 20;

/// The bytes of a stub.
pub(crate) const STUB: u32 = 8;

/// In bytes, with the zero; more than twice as long as any of the firmware's.
const LONGEST_NAME: u32 = 64;

/// An entry: functions of one library.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Import<'a> {
    /// Where the entry is in memory.
    pub address: u32,
    /// The library, if its name can be read and is not empty.
    pub library: Option<&'a str>,
    /// How to link with it. `0x0008`: the module loads even if the library is not there.
    pub flags: u16,
    /// The words that the entry says it has.
    pub words: u8,
    /// How many variables it imports.
    pub variables: u8,
    /// How many functions it imports.
    pub functions: u16,
    /// Where the NIDs are in memory.
    pub nids: u32,
    /// Where the stubs are in memory.
    pub stubs: u32,
}

impl Import<'_> {
    /// The library's name, or where the entry is.
    pub fn title(&self) -> String {
        match self.library {
            Some(name) => name.to_owned(),
            None => format!("the import at {:#x}", self.address),
        }
    }
}

/// All entries, and what bounds the tables that they point to.
#[derive(Debug)]
pub struct Tables<'a> {
    /// Where the module's header is in memory.
    pub module_info: u32,
    /// In the order of the file.
    pub imports: Vec<Import<'a>>,
    nids: Bounds,
    stubs: Bounds,
}

/// Where the tables of one kind begin, and where the last one ends.
#[derive(Debug)]
struct Bounds {
    begins: Vec<u32>,
    section: Option<(u32, u32)>,
}

impl Bounds {
    fn new(section: Option<Section<'_>>, begins: impl Iterator<Item = u32>) -> Self {
        let mut begins: Vec<_> = begins.collect();
        begins.sort_unstable();
        begins.dedup();
        let section = section.and_then(|section| {
            Some((section.address, section.address.checked_add(section.size)?))
        });
        Self { begins, section }
    }

    /// The bytes from `begin` up to the next table, if `begin` is in the section.
    fn room(&self, begin: u32) -> Option<u32> {
        let (first, end) = self.section?;
        if !(first..end).contains(&begin) {
            return None;
        }
        let next = self.begins.iter().copied().find(|&other| other > begin);
        Some(next.map_or(end, |next| next.min(end)) - begin)
    }
}

/// Why there is no table of imports to read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreadable {
    /// The module has no header.
    NoModuleInfo,
    /// What the header says about where the table is, is not in the file.
    NoTable {
        /// The first entry's address.
        top: u32,
        /// The address after the last entry.
        end: u32,
    },
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModuleInfo => {
                write!(f, "there is no {MODULE_INFO}: this was linked without psp/eboot's program!")
            }
            Self::NoTable { top, end } => write!(
                f,
                "the module's header says that imports are from {top:#x} to {end:#x}, which is not \
                 a whole number of entries of {ENTRY} bytes in this file"
            ),
        }
    }
}

impl<'a> Tables<'a> {
    /// Reads the entries that the module's header points to.
    ///
    /// # Errors
    /// There is no header, or it points to something else.
    pub fn read(image: &Image<'a>) -> Result<Self, Unreadable> {
        let module_info = image.section(MODULE_INFO).ok_or(Unreadable::NoModuleInfo)?.address;
        let pointer = |at: u32| {
            module_info
                .checked_add(at)
                .and_then(|at| image.word(at))
                .ok_or(Unreadable::NoModuleInfo)
        };
        let (top, end) = (pointer(STUB_TOP)?, pointer(STUB_END)?);
        let bytes = end
            .checked_sub(top)
            .filter(|size| size % ENTRY == 0)
            .and_then(|size| image.bytes_at(top, size))
            .ok_or(Unreadable::NoTable { top, end })?;
        let (entries, _) = bytes.as_chunks::<{ ENTRY as usize }>();
        let imports: Vec<_> = (top..)
            .step_by(ENTRY as usize)
            .zip(entries)
            .map(|(address, entry)| {
                let half = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
                let word = |at: usize| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
                Import {
                    address,
                    library: image.text(word(0), LONGEST_NAME).filter(|name| !name.is_empty()),
                    flags: half(6),
                    words: entry[8],
                    variables: entry[9],
                    functions: half(10),
                    nids: word(12),
                    stubs: word(16),
                }
            })
            .collect();
        Ok(Self {
            module_info,
            nids: Bounds::new(
                image.section(".rodata.sceNid"),
                imports.iter().map(|import| import.nids),
            ),
            stubs: Bounds::new(
                image.section(".sceStub.text"),
                imports.iter().map(|import| import.stubs),
            ),
            imports,
        })
    }

    /// How many NIDs there are from where an import's begin up to the next table; `None` when they
    /// do not begin in the section of NIDs, or when that is no whole number.
    pub fn nids_present(&self, import: &Import<'_>) -> Option<u32> {
        self.nids.room(import.nids).filter(|room| room % 4 == 0).map(|room| room / 4)
    }

    /// The same for stubs.
    pub fn stubs_present(&self, import: &Import<'_>) -> Option<u32> {
        self.stubs.room(import.stubs).filter(|room| room % STUB == 0).map(|room| room / STUB)
    }
}
