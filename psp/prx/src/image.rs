//! A module as a file and as what it is in memory: sections, segments, and the bytes at an address.
//! Knows nothing of what is in there.

use std::fmt;

use object::LittleEndian;
use object::elf::{self, FileHeader32};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};

/// `e_type` of a module that can be loaded anywhere, as the firmware wants it.
const ET_PRX: elf::FileType = elf::FileType(0xffa0);

/// A module, or the ELF file that is made into one.
pub struct Image<'a> {
    bytes: &'a [u8],
    prx: bool,
    sections: Vec<Section<'a>>,
    segments: Vec<Segment>,
}

/// A section of the file, of those that have a place in memory.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// `.text` and so on.
    pub name: &'a str,
    /// Where it begins in memory, from the module's beginning on.
    pub address: u32,
    /// Where it begins in the file. Means nothing when it has no bytes there.
    pub offset: u32,
    /// In bytes.
    pub size: u32,
    /// What `address` has to be a multiple of; zero and one are no demand.
    pub alignment: u32,
    /// Whether its bytes are in the file, as `.bss`' are not.
    pub in_file: bool,
}

/// A stretch of the file that is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Where in memory, from the module's beginning on.
    pub address: u32,
    /// Where in the file.
    pub offset: u32,
    /// How many bytes of the file.
    pub size: u32,
    /// In a PRX, where in the file the module's header is; the highest bit marks the kernel's own.
    pub physical: u32,
}

/// Why a file is not a module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotAModule {
    /// The file is no ELF file of 32 bits and little endian, or damaged.
    Elf(String),
    /// It is for another processor: this is its `e_machine`.
    Machine(u16),
}

impl fmt::Display for NotAModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elf(why) => write!(f, "this is no ELF file for a PSP: {why}"),
            Self::Machine(machine) => {
                write!(f, "this is an ELF file for machine {machine}, and a PSP is MIPS, 8")
            }
        }
    }
}

impl From<object::read::Error> for NotAModule {
    fn from(error: object::read::Error) -> Self {
        Self::Elf(error.to_string())
    }
}

impl<'a> Image<'a> {
    /// Reads the headers.
    ///
    /// # Errors
    /// The file is not a module.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotAModule> {
        let header = FileHeader32::<LittleEndian>::parse(bytes)?;
        let endian = header.endian()?;
        if header.e_machine(endian) != elf::EM_MIPS {
            return Err(NotAModule::Machine(header.e_machine(endian).0));
        }
        let table = header.sections(endian, bytes)?;
        let mut sections = Vec::new();
        for section in table.iter().filter(|section| {
            section.sh_flags(endian).contains(elf::SHF_ALLOC) && section.sh_size(endian) > 0
        }) {
            let name = std::str::from_utf8(table.section_name(endian, section)?)
                .map_err(|_| NotAModule::Elf("a section's name is not text".into()))?;
            sections.push(Section {
                name,
                address: section.sh_addr(endian),
                offset: section.sh_offset(endian),
                size: section.sh_size(endian),
                alignment: section.sh_addralign(endian),
                in_file: section.sh_type(endian) != elf::SHT_NOBITS,
            });
        }
        let segments = header
            .program_headers(endian, bytes)?
            .iter()
            .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
            .map(|segment| Segment {
                address: segment.p_vaddr(endian),
                offset: segment.p_offset(endian),
                size: segment.p_filesz(endian),
                physical: segment.p_paddr(endian),
            })
            .collect();
        Ok(Self { bytes, prx: header.e_type(endian) == ET_PRX, sections, segments })
    }

    /// Whether the file calls itself a PRX.
    pub fn is_prx(&self) -> bool {
        self.prx
    }

    /// The sections with a place in memory and at least one byte.
    pub fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }

    /// The section of that name.
    pub fn section(&self, name: &str) -> Option<Section<'a>> {
        self.sections.iter().copied().find(|section| section.name == name)
    }

    /// The segments that are loaded.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Where in the file the `size` bytes at `address` are, if they are in one piece in there.
    pub fn offset_of(&self, address: u32, size: u32) -> Option<usize> {
        let (address, size) = (u64::from(address), u64::from(size));
        self.segments.iter().find_map(|segment| {
            let within = address.checked_sub(segment.address.into())?;
            if within + size > segment.size.into() {
                return None;
            }
            let offset = u64::from(segment.offset) + within;
            (offset + size <= self.bytes.len() as u64).then_some(offset as usize)
        })
    }

    /// The `size` bytes at `address`.
    pub fn bytes_at(&self, address: u32, size: u32) -> Option<&'a [u8]> {
        let offset = self.offset_of(address, size)?;
        self.bytes.get(offset..)?.get(..size as usize)
    }

    /// The word at `address`.
    pub fn word(&self, address: u32) -> Option<u32> {
        let bytes = self.bytes_at(address, 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The text from `address` up to a zero, if there is one within `longest` bytes.
    pub fn text(&self, address: u32, longest: u32) -> Option<&'a str> {
        let start = self.offset_of(address, 1)?;
        let bytes = self.bytes.get(start..)?;
        let bytes = &bytes[..bytes.len().min(longest as usize)];
        let end = bytes.iter().position(|&byte| byte == 0)?;
        std::str::from_utf8(&bytes[..end]).ok()
    }
}
