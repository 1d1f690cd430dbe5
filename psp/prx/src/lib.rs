//! Completes a PSP module after linking, and checks what the firmware would trip over.
//!
//! A module says which functions of the firmware it calls in tables that the linker puts together
//! and no compiler looks at. What is wrong in them shows on a PSP only, as a module that does not
//! load, or that jumps to the wrong place: so it is looked for here, when building.
//!
//! Reads files that anybody may have written: a broken one is an error or a finding, never a panic.
//! Never writes anything but the counts that [`fix()`] is about, and never loads or runs a module.
//!
//! Formats: `SceModuleInfo` and `SceStubLibraryEntry` as the psp crate declares them, and pspsdk's
//! `tools/prxtypes.h`.

mod check;
mod fix;
mod image;
mod import;
mod library;
mod pbp;

pub use check::{Flaw, Problem, Report, Row, Unchecked, check};
pub use fix::{NotFixed, fix};
pub use image::{Image, NotAModule, Section, Segment};
pub use import::{Import, Tables, Unreadable};
pub use library::{LIBRARIES, Library, Presence, WIDE, Wide};
pub use pbp::{NotAnEboot, module};
