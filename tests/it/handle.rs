//! `Handle` and `TimerHandle`: callbacks that run once, or never once they are cancelled.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use oneloop::{EventLoop, Handle, TimerHandle, sleep, yield_now};

use crate::support::{SECOND, virtual_loop};

fn pass(lp: &EventLoop, time: Duration) {
    lp.run_until_complete(sleep(time)).expect("it runs");
}

#[test]
fn callbacks_run_once_each_in_the_order_in_which_they_were_queued() {
    let lp = virtual_loop();
    let log = Rc::new(RefCell::new(Vec::new()));
    for i in 0..100 {
        let log = Rc::clone(&log);
        lp.call_soon(move || log.borrow_mut().push(i));
    }
    assert!(log.borrow().is_empty());
    pass(&lp, Duration::ZERO);
    pass(&lp, Duration::ZERO);
    assert!(log.borrow().iter().copied().eq(0..100));
}

#[test]
fn a_cancelled_callback_never_runs_and_what_it_holds_is_dropped_at_once() {
    let lp = virtual_loop();
    let witness = Rc::new(());
    let (soon, later) = (Rc::clone(&witness), Rc::clone(&witness));
    let soon = lp.call_soon(move || unreachable!("{soon:?}"));
    let later = lp.call_later(SECOND, move || unreachable!("{later:?}"));
    assert_eq!(Rc::strong_count(&witness), 3);
    soon.cancel();
    assert_eq!(Rc::strong_count(&witness), 2);
    later.cancel();
    assert_eq!(Rc::strong_count(&witness), 1);
    assert!(soon.cancelled() && later.cancelled());
    pass(&lp, 2 * SECOND);
}

#[test]
fn what_a_callback_holds_is_dropped_when_it_has_run_though_the_handle_stays() {
    let lp = virtual_loop();
    let witness = Rc::new(());
    let held = Rc::clone(&witness);
    let handle = lp.call_soon(move || drop(Rc::clone(&held)));
    pass(&lp, Duration::ZERO);
    assert_eq!(Rc::strong_count(&witness), 1);
    assert!(!handle.cancelled());
}

#[test]
fn a_dropped_handle_leaves_its_callback_scheduled() {
    let lp = virtual_loop();
    let runs = Rc::new(Cell::new(0));
    let (soon, later) = (Rc::clone(&runs), Rc::clone(&runs));
    drop(lp.call_soon(move || soon.set(soon.get() + 1)));
    drop(lp.call_later(SECOND, move || later.set(later.get() + 10)));
    pass(&lp, 2 * SECOND);
    assert_eq!(runs.get(), 11);
}

#[test]
fn cancel_twice_or_after_the_run_does_nothing() {
    let lp = virtual_loop();
    let runs = Rc::new(Cell::new(0));
    let count = Rc::clone(&runs);
    let handle = lp.call_later(SECOND, move || count.set(count.get() + 1));
    pass(&lp, 2 * SECOND);
    handle.cancel();
    handle.cancel();
    pass(&lp, 2 * SECOND);
    assert_eq!(runs.get(), 1);
}

#[test]
fn a_clone_of_a_handle_cancels_the_same_callback() {
    let lp = virtual_loop();
    let soon: Handle = lp.call_soon(|| unreachable!());
    let later: TimerHandle = lp.call_later(SECOND, || unreachable!());
    soon.clone().cancel();
    later.clone().cancel();
    assert!(soon.cancelled() && later.cancelled());
    pass(&lp, 2 * SECOND);
}

#[test]
fn a_callback_cancels_a_later_one_of_its_batch() {
    let lp = virtual_loop();
    let place = Rc::new(RefCell::new(None::<Handle>));
    let victim = Rc::clone(&place);
    lp.call_soon(move || victim.borrow().as_ref().expect("it was put there").cancel());
    place.replace(Some(lp.call_soon(|| unreachable!())));
    pass(&lp, Duration::ZERO);
}

#[test]
fn a_callback_that_cancels_itself_runs_to_its_end() {
    let lp = virtual_loop();
    let (place, ended) = (Rc::new(RefCell::new(None::<Handle>)), Rc::new(Cell::new(false)));
    let (own, end) = (Rc::clone(&place), Rc::clone(&ended));
    place.replace(Some(lp.call_soon(move || {
        own.borrow().as_ref().expect("it was put there").cancel();
        end.set(true);
    })));
    pass(&lp, Duration::ZERO);
    assert!(ended.get());
    place.take();
}

#[test]
fn a_destructor_of_a_cancelled_callback_that_uses_the_loop_meets_no_borrow() {
    struct Schedules(EventLoop, Rc<Cell<bool>>);
    impl Drop for Schedules {
        fn drop(&mut self) {
            let ran = Rc::clone(&self.1);
            self.0.call_later(SECOND, move || ran.set(true));
            self.0.call_soon(|| ()).cancel();
        }
    }
    let lp = virtual_loop();
    let ran = Rc::new(Cell::new(false));
    let value = Schedules(lp.clone(), Rc::clone(&ran));
    let timer = lp.call_later(SECOND, move || drop(value));
    timer.cancel();
    pass(&lp, 2 * SECOND);
    assert!(ran.get());
}

