//! What is found in `minimal.prx`, an EBOOT's module of this repository that only says that it is
//! here, when it is as it was built, and when one thing about it is broken.

use proptest::prelude::*;
use testcard_prx::{Flaw, Image, Import, LIBRARIES, Presence, Problem, Tables, WIDE, check, fix};

const MODULE: &[u8] = include_bytes!("minimal.prx");

/// Where in an entry its parts are.
const FLAGS: u32 = 6;
const WORDS: u32 = 8;
const VARIABLES: u32 = 9;
const FUNCTIONS: u32 = 10;
const NIDS: u32 = 12;
const STUBS: u32 = 16;

/// Where in an ELF file's section header its parts are.
const SH_OFFSET: usize = 16;
const SH_ALIGNMENT: usize = 32;

fn image() -> Image<'static> {
    Image::parse(MODULE).expect("the fixture is a module")
}

fn imports() -> Vec<Import<'static>> {
    Tables::read(&image()).expect("the fixture has imports").imports
}

/// The one with these functions, of our own `import!` when `own`: it has no pointers in its stubs.
fn import(library: &str, own: bool) -> Import<'static> {
    let of_the_crate = |import: &Import| image().word(import.stubs) == Some(import.address);
    imports()
        .into_iter()
        .find(|import| import.library == Some(library) && of_the_crate(import) != own)
        .unwrap_or_else(|| panic!("the fixture imports from {library}"))
}

/// The module with other bytes at an address.
fn with(address: u32, bytes: &[u8]) -> Vec<u8> {
    let at = image().offset_of(address, bytes.len() as u32).expect("it is in the file");
    let mut module = MODULE.to_vec();
    module[at..at + bytes.len()].copy_from_slice(bytes);
    module
}

/// The module with another number in a section's header.
fn with_section(name: &str, part: usize, value: u32) -> Vec<u8> {
    let section = image().section(name).expect("it is in the fixture");
    let word = |at: usize| u32::from_le_bytes(MODULE[at..at + 4].try_into().unwrap());
    let header = (word(32) as usize..MODULE.len() - 40)
        .step_by(40)
        .find(|&at| word(at + 12) == section.address && word(at + 20) == section.size)
        .expect("every section has a header");
    let mut module = MODULE.to_vec();
    module[header + part..header + part + 4].copy_from_slice(&value.to_le_bytes());
    module
}

/// The module with the library's name replaced, which must not be longer, and other flags.
fn with_library(import: &Import, name: &str, flags: u16) -> Vec<u8> {
    let at = image().word(import.address).expect("it has a name");
    let mut module = with(at, format!("{name}\0").as_bytes());
    let entry = image().offset_of(import.address + FLAGS, 2).unwrap();
    module[entry..entry + 2].copy_from_slice(&flags.to_le_bytes());
    module
}

fn problems(module: &[u8]) -> Vec<Problem> {
    check(module).expect("it can still be read").problems
}

/// What is wrong with imports, without whose.
fn flaws(module: &[u8]) -> Vec<Flaw> {
    problems(module)
        .into_iter()
        .filter_map(|problem| match problem {
            Problem::Import { flaw, .. } => Some(flaw),
            _ => None,
        })
        .collect()
}

#[test]
fn nothing_is_wrong_with_a_module_as_it_was_built() {
    let report = check(MODULE).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.rows.len(), imports().len());
}

#[test]
fn counts_that_the_psp_crate_left_at_zero_are_written_and_our_own_stay() {
    let mut linked = MODULE.to_vec();
    let mut zeroed = 0;
    for import in imports() {
        if image().word(import.stubs) == Some(import.address) {
            let at = image().offset_of(import.address + FUNCTIONS, 2).unwrap();
            linked[at..at + 2].fill(0);
            zeroed += 1;
        }
    }
    assert!(zeroed > 0 && zeroed < imports().len());
    assert!(flaws(&linked).iter().all(|flaw| *flaw == Flaw::Uncounted));
    assert_eq!(fix(&mut linked), Ok(zeroed));
    assert!(linked == MODULE, "the counts are those that were there");
    assert_eq!(fix(&mut linked), Ok(0));
}

