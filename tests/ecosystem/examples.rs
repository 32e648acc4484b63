//! What the examples print that need crates of others, to the letter. Owns the comparison; the texts are in
//! docs/examples/expected.
#![expect(clippy::print_stdout, reason = "says what it skips")]

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use oneloop::net::TcpListener;
use oneloop::{create_task, to_thread};

use crate::again::this_test_again;
use crate::real::run_real;

#[expect(dead_code, reason = "its `main` has the arguments of this program, so that `program` is called")]
#[path = "../../docs/examples/download.rs"]
mod download;
#[expect(dead_code, reason = "its `main` has the arguments of this program, so that `program` is called")]
#[path = "../../docs/examples/http_server.rs"]
mod http_server;
#[path = "../../docs/examples/postgres.rs"]
mod postgres;
#[path = "../../docs/examples/tracing.rs"]
mod tracing;
#[path = "../../docs/examples/websocket.rs"]
mod websocket;
#[expect(dead_code, reason = "its `main` has the arguments of this program, so that `program` is called")]
#[path = "../../docs/examples/websocket_chat.rs"]
mod websocket_chat;
#[path = "../../docs/examples/with_tokio.rs"]
mod with_tokio;

/// Set in a process that is there to run an example and be read.
const CHILD: &str = "ONELOOP_EXAMPLE";
/// What a script exits with that lacks something.
const SKIPPED: i32 = 77;

fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

/// A command that runs the test that calls this in another process, where [`is_child`].
#[track_caller]
fn child(name: &str) -> Command {
    let mut child = this_test_again();
    child.env(CHILD, name);
    child
}

/// Looks for the lines of the file of this name in what the command prints.
#[track_caller]
fn compare(name: &str, command: &mut Command) {
    let child = command.output().expect("the same program runs again");
    let printed = String::from_utf8(child.stdout).expect("text");
    if child.status.code() == Some(SKIPPED) {
        return println!("{}", printed.trim());
    }
    assert!(child.status.success(), "{name} failed:\n{printed}\n{}", String::from_utf8_lossy(&child.stderr));
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/examples/expected/{name}.txt"));
    let expected = fs::read_to_string(&expected).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
    assert!(printed.contains(&expected), "{name} printed:\n{printed}\nexpected:\n{expected}");
}

/// Runs `main` in a process of its own, and looks for the lines of the file of its name in what it prints.
#[track_caller]
fn prints_what_is_expected(name: &str, main: fn() -> Result<(), Box<dyn Error>>) {
    if is_child() {
        return main().expect("it succeeds");
    }
    compare(name, &mut child(name));
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Asks a server, and ends it by Ctrl-C.
fn serves_curl_until_ctrl_c(arguments: &str, curl: &str) {
    if is_child() {
        return http_server::program(&words(arguments)).expect("it succeeds");
    }
    let mut server = child("http_server").stdout(Stdio::piped()).spawn().expect("the same program runs again");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines().map(|line| line.expect("a line"));
    let address =
        lines.find_map(|line| Some(line.split_once(" loops on ")?.1.to_owned())).expect("it says where it is");
    let port = address.rsplit(':').next().expect("a port");
    let mut asked = Command::new("curl");
    asked.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]).args(words(curl));
    match asked.arg(format!("https://localhost:{port}/hello/you")).output() {
        Ok(said) => assert_eq!(String::from_utf8_lossy(&[said.stdout, said.stderr].concat()), "hello you"),
        Err(error) => println!("skipped: curl cannot be started: {error}"),
    }
    let pid = server.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("there is a kill").success());
    assert!(lines.any(|line| line == "2 loops have ended"));
    assert!(server.wait().expect("it ends").success());
}

#[test]
fn download() {
    prints_what_is_expected("download", || download::program(&[]).map_err(|error| error as Box<dyn Error>));
}

#[test]
fn http_server() {
    prints_what_is_expected("http_server", || http_server::program(&[]));
}

#[test]
fn http_server_over_tls_by_version_1() {
    serves_curl_until_ctrl_c("127.0.0.1:0 --threads 2 --tls", "--insecure --http1.1");
}

#[test]
fn http_server_over_tls_by_version_2() {
    serves_curl_until_ctrl_c("127.0.0.1:0 --threads 2 --tls", "--insecure --http2");
}

#[test]
fn postgres() {
    if is_child() {
        return postgres::main().expect("it succeeds");
    }
    let inner = child("postgres");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("with_postgres");
    compare("postgres", Command::new(script).arg(inner.get_program()).args(inner.get_args()).env(CHILD, "postgres"));
}

#[test]
fn websocket() {
    prints_what_is_expected("websocket", websocket::main);
}

#[test]
fn websocket_chat() {
    prints_what_is_expected("websocket_chat", || websocket_chat::program(&[]));
}

/// The page of a chat at `url` as a browser shows it, when nothing happens there any more; `None` where there is no
/// browser.
fn seen_by_a_browser(url: &str) -> Option<String> {
    const BROWSERS: [&str; 4] = ["chrome-headless-shell", "chromium", "chromium-browser", "google-chrome"];
    let profile = env::temp_dir().join(format!("oneloop-browser-{}", std::process::id()));
    let seen = BROWSERS.into_iter().find_map(|browser| {
        let mut browser = Command::new(browser);
        browser.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-proxy-server",
            "--virtual-time-budget=3000",
        ]);
        browser.arg(format!("--user-data-dir={}", profile.display())).args(["--dump-dom", url]);
        browser.output().ok()
    });
    fs::remove_dir_all(profile).ok(); // there is none without a browser
    seen.map(|seen| String::from_utf8(seen.stdout).expect("text"))
}

#[test]
fn websocket_chat_in_a_browser() {
    run_real(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.local_addr().unwrap();
        create_task(websocket_chat::serve(listener));
        let mut other = websocket_chat::enter(address).await.unwrap();
        let seen =
            to_thread(move || seen_by_a_browser(&format!("http://{address}/?say=hello%20from%20a%20page"))).await;
        let Some(seen) = seen else { return println!("skipped: there is no Chromium") };
        for line in ["<li>2 enters</li>", "<li>2: hello from a page</li>"] {
            assert!(seen.contains(line), "{seen}");
        }
        for heard in ["1 enters", "2 enters", "2: hello from a page", "2 leaves"] {
            assert_eq!(websocket_chat::hear(&mut other).await.unwrap().to_string(), heard);
        }
    });
}

#[test]
fn tracing() {
    prints_what_is_expected("tracing", tracing::main);
}

#[test]
fn with_tokio() {
    prints_what_is_expected("with_tokio", with_tokio::main);
}
