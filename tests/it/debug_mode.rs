//! Debug mode: what it reports to the exception handler, and how it is switched on.

use std::cell::RefCell;
use std::env;
use std::future::pending;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use oneloop::{
    BoundedSemaphore, Clock, ClosableSemaphore, EventLoop, Lock, Semaphore, catch_cancelled, create_future,
    create_task, gather, sleep, timeout, yield_now,
};

/// As long as a loop's limit is at first.
const OVER_THE_LIMIT: Duration = Duration::from_millis(100);
/// With it, every step and callback is reported, however fast the machine is.
const ALL: Duration = Duration::ZERO;
/// With it, none is, however slow the machine is.
const NONE: Duration = Duration::MAX;

type Reports = Rc<RefCell<Vec<(&'static str, Option<String>, String)>>>;

/// A loop on the virtual clock, and what its exception handler is told.
fn debugged() -> (EventLoop, Reports) {
    let lp = EventLoop::builder().clock(Clock::Virtual).debug(true).build().expect("a loop");
    let reports = Reports::default();
    let told = Rc::clone(&reports);
    lp.set_exception_handler(move |context| {
        let text = context.exception.message().to_owned();
        told.borrow_mut().push((context.message, context.task.clone(), text));
    });
    (lp, reports)
}

fn step_of(task: &str) -> (&'static str, Option<String>) {
    ("Step took too long", Some(task.to_owned()))
}

fn messages(reports: &Reports) -> Vec<(&'static str, Option<String>)> {
    reports.borrow().iter().map(|(message, task, _)| (*message, task.clone())).collect()
}

#[test]
fn a_step_over_the_limit_is_reported_with_its_task_and_its_time() {
    let (lp, reports) = debugged();
    let task = lp.create_task(async {
        sleep(Duration::from_secs(3600)).await; // waiting is not blocking
        thread::sleep(OVER_THE_LIMIT);
        yield_now().await;
    });
    lp.run_until_complete(task.named("careless")).unwrap();
    assert!(messages(&reports).contains(&step_of("careless")), "{reports:?}");
    let text = reports.borrow()[0].2.clone();
    let took: f64 = text.split(' ').next().unwrap().parse().unwrap();
    assert!(took >= OVER_THE_LIMIT.as_secs_f64(), "{text}");
    assert!(text.ends_with(" s, in which nothing else ran; call what blocks by to_thread"), "{text}");
}

#[test]
fn a_report_names_the_place_at_which_the_task_was_created() {
    let (lp, _) = debugged();
    let place = Rc::new(RefCell::new(None));
    let told = Rc::clone(&place);
    lp.set_exception_handler(move |context| *told.borrow_mut() = context.created);
    let line = line!() + 1;
    let task = lp.create_task(async { thread::sleep(OVER_THE_LIMIT) });
    lp.run_until_complete(task).unwrap();
    let place = place.borrow().expect("it was reported");
    assert_eq!((place.file(), place.line()), (file!(), line));
}

#[test]
fn a_callback_over_the_limit_is_reported() {
    let (lp, reports) = debugged();
    lp.call_soon(|| thread::sleep(OVER_THE_LIMIT));
    lp.call_later(Duration::from_secs(1), || thread::sleep(OVER_THE_LIMIT));
    lp.run_until_complete(sleep(Duration::from_secs(2))).unwrap();
    let callbacks = messages(&reports).into_iter().filter(|report| *report == ("Callback took too long", None));
    assert_eq!(callbacks.count(), 2);
}

#[test]
fn an_eager_step_counts_to_the_step_that_it_was_taken_in() {
    let (lp, reports) = debugged();
    let task = lp.create_task(async {
        create_task(async { thread::sleep(OVER_THE_LIMIT) }).named("inner").eager().await;
    });
    lp.run_until_complete(task.named("outer")).unwrap();
    assert_eq!(messages(&reports), [step_of("outer")]);
}

#[test]
fn the_limit_is_that_of_the_moment_and_at_first_a_tenth_of_a_second() {
    let (lp, reports) = debugged();
    assert_eq!(lp.slow_callback_duration(), Duration::from_millis(100));
    lp.set_slow_callback_duration(NONE);
    assert_eq!(lp.slow_callback_duration(), NONE);
    lp.call_soon(|| thread::sleep(OVER_THE_LIMIT));
    let task = lp.create_task(async {
        yield_now().await;
        EventLoop::current().set_slow_callback_duration(ALL);
    });
    lp.run_until_complete(task.named("sets")).unwrap();
    assert_eq!(messages(&reports)[0], step_of("sets"));
}

#[test]
fn tasks_that_are_pending_when_the_loop_closes_are_reported_with_what_they_waited_for() {
    let (lp, reports) = debugged();
    lp.set_slow_callback_duration(NONE);
    let waits = lp.create_task(async { sleep(Duration::from_secs(3600)).await }).named("sleeper");
    let gathers = lp.create_task(async { gather([async { create_future::<()>().await }]).await }).named("gatherer");
    let done = lp.create_task(async {});
    lp.run_until_complete(sleep(Duration::from_secs(1))).unwrap();
    assert!(done.done() && !waits.done() && !gathers.done());
    let _begins_never = lp.create_task(async {}).named("late");
    lp.close().unwrap();
    let reports = reports.borrow();
    let reported: Vec<_> = reports.iter().map(|(_, task, text)| (task.as_deref().unwrap(), text.as_str())).collect();
    assert!(reports.iter().all(|(message, ..)| *message == "Task was destroyed but it is pending"));
    assert_eq!(reported[..2], [("sleeper", "it waited for a timer"), ("gatherer", "it waited for a gathering of 1")]);
    assert_eq!(reported[2].1, "it waited for a future"); // the child of the gathering
    assert_eq!(reported[3..], [("late", "it was ready for its next step")]);
}

#[test]
fn it_is_off_by_default_and_switched_while_the_loop_runs() {
    let lp = EventLoop::builder().debug(false).build().unwrap();
    assert!(!lp.debug());
    lp.set_slow_callback_duration(ALL);
    let reports = Reports::default();
    let told = Rc::clone(&reports);
    lp.set_exception_handler(move |context| told.borrow_mut().push((context.message, None, String::new())));
    let task = lp.create_task(async {
        for on in [true, true, false, false] {
            let lp = EventLoop::current();
            lp.set_debug(on);
            assert_eq!(lp.debug(), on);
            yield_now().await; // the next step is reported if `on`
        }
    });
    lp.run_until_complete(task).unwrap();
    assert_eq!(messages(&reports), [("Step took too long", None), ("Step took too long", None)]);
}

#[test]
fn the_environment_switches_it_on() {
    const VARIABLE: &str = "ONELOOP_DEBUG";
    const EXPECTED: &str = "ONELOOP_TEST_EXPECTS_DEBUG";
    if let Some(expected) = env::var_os(EXPECTED) {
        assert_eq!(EventLoop::new().unwrap().debug(), expected == "yes");
        assert!(!EventLoop::builder().debug(false).build().unwrap().debug(), "the builder has the last word");
        return;
    }
    for (value, expected) in [("1", "yes"), ("true", "yes"), ("0", "no"), ("", "no")] {
        let mut again = Command::new(env::current_exe().unwrap());
        again.args(["the_environment_switches_it_on", "--test-threads=1"]);
        let output = again.env(VARIABLE, value).env(EXPECTED, expected).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{value:?}: {text}");
    }
}

#[test]
fn a_pending_task_that_was_cancelled_is_reported_with_who_asked_for_it_and_where() {
    let (lp, reports) = debugged();
    lp.set_slow_callback_duration(NONE);
    let line = Rc::new(RefCell::new(0));
    let asked_at = Rc::clone(&line);
    lp.run_until_complete(
        lp.create_task(async move {
            let refuses = async {
                let _ = catch_cancelled(sleep(Duration::from_secs(1))).await;
                sleep(Duration::from_secs(3600)).await;
            };
            let task = create_task(refuses).named("refuses");
            yield_now().await;
            *asked_at.borrow_mut() = line!() + 1;
            task.cancel_with("enough");
            sleep(Duration::from_secs(1)).await;
        })
        .named("impatient"),
    )
    .unwrap();
    lp.close().unwrap();
    let (message, task, text) = reports.borrow()[0].clone();
    assert_eq!((message, task.as_deref()), ("Task was destroyed but it is pending", Some("refuses")));
    let place = format!("{}:{}:", file!(), line.borrow());
    let begins = format!("it waited for a timer; its cancellation was asked for by impatient at {place}");
    assert!(text.starts_with(&begins) && text.ends_with(" (enough)"), "{text}");
    assert_eq!(reports.borrow().len(), 1);
}

#[test]
fn a_slow_step_of_a_cancelled_task_is_reported_with_who_asked_for_the_cancellation() {
    let (lp, reports) = debugged();
    let task = lp.create_task(async {
        let _ = catch_cancelled(sleep(Duration::from_secs(3600))).await;
        thread::sleep(OVER_THE_LIMIT);
    });
    lp.run_until_complete(sleep(Duration::from_secs(1))).unwrap();
    task.cancel();
    lp.run_until_complete(task.named("cleans up")).unwrap();
    let report = reports.borrow().iter().find(|(_, task, _)| task.as_deref() == Some("cleans up")).cloned();
    let (message, _, text) = report.expect("its step is slow");
    assert_eq!(message, "Step took too long");
    assert!(text.contains("its cancellation was asked for by the program, between two runs at "), "{text}");
}

#[test]
fn what_a_primitive_has_cancelled_has_no_place() {
    let (lp, reports) = debugged();
    lp.set_slow_callback_duration(NONE);
    let refuses = || async {
        let _ = catch_cancelled(sleep(Duration::from_secs(9))).await;
        sleep(Duration::from_secs(3600)).await;
    };
    let task = lp.create_task(refuses()).named("refuses");
    let _limited = lp.create_task(timeout(Duration::from_secs(1), task));
    lp.run_until_complete(sleep(Duration::from_secs(2))).unwrap();
    lp.close().unwrap();
    let text = reports.borrow().iter().find(|(_, task, _)| task.as_deref() == Some("refuses")).unwrap().2.clone();
    assert!(text.contains("; its cancellation was asked for by ") && !text.contains(" at "), "{text}");
}

#[test]
fn timers_and_watched_descriptors_that_are_left_are_reported_when_the_loop_closes() {
    let (lp, reports) = debugged();
    lp.set_slow_callback_duration(NONE);
    let (ours, _theirs) = UnixStream::pair().unwrap();
    lp.add_reader(&ours, || ()).unwrap();
    let watched = line!() - 1;
    lp.call_later(Duration::from_secs(5), || ());
    let set = line!() - 1;
    lp.call_later(Duration::from_secs(5), || ()).cancel();
    let _sleeps = lp.create_task(sleep(Duration::from_secs(9))); // its timer is its own
    lp.close().unwrap();
    let file = file!();
    let text = format!(
        "timers that were neither due nor cancelled: 1 (set at {file}:{set}:8); descriptors that callbacks watch, or \
         handlers of signals, or that tell of child processes: 1 (registered at {file}:{watched}:8)"
    );
    assert_eq!(reports.borrow()[1..], [("Event loop closed with registrations left", None, text)]);
}

#[test]
fn of_many_registrations_that_are_left_each_place_is_told_once_and_not_all_of_them() {
    let (lp, reports) = debugged();
    let later = |seconds| Duration::from_secs(seconds);
    for _ in 0..100 {
        lp.call_later(later(9), || ());
    }
    let first = line!() - 2;
    lp.call_later(later(8), || ());
    lp.call_later(later(7), || ());
    lp.call_later(later(6), || ());
    lp.call_later(later(5), || ());
    lp.call_later(later(4), || ());
    lp.call_later(later(3), || ());
    lp.close().unwrap();
    // by deadline, the first of which was set last
    let places: Vec<_> = (4..9).rev().map(|behind| format!("{}:{}:8", file!(), first + behind)).collect();
    let places = places.join(", ");
    let text = format!("timers that were neither due nor cancelled: 106 (set at {places} and 2 places more)");
    assert_eq!(reports.borrow()[..], [("Event loop closed with registrations left", None, text)]);
}

#[test]
fn a_pending_task_that_waited_for_a_lock_or_a_permit_is_reported_with_who_had_it() {
    let (lp, reports) = debugged();
    lp.set_slow_callback_duration(NONE);
    let (lock, permits) = (Lock::new(()), Semaphore::new(2));
    let (wanted, few) = (lock.clone(), permits.clone());
    lp.run_until_complete(async {
        create_task(async move {
            let _both = (lock.acquire().await, permits.acquire().await);
            pending::<()>().await;
        })
        .named("holder");
        create_task(async move { drop(wanted.acquire().await) }).named("wants the lock");
        create_task(async move { drop((few.acquire().await, few.acquire().await)) }).named("wants two");
        sleep(Duration::from_secs(1)).await;
    })
    .unwrap();
    lp.close().unwrap();
    let reports = reports.borrow();
    let texts: Vec<_> = reports.iter().map(|(_, task, text)| (task.as_deref().unwrap(), text.as_str())).collect();
    assert_eq!(
        texts,
        [
            ("holder", "it waited for something outside the loop"),
            ("wants the lock", "it waited for a lock held by holder for at least 1 s"),
            ("wants two", "it waited for a semaphore, 0 of 2 free"),
        ]
    );
}

#[test]
fn a_loop_that_has_removed_all_closes_without_a_report() {
    let (lp, reports) = debugged();
    lp.set_slow_callback_duration(NONE);
    let (ours, _theirs) = UnixStream::pair().unwrap();
    lp.add_reader(&ours, || ()).unwrap();
    lp.run_until_complete(sleep(Duration::from_secs(1))).unwrap();
    assert!(lp.remove_reader(&ours));
    lp.close().unwrap();
    assert_eq!(messages(&reports), []);
}

#[test]
fn a_guard_that_is_still_there_when_the_loop_closes_is_reported_though_no_task_has_waited_for_its_lock() {
    let (lp, reports) = debugged();
    let (kept, given_back) = (Lock::new(()), Lock::new(()));
    let guards = lp.run_until_complete(async {
        drop(given_back.acquire().await);
        (kept.acquire_owned().await, Lock::new(()).try_acquire_owned().unwrap())
    });
    lp.close().unwrap();
    assert_eq!(reports.borrow().len(), 1);
    let (_, task, text) = reports.borrow().last().cloned().unwrap();
    assert_eq!((task, text.as_str()), (None, "locks that are held still: 2"));
    drop(guards);
}

#[test]
fn permits_that_are_still_there_when_the_loop_closes_are_reported_and_none_that_were_given_back_or_up() {
    let (lp, reports) = debugged();
    let _in = lp.enter();
    let (kept, many) = (Semaphore::new(3), BoundedSemaphore::new(9));
    for _ in 0..100 {
        drop(Semaphore::new(1).try_acquire().unwrap()); // one that is gone is not kept in mind for ever
    }
    let permits = lp.run_until_complete(async {
        drop(kept.acquire().await);
        kept.acquire().await.forget();
        create_task(async { (ClosableSemaphore::new(1).acquire().await.unwrap(), pending::<()>().await) });
        yield_now().await;
        (kept.acquire().await, many.acquire_many(4).await)
    });
    lp.close().unwrap();
    let (_, task, text) = reports.borrow().last().cloned().unwrap();
    assert_eq!((task, text.as_str()), (None, "permits that are held still: 5"));
    drop(permits);
}

#[test]
fn a_guard_that_was_acquired_before_debug_mode_was_on_is_reported_if_a_task_has_waited_for_its_lock() {
    let (lp, reports) = debugged();
    lp.set_debug(false);
    let (unseen, wanted) = (Lock::new(()), Lock::new(()));
    let guards = lp.run_until_complete(async { (unseen.acquire_owned().await, wanted.acquire_owned().await) });
    lp.set_debug(true);
    lp.run_until_complete(timeout(Duration::from_secs(1), wanted.acquire())).unwrap().unwrap_err();
    lp.close().unwrap();
    let (_, task, text) = reports.borrow().last().cloned().unwrap();
    assert_eq!((task, text.as_str()), (None, "locks that are held still: 1"));
    drop(guards);
}

#[test]
fn a_guard_of_a_lock_that_is_still_there_when_the_loop_closes_is_reported_and_none_that_goes_with_its_task() {
    let (lp, reports) = debugged();
    let (kept, free) = (Lock::new(()), Lock::new(()));
    let guard = lp.run_until_complete(async {
        let guard = kept.acquire_owned().await;
        for lock in [&kept, &free] {
            for lock in [lock.clone(), lock.clone()] {
                create_task(async move {
                    let _guard = lock.acquire().await;
                    pending::<()>().await;
                });
            }
        }
        sleep(Duration::from_secs(1)).await;
        guard
    });
    lp.close().unwrap();
    let (_, task, text) = reports.borrow().last().cloned().unwrap();
    assert_eq!((task, text.as_str()), (None, "locks that are held still: 1"));
    assert_eq!(reports.borrow().len(), 5, "and the four tasks");
    drop(guard);
}