#[test]
fn a_destructor_of_a_callback_that_cancels_its_own_handle_meets_no_borrow() {
    struct Cancels(Rc<RefCell<Option<TimerHandle>>>);
    impl Drop for Cancels {
        fn drop(&mut self) {
            if let Some(handle) = self.0.take() {
                handle.cancel();
            }
        }
    }
    let lp = virtual_loop();
    let place = Rc::new(RefCell::new(None));
    let value = Cancels(Rc::clone(&place));
    let timer = lp.call_later(SECOND, move || drop(value));
    place.replace(Some(timer.clone()));
    timer.cancel();
    assert!(place.borrow().is_none());
}

#[test]
fn when_is_the_deadline_on_the_loops_clock() {
    let lp = virtual_loop();
    let start = lp.time();
    let later = lp.call_later(3 * SECOND, || ());
    let at = lp.call_at(start + 2 * SECOND, || ());
    assert_eq!((later.when(), at.when()), (start + 3 * SECOND, start + 2 * SECOND));
}

#[test]
fn timers_run_in_order_of_deadline_and_equal_ones_in_the_order_in_which_they_were_set() {
    let lp = virtual_loop();
    let log = Rc::new(RefCell::new(Vec::new()));
    for (i, seconds) in [3, 1, 2, 1, 3, 2].into_iter().enumerate() {
        let log = Rc::clone(&log);
        lp.call_later(seconds * SECOND, move || log.borrow_mut().push((seconds, i)));
    }
    pass(&lp, 5 * SECOND);
    assert_eq!(*log.borrow(), [(1, 1), (1, 3), (2, 2), (2, 5), (3, 0), (3, 4)]);
}

#[test]
fn a_time_that_has_passed_means_the_next_iteration() {
    let lp = virtual_loop();
    let start = lp.time();
    pass(&lp, 5 * SECOND);
    let ran = Rc::new(Cell::new(false));
    let note = Rc::clone(&ran);
    lp.call_at(start, move || note.set(true));
    lp.run_until_complete(async {
        yield_now().await;
        yield_now().await;
    })
    .expect("it runs");
    assert!(ran.get());
    assert_eq!(lp.time() - start, 5 * SECOND);
}

#[test]
fn a_duration_without_end_is_never_reached_and_can_be_cancelled() {
    let lp = virtual_loop();
    let start = lp.time();
    let never = lp.call_later(Duration::MAX, || unreachable!());
    pass(&lp, 1_000_000 * SECOND);
    assert_eq!(lp.time() - start, 1_000_000 * SECOND);
    never.cancel();
}

#[test]
fn a_cancelled_timer_does_not_hold_the_clock() {
    let lp = virtual_loop();
    let start = lp.time();
    lp.call_later(1000 * SECOND, || unreachable!()).cancel();
    let ended = lp.run_until_complete(lp.create_future::<()>());
    assert!(matches!(ended, Err(oneloop::Error::Deadlock(_))));
    assert_eq!(lp.time(), start);
}

#[test]
fn handles_outlive_their_loop_and_do_nothing() {
    let lp = virtual_loop();
    let witness = Rc::new(());
    let (one, two) = (Rc::clone(&witness), Rc::clone(&witness));
    let soon = lp.call_soon(move || drop(one));
    let later = lp.call_later(SECOND, move || drop(two));
    drop(lp);
    soon.cancel();
    later.cancel();
    assert!(soon.cancelled() && later.cancelled());
    drop((soon, later));
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_stale_timer_handle_does_not_cancel_the_timer_that_took_its_place() {
    let lp = virtual_loop();
    let stale = lp.call_later(SECOND, || ());
    pass(&lp, 2 * SECOND);
    let ran = Rc::new(Cell::new(false));
    let note = Rc::clone(&ran);
    lp.call_later(SECOND, move || note.set(true));
    stale.cancel();
    pass(&lp, 2 * SECOND);
    assert!(ran.get());
}

#[test]
fn what_a_callback_returns_is_dropped() {
    let lp = virtual_loop();
    let witness = Rc::new(());
    let value = Rc::clone(&witness);
    lp.call_soon(move || value);
    pass(&lp, Duration::ZERO);
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn debug_says_where_it_was_created_and_whether_it_was_cancelled() {
    let lp = virtual_loop();
    let (soon, line) = (lp.call_soon(|| ()), line!());
    assert!(format!("{soon:?}").contains(&format!("line: {line}")), "{soon:?}");
    let later = lp.call_later(SECOND, || ());
    later.cancel();
    assert!(format!("{later:?}").contains("cancelled: true"));
}
