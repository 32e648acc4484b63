//! Child processes: their pipes, their ends, and what is left of them.
#![cfg(all(unix, feature = "process"))]

use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::net::PipeReader;
use oneloop::signal::{SIGKILL, SIGTERM, SIGUSR1};
use oneloop::{
    ContextVar, Process, ProcessBuilder, create_subprocess_exec, create_subprocess_shell, create_task, gather, timeout,
    yield_now,
};

use crate::support::{PATIENCE, alone, open_descriptors, panic_in, run, virtual_loop};

/// Programs that these tests start.
const PROGRAMS: &[&str] = &["sh", "cat", "true", "false", "sleep", "ls"];

/// Runs on a virtual clock. A machine without the programs skips the test.
fn with_programs<F: Future<Output = io::Result<()>>>(main: F) {
    if has_programs() {
        run(main).unwrap();
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has_programs() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let missing = PROGRAMS.iter().find(|program| !env::split_paths(&path).any(|dir| dir.join(program).exists()));
    if let Some(program) = missing {
        eprintln!("skipped: this machine has no {program}");
    }
    missing.is_none()
}

/// A process that ends when its input does.
fn cat() -> ProcessBuilder {
    create_subprocess_exec("cat").stdin(Stdio::piped()).stdout(Stdio::piped())
}

fn shell(text: &str) -> ProcessBuilder {
    create_subprocess_shell(text).stdout(Stdio::piped()).stderr(Stdio::piped())
}

async fn output(process: &Process) -> io::Result<String> {
    let (output, _) = process.communicate("").await?;
    Ok(String::from_utf8(output).unwrap())
}

/// Whether there is a process with this number, if only a zombie.
fn exists(pid: u32) -> bool {
    Command::new("sh").args(["-c", &format!("kill -0 {pid}")]).stderr(Stdio::null()).status().unwrap().success()
}

/// Waits until the process has ended and another thread has waited for it. Real time passes.
#[track_caller]
fn assert_goes(pid: u32) {
    let begun = Instant::now();
    while exists(pid) {
        assert!(begun.elapsed() < PATIENCE, "process {pid} is still there");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn arguments_are_passed_as_they_are() {
    with_programs(async {
        let echo = shell("printf '%s|' \"$0\" \"$@\"").args(["sh", "two words", "$HOME", "*", ""]).await?;
        assert_eq!(output(&echo).await?, "sh|two words|$HOME|*||");
        Ok(())
    });
}

#[test]
fn environment_and_directory_are_its_own() {
    with_programs(async {
        let there = env::temp_dir().canonicalize()?;
        let process = shell("echo \"$ONE $TWO\"; pwd -P").env("ONE", "1").envs([("TWO", "2")]).current_dir(&there);
        assert_eq!(output(&process.await?).await?, format!("1 2\n{}\n", there.display()));
        let process = shell("echo \"${PATH-no path}${ONE-no one}\"").env("ONE", "1").env_clear();
        // a shell may set a path of its own
        assert!(output(&process.await?).await?.ends_with("no one\n"));
        let process = shell("echo ${CARGO_PKG_NAME-removed}").env("CARGO_PKG_NAME", "x").env_remove("CARGO_PKG_NAME");
        assert_eq!(output(&process.await?).await?, "removed\n");
        Ok(())
    });
}

#[test]
fn a_command_of_the_standard_library_keeps_its_settings() {
    with_programs(async {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $ONE"]).env("ONE", "kept").stdout(Stdio::piped());
        assert_eq!(output(&ProcessBuilder::from(command).await?).await?, "kept\n");
        Ok(())
    });
}

#[test]
fn output_and_errors_come_apart() {
    with_programs(async {
        let process = shell("echo out; echo err >&2").await?;
        assert!(process.stdin.is_none());
        assert_eq!(process.communicate("").await?, (b"out\n".to_vec(), b"err\n".to_vec()));
        Ok(())
    });
}

#[test]
fn errors_go_where_the_output_goes() {
    with_programs(async {
        let text = "echo one; echo two >&2; echo three";
        let process = create_subprocess_shell(text).stdout(Stdio::piped()).stderr_to_stdout().await?;
        assert!(process.stderr.is_none());
        assert_eq!(output(&process).await?, "one\ntwo\nthree\n");

        let path = env::temp_dir().join(format!("oneloop-process-{}", std::process::id()));
        let process = create_subprocess_shell(text).stdout(File::create(&path)?).stderr_to_stdout().await?;
        assert!(process.wait().await.success());
        assert_eq!(fs::read_to_string(&path)?, "one\ntwo\nthree\n");
        fs::remove_file(&path)
    });
}

#[test]
fn pipes_of_two_processes_can_be_joined() {
    with_programs(async {
        let (reader, writer) = io::pipe()?;
        let first = create_subprocess_shell("echo joined").stdout(writer).await?;
        let second = create_subprocess_exec("cat").stdin(reader).stdout(Stdio::piped()).await?;
        assert_eq!(output(&second).await?, "joined\n");
        assert!(first.wait().await.success());
        Ok(())
    });
}

#[test]
fn streams_of_a_process_can_be_talked_to() {
    with_programs(async {
        let cat = cat().await?;
        let (stdin, stdout) = (cat.stdin.as_ref().unwrap(), cat.stdout.as_ref().unwrap());
        for line in ["one\n", "two\n"] {
            stdin.write(line);
            stdin.drain().await?;
            assert_eq!(stdout.readline().await.unwrap(), line.as_bytes());
            assert_eq!(cat.returncode(), None);
        }
        stdin.close();
        assert_eq!(stdout.read(1).await?, b"");
        assert!(cat.wait().await.success());
        assert_eq!(cat.status().unwrap().code(), Some(0));
        Ok(())
    });
}

#[test]
fn communicate_of_much_data_does_not_deadlock() {
    with_programs(async {
        let much: Vec<u8> = (0..4 * 1024 * 1024_u32).map(|i| (i % 251) as u8).collect();
        let process = create_subprocess_shell("tee /dev/stderr");
        let process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).await?;
        let (output, errors) = process.communicate(&much).await?;
        assert!(output == much && errors == much);
        assert_eq!(process.returncode(), Some(0));
        Ok(())
    });
}

#[test]
fn communicate_with_one_that_does_not_read_is_no_error() {
    with_programs(async {
        let process = create_subprocess_shell("echo done").stdin(Stdio::piped()).stdout(Stdio::piped()).await?;
        let (output, _) = process.communicate(vec![b'x'; 1024 * 1024]).await?;
        assert_eq!(output, b"done\n");
        assert_eq!(process.returncode(), Some(0));
        Ok(())
    });
}

#[test]
fn communicate_that_is_cancelled_loses_nothing() {
    with_programs(async {
        // it says something, waits until it is told to go on, and copies its input
        let (go, mut starter) = io::pipe()?;
        let builder = create_subprocess_shell("echo first; read go <&2; exec cat");
        let process = Rc::new(builder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(go).await?);
        let input: Vec<u8> = (0..1024 * 1024_u32).map(|i| (i % 251) as u8).collect();
        let (same, fed) = (Rc::clone(&process), input.clone());
        let task = create_task(async move { same.communicate(fed).await });
        for _ in 0..300 {
            yield_now().await;
        }
        task.cancel();
        yield_now().await;
        assert!(task.cancelled());
        starter.write_all(b"go\n")?;
        // the input goes on by itself
        let output = process.communicate("").await?.0;
        assert_eq!(output.len(), b"first\n".len() + input.len());
        assert!(output.starts_with(b"first\n") && output.ends_with(&input));
        Ok(())
    });
}

#[test]
fn communicate_twice_gives_nothing_more() {
    with_programs(async {
        let process = cat().await?;
        assert_eq!(process.communicate("once").await?.0, b"once");
        assert_eq!(process.communicate("twice").await?.0, b"");
        Ok(())
    });
}

#[test]
fn an_exit_code_and_a_signal_are_told_apart() {
    with_programs(async {
        for (text, code) in [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", -SIGTERM)] {
            let process = create_subprocess_shell(text).await?;
            process.wait().await;
            assert_eq!(process.returncode(), Some(code), "{text}");
        }
        Ok(())
    });
}

#[test]
fn signals_reach_the_process_and_are_nothing_to_one_that_has_ended() {
    with_programs(async {
        for signal in [SIGUSR1, SIGTERM, SIGKILL] {
            let process = cat().await?;
            process.send_signal(signal)?;
            process.wait().await;
            assert_eq!(process.returncode(), Some(-signal));
            process.send_signal(signal)?;
            process.terminate()?;
            process.kill()?;
        }
        let process = cat().await?;
        assert_eq!(process.send_signal(1000).unwrap_err().kind(), ErrorKind::InvalidInput);
        Ok(())
    });
}

#[test]
fn signals_that_were_ignored_here_are_not_ignored_there() {
    with_programs(async {
        // Rust programs ignore SIGPIPE
        let process = create_subprocess_shell("kill -PIPE $$; exit 0").await?;
        process.wait().await;
        assert_eq!(process.returncode(), Some(-oneloop::signal::SIGPIPE));
        Ok(())
    });
}

#[test]
fn who_writes_to_a_process_learns_that_it_is_gone() {
    with_programs(async {
        let process = create_subprocess_exec("true").stdin(Stdio::piped()).await?;
        let stdin = process.stdin.as_ref().unwrap();
        stdin.wait_closed().await?; // nothing was written, so nothing is lost
        assert!(stdin.is_closing());
        assert_eq!(stdin.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(process.communicate("it is not read").await?, (vec![], vec![]));
        assert!(process.wait().await.success());
        Ok(())
    });
}

#[test]
fn any_number_of_tasks_wait_and_some_are_cancelled() {
    with_programs(async {
        let process = cat().await?;
        let tasks: Vec<_> = (0..10).map(|_| create_task(process.wait())).collect();
        yield_now().await;
        assert!(tasks[..5].iter().all(oneloop::Task::cancel));
        yield_now().await;
        process.stdin.as_ref().unwrap().close();
        for task in tasks.into_iter().skip(5) {
            assert!(task.await.success());
        }
        assert!(create_task(process.wait()).await.success());
        Ok(())
    });
}

#[test]
fn many_at_once() {
    with_programs(async {
        let processes = (0..20).map(|i| async move {
            let process = shell(&format!("echo {i}")).await?;
            output(&process).await
        });
        let outputs: io::Result<Vec<_>> = gather(processes).await.into_iter().collect();
        assert_eq!(outputs?, (0..20).map(|i| format!("{i}\n")).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn each_thread_has_its_processes() {
    let one = || {
        with_programs(async {
            assert_eq!(cat().await?.communicate("here").await?.0, b"here");
            Ok(())
        });
    };
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(one)).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn what_cannot_be_started_is_named() {
    with_programs(async {
        let error = create_subprocess_exec("no-such-program").arg("x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("cannot start no-such-program: "), "{error}");
        let error = create_subprocess_exec("true").current_dir("/no/such/place").await.unwrap_err();
        assert!(error.to_string().starts_with("cannot start true in /no/such/place: "), "{error}");
        let error = create_subprocess_exec(env!("CARGO_MANIFEST_DIR")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        Ok(())
    });
}

#[test]
fn a_start_that_is_cancelled_starts_nothing() {
    with_programs(async {
        let path = env::temp_dir().join(format!("oneloop-started-{}", std::process::id()));
        let task = create_task(create_subprocess_exec("touch").arg(&path));
        task.cancel();
        yield_now().await;
        assert!(task.cancelled());
        assert!(!path.exists());
        Ok(())
    });
}

#[test]
fn a_dropped_process_runs_on_and_leaves_no_zombie() {
    with_programs(async {
        let (reader, writer) = io::pipe()?;
        let process = create_subprocess_exec("cat").stdin(reader).await?;
        let pid = process.pid();
        drop(process);
        yield_now().await;
        assert!(exists(pid));
        drop(writer);
        // no task waits, and the loop does
        let begun = Instant::now();
        while exists(pid) {
            assert!(begun.elapsed() < PATIENCE, "process {pid} is still there");
            yield_now().await;
        }
        Ok(())
    });
}

#[test]
fn a_process_that_ends_with_its_handle_is_killed_when_it_is_dropped() {
    with_programs(async {
        let process = create_subprocess_exec("sleep").arg("3600").kill_on_drop(true).await?;
        let (pid, end) = (process.pid(), process.wait());
        drop(process);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&end.await), Some(SIGKILL));
        assert!(!exists(pid));
        Ok(())
    });
}

#[test]
fn a_process_that_has_ended_is_not_killed_when_it_is_dropped() {
    with_programs(async {
        let process = create_subprocess_exec("true").kill_on_drop(true).await?;
        let end = process.wait();
        assert!(process.wait().await.success());
        drop(process);
        assert!(end.await.success());
        Ok(())
    });
}

#[test]
fn a_process_outlives_its_loop_and_leaves_no_zombie() {
    if !has_programs() {
        return;
    }
    let lp = virtual_loop();
    let (reader, writer) = io::pipe().unwrap();
    let process = lp.run_until_complete(create_subprocess_exec("cat").stdin(reader)).unwrap().unwrap();
    let pid = process.pid();
    drop(lp.create_task(async move { process.wait().await }));
    lp.run_until_complete(yield_now()).unwrap();
    drop(lp);
    assert!(exists(pid));
    drop(writer);
    assert_goes(pid);
}

#[test]
fn a_process_that_ends_with_its_handle_ends_with_its_loop() {
    if !has_programs() {
        return;
    }
    let lp = virtual_loop();
    let builder = create_subprocess_exec("sleep").arg("3600").kill_on_drop(true);
    let process = lp.run_until_complete(builder).unwrap().unwrap();
    let pid = process.pid();
    drop(lp.create_task(async move { process.wait().await }));
    lp.run_until_complete(yield_now()).unwrap();
    drop(lp);
    assert_goes(pid);
}

#[test]
fn a_handle_may_outlive_its_loop() {
    if !has_programs() {
        return;
    }
    let lp = virtual_loop();
    let process = lp.run_until_complete(create_subprocess_exec("sleep").arg("3600")).unwrap().unwrap();
    let pid = process.pid();
    drop(lp);
    process.kill().unwrap();
    assert_eq!(process.returncode(), None, "the end was not noticed");
    drop(process);
    assert_goes(pid);
}

#[test]
fn a_process_is_awaited_in_the_loop_that_has_started_it() {
    const REMEDY: &str = "awaited a process of another event loop, or of one that is closed";
    if !has_programs() {
        return;
    }
    let lp = virtual_loop();
    let [runs, ended] = lp
        .run_until_complete(async {
            let ended = create_subprocess_exec("true").await.unwrap();
            ended.wait().await;
            [create_subprocess_exec("sleep").arg("3600").kill_on_drop(true).await.unwrap(), ended]
        })
        .unwrap();
    for closes in [false, true] {
        run(async {
            assert!(panic_in(runs.wait()).await.starts_with(REMEDY));
            assert!(panic_in(runs.communicate("")).await.starts_with(REMEDY));
            assert!(ended.wait().await.success());
            assert_eq!(ended.communicate("").await.unwrap(), (Vec::new(), Vec::new()));
        });
        if closes {
            let _in = lp.enter();
            let mut wait = Box::pin(runs.wait());
            let polled = std::panic::catch_unwind(AssertUnwindSafe(|| {
                wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
            }));
            assert!(polled.is_err(), "it waits for a loop that is closed");
        }
        lp.close().unwrap();
    }
}

#[test]
fn a_process_keeps_no_context() {
    static HELD: ContextVar<Rc<()>> = ContextVar::new("held");
    with_programs(async {
        let held = Rc::new(());
        let lent = Rc::clone(&held);
        let started = create_task(async move {
            drop(HELD.set(lent));
            create_subprocess_exec("sleep").arg("3600").kill_on_drop(true).await
        });
        let process = started.await?;
        assert_eq!(Rc::strong_count(&held), 1);
        drop(process);
        Ok(())
    });
}

#[test]
fn a_process_that_runs_is_no_deadlock() {
    with_programs(async {
        // nothing else is set on the virtual clock
        assert!(create_subprocess_exec("sleep").arg("0.05").await?.wait().await.success());
        Ok(())
    });
}

#[test]
fn a_limit_ends_a_wait_and_not_the_process() {
    with_programs(async {
        let process = create_subprocess_exec("sleep").arg("3600").kill_on_drop(true).await?;
        assert!(timeout(Duration::from_secs(60), process.wait()).await.is_err());
        assert_eq!(process.returncode(), None);
        Ok(())
    });
}

#[test]
fn descriptors_are_given_back_and_not_inherited() {
    alone(|| {
        with_programs(async {
            let before = open_descriptors();
            if before == 0 {
                return Ok(()); // no /proc here
            }
            // what this process has itself inherited, and passes on if it is told to
            let inherited = Command::new("ls").arg("/proc/self/fd").stdin(Stdio::null()).output()?.stdout;
            let inherited = String::from_utf8(inherited).unwrap();
            for _ in 0..3 {
                let first = cat().await?;
                for (close, listed) in [(true, ONLY_STANDARD), (false, &*inherited)] {
                    let second = shell("exec ls /proc/self/fd").stdin(Stdio::null()).close_fds(close).await?;
                    assert_eq!(output(&second).await?, listed, "the loop's own are close-on-exec");
                }
                first.communicate("").await?;
                drop(first);
                assert!(create_subprocess_exec("no-such-program").stdin(Stdio::piped()).await.is_err());
                yield_now().await;
                assert_eq!(open_descriptors(), before);
            }
            Ok(())
        });
    });
}

/// The descriptors of a process that has inherited nothing else: the last one is the list itself.
const ONLY_STANDARD: &str = "0\n1\n2\n3\n";

/// A pipe that children inherit, as a C library makes it.
#[expect(unsafe_code, reason = "the standard library makes no such pipes")]
fn inheritable_pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: the call writes two numbers to an array that is alive for the call.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the call above has just opened both, so no other code owns them.
    ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) }).into()
}

fn has_proc() -> bool {
    open_descriptors() > 0
}

#[test]
fn a_child_inherits_nothing_else() {
    // alone: what another test starts meanwhile, by the standard library, inherits the pipe
    alone(|| {
        with_programs(async {
            let (reader, writer) = inheritable_pipe();
            let child = cat().await?;
            let pipeline = shell("cat | cat").stdin(Stdio::piped()).await?;
            drop(writer);
            // on the virtual clock, time passes only if the end is not there already
            let reader = PipeReader::from_fd(reader)?;
            let end = timeout(Duration::from_secs(1), reader.read(&mut [0])).await;
            assert_eq!(end.expect("a child holds the pipe")?, 0);
            child.communicate("").await?;
            pipeline.communicate("").await?;
            if !has_proc() {
                return Ok(());
            }
            let (_reader, _writer) = inheritable_pipe();
            assert_eq!(output(&shell("exec ls /proc/self/fd").await?).await?, ONLY_STANDARD);
            assert_eq!(output(&shell("sh -c 'exec ls /proc/self/fd'").await?).await?, ONLY_STANDARD);
            let mut command = Command::new("ls");
            command.arg("/proc/self/fd").stdout(Stdio::piped());
            assert_eq!(output(&ProcessBuilder::from(command).await?).await?, ONLY_STANDARD);
            Ok(())
        });
    });
}

#[test]
fn a_child_inherits_nothing_that_another_thread_opens_at_that_moment() {
    if !has_proc() {
        return;
    }
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    let opens = thread::spawn(move || {
        while !is_over.load(Ordering::SeqCst) {
            drop([inheritable_pipe(), inheritable_pipe()]);
        }
    });
    with_programs(async {
        for _ in 0..20 {
            let listed =
                output(&create_subprocess_exec("ls").arg("/proc/self/fd").stdout(Stdio::piped()).await?).await?;
            assert_eq!(listed, ONLY_STANDARD);
        }
        Ok(())
    });
    over.store(true, Ordering::SeqCst);
    opens.join().unwrap();
}

#[test]
fn a_child_inherits_what_it_is_passed_under_the_same_number() {
    with_programs(async {
        for close in [true, false] {
            let (one, two) = (io::pipe()?, io::pipe()?);
            // by a path, since not every shell knows numbers of two digits
            let text = format!("echo one >/dev/fd/{}; echo two >/dev/fd/{}", one.1.as_raw_fd(), two.1.as_raw_fd());
            let builder = create_subprocess_shell(text).close_fds(close).pass_fds([one.1]).pass_fds([two.1]);
            let process = builder.await?;
            // this process has let go of them
            assert_eq!(io::read_to_string(one.0)?, "one\n");
            assert_eq!(io::read_to_string(two.0)?, "two\n");
            assert!(process.wait().await.success());
        }
        Ok(())
    });
}

#[test]
fn a_child_inherits_what_is_inheritable_if_it_is_told_to() {
    with_programs(async {
        let (reader, writer) = inheritable_pipe();
        let text = format!("echo inherited >/dev/fd/{}", writer.as_raw_fd());
        let process = create_subprocess_shell(text).close_fds(false).await?;
        drop(writer);
        assert_eq!(io::read_to_string(File::from(reader))?, "inherited\n");
        assert!(process.wait().await.success());
        Ok(())
    });
}

#[test]
fn the_ends_of_pipes_given_as_standard_ones_are_no_others() {
    if !has_proc() {
        return;
    }
    with_programs(async {
        let (reader, writer) = inheritable_pipe();
        let builder = create_subprocess_exec("ls").arg("/proc/self/fd").stdin(reader).stdout(Stdio::piped());
        assert_eq!(output(&builder.stderr(writer).await?).await?, ONLY_STANDARD);
        Ok(())
    });
}

#[test]
fn a_standard_descriptor_is_not_passed_as_another() {
    alone(|| {
        with_programs(async {
            // free for the duplicate
            #[expect(unsafe_code, reason = "no owner of the standard input is left here")]
            // SAFETY: the number is that of the standard input, which nothing in this process uses.
            drop(unsafe { OwnedFd::from_raw_fd(0) });
            let zero = OwnedFd::from(File::open("/dev/null")?);
            assert_eq!(zero.as_raw_fd(), 0);
            let error = create_subprocess_exec("true").pass_fds([zero]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = "cannot start true: descriptor 0 is a standard one: pass it with stdin, stdout or stderr";
            assert_eq!(error.to_string(), text);
            Ok(())
        });
    });
}

#[test]
fn without_descriptors_the_process_is_ended() {
    alone(|| {
        with_programs(async {
            if open_descriptors() == 0 {
                return Ok(()); // no /proc here
            }
            // all but a few: how many a start takes, the loop below finds out
            let mut held = Vec::new();
            while let Ok(file) = File::open("/dev/null") {
                held.push(file);
                if held.len() > 100_000 {
                    return Ok(()); // there is no limit here
                }
            }
            let mut failures = 0;
            loop {
                match create_subprocess_exec("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).await {
                    Ok(process) => {
                        assert_eq!(process.communicate("at last").await?.0, b"at last");
                        assert!(failures > 1, "each step of the start can fail");
                        return Ok(());
                    }
                    Err(_) => failures += 1,
                }
                held.pop();
            }
        });
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_session_and_a_group_of_its_own() {
    with_programs(async {
        // pid, its group and its session
        let ids = "read -r pid name state parent group session rest < /proc/$$/stat; echo $pid $group $session";
        let parse = |text: String| text.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>();

        let process = shell(ids).start_new_session().await?;
        assert_eq!(parse(output(&process).await?), [process.pid(); 3]);
        let process = shell(ids).process_group(0).await?;
        let found = parse(output(&process).await?);
        assert_eq!(found[..2], [process.pid(); 2]);
        assert_ne!(found[2], process.pid());
        Ok(())
    });
}

#[test]
#[should_panic(expected = "no event loop on this thread")]
fn a_start_wants_a_loop() {
    let waker = Waker::noop();
    let mut start = std::pin::pin!(create_subprocess_exec("true"));
    let _ = start.as_mut().poll(&mut Context::from_waker(waker));
}

#[test]
fn input_from_a_file() {
    with_programs(async {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let process = create_subprocess_exec("cat").stdin(File::open(&path)?).stdout(Stdio::piped()).await?;
        assert_eq!(output(&process).await?, fs::read_to_string(&path)?);
        Ok(())
    });
}
