//! The command as a program: what it prints, its exit codes, and how it leaves the terminal. What it asks is a loop of
//! this process, on another thread.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::future::pending;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use oneloop::{EventLoop, LoopHandle};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const PATIENCE: Duration = Duration::from_secs(30);
const GIVE_BACK: &str = "\x1b[?25h\x1b[?1049l";

/// A directory of this test alone, which is removed behind it.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("oneloop-console-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// Where a program of this PID is found by it.
    fn by_pid(&self) -> PathBuf {
        self.0.join("oneloop-{pid}.sock")
    }

    /// The command, which looks for programs in this directory.
    fn oneloop(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
        command.args(words).env("XDG_RUNTIME_DIR", &self.0).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.oneloop(words).output().expect("it is started")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A loop that can be asked, on a thread of its own.
struct Program {
    handle: LoopHandle,
    thread: Option<JoinHandle<()>>,
}

impl Program {
    /// Its tasks wait for ever: one with a name that would steer a terminal, one that is awaited.
    fn start(path: PathBuf) -> Self {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            let lp = EventLoop::builder().inspect(path).build().expect("it has its socket");
            let worker = lp.create_task(pending::<()>()).named("worker");
            lp.create_task(worker).named("waits\x1b[31m");
            sender.send(lp.remote()).expect("it is waited for");
            lp.run_forever().expect("it is stopped");
        });
        Self { handle: receiver.recv_timeout(PATIENCE).expect("a loop"), thread: Some(thread) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.handle.stop();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

fn own_pid() -> String {
    std::process::id().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// What it prints, if it does well.
#[track_caller]
fn printed(output: &Output) -> String {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    text(&output.stdout)
}

/// What it complains of, and with which code it ends.
#[track_caller]
fn complaint(output: &Output) -> (String, i32) {
    assert!(output.stdout.is_empty(), "{output:?}");
    (text(&output.stderr), output.status.code().expect("a code"))
}

#[test]
fn a_program_is_found_by_its_pid_and_by_its_path() {
    let directory = Directory::new("found");
    let _program = Program::start(directory.by_pid());
    let table = printed(&directory.run(&["ps", &own_pid()]));
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].starts_with("TASK ") && rows[1].starts_with("worker ") && rows.len() == 3, "{table}");
    assert!(rows[2].contains("  worker  "), "{table}");
    let path = directory.0.join(format!("oneloop-{}.sock", own_pid()));
    let same = printed(&directory.run(&["ps", path.to_str().unwrap()]));
    assert!(same.lines().count() == 3 && same.contains("\nworker "), "{same}");
}

#[test]
fn the_tree_is_printed_without_what_would_steer_the_terminal() {
    let directory = Directory::new("tree");
    let _program = Program::start(directory.by_pid());
    let tree = printed(&directory.run(&["tree", &own_pid()]));
    assert!(tree.starts_with("waits\u{fffd}[31m "), "{tree}");
    assert!(tree.contains("\n└─ worker ") && tree.contains(" something outside the loop  ("), "{tree}");
}

#[test]
fn json_is_for_programs_and_a_page_for_a_browser() {
    let directory = Directory::new("forms");
    let _program = Program::start(directory.by_pid());
    let json = printed(&directory.run(&["ps", "--json", &own_pid()]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["pid"], std::process::id());
    assert_eq!(json["nodes"][0]["name"], "worker");
    let file = directory.0.join("page.html");
    assert_eq!(printed(&directory.run(&["tree", &own_pid(), "--html", file.to_str().unwrap()])), "");
    let page = fs::read_to_string(&file).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains(&format!("PID {}", own_pid())));
    let (error, code) = complaint(&directory.run(&["tree", &own_pid(), "--html", "/nowhere/page.html"]));
    assert!(error.starts_with("oneloop: cannot write /nowhere/page.html: ") && code == 1, "{error}");
}

#[test]
fn what_a_loop_has_counted_is_printed() {
    let directory = Directory::new("metrics");
    let _program = Program::start(directory.by_pid());
    let metrics = printed(&directory.run(&["metrics", &own_pid()]));
    let numbers: Vec<(&str, &str)> = metrics.lines().filter_map(|row| row.split_once(' ')).collect();
    let number = |name| numbers.iter().find(|(other, _)| *other == name).map(|(_, number)| number.trim());
    assert_eq!((number("tasks"), number("buffer_bytes")), (Some("2"), Some("0")), "{metrics}");
}

#[test]
fn programs_are_listed_and_those_that_have_ended_are_not() {
    let directory = Directory::new("listed");
    let nothing = printed(&directory.run(&["ps"]));
    assert!(nothing.contains("build a loop with EventLoop::builder().inspect_by_pid()"), "{nothing}");
    let _program = Program::start(directory.by_pid());
    drop(UnixListener::bind(directory.0.join("oneloop-1.sock")).expect("a file that is left"));
    let list = printed(&directory.run(&["ps"]));
    let rows: Vec<Vec<&str>> = list.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["PID", "PROGRAM", "TASKS"]);
    assert_eq!((rows.len(), rows[1][0], *rows[1].last().unwrap()), (2, own_pid().as_str(), "2"), "{list}");
}

