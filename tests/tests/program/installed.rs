//! What `just install` puts where, and that it takes all of it away again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::run::program;

/// All files below a folder, by their paths from there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).expect("below").to_path_buf()),
            }
        }
    }
    found.sort();
    found
}

fn install(root: &TempDir, what: &Path) {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/install");
    let output = Command::new(tool)
        .arg(what)
        .env("DESTDIR", root.path())
        .env("PREFIX", "/opt/tv")
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_installed_set_is_found_by_desktop_manual_and_shells_and_leaves_nothing_behind() {
    let root = TempDir::new().expect("a folder for temporary files");
    install(&root, program());
    let expected = [
        "bin/testcard",
        "share/applications/testcard.desktop",
        "share/bash-completion/completions/testcard",
        "share/fish/vendor_completions.d/testcard.fish",
        "share/icons/hicolor/64x64/apps/testcard.png",
        "share/icons/hicolor/scalable/apps/testcard.svg",
        "share/man/man1/testcard-play.1",
        "share/man/man1/testcard.1",
        "share/zsh/site-functions/_testcard",
    ];
    let installed = files(&root.path().join("opt/tv"));
    for path in expected {
        assert!(installed.contains(&PathBuf::from(path)), "{path} is not there: {installed:?}");
    }
    let at = |path: &str| root.path().join("opt/tv").join(path);
    let entry = fs::read_to_string(at("share/applications/testcard.desktop")).expect("text");
    assert!(entry.contains("\nExec=/opt/tv/bin/testcard\n"), "{entry}");
    let bash = fs::read_to_string(at("share/bash-completion/completions/testcard")).expect("text");
    assert!(bash.contains("--full-screen"));
    for (checker, arguments, path) in [
        ("desktop-file-validate", &[][..], "share/applications/testcard.desktop"),
        ("mandoc", &["-T", "lint", "-W", "error"], "share/man/man1/testcard.1"),
        ("bash", &["-n"], "share/bash-completion/completions/testcard"),
    ] {
        let output = Command::new(checker).args(arguments).arg(at(path)).output();
        let output = output.unwrap_or_else(|error| panic!("{checker} is not installed: {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    install(&root, Path::new("--remove"));
    assert_eq!(files(root.path()), Vec::<PathBuf>::new());
}
