//! `observe::Counters`: what an observer that counts has counted.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use oneloop::net;
use oneloop::observe::{Counters, Counts, Wakes};
use oneloop::{Clock, Event, EventLoop, create_task, gather, sleep, yield_now};

const SECOND: Duration = Duration::from_secs(1);

fn counted<T: 'static>(main: impl Future<Output = T> + 'static) -> Counts {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let counters = Rc::new(Counters::default());
    lp.add_observer(counters.clone());
    let task = lp.create_task(main);
    lp.run_until_complete(task).expect("it comes to its end");
    counters.counts()
}

#[test]
fn tasks_are_counted_by_how_they_end() {
    let counts = counted(async {
        let cancelled = create_task(sleep(SECOND));
        let panics = create_task(async { panic!("on purpose") });
        let returns = create_task(async {});
        yield_now().await;
        cancelled.cancel();
        assert!(panics.into_outcome().await.is_err());
        assert!(cancelled.into_outcome().await.is_err());
        returns.await;
    });
    assert_eq!((counts.tasks_created, counts.tasks_returned), (4, 2));
    assert_eq!((counts.tasks_cancelled, counts.tasks_panicked, counts.cancellations), (1, 1, 1));
}

#[test]
fn steps_callbacks_and_iterations_are_counted() {
    let counts = counted(async {
        for _ in 0..9 {
            yield_now().await;
        }
        EventLoop::current().call_soon(|| ());
        EventLoop::current().call_later(SECOND, || ());
        sleep(SECOND * 2).await;
    });
    // the third callback is that which ends the run when the main task is done
    assert_eq!((counts.steps, counts.callbacks, counts.timers_fired), (11, 3, 2));
    assert_eq!(counts.largest_batch, 1);
    assert!(counts.iterations >= counts.steps, "{counts:?}");
}

#[test]
fn wakes_are_counted_by_what_woke() {
    let counts = counted(async {
        let event = Rc::new(Event::new());
        let set = event.clone();
        let waiters = gather([event.clone(), event].map(async |event| event.wait().await));
        yield_now().await;
        set.set();
        waiters.await;
        sleep(SECOND).await;
    });
    let Wakes { by_tasks, by_timers, by_descriptors, by_threads, .. } = counts.wakes;
    // the two that waited for the event, and the main task by its own yield
    assert_eq!((by_tasks, by_timers, by_descriptors, by_threads), (3, 1, 0, 0));
}

#[test]
fn a_timer_behind_a_step_that_blocks_is_late_and_the_step_is_the_longest() {
    const BLOCKED: Duration = Duration::from_millis(120);
    let lp = EventLoop::new().unwrap();
    let counters = Rc::new(Counters::default());
    lp.add_observer(counters.clone());
    let task = lp.create_task(async {
        let nap = create_task(sleep(Duration::from_millis(1)));
        yield_now().await;
        thread::sleep(BLOCKED);
        nap.await;
    });
    lp.run_until_complete(task.named("blocks")).unwrap();
    let counts = counters.counts();
    assert_eq!(counts.timers_fired, 1);
    assert_eq!(counts.lateness[..4], [0; 4], "it is more than 100 ms late");
    let longest = counts.longest_step.unwrap();
    assert_eq!(longest.task, "blocks");
    assert!(longest.took >= BLOCKED, "{longest:?}");
}

#[test]
fn events_of_descriptors_are_counted() {
    let counts = counted(async {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let theirs = net::UnixStream::from_std(theirs).unwrap();
        let reads = create_task(async move { theirs.read(&mut [0; 8]).await.unwrap() });
        yield_now().await;
        ours.write_all(b"x").unwrap();
        assert_eq!(reads.await, 1);
    });
    assert_eq!((counts.events, counts.wakes.by_descriptors), (1, 1));
    assert!(counts.polls >= 1);
}
