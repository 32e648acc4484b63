//! Context variables whose values go along to other threads.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use oneloop::{ContextVar, EventLoop, LoopHandle, create_task, to_thread, yield_now};

use crate::support::{real_loop, run_real};

static USER: ContextVar<String> = ContextVar::new_send("user");
static STAYS: ContextVar<Rc<Cell<u32>>> = ContextVar::new("stays");

#[test]
fn a_copy_goes_along_to_a_thread_and_what_is_set_there_stays_there() {
    run_real(async {
        USER.set("ann".to_owned());
        STAYS.set(Rc::new(Cell::new(1)));
        let seen = to_thread(|| {
            let seen = (USER.get(), STAYS.with(|stays| stays.is_some()));
            USER.set("bob".to_owned());
            seen
        });
        assert_eq!(seen.await, (Some("ann".to_owned()), false));
        assert_eq!(USER.get().as_deref(), Some("ann"));
        // the thread keeps nothing for its next job
        assert_eq!(EventLoop::current().run_in_executor(None, || USER.get()).await, None);
    });
}

#[test]
fn it_is_the_value_of_the_task_that_calls() {
    run_real(async {
        let tasks = ["ann", "bob"].map(|user| {
            create_task(async move {
                USER.set(user.to_owned());
                yield_now().await;
                to_thread(|| USER.get()).await
            })
        });
        for (task, user) in tasks.into_iter().zip(["ann", "bob"]) {
            assert_eq!(task.await.as_deref(), Some(user));
        }
    });
}

#[test]
fn it_goes_back_to_a_loop_with_a_callback_and_with_a_coroutine() {
    run_real(async {
        USER.set("ann".to_owned());
        let handle = LoopHandle::current();
        let (sender, receiver) = mpsc::channel();
        let seen = to_thread(move || {
            handle.call_soon_threadsafe(move || sender.send(USER.get())).expect("the loop is open");
            handle.run_coroutine_threadsafe(async || {
                yield_now().await;
                USER.get()
            })
        });
        let coroutine = seen.await.expect("the loop is open");
        USER.set("bob".to_owned()); // too late for both
        assert_eq!(to_thread(move || coroutine.result()).await.expect("it ends").as_deref(), Some("ann"));
        assert_eq!(receiver.recv().expect("it was sent").as_deref(), Some("ann"));
    });
}

#[test]
fn a_thread_of_the_programs_own_has_a_context_too() {
    let lp = real_loop();
    let handle = lp.remote();
    let other = thread::spawn(move || {
        USER.set("of the thread".to_owned());
        let (sender, receiver) = mpsc::channel();
        handle.call_soon_threadsafe(move || sender.send(USER.get())).expect("the loop is open");
        receiver.recv().expect("it was sent")
    });
    let seen = lp.run_until_complete(to_thread(move || other.join().expect("it does not panic")));
    assert_eq!(seen.expect("it runs").as_deref(), Some("of the thread"));
    assert_eq!(USER.get(), None);
}

#[test]
fn a_token_is_as_good_as_that_of_any_variable() {
    let token = USER.set("ann".to_owned());
    let inner = USER.set("bob".to_owned());
    USER.reset(inner);
    assert_eq!(USER.get().as_deref(), Some("ann"));
    USER.reset(token);
    assert_eq!(USER.get(), None);
}

#[test]
fn a_job_that_panics_leaves_its_thread_without_values() {
    run_real(async {
        USER.set("ann".to_owned());
        let job = create_task(to_thread(|| assert_eq!(USER.get(), None)));
        job.into_outcome().await.unwrap_err();
        assert_eq!(EventLoop::current().run_in_executor(None, || USER.get()).await, None);
    });
}