#[test]
fn a_count_that_cannot_be_found_out_leaves_the_file_as_it_is() {
    let import = import("StdioForUser", false);
    let mut module = with(import.address + FUNCTIONS, &[0, 0, 0, 0, 0, 0]);
    let before = module.clone();
    assert!(fix(&mut module).is_err());
    assert!(module == before);
}

#[test]
fn a_section_that_the_segment_would_carry_elsewhere_is_found() {
    let offset = image().section(".rodata").unwrap().offset + 16;
    let found = problems(&with_section(".rodata", SH_OFFSET, offset));
    assert!(matches!(&found[..], [Problem::Misplaced { section, .. }] if section == ".rodata"));
}

#[test]
fn a_section_that_is_aligned_more_than_the_first_one_is_found() {
    let text = image().section(".text").unwrap().alignment;
    let found = problems(&with_section(".rodata", SH_ALIGNMENT, 2 * text));
    let problem =
        Problem::AlignedMoreThanText { section: ".rodata".into(), alignment: 2 * text, text };
    assert!(found.contains(&problem), "{found:?}");
    assert_eq!(problems(&with_section(".text", SH_ALIGNMENT, 128)), []);
}

#[test]
fn a_section_that_is_not_where_its_alignment_allows_is_found() {
    let section = image().section(".rodata.sceNid").unwrap();
    let alignment = 1 << (section.address.trailing_zeros() + 1);
    let found = problems(&with_section(".rodata.sceNid", SH_ALIGNMENT, alignment));
    assert!(found.iter().any(|found| matches!(found, Problem::Misaligned { .. })), "{found:?}");
}

#[test]
fn a_file_that_was_not_through_prxgen_is_found() {
    let mut module = MODULE.to_vec();
    module[16..18].copy_from_slice(&2_u16.to_le_bytes()); // ET_EXEC
    assert_eq!(problems(&module), [Problem::NotPrx]);
}

#[test]
fn a_header_that_the_firmware_would_not_find_is_found() {
    let mut module = MODULE.to_vec();
    let physical = 52 + 12; // In the one program header, after the ELF header.
    module[physical] ^= 4;
    assert!(matches!(problems(&module)[..], [Problem::HeaderElsewhere { .. }]));
    // Nor as a module of the kernel.
    let mut module = MODULE.to_vec();
    module[physical + 3] |= 0x80;
    assert!(matches!(problems(&module)[..], [Problem::HeaderElsewhere { .. }]));
}

#[test]
fn a_segment_that_does_not_begin_at_zero_is_found() {
    let mut module = MODULE.to_vec();
    let kind = 52; // Then there is none to load.
    module[kind] = 0;
    assert!(check(&module).is_err(), "not even the imports can be read");
}

#[test]
fn an_import_without_a_name_is_found() {
    let import = import("StdioForUser", false);
    for name in [[0; 4], [0xff; 4]] {
        let found = flaws(&with(import.address, &name));
        assert!(found.contains(&Flaw::NoName), "{found:?}");
    }
    let empty = with(image().word(import.address).unwrap(), b"\0");
    assert!(flaws(&empty).contains(&Flaw::NoName));
}

#[test]
fn an_entry_of_another_shape_is_found() {
    let import = import("StdioForUser", false);
    let found = flaws(&with(import.address + WORDS, &[6]));
    assert_eq!(found, [Flaw::Shape { words: 6, variables: 0 }]);
    let found = flaws(&with(import.address + VARIABLES, &[1]));
    assert_eq!(found, [Flaw::Shape { words: 5, variables: 1 }]);
}

#[test]
fn a_library_that_nobody_has_declared_is_found() {
    let found = flaws(&with_library(&import("StdioForUser", false), "sceNowhere", 0x4001));
    assert_eq!(found, [Flaw::Unknown]);
    let sentence = problems(&with_library(&import("StdioForUser", false), "sceNowhere", 0x4001))
        .pop()
        .unwrap()
        .to_string();
    assert!(sentence.starts_with("sceNowhere: "), "{sentence}");
    assert!(sentence.contains("psp/prx/src/library.rs"), "{sentence}");
}

