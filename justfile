# Everything a person does with Testcard. `just` alone lists it.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Snapshots are compared, and changed only by a person; the file lists those that a test asked for.
export INSTA_UPDATE := "no"
export INSTA_SNAPSHOT_REFERENCES_FILE := justfile_directory() / "target/snapshots-in-use"

[private]
default:
    @just --list --unsorted

# The TV in a window: archive.org's films, or the built-in ones if it does not answer
run *ARGS: (need "c++" "nasm" "pkg-config" "sdl2")
    cargo run --release --quiet -p testcard -- --offline-if-unreachable {{ ARGS }}

# The TV in a window, without any network
offline *ARGS: (need "c++" "nasm" "pkg-config" "sdl2")
    cargo run --release --quiet -p testcard -- --offline {{ ARGS }}

# The manual pages, as man reads them: man -l target/man/testcard.1
man: (need "c++" "nasm" "pkg-config" "sdl2")
    cargo run --release --quiet --locked -p testcard -- manual target/man

# Install the TV for yourself, in ~/.local. For everybody: sudo env PREFIX=/usr/local just install
install: (need "c++" "nasm" "pkg-config" "sdl2")
    cargo build --release --quiet --locked -p testcard
    tools/install target/release/testcard

# Remove what `just install` put there; settings stay
uninstall:
    tools/install --remove

# Every check that has to pass: lints, tests, thousands of bad evenings, the PSP's EBOOT, licences
test: lint tests sweep canaries lint-psp ppsspp-checks docs licences

# Format and lints
lint: (need "rustfmt" "clippy" "c++" "nasm" "pkg-config" "sdl2")
    cargo fmt --all --check
    cargo fmt --manifest-path psp/eboot/Cargo.toml --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# All tests; a snapshot that none of them uses fails too
tests: (need "c++" "nasm" "pkg-config" "sdl2" "nginx" "xmltv" "xvfb" "xdotool" "desktop-file-validate" "mandoc")
    mkdir -p target && rm -f "$INSTA_SNAPSHOT_REFERENCES_FILE"
    cargo test --workspace --locked --no-fail-fast
    tools/unused-snapshots

# The PSP's programs, checked and packed: target/psp/EBOOT.PBP is the TV
psp: (need "c++" "psp-rust" "psp-tools")
    tools/eboot

# The same once more in another folder, and whether it came out the same, byte by byte
psp-reproducible: psp
    tools/eboot-elsewhere

# The TV in PPSSPP, for who has no PSP: in a window, or in your browser
ppsspp: psp (need "node" "npm" "chromium")
    cargo build --quiet --locked -p testcard-sim
    node tests/ppsspp/watch.js

# The TV in PPSSPP, tested: watched, listened to, cut off and lied to. Or only FILES
ppsspp-tests *FILES="tests/ppsspp/tests/*.test.js": psp (need "node" "npm" "chromium" "ffmpeg")
    cargo build --quiet --locked -p testcard-sim
    node --test --test-concurrency=1 --test-reporter=spec {{ FILES }}

# Of those the ones that take minutes: the core inside PPSSPP, and whom the TV there trusts
[private]
ppsspp-checks: (ppsspp-tests "tests/ppsspp/tests/checks.test.js" "tests/ppsspp/tests/trust.test.js")

# Lints of the PSP's programs, by the compiler that builds them
lint-psp: (need "c++" "psp-rust" "psp-clippy")
    tools/psp-cargo clippy --release --lib --bins --locked --target-dir ../../target/psp -- -D warnings

# The documentation, without a broken link
docs: (need "c++" "nasm" "pkg-config" "sdl2")
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

# The EBOOT has fewer dependencies, and so not all of the licences.
deny_eboot := "cargo deny --locked --manifest-path psp/eboot/Cargo.toml --config deny.toml check --allow license-not-encountered --allow license-exception-not-encountered"

