//! How often other threads write to a sleeping loop's wake descriptor. Looks at all descriptors of the process.

use std::sync::mpsc;
use std::time::Duration;
use std::{fs, thread};

use oneloop::{EventLoop, LoopHandle};

use crate::real::real_loop;
use crate::turns::one_at_a_time;

const CALLS: u64 = 10_000;

/// What has been written to the process's event descriptors, which are not read: one for each write.
fn writes() -> u64 {
    let descriptors = fs::read_dir("/proc/self/fdinfo").expect("the system tells").flatten();
    let infos = descriptors.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let counts = infos.filter_map(|info| {
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
