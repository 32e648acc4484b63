//! Running, stopping and closing, at their edges.

use std::rc::Rc;
use std::time::Duration;

use oneloop::{Error, EventLoop, create_task, sleep, yield_now};

use super::trace::count_ticks;
use crate::log::{Log, note};
use crate::loops::virtual_loop;
use crate::time::{SECOND, secs};

#[test]
fn stop_in_a_callback_finishes_the_batch() {
    let (lp, log) = (virtual_loop(), Log::<&str>::default());
    let ticks = count_ticks(&lp);
    let (mut a, c) = (note(&log, "A"), note(&log, "C"));
    lp.call_soon(move || {
        a();
        EventLoop::current().stop();
        EventLoop::current().call_soon(c);
    });
    lp.call_soon(note(&log, "B"));
    lp.run_forever().unwrap();
    note(&log, "|")();
    lp.call_soon(|| EventLoop::current().stop());
    lp.run_forever().unwrap();
    assert_eq!((log.borrow().as_slice(), ticks.get()), (&["A", "B", "|", "C"][..], 2));
}

#[test]
fn stop_before_a_run_gives_it_one_iteration() {
    let (lp, log) = (virtual_loop(), Log::<&str>::default());
    let ticks = count_ticks(&lp);
    lp.stop();
    lp.call_soon(note(&log, "A"));
    lp.call_later(Duration::ZERO, note(&log, "T"));
    lp.call_later(SECOND, note(&log, "later"));
    lp.run_forever().unwrap();
    assert_eq!((log.borrow().as_slice(), ticks.get()), (&["A", "T"][..], 1));
}

#[test]
fn stop_before_the_main_future_is_done() {
    let lp = virtual_loop();
    let f = lp.create_future::<()>();
    lp.call_soon(|| EventLoop::current().stop());
    assert!(matches!(lp.run_until_complete(f), Err(Error::Stopped)));
}

#[test]
fn stop_drops_a_main_coroutine_and_leaves_a_task() {
    struct Dropped(Log<&'static str>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.borrow_mut().push("dropped");
        }
    }
    let (lp, log) = (virtual_loop(), Log::<&str>::default());
    let forever = |log: &Log<&'static str>| {
        let dropped = Dropped(Rc::clone(log));
        async move {
            let _dropped = dropped;
            sleep(secs(5)).await;
        }
    };
    lp.call_soon(|| EventLoop::current().stop());
    assert!(matches!(lp.run_until_complete(forever(&log)), Err(Error::Stopped)));
    assert_eq!(*log.borrow(), ["dropped"]); // asyncio leaves it on the loop; here it may borrow from its caller
    let task = lp.create_task(forever(&log));
    let handle = task.handle();
    lp.call_soon(|| EventLoop::current().stop());
    assert!(matches!(lp.run_until_complete(task), Err(Error::Stopped)));
    assert!(!handle.done());
    lp.run_until_complete(sleep(secs(6))).unwrap();
    assert!(handle.done());
}

#[test]
fn stop_in_the_iteration_that_ends_the_main_future() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        EventLoop::current().stop();
        5
    });
    assert_eq!(ended.unwrap(), 5);
}

#[test]
fn run_until_complete_takes_one_tick_for_a_done_future_and_two_for_a_coroutine() {
    let lp = virtual_loop();
    let (ticks, f) = (count_ticks(&lp), lp.create_future());
    f.set_result(3).unwrap();
    assert_eq!((lp.run_until_complete(f).unwrap(), ticks.get()), (3, 1));
    assert_eq!((lp.run_until_complete(async { 1 }).unwrap(), ticks.get()), (1, 3));
}

#[test]
fn run_until_complete_runs_one_more_batch() {
    let (lp, log) = (virtual_loop(), Log::<&str>::default());
    let (mut task, again) = (note(&log, "last batch"), note(&log, "too late"));
    lp.run_until_complete(async move {
        EventLoop::current().call_soon(move || {
            task();
            EventLoop::current().call_soon(again);
        });
    })
    .unwrap();
    assert_eq!(*log.borrow(), ["last batch"]);
}

#[test]
fn what_a_stopped_run_has_left_stops_the_next() {
    let lp = virtual_loop();
    lp.stop();
    assert_eq!(lp.run_until_complete(async { 1 }).unwrap(), 1);
    assert!(matches!(lp.run_until_complete(sleep(Duration::from_secs(1))), Err(Error::Stopped)));
    lp.stop();
    assert_eq!(lp.run_until_complete(async { 2 }).unwrap(), 2);
    lp.stop();
    lp.clear_stop();
    assert_eq!(
        lp.run_until_complete(async {
            sleep(Duration::from_secs(1)).await;
            3
        })
        .unwrap(),
        3
    );
}

#[test]
fn run_inside_a_run() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    let inner = lp.clone();
    let ended =
        lp.run_until_complete(async move { (inner.run_forever(), other.run_until_complete(async {})) }).unwrap();
    assert!(matches!(ended, (Err(Error::Running), Err(Error::Running))));
}

#[test]
fn run_of_a_future_of_another_loop() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    assert!(matches!(lp.run_until_complete(other.create_future::<()>()), Err(Error::ForeignLoop)));
}

#[test]
fn run_of_a_closed_loop() {
    let lp = virtual_loop();
    let f = lp.create_future::<()>();
    lp.close().unwrap();
    assert!(matches!(lp.run_until_complete(f), Err(Error::Closed)));
    assert!(matches!(lp.run_until_complete(async {}), Err(Error::Closed)));
    assert!(matches!(lp.run_forever(), Err(Error::Closed)));
    assert!(lp.close().is_ok());
}

#[test]
fn close_of_a_running_loop() {
    let lp = virtual_loop();
    let inner = lp.clone();
    assert!(matches!(lp.run_until_complete(async move { inner.close() }).unwrap(), Err(Error::StillRunning)));
}

#[test]
fn close_runs_no_callback() {
    let (lp, log) = (virtual_loop(), Log::<&str>::default());
    lp.call_soon(note(&log, "A"));
    lp.call_later(Duration::ZERO, note(&log, "T"));
    lp.close().unwrap();
    assert!(log.borrow().is_empty());
}

#[test]
#[should_panic(expected = "the event loop is closed")]
fn call_soon_on_a_closed_loop() {
    let lp = virtual_loop();
    lp.close().unwrap();
    lp.call_soon(|| {});
}

#[test]
#[should_panic(expected = "the event loop is closed")]
fn call_later_on_a_closed_loop() {
    let lp = virtual_loop();
    lp.close().unwrap();
    lp.call_later(Duration::ZERO, || {});
}

#[test]
#[should_panic(expected = "the event loop is closed")]
fn create_task_on_a_closed_loop() {
    let lp = virtual_loop();
    lp.close().unwrap();
    drop(lp.create_task(async {}));
}

#[test]
fn what_a_run_leaves_goes_on_in_the_next() {
    let lp = virtual_loop();
    let task = lp.create_task(async {
        sleep(secs(5)).await;
        7
    });
    lp.run_until_complete(yield_now()).unwrap();
    assert!(!task.done());
    assert_eq!(lp.run_until_complete(task).unwrap(), 7);
}

#[test]
fn a_program_that_can_never_go_on_ends_with_an_error() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let never = oneloop::create_future::<()>();
        create_task(never).await;
    });
    assert!(matches!(ended, Err(Error::Deadlock(_))));
}
