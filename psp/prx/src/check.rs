//! What has to be true of a module so that the firmware loads it and every call arrives. Says all
//! that is wrong and not only the first thing, each in a sentence that says what to do.
//!
//! Cannot see how many arguments a function takes: [`WIDE`](crate::WIDE) has to know.

use std::collections::HashSet;
use std::fmt;

use crate::image::{Image, NotAModule, Segment};
use crate::import::{Import, STUB, Tables, Unreadable};
use crate::library::{self, Presence, WEAK, Wide};

/// `jr $ra` and `nop`: what our own stubs are until the loader has written into them.
const RETURN: [u32; 2] = [0x03e0_0008, 0];

/// `lw $t0, 16($sp)` and so on for `$t1`, `$t2`; then the jump; then `$t3`, in its delay slot.
const THUNK: [u32; 3] = [0x8fa8_0010, 0x8fa9_0014, 0x8faa_0018];
const THUNK_DELAY: u32 = 0x8fab_001c;

/// The highest bits of `j` and `jal`; the rest is a quarter of the address.
const JUMP: u32 = 0x0800_0000;
const CALL: u32 = 0x0c00_0000;

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Each import, in the order of the file.
    pub rows: Vec<Row>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// An import, for the table.
#[derive(Debug)]
pub struct Row {
    /// The library's name, or where the import is.
    pub library: String,
    /// How it is linked.
    pub flags: u16,
    /// How many functions.
    pub functions: u16,
}

/// Something wrong with a module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// Its type is not that of a PRX.
    NotPrx,
    /// It has another number of segments than one, or one that does not begin at zero.
    Segments,
    /// The segment does not say where the module's header is.
    HeaderElsewhere {
        /// Where it says.
        said: u32,
        /// Where it is.
        is: u32,
    },
    /// A section's bytes would be loaded to another address.
    Misplaced {
        /// The section's name.
        section: String,
        /// Where its code expects it.
        address: u32,
        /// Where it would be.
        loaded: u64,
    },
    /// A section is not where its alignment allows, or is more aligned than `.text`.
    Misaligned {
        /// The section's name.
        section: String,
        /// Where it is.
        address: u32,
        /// What its address has to be a multiple of.
        alignment: u32,
    },
    /// A section is aligned more than the one that the module begins with.
    AlignedMoreThanText {
        /// The section's name.
        section: String,
        /// Its alignment.
        alignment: u32,
        /// The first section's.
        text: u32,
    },
    /// Something about one import.
    Import {
        /// The library, or where the import is.
        library: String,
        /// What.
        flaw: Flaw,
    },
}

