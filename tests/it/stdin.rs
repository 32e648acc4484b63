//! Standard input, whatever it is. Each test runs in a process of its own, which is given one.
#![cfg(unix)]

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use oneloop::net::PipeReader;
use oneloop::{create_task, stdin, timeout, yield_now};

use crate::support::{ms, run, run_real, this_test_again};

/// Set in the process that is there for one test.
const CHILD: &str = "ONELOOP_STDIN";

/// In the process that is there for the test, runs `test` and returns `None`. Elsewhere, returns the command that
/// starts that process.
#[track_caller]
fn alone(test: impl FnOnce()) -> Option<Command> {
    if env::var_os(CHILD).is_some() {
        test();
        assert!(!is_nonblocking(io::stdin()) && !is_nonblocking(io::stdout()), "it was changed");
        return None;
    }
    let mut again = this_test_again();
    again.env(CHILD, "1").stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(again)
}

#[track_caller]
fn assert_succeeds(child: Child) {
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{}\n{said}", ended.status);
    assert!(said.contains("1 passed"), "{said}");
}

#[expect(unsafe_code, reason = "the standard library does not tell")]
fn is_nonblocking(descriptor: impl AsFd) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: a call without pointers.
    let flags = unsafe { libc::fcntl(descriptor.as_fd().as_raw_fd(), libc::F_GETFL) };
    flags & libc::O_NONBLOCK != 0
}

/// Tells the parent, on standard output, which the harness does not capture there.
#[expect(clippy::print_stdout, reason = "this is what must not fail")]
fn say(text: &str) {
    println!("{text}");
}

/// Waits until the child has said this.
fn wait_for(child: &mut Child, text: &str) {
    let mut said = BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == text), "it did not say {text}");
}

async fn next_line() -> Option<String> {
    stdin().next_line().await.unwrap()
}

async fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(line) = next_line().await {
        lines.push(line);
    }
    lines
}

const TEXT: &str = "one\n\ntwo\nthree";

async fn reads_the_text() {
    assert_eq!(lines().await, ["one", "", "two", "three"]);
    assert_eq!(next_line().await, None);
    assert_eq!(stdin().read(10).await.unwrap(), b"");
}

/// A file with this text, without a name.
fn file(text: &str) -> File {
    let path = env::temp_dir().join(format!("oneloop-stdin-{}-{:?}", std::process::id(), thread::current().id()));
    fs::write(&path, text).unwrap();
    let file = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    file
}

#[test]
fn lines_of_a_file() {
    let Some(mut again) = alone(|| run(reads_the_text())) else { return };
    assert_succeeds(again.stdin(file(TEXT)).spawn().unwrap());
}

#[test]
fn lines_of_a_pipe_that_comes_in_pieces() {
    let Some(mut again) = alone(|| run(reads_the_text())) else { return };
    let mut child = again.stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    for piece in TEXT.as_bytes().chunks(2) {
        pipe.write_all(piece).unwrap();
        thread::yield_now();
    }
    drop(pipe);
    assert_succeeds(child);
}

#[test]
fn lines_of_a_socket() {
    let Some(mut again) = alone(|| run(reads_the_text())) else { return };
    let (mut here, there) = UnixStream::pair().unwrap();
    let child = again.stdin(OwnedFd::from(there)).spawn().unwrap();
    here.write_all(TEXT.as_bytes()).unwrap();
    drop((here, again));
    assert_succeeds(child);
}

#[test]
fn nothing_of_what_is_empty() {
    let nothing = || {
        run(async {
            assert_eq!(next_line().await, None);
            assert_eq!(stdin().readline().await.unwrap(), b"");
            assert_eq!(stdin().read_to_end().await.unwrap(), b"");
        });
    };
    let Some(mut again) = alone(nothing) else { return };
    assert_succeeds(again.stdin(Stdio::null()).spawn().unwrap());
}

#[test]
fn a_line_is_text_without_its_end_and_what_is_no_text_is_an_error() {
    let test = || {
        run(async {
            assert_eq!(next_line().await.unwrap(), "by Windows");
            assert_eq!(next_line().await.unwrap(), "\r within");
            let error = stdin().next_line().await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert_eq!(next_line().await.unwrap(), "last");
        });
    };
    let Some(mut again) = alone(test) else { return };
    let mut child = again.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"by Windows\r\n\r within\n\xff\nlast").unwrap();
    assert_succeeds(child);
}

