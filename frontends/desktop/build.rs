//! Refuses to build a slow decoder by accident: without nasm, openh264 leaves its assembly out, a
//! fifth of its speed with it, and says nothing.

use std::env;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=OPENH264_NO_ASM");
    println!("cargo::rerun-if-env-changed=PATH");

    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if arch != "x86" && arch != "x86_64" {
        return;
    }
    if env::var_os("OPENH264_NO_ASM").is_some() {
        println!("cargo::warning=OPENH264_NO_ASM is set: H.264 decodes a fifth slower");
        return;
    }
    let nasm = Command::new("nasm").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !nasm.is_ok_and(|status| status.success()) {
        println!(
            "cargo::error=nasm was not found in PATH: the H.264 decoder would be built without its \
             assembly and run a fifth slower. Install it (Debian, Ubuntu: sudo apt install nasm; \
             Fedora: sudo dnf install nasm; macOS: brew install nasm), run \
             `cargo clean -p openh264-sys2`, and build again. To do without it, set \
             OPENH264_NO_ASM=1."
        );
    }
}