/// Something wrong with an import.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// There is no name where the entry points to.
    NoName,
    /// The entry is not of five words, or imports variables.
    Shape {
        /// How many words it says it has.
        words: u8,
        /// How many variables.
        variables: u8,
    },
    /// [`LIBRARIES`](crate::LIBRARIES) does not have it.
    Unknown,
    /// A library that comes later is linked as if it were there.
    Strong {
        /// What the entry has.
        flags: u16,
    },
    /// The flags are not those that are declared.
    Flags {
        /// What the entry has.
        flags: u16,
        /// What is declared.
        declared: u16,
    },
    /// The count is zero.
    Uncounted,
    /// The NIDs are not in the section of NIDs.
    NidsOutside,
    /// The stubs are not in the section of stubs.
    StubsOutside,
    /// There are not as many NIDs as the entry counts.
    NidCount {
        /// What the entry says.
        counted: u16,
        /// What is there.
        present: u32,
    },
    /// There are not as many stubs as the entry counts.
    StubCount {
        /// What the entry says.
        counted: u16,
        /// What is there.
        present: u32,
    },
    /// A NID is zero.
    NoNid {
        /// The function's number, from zero.
        function: u16,
    },
    /// A function of the library has been imported before, here or by another entry.
    Twice {
        /// Its NID.
        nid: u32,
    },
    /// A stub is neither empty nor one of the psp crate for that very NID.
    OtherStub {
        /// The NID at the same place.
        nid: u32,
    },
    /// A function of five words or more is called with the fifth where nobody looks for it.
    NoThunk {
        /// The function.
        name: &'static str,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPrx => {
                write!(f, "the file is not a PRX: it was not through prxgen, or is something else")
            }
            Self::Segments => write!(
                f,
                "a PRX has one segment, from address 0 on, and this one has not: it was not \
                 through prxgen, or is damaged"
            ),
            Self::HeaderElsewhere { said, is } => write!(
                f,
                "the firmware would look for the module's header at {said:#x} in the file, and it \
                 is at {is:#x}"
            ),
            Self::Misplaced { section, address, loaded } => write!(
                f,
                "{section} belongs at {address:#x} and would be loaded to {loaded:#x}: .text has to \
                 be aligned as much as the section that is aligned most, see .text.__align in \
                 psp/eboot/src/runtime/entry.rs"
            ),
            Self::Misaligned { section, address, alignment } => write!(
                f,
                "{section} is at {address:#x}, which is not a multiple of the {alignment} that it \
                 asks for"
            ),
            Self::AlignedMoreThanText { section, alignment, text } => write!(
                f,
                "{section} is aligned to {alignment} and .text only to {text}, which prxgen and \
                 prxmin silently get wrong: raise .text.__align in psp/eboot/src/runtime/entry.rs"
            ),
            Self::Import { library, flaw } => write!(f, "{library}: {flaw}"),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => write!(f, "an import without a library's name"),
            Self::Shape { words, variables } => write!(
                f,
                "an entry of {words} words with {variables} variables, and only functions are \
                 imported, by entries of 5"
            ),
            Self::Unknown => write!(
                f,
                "nobody has said whether this library is there when the program loads: add it to \
                 LIBRARIES in psp/prx/src/library.rs"
            ),
            Self::Strong { flags } => write!(
                f,
                "the import is strong ({flags:#06x}), but the library is loaded later: on a PSP \
                 the program would not start; import it by import! with {:#06x}",
                flags | WEAK
            ),
            Self::Flags { flags, declared } => write!(
                f,
                "the import has flags {flags:#06x}, and psp/prx/src/library.rs says {declared:#06x}"
            ),
            Self::Uncounted => write!(
                f,
                "the import has no functions: `testcard-prx fix` has to count them before prxgen"
            ),
            Self::NidsOutside => write!(f, "the NIDs are not in .rodata.sceNid"),
            Self::StubsOutside => write!(f, "the stubs are not in .sceStub.text"),
            Self::NidCount { counted, present } => {
                write!(f, "the import counts {counted} functions, and there are {present} NIDs")
            }
            Self::StubCount { counted, present } => {
                write!(f, "the import counts {counted} functions, and there are {present} stubs")
            }
            Self::NoNid { function } => write!(f, "function {function} has no NID"),
            Self::Twice { nid } => write!(
                f,
                "{nid:#010x} is imported twice: both by the psp crate and by import!, or twice by \
                 one; call only one of them"
            ),
            Self::OtherStub { nid } => write!(
                f,
                "the stub at the place of {nid:#010x} is another function's: the linker has sorted \
                 NIDs and stubs differently"
            ),
            Self::NoThunk { name } => write!(
                f,
                "{name} takes five words or more and is called without the thunk that moves them: \
                 list it after the semicolon of import! in psp/eboot/src/runtime/imports.rs"
            ),
        }
    }
}

/// Why a file cannot be checked at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unchecked {
    /// It is not a module.
    Image(NotAModule),
    /// It does not say what it imports.
    Imports(Unreadable),
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(why) => why.fmt(f),
            Self::Imports(why) => why.fmt(f),
        }
    }
}

/// Looks for all that is wrong with a module.
///
/// # Errors
/// It cannot be read.
pub fn check(file: &[u8]) -> Result<Report, Unchecked> {
    let image = Image::parse(file).map_err(Unchecked::Image)?;
    let tables = Tables::read(&image).map_err(Unchecked::Imports)?;
    let mut problems = Vec::new();
    layout(&image, &tables, &mut problems);

    let mut seen = HashSet::new();
    for import in &tables.imports {
        let mut flaws = Vec::new();
        entry(import, &mut flaws);
        functions(&image, &tables, import, &mut seen, &mut flaws);
        let library = import.title();
        problems.extend(
            flaws.into_iter().map(|flaw| Problem::Import { library: library.clone(), flaw }),
        );
    }
    let rows = tables.imports.iter().map(Row::new).collect();
    Ok(Report { rows, problems })
}

/// Whether every section comes to be where the code expects it.
fn layout(image: &Image<'_>, tables: &Tables<'_>, problems: &mut Vec<Problem>) {
    if !image.is_prx() {
        problems.push(Problem::NotPrx);
    }
    let [segment @ Segment { address: 0, .. }] = image.segments() else {
        problems.push(Problem::Segments);
        return;
    };
    // The highest bit would say that the module is the kernel's.
    if let Some(is) = image.offset_of(tables.module_info, 1).map(|offset| offset as u32)
        && segment.physical != is
    {
        problems.push(Problem::HeaderElsewhere { said: segment.physical, is });
    }
    let text = image.sections().iter().min_by_key(|section| section.address);
    let text = text.map_or(1, |section| section.alignment.max(1));
    for section in image.sections() {
        let name = || section.name.to_owned();
        let (address, alignment) = (section.address, section.alignment.max(1));
        if address % alignment != 0 {
            problems.push(Problem::Misaligned { section: name(), address, alignment });
        }
        if alignment > text {
            problems.push(Problem::AlignedMoreThanText { section: name(), alignment, text });
        }
        let loaded = u64::from(section.offset).wrapping_sub(segment.offset.into());
        if section.in_file && loaded != u64::from(address) {
            problems.push(Problem::Misplaced { section: name(), address, loaded });
        }
    }
}

