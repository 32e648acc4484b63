//! What one loop made is awaited in another, or after its loop has closed: a panic names the remedy, and nothing hangs.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures::{FutureExt as _, join, poll};
use oneloop::{
    Awaitable, Barrier, Condition, Error, Event, EventLoop, Lock, Queue, Semaphore, Timeout, as_completed,
    catch_cancelled, create_future, create_task, current_task, gather, shield, sleep, sleep_until, staggered_race,
    task_group, timeout, try_gather, wait, wait_for, yield_now,
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

/// Waits for sockets, pipes, streams and servers, which never end: the other ends are kept, and say nothing.
#[cfg(unix)]
fn for_sockets() -> Waits {
    use oneloop::net::{TcpListener, UdpSocket, UnixDatagram, UnixListener, UnixStream, pipe};
    use oneloop::{Descriptor, Server, StreamWriter};
    use std::sync::atomic::{AtomicU32, Ordering};

    const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

    /// Another number each time.
    fn number() -> u32 {
        static LAST: AtomicU32 = AtomicU32::new(0);
        LAST.fetch_add(1, Ordering::Relaxed)
    }
    fn full(writer: StreamWriter) -> StreamWriter {
        while writer.write_buffer_size() <= 64 * 1024 {
            writer.write([0; 4_096]);
        }
        writer
    }
    fn server() -> Server {
        let listener = TcpListener::bind(ANY).expect("a listener");
        Server::builder().over(async |_, _| pending::<()>().await, [listener])
    }
    let (tcp, udp) = (TcpListener::bind(ANY).expect("a listener"), UdpSocket::bind(ANY).expect("a socket"));
    let path = std::env::temp_dir().join(format!("oneloop-another-{}-{}.socket", std::process::id(), number()));
    let unix = UnixListener::bind(path).expect("a listener");
    let pair = || UnixStream::pair().expect("two ends");
    let (raw, raw_end) = std::os::unix::net::UnixStream::pair().expect("two ends");
    raw.set_nonblocking(true).expect("a socket");
    let raw = Descriptor::new(raw).expect("a loop");
    let (datagram, other) = UnixDatagram::pair().expect("two ends");
    let ((one, one_end), (two, two_end), (three, three_end), (four, four_end)) = (pair(), pair(), pair(), pair());
    let (reads, reads_end) = pipe().expect("a pipe");
    let (writes_end, writes) = pipe().expect("a pipe");
    let (line, line_end) = (two.into_streams(), two_end);
    let (drained, drained_end) = (three.into_streams(), three_end);
    let (kept, kept_end) = (four.into_streams(), four_end);
    let (serves, ends) = (server(), server());
    vec![
        ("a TCP client", forgetting(async move { tcp.accept().await.is_ok() })),
        ("a Unix client", forgetting(async move { unix.accept().await.is_ok() })),
        ("a UDP datagram", forgetting(async move { udp.recv(&mut [0; 9]).await.is_ok() })),
        (
            "a Unix datagram",
            forgetting(async move {
                datagram.recv(&mut [0; 9]).await.expect("it comes never");
                drop(other);
            }),
        ),
        (
            "bytes of a connection",
            forgetting(async move {
                one.read(&mut [0; 9]).await.expect("they come never");
                drop(one_end);
            }),
        ),
        (
            "a descriptor",
            forgetting(async move {
                raw.readable().await;
                drop(raw_end);
            }),
        ),
        (
            "a line of a stream",
            forgetting(async move {
                line.0.readline().await.expect("it comes never");
                drop((line, line_end));
            }),
        ),
        (
            "room in a stream",
            forgetting(async move {
                full(drained.1.clone()).drain().await.expect("there is never any");
                drop((drained, drained_end));
            }),
        ),
        (
            "the end of a stream",
            forgetting(async move {
                kept.1.wait_closed().await.expect("it comes never");
                drop((kept, kept_end));
            }),
        ),
        (
            "bytes of a pipe",
            forgetting(async move {
                reads.read(&mut [0; 9]).await.expect("they come never");
                drop(reads_end);
            }),
        ),
        (
            "the end of a pipe",
            forgetting(async move {
                writes.closed().await;
                drop(writes_end);
            }),
        ),
        ("a server", forgetting(async move { serves.serve_forever().await })),
        ("the end of a server", forgetting(async move { ends.wait_closed().await })),
    ]
}

#[cfg(not(unix))]
fn for_sockets() -> Waits {
    Vec::new()
}

const ALL: [fn() -> Waits; 5] = [for_time, for_nodes, in_line, for_the_system, for_sockets];

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

/// What is made in one loop, and first awaited in another.
#[test]
fn a_socket_of_another_loop_does_not_hang_although_none_has_waited_for_it() {
    for is_closed in [false, true] {
        let lp = virtual_loop();
        let made = lp.run_until_complete(async { for_sockets() }).expect("it runs");
        if is_closed {
            lp.close().expect("it does not run");
        }
        run(async {
            for (name, wait) in made {
                if is_closed {
                    end_of_closed(name, wait).await;
                } else {
                    let panic = panic_in(wait).await;
                    assert!(panic.contains("of another event loop; await it in"), "{name}: {panic}");
                }
            }
        });
    }
}

/// The step in which it was begun is the first of its loop, as is that in which it is dropped.
#[test]
fn a_yield_that_was_begun_in_another_loop_does_not_count_where_it_is_dropped() {
    let mut begun = yield_now();
    run(async { assert!(poll!(&mut begun).is_pending()) });
    let (lp, mut child) = (virtual_loop(), None);
    let ended = lp.run_until_complete(async {
        let child = child.insert(create_task(sleep(LONG)));
        let me = current_task().expect("a task runs this");
        create_task(async move { me.cancel() });
        drop(begun);
        // of two awaits side by side none is known to be kept, so the task itself is cancelled
        join!(child, sleep(LONG))
    });
    assert!(matches!(ended, Err(Error::Cancelled(_))), "{ended:?}");
    assert!(child.is_some_and(|child| !child.cancelled()));
}