#[test]
fn bytes_and_the_rest() {
    let test = || {
        run(async {
            assert_eq!(stdin().read(0).await.unwrap(), b"");
            assert_eq!(stdin().read(2).await.unwrap(), b"on");
            assert_eq!(stdin().readline().await.unwrap(), b"e\n");
            assert_eq!(stdin().read_to_end().await.unwrap(), b"\ntwo\nthree");
        });
    };
    let Some(mut again) = alone(test) else { return };
    assert_succeeds(again.stdin(file(TEXT)).spawn().unwrap());
}

#[test]
fn a_line_that_is_longer_than_any_buffer() {
    const LENGTH: usize = 1_000_000;
    let test = || {
        run(async {
            assert_eq!(next_line().await.unwrap().len(), LENGTH);
            assert_eq!(next_line().await.unwrap(), "last");
            assert_eq!(next_line().await, None);
        });
    };
    let Some(mut again) = alone(test) else { return };
    assert_succeeds(again.stdin(file(&format!("{}\nlast\n", "x".repeat(LENGTH)))).spawn().unwrap());
}

#[test]
fn what_was_read_ahead_is_there_for_the_next_value_and_in_the_next_run() {
    let test = || {
        assert_eq!(run(next_line()).unwrap(), "one");
        assert_eq!(run(async { (next_line().await, next_line().await) }).1.unwrap(), "two");
        let other = thread::spawn(|| run(next_line()));
        assert_eq!(other.join().unwrap().unwrap(), "three");
    };
    let Some(mut again) = alone(test) else { return };
    assert_succeeds(again.stdin(file(TEXT)).spawn().unwrap());
}

#[test]
fn what_the_standard_library_has_read_ahead_is_there() {
    let test = || {
        let mut first = String::new();
        io::stdin().read_line(&mut first).unwrap();
        assert_eq!(first, "one\n");
        assert_eq!(run(lines()), ["", "two", "three"]);
    };
    let Some(mut again) = alone(test) else { return };
    assert_succeeds(again.stdin(file(TEXT)).spawn().unwrap());
}

#[test]
fn a_read_that_is_given_up_loses_nothing() {
    let test = || {
        run_real(async {
            assert!(timeout(ms(1), next_line()).await.is_err());
            // one that is queued behind it
            assert!(timeout(ms(1), next_line()).await.is_err());
            say("given up");
            assert_eq!(next_line().await.unwrap(), "late");
        });
        assert_eq!(run(next_line()), None);
    };
    let Some(mut again) = alone(test) else { return };
    let mut child = again.stdin(Stdio::piped()).spawn().unwrap();
    wait_for(&mut child, "given up");
    child.stdin.take().unwrap().write_all(b"late\n").unwrap();
    assert_succeeds(child);
}

#[test]
fn two_tasks_that_read_share_the_lines() {
    let test = || {
        run(async {
            let (one, two) = (create_task(lines()), create_task(lines()));
            let mut all = one.await;
            all.append(&mut two.await);
            all.sort();
            assert_eq!(all, ["", "one", "three", "two"]);
        });
    };
    let Some(mut again) = alone(test) else { return };
    assert_succeeds(again.stdin(file(TEXT)).spawn().unwrap());
}

#[test]
fn a_read_that_waits_does_not_keep_the_program_from_ending() {
    let test = || {
        oneloop::run(async {
            let waits = create_task(next_line());
            assert!(timeout(ms(10), next_line()).await.is_err());
            drop(waits);
        })
        .unwrap();
    };
    let Some(mut again) = alone(test) else { return };
    let mut child = again.stdin(Stdio::piped()).spawn().unwrap();
    let held = child.stdin.take();
    assert_succeeds(child);
    drop(held);
}

#[test]
fn a_wait_on_the_virtual_clock_is_no_deadlock() {
    let test = || {
        run(async {
            say("waits");
            assert_eq!(next_line().await.unwrap(), "at last");
        });
    };
    let Some(mut again) = alone(test) else { return };
    let mut child = again.stdin(Stdio::piped()).spawn().unwrap();
    wait_for(&mut child, "waits");
    thread::sleep(Duration::from_millis(10));
    child.stdin.take().unwrap().write_all(b"at last\n").unwrap();
    assert_succeeds(child);
}

