//! CPython's `test_tasks.py`: tasks and their cancellation, `wait`, `as_completed`, `shield`, `gather` and `sleep`.
//! Must not know futures by themselves, groups or time limits, which have files of their own.

use std::cell::{Cell, RefCell};
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::future::{Either, select};
use oneloop::gather::Gathering;
use oneloop::{
    AnyFuture, AsCompleted, Awaitable, Error, EventLoop, ReturnWhen, Shared, Task, TaskError, TaskHandle, TimeoutError,
    all_tasks, as_completed, catch_cancelled, create_future, create_task, current_task, ensure_future, gather, shield,
    sleep, to_thread, try_gather, wait, yield_now,
};

use crate::support::{me, ms, now, reports, run, secs, virtual_loop};

/// Two iterations: what is ready now, and what that makes ready. CPython's `run_briefly`, seen from outside the loop.
fn briefly(lp: &EventLoop) {
    lp.run_until_complete(async {}).expect("nothing is in its way");
}

/// Runs until nothing is ready and no timer is left.
fn to_the_end(lp: &EventLoop) {
    let never = lp.create_future::<()>();
    assert!(matches!(lp.run_until_complete(never), Err(Error::Deadlock(_))));
}

/// What `f` makes while the loop runs.
fn inside<T>(lp: &EventLoop, f: impl FnOnce() -> T) -> T {
    lp.run_until_complete(async { f() }).expect("nothing is in its way")
}

async fn after<T>(delay: Duration, value: T) -> T {
    sleep(delay).await;
    value
}

/// A coroutine around a future.
async fn through<T: 'static>(future: oneloop::Future<T>) -> T {
    future.await
}

fn add(count: &Cell<u32>, n: u32) {
    count.set(count.get() + n);
}

/// With which message a run was cancelled.
fn message_of<T>(ended: Result<T, Error>) -> Option<String> {
    match ended {
        Err(Error::Cancelled(cancelled)) => cancelled.message().map(str::to_owned),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not cancelled"),
    }
}

fn is_cancelled<T>(ended: &Result<T, Error>) -> bool {
    matches!(ended, Err(Error::Cancelled(_)))
}

fn panic_message<T>(ended: Result<T, TaskError>) -> String {
    match ended {
        Err(TaskError::Panicked(panic)) => panic.message().to_owned(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it did not panic"),
    }
}

fn cancel(task: &TaskHandle, message: Option<&str>) -> bool {
    match message {
        Some(message) => task.cancel_with(message),
        None => task.cancel(),
    }
}

#[expect(single_use_lifetimes, reason = "Rust has no anonymous lifetimes in this place yet")]
fn handles<'a, T: 'static>(tasks: impl IntoIterator<Item = &'a Task<T>>) -> Vec<TaskHandle> {
    tasks.into_iter().map(Task::handle).collect()
}

async fn values<T: 'static>(mut ended: AsCompleted<Task<T>>) -> Vec<Result<T, TimeoutError>> {
    let mut values = Vec::new();
    while let Some(next) = ended.next().await {
        values.push(match next {
            Ok(task) => Ok(task.await),
            Err(late) => Err(late),
        });
    }
    values
}

mod base_task_tests {
    use super::*;

    #[test]
    fn test_other_loop_future() {
        let (lp, other) = (virtual_loop(), virtual_loop());
        let future = other.create_future::<()>();
        let mut task = lp.create_task(future.clone());
        let ended = lp.run_until_complete(async { task.outcome().await }).expect("this one looks on");
        assert!(panic_message(ended).contains("a future of another event loop"));
        assert!(!future.done());
    }

    #[test]
    fn test_task_awaits_on_itself() {
        let lp = virtual_loop();
        let slot = Rc::new(RefCell::new(None::<Shared<()>>));
        let own = Rc::clone(&slot);
        let mut task = lp
            .create_task(async move {
                let itself = own.take().expect("it was put there");
                itself.await;
            })
            .shared();
        slot.replace(Some(task.clone()));
        let ended = lp.run_until_complete(async { task.outcome().await }).expect("this one looks on");
        assert!(panic_message(ended).contains("Task cannot await on itself"));
    }

    #[test]
    fn test_ensure_future_coroutine() {
        let lp = virtual_loop();
        assert!(catch_unwind(|| ensure_future(ready("ok"))).is_err(), "this thread is in no loop");

        let entered = lp.enter();
        let task = ensure_future(ready("ok")).shared();
        assert_eq!(all_tasks().len(), 1);
        drop(entered);
        assert_eq!(lp.run_until_complete(task.clone()).expect("it runs"), "ok");
        assert!(task.done());
        assert_eq!(task.result().expect("it has a value"), "ok");

        let task = inside(&lp, || ensure_future(ready("ok")));
        assert!(matches!(virtual_loop().run_until_complete(task), Err(Error::ForeignLoop)));
        let task = inside(&lp, || ensure_future(ready("ok")));
        assert_eq!(lp.run_until_complete(task).expect("it runs"), "ok");
    }

    #[test]
    fn test_ensure_future_future() {
        let (lp, other) = (virtual_loop(), virtual_loop());
        let original = lp.create_future();
        original.set_result("ko").expect("it is pending");
        let ensured = |lp: &EventLoop| {
            let _in = lp.enter();
            ensure_future(original.clone())
        };
        assert_eq!(ensured(&lp).any(), original.any());
        assert_eq!(ensured(&other).any(), original.any());
        // wherever it is asked, it belongs to the loop that made it
        assert!(matches!(other.run_until_complete(ensured(&other)), Err(Error::ForeignLoop)));
        assert_eq!(lp.run_until_complete(ensured(&other)).expect("it is done"), "ko");
    }

    #[test]
    fn test_ensure_future_task() {
        let (lp, other) = (virtual_loop(), virtual_loop());
        let original = lp.create_task(ready("ok")).shared();
        let ensured = |lp: &EventLoop| {
            let _in = lp.enter();
            ensure_future(original.clone())
        };
        assert_eq!(ensured(&lp).any(), original.any());
        assert_eq!(ensured(&other).any(), original.any());
        assert!(matches!(other.run_until_complete(ensured(&other)), Err(Error::ForeignLoop)));
        assert_eq!(lp.run_until_complete(ensured(&lp)).expect("it runs"), "ok");
        assert_eq!((original.done(), original.result().ok()), (true, Some("ok")));
    }

