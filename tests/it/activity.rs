//! `observe::Activity`: another thread is told which step or callback its loop is in.

use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oneloop::observe::{Activity, CurrentStep};
use oneloop::{Clock, EventLoop, create_future, sleep, yield_now};

use crate::support::PATIENCE;

#[test]
fn another_thread_is_told_which_step_is_on_while_it_is() {
    let lp = EventLoop::new().unwrap();
    let activity = Activity::default();
    lp.add_observer(Rc::new(activity.clone()));
    let (told, tells) = mpsc::channel();
    let (ask, asked) = mpsc::channel();
    let watchdog = thread::spawn({
        let activity = activity.clone();
        move || {
            while let Ok(()) = asked.recv() {
                told.send(activity.current_step()).unwrap();
            }
        }
    });
    let now = move || {
        ask.send(()).unwrap();
        tells.recv_timeout(PATIENCE).unwrap()
    };
    assert_eq!(activity.current_step(), None, "it does not run");
    let line = line!() + 1;
    let task = lp.create_task(async move {
        let step = now().expect("this step");
        in_a_callback(now).await;
        step
    });
    let task = task.named("careless");
    let step = lp.run_until_complete(task).unwrap();
    assert_eq!(step.task.as_deref(), Some("careless"));
    let place = step.created.expect("of a task");
    assert_eq!((place.file(), place.line()), (file!(), line));
    let text = format!("step of careless (created at {}:{line}) runs for ", file!());
    assert!(step.to_string().starts_with(&text), "{step}");
    assert_eq!(activity.current_step(), None, "it runs no more");
    watchdog.join().unwrap();
}

#[test]
fn it_is_told_how_many_entries_wait_behind_the_step() {
    let lp = EventLoop::new().unwrap();
    let activity = Activity::default();
    lp.add_observer(Rc::new(activity.clone()));
    let _has_run = lp.create_task(async {});
    let asks = lp.create_task(async move { activity.current_step().expect("this step") });
    let _waits = lp.create_task(async {});
    lp.call_soon(|| ());
    let step = lp.run_until_complete(asks).unwrap();
    assert_eq!(step.queued, 2);
    assert!(step.to_string().ends_with(" ms, with 2 entries queued behind it"), "{step}");
}

#[test]
fn it_is_told_what_has_woken_the_task_if_that_is_wanted() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().unwrap();
    let activity = Activity::with_wakes();
    lp.add_observer(Rc::new(activity.clone()));
    let woken_by = move || activity.current_step().expect("this step").woken_by;
    let future = lp.create_future();
    let (settled, awaits) = (future.clone(), woken_by.clone());
    let awaiting = lp.create_task(async move {
        let first = awaits();
        future.await;
        let by_a_task = awaits();
        yield_now().await;
        (first, by_a_task, awaits())
    });
    let awaiting = awaiting.named("awaiting");
    let setter = lp.create_task(async move {
        sleep(Duration::from_secs(1)).await;
        settled.set_result(()).expect("it is set once");
        woken_by()
    });
    let setter = setter.named("setter");
    let (waits, timer) = lp.run_until_complete(async { (awaiting.await, setter.await) }).unwrap();
    assert_eq!(timer.as_deref(), Some("a timer"));
    let (first, by_a_task, by_itself) = waits;
    assert_eq!(first, None, "it was made, and not woken");
    assert_eq!(by_a_task.as_deref(), Some("setter"));
    assert_ne!(by_itself.as_deref(), Some("setter"), "what has woken it before is forgotten");
}

/// Asks in a callback.
async fn in_a_callback(now: impl Fn() -> Option<CurrentStep> + 'static) {
    let asked = create_future();
    let answer = asked.clone();
    EventLoop::current().call_soon(move || answer.set_result(now().expect("this callback")));
    let step = asked.await;
    assert_eq!((&step.task, step.created), (&None, None));
    let text = step.to_string();
    assert!(text.starts_with("a callback runs for ") && text.ends_with(" ms"), "{text}");
}
