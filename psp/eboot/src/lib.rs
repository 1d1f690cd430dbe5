//! What the EBOOT is made of: the hardware's side of the TV. Everything that decides anything is in
//! `testcard-core`.

#![no_std]
#![feature(asm_experimental_arch, rustc_attrs)]
#![allow(internal_features)]

extern crate alloc;

pub mod checks;
pub mod console;
pub mod display;
pub mod journal;
pub mod memory;
pub mod net;
pub mod pad;
pub mod picture;
pub mod receiver;
pub mod runtime;
pub mod settings;
pub mod sound;
pub mod television;
pub mod tuner;
pub mod wireless;
