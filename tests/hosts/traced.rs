//! The hosts under strace: the system itself tells how often they were woken.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "it says when it is skipped, and what it has counted")]

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use oneloop_hosts::{THINGS, told};

/// A host that was run under strace.
struct Traced {
    /// What it has printed.
    said: String,
    /// The system calls of its thread, one on a line.
    calls: Vec<String>,
}

/// Runs an example. `None` where strace is not installed, or may trace nothing.
fn trace(example: &str) -> Option<Traced> {
    let true_traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !true_traced.is_ok_and(|traced| traced.status.success()) {
        println!("skipped: strace is not installed, or may trace nothing here");
        return None;
    }
    let built = env::current_exe().ok().and_then(|test| Some(test.parent()?.parent()?.join("examples").join(example)));
    let program = built.filter(|path| path.exists()).expect("built by `cargo build -p oneloop-hosts --examples`");
    let directory = env::temp_dir().join(format!("oneloop-traced-{example}-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("room for a trace");
    // a file for each thread
    let ended = Command::new("strace").arg("-ff").arg("-o").arg(directory.join("trace")).arg(program).output();
    let ended = ended.expect("strace starts");
    let traces = fs::read_dir(&directory).expect("the traces").map(|entry| entry.expect("a trace").path());
    let calls =
        traces.map(calls_of).find(|calls| calls.iter().any(|call| call.starts_with("execve("))).unwrap_or_default();
    let _ = fs::remove_dir_all(&directory);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Some(Traced { said: String::from_utf8_lossy(&ended.stdout).into_owned(), calls })
}

fn calls_of(trace: PathBuf) -> Vec<String> {
    fs::read_to_string(trace).expect("a trace").lines().map(str::to_owned).collect()
}

const WAITS: &[&str] = &["poll(", "ppoll(", "epoll_wait(", "epoll_pwait(", "epoll_pwait2("];

impl Traced {
    /// The waits of the thread, the host's and the loop's: the calls that ask for events, and have a time-out that is
    /// not zero.
    fn waits(&self) -> impl Iterator<Item = &str> {
        let asks = |call: &&str| WAITS.iter().any(|wait| call.starts_with(wait));
        let waits = |call: &&str| {
            let arguments = call.rsplit_once(" = ").map_or(*call, |(arguments, _)| arguments).trim_end();
            !arguments
                .split(", NULL")
                .next()
                .is_some_and(|before_signals| before_signals.trim_end_matches(')').ends_with(", 0"))
        };
        self.calls.iter().map(String::as_str).filter(asks).filter(waits)
    }
}

#[test]
fn poll_returns_once_for_each_thing_that_happens_and_never_while_idle() {
    let Some(traced) = trace("poll_loop") else { return };
    let waits: Vec<_> = traced.waits().collect();
    let (idle, woken): (Vec<_>, Vec<_>) = waits.iter().partition(|wait| wait.contains("= 0 (Timeout)"));
    println!("{} waits have ended for {THINGS} things in the loop and one of the host's", woken.len());
    let (turns, own) = (told(&traced.said, "turns"), told(&traced.said, "own"));
    assert_eq!((told(&traced.said, "things"), told(&traced.said, "turns for nothing")), (THINGS, 0));
    assert!(turns <= THINGS && (turns..=turns + own).contains(&woken.len()), "{}", traced.said);
    assert_eq!(idle.len(), 1, "a fifth of a second with nothing to do is one wait");
    assert_eq!(waits.last(), idle.last().copied());
}

#[test]
fn calloop_returns_once_for_each_thing_that_happens() {
    let Some(traced) = trace("calloop_host") else { return };
    let woken = traced.waits().filter(|wait| !wait.ends_with("= 0")).count();
    let (turns, own) = (told(&traced.said, "turns"), told(&traced.said, "own"));
    println!("{woken} waits have ended for {THINGS} things in the loop and {own} of the host's");
    assert_eq!((told(&traced.said, "things"), told(&traced.said, "turns for nothing")), (THINGS, 0));
    assert_eq!(told(&traced.said, "turns while idle"), 0);
    assert!(turns <= THINGS && (turns..=turns + own).contains(&woken), "{woken} waits: {}", traced.said);
}
