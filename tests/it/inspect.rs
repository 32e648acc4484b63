//! `EventLoopBuilder::inspect`: who may connect, what is answered and when, and what becomes of the socket's file.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::error::InspectError;
use oneloop::{Error, EventLoop, create_task, sleep, to_thread};

use crate::support::{LONG, PATIENCE, skip, this_test_again};

/// A directory of this test alone, which is removed behind it.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("oneloop-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("s.sock")
    }

    /// What is in it.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a directory").map(|entry| entry.expect("an entry").file_name());
        entries.map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).expect("a program listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream
}

/// The first word of the answer, and what follows its line.
fn ask(path: &Path, request: &str) -> (String, String) {
    let mut stream = connect(path);
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (line, text) = answer.split_once('\n').expect("a line");
    let (word, length) = line.split_once(' ').expect("a word and a length");
    assert_eq!(length.parse(), Ok(text.len()), "{line}");
    (word.to_owned(), text.to_owned())
}

/// Asks while the loop runs, in which a task with this name sleeps.
fn ask_beside(lp: &EventLoop, path: &Path, request: &'static str) -> (String, String) {
    let path = path.to_owned();
    let main = async move {
        let sleeper = create_task(sleep(PATIENCE)).named("sleeper <1>");
        let answer = to_thread(move || ask(&path, request)).await;
        sleeper.cancel();
        answer
    };
    lp.run_until_complete(main).expect("it ends")
}