#[test]
fn a_pipe_that_another_process_has_made_non_blocking() {
    let test = || {
        run_real(async {
            // it reads, and would block
            assert!(timeout(ms(20), next_line()).await.is_err());
            say("reads");
            assert_eq!(lines().await, ["late"]);
        });
    };
    if env::var_os(CHILD).is_some() {
        return test(); // it is non-blocking, and stays so
    }
    let Some(mut again) = alone(|| ()) else { return };
    let (reader, mut writer) = io::pipe().unwrap();
    set_nonblocking(&reader);
    let mut child = again.stdin(reader).spawn().unwrap();
    drop(again);
    wait_for(&mut child, "reads");
    writer.write_all(b"late\n").unwrap();
    drop(writer);
    assert_succeeds(child);
}

#[expect(unsafe_code, reason = "the standard library has this for sockets alone")]
fn set_nonblocking(descriptor: &impl AsFd) {
    use std::os::fd::AsRawFd;
    // SAFETY: a call without pointers.
    assert_eq!(unsafe { libc::fcntl(descriptor.as_fd().as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }, 0);
}

/// A pair of terminals: what is written to the first is read from the second, as if it were typed, and back.
#[expect(unsafe_code, reason = "the standard library has no terminals")]
fn terminals() -> (File, OwnedFd) {
    let (mut first, mut second) = (0, 0);
    let null = std::ptr::null_mut();
    // SAFETY: the call writes to two numbers that are alive for the call; null pointers ask for what is usual.
    let opened = unsafe { libc::openpty(&raw mut first, &raw mut second, null, null.cast(), null.cast()) };
    assert_eq!(opened, 0, "{}", io::Error::last_os_error());
    // SAFETY: the call above has just opened both, so no other code owns them.
    let [first, second] = [first, second].map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    (first.into(), second)
}

/// Runs the command at a terminal, where this is typed, and returns what it says there.
fn at_a_terminal(mut again: Command, typed: &[u8]) -> (Child, String) {
    let (mut here, there) = terminals();
    let [input, output] = [(); 2].map(|()| there.try_clone().unwrap());
    again.stdin(input).stdout(output).stderr(there);
    let child = again.spawn().unwrap();
    drop(again);
    here.write_all(typed).unwrap();
    let mut said = Vec::new();
    // fails when the other end is gone, on Linux
    let _ = here.read_to_end(&mut said);
    (child, String::from_utf8_lossy(&said).into_owned())
}

/// Much more than a terminal has room for, so that it fails if standard output is non-blocking.
fn say_much() {
    for i in 0..5_000 {
        say(&format!("{i} {}", "x".repeat(200)));
    }
}

#[test]
fn lines_of_a_terminal_which_takes_much_output_meanwhile() {
    let test = || {
        oneloop::run(async {
            assert_eq!(next_line().await.unwrap(), "one");
            let next = create_task(next_line());
            yield_now().await;
            say_much();
            assert_eq!(next.await.unwrap(), "two");
            // Ctrl-D ends it once
            assert_eq!(next_line().await, None);
            assert_eq!(next_line().await.unwrap(), "three");
            // the program ends while this waits
            drop(create_task(next_line()));
            yield_now().await;
        })
        .unwrap();
    };
    let Some(again) = alone(test) else { return };
    let (mut child, said) = at_a_terminal(again, b"one\ntwo\n\x04three\n");
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains("4999 xxx") && said.contains("1 passed"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_read_as_a_pipe_is_not_changed_for_others() {
    let test = || {
        run_real(async {
            let pipe = PipeReader::from_fd(io::stdin().as_fd().try_clone_to_owned().unwrap()).unwrap();
            assert!(is_nonblocking(&pipe));
            let reader = pipe.into_stream();
            assert_eq!(reader.readline().await.unwrap(), b"one\n");
            say_much();
            assert_eq!(reader.readline().await.unwrap(), b"two\n");
        });
    };
    let Some(again) = alone(test) else { return };
    let (mut child, said) = at_a_terminal(again, b"one\ntwo\n");
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains("4999 xxx") && said.contains("1 passed"), "{said}");
}

#[test]
fn the_other_end_of_a_terminal_is_read_as_a_pipe_as_it_is() {
    run_real(async {
        let (here, there) = terminals();
        let reader = PipeReader::from_fd(here.into()).unwrap().into_stream();
        File::from(there).write_all(b"to the other end\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"to the other end\r\n");
    });
}

#[test]
fn a_file_as_a_pipe_is_refused_with_the_remedy() {
    run(async {
        let refused = PipeReader::from_fd(file(TEXT).into()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(refused.to_string().ends_with("read it in a thread, and standard input with stdin()"), "{refused}");
    });
}
