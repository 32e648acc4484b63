//! That the cost of many at once is no square of their number: 9,000 who wait and are cancelled, beside 30 times 300. A
//! walk along those who wait is no poll, no step and no allocation, so it is seen in the processor's time alone: that
//! of this thread, which no neighbour adds to. How often who is polled is counted in `tests/it`.
#![expect(unsafe_code, reason = "the standard library does not tell a thread's time")]

use std::time::Duration;

use oneloop::{
    Barrier, Condition, Descriptor, Event, Lock, ReturnWhen, Semaphore, Task, create_task, sleep, wait, yield_now,
};

use crate::runs::run;
use crate::turns::one_at_a_time;

/// How long the processor has worked for this thread.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: one structure, alive for the call.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    let seconds = u64::try_from(time.tv_sec).expect("it counts up");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("less than a second"))
}

/// What `work` costs with `few`, `times` over, beside what it costs with `times` as many at once: the least of five.
#[track_caller]
fn assert_no_square(few: u32, times: u32, work: impl Fn(u32)) {
    let _turn = one_at_a_time();
    let cost = |times: u32, n| {
        let once = || {
            let start = processor_time();
            (0..times).for_each(|_| work(n));
            processor_time().saturating_sub(start)
        };
        (0..5).map(|_| once()).min().expect("five")
    };
    let (apart, at_once) = (cost(times, few), cost(1, few * times));
    let said = format!("{apart:?} for {times} times {few}, {at_once:?} for as many at once");
    assert!(at_once < apart * 4, "{said}: a square would be {times} times as much");
}

/// `n` tasks come to wait and are cancelled at once.
fn cancel_all<F: Future<Output = ()> + 'static>(n: u32, wait: impl Fn() -> F, meanwhile: impl Fn()) {
    run(async {
        let all: Vec<_> = (0..n).map(|_| create_task(wait())).collect();
        yield_now().await;
        for task in &all {
            task.cancel();
        }
        meanwhile();
        for _ in 0..3 {
            yield_now().await;
        }
        assert!(all.iter().all(Task::cancelled));
    });
}

#[test]
fn cancelling_many_who_wait_for_a_lock_is_no_square() {
    assert_no_square(300, 30, |n| {
        let lock = Lock::new(());
        lock.try_acquire().map(std::mem::forget).expect("it is free");
        let wait = || {
            let lock = lock.clone();
            async move { drop(lock.acquire().await) }
        };
        cancel_all(n, wait, || ());
    });
}

#[test]
fn cancelling_many_who_wait_for_an_event_that_is_set_then_is_no_square() {
    assert_no_square(300, 30, |n| {
        let event = Event::new();
        cancel_all(n, || event.wait(), || event.set());
    });
}

#[test]
fn cancelling_many_who_wait_for_a_condition_is_no_square() {
    assert_no_square(300, 30, |n| {
        let condition = Condition::new(());
        let wait = || {
            let condition = condition.clone();
            async move {
                let mut guard = condition.acquire().await;
                condition.wait(&mut guard).await;
            }
        };
        cancel_all(n, wait, || ());
    });
}

#[test]
fn cancelling_many_who_wait_at_a_barrier_is_no_square() {
    assert_no_square(300, 30, |n| {
        let barrier = Barrier::new(usize::try_from(n).expect("small") + 1);
        let wait = || {
            let barrier = barrier.clone();
            async move { barrier.wait().await.map_or((), drop) }
        };
        cancel_all(n, wait, || ());
    });
}

/// Those who leave in the order in which they came, from the middle, and one after another.
#[test]
fn leaving_many_who_wait_for_one_descriptor_is_no_square() {
    const FEW: u32 = 300;
    fn all_leave(n: u32, order: impl Fn(usize) -> usize) {
        run(async {
            let (left, _right) = std::os::unix::net::UnixStream::pair().expect("two ends");
            left.set_nonblocking(true).expect("an end");
            let left = Descriptor::new(left).expect("a loop");
            let mut waits: Vec<_> = (0..n).map(|_| Some(Box::pin(left.readable()))).collect();
            for wait in waits.iter_mut().flatten() {
                for _ in 0..2 {
                    assert!(futures::poll!(&mut *wait).is_pending());
                }
            }
            for at in 0..waits.len() {
                drop(waits[order(at)].take());
            }
            assert!(waits.iter().all(Option::is_none));
        });
    }
    assert_no_square(FEW, 30, |n| all_leave(n, |at| at));
    // 7 divides neither number, so each comes once
    assert_no_square(FEW, 30, |n| all_leave(n, |at| at * 7 % n as usize));
    assert_no_square(FEW, 30, |n| all_leave(n, |at| n as usize - 1 - at));
}

#[test]
fn cancelling_many_who_wait_for_a_permit_is_no_square_also_beside_a_free_one() {
    for free in [false, true] {
        assert_no_square(300, 30, |n| {
            let semaphore = Semaphore::new(0);
            let wait = || {
                let semaphore = semaphore.clone();
                async move { drop(semaphore.acquire().await) }
            };
            let meanwhile = || {
                if free {
                    semaphore.release();
                }
            };
            cancel_all(n, wait, meanwhile);
        });
    }
}

#[test]
fn draining_many_by_first_completed_is_no_square() {
    assert_no_square(400, 10, |n| {
        run(async {
            let mut pending = wait((0..n).map(|i| create_task(sleep(i * Duration::from_secs(1))))).into_pending();
            let mut ended = 0;
            while ended < n {
                let sets = wait(pending).return_when(ReturnWhen::FirstCompleted).await;
                ended += u32::try_from(sets.done.len()).expect("at most all");
                pending = sets.pending;
            }
        });
    });
}
