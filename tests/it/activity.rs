//! `observe::Activity`: another thread is told which step or callback its loop is in.

use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use oneloop::observe::{Activity, CurrentStep};
use oneloop::{EventLoop, create_future};

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