    #[test]
    fn test_task_repr() {
        let lp = virtual_loop();
        let task = lp.create_task(ready("abc")).named("TestTask").shared();
        assert_eq!(format!("{task:?}"), r#"Task { name: "TestTask", state: Pending, .. }"#);
        task.cancel(); // seen at its next turn only
        assert_eq!(format!("{task:?}"), r#"Task { name: "TestTask", state: Pending, .. }"#);
        assert!(is_cancelled(&lp.run_until_complete(task.clone())));
        assert_eq!(format!("{task:?}"), r#"Task { name: "TestTask", state: Cancelled, .. }"#);

        let task = lp.create_task(ready("abc")).named("TestTask").shared();
        lp.run_until_complete(task.clone()).expect("it runs");
        assert_eq!(format!("{task:?}"), r#"Task { name: "TestTask", state: Finished, .. }"#);
    }

    #[test]
    fn test_task_repr_autogenerated() {
        let lp = virtual_loop();
        let (one, two) = (lp.create_task(ready(123)), lp.create_task(ready(123)));
        assert_eq!(format!("{one:?}"), r#"Task { name: "Task-1", state: Pending, .. }"#);
        assert_eq!(format!("{two:?}"), r#"Task { name: "Task-2", state: Pending, .. }"#);
        assert!(one.id() < two.id());
    }

    #[test]
    fn test_task_repr_wait_for() {
        let lp = virtual_loop();
        let future = lp.create_future::<()>();
        let task = lp.create_task(through(future.clone())).named("TestTask").shared();
        // what a task waits for is said where it matters: when it will never come
        match lp.run_until_complete(task.clone()) {
            Err(Error::Deadlock(deadlock)) => assert_eq!(deadlock.waiting, ["TestTask waits for a future"]),
            other => panic!("{other:?}"),
        }
        future.set_result(()).expect("it is pending");
        lp.run_until_complete(task).expect("it can go on now");
    }

    #[test]
    fn test_task_basics() {
        async fn inner(n: u32) -> u32 {
            ready(n).await
        }
        assert_eq!(run(async { inner(42).await + inner(1000).await }), 1042);
    }

    #[test]
    fn test_cancelling() {
        let lp = virtual_loop();
        let task = lp.create_task(sleep(secs(10)));
        assert_eq!(task.cancelling(), 0);
        assert!(task.cancel());
        assert_eq!(task.cancelling(), 1);
        assert!(task.cancel(), "each request counts");
        assert_eq!(task.cancelling(), 2);
        assert!(is_cancelled(&lp.run_until_complete(task)));
    }

    #[test]
    fn test_uncancel_basic() {
        let lp = virtual_loop();
        let start = lp.time();
        let task = lp.create_task(async {
            if catch_cancelled(sleep(secs(10))).await.is_err() {
                me().uncancel();
                sleep(secs(10)).await;
            }
        });
        let handle = task.handle();
        lp.run_until_complete(sleep(ms(10))).expect("it runs");

        assert!(task.cancel());
        assert_eq!((task.cancelling(), task.cancelled()), (1, false));
        lp.run_until_complete(sleep(ms(10))).expect("it runs");
        assert_eq!((task.cancelling(), task.cancelled(), task.done()), (0, false, false));

        assert!(task.cancel());
        assert_eq!((task.cancelling(), task.cancelled()), (1, false));
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(handle.cancelled() && handle.done());
        assert_eq!(lp.time() - start, ms(20));

        assert_eq!(handle.uncancel(), 0);
        assert!(handle.cancelled() && handle.done(), "it comes too late to matter");
    }

    /// A time limit made by hand: whether it expired, whether the block came to its end, whether what follows ran.
    async fn request(length: Duration, limit: Duration) -> (bool, bool, bool) {
        let (task, expired) = (me(), Rc::new(Cell::new(false)));
        let (target, mark) = (task.clone(), Rc::clone(&expired));
        let timer = EventLoop::current().call_later(limit, move || {
            mark.set(true);
            target.cancel();
        });
        let block = catch_cancelled(sleep(length)).await;
        timer.cancel();
        // counted down in any case; the cancellation is ours only if no other code asked for one
        let ours = expired.get() && task.uncancel() == 0;
        let finished = match block {
            Ok(()) => true,
            Err(_) if ours => false,
            Err(cancelled) => cancelled.reraise().await,
        };
        yield_now().await;
        (expired.get(), finished, true)
    }

    #[test]
    fn test_uncancel_structured_blocks() {
        let lp = virtual_loop();
        let start = lp.time();
        let task = lp.create_task(request(secs(10), ms(100)));
        let handle = task.handle();
        assert_eq!(lp.run_until_complete(task).expect("it goes on behind the block"), (true, false, true));
        assert_eq!((handle.cancelling(), handle.cancelled(), lp.time() - start), (0, false, ms(100)));

        let task = lp.create_task(request(Duration::ZERO, secs(10)));
        let handle = task.handle();
        assert_eq!(lp.run_until_complete(task).expect("it is in time"), (false, true, true));
        assert_eq!((handle.cancelling(), lp.time() - start), (0, ms(100)));

        // a cancellation by other code is not taken for the limit's, and leaves
        let task = lp.create_task(request(secs(10), ms(100)));
        let handle = task.handle();
        lp.call_later(ms(100), move || handle.cancel());
        assert!(is_cancelled(&lp.run_until_complete(task)));
    }

    #[test]
    fn test_uncancel_resets_must_cancel() {
        let lp = virtual_loop();
        let future = lp.create_future::<()>();
        let waited = future.clone();
        let task = lp.create_task(async move {
            waited.await;
            42
        });
        lp.run_until_complete(yield_now()).expect("it runs");
        future.set_result(()).expect("it is pending");
        assert!(task.cancel());
        assert_eq!(task.cancelling(), 1);
        assert_eq!((task.uncancel(), task.cancelling()), (0, 0));
        assert_eq!(lp.run_until_complete(task).expect("it was taken back"), 42);
    }

    #[test]
    fn test_cancel() {
        let lp = virtual_loop();
        let start = lp.time();
        let task = lp.create_task(after(secs(10), 12));
        let (handle, target) = (task.handle(), task.handle());
        lp.call_soon(move || target.cancel());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(handle.done() && handle.cancelled() && !handle.cancel());
        assert_eq!(lp.time(), start);
    }

    /// A task cancelled with `message` after its first step, and waited for.
    async fn ended_by(message: Option<&str>) -> Task<Result<(), ()>> {
        let task = create_task(after(secs(10), Ok(())));
        yield_now().await;
        cancel(&task.handle(), message);
        let mut sets = wait([task]).await;
        sets.done.pop().expect("it is done")
    }

    #[test]
    fn test_cancel_with_message_then_future_result() {
        for message in [None, Some("my message")] {
            let ended = virtual_loop().run_until_complete(async {
                match ended_by(message).await.result() {
                    Err(TaskError::Cancelled(cancelled)) => cancelled.reraise().await,
                    other => panic!("{other:?}"),
                }
            });
            assert_eq!(message_of::<()>(ended).as_deref(), message);
        }
    }

    #[test]
    fn test_cancel_with_message_then_future_exception() {
        for message in [None, Some("my message")] {
            let ended = virtual_loop().run_until_complete(async {
                match ended_by(message).await.exception() {
                    Err(TaskError::Cancelled(cancelled)) => cancelled.reraise().await,
                    other => panic!("{other:?}"),
                }
            });
            assert_eq!(message_of::<()>(ended).as_deref(), message);
        }
    }

    #[test]
    fn test_cancel_with_message_before_starting_task() {
        let begun = Cell::new(false);
        let ended = virtual_loop().run_until_complete(async {
            let mark = Rc::new(Cell::new(false));
            let begins = Rc::clone(&mark);
            let task = create_task(async move {
                begins.set(true);
                after(secs(10), Ok::<(), ()>(())).await
            });
            task.cancel_with("my message");
            let sets = wait([task]).await;
            begun.set(mark.get());
            match sets.done[0].exception() {
                Err(TaskError::Cancelled(cancelled)) => cancelled.reraise().await,
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(message_of::<()>(ended).as_deref(), Some("my message"));
        assert!(!begun.get());
    }

    #[test]
    fn test_cancel_yield() {
        let lp = virtual_loop();
        let task = lp.create_task(async {
            yield_now().await;
            yield_now().await;
            12
        });
        let handle = task.handle();
        briefly(&lp);
        assert!(task.cancel());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(handle.done() && handle.cancelled() && !handle.cancel());
    }

    /// A task that awaits a future, and has got there.
    fn awaiting(lp: &EventLoop) -> (Task<u32>, oneloop::Future<()>) {
        let future = lp.create_future();
        let waited = future.clone();
        let task = lp.create_task(async move {
            waited.await;
            12
        });
        briefly(lp);
        (task, future)
    }

    #[test]
    fn test_cancel_inner_future() {
        let lp = virtual_loop();
        let (task, future) = awaiting(&lp);
        let handle = task.handle();
        assert!(future.cancel());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(future.cancelled() && handle.cancelled());
        assert_eq!(handle.cancelling(), 0, "the task was not asked");
    }

    #[test]
    fn test_cancel_both_task_and_inner_future() {
        let lp = virtual_loop();
        let (task, future) = awaiting(&lp);
        let handle = task.handle();
        assert!(future.cancel());
        assert!(task.cancel());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(handle.done() && future.cancelled() && handle.cancelled());
        assert_eq!(handle.cancelling(), 1);
    }

    #[test]
    fn test_cancel_task_catching() {
        let lp = virtual_loop();
        let (one, two) = (lp.create_future::<()>(), lp.create_future::<()>());
        let (first, second) = (one.clone(), two.clone());
        let task = lp.create_task(async move {
            first.await;
            catch_cancelled(second).await.map_or(42, |()| 0)
        });
        let handle = task.handle();
        briefly(&lp);
        one.set_result(()).expect("it is pending");
        briefly(&lp);
        assert!(task.cancel());
        assert!(two.cancelled() && !one.cancelled());
        assert_eq!(lp.run_until_complete(task).expect("it caught that"), 42);
        assert!(!handle.cancelled());
    }

    #[test]
    fn test_cancel_task_ignoring() {
        let lp = virtual_loop();
        let (one, two, three) = (lp.create_future::<()>(), lp.create_future::<()>(), lp.create_future());
        let (first, second, third) = (one.clone(), two.clone(), three.clone());
        let task = lp.create_task(async move {
            first.await;
            let ignored = catch_cancelled(second).await;
            (ignored.is_err(), third.await)
        });
        let handle = task.handle();
        briefly(&lp);
        one.set_result(()).expect("it is pending");
        briefly(&lp);
        assert!(task.cancel());
        assert!(two.cancelled());
        briefly(&lp);
        assert!(!task.done());
        three.set_result(42).expect("it is pending");
        assert_eq!(lp.run_until_complete(task).expect("it goes on"), (true, 42));
        assert!(!three.cancelled() && !handle.cancelled());
    }

    #[test]
    fn test_cancel_current_task() {
        let lp = virtual_loop();
        let start = lp.time();
        let task = lp.create_task(async {
            me().cancel();
            after(secs(100), 12).await
        });
        let handle = task.handle();
        assert!(!handle.cancelled());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(handle.done() && handle.cancelled() && !handle.cancel());
        assert_eq!(lp.time(), start, "the sleep was cut short at once");
    }

    #[test]
    fn test_cancel_at_end() {
        let lp = virtual_loop();
        let task = lp.create_task(async {
            me().cancel();
            12
        });
        let handle = task.handle();
        assert!(!handle.cancelled());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(handle.done() && handle.cancelled() && !handle.cancel());
    }

    #[test]
    fn test_cancel_awaited_task() {
        let lp = virtual_loop();
        let future = lp.create_future::<()>();
        let waited = future.clone();
        let slot = Rc::new(RefCell::new(None));
        let nested = Rc::clone(&slot);
        let task = lp.create_task(async move {
            let inner = create_task(through(waited));
            nested.replace(Some(inner.handle()));
            yield_now().await;
            me().cancel();
            inner.await; // it was not waiting when it was cancelled, so this is what the cancellation is handed on to
        });
        let handle = task.handle();
        assert!(is_cancelled(&lp.run_until_complete(task)));
        let inner = slot.take().expect("it was made");
        assert!(handle.cancelled() && inner.cancelled() && future.cancelled());
    }

    #[test]
    fn test_stop_while_run_in_complete() {
        let lp = virtual_loop();
        let (start, rounds) = (lp.time(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&rounds);
        let task = lp
            .create_task(async move {
                while count.get() < 10 {
                    sleep(ms(100)).await;
                    add(&count, 1);
                    if count.get() == 2 {
                        EventLoop::current().stop();
                    }
                }
            })
            .shared();
        let ended = lp.run_until_complete(task.clone());
        assert!(matches!(&ended, Err(Error::Stopped)), "{ended:?}");
        assert_eq!((task.done(), rounds.get(), lp.time() - start), (false, 2, ms(200)));

        assert!(task.cancel());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert_eq!((rounds.get(), lp.time() - start), (2, ms(200)));
    }

    #[test]
    fn test_wait() {
        let lp = virtual_loop();
        let start = lp.time();
        let (a, b) = (lp.create_task(sleep(ms(100))), lp.create_task(sleep(ms(150))));
        let ends = [a.handle(), b.handle()];
        let sets = lp.run_until_complete(lp.create_task(async { wait([b, a]).await })).expect("it runs");
        assert_eq!((handles(&sets.done), sets.pending.len(), sets.timed_out), (ends.to_vec(), 0, false));
        assert_eq!(lp.time() - start, ms(150));

        let again = sets.done;
        let sets = lp.run_until_complete(lp.create_task(async { wait(again).await })).expect("it runs");
        assert_eq!((handles(&sets.done), sets.pending.len()), (ends.to_vec(), 0));
        assert_eq!(lp.time() - start, ms(150), "what is done takes no time");
    }

    #[test]
    fn test_wait_duplicate_coroutines() {
        let lp = virtual_loop();
        let twice = lp.create_task(ready("test")).shared();
        let once = lp.create_task(ready("spam")).shared();
        let sets = lp.run_until_complete(async { wait([twice.clone(), twice, once]).await }).expect("it runs");
        assert!(sets.pending.is_empty());
        let values: Vec<_> = sets.done.iter().map(|task| task.result().expect("it is done")).collect();
        assert_eq!(values, ["test", "test", "spam"]); // a handle that was given comes back
    }

    #[test]
    fn test_wait_errors() {
        let lp = virtual_loop();
        let start = lp.time();
        let nothing = Vec::<Task<Result<(), ()>>>::new;
        lp.run_until_complete(async {
            let began = Rc::new(Cell::new(false));
            let mark = Rc::clone(&began);
            let other = create_task(async move { mark.set(true) });
            for sets in [
                wait(nothing()).await,
                wait(nothing()).timeout(secs(10)).await,
                wait(nothing()).return_when(ReturnWhen::FirstCompleted).await,
                wait(nothing()).return_when(ReturnWhen::FirstException).await,
            ] {
                assert_eq!((sets.done.len(), sets.pending.len(), sets.timed_out), (0, 0, false));
            }
            assert!(!began.get() && !other.done(), "there was nothing to wait for");
        })
        .expect("it runs");
        assert_eq!(lp.time(), start);
    }

    #[test]
    fn test_wait_first_completed() {
        let lp = virtual_loop();
        let start = lp.time();
        let (a, b) = (lp.create_task(sleep(secs(10))), lp.create_task(sleep(ms(100))));
        let (first, second) = (b.handle(), a.handle());
        let sets = lp
            .run_until_complete(async { wait([b, a]).return_when(ReturnWhen::FirstCompleted).await })
            .expect("it runs");
        assert_eq!((handles(&sets.done), handles(&sets.pending)), (vec![first], vec![second.clone()]));
        assert!(sets.done[0].result().is_ok() && !second.done());
        assert_eq!(lp.time() - start, ms(100));

        let rest = lp.run_until_complete(async { wait(sets.pending).await }).expect("it runs");
        assert_eq!((handles(&rest.done), second.cancelled()), (vec![second], false));
        assert_eq!(lp.time() - start, secs(10));
    }

    #[test]
    fn test_wait_really_done() {
        let lp = virtual_loop();
        let a = lp.create_task(yield_now());
        let b = lp.create_task(async {
            yield_now().await;
            yield_now().await;
        });
        let ends = vec![a.handle(), b.handle()];
        let sets = lp
            .run_until_complete(lp.create_task(async { wait([b, a]).return_when(ReturnWhen::FirstCompleted).await }))
            .expect("it runs");
        // the first ended the wait, and the second had ended too when it resumed
        assert_eq!((handles(&sets.done), sets.pending.len()), (ends, 0));
        assert!(sets.done.iter().all(|task| task.result().is_ok()));
    }

    async fn failing(delay: Duration) -> Result<(), &'static str> {
        sleep(delay).await;
        Err("err")
    }

    #[test]
    fn test_wait_first_exception() {
        let lp = virtual_loop();
        let start = lp.time();
        let a = lp.create_task(after(secs(10), Ok(())));
        let b = lp.create_task(ready(Err("err")));
        let (first, second) = (b.handle(), a.handle());
        let sets = lp
            .run_until_complete(lp.create_task(async { wait([b, a]).return_when(ReturnWhen::FirstException).await }))
            .expect("it runs");
        assert_eq!((handles(&sets.done), handles(&sets.pending)), (vec![first], vec![second.clone()]));
        assert_eq!(sets.done[0].exception().expect("it is done"), Some("err"));
        assert_eq!(lp.time(), start);

        drop(lp.run_until_complete(async { wait(sets.pending).await }).expect("it runs"));
        assert!(second.done() && !second.cancelled());
        assert_eq!(lp.time() - start, secs(10));
    }

    #[test]
    fn test_wait_first_exception_in_wait() {
        let lp = virtual_loop();
        let start = lp.time();
        let a = lp.create_task(after(secs(10), Ok(())));
        let b = lp.create_task(failing(ms(10)));
        let (first, second) = (b.handle(), a.handle());
        let sets = lp
            .run_until_complete(async { wait([b, a]).return_when(ReturnWhen::FirstException).await })
            .expect("it runs");
        assert_eq!((handles(&sets.done), handles(&sets.pending)), (vec![first], vec![second.clone()]));
        assert_eq!((lp.time() - start, sets.timed_out), (ms(10), false));

        drop(lp.run_until_complete(async { wait(sets.pending).await }).expect("it runs"));
        assert!(second.done() && !second.cancelled());
        assert_eq!(lp.time() - start, secs(10));
    }

    #[test]
    fn test_wait_with_exception() {
        let lp = virtual_loop();
        let (start, told) = (lp.time(), reports(&lp));
        let mut tasks = vec![lp.create_task(failing(ms(150))), lp.create_task(after(ms(100), Ok(())))];
        for _ in 0..2 {
            let sets = lp.run_until_complete(async { wait(tasks).await }).expect("an error does not end the wait");
            assert_eq!((sets.done.len(), sets.pending.len()), (2, 0));
            let errors: Vec<_> = sets.done.iter().map(|task| task.exception().expect("it is done")).collect();
            assert_eq!(errors, [None, Some("err")]);
            assert_eq!(lp.time() - start, ms(150));
            tasks = sets.done;
        }
        assert_eq!(*told.borrow(), [""; 0]);
    }

    #[test]
    fn test_wait_with_timeout() {
        let lp = virtual_loop();
        let start = lp.time();
        let (a, b) = (lp.create_task(sleep(ms(100))), lp.create_task(sleep(ms(150))));
        let (first, second) = (a.handle(), b.handle());
        let sets = lp.run_until_complete(async { wait([b, a]).timeout(ms(110)).await }).expect("it runs");
        assert_eq!((handles(&sets.done), handles(&sets.pending)), (vec![first], vec![second.clone()]));
        assert_eq!((lp.time() - start, sets.timed_out), (ms(110), true));

        drop(lp.run_until_complete(async { wait(sets.pending).await }).expect("it runs"));
        assert!(second.done() && !second.cancelled());
        assert_eq!(lp.time() - start, ms(150));
    }

    #[test]
    fn test_wait_concurrent_complete() {
        let lp = virtual_loop();
        let start = lp.time();
        let (a, b) = (lp.create_task(sleep(ms(100))), lp.create_task(sleep(ms(150))));
        let (first, second) = (a.handle(), b.handle());
        // the time is up in the very iteration in which the first one's timer rings
        let sets = lp.run_until_complete(async { wait([b, a]).timeout(ms(100)).await }).expect("it runs");
        assert_eq!((handles(&sets.done), handles(&sets.pending)), (vec![first], vec![second.clone()]));
        assert_eq!(lp.time() - start, ms(100));

        drop(lp.run_until_complete(async { wait(sets.pending).await }).expect("it runs"));
        assert!(second.done() && !second.cancelled());
    }

    #[test]
    fn test_wait_with_iterator_of_tasks() {
        let lp = virtual_loop();
        let start = lp.time();
        let (a, b) = (lp.create_task(sleep(ms(100))), lp.create_task(sleep(ms(150))));
        let ends = vec![a.handle(), b.handle()];
        let tasks = [b, a].into_iter();
        let sets = lp.run_until_complete(async { wait(tasks).await }).expect("it runs");
        assert_eq!((handles(&sets.done), sets.pending.len()), (ends, 0));
        assert_eq!(lp.time() - start, ms(150));
    }

    #[test]
    fn test_wait_generator() {
        run(async {
            let tasks = (0..10).map(|n| create_task(ready(n)));
            let sets = wait(tasks).return_when(ReturnWhen::AllCompleted).await;
            assert!(sets.pending.is_empty());
            let values: Vec<_> = sets.done.iter().map(|task| task.result().expect("it is done")).collect();
            assert_eq!(values, (0..10).collect::<Vec<_>>());
        });
    }

    #[test]
    fn test_as_completed() {
        let lp = virtual_loop();
        let start = lp.time();
        let ended = lp.run_until_complete(async {
            let [a, b, c] = [(10, 'a'), (10, 'b'), (150, 'c')].map(|(delay, x)| create_task(after(ms(delay), x)));
            values(as_completed([b, c, a])).await
        });
        assert_eq!(ended.expect("it runs"), ['a', 'b', 'c'].map(Ok));
        assert_eq!(lp.time() - start, ms(150));
    }

    #[test]
    fn test_as_completed_same_tasks_in_as_out() {
        run(async {
            let tasks = [0, 1, 2, 3].map(|n| create_task(ready(n)));
            let (given, mut out) = (handles(&tasks), Vec::new());
            let mut ended = as_completed(tasks);
            while let Some(task) = ended.next().await {
                out.push(task.expect("there is no limit").handle());
            }
            assert_eq!(out, given);
        });
    }

    #[test]
    fn test_as_completed_with_timeout() {
        let lp = virtual_loop();
        let start = lp.time();
        let (a, b) = (lp.create_task(after(ms(100), 'a')), lp.create_task(after(ms(150), 'b')));
        let late = b.handle();
        let ended = lp.run_until_complete(async { values(as_completed([a, b]).timeout(ms(120))).await });
        assert_eq!(ended.expect("it runs"), [Ok('a'), Err(TimeoutError)]);
        assert_eq!(lp.time() - start, ms(120));

        to_the_end(&lp);
        assert!(late.done() && !late.cancelled(), "nothing is cancelled");
        assert_eq!(lp.time() - start, ms(150));
    }

    #[test]
    fn test_as_completed_with_unused_timeout() {
        let lp = virtual_loop();
        let start = lp.time();
        let a = lp.create_task(after(ms(10), 'a'));
        let ended = lp.run_until_complete(async { values(as_completed([a]).timeout(secs(1))).await });
        assert_eq!(ended.expect("it runs"), [Ok('a')]);
        to_the_end(&lp);
        assert_eq!(lp.time() - start, ms(10), "the timer has gone");
    }

    #[test]
    fn test_as_completed_resume_iterator() {
        run(async {
            let mut ended = as_completed([0, 1, 2, 3].map(|n| create_task(ready(n))));
            let mut collected = Vec::new();
            while let Some(task) = ended.next().await {
                collected.push(task.expect("there is no limit").await);
                if collected.len() == 2 {
                    break;
                }
            }
            assert_eq!(collected, [0, 1]);
            while let Some(task) = ended.next().await {
                collected.push(task.expect("there is no limit").await);
            }
            assert_eq!(collected, [0, 1, 2, 3]);
        });
    }

    #[test]
    fn test_as_completed_reverse_wait() {
        let lp = virtual_loop();
        let start = lp.time();
        lp.run_until_complete(async {
            let now = || now() - start;
            let (a, b) = (create_task(after(ms(50), 'a')), create_task(after(ms(100), 'b')));
            let mut ended = as_completed([b, a]);
            // whichever was asked for first, the first that is awaited to its end gets what ends first
            drop(ended.next());
            let given_up = select(Box::pin(ended.next()), create_task(yield_now())).await;
            assert!(matches!(given_up, Either::Right(_)));
            drop(given_up);
            let first = ended.next().await.expect("there are two").expect("there is no limit");
            assert_eq!((first.await, now()), ('a', ms(50)));
            let second = ended.next().await.expect("there is one more").expect("there is no limit");
            assert_eq!((second.await, now()), ('b', ms(100)));
            assert!(ended.next().await.is_none());
        })
        .expect("it runs");
    }

    #[test]
    fn test_as_completed_concurrent() {
        let lp = virtual_loop();
        let start = lp.time();
        lp.run_until_complete(async {
            let mut ended = as_completed(['a', 'b'].map(|x| create_task(after(ms(50), x))));
            let mut tasks = Vec::new();
            while let Some(task) = ended.next().await {
                tasks.push(create_task(task.expect("there is no limit")));
            }
            assert_eq!(tasks.len(), 2);
            let sets = wait(tasks).await;
            let values: Vec<_> = sets.done.iter().map(|task| task.result().expect("it is done")).collect();
            assert_eq!((values, sets.pending.len()), (vec!['a', 'b'], 0));
        })
        .expect("it runs");
        assert_eq!(lp.time() - start, ms(50));
    }

    #[test]
    fn test_as_completed_duplicate_coroutines() {
        run(async {
            let runs = Rc::new(Cell::new(0));
            let count = Rc::clone(&runs);
            let ham = create_task(async move {
                add(&count, 1);
                "ham"
            })
            .shared();
            let mut ended = as_completed([ham.clone(), ham, create_task(ready("spam")).shared()]);
            let mut result = Vec::new();
            while let Some(task) = ended.next().await {
                result.push(task.expect("there is no limit").await);
            }
            assert_eq!((result, runs.get()), (vec!["ham", "ham", "spam"], 1)); // a handle that was given comes back
        });
    }

    #[test]
    fn test_sleep() {
        let lp = virtual_loop();
        let start = lp.time();
        let task = lp
            .create_task(async {
                sleep(ms(50)).await;
                after(ms(50), "yeah").await
            })
            .shared();
        lp.run_until_complete(task.clone()).expect("it runs");
        assert_eq!((task.done(), task.result().ok(), lp.time() - start), (true, Some("yeah"), ms(100)));
    }

    #[test]
    fn test_sleep_cancel() {
        let lp = virtual_loop();
        let start = lp.time();
        let task = lp.create_task(after(secs(10), "yeah"));
        briefly(&lp);
        assert!(task.cancel());
        briefly(&lp);
        assert!(task.cancelled());
        to_the_end(&lp);
        assert_eq!(lp.time(), start, "its timer has gone");
    }

    #[test]
    fn test_task_cancel_sleeping_task() {
        let lp = virtual_loop();
        let start = lp.time();
        let ended = lp.run_until_complete(async {
            let sleeper = create_task(sleep(secs(5000)));
            let target = sleeper.handle();
            EventLoop::current().call_later(ms(100), move || target.cancel());
            catch_cancelled(sleeper).await.map_or("cancelled", |()| "slept in")
        });
        assert_eq!(ended.expect("it runs"), "cancelled");
        to_the_end(&lp);
        assert_eq!(lp.time() - start, ms(100));
    }

    #[test]
    fn test_task_cancel_waiter_future() {
        let lp = virtual_loop();
        let (task, future) = awaiting(&lp);
        let handle = task.handle();
        assert!(task.cancel());
        assert_eq!((future.cancelled(), handle.done()), (true, false), "the future at once, the task in its turn");
        briefly(&lp);
        assert!(handle.done());
        assert!(is_cancelled(&lp.run_until_complete(task)));
    }

    #[test]
    fn test_step_result_future() {
        let lp = virtual_loop();
        let future = lp.create_future::<Rc<()>>();
        let result = Rc::new(RefCell::new(None));
        let (waited, place) = (future.clone(), Rc::clone(&result));
        let task = lp.create_task(async move {
            let value = waited.await;
            place.replace(Some(value));
        });
        briefly(&lp);
        assert!(!task.done());

        let value = Rc::new(());
        future.set_result(Rc::clone(&value)).expect("it is pending");
        briefly(&lp);
        assert!(Rc::ptr_eq(result.borrow().as_ref().expect("it came"), &value));
        assert!(task.done() && task.result().is_ok());
    }

    #[test]
    fn test_baseexception_during_cancel() {
        let lp = virtual_loop();
        let told = reports(&lp);
        let task = lp.create_task(async {
            catch_cancelled(sleep(secs(10))).await.expect("it is not disturbed");
        });
        briefly(&lp);
        assert!(task.cancel());
        assert!(!task.done());
        briefly(&lp); // a panic never leaves the run
        assert!(task.done() && !task.cancelled());
        assert!(panic_message(task.result()).starts_with("it is not disturbed"));
        drop(task);
        assert_eq!(*told.borrow(), [""; 0], "it was seen");
    }

    #[test]
    fn test_current_task() {
        assert!(current_task().is_none());
        let lp = virtual_loop();
        let _in = lp.enter();
        assert!(current_task().is_none());
        let task = lp.create_task(async {
            let before = me();
            yield_now().await;
            assert_eq!(me(), before);
            before
        });
        let handle = task.handle();
        assert_eq!(lp.run_until_complete(task).expect("it runs"), handle);
        assert!(current_task().is_none());
    }

    #[test]
    fn test_current_task_with_interleaving_tasks() {
        let lp = virtual_loop();
        let (one, two) = (lp.create_future(), lp.create_future());
        let (first, second) = (one.clone(), two.clone());
        let task1 = lp.create_task(async move {
            let before = me();
            assert!(first.await);
            assert_eq!(me(), before);
            second.set_result(true).expect("it is pending");
            before
        });
        let task2 = lp.create_task(async move {
            let before = me();
            one.set_result(true).expect("it is pending");
            assert!(two.await);
            assert_eq!(me(), before);
            before
        });
        let own = [task1.handle(), task2.handle()];
        let sets = lp.run_until_complete(async { wait([task1, task2]).await }).expect("it runs");
        // taken out, since a task whose value holds a handle on the task itself would never go
        let seen: Vec<_> = sets.done.into_iter().map(|task| task.into_result().expect("it saw itself")).collect();
        assert_eq!(seen, own);
        assert!(current_task().is_none());
    }

    #[test]
    fn test_yield_future_passes_cancel() {
        let lp = virtual_loop();
        let (waiter, proof) = (lp.create_future::<()>(), Rc::new(Cell::new(0)));
        let (gate, count) = (waiter.clone(), Rc::clone(&proof));
        let task = lp.create_task(async move {
            let inner = async {
                let cancelled = catch_cancelled(gate).await.expect_err("it is never set");
                add(&count, 1);
                cancelled.reraise().await;
            };
            let outcome: Result<(), _> = catch_cancelled(inner).await;
            add(&count, if outcome.is_err() { 100 } else { 10 });
        });
        briefly(&lp);
        assert!(task.cancel());
        lp.run_until_complete(task).expect("it is caught in the end");
        assert_eq!(proof.get(), 101);
        assert!(waiter.cancelled());
    }

    #[test]
    fn test_yield_wait_does_not_shield_cancel() {
        let lp = virtual_loop();
        let (waiter, proof) = (lp.create_future::<()>(), Rc::new(Cell::new(0)));
        let (gate, inner, outer) = (waiter.clone(), Rc::clone(&proof), Rc::clone(&proof));
        let task = lp.create_task(async move {
            let child = create_task(async move {
                gate.await;
                add(&inner, 1);
            });
            drop(wait([child]).await);
            add(&outer, 100);
        });
        briefly(&lp);
        assert!(task.cancel());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(!waiter.cancelled(), "the child runs on");
        waiter.set_result(()).expect("it is pending");
        briefly(&lp);
        assert_eq!(proof.get(), 1);
    }

    /// A future and its shield.
    fn shielded<T: 'static>(lp: &EventLoop) -> (oneloop::Future<T>, Awaitable<T>) {
        let _in = lp.enter();
        let inner = create_future();
        let outer = shield(inner.clone());
        (inner, outer)
    }

    #[test]
    fn test_shield_result() {
        let lp = virtual_loop();
        let (inner, outer) = shielded(&lp);
        inner.set_result(42).expect("it is pending");
        assert_eq!(lp.run_until_complete(outer).expect("it runs"), 42);
    }

    #[test]
    fn test_shield_exception() {
        let lp = virtual_loop();
        let (inner, outer) = shielded::<Result<(), &str>>(&lp);
        briefly(&lp);
        inner.set_exception("expected").expect("it is pending");
        briefly(&lp);
        assert_eq!(outer.exception().expect("it is done"), Some("expected"));
    }

    #[test]
    fn test_shield_cancel_inner() {
        let lp = virtual_loop();
        let (inner, outer) = shielded::<()>(&lp);
        briefly(&lp);
        assert!(inner.cancel());
        assert!(!outer.done());
        briefly(&lp);
        assert!(outer.cancelled());
    }

    #[test]
    fn test_shield_cancel_outer() {
        let lp = virtual_loop();
        let (inner, outer) = shielded::<()>(&lp);
        let calls = Rc::new(Cell::new(0));
        let count = Rc::clone(&calls);
        outer.add_done_callback(move |_| add(&count, 1));
        briefly(&lp);
        assert!(outer.cancel());
        briefly(&lp);
        assert!(outer.cancelled() && !inner.done());
        assert_eq!(calls.get(), 1);

        inner.set_result(()).expect("it is pending");
        to_the_end(&lp);
        assert_eq!(calls.get(), 1, "the inner one has nothing to tell any more");
    }

    #[test]
    fn test_shield_cancel_outer_result() {
        let lp = virtual_loop();
        let told = reports(&lp);
        let (inner, outer) = shielded(&lp);
        briefly(&lp);
        assert!(outer.cancel());
        briefly(&lp);
        inner.set_result(1).expect("it is pending");
        briefly(&lp);
        drop(outer);
        assert_eq!(lp.run_until_complete(inner).expect("it is done"), 1);
        assert_eq!(*told.borrow(), [""; 0]);
    }

    /// A task that panics when the future is set: what is not met is reported, and an error as a value is no panic.
    fn to_panic(lp: &EventLoop) -> (oneloop::Future<()>, Shared<()>) {
        let go = lp.create_future();
        let waited = go.clone();
        let task = lp.create_task(async move {
            waited.await;
            panic!("foo")
        });
        (go, task.shared())
    }

    #[test]
    fn test_shield_cancel_outer_exception() {
        let lp = virtual_loop();
        let told = reports(&lp);
        let (go, inner) = to_panic(&lp);
        let entered = lp.enter();
        let outer = shield(inner);
        drop(entered);
        briefly(&lp);
        assert!(outer.cancel());
        briefly(&lp);
        go.set_result(()).expect("it is pending");
        briefly(&lp);
        drop(outer);
        assert_eq!(told.borrow().len(), 1, "{told:?}");
        assert!(told.borrow()[0].contains("panicked: foo"), "{told:?}");
    }

    #[test]
    fn test_shield_duplicate_log_once() {
        let lp = virtual_loop();
        let told = reports(&lp);
        let (go, inner) = to_panic(&lp);
        for _ in 0..2 {
            let entered = lp.enter();
            let outer = shield(inner.clone());
            drop(entered);
            briefly(&lp);
            assert!(outer.cancel());
            briefly(&lp);
        }
        go.set_result(()).expect("it is pending");
        briefly(&lp);
        assert_eq!(*told.borrow(), [""; 0], "the inner handle could still meet it");
        drop(inner);
        assert_eq!(told.borrow().len(), 1, "{told:?}");
    }

    #[test]
    fn test_shield_shortcut() {
        let lp = virtual_loop();
        let _in = lp.enter();
        let future = lp.create_future();
        future.set_result(42).expect("it is pending");
        let outer = shield(future.clone());
        assert_eq!(outer.any(), future.any());
        assert_eq!(lp.run_until_complete(outer).expect("it is done"), 42);
    }

    #[test]
    fn test_shield_effect() {
        let lp = virtual_loop();
        let (waiter, proof) = (lp.create_future::<()>(), Rc::new(Cell::new(0)));
        let (gate, inner, outer) = (waiter.clone(), Rc::clone(&proof), Rc::clone(&proof));
        let task = lp.create_task(async move {
            shield(async move {
                gate.await;
                add(&inner, 1);
            })
            .await;
            add(&outer, 100);
        });
        briefly(&lp);
        assert!(task.cancel());
        assert!(is_cancelled(&lp.run_until_complete(task)));
        assert!(!waiter.cancelled());
        waiter.set_result(()).expect("it is pending");
        briefly(&lp);
        assert_eq!(proof.get(), 1);
    }

    #[test]
    fn test_shield_gather() {
        let lp = virtual_loop();
        let _in = lp.enter();
        let (child1, child2) = (lp.create_future(), lp.create_future());
        let parent = gather([child1.clone(), child2.clone()]).shared();
        let outer = shield(parent.clone());
        briefly(&lp);
        assert!(outer.cancel());
        briefly(&lp);
        assert!(outer.cancelled() && !parent.done());
        child1.set_result(1).expect("it is pending");
        child2.set_result(2).expect("it is pending");
        briefly(&lp);
        assert_eq!(parent.result().expect("it is done"), [1, 2]);
    }

    #[test]
    fn test_gather_shield() {
        let lp = virtual_loop();
        let _in = lp.enter();
        let children: [oneloop::Future<u32>; 2] = [lp.create_future(), lp.create_future()];
        let inner = children.clone().map(shield);
        let shields = inner.each_ref().map(Awaitable::any);
        let parent = gather(inner);
        briefly(&lp);
        assert!(parent.cancel());
        briefly(&lp);
        assert!(matches!(parent.into_result(), Err(TaskError::Cancelled(_))));
        assert!(shields.iter().all(AnyFuture::cancelled));
        assert!(children.iter().all(|child| !child.done()));
        for (n, child) in (1..).zip(children) {
            child.set_result(n).expect("it is pending");
            assert_eq!(lp.run_until_complete(child).expect("it is done"), n);
        }
    }

    #[test]
    fn test_log_destroyed_pending_task() {
        let lp = virtual_loop();
        let (told, witness) = (reports(&lp), Rc::new(()));
        let held = Rc::clone(&witness);
        let task = lp.create_task(async move {
            create_future::<()>().await;
            drop(held);
        });
        let entered = lp.enter();
        assert_eq!(all_tasks(), [task.handle()]);
        drop(task);
        // that future can never be settled; the loop owns the task all the same, and says what it waits for
        match lp.run_until_complete(lp.create_future::<()>()) {
            Err(Error::Deadlock(deadlock)) => assert_eq!(deadlock.waiting, ["Task-1 waits for a future"]),
            other => panic!("{other:?}"),
        }
        assert_eq!((all_tasks().len(), Rc::strong_count(&witness)), (1, 2));
        drop(entered);
        lp.close().expect("it does not run");
        assert_eq!(Rc::strong_count(&witness), 1);
        assert_eq!(*told.borrow(), [""; 0]);
    }

    #[test]
    fn test_task_source_traceback() {
        let lp = virtual_loop();
        let task = lp.create_task(async {});
        let here = line!() - 1;
        let created = task.handle().created_at();
        assert_eq!((created.file(), created.line()), (file!(), here));
    }

    #[test]
    fn test_cancel_gather_1() {
        let lp = virtual_loop();
        let (future, answer) = (lp.create_future(), Rc::new(Cell::new(None)));
        let waited = future.clone();
        // the coroutine between them is what makes the gathering end later than the future
        let gathering = inside(&lp, || gather([through(waited)])).shared();
        let (target, note) = (gathering.any(), Rc::clone(&answer));
        future.add_done_callback(move |_| note.set(Some(target.cancel())));
        future.set_result(42).expect("it is pending");
        assert_eq!(lp.run_until_complete(gathering.clone()).expect("all children were done"), [42]);
        assert_eq!((answer.get(), gathering.cancelled()), (Some(false), false));
    }

    #[test]
    fn test_cancel_gather_2() {
        // 200 ms is the very moment at which the fourth child ends
        for (message, moment) in [(None, ms(200)), (Some("my message"), ms(200)), (Some("my message"), ms(220))] {
            let lp = virtual_loop();
            let start = lp.time();
            let ended = lp.run_until_complete(async {
                let task = create_task(async {
                    for _ in 0..20 {
                        drop(gather([sleep(ms(50))]).return_exceptions().await);
                    }
                });
                sleep(moment).await;
                assert!(cancel(&task.handle(), message));
                task.await;
            });
            assert_eq!(message_of(ended).as_deref(), message);
            assert_eq!(lp.time() - start, moment);
        }
    }

    #[test]
    fn test_error_in_call_soon() {
        let (lp, witness) = (virtual_loop(), Rc::new(()));
        lp.close().expect("it does not run");
        let held = Rc::clone(&witness);
        let made = catch_unwind(AssertUnwindSafe(|| lp.create_task(async move { drop(held) })));
        assert!(made.is_err(), "a closed loop queues nothing");
        assert_eq!(Rc::strong_count(&witness), 1, "the coroutine has gone");
        let _in = lp.enter();
        assert_eq!(all_tasks(), []);
    }

    #[test]
    fn test_bare_create_task() {
        run(async {
            let task: Task<u32> = create_task(ready(1));
            assert_eq!(task.await, 1);
        });
    }

    #[test]
    fn test_bare_create_named_task() {
        run(async {
            let task = create_task(ready(())).named("No-op");
            assert_eq!(task.name(), "No-op");
            task.await;
        });
    }

    #[test]
    fn test_tb_logger_not_called_after_cancel() {
        let lp = virtual_loop();
        let told = reports(&lp);
        lp.run_until_complete(async {
            let task = create_task(async { panic!("foo") });
            sleep(ms(50)).await;
            assert!(!task.cancel());
            drop::<Task<()>>(task);
        })
        .expect("it runs");
        assert_eq!(*told.borrow(), [""; 0]);
    }
}

mod base_current_loop_tests {
    use super::*;

    #[test]
    fn test_current_task_no_running_loop() {
        assert!(current_task().is_none());
        let lp = virtual_loop();
        let _in = lp.enter();
        let seen = Rc::new(Cell::new(false));
        let mark = Rc::clone(&seen);
        lp.call_soon(move || mark.set(current_task().is_none()));
        briefly(&lp);
        assert!(seen.get(), "a callback is in no task");
    }
}

/// The futures as CPython gives them to `gather`: as they are, or each awaited by a coroutine.
fn children<T: 'static>(lp: &EventLoop, wrapped: bool, futures: &[oneloop::Future<T>]) -> Vec<Awaitable<T>> {
    let _in = lp.enter();
    let one = |future: &oneloop::Future<T>| {
        if wrapped { ensure_future(through(future.clone())) } else { future.clone().into() }
    };
    futures.iter().map(one).collect()
}

fn create_futures<T: 'static, const N: usize>(lp: &EventLoop) -> [oneloop::Future<T>; N] {
    std::array::from_fn(|_| lp.create_future())
}

/// How often it is called back with itself; a call with something else spoils the count.
fn calls_of(gathering: &AnyFuture) -> Rc<Cell<u32>> {
    let calls = Rc::new(Cell::new(0));
    let (count, itself) = (Rc::clone(&calls), gathering.clone());
    gathering.add_done_callback(move |ended| add(&count, if *ended == itself { 1 } else { 1000 }));
    calls
}

mod gather_tests_base {
    use super::*;

    fn check_success<O: 'static, K: 'static>(
        make: fn(Vec<Awaitable<u32>>) -> Gathering<O, K>,
        values: fn(O) -> Vec<u32>,
    ) {
        for wrapped in [false, true] {
            let lp = virtual_loop();
            let _in = lp.enter();
            let [a, b, c] = create_futures(&lp);
            let gathering = make(children(&lp, wrapped, &[a.clone(), b.clone(), c.clone()]));
            let calls = calls_of(&gathering.any());
            b.set_result(1).expect("it is pending");
            a.set_result(2).expect("it is pending");
            to_the_end(&lp);
            assert_eq!((calls.get(), gathering.done()), (0, false));
            c.set_result(3).expect("it is pending");
            to_the_end(&lp);
            assert_eq!((calls.get(), gathering.done(), gathering.cancelled()), (1, true, false));
            assert_eq!(values(gathering.into_result().expect("all have ended well")), [2, 1, 3]);
        }
    }

    #[test]
    fn test_success() {
        check_success(|children| gather(children), |values| values);
        check_success(
            |children| try_gather(children.into_iter().map(|child| child.map(Ok::<_, ()>))),
            |values| values.expect("none has failed"),
        );
    }

    #[test]
    fn test_result_exception_success() {
        check_success(
            |children| gather(children).return_exceptions(),
            |outcomes| outcomes.into_iter().map(|one| one.expect("none has failed")).collect(),
        );
    }

    #[test]
    fn test_one_exception() {
        for wrapped in [false, true] {
            let lp = virtual_loop();
            let (told, _in) = (reports(&lp), lp.enter());
            let futures = create_futures::<Result<u32, &str>, 5>(&lp);
            let gathering = try_gather(children(&lp, wrapped, &futures));
            let calls = calls_of(&gathering.any());
            futures[0].set_result(Ok(1)).expect("it is pending");
            futures[1].set_exception("first").expect("it is pending");
            to_the_end(&lp);
            assert_eq!((calls.get(), gathering.done(), gathering.cancelled()), (1, true, false));

            // what the others come to does not matter any more
            futures[2].set_result(Ok(3)).expect("it runs on");
            assert!(futures[3].cancel());
            futures[4].set_exception("second").expect("it runs on");
            to_the_end(&lp);
            assert_eq!(calls.get(), 1);
            assert_eq!(gathering.into_result().expect("an error is a value"), Err("first"));
            assert_eq!(*told.borrow(), [""; 0]);
        }
    }

    #[test]
    fn test_return_exceptions() {
        for wrapped in [false, true] {
            let lp = virtual_loop();
            let _in = lp.enter();
            let [a, b, c, d] = create_futures::<Result<u32, &str>, 4>(&lp);
            let futures = [&a, &b, &c, &d].map(Clone::clone);
            let gathering = gather(children(&lp, wrapped, &futures));
            let calls = calls_of(&gathering.any());
            b.set_result(Ok(1)).expect("it is pending");
            c.set_exception("zero").expect("it is pending");
            a.set_result(Ok(3)).expect("it is pending");
            to_the_end(&lp);
            assert_eq!((calls.get(), gathering.done()), (0, false));
            d.set_exception("run").expect("it is pending");
            to_the_end(&lp);
            assert_eq!((calls.get(), gathering.done()), (1, true));
            assert_eq!(gathering.into_result().expect("errors are values"), [Ok(3), Ok(1), Err("zero"), Err("run")]);
        }
    }
}

mod future_gather_tests {
    use super::*;

    #[test]
    fn test_constructor_empty_sequence_use_running_loop() {
        let (lp, other) = (virtual_loop(), virtual_loop());
        let empty = || inside(&lp, || gather(Vec::<Task<u32>>::new()));
        assert!(empty().done());
        assert!(matches!(other.run_until_complete(empty()), Err(Error::ForeignLoop)));
        assert_eq!(lp.run_until_complete(empty()).expect("it is done"), [0; 0]);
    }

    #[test]
    fn test_constructor_heterogenous_futures() {
        let (one, other) = (virtual_loop(), virtual_loop());
        let futures = [one.create_future::<()>(), other.create_future()];
        let _in = one.enter();
        assert!(catch_unwind(AssertUnwindSafe(|| gather(futures.clone()))).is_err());
        assert!(futures.iter().all(|future| !future.done()));
    }

    #[test]
    fn test_constructor_homogenous_futures() {
        let (one, other) = (virtual_loop(), virtual_loop());
        let children = create_futures::<u32, 3>(&other);
        for _ in 0..2 {
            let entered = other.enter();
            let gathering = gather(children.clone());
            drop(entered);
            to_the_end(&other);
            assert!(!gathering.done());
            assert!(matches!(one.run_until_complete(gathering), Err(Error::ForeignLoop)));
        }
    }

    #[test]
    fn test_one_cancellation() {
        let lp = virtual_loop();
        let (told, _in) = (reports(&lp), lp.enter());
        let futures = create_futures::<u32, 5>(&lp);
        let gathering = gather(futures.clone());
        let calls = calls_of(&gathering.any());
        futures[0].set_result(1).expect("it is pending");
        assert!(futures[1].cancel());
        to_the_end(&lp);
        // it says that it was cancelled, which asyncio's denies (gh-85071)
        assert_eq!((calls.get(), gathering.done(), gathering.cancelled()), (1, true, true));

        futures[2].set_result(3).expect("it runs on");
        assert!(futures[3].cancel());
        futures[4].set_result(5).expect("it runs on");
        to_the_end(&lp);
        assert_eq!(calls.get(), 1);
        assert!(matches!(gathering.into_result(), Err(TaskError::Cancelled(_))));
        assert_eq!(*told.borrow(), [""; 0]);
    }

    #[test]
    fn test_result_exception_one_cancellation() {
        let lp = virtual_loop();
        let _in = lp.enter();
        let futures = create_futures::<Result<u32, &str>, 6>(&lp);
        let gathering = gather(futures.clone()).return_exceptions();
        let calls = calls_of(&gathering.any());
        futures[0].set_result(Ok(1)).expect("it is pending");
        futures[1].set_exception("zero").expect("it is pending");
        assert!(futures[2].cancel_with("why"));
        to_the_end(&lp);
        assert_eq!((calls.get(), gathering.done()), (0, false));
        futures[3].set_result(Ok(3)).expect("it is pending");
        assert!(futures[4].cancel());
        futures[5].set_exception("run").expect("it is pending");

        let ended = lp.run_until_complete(gathering).expect("a cancelled child is an outcome");
        let outcome = |one: Result<_, TaskError>| match one {
            Ok(result) => Ok(result),
            Err(TaskError::Cancelled(cancelled)) => Err(cancelled.message().map(str::to_owned)),
            Err(other) => panic!("{other}"),
        };
        let (why, zero) = (Err(Some("why".to_owned())), Ok(Err("zero")));
        let wanted = [Ok(Ok(1)), zero, why, Ok(Ok(3)), Err(None), Ok(Err("run"))];
        assert_eq!(ended.into_iter().map(outcome).collect::<Vec<_>>(), wanted);
        assert_eq!(calls.get(), 1);
    }
}

mod coroutine_gather_tests {
    use super::*;

    #[test]
    fn test_duplicate_coroutines() {
        let lp = virtual_loop();
        let (runs, _in) = (Rc::new(Cell::new(0)), lp.enter());
        let count = Rc::clone(&runs);
        let abc = create_task(async move {
            add(&count, 1);
            "abc"
        })
        .shared();
        let def = create_task(ready("def")).shared();
        let gathering = gather([abc.clone(), abc.clone(), def, abc]);
        to_the_end(&lp);
        assert_eq!(gathering.into_result().expect("it is done"), ["abc", "abc", "def", "abc"]);
        assert_eq!(runs.get(), 1);
    }

    #[test]
    fn test_cancellation_broadcast() {
        let lp = virtual_loop();
        let (waiter, proof) = (lp.create_future::<()>(), Rc::new(Cell::new(0)));
        let inner = [(); 2].map(|()| {
            let (gate, count) = (waiter.clone(), Rc::clone(&proof));
            lp.create_task(async move {
                gate.await;
                add(&count, 1);
            })
        });
        let children = handles(&inner);
        let slot = Rc::new(RefCell::new(None));
        let (gatherer, count) = (Rc::clone(&slot), Rc::clone(&proof));
        let outer = lp.create_task(async move {
            let gathering = gather(inner);
            gatherer.replace(Some(gathering.any()));
            gathering.await;
            add(&count, 100);
        });
        briefly(&lp);
        assert!(outer.cancel());
        assert!(is_cancelled(&lp.run_until_complete(outer)));
        let gathering = slot.take().expect("it was made");
        assert!(!gathering.cancel(), "there is nothing left to cancel");
        assert!(waiter.cancelled() && children.iter().all(|child| child.cancelled()));
        briefly(&lp);
        assert_eq!(proof.get(), 0);
    }

    #[test]
    fn test_exception_marking() {
        async fn inner(go: oneloop::Future<()>, n: u32) -> Result<(), u32> {
            go.await;
            Err(n)
        }
        let lp = virtual_loop();
        let told = reports(&lp);
        let [a, b] = create_futures(&lp);
        let (one, two) = (a.clone(), b.clone());
        let outer = lp.create_task(async move { try_gather([inner(one, 1), inner(two, 2)]).await });
        briefly(&lp);
        a.set_result(()).expect("it is pending");
        briefly(&lp);
        b.set_result(()).expect("it is pending");
        briefly(&lp);
        assert_eq!(outer.exception().expect("the first error was enough"), Some(1));
        drop(outer);
        assert_eq!(*told.borrow(), [""; 0], "the second is not reported");
    }

    #[test]
    fn test_issue46672() {
        let (lp, other) = (virtual_loop(), virtual_loop());
        let (told, _in) = (reports(&lp), lp.enter());
        let runs = Rc::new(Cell::new(0));
        let count = Rc::clone(&runs);
        let children = [ensure_future(async move { add(&count, 1) }), other.create_future().into()];
        assert!(catch_unwind(AssertUnwindSafe(|| gather(children))).is_err(), "the second cannot be gathered");
        to_the_end(&lp);
        // the first, whose end is not told now, does no harm
        assert_eq!(runs.get(), 1);
        assert_eq!(*told.borrow(), [""; 0]);
    }
}

mod sleep_tests {
    use super::*;

    #[test]
    fn test_sleep_zero() {
        let lp = virtual_loop();
        let (start, result) = (lp.time(), Rc::new(Cell::new(0)));
        let (shared, other) = (Rc::clone(&result), Rc::clone(&result));
        lp.run_until_complete(async move {
            EventLoop::current().call_soon(move || add(&other, 1));
            assert_eq!(shared.get(), 0);
            let ten = after(Duration::ZERO, 10).await;
            assert_eq!(shared.get(), 1, "what was ready had its turn");
            add(&shared, ten);
        })
        .expect("it runs");
        assert_eq!((result.get(), lp.time()), (11, start));
    }
}

mod run_coroutine_threadsafe_tests {
    use super::*;

    /// Takes a while and adds up; or panics, or cancels itself.
    async fn add(a: i32, b: i32, what: &str) -> i32 {
        sleep(ms(50)).await;
        match what {
            "fail" => panic!("Fail!"),
            "cancel" => {
                current_task().expect("inside a task").cancel();
                yield_now().await;
            }
            _ => {}
        }
        a + b
    }

    /// What a thread of the executor gets that asks for it, and waits for `limit` at the most.
    fn ask(lp: &EventLoop, what: &'static str, limit: Duration) -> Result<i32, TaskError> {
        let handle = lp.remote();
        let asks = to_thread(move || {
            let asked = handle.run_coroutine_threadsafe(move || add(1, 2, what)).expect("the loop is open");
            let result = asked.result_timeout(limit);
            if !asked.done() {
                assert!(asked.cancel());
            }
            result
        });
        lp.run_until_complete(asks).expect("the loop runs")
    }

    fn pending_tasks(lp: &EventLoop) -> usize {
        let _in = lp.enter();
        all_tasks().len()
    }

    #[test]
    fn test_run_coroutine_threadsafe() {
        assert!(matches!(ask(&virtual_loop(), "add", secs(60)), Ok(3)));
    }

    #[test]
    fn test_run_coroutine_threadsafe_with_exception() {
        let ended = ask(&virtual_loop(), "fail", secs(60));
        assert!(matches!(ended, Err(TaskError::Panicked(panic)) if panic.message() == "Fail!"));
    }

    #[test]
    fn test_run_coroutine_threadsafe_with_timeout() {
        let lp = virtual_loop();
        assert!(matches!(ask(&lp, "add", Duration::ZERO), Err(TaskError::NotDone)));
        briefly(&lp);
        assert_eq!(pending_tasks(&lp), 0, "the coroutine was cancelled, too");
    }

    #[test]
    fn test_run_coroutine_threadsafe_task_cancelled() {
        assert!(matches!(ask(&virtual_loop(), "cancel", secs(60)), Err(TaskError::Cancelled(_))));
    }

    /// There are no task factories; what can fail before there is a task is the making of the coroutine. The thread
    /// meets that failure, and so does the exception handler.
    #[test]
    fn test_run_coroutine_threadsafe_task_factory_exception() {
        let lp = virtual_loop();
        let told = reports(&lp);
        let handle = lp.remote();
        let asks = to_thread(move || {
            let asked = handle.run_coroutine_threadsafe(|| -> std::future::Ready<()> { panic!("no coroutine") });
            asked.expect("the loop is open").result_timeout(secs(60))
        });
        let ended = lp.run_until_complete(asks).expect("the loop runs");
        assert!(matches!(ended, Err(TaskError::Panicked(panic)) if panic.message() == "no coroutine"));
        assert_eq!(told.borrow().len(), 1);
        assert!(told.borrow()[0].contains("no coroutine"), "{told:?}");
    }

    #[test]
    fn test_run_coroutine_threadsafe_and_cancel() {
        let lp = virtual_loop();
        let (handle, (begins, began)) = (lp.remote(), mpsc::channel());
        let asks = to_thread(move || {
            let asked = handle.run_coroutine_threadsafe(move || async move {
                begins.send(thread::current().id()).expect("the thread waits");
                add(1, 2, "add").await
            });
            let asked = asked.expect("the loop is open");
            began.recv_timeout(secs(60)).expect("it begins");
            assert!(asked.cancel());
            assert!(asked.done() && asked.cancelled());
            asked.result_timeout(secs(60))
        });
        let ended = lp.run_until_complete(asks).expect("the loop runs");
        assert!(matches!(ended, Err(TaskError::Cancelled(_))));
        briefly(&lp);
        assert_eq!(pending_tasks(&lp), 0);
    }
}
