//! The module's header and how the firmware gets into it. The header's layout is the kernel's
//! `SceModuleInfo`; the linker script of the target collects the sections named here.

use core::arch::global_asm;
use core::ffi::c_void;

use psp::sys;

global_asm!(
    r#"
    .section .lib.ent.top, "a", @progbits
    .balign 4
    .word 0
    .globl __lib_ent_top
__lib_ent_top:
    .section .lib.ent.btm, "a", @progbits
    .balign 4
    .globl __lib_ent_bottom
__lib_ent_bottom:
    .word 0
    // "R": the linker script does not keep these by itself.
    .section .lib.stub.top, "aR", @progbits
    .balign 4
    .word 0
    .globl __lib_stub_top
__lib_stub_top:
    .section .lib.stub.btm, "aR", @progbits
    .balign 4
    .globl __lib_stub_bottom
__lib_stub_bottom:
    .word 0
    // prxgen makes one segment of all and takes for granted that the distance between address and
    // place in the file is the same everywhere. It is when no section is aligned more than .text.
    .section .text.__align, "axR", @progbits
    .balign 64
    nop
    .text
"#
);

/// The main thread's stack.
pub const MAIN_STACK_BYTES: usize = 256 * 1024;

/// The priority that the firmware's own menu gives a game's first thread.
const MAIN_PRIORITY: i32 = 0x20;

/// The kernel's `SceModuleInfo`.
#[repr(C, align(16))]
pub struct ModuleInfo {
    attributes: u16,
    version: [u8; 2],
    name: [u8; 28],
    gp: *const u8,
    ent_top: *const u8,
    ent_end: *const u8,
    stub_top: *const u8,
    stub_end: *const u8,
}

// SAFETY: nobody writes to it.
unsafe impl Sync for ModuleInfo {}

unsafe extern "C" {
    static _gp: u8;
    static __lib_ent_top: u8;
    static __lib_ent_bottom: u8;
    static __lib_stub_top: u8;
    static __lib_stub_bottom: u8;
}

impl ModuleInfo {
    /// A user module of that name, of which the first 27 bytes count.
    pub const fn new(name: &str) -> Self {
        let (bytes, mut padded, mut at) = (name.as_bytes(), [0; 28], 0);
        while at < bytes.len() && at < 27 {
            padded[at] = bytes[at];
            at += 1;
        }
        Self {
            attributes: 0,
            version: [1, 1],
            name: padded,
            gp: &raw const _gp,
            ent_top: &raw const __lib_ent_top,
            ent_end: &raw const __lib_ent_bottom,
            stub_top: &raw const __lib_stub_top,
            stub_end: &raw const __lib_stub_bottom,
        }
    }
}

/// What the module exports: where it starts, and its header.
#[repr(C)]
pub struct Entry {
    name: *const u8,
    version: u16,
    attributes: u16,
    words: u8,
    variables: u8,
    functions: u16,
    table: *const Exports,
}

// SAFETY: nobody writes to it.
unsafe impl Sync for Entry {}

/// The table that an [`Entry`] points to: hashes of the names (NIDs), then the addresses.
#[repr(C)]
pub struct Exports {
    nids: [u32; 2],
    start: extern "C" fn(usize, *mut c_void) -> i32,
    info: *const ModuleInfo,
}

// SAFETY: nobody writes to it.
unsafe impl Sync for Exports {}

impl Exports {
    /// Exports `module_start` and `module_info`.
    pub const fn new(
        start: extern "C" fn(usize, *mut c_void) -> i32,
        info: *const ModuleInfo,
    ) -> Self {
        Self { nids: [0xd632_acdb, 0xf01d_73a7], start, info }
    }
}

impl Entry {
    /// The one entry of a program.
    pub const fn new(table: &'static Exports) -> Self {
        Self {
            name: core::ptr::null(),
            version: 0x0101,
            attributes: 0x8000,
            words: 4,
            variables: 1,
            functions: 1,
            table,
        }
    }
}

/// Starts `main` on a thread of its own, as [`crate::program!`] arranges it.
///
/// The firmware's loader wants `module_start` to return soon.
///
/// # Safety
/// `argument` has to point to `bytes` bytes, as the firmware passed them to `module_start`.
pub unsafe fn start(
    main: unsafe extern "C" fn(usize, *mut c_void) -> i32,
    bytes: usize,
    argument: *mut c_void,
) -> i32 {
    // SAFETY: the name ends with a zero, and the firmware copies the argument before it returns.
    unsafe {
        let attributes = sys::ThreadAttributes::USER | sys::ThreadAttributes::VFPU;
        let none = core::ptr::null_mut();
        let thread = crate::runtime::imports::sceKernelCreateThread(
            c"main".as_ptr().cast(),
            main,
            MAIN_PRIORITY,
            MAIN_STACK_BYTES,
            attributes.bits(),
            none,
        );
        crate::runtime::imports::sceKernelStartThread(thread, bytes, argument)
    }
}

/// Makes a program of a function: the module's header, its entry, a heap, and the way back to the
/// menu afterwards.
#[macro_export]
macro_rules! program {
    ($name:literal, $main:ident) => {
        mod program {
            use core::ffi::c_void;
            use $crate::runtime::{self, Entry, Exports, ModuleInfo};

            #[unsafe(link_section = ".rodata.sceModuleInfo")]
            #[used]
            static MODULE_INFO: ModuleInfo = ModuleInfo::new($name);

            #[unsafe(link_section = ".lib.ent")]
            #[used]
            static ENTRY: Entry = Entry::new(&EXPORTS);

            #[unsafe(link_section = ".rodata.sceResident")]
            #[used]
            static EXPORTS: Exports = Exports::new(module_start, &raw const MODULE_INFO);

            extern "C" fn module_start(bytes: usize, argument: *mut c_void) -> i32 {
                // SAFETY: these are the firmware's own.
                unsafe { runtime::start(main_thread, bytes, argument) }
            }

            unsafe extern "C" fn main_thread(bytes: usize, argument: *mut c_void) -> i32 {
                runtime::heap::claim();
                // SAFETY: these are the main thread's arguments, as the firmware passed them.
                unsafe { runtime::files::remember_folder(bytes, argument.cast()) };
                super::$main();
                runtime::leave()
            }
        }
    };
}