fn error(path: &Path) -> InspectError {
    match EventLoop::builder().inspect(path).build() {
        Err(Error::Inspect(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_request_has_its_answer() {
    let directory = Directory::new("answers");
    let path = directory.socket();
    let lp = EventLoop::builder().inspect(&path).build().unwrap();
    let (word, table) = ask_beside(&lp, &path, "ps\n");
    assert_eq!(word, "ok");
    assert!(table.lines().any(|row| row.starts_with("sleeper <1>  waits  ") && row.contains("  a timer, ")), "{table}");
    assert!(ask_beside(&lp, &path, "tree\n").1.contains("sleeper <1> "));
    let json: serde_json::Value = serde_json::from_str(&ask_beside(&lp, &path, "json\n").1).unwrap();
    assert_eq!(json["pid"], std::process::id());
    assert!(json["program"].as_str().is_some_and(|name| !name.is_empty() && !name.contains('/')));
    assert!(json["nodes"].as_array().unwrap().iter().any(|node| node["name"] == "sleeper <1>"));
    assert!(ask_beside(&lp, &path, "dot\r\n").1.starts_with("digraph"));
    assert!(ask_beside(&lp, &path, "svg\n").1.starts_with("<svg"));
    let page = ask_beside(&lp, &path, "html\n").1;
    assert!(page.contains("sleeper &lt;1&gt;") && page.contains(&format!("PID {}", std::process::id())));
    let (word, metrics) = ask_beside(&lp, &path, "metrics\n");
    let number = |name| metrics.lines().find_map(|row| row.strip_prefix(name)).map(|rest| rest.trim().parse::<u64>());
    assert_eq!((word.as_str(), number("tasks ")), ("ok", Some(Ok(2))), "{metrics}");
    assert!(number("iterations ").is_some_and(|count| count.is_ok_and(|count| count > 0)), "{metrics}");
    let (word, text) = ask(&path, "shutdown\n");
    assert_eq!(
        (word.as_str(), text.as_str()),
        ("error", "unknown request; there are ps, tree, metrics, json, dot, svg and html")
    );
    assert_eq!(ask(&path, &format!("{}\n", "x".repeat(100))).0, "error");
}

#[test]
fn a_loop_that_is_stuck_says_in_which_step() {
    let directory = Directory::new("stuck");
    let path = directory.socket();
    let lp = EventLoop::builder().inspect(&path).build().unwrap();
    let line = line!() + 1;
    let careless = lp.create_task(async move { thread::spawn(move || ask(&path, "tree\n")).join().unwrap() });
    let (word, text) = lp.run_until_complete(careless.named("careless")).unwrap();
    assert_eq!(word, "busy");
    let begins = format!("step of careless (created at {}:{line}) runs for 1", file!());
    assert!(text.strip_prefix(&begins).is_some_and(|rest| rest.starts_with([' ', '.'])), "{text}");
}

#[test]
fn a_loop_that_is_stuck_in_debug_mode_says_what_has_woken_the_task() {
    let directory = Directory::new("woken");
    let path = directory.socket();
    let lp = EventLoop::builder().inspect(&path).debug(true).build().unwrap();
    lp.set_slow_callback_duration(Duration::MAX);
    let careless = lp.create_task(async move {
        sleep(Duration::from_millis(1)).await;
        thread::spawn(move || ask(&path, "tree\n")).join().unwrap()
    });
    let (word, text) = lp.run_until_complete(careless.named("careless")).unwrap();
    assert_eq!(word, "busy");
    assert!(text.contains(" s, woken by a timer"), "{text}");
}

#[test]
fn a_loop_that_is_stuck_says_how_it_was_when_it_was_asked_last() {
    let directory = Directory::new("before");
    let path = directory.socket();
    let lp = EventLoop::builder().inspect(&path).build().unwrap();
    assert!(ask_beside(&lp, &path, "json\n").1.contains("sleeper <1>"));
    let stuck = |request| {
        let path = path.clone();
        let careless = async move { thread::spawn(move || ask(&path, request)).join().unwrap() };
        lp.run_until_complete(lp.create_task(careless).named("careless")).unwrap()
    };
    let (word, text) = stuck("ps\n");
    assert_eq!(word, "busy");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("step of careless (created at "), "{text}");
    assert!(lines[1].starts_with("as it was ") && lines[1].ends_with(" s ago:"), "{text}");
    assert!(lines[2..].iter().any(|row| row.starts_with("sleeper <1>  waits  ")), "{text}");
    // for a program, it is no answer
    let (word, text) = stuck("json\n");
    assert_eq!((word.as_str(), text.lines().count()), ("busy", 1), "{text}");
}

/// What it was would take as much memory as there were tasks, for as long as the program runs.
#[test]
fn a_loop_of_very_many_tasks_is_not_shown_as_it_was() {
    let directory = Directory::new("large");
    let path = directory.socket();
    let lp = EventLoop::builder().inspect(&path).build().unwrap();
    assert!(ask_beside(&lp, &path, "ps\n").1.contains("sleeper <1>"));
    let many: Vec<_> = (0..10_000).map(|_| lp.create_task(sleep(LONG))).collect();
    // on a busy machine the loop may need longer for so many than until it counts as stuck
    while ask_beside(&lp, &path, "ps\n").0 != "ok" {}
    let careless = async move { thread::spawn(move || ask(&path, "ps\n")).join().unwrap() };
    let (word, text) = lp.run_until_complete(careless).unwrap();
    assert_eq!((word.as_str(), text.lines().count()), ("busy", 1), "{text}");
    drop(many);
}

#[test]
fn a_loop_that_does_not_run_says_so() {
    let directory = Directory::new("idle");
    let _lp = EventLoop::builder().inspect(directory.socket()).build().unwrap();
    let (word, text) = ask(&directory.socket(), "ps\n");
    assert_eq!(word, "busy");
    assert!(text.starts_with("the event loop does not run"), "{text}");
}

#[test]
fn many_clients_of_a_loop_that_does_not_run_are_all_told_so() {
    let directory = Directory::new("many");
    let _lp = EventLoop::builder().inspect(directory.socket()).build().unwrap();
    let answers: Vec<(String, String)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..20).map(|_| scope.spawn(|| ask(&directory.socket(), "ps\n"))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|(word, _)| word == "busy"), "{answers:?}");
}

#[test]
fn the_socket_is_for_its_user_alone_and_goes_with_the_loop() {
    let directory = Directory::new("mode");
    let path = directory.socket();
    let lp = EventLoop::builder().inspect(&path).build().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(directory.names(), ["s.sock"], "nothing else is left");
    lp.close().unwrap();
    assert_eq!(directory.names(), [""; 0]);
    let lp = EventLoop::builder().inspect(directory.0.join("{pid}.sock")).build().unwrap();
    assert_eq!(directory.names(), [format!("{}.sock", std::process::id())]);
    drop(lp);
    assert_eq!(directory.names(), [""; 0], "the last handle closes it");
}

/// Other users look at the path all the time while the socket is made, and would see it.
#[test]
fn at_no_moment_the_socket_is_there_with_a_wider_mode() {
    let directory = Directory::new("moments");
    let (path, (end, ends)) = (directory.socket(), mpsc::channel());
    let place = directory.0.clone();
    let watcher = thread::spawn(move || {
        let mut seen = 0;
        while let Err(mpsc::TryRecvError::Empty) = ends.try_recv() {
            for entry in fs::read_dir(&place).unwrap().flatten() {
                let Ok(found) = fs::symlink_metadata(entry.path()) else { continue };
                assert_eq!(found.mode() & 0o077, 0, "{entry:?}");
                seen += 1;
            }
        }
        seen
    });
    for _ in 0..50 {
        drop(EventLoop::builder().inspect(&path).build().unwrap());
    }
    end.send(()).unwrap();
    assert!(watcher.join().unwrap() > 0);
}

#[test]
fn a_socket_that_is_answered_is_not_replaced() {
    let directory = Directory::new("live");
    let path = directory.socket();
    let first = EventLoop::builder().inspect(&path).build().unwrap();
    let error = error(&path);
    assert!(matches!(&error, InspectError::InUse(at) if *at == path), "{error:?}");
    assert!(error.to_string().contains("give each loop a path of its own"), "{error}");
    assert_eq!(ask_beside(&first, &path, "ps\n").0, "ok", "the first one still answers");
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(directory.names(), ["s.sock"]);
}

#[test]
fn a_socket_of_a_dead_program_is_replaced() {
    let directory = Directory::new("stale");
    let path = directory.socket();
    drop(UnixListener::bind(&path).unwrap()); // the file stays
    let lp = EventLoop::builder().inspect(&path).build().unwrap();
    assert_eq!(ask_beside(&lp, &path, "ps\n").0, "ok");
    assert_eq!(directory.names(), ["s.sock"]);
}

#[test]
fn what_is_no_socket_is_not_replaced() {
    let directory = Directory::new("file");
    let path = directory.socket();
    fs::write(&path, "precious").unwrap();
    let error = error(&path);
    assert!(matches!(&error, InspectError::NotASocket(at) if *at == path), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_path_that_cannot_be_is_told_with_its_name() {
    let error = error(Path::new("/nowhere/at/all.sock"));
    assert!(matches!(&error, InspectError::Io(..)), "{error:?}");
    assert!(error.to_string().starts_with("no socket to inspect the loop could be opened at /nowhere/at/all.sock: "));
    let directory = Directory::new("long");
    assert!(matches!(self::error(&directory.0.join("x".repeat(200))), InspectError::Io(..)));
    assert_eq!(directory.names(), [""; 0]);
}

/// Of programs that begin at once, one has the path, and the others are told.
#[test]
fn of_several_that_begin_at_once_one_has_the_path() {
    let directory = Directory::new("race");
    for round in 0..20 {
        let path = directory.0.join(format!("{round}.sock"));
        drop(UnixListener::bind(&path).unwrap()); // all find a stale one
        let barrier = Barrier::new(4);
        let begin = || {
            let lp = EventLoop::builder().inspect(&path).build();
            barrier.wait(); // it is not closed before all have looked
            match lp {
                Ok(_) => true,
                Err(Error::Inspect(InspectError::InUse(_))) => false,
                Err(error) => panic!("{error}"),
            }
        };
        let built: Vec<bool> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(built.iter().filter(|has_it| **has_it).count(), 1, "{built:?}");
    }
}

#[test]
fn clients_that_say_nothing_or_leave_hold_up_no_others() {
    let directory = Directory::new("clients");
    let path = directory.socket();
    let lp = EventLoop::builder().inspect(&path).build().unwrap();
    for _ in 0..50 {
        drop(connect(&path)); // they leave at once
        connect(&path).write_all(b"tr").unwrap(); // … in the middle of a request
        connect(&path).write_all(b"tree\n").unwrap(); // … before the answer
    }
    // on a busy machine an answer may take until the silent ones are let go, so there are several tries
    let is_served_beside_silent_ones = || {
        let silent: Vec<UnixStream> = (0..4).map(|_| connect(&path)).collect();
        assert_eq!(ask_beside(&lp, &path, "ps\n").0, "ok");
        silent.iter().all(|client| {
            client.set_nonblocking(true).expect("it is open");
            matches!((&*client).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
        })
    };
    assert!((0..5).any(|_| is_served_beside_silent_ones()));
}

/// What the system keeps of an answer is less than what these names make.
#[test]
fn clients_that_do_not_read_are_let_go_and_sent_nothing_more() {
    let directory = Directory::new("readers");
    let path = directory.socket();
    let lp = EventLoop::builder().inspect(&path).build().unwrap();
    let answered = lp
        .run_until_complete(async move {
            // more text than a socket takes, though few nodes: so each is answered in time on a busy machine too
            (0..500).for_each(|_| drop(create_task(sleep(LONG)).named("n".repeat(1_000))));
            to_thread(move || {
                let whole = ask(&path, "json\n").1.len();
                // that many are served at once
                let mut clients: Vec<UnixStream> = (0..8).map(|_| connect(&path)).collect();
                for client in &mut clients {
                    client.write_all(b"json\n").unwrap();
                }
                let began = Instant::now();
                for client in &mut clients {
                    while client.write_all(b"\n").is_ok() {
                        assert!(began.elapsed() < PATIENCE, "it is let go");
                        thread::sleep(Duration::from_millis(500));
                    }
                }
                let received = clients.iter_mut().map(|client| {
                    let mut answer = Vec::new();
                    // it ends, well or not
                    let _ = client.read_to_end(&mut answer);
                    answer.len()
                });
                (received.collect::<Vec<_>>(), whole)
            })
            .await
        })
        .unwrap();
    let (received, whole) = answered;
    // on a busy machine the last of them may be let go before their answers have begun
    let in_part = received.iter().all(|length| *length < whole) && received[0] > 0;
    assert!(in_part, "{received:?} of {whole}");
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let directory = Directory::new("silent");
    let _lp = EventLoop::builder().inspect(directory.socket()).build().unwrap();
    let mut silent = connect(&directory.socket());
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).expect("the end, before patience is");
    assert_eq!(answer, b"");
}

/// The mode of the socket keeps other users out; who connects is looked at even so.
#[test]
fn another_user_is_refused_also_where_the_mode_lets_it_in() {
    const PATH: &str = "ONELOOP_PATH_OF_ROOT";
    const OTHER: u32 = 65_534;
    if let Some(path) = std::env::var_os(PATH) {
        let (word, text) = ask(Path::new(&path), "tree\n");
        assert_eq!((word.as_str(), text.as_str()), ("error", "this program belongs to another user"));
        return;
    }
    let directory = Directory::new("other");
    let path = directory.socket();
    let _lp = EventLoop::builder().inspect(&path).build().unwrap();
    fs::set_permissions(&directory.0, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    match this_test_again().env(PATH, &path).uid(OTHER).output() {
        Ok(child) => {
            let said = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success() && said.contains("running 1 test"), "{child:?}");
        }
        Err(error) => skip(&format!("no process of another user: {error}")),
    }
}

#[test]
fn the_default_path_is_found_by_the_pid() {
    const CHILD: &str = "ONELOOP_DEFAULT_PATH";
    if std::env::var_os(CHILD).is_none() {
        let directory = Directory::new("pid");
        let child = this_test_again().env(CHILD, "1").env("XDG_RUNTIME_DIR", &directory.0).output().unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("running 1 test"), "{child:?}");
        assert_eq!(directory.names(), [""; 0]);
        return;
    }
    let path = oneloop::console::path_of(std::process::id()).unwrap();
    let lp = EventLoop::builder().inspect_by_pid().build().unwrap();
    assert_eq!(ask_beside(&lp, &path, "ps\n").0, "ok");
    drop(lp);
    assert!(!path.exists());
}
