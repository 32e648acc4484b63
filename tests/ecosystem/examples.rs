//! What the examples print that need crates of others, to the letter. Owns the comparison; the texts are in
//! docs/examples/expected.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use crate::again::this_test_again;

#[path = "../../docs/examples/http_server.rs"]
mod http_server;
#[path = "../../docs/examples/websocket.rs"]
mod websocket;
#[path = "../../docs/examples/with_tokio.rs"]
mod with_tokio;

/// Set in a process that is there to run an example and be read.
const CHILD: &str = "ONELOOP_EXAMPLE";

/// Runs `main` in a process of its own, and looks for the lines of the file of its name in what it prints.
#[track_caller]
fn prints_what_is_expected(name: &str, main: fn() -> Result<(), Box<dyn Error>>) {
    if env::var_os(CHILD).is_some() {
        return main().expect("it succeeds");
    }
    let child = this_test_again().env(CHILD, name).output().expect("the same program runs again");
    let printed = String::from_utf8(child.stdout).expect("text");
    assert!(child.status.success(), "{name} failed:\n{printed}\n{}", String::from_utf8_lossy(&child.stderr));
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/examples/expected/{name}.txt"));
    let expected = fs::read_to_string(&expected).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
    assert!(printed.contains(&expected), "{name} printed:\n{printed}\nexpected:\n{expected}");
}

#[test]
fn http_server() {
    prints_what_is_expected("http_server", http_server::main);
}

#[test]
fn websocket() {
    prints_what_is_expected("websocket", websocket::main);
}

#[test]
fn with_tokio() {
    prints_what_is_expected("with_tokio", with_tokio::main);
}