#[test]
fn a_program_that_is_stuck_says_in_which_step() {
    let directory = Directory::new("stuck");
    let path = directory.0.join("s.sock");
    let (asked, done) = mpsc::channel();
    let (began, begins) = mpsc::channel();
    let stuck = thread::spawn({
        let path = path.clone();
        move || {
            let lp = EventLoop::builder().inspect(path).build().expect("it has its socket");
            let task = lp.create_task(async move {
                began.send(()).expect("it is waited for");
                done.recv_timeout(PATIENCE).expect("it was asked");
            });
            lp.run_until_complete(task.named("careless")).expect("it ends");
        }
    });
    begins.recv_timeout(PATIENCE).expect("it begins");
    let (error, code) = complaint(&directory.run(&["tree", path.to_str().unwrap()]));
    asked.send(()).expect("it waits");
    stuck.join().expect("it ends");
    assert!(error.starts_with("oneloop: stuck: step of careless (created at "), "{error}");
    assert!(error.contains("program.rs:") && error.contains("; meanwhile nothing else runs"), "{error}");
    assert_eq!(code, 3);
}

#[test]
fn what_cannot_be_asked_is_told_with_the_remedy() {
    let directory = Directory::new("errors");
    let told = |words: &[&str]| complaint(&directory.run(words));
    let (error, code) = told(&["ps", &own_pid()]);
    assert!(error.contains("cannot be asked: build its loop with EventLoop::builder().inspect_by_pid()"), "{error}");
    assert_eq!(code, 1);
    if Path::new("/proc/self").exists() {
        assert_eq!(told(&["ps", "4194305"]), ("oneloop: there is no process 4194305\n".to_owned(), 1));
    }
    assert_eq!(told(&["ps", "/nowhere/s.sock"]), ("oneloop: there is no socket /nowhere/s.sock\n".to_owned(), 1));
    let neither = "oneloop: shop is no PID, and there is no socket of this name here\n";
    assert_eq!(told(&["ps", "shop"]), (neither.to_owned(), 1));
    let no_socket = directory.0.to_str().unwrap();
    assert_eq!(told(&["tree", no_socket]), (format!("oneloop: {no_socket} is no socket\n"), 1));
    let left = directory.0.join("left.sock");
    drop(UnixListener::bind(&left).expect("a file that is left"));
    let left = left.to_str().unwrap();
    assert_eq!(told(&["tree", left]), (format!("oneloop: the program of {left} has ended\n"), 1));
    assert_eq!(told(&["top"]).1, 2);
}

/// A program that was killed leaves its socket, and its PID may be that of another program by now.
#[test]
fn a_socket_that_was_left_is_none_for_a_pid() {
    let directory = Directory::new("left");
    let told = |words: &[&str]| complaint(&directory.run(words));
    for pid in ["4194305", &own_pid()] {
        let without = told(&["ps", pid]);
        let left = directory.0.join(format!("oneloop-{pid}.sock"));
        drop(UnixListener::bind(&left).expect("a file that is left"));
        assert_eq!(told(&["ps", pid]), without);
    }
}

#[test]
fn a_word_that_is_no_text_is_told_like_another() {
    let directory = Directory::new("bytes");
    let told = |word: &[u8]| {
        let mut command = directory.oneloop(&["tree"]);
        complaint(&command.arg(OsStr::from_bytes(word)).output().expect("it is started"))
    };
    assert_eq!(told(b"/no\xff"), ("oneloop: there is no socket /no\u{fffd}\n".to_owned(), 1));
    assert_eq!(told(b"--\xff").1, 2);
}

