//! A loop's wake descriptor: how often other threads write to it, and when the poll is told of it. Looks at all
//! descriptors of the process.

use std::sync::mpsc;
use std::time::Duration;
use std::{fs, thread};

use oneloop::{EventLoop, LoopHandle};

use crate::readable::is_readable;
use crate::real::real_loop;
use crate::turns::one_at_a_time;

const CALLS: u64 = 10_000;

/// What the system tells of each descriptor.
fn infos() -> impl Iterator<Item = String> {
    let descriptors = fs::read_dir("/proc/self/fdinfo").expect("the system tells").flatten();
    descriptors.filter_map(|entry| fs::read_to_string(entry.path()).ok())
}

/// How many descriptors the polls of the process watch.
fn polled() -> usize {
    infos().map(|info| info.lines().filter(|line| line.starts_with("tfd:")).count()).sum()
}

/// What has been written to the process's event descriptors, which are not read: one for each write.
fn writes() -> u64 {
    let counts = infos().filter_map(|info| {
        let count = info.lines().find_map(|line| line.strip_prefix("eventfd-count:"))?;
        u64::from_str_radix(count.trim(), 16).ok()
    });
    counts.sum()
}

fn send_all(handle: &LoopHandle) {
    for _ in 0..CALLS {
        handle.call_soon_threadsafe(|| ()).expect("the loop is open");
    }
}

#[test]
fn ten_thousand_calls_cost_a_handful_of_writes() {
    let _turn = one_at_a_time();
    let lp = real_loop();
    let before = writes();

    // a loop that is awake is not written to
    let handle = lp.remote();
    lp.call_soon(move || {
        thread::scope(|scope| scope.spawn(|| send_all(&handle)).join()).expect("it does not panic");
        EventLoop::current().stop();
    });
    lp.run_forever().expect("it is stopped");
    assert_eq!(writes() - before, 0);

    // a loop that sleeps is woken once, however much comes until it is awake
    let (handle, (ready, go)) = (lp.remote(), mpsc::channel());
    let sender = thread::spawn(move || {
        go.recv().expect("the loop is about to sleep");
        thread::sleep(Duration::from_millis(20)); // until it does
        let (held, wait) = mpsc::channel::<()>();
        handle.call_soon_threadsafe(move || wait.recv()).expect("the loop is open");
        send_all(&handle);
        drop(held);
        handle.stop();
    });
    lp.call_soon(move || ready.send(()).expect("the thread waits"));
    lp.run_forever().expect("it is stopped");
    sender.join().expect("it does not panic");
    assert!(writes() - before <= 3, "{}", writes() - before);

    // and one that keeps up with the sender, falling asleep ever again
    let before = writes();
    let handle = lp.remote();
    let sender = thread::spawn(move || {
        send_all(&handle);
        handle.stop();
    });
    lp.run_forever().expect("it is stopped");
    sender.join().expect("it does not panic");
    assert!(writes() - before < CALLS / 10, "{}", writes() - before);
}

#[test]
fn the_poll_is_told_of_the_wake_descriptor_before_the_first_sleep() {
    let _turn = one_at_a_time();
    let before = polled();

    let lp = real_loop();
    lp.run_until_complete(oneloop::yield_now()).expect("it runs");
    assert_eq!(polled() - before, 0, "this run has not slept");

    // the first sleep has no other end than a wake
    let handle = lp.remote();
    let (ready, go) = mpsc::channel();
    let sender = thread::spawn(move || {
        go.recv().expect("the loop is about to sleep");
        thread::sleep(Duration::from_millis(20)); // until it does
        handle.stop();
    });
    lp.call_soon(move || ready.send(()).expect("the thread waits"));
    lp.run_forever().expect("it is stopped");
    sender.join().expect("it does not panic");
    assert_eq!(polled() - before, 1);

    // a host sleeps in the loop's place
    let hosted = real_loop();
    assert!(!is_readable(&hosted, Duration::ZERO));
    hosted.remote().call_soon_threadsafe(|| ()).expect("the loop is open");
    assert!(is_readable(&hosted, Duration::from_secs(1)));
}