/// What can be said of an entry without looking at its tables.
fn entry(import: &Import<'_>, flaws: &mut Vec<Flaw>) {
    let Import { flags, words, variables, .. } = *import;
    if (words, variables) != (5, 0) {
        flaws.push(Flaw::Shape { words, variables });
    }
    let Some(name) = import.library else {
        flaws.push(Flaw::NoName);
        return;
    };
    match library::library(name) {
        None => flaws.push(Flaw::Unknown),
        Some(library) if library.presence == Presence::Later && flags & WEAK == 0 => {
            flaws.push(Flaw::Strong { flags });
        }
        Some(library) if library.flags != flags => {
            flaws.push(Flaw::Flags { flags, declared: library.flags });
        }
        Some(_) => {}
    }
}

/// Whether each function has a NID and a stub that belong together.
fn functions<'a>(
    image: &Image<'a>,
    tables: &Tables<'a>,
    import: &Import<'a>,
    seen: &mut HashSet<(Option<&'a str>, u32)>,
    flaws: &mut Vec<Flaw>,
) {
    let counted = import.functions;
    if counted == 0 {
        flaws.push(Flaw::Uncounted);
        return;
    }
    match tables.nids_present(import) {
        None => flaws.push(Flaw::NidsOutside),
        Some(present) if present != counted.into() => {
            flaws.push(Flaw::NidCount { counted, present });
        }
        Some(_) => {}
    }
    match tables.stubs_present(import) {
        None => flaws.push(Flaw::StubsOutside),
        Some(present) if present != counted.into() => {
            flaws.push(Flaw::StubCount { counted, present });
        }
        Some(_) => {}
    }
    if flaws.iter().any(|flaw| matches!(flaw, Flaw::NidsOutside | Flaw::StubsOutside)) {
        return;
    }
    for function in 0..counted {
        let at = |begin: u32, bytes: u32| begin.checked_add(u32::from(function) * bytes);
        let Some(nid_at) = at(import.nids, 4) else { return };
        let Some(stub_at) = at(import.stubs, STUB) else { return };
        let Some(nid) = image.word(nid_at) else { return };
        let Some(stub) = image.word(stub_at).zip(image.word(stub_at.wrapping_add(4))) else {
            return;
        };
        if nid == 0 {
            flaws.push(Flaw::NoNid { function });
        } else if !seen.insert((import.library, nid)) {
            flaws.push(Flaw::Twice { nid });
        }
        // Until it is loaded, a stub of the psp crate points to its entry and its NID, so that the
        // linker keeps them together.
        let of_the_crate = stub == (import.address, nid_at);
        if !of_the_crate && stub != RETURN.into() {
            flaws.push(Flaw::OtherStub { nid });
        }
        if let Some(wide) = import.library.and_then(|name| library::wide(name, nid))
            && !moves_words(image, wide, of_the_crate, stub_at)
        {
            flaws.push(Flaw::NoThunk { name: wide.name });
        }
    }
}

/// Whether the fifth word and those after it are where the firmware looks for them when it is
/// called through this stub.
fn moves_words(image: &Image<'_>, wide: &Wide, of_the_crate: bool, stub: u32) -> bool {
    if of_the_crate {
        return wide.adapted;
    }
    let Some(code) =
        image.section(".text").and_then(|text| image.bytes_at(text.address, text.size))
    else {
        return false;
    };
    let (words, _) = code.as_chunks::<4>();
    let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let (jump, call) = (JUMP | stub >> 2, CALL | stub >> 2);
    let is_thunk = |at: usize| {
        at.checked_sub(THUNK.len()).is_some_and(|begin| words[begin..at] == THUNK)
            && words.get(at + 1) == Some(&THUNK_DELAY)
    };
    // None at all: the import table has it, and nobody calls it.
    (0..words.len()).filter(|&at| words[at] == jump).all(is_thunk) && !words.contains(&call)
}

impl Row {
    fn new(import: &Import<'_>) -> Self {
        Self { library: import.title(), flags: import.flags, functions: import.functions }
    }
}

impl fmt::Display for Report {
    /// The table of imports; problems are for the caller to show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.library.len()).max().unwrap_or(0);
        for Row { library, flags, functions } in &self.rows {
            let presence = if flags & WEAK == 0 { "always" } else { "later " };
            writeln!(f, "  {library:width$}  {flags:#06x}  {presence}  {functions:3}")?;
        }
        Ok(())
    }
}
