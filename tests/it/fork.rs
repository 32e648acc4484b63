//! A loop in a process that was forked: its child is told, and does the parent's loop no harm.
#![expect(unsafe_code, reason = "a process is forked, and its end waited for")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use oneloop::{Descriptor, Error, EventLoop, sleep};

use crate::support::{alone, is_readable, ms, real_loop};

/// Runs `child` in a forked process, and returns whether it said yes.
fn in_a_fork(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child ends by `_exit` below. In between it uses what a child of a process with several threads may
    // not in general, but those of this test's process are idle.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "it is forked");
    if pid == 0 {
        let code = libc::c_int::from(!child());
        // SAFETY: the call touches no memory of ours.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: one status, alive for the call.
    let ended = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    ended == pid && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[test]
fn a_child_is_told_that_the_loop_is_its_parents() {
    alone(|| {
        let lp = real_loop();
        let told = in_a_fork(|| {
            let run = lp.run_until_complete(sleep(ms(1)));
            let (forever, turn) = (lp.run_forever(), lp.run_ready(()));
            let is_told =
                |error: &Error| error.to_string().contains("make a new one with EventLoop::new() after fork()");
            matches!(&run, Err(error @ Error::Forked) if is_told(error))
                && matches!((forever, turn), (Err(Error::Forked), Err(Error::Forked)))
        });
        assert!(told);
        lp.run_until_complete(sleep(ms(1))).expect("the parent's loop runs");
    });
}

#[test]
fn a_child_makes_a_loop_of_its_own() {
    alone(|| {
        let _parents = real_loop();
        assert!(in_a_fork(|| real_loop().run_until_complete(sleep(ms(1))).is_ok()));
    });
}

#[test]
fn a_child_is_told_of_a_loop_that_has_waited_and_of_one_made_since() {
    alone(|| {
        let waited = real_loop();
        waited.run_until_complete(sleep(ms(1))).expect("it runs");
        let since = real_loop();
        let is_told = |lp: &EventLoop| matches!(lp.run_until_complete(sleep(ms(1))), Err(Error::Forked));
        assert!(in_a_fork(|| is_told(&waited) && is_told(&since)));
        assert!(in_a_fork(|| {
            let own = real_loop();
            own.run_until_complete(sleep(ms(1))).is_ok()
                && is_told(&waited)
                && is_told(&since)
                && in_a_fork(|| is_told(&own))
        }));
        assert!(since.run_until_complete(sleep(ms(1))).is_ok());
    });
}

#[test]
fn a_fork_inside_a_run_ends_it_in_the_child_at_its_next_wait() {
    alone(|| {
        let lp = real_loop();
        let mut ended = true;
        let run = lp.run_until_complete(async {
            // SAFETY: as in `in_a_fork`, but that the child goes on in the run.
            let pid = unsafe { libc::fork() };
            sleep(ms(5)).await;
            pid
        });
        match run {
            Err(Error::Forked) => {
                // SAFETY: the call touches no memory of ours.
                unsafe { libc::_exit(7) }
            }
            Ok(pid) => {
                let mut status = 0;
                // SAFETY: one status, alive for the call.
                ended &= unsafe { libc::waitpid(pid, &raw mut status, 0) } == pid;
                assert!(ended && libc::WEXITSTATUS(status) == 7);
            }
            Err(other) => panic!("{other}"),
        }
    });
}

#[test]
fn what_a_child_drops_and_closes_stays_with_the_parent() {
    alone(|| {
        let lp = real_loop();
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let (mut watched, other) = UnixStream::pair().expect("a pair");
        other.set_nonblocking(true).expect("set");
        let callbacks = EventLoop::clone(&lp);
        lp.add_reader(&other, move || callbacks.stop()).expect("watched");
        let task = lp.create_task(async move {
            let theirs = Descriptor::new(theirs).expect("registered");
            theirs.readable().await;
            theirs.get_ref().read(&mut [0; 8]).expect("read")
        });
        lp.run_ready(()).expect("a turn");
        assert!(!is_readable(&lp, Duration::ZERO));
        assert!(in_a_fork(|| lp.close().is_ok()), "it drops the task with its descriptor");
        ours.write_all(b"hello").expect("written");
        assert!(is_readable(&lp, ms(1_000)), "the parent is told of it");
        lp.run_ready(()).expect("a turn");
        assert_eq!(task.into_result().ok(), Some(5));
        watched.write_all(b"x").expect("written");
        assert!(lp.run_once(None).expect("a turn").stopped);
        lp.remove_reader(&other);
    });
}

#[test]
fn a_child_that_drops_its_parents_loop_leaves_the_socket_by_which_that_is_inspected() {
    alone(|| {
        let path = std::env::temp_dir().join(format!("oneloop-fork-{}.sock", std::process::id()));
        let lp = EventLoop::builder().inspect(&path).build().unwrap();
        let other = EventLoop::clone(&lp);
        assert!(in_a_fork(|| {
            drop((lp.clone(), other.clone()));
            let _ = lp.close();
            path.exists()
        }));
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"what\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("error "), "{answer}");
        drop((lp, other));
        assert!(!path.exists());
    });
}