# Licences and sources of all dependencies (deny.toml)
licences: (need "cargo-deny")
    cargo deny --locked check licenses bans sources
    {{ deny_eboot }} licenses bans sources

# The same and the advisories, which come from GitHub
deny: (need "cargo-deny")
    cargo deny --locked check
    {{ deny_eboot }}

# Record the sessions that come along anew and accept what they show: read the difference in git then
sessions: (need "c++")
    cargo run --release --quiet --locked -p testcard-sim -- scenarios --out recorded-sessions
    INSTA_UPDATE=always cargo test --quiet --locked -p testcard-tests --test sessions recorded
    git status --short -- recorded-sessions tests/tests/sessions

# Whether the recorded sessions may be in git, and show what their snapshots say
check-sessions: (need "c++")
    cargo run --release --quiet --locked -p testcard-sim -- lint recorded-sessions
    cargo test --quiet --locked -p testcard-tests --test sessions recorded

# Watch sessions again: does the TV do what it did? --driver turmoil, --html DIR, --help
replay *ARGS="recorded-sessions": (need "c++")
    cargo run --release --quiet --locked -p testcard-sim -- replay {{ ARGS }}

# What is different between two sessions: just diff EXPECTED ACTUAL
diff *ARGS: (need "c++")
    cargo run --release --quiet --locked -p testcard-sim -- diff {{ ARGS }}

# Draw a session, or two and their differences: target/report.html
report EXPECTED ACTUAL=EXPECTED: (need "c++")
    mkdir -p target
    cargo run --release --quiet --locked -p testcard-sim -- \
        diff --html target/report.html "{{ EXPECTED }}" "{{ ACTUAL }}" || [ $? -eq 1 ]
    @echo target/report.html

# Evenings of random trouble by the thousand, and what must hold in all of them: --shard 1/2, --help
sweep *ARGS="--seeds 0..5000": (need "c++")
    cargo run --quiet --locked -p testcard-sim -- sweep {{ ARGS }}

# Plant bugs in core one by one, and fail when the sweep does not find one of them
canaries: (need "c++")
    cargo test --quiet --locked -p testcard-sim --features canaries --test canaries

# Time, bytes and requests to the first picture over 1 MB/s and 80 ms, beside ffmpeg and mpv
bench-tune *ARGS: (need "c++" "nasm" "pkg-config" "sdl2" "python3")
    cargo build --release --quiet -p testcard -p testcard-sim
    python3 tests/bench/tune.py {{ ARGS }}

# Peak memory while half a minute of a 2 GB film plays, moov first and moov last
bench-memory *ARGS: (need "c++" "nasm" "pkg-config" "sdl2" "python3")
    cargo build --release --quiet -p testcard -p testcard-sim
    python3 tests/bench/memory.py {{ ARGS }}

# Processor time while a 640×480 film plays, beside ffplay, both with SDL's software renderer
bench-watch *ARGS: (need "c++" "nasm" "pkg-config" "sdl2" "python3" "ffmpeg" "xvfb")
    cargo build --release --quiet -p testcard
    python3 tests/bench/watch.py {{ ARGS }}

# How many times faster than watching sessions are replayed, and seeds swept
bench-sim *ARGS: (need "c++" "python3")
    cargo build --release --quiet -p testcard-sim
    python3 tests/bench/sim.py {{ ARGS }}

# How long the screen takes to draw, on one core: the guide still and scrolling, a banner that fades
bench-guide: (need "c++" "nasm" "pkg-config" "sdl2")
    cargo run --release --quiet --locked -p testcard --example redraw

# The pictures of docs/screens anew: look at them before committing
screenshots: (need "c++" "nasm" "pkg-config" "sdl2" "python3" "xvfb" "xdotool" "imagemagick")
    cargo build --release --quiet --locked -p testcard
    tools/screenshots

# Installs what of NAMES is missing, on Debian and Ubuntu; elsewhere says what to install
[private]
need *NAMES:
    @tools/need {{ NAMES }}
