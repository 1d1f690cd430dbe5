//! What crosses crates: see the tests. Here is what several of them need.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The program, built as these tests were.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("testcard"))
}

/// `testcard-sim`, built as these tests were.
pub fn sim() -> &'static Path {
    static SIM: OnceLock<PathBuf> = OnceLock::new();
    SIM.get_or_init(|| build("testcard-sim"))
}

fn build(name: &str) -> PathBuf {
    // All of the workspace, so that dependencies are built with the features they have already.
    let build =
        ["build", "--quiet", "--locked", "--workspace", "--bin", name, "--message-format=json"];
    let built = Command::new(env!("CARGO"))
        .args(build)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    let messages = String::from_utf8(built.stdout).expect("cargo speaks UTF-8");
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executable.expect("cargo says where it put the program")
}
