//! Bugs that the tests of gatherings, waits and their like have shown.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{Awaitable, Clock, EventLoop, create_future, create_task, ensure_future, gather, sleep, yield_now};

fn virtual_loop() -> EventLoop {
    EventLoop::builder().clock(Clock::Virtual).build().unwrap()
}

#[test]
fn a_limit_whose_first_children_are_done_still_starts_the_rest() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let done = create_future();
        done.set_result(0).unwrap();
        let rest = [1, 2].map(|n| ensure_future(async move { n }));
        gather(std::iter::once(Awaitable::from(done)).chain(rest)).limit(1).await
    });
    assert_eq!(ended.unwrap(), [0, 1, 2]);
}

#[test]
fn a_limit_counts_the_tasks_that_ran_before_it_was_set() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let work = |seconds: u64| {
            let (running, most) = (Rc::clone(&running), Rc::clone(&most));
            async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                sleep(Duration::from_secs(seconds)).await;
                running.set(running.get() - 1);
            }
        };
        let started = [9, 1].map(|n| create_task(work(n)));
        yield_now().await;
        assert_eq!((running.get(), most.replace(0)), (2, 2));
        // two run already; with a limit of 1 the others wait until none runs
        let waiting = [1, 1].map(|n| create_task(work(n)));
        drop(gather(started.into_iter().chain(waiting)).limit(1).await);
        assert_eq!(most.get(), 1);
    })
    .unwrap();
}

#[test]
fn a_limit_of_n_lets_n_run_although_others_among_the_first_are_done() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let done = create_future();
        done.set_result(0).unwrap();
        let rest = [1, 2, 3].map(|n| {
            ensure_future(async move {
                sleep(Duration::from_secs(1)).await;
                n
            })
        });
        let start = EventLoop::current().time();
        let values = gather(std::iter::once(Awaitable::from(done)).chain(rest)).limit(3).await;
        assert_eq!(values, [0, 1, 2, 3]);
        assert_eq!(EventLoop::current().time() - start, Duration::from_secs(1));
    })
    .unwrap();
}

#[test]
#[cfg(unix)]
fn a_timer_that_is_due_comes_after_the_descriptors_that_are_ready() {
    use oneloop::Descriptor;
    use std::cell::RefCell;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    let lp = EventLoop::new().unwrap();
    lp.run_until_complete(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let (mut left, right) = UnixStream::pair().unwrap();
        right.set_nonblocking(true).unwrap();
        let right = Descriptor::new(right).unwrap();
        let (reads, calls) = (Rc::clone(&log), Rc::clone(&log));
        let reader = create_task(async move {
            right.readable().await;
            reads.borrow_mut().push("reader");
        });
        sleep(Duration::from_millis(2)).await;
        left.write_all(b"x").unwrap();
        let lp = EventLoop::current();
        lp.call_at(lp.time().checked_sub(Duration::from_millis(1)).unwrap(), move || calls.borrow_mut().push("timer"));
        reader.await;
        yield_now().await;
        assert_eq!(*log.borrow(), ["reader", "timer"]);
    })
    .unwrap();
}