/// A server of another kind listens there.
#[test]
fn what_does_not_answer_as_a_loop_does_is_told() {
    let directory = Directory::new("others");
    let path = directory.0.join("s.sock");
    let listener = UnixListener::bind(&path).expect("it listens");
    for answer in ["", "HTTP/1.1 400 Bad Request\r\n\r\n", "ok 100\nshort", "what 0\n", "ok x\n"] {
        let asking =
            directory.oneloop(&["ps", path.to_str().unwrap()]).stderr(Stdio::piped()).spawn().expect("started");
        let (mut stream, _) = listener.accept().expect("it is asked");
        let mut request = [0; 3];
        stream.read_exact(&mut request).expect("a request");
        assert_eq!(&request, b"ps\n");
        stream.write_all(answer.as_bytes()).expect("it reads");
        drop(stream);
        let output = asking.wait_with_output().expect("it ends");
        assert!(text(&output.stderr).ends_with("is no loop that can be asked\n"), "{answer:?}: {output:?}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn help_and_version_are_printed() {
    let directory = Directory::new("help");
    assert!(printed(&directory.run(&["--help"])).contains("oneloop tree PID"));
    assert_eq!(printed(&directory.run(&[])), printed(&directory.run(&["--help"])));
    assert_eq!(printed(&directory.run(&["--version"])), concat!("oneloop ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// The end of a terminal at which a person would sit.
struct Terminal {
    end: File,
    seen: String,
    child: Child,
}

impl Terminal {
    fn run(mut command: Command, columns: u16, rows: u16) -> Self {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&end).expect("it is ours");
        unlockpt(&end).expect("it is open");
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&end, size).expect("a size");
        let name = ptsname(&end, Vec::new()).expect("a name");
        let other = File::options().read(true).write(true).open(name.to_str().unwrap()).expect("its other end");
        let child = command.stdout(other.try_clone().unwrap()).stderr(other).spawn().expect("it is started");
        drop(command); // which holds the other end
        Self { end: File::from(end), seen: String::new(), child }
    }

    /// Reads until `is_enough`, or the program is gone.
    fn read_until(&mut self, is_enough: impl Fn(&str) -> bool) {
        let began = Instant::now();
        let mut room = [0; 4096];
        while !is_enough(&self.seen) && began.elapsed() < PATIENCE {
            match self.end.read(&mut room) {
                Ok(count) if count > 0 => self.seen += &String::from_utf8_lossy(&room[..count]),
                _ => break, // the other end is closed
            }
        }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }
}

#[test]
fn a_view_that_goes_on_shows_changes_and_gives_the_terminal_back() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let directory = Directory::new(&format!("watch-{}", signal.as_raw()));
        let program = Program::start(directory.by_pid());
        let mut terminal = Terminal::run(directory.oneloop(&["ps", "--watch", &own_pid()]), 40, 24);
        terminal.read_until(|seen| seen.contains("worker"));
        assert!(terminal.seen.starts_with("\x1b[?1049h\x1b[?25l\x1b[H"), "{:?}", terminal.seen);
        program.handle.call_soon_threadsafe(|| oneloop::create_task(pending::<()>()).named("newcomer")).unwrap();
        terminal.read_until(|seen| seen.contains("newcomer"));
        let (lines, longest) = (terminal.seen.replace("\x1b[K", ""), 40);
        assert!(lines.split("\r\n").skip(1).all(|line| line.chars().count() <= longest + 3), "{lines:?}");
        terminal.send(signal);
        terminal.read_until(|seen| seen.ends_with(GIVE_BACK));
        assert!(terminal.seen.ends_with(GIVE_BACK), "{signal:?}: {:?}", terminal.seen);
        assert!(terminal.child.wait().expect("it ends").success());
    }
}

#[test]
fn a_view_of_a_program_that_ends_gives_the_terminal_back_and_says_so() {
    let directory = Directory::new("watch-end");
    let program = Program::start(directory.by_pid());
    let mut terminal = Terminal::run(directory.oneloop(&["tree", "--watch", &own_pid()]), 80, 3);
    terminal.read_until(|seen| seen.contains("lines more"));
    assert!(terminal.seen.contains("… 2 lines more"), "{:?}", terminal.seen);
    drop(program);
    terminal.read_until(|seen| seen.contains("oneloop: "));
    let (_, end) = terminal.seen.split_once(GIVE_BACK).expect("it is given back");
    assert!(end.contains("oneloop: there is no socket ") && end.contains(".sock"), "{end:?}");
    assert_eq!(terminal.child.wait().expect("it ends").code(), Some(1));
}
