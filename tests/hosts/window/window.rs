//! The window, on a display that shows it to no one: a server of X that is started for the test (`Xvfb`).
#![expect(clippy::print_stdout, reason = "it says when it is skipped")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use oneloop_hosts::{THINGS, told};

/// A server of X, which ends with this.
struct Display {
    server: Child,
    number: String,
}

impl Display {
    /// `None` where no such server is installed.
    fn start() -> Option<Self> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().ok()?;
        let mut number = String::new();
        let said = server.stdout.take().expect("it is piped");
        BufReader::new(said).read_line(&mut number).expect("it says which display it has");
        Some(Self { server, number: number.trim().to_owned() })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_window_gets_a_user_event_for_each_thing_that_happens() {
    let Some(display) = Display::start() else {
        println!("skipped: Xvfb is not installed");
        return;
    };
    let mut window = Command::new(env!("CARGO_BIN_EXE_oneloop-window"));
    let ended = window.env("DISPLAY", format!(":{}", display.number)).env_remove("WAYLAND_DISPLAY").output();
    let ended = ended.expect("the program starts");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!((told(&said, "things"), told(&said, "turns for nothing")), (THINGS, 0), "{said}");
    assert!(told(&said, "turns") <= THINGS && told(&said, "windows") == 1, "{said}");
}
