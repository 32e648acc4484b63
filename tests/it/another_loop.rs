//! What one loop made is awaited in another, or after its loop has closed: a panic names the remedy, and nothing hangs.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures::FutureExt as _;
use oneloop::{
    Awaitable, Barrier, Condition, Event, EventLoop, Lock, Queue, Semaphore, Timeout, as_completed, catch_cancelled,
    create_future, create_task, gather, shield, sleep, sleep_until, staggered_race, task_group, timeout, try_gather,
    wait, wait_for, yield_now,
};

use crate::support::{LONG, now, panic_in, run, virtual_loop};

type Wait = Pin<Box<dyn Future<Output = ()>>>;

/// Waits, each with its name.
type Waits = Vec<(&'static str, Wait)>;

fn forgetting<F: Future + 'static>(wait: F) -> Wait {
    wait.map(drop).boxed_local()
}

/// Waits for time that never end in a test, by name.
fn for_time() -> Waits {
    vec![
        ("sleep", forgetting(sleep(LONG))),
        ("sleep_until", forgetting(sleep_until(now() + LONG))),
        ("timeout", forgetting(timeout(LONG, pending::<()>()))),
        ("Timeout", forgetting(Timeout::after(LONG).run(pending::<()>()))),
        ("wait_for", forgetting(wait_for(pending::<()>(), LONG))),
    ]
}

/// Waits for tasks and futures that never end.
fn for_nodes() -> Waits {
    let task = || create_task(pending::<()>());
    let mut outcome = create_future::<()>();
    vec![
        ("a task", forgetting(task())),
        ("a future", forgetting(create_future::<()>())),
        ("a view", forgetting(create_future::<i32>().shared())),
        ("a mapped view", forgetting(Awaitable::from(task()).map(|()| 1))),
        ("an outcome", forgetting(async move { outcome.outcome().await })),
        ("gather", forgetting(gather([task()]))),
        ("try_gather", forgetting(try_gather([create_task(pending::<Result<(), ()>>())]))),
        ("shield", forgetting(shield(task()))),
        ("wait", forgetting(wait([task()]))),
        ("as_completed", forgetting(async move { as_completed([task()]).next().await.is_some() })),
        (
            "task_group",
            forgetting(task_group(async |group| {
                group.create_task(pending::<Result<(), ()>>());
                Ok::<_, ()>(())
            })),
        ),
        ("staggered_race", forgetting(staggered_race([|| pending::<Result<(), ()>>()], None))),
    ]
}

/// Waits in a queue of waiters that never end.
fn in_line() -> Waits {
    let (lock, condition, empty, full) = (Lock::new(()), Condition::new(()), Queue::<()>::unbounded(), Queue::new(1));
    full.put_nowait(()).expect("it is empty");
    let (joined, held) = (full.clone(), Semaphore::new(0));
    vec![
        (
            "a lock",
            forgetting(async move {
                let _held = lock.try_acquire().expect("it is free");
                drop(lock.acquire().await);
            }),
        ),
        (
            "a condition",
            forgetting(async move {
                let mut guard = condition.acquire().await;
                condition.wait(&mut guard).await;
            }),
        ),
        ("an event", forgetting(Event::new().wait())),
        ("a semaphore", forgetting(async move { drop(held.acquire().await) })),
        ("a barrier", forgetting(async move { Barrier::new(2).wait().await.is_ok() })),
        ("an item", forgetting(async move { empty.get().await.is_ok() })),
        ("room", forgetting(async move { full.put(()).await.is_ok() })),
        ("the end of all work", forgetting(async move { joined.join().await })),
    ]
}

/// Waits for what the system tells the loop of, which never comes.
#[cfg(all(unix, feature = "signal", feature = "process"))]
fn for_the_system() -> Waits {
    use oneloop::{Process, create_subprocess_exec, net, signal};
    use std::process::Stdio;

    async fn child() -> Process {
        let sleep = create_subprocess_exec("sleep").arg("3600").kill_on_drop(true);
        sleep.stdin(Stdio::null()).stdout(Stdio::piped()).await.expect("a process")
    }
    vec![
        ("a signal", forgetting(signal::received(signal::SIGWINCH))),
        ("a process", forgetting(async { child().await.wait().await })),
        ("a talk with a process", forgetting(async { child().await.communicate("").await.is_ok() })),
        ("the output of a process", forgetting(async { child().await.stdout.take()?.read(1).await.ok() })),
        (
            "a pipe",
            forgetting(async {
                let (reader, _writer) = net::pipe().expect("a pipe");
                reader.read(&mut [0]).await.is_ok()
            }),
        ),
    ]
}

#[cfg(not(all(unix, feature = "signal", feature = "process")))]
fn for_the_system() -> Waits {
    Vec::new()
}

/// Polls all of `make` once in a task of `lp`, and hands them out, waiting.
fn begun(lp: &EventLoop, make: fn() -> Waits) -> Waits {
    let begin = async {
        let mut waits = make();
        for (name, wait) in &mut waits {
            assert!(futures::poll!(wait).is_pending(), "{name} does not wait");
        }
        yield_now().await;
        waits
    };
    lp.run_until_complete(begin).expect("it runs")
}

const ALL: [fn() -> Waits; 4] = [for_time, for_nodes, in_line, for_the_system];

#[test]
fn what_waits_for_one_loop_panics_in_a_task_of_another() {
    for make in ALL {
        let lp = virtual_loop();
        let begun = begun(&lp, make);
        run(async {
            for (name, wait) in begun {
                let panic = panic_in(wait).await;
                assert!(
                    panic.contains("of another event loop; await it in a task of the loop that made it"),
                    "{name}: {panic}"
                );
            }
        });
    }
}

/// Awaits what waits for a loop that is closed: its tasks were cancelled, and all else panics.
async fn end_of_closed(name: &str, wait: Wait) {
    match AssertUnwindSafe(catch_cancelled(wait)).catch_unwind().await {
        Ok(ended) => assert!(ended.is_err(), "{name} has come"),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().expect("a panic with a text");
            assert!(text.contains("event loop that is closed"), "{name}: {text}");
        }
    }
}

#[test]
fn what_waits_for_a_loop_that_is_closed_does_not_wait_for_ever() {
    for make in ALL {
        let lp = virtual_loop();
        let begun = begun(&lp, make);
        lp.close().expect("it does not run");
        run(async {
            for (name, wait) in begun {
                end_of_closed(name, wait).await;
            }
        });
    }
}

#[test]
fn a_loop_that_is_closed_is_told_of_outside_of_all_loops_too() {
    for make in [for_time, in_line] {
        let lp = virtual_loop();
        let begun = begun(&lp, make);
        lp.close().expect("it does not run");
        for (name, wait) in begun {
            futures::executor::block_on(end_of_closed(name, wait));
        }
    }
}
