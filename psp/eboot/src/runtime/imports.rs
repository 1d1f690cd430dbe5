//! The firmware's functions that the psp crate leaves out, declares wrongly, or would make the
//! module depend on when it loads.
//!
//! The firmware follows EABI, where arguments five to eight are in `$t0` to `$t3`. LLVM follows O32,
//! where they are on the stack, sixteen bytes above its pointer. So a function of five or more words
//! is reached through a thunk that moves them, and is listed after the semicolon of [`import!`].

#![allow(missing_docs)] // They are the firmware's.

use core::ffi::c_void;

/// Declares the functions of a library of the firmware, and makes stubs for them.
///
/// In the linker's eyes they are called `testcard_…`: the psp crate may define the same name, wrongly.
///
/// `$flags`: `0x4001` a library that is always there, `0x0009` and `0x4009` one that may come later,
/// or never (weak): the module loads without it. A module of ours uses this by `use`.
macro_rules! import {
    ($library:literal, $flags:literal,
     [$($nid:literal fn $name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty)?;)*]
     ; [$($wide_nid:literal fn $wide:ident($($wide_arg:ident: $wide_type:ty),*) $(-> $wide_ret:ty)?;)*]) => {
        core::arch::global_asm!(concat!(
            ".set push\n.set noreorder\n",
            ".section .rodata.sceResident.", $library, ",\"a\",@progbits\n.balign 4\n",
            "__import_", $library, "_name: .asciz \"", $library, "\"\n.balign 4\n",
            ".section .rodata.sceNid.", $library, ".testcard,\"a\",@progbits\n.balign 4\n",
            "__import_", $library, "_nids:\n",
            $(".word ", $nid, "\n",)* $(".word ", $wide_nid, "\n",)*
            "__import_", $library, "_nids_end:\n",
            ".section .sceStub.text.", $library, ".testcard,\"ax\",@progbits\n.balign 4\n",
            "__import_", $library, "_stubs:\n",
            $(".globl testcard_", stringify!($name), "\n",
              ".type testcard_", stringify!($name), ",@function\n",
              "testcard_", stringify!($name), ": jr $ra\n nop\n",)*
            $("__stub_", stringify!($wide), ": jr $ra\n nop\n",)*
            // "R": the linker script does not keep it by itself.
            ".section .lib.stub.entry.", $library, ".testcard,\"aR\",@progbits\n.balign 4\n",
            ".word __import_", $library, "_name\n",
            ".hword 0\n.hword ", $flags, "\n.byte 5\n.byte 0\n",
            ".hword (__import_", $library, "_nids_end - __import_", $library, "_nids) / 4\n",
            ".word __import_", $library, "_nids\n.word __import_", $library, "_stubs\n",
            $(".section .text.", stringify!($wide), ",\"ax\",@progbits\n.balign 4\n",
              ".globl testcard_", stringify!($wide), "\n",
              ".type testcard_", stringify!($wide), ",@function\n",
              "testcard_", stringify!($wide), ":\n",
              " lw $t0, 16($sp)\n lw $t1, 20($sp)\n lw $t2, 24($sp)\n",
              " j __stub_", stringify!($wide), "\n lw $t3, 28($sp)\n",)*
            ".set pop\n.text\n"
        ));
        unsafe extern "C" {
            $(#[link_name = concat!("testcard_", stringify!($name))]
              pub fn $name($($arg: $type),*) $(-> $ret)?;)*
            $(#[link_name = concat!("testcard_", stringify!($wide))]
              pub fn $wide($($wide_arg: $wide_type),*) $(-> $wide_ret)?;)*
        }
    };
}

pub(crate) use import;

pub type Thread = unsafe extern "C" fn(usize, *mut c_void) -> i32;

import!("ThreadManForUser", "0x4001", [
    "0xF475845D" fn sceKernelStartThread(id: i32, bytes: usize, argument: *mut c_void) -> i32;
]; [
    "0xD6DA4BA1" fn sceKernelCreateSema(name: *const u8, attributes: u32, value: i32, max: i32, options: *mut c_void) -> i32;
    "0x402FCF22" fn sceKernelWaitEventFlag(id: i32, bits: u32, mode: u32, found: *mut u32, timeout_us: *mut u32) -> i32;
    "0x328C546A" fn sceKernelWaitEventFlagCB(id: i32, bits: u32, mode: u32, found: *mut u32, timeout_us: *mut u32) -> i32;
    "0x446D8DE6" fn sceKernelCreateThread(name: *const u8, entry: Thread, priority: i32, stack: usize, attributes: u32, options: *mut c_void) -> i32;
]);

import!("SysMemUserForUser", "0x4000", [
    "0x9D9A5BA1" fn sceKernelGetBlockHeadAddr(id: i32) -> *mut u8;
    "0xA291F107" fn sceKernelMaxFreeMemSize() -> u32;
    "0xF919F628" fn sceKernelTotalFreeMemSize() -> u32;
]; [
    "0x237DBD4F" fn sceKernelAllocPartitionMemory(partition: i32, name: *const u8, kind: i32, size: u32, address: *mut c_void) -> i32;
]);

// The psp crate has no name for every parameter, and an enum of it may hold no other.
import!("sceUtility", "0x4001", [
    "0xA5DA2406" fn sceUtilityGetSystemParamInt(id: u32, value: *mut i32) -> i32;
]; []);

import!("IoFileMgrForUser", "0x4001", []; [
    "0x54F5FB11" fn sceIoDevctl(device: *const u8, command: u32, input: *const u8, input_bytes: usize, output: *mut u8, output_bytes: usize) -> i32;
]);
