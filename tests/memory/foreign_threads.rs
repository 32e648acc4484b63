//! What other threads send in masses, while the loop is in a long step or does not run.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use oneloop::{EventLoop, create_task, sleep, yield_now};

use crate::heap::live_bytes;
use crate::loops::virtual_loop;
use crate::turns::one_at_a_time;

const KIB: isize = 1024;
/// The inbox and the loop each keep memory for a thousand messages.
const KEPT: isize = 64 * KIB;

fn live() -> isize {
    live_bytes().1
}

/// The wakers of that many tasks, which wait for nothing else.
async fn waiting(tasks: usize) -> Vec<Waker> {
    let wakers = Rc::new(RefCell::new(Vec::with_capacity(tasks)));
    for _ in 0..tasks {
        let wakers = Rc::clone(&wakers);
        drop(create_task(poll_fn(move |cx| {
            let mut wakers = wakers.borrow_mut();
            if wakers.len() < wakers.capacity() {
                wakers.push(cx.waker().clone());
            }
            Poll::<()>::Pending
        })));
    }
    yield_now().await;
    yield_now().await;
    wakers.take()
}

/// Waits in virtual time, as often as it takes until memory has been given back.
async fn idle() {
    for _ in 0..4 {
        sleep(Duration::from_secs(1)).await;
    }
}

fn wake_in_turn(wakers: Vec<Waker>, rounds: usize) -> Vec<Waker> {
    let other = thread::spawn(move || {
        (0..rounds).for_each(|_| wakers.iter().for_each(Waker::wake_by_ref));
        wakers
    });
    other.join().expect("it wakes")
}

#[test]
fn a_million_wakes_of_few_tasks_in_a_long_step_take_kilobytes_and_leave_nothing() {
    let _turn = one_at_a_time();
    let ran = virtual_loop().run_until_complete(async {
        for tasks in [2, 3, 100, 1_000] {
            let mut wakers = wake_in_turn(waiting(tasks).await, 1);
            idle().await;
            let before = live();
            for _ in 0..3 {
                wakers = wake_in_turn(wakers, 400_000 / tasks);
                let during = live() - before;
                assert!(during < 128 * KIB, "{tasks} tasks: {during} bytes");
                idle().await;
            }
            let after = live() - before;
            assert!(after < KEPT, "{tasks} tasks: {after} bytes are kept");
        }
    });
    ran.expect("it runs");
}

#[test]
fn wakes_of_very_many_tasks_of_a_loop_that_does_not_run_take_a_part_of_what_the_tasks_take() {
    const TASKS: usize = 100_000;
    const BYTES_PER_TASK: isize = 64;
    let _turn = one_at_a_time();
    let lp = virtual_loop();
    let mut wakers = lp.run_until_complete(waiting(TASKS)).expect("it runs");
    lp.run_until_complete(idle()).expect("it runs");
    let before = live();
    for _ in 0..3 {
        wakers = wake_in_turn(wakers, 5);
        let during = live() - before;
        assert!(during < BYTES_PER_TASK * TASKS.cast_signed(), "{during} bytes");
        lp.run_until_complete(idle()).expect("it runs");
        let after = live() - before;
        assert!(after < 128 * KIB, "{after} bytes are kept");
    }
}

#[test]
fn a_burst_of_callbacks_from_another_thread_leaves_nothing() {
    const CALLBACKS: usize = 200_000;
    let _turn = one_at_a_time();
    let lp = virtual_loop();
    let burst = || {
        let handle = lp.remote();
        let send = move || (0..CALLBACKS).for_each(|_| drop(handle.call_soon_threadsafe(|| ()).expect("it is open")));
        thread::spawn(send).join().expect("it sends");
        lp.run_until_complete(idle()).expect("it runs");
    };
    burst(); // blocks of freed callbacks are kept for the next ones, up to a number
    let before = live();
    burst();
    assert!(live() - before < 32 * KIB, "{} bytes are kept", live() - before);
}

#[test]
fn a_burst_of_callbacks_of_its_own_leaves_nothing() {
    let _turn = one_at_a_time();
    let burst = async || {
        let lp = EventLoop::current();
        (0..200_000).for_each(|_| drop(lp.call_soon(|| ())));
        idle().await;
    };
    let ran = virtual_loop().run_until_complete(async {
        burst().await;
        let before = live();
        burst().await;
        assert!(live() - before < 32 * KIB, "{} bytes are kept", live() - before);
    });
    ran.expect("it runs");
}
