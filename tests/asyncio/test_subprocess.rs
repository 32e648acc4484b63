//! CPython's `test_subprocess.py`: child processes. Its programs are Python, these are the shell and `cat`.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::Stdio;
use std::rc::Rc;

use oneloop::signal::{SIGKILL, SIGTERM, SIGUSR1};
use oneloop::{
    EventLoop, Process, ProcessBuilder, create_subprocess_exec, create_subprocess_shell, create_task, gather, sleep,
    yield_now,
};

use crate::support::{ms, run};

/// A program that copies its input to its output.
fn program_cat() -> ProcessBuilder {
    create_subprocess_exec("cat")
}

/// A program that blocks.
fn program_blocked() -> ProcessBuilder {
    create_subprocess_exec("sleep").arg("3600")
}

/// A program that says how long its input is.
fn program_len() -> ProcessBuilder {
    create_subprocess_exec("wc").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// More than a pipe holds.
fn large_data() -> Vec<u8> {
    vec![b'x'; 4 * 1024 * 1024 + 1]
}

/// The end of a process, if a virtual clock has nothing else to wait for.
async fn end_of(builder: ProcessBuilder) -> Option<i32> {
    let process = builder.await.expect("a process");
    process.wait().await;
    process.returncode()
}

mod subprocess_transport_tests {
    use super::*;

    #[test]
    fn test_proc_exited() {
        run(async {
            let process = create_subprocess_shell("exit 6").await.unwrap();
            assert_eq!(process.returncode(), None);
            process.wait().await;
            assert_eq!(process.returncode(), Some(6));
            // nothing happens any more, as in 3.15; 3.13 raises ProcessLookupError
            process.send_signal(SIGTERM).unwrap();
            process.terminate().unwrap();
            process.kill().unwrap();
            assert_eq!(process.returncode(), Some(6));
        });
    }

    #[test]
    fn test_proc_exited_no_invalid_state_error_on_exit_waiters() {
        run(async {
            let process = program_cat().stdin(Stdio::piped()).await.unwrap();
            let waiter = create_task(process.wait());
            yield_now().await;
            process.stdin.as_ref().unwrap().close();
            waiter.cancel();
            assert!(process.wait().await.success());
            assert!(waiter.cancelled());
        });
    }
}

mod subprocess_mixin {
    use super::*;

    #[test]
    fn test_stdin_stdout() {
        run(async {
            let process = program_cat().stdin(Stdio::piped()).stdout(Stdio::piped()).await.unwrap();
            let stdin = process.stdin.as_ref().unwrap();
            stdin.write(b"some data");
            stdin.drain().await.unwrap();
            stdin.close();
            assert_eq!(process.stdout.as_ref().unwrap().read_to_end().await.unwrap(), b"some data");
            assert_eq!(process.wait().await.code(), Some(0));
        });
    }

    #[test]
    fn test_communicate() {
        run(async {
            let process = program_cat().stdin(Stdio::piped()).stdout(Stdio::piped()).await.unwrap();
            let (stdout, _) = process.communicate(b"some data").await.unwrap();
            assert_eq!((process.returncode(), &*stdout), (Some(0), &b"some data"[..]));
        });
    }

    #[test]
    fn test_communicate_none_input() {
        run(async {
            let process = program_cat().stdin(Stdio::piped()).stdout(Stdio::piped()).await.unwrap();
            let (stdout, _) = process.communicate("").await.unwrap();
            assert_eq!((process.returncode(), &*stdout), (Some(0), &b""[..]));
        });
    }

    #[test]
    fn test_shell() {
        assert_eq!(run(end_of(create_subprocess_shell("exit 7"))), Some(7));
    }

    #[test]
    fn test_start_new_session() {
        assert_eq!(run(end_of(create_subprocess_shell("exit 8").start_new_session())), Some(8));
    }

    async fn end_after(stop: impl FnOnce(&Process) -> io::Result<()>) -> Option<i32> {
        let process = program_blocked().await.unwrap();
        stop(&process).unwrap();
        process.wait().await;
        process.returncode()
    }

    #[test]
    fn test_kill() {
        assert_eq!(run(end_after(Process::kill)), Some(-SIGKILL));
    }

    #[test]
    fn test_kill_issue43884() {
        run(async {
            // a grandchild holds the pipe when the shell is gone
            let process = create_subprocess_shell("echo started; sleep 1; sleep 1").stdout(Stdio::piped());
            let process = process.await.unwrap();
            assert_eq!(process.stdout.as_ref().unwrap().readline().await.unwrap(), b"started\n");
            process.kill().unwrap();
            process.wait().await;
            assert_eq!(process.returncode(), Some(-SIGKILL));
        });
    }

    #[test]
    fn test_terminate() {
        assert_eq!(run(end_after(Process::terminate)), Some(-SIGTERM));
    }

    #[test]
    fn test_send_signal() {
        run(async {
            let process = create_subprocess_shell("echo sleeping; exec sleep 3600").stdout(Stdio::piped());
            let process = process.await.unwrap();
            assert_eq!(process.stdout.as_ref().unwrap().readline().await.unwrap(), b"sleeping\n");
            process.send_signal(SIGUSR1).unwrap();
            process.wait().await;
            assert_eq!(process.returncode(), Some(-SIGUSR1));
        });
    }

    #[test]
    fn test_stdin_broken_pipe() {
        run(async {
            // it ends when it is told to, without having read its input
            let (go, mut starter) = io::pipe().unwrap();
            let process = create_subprocess_shell("read go <&2; exit 0").stdin(Stdio::piped()).stderr(go);
            let process = process.await.unwrap();
            let stdin = process.stdin.as_ref().unwrap();
            stdin.write(large_data());
            // only when the pipe is full
            starter.write_all(b"go\n").unwrap();
            let error = stdin.drain().await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
            assert!(process.wait().await.success());
        });
    }

    #[test]
    fn test_communicate_ignore_broken_pipe() {
        run(async {
            let process = create_subprocess_exec("true").stdin(Stdio::piped()).await.unwrap();
            process.communicate(large_data()).await.unwrap();
            assert!(process.wait().await.success());
        });
    }

    #[test]
    fn test_pause_reading() {
        run(async {
            // more than twice the limit; what is not asked for stays with the system
            let process = create_subprocess_shell("printf xxxxxxxxxxxxxxxxxxxxx").stdin(Stdio::piped());
            let process = process.stdout(Stdio::piped()).limit(10).await.unwrap();
            let (stdout, _) = process.communicate("").await.unwrap();
            assert_eq!(stdout, [b'x'; 21]);
        });
    }

    async fn len_of(message: &[u8]) -> (String, Option<i32>) {
        let process = program_len().await.unwrap();
        let (stdout, _) = process.communicate(message).await.unwrap();
        (String::from_utf8(stdout).unwrap().trim().to_owned(), process.returncode())
    }

    #[test]
    fn test_stdin_not_inheritable() {
        run(async {
            // another process, which would keep the pipe open
            let other = program_cat().stdin(Stdio::piped()).await.unwrap();
            assert_eq!(len_of(b"abc").await, ("3".to_owned(), Some(0)));
            other.communicate("").await.unwrap();
        });
    }

    #[test]
    fn test_empty_input() {
        assert_eq!(run(len_of(b"")), ("0".to_owned(), Some(0)));
    }

    #[test]
    fn test_devnull_input() {
        run(async {
            let process = program_len().stdin(Stdio::null()).await.unwrap();
            let (stdout, _) = process.communicate("").await.unwrap();
            assert_eq!((stdout.trim_ascii(), process.returncode()), (&b"0"[..], Some(0)));
        });
    }

    #[test]
    fn test_devnull_output() {
        run(async {
            let process = program_len().stdout(Stdio::null()).await.unwrap();
            let (stdout, _) = process.communicate(b"abc").await.unwrap();
            assert!(process.stdout.is_none());
            assert_eq!((&*stdout, process.returncode()), (&b""[..], Some(0)));
        });
    }

    #[test]
    fn test_devnull_error() {
        run(async {
            let process = program_len().stderr(Stdio::null()).await.unwrap();
            let (stdout, stderr) = process.communicate(b"abc").await.unwrap();
            assert!(process.stderr.is_none());
            assert_eq!((stdout.trim_ascii(), &*stderr, process.returncode()), (&b"3"[..], &b""[..], Some(0)));
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn test_devstdin_input() {
        run(async {
            let process = create_subprocess_exec("cat").arg("/dev/stdin").stdin(Stdio::piped()).stdout(Stdio::piped());
            let (stdout, _) = process.await.unwrap().communicate(b"abc").await.unwrap();
            assert_eq!(stdout, b"abc");
        });
    }

    #[test]
    fn test_cancel_process_wait() {
        run(async {
            let process = program_blocked().await.unwrap();
            let task = create_task(process.wait());
            let handle = task.handle();
            EventLoop::current().call_soon(move || handle.cancel());
            yield_now().await;
            yield_now().await;
            assert!(task.cancelled());
            assert!(!task.cancel());
            process.kill().unwrap();
            process.wait().await;
        });
    }

    #[test]
    fn test_cancel_make_subprocess_transport_exec() {
        run(async {
            // the start is one step: it is cancelled before, and starts nothing, or after, and has ended
            let before = create_task(program_blocked());
            before.cancel();
            yield_now().await;
            assert!(before.cancelled());
            let after = create_task(program_blocked().kill_on_drop(true));
            yield_now().await;
            assert!(!after.cancel());
            let process = after.await.unwrap();
            let end = process.wait();
            drop(process);
            end.await;
        });
    }

    #[test]
    fn test_close_kill_running() {
        run(async {
            let process = program_blocked().kill_on_drop(true).await.unwrap();
            let end = process.wait();
            drop(process); // the transport's close()
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&end.await), Some(SIGKILL));
        });
    }

    #[test]
    fn test_close_dont_kill_finished() {
        run(async {
            let process = create_subprocess_exec("true").kill_on_drop(true).await.unwrap();
            let end = process.wait();
            end.await;
            assert_eq!(process.returncode(), Some(0));
            drop(process);
        });
    }

    fn assert_not_found(stdin: Stdio) {
        run(async {
            let error = create_subprocess_exec("no-such-program").stdin(stdin).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        });
    }

    #[test]
    fn test_popen_error() {
        assert_not_found(Stdio::inherit());
    }

    #[test]
    fn test_popen_error_with_stdin_pipe() {
        // that the pipe is closed, a test of descriptors shows
        assert_not_found(Stdio::piped());
    }

    #[test]
    fn test_read_stdout_after_process_exit() {
        run(async {
            let process = create_subprocess_shell("head -c 50000 /dev/zero; exit 1").stdout(Stdio::piped());
            let process = process.await.unwrap();
            process.wait().await;
            let mut all = 0;
            loop {
                let data = process.stdout.as_ref().unwrap().read(10_000).await.unwrap();
                if data.is_empty() {
                    break;
                }
                all += data.len();
                sleep(ms(300)).await;
            }
            assert_eq!((all, process.returncode()), (50_000, Some(1)));
        });
    }

    #[test]
    fn test_create_subprocess_exec_with_path() {
        run(async {
            let by_path = create_subprocess_exec(Path::new("true")).await.unwrap();
            assert!(by_path.wait().await.success());
            let of_path = create_subprocess_exec("test").arg("-d").arg(Path::new(".")).await.unwrap();
            assert!(of_path.wait().await.success());
        });
    }

    async fn check_stdout_output(builder: ProcessBuilder, output: &[u8]) {
        let process = builder.stdout(Stdio::piped()).await.unwrap();
        let (stdout, _) = process.communicate("").await.unwrap();
        assert_eq!(stdout, output);
        assert_eq!(process.returncode(), Some(0));
        let task = create_task(process.wait());
        yield_now().await;
        assert!(task.result().unwrap().success());
    }

    #[test]
    fn test_create_subprocess_env_shell() {
        run(check_stdout_output(create_subprocess_shell("printf \"$FOO\"").env("FOO", "bar"), b"bar"));
    }

    #[test]
    fn test_create_subprocess_env_exec() {
        let builder = create_subprocess_exec("sh").args(["-c", "printf \"$FOO\""]).env("FOO", "baz");
        run(check_stdout_output(builder, b"baz"));
    }

    #[test]
    fn test_subprocess_concurrent_wait() {
        run(async {
            let process = program_cat().stdin(Stdio::piped()).stdout(Stdio::piped()).await.unwrap();
            assert_eq!(process.communicate(b"some data").await.unwrap().0, b"some data");
            let ends = gather((0..10).map(|_| process.wait())).await;
            assert_eq!(ends, vec![process.status().unwrap(); 10]);
        });
    }

    #[test]
    fn test_subprocess_protocol_events() {
        // there are no protocols here: their calls are what these tasks see
        run(async {
            let process = create_subprocess_shell("printf stdout; printf stderr >&2");
            let process = process.stdout(Stdio::piped()).stderr(Stdio::piped()).await.unwrap();
            let events = Rc::new(RefCell::new(Vec::new()));
            let pipes = [(1, process.stdout.clone().unwrap()), (2, process.stderr.clone().unwrap())];
            let readers = pipes.map(|(fd, pipe)| {
                let events = Rc::clone(&events);
                create_task(async move {
                    let data = pipe.readexactly(6).await.unwrap();
                    events.borrow_mut().push((fd, Some(String::from_utf8(data).unwrap())));
                    assert_eq!(pipe.read(1).await.unwrap(), b"");
                    events.borrow_mut().push((fd, None));
                })
            });
            assert!(process.wait().await.success());
            gather(readers).await;
            let of = |fd| events.borrow().iter().filter(|(of, _)| *of == fd).map(|(_, data)| data.clone()).collect();
            let (stdout, stderr): (Vec<_>, Vec<_>) = (of(1), of(2));
            assert_eq!(stdout, [Some("stdout".to_owned()), None]);
            assert_eq!(stderr, [Some("stderr".to_owned()), None]);
        });
    }

    #[test]
    fn test_subprocess_communicate_stdout() {
        run(async {
            let outputs: Vec<_> = (0..10).map(|i| format!("foo{i}\n").into_bytes()).collect();
            let found = gather((0..10).map(|i| async move {
                let process = create_subprocess_exec("echo").arg(format!("foo{i}")).stdout(Stdio::piped());
                process.await.unwrap().communicate("").await.unwrap().0
            }));
            assert_eq!(found.await, outputs);
        });
    }

    #[test]
    fn test_subprocess_send_signal_race() {
        run(async {
            for _ in 0..10 {
                let process = program_cat().stdin(Stdio::piped()).await.unwrap();
                process.stdin.as_ref().unwrap().close(); // it ends about now
                process.send_signal(SIGUSR1).unwrap();
                process.wait().await;
                assert!(matches!(process.returncode(), Some(code) if code == 0 || code == -SIGUSR1));
            }
        });
    }
}