#[test]
fn a_strong_import_of_a_library_that_is_loaded_later_is_found() {
    // `sceAudiocodec` and so on are longer than the fixture's names have room for only here.
    let import = import("ThreadManForUser", true);
    for library in LIBRARIES {
        if library.name.len() > "ThreadManForUser".len() {
            continue;
        }
        let strong = library.flags & !0x0008;
        let expected = match library.presence {
            Presence::Later => vec![Flaw::Strong { flags: strong }],
            Presence::Always => vec![],
        };
        let found = flaws(&with_library(&import, library.name, strong));
        assert_eq!(found, expected, "{}", library.name);
        let found = flaws(&with_library(&import, library.name, library.flags));
        assert_eq!(found, [], "{}", library.name);
    }
}

#[test]
fn flags_other_than_those_declared_are_found() {
    let import = import("StdioForUser", false);
    let found = flaws(&with(import.address + FLAGS, &0x4009_u16.to_le_bytes()));
    assert_eq!(found, [Flaw::Flags { flags: 0x4009, declared: 0x4001 }]);
}

#[test]
fn an_import_that_was_not_counted_is_found() {
    let import = import("StdioForUser", false);
    let found = flaws(&with(import.address + FUNCTIONS, &[0, 0]));
    assert_eq!(found, [Flaw::Uncounted]);
}

#[test]
fn more_or_fewer_functions_than_nids_and_stubs_are_found() {
    let import = import("SysMemUserForUser", true);
    let present = u32::from(import.functions);
    for counted in [import.functions - 1, import.functions + 1, u16::MAX] {
        let found = flaws(&with(import.address + FUNCTIONS, &counted.to_le_bytes()));
        assert!(found.contains(&Flaw::NidCount { counted, present }), "{found:?}");
        assert!(found.contains(&Flaw::StubCount { counted, present }), "{found:?}");
    }
}

#[test]
fn tables_outside_of_the_file_or_of_their_section_are_found() {
    let import = import("StdioForUser", false);
    let elsewhere = [0, 1, image().section(".rodata").unwrap().address, 0x7fff_fffc, u32::MAX];
    for address in elsewhere {
        let found = flaws(&with(import.address + NIDS, &address.to_le_bytes()));
        assert!(found.contains(&Flaw::NidsOutside), "{address:#x}: {found:?}");
        let found = flaws(&with(import.address + STUBS, &address.to_le_bytes()));
        assert!(found.contains(&Flaw::StubsOutside), "{address:#x}: {found:?}");
    }
}

#[test]
fn a_function_without_a_nid_is_found() {
    let import = import("SysMemUserForUser", true);
    let found = flaws(&with(import.nids + 4, &[0; 4]));
    assert_eq!(found, [Flaw::NoNid { function: 1 }]);
}

#[test]
fn a_function_that_two_entries_import_is_found() {
    // Both the psp crate and import! have entries of this library.
    let (ours, theirs) = (import("IoFileMgrForUser", true), import("IoFileMgrForUser", false));
    let nid = image().word(ours.nids).unwrap();
    let found = flaws(&with(theirs.nids, &nid.to_le_bytes()));
    assert_eq!(found, [Flaw::Twice { nid }]);
}

#[test]
fn a_stub_that_belongs_to_another_function_is_found() {
    let import = import("Kernel_Library", false);
    let first = image().bytes_at(import.stubs, 8).unwrap();
    let found = flaws(&with(import.stubs + 8, first));
    let nid = image().word(import.nids + 4).unwrap();
    assert_eq!(found, [Flaw::OtherStub { nid }]);
}

#[test]
fn a_function_of_five_words_that_the_psp_crate_calls_wrongly_is_found() {
    let import = import("StdioForUser", false);
    for wide in WIDE {
        let module = with(import.nids, &wide.nid.to_le_bytes());
        let name = image().word(import.address).unwrap();
        let at = image().offset_of(name, 1).unwrap();
        let library = LIBRARIES.iter().find(|library| library.name == wide.library).unwrap();
        if library.name.len() > "StdioForUser".len() {
            continue;
        }
        let mut module = module;
        let text = format!("{}\0", library.name);
        module[at..at + text.len()].copy_from_slice(text.as_bytes());
        let thunk = flaws(&module)
            .into_iter()
            .filter(|flaw| matches!(flaw, Flaw::NoThunk { .. }))
            .collect::<Vec<_>>();
        let expected = if wide.adapted { vec![] } else { vec![Flaw::NoThunk { name: wide.name }] };
        assert_eq!(thunk, expected, "{}", wide.name);
    }
}

