//! A display for a test of its own, with a person at its keyboard and mouse: Xvfb and xdotool.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The screen's size, which is the window's too.
pub const SIZE: (u32, u32) = (1280, 720);

/// A display. Ends with the test.
pub struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// A display that nobody else uses, ready for windows.
    pub fn start() -> Self {
        let (width, height) = SIZE;
        let mut server = Command::new("Xvfb")
            // It takes a free number and says so when it is ready.
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{width}x{height}x24"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed (Debian, Ubuntu: sudo apt install xvfb)");
        let mut number = String::new();
        let output = server.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut number).expect("a number");
        Self { server, name: format!(":{}", number.trim()) }
    }

    /// As in the environment variable DISPLAY.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the set's window and gives it the keyboard, as no window manager is there to do.
    pub fn focus_window(&self) {
        self.xdotool(&["search", "--sync", "--onlyvisible", "--name", "^Testcard$", "windowfocus"]);
    }

    /// Presses a key by its name in X11.
    pub fn press(&self, key: &str) {
        self.xdotool(&["key", key]);
    }

    /// Moves the pointer to a pixel and clicks there.
    pub fn click(&self, x: i32, y: i32) {
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"]);
    }

    fn xdotool(&self, arguments: &[&str]) {
        let status = Command::new("xdotool")
            .args(arguments)
            .env("DISPLAY", &self.name)
            .stdout(Stdio::null())
            .status()
            .expect("xdotool is installed (Debian, Ubuntu: sudo apt install xdotool)");
        assert!(status.success(), "xdotool {arguments:?}");
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
