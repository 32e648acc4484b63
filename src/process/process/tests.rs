//! Processes whose exit a thread waits for, as on a system without descriptors of processes. `tests/it/process.rs` has
//! the same cases with a descriptor.

use std::io;
use std::process::Stdio;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Process, WatchedChild};
use crate::awaitables::create_task;
use crate::base::Clock;
use crate::event_loop::EventLoop;
use crate::primitives::yield_now;
use crate::process::{ProcessBuilder, create_subprocess_exec, create_subprocess_shell};
use crate::sys::exit_pipe;

/// Far longer than a thread takes to reap a process, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn run<F: Future<Output = io::Result<()>>>(main: F) {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    lp.run_until_complete(main).expect("main comes to its end").expect("no error");
}

fn start(mut builder: ProcessBuilder) -> io::Result<Process> {
    builder.start(exit_pipe)
}

#[test]
fn a_thread_tells_of_an_exit_code() {
    run(async {
        let process = start(create_subprocess_shell("exit 7"))?;
        assert_eq!(process.wait().await.code(), Some(7));
        assert_eq!(process.returncode(), Some(7));
        Ok(())
    });
}

#[test]
fn a_thread_tells_all_who_wait_that_a_signal_ended_it() {
    run(async {
        let process = start(create_subprocess_exec("cat").stdin(Stdio::piped()).stdout(Stdio::null()))?;
        let [first, cancelled, last] = [(); 3].map(|()| create_task(process.wait()));
        yield_now().await;
        assert!(!first.done());
        cancelled.cancel();
        process.kill()?;
        first.await;
        last.await;
        assert!(cancelled.cancelled());
        assert_eq!(process.returncode(), Some(-9));
        process.kill()
    });
}

#[test]
fn a_thread_tells_of_the_end_of_one_that_is_fed() {
    run(async {
        let process = start(create_subprocess_exec("cat").stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        assert_eq!(process.communicate("through the cat").await?.0, b"through the cat");
        assert_eq!(process.returncode(), Some(0));
        Ok(())
    });
}

#[test]
fn a_process_whose_end_cannot_be_watched_is_killed() {
    run(async {
        let child = std::process::Command::new("sleep").arg("3600").spawn()?;
        let pid = child.id();
        let failed =
            WatchedChild::watch(&EventLoop::current(), child, |_| Err(io::Error::other("no descriptors left")));
        assert!(failed.is_err());
        // a thread waits for it
        let (entry, begun) = (format!("/proc/{pid}"), Instant::now());
        while std::path::Path::new(&entry).exists() {
            assert!(begun.elapsed() < PATIENCE, "process {pid} is still there");
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    });
}

#[test]
fn the_loop_lets_go_of_a_process_that_has_ended() {
    run(async {
        let child = std::process::Command::new("true").spawn()?;
        let child = WatchedChild::watch(&EventLoop::current(), child, exit_pipe)?;
        assert!(child.wait().await.success());
        yield_now().await;
        assert_eq!(Rc::strong_count(&child), 1);
        Ok(())
    });
}