#[test]
fn a_function_of_five_words_that_import_calls_without_its_thunk_is_found() {
    let import = import("ThreadManForUser", true);
    let wide = (0..u32::from(import.functions))
        .find(|n| image().word(import.nids + 4 * n) == Some(0x446d_8de6))
        .expect("the fixture starts a thread");
    let stub = import.stubs + 8 * wide;
    let jump = (0x0800_0000 | stub >> 2).to_le_bytes();
    let text = image().section(".text").unwrap();
    let thunk = (text.address..text.address + text.size)
        .step_by(4)
        .find(|&at| image().bytes_at(at, 4) == Some(&jump))
        .expect("the fixture has a thunk");

    let expected = [Flaw::NoThunk { name: "sceKernelCreateThread" }];
    // One of its loads is missing.
    assert_eq!(flaws(&with(thunk - 4, &[0; 4])), expected);
    assert_eq!(flaws(&with(thunk + 4, &[0; 4])), expected);
    // The linker has left it out, as nobody calls it.
    assert_eq!(flaws(&with(thunk, &[0; 4])), []);
    // Somebody else calls the stub, and not the thunk.
    let call = (0x0c00_0000 | stub >> 2).to_le_bytes();
    assert_eq!(flaws(&with(text.address, &call)), expected);
}

#[test]
fn what_is_in_an_eboot_is_what_is_checked() {
    let mut pbp = b"\0PBP\0\0\x01\0".to_vec();
    let module = 40_u32;
    let end = module + MODULE.len() as u32;
    for offset in [module, module, module, module, module, module, module, end] {
        pbp.extend(offset.to_le_bytes());
    }
    pbp.extend(MODULE);
    assert_eq!(testcard_prx::module(&pbp), Ok(MODULE));
    assert_eq!(testcard_prx::module(MODULE), Ok(MODULE));
    assert!(testcard_prx::module(&pbp[..pbp.len() - 1]).is_err());
    assert!(testcard_prx::module(&pbp[..30]).is_err());
}

#[test]
fn other_files_are_refused_in_words() {
    for (file, sentence) in [
        (&b""[..], "this is no ELF file for a PSP"),
        (b"\x89PNG\r\n\x1a\n", "this is no ELF file for a PSP"),
    ] {
        assert!(check(file).unwrap_err().to_string().starts_with(sentence));
    }
    let mut amd64 = MODULE.to_vec();
    amd64[18] = 62;
    let sentence = check(&amd64).unwrap_err().to_string();
    assert_eq!(sentence, "this is an ELF file for machine 62, and a PSP is MIPS, 8");
}

proptest! {
    #[test]
    fn no_damage_makes_it_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut module = MODULE.to_vec();
        for (at, byte) in damage {
            module[at.index(MODULE.len())] = byte;
        }
        if cuts {
            module.truncate(cut.index(MODULE.len()));
        }
        let _ = check(&module).map(|report| report.to_string());
        let _ = fix(&mut module);
    }

    /// Headers and tables are a small part of the file, and the part that is believed.
    #[test]
    fn no_damage_to_headers_and_tables_makes_it_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 1..8),
    ) {
        let tables = [".lib.stub", ".rodata.sceModuleInfo", ".rodata.sceNid", ".sceStub.text"];
        let headers = u32::from_le_bytes(MODULE[32..36].try_into().unwrap()) as usize;
        let mut places: Vec<usize> = (0..84).step_by(4).collect();
        places.extend((headers..MODULE.len() - 3).step_by(4));
        for table in tables {
            let section = image().section(table).unwrap();
            places.extend((section.offset as usize..).step_by(4).take(section.size as usize / 4));
        }
        let mut module = MODULE.to_vec();
        for (at, word) in damage {
            let at = places[at.index(places.len())];
            module[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        let _ = check(&module).map(|report| report.to_string());
        let _ = fix(&mut module);
    }
}
