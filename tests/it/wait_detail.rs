//! `WaitDetail`, and since when a task waits: what the call graph, a deadlock and the `Debug` text of a task say of a
//! wait.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use oneloop::net::{TcpListener, TcpStream, UnixStream};
use oneloop::{
    Barrier, CallGraph, Clock, Error, Event, EventLoop, GraphNode, Lock, Queue, ReturnWhen, Semaphore, Task,
    WaitDetail, create_future, create_task, open_connection, run, sleep, sleep_until, start_server, timeout, to_thread,
    wait, yield_now,
};

const SECOND: Duration = Duration::from_secs(1);

fn virtually<T>(main: impl Future<Output = T>) -> T {
    EventLoop::builder().clock(Clock::Virtual).run(main).expect("it comes to its end")
}

/// The line of each task but the main one, without the place at which it was made.
fn lines(graph: &CallGraph) -> Vec<String> {
    let lines = graph.to_string();
    lines.lines().skip(1).map(|line| line.split("  (").next().unwrap_or(line).to_owned()).collect()
}

fn node_named(graph: &CallGraph, name: &str) -> GraphNode {
    graph.nodes.iter().find(|node| node.name == name).expect("it is in the graph").clone()
}

/// What is waited for beside tasks and gatherings, in order: on the real clock nothing says how long that takes.
fn details(graph: &CallGraph) -> Vec<String> {
    let words = |node: &GraphNode| Some(node.detail.as_ref().map_or(node.leaf?.to_owned(), ToString::to_string));
    graph.nodes.iter().filter_map(words).collect()
}

/// The graph after three iterations, when all have begun and have come to their first waits.
async fn graph_of_what_has_begun() -> CallGraph {
    for _ in 0..3 {
        yield_now().await;
    }
    EventLoop::current().call_graph()
}

fn wants(lock: &Lock<()>, name: &str) -> Task<()> {
    let lock = lock.clone();
    create_task(async move {
        let _guard = lock.acquire().await;
        sleep(SECOND).await;
    })
    .named(name)
}

// Locks.

#[test]
fn a_lock_names_the_task_that_holds_it_after_each_change_of_hands() {
    virtually(async {
        let lock = Lock::new(());
        let _all = ["one", "two", "three"].map(|name| wants(&lock, name));
        assert_eq!(
            lines(&graph_of_what_has_begun().await),
            [
                "one waits for a timer, 1 s left",
                "two waits for a lock held by one",
                "three waits for a lock held by one"
            ]
        );
        sleep(SECOND + SECOND / 2).await;
        assert_eq!(
            lines(&EventLoop::current().call_graph()),
            [
                "two has waited at least 500 ms for a timer, 500 ms left",
                "three has waited at least 1.5 s for a lock held by two for at least 500 ms"
            ]
        );
    });
}

#[test]
fn a_lock_that_was_handed_over_and_not_taken_yet_has_no_holder() {
    virtually(async {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let _both = ["one", "two"].map(|name| wants(&lock, name));
        yield_now().await;
        drop(guard);
        assert_eq!(lines(&EventLoop::current().call_graph()), ["one is ready", "two waits for a lock"]);
    });
}

#[test]
fn a_lock_says_since_when_it_is_held_also_if_it_was_taken_long_before_another_task_wanted_it() {
    let held = |graph: &CallGraph| match node_named(graph, "wants").detail {
        Some(WaitDetail::HeldBy { task, held, .. }) => (task, held),
        other => panic!("{other:?}"),
    };
    virtually(async {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        sleep(3 * SECOND).await;
        let _wants = wants(&lock, "wants");
        sleep(2 * SECOND).await;
        assert_eq!(held(&EventLoop::current().call_graph()), ("Task-1".to_owned(), Some(5 * SECOND)));
        drop(guard);
        let again = lock.acquire().await; // after the other
        let _wants = wants(&lock, "wants");
        yield_now().await;
        let (task, since) = held(&EventLoop::current().call_graph());
        assert_eq!((task, since), ("Task-1".to_owned(), None), "no time has passed");
        drop(again);
    });
}

#[test]
fn a_lock_that_went_from_hand_to_hand_is_held_since_the_last_change() {
    virtually(async {
        let lock = Lock::new(());
        let _all = ["one", "two", "three"].map(|name| wants(&lock, name));
        let _last = wants(&lock, "last");
        let begun = EventLoop::current().time();
        for (n, holder) in (0..).zip(["one", "two", "three"]) {
            sleep_until(begun + SECOND * n + SECOND / 4).await;
            let lines = lines(&EventLoop::current().call_graph());
            let expected = format!("a lock held by {holder} for at least 250 ms");
            assert!(lines.last().is_some_and(|line| line.ends_with(&expected)), "{lines:?}");
        }
    });
}

#[test]
fn a_lock_that_a_callback_or_an_eager_task_has_given_away_is_not_told_held_longer_than_it_is() {
    virtually(async {
        let lock = Lock::new(());
        let guard = lock.acquire_owned().await;
        let both = ["one", "two"].map(|name| wants(&lock, name));
        EventLoop::current().call_later(SECOND, move || drop(guard));
        sleep(SECOND + SECOND / 2).await;
        assert_eq!(node_named(&EventLoop::current().call_graph(), "two").leaf, Some("a lock"));
        let lines = lines(&EventLoop::current().call_graph());
        assert_eq!(lines[1], "two has waited at least 1.5 s for a lock held by one for at least 500 ms");
        drop(both);
        let guard = lock.acquire_owned().await;
        let three = wants(&lock, "three");
        let four = wants(&lock, "four");
        sleep(SECOND).await;
        create_task(async move { drop(guard) }).eager().await;
        sleep(SECOND / 4).await;
        let held = match node_named(&EventLoop::current().call_graph(), "four").detail {
            Some(WaitDetail::HeldBy { task, held, .. }) => (task, held.unwrap_or_default()),
            other => panic!("{other:?}"),
        };
        assert_eq!(held.0, "three");
        assert!(held.1 <= SECOND / 4, "{held:?}");
        drop((three, four));
    });
}

#[test]
fn a_lock_that_a_cancelled_task_passes_on_names_the_next() {
    virtually(async {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let [one, _two, _three] = ["one", "two", "three"].map(|name| wants(&lock, name));
        yield_now().await;
        drop(guard); // it is the turn of the first
        one.cancel();
        let graph = graph_of_what_has_begun().await;
        assert_eq!(lines(&graph), ["two waits for a timer, 1 s left", "three waits for a lock held by two"]);
    });
}

#[test]
fn a_lock_whose_turn_has_come_to_a_task_keeps_it_when_another_gives_up() {
    virtually(async {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let [_one, two, _three] = ["one", "two", "three"].map(|name| wants(&lock, name));
        yield_now().await;
        drop(guard); // it is the turn of the first
        two.cancel();
        let graph = graph_of_what_has_begun().await;
        assert_eq!(lines(&graph), ["one waits for a timer, 1 s left", "three waits for a lock held by one"]);
    });
}

#[test]
fn a_lock_that_is_tried_belongs_to_the_task_that_has_tried_and_outside_of_tasks_to_none() {
    virtually(async {
        let lock = Lock::new(());
        let _guard = lock.try_acquire().expect("it is free");
        let _one = wants(&lock, "one");
        assert_eq!(lines(&graph_of_what_has_begun().await), ["one waits for a lock held by Task-1"]);
    });
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let lock = Lock::new(());
    let guard = lock.try_acquire_owned().expect("it is free");
    let entered = lp.enter();
    let _one = wants(&lock, "one");
    drop(entered);
    lp.run_until_complete(async {
        assert_eq!(lines(&graph_of_what_has_begun().await), ["Task-2 runs"]);
        assert_eq!(node_named(&EventLoop::current().call_graph(), "one").detail, None);
    })
    .expect("it ends");
    drop(guard);
}

#[test]
fn a_lock_whose_holder_has_ended_says_so() {
    virtually(async {
        let lock = Lock::new(());
        let kept = lock.clone();
        let guard = create_task(async move { kept.acquire_owned().await }).await;
        let _one = wants(&lock, "one");
        let graph = graph_of_what_has_begun().await;
        assert_eq!(lines(&graph), ["one waits for a lock acquired by a task that has ended"]);
        assert_eq!(node_named(&graph, "one").detail, Some(WaitDetail::HolderEnded));
        drop(guard);
    });
}

#[test]
fn a_lock_that_is_held_and_awaited_under_wakers_of_another_crate_names_its_holder() {
    virtually(async {
        let lock = Lock::new(());
        let set = |name: &str| {
            let lock = lock.clone();
            create_task(async move {
                let mut set: FuturesUnordered<_> = [lock.acquire()].into_iter().collect();
                let _held = set.next().await;
                sleep(SECOND).await;
            })
            .named(name)
        };
        let _both = [set("holds"), set("waits")];
        assert_eq!(
            lines(&graph_of_what_has_begun().await),
            ["holds waits for a timer, 1 s left", "waits waits for a lock held by holds"]
        );
    });
}

#[test]
fn many_locks_come_and_go_and_each_has_its_own_holder() {
    virtually(async {
        for _ in 0..3 {
            let locks: Vec<_> = (0..3).map(|_| Lock::new(())).collect();
            let holders = locks.iter().enumerate().map(|(n, lock)| wants(lock, &format!("holder {n}")));
            let _holders: Vec<_> = holders.collect();
            let _waiters: Vec<_> = locks.iter().map(|lock| wants(lock, "waits")).collect();
            let graph = graph_of_what_has_begun().await;
            let held = graph.nodes.iter().filter_map(|node| node.detail.as_ref()).map(ToString::to_string);
            let expected = (0..3).map(|n| format!("a lock held by holder {n}"));
            assert!(held.eq(expected), "{graph}");
            sleep(3 * SECOND).await;
        }
    });
}

// Other primitives.

#[test]
fn queues_semaphores_and_barriers_say_how_many() {
    let graph = virtually(async {
        let (queue, permits, barrier) = (Queue::bounded(1), Semaphore::new(4), Barrier::new(3));
        queue.put_nowait(0).expect("there is room");
        create_task(async move { queue.put(1).await.is_ok() });
        let held: Vec<_> = (0..4).map(|_| permits.try_acquire().expect("it is free")).collect();
        let wanted = permits.clone();
        create_task(async move { drop(wanted.acquire().await) });
        for _ in 0..2 {
            let barrier = barrier.clone();
            create_task(async move { barrier.wait().await.is_ok() });
        }
        let work = Queue::unbounded();
        (0..7).for_each(|item| work.put_nowait(item).expect("there is room"));
        create_task(async move { work.join().await });
        let graph = graph_of_what_has_begun().await;
        drop(held);
        graph
    });
    assert_eq!(
        lines(&graph),
        [
            "Task-2 waits for room in a queue, full (1)",
            "Task-3 waits for a semaphore, 0 of 4 free",
            "Task-4 waits for a barrier of 3, as number 1",
            "Task-5 waits for a barrier of 3, as number 2",
            "Task-6 waits for the items of a queue to be done, 7 when it began",
        ]
    );
}

#[test]
fn a_wait_says_its_condition_how_many_it_was_given_and_when_it_gives_up() {
    let graph = virtually(async {
        let job = async || {
            sleep(9 * SECOND).await;
            Ok::<(), String>(())
        };
        let jobs = |count| (0..count).map(|_| create_task(job()));
        let (seven, two) = (jobs(7).collect::<Vec<_>>(), jobs(2).collect::<Vec<_>>());
        create_task(
            async move { wait(seven).return_when(ReturnWhen::FirstCompleted).timeout(3 * SECOND).await.timed_out },
        )
        .named("first");
        create_task(async move { wait(two).return_when(ReturnWhen::FirstException).await.timed_out }).named("failed");
        sleep(SECOND).await;
        EventLoop::current().call_graph()
    });
    let first = node_named(&graph, "first");
    assert_eq!((first.time_left, first.limit_left, first.awaits.len()), (Some(2 * SECOND), None, 7));
    assert_eq!(first.detail.map(|detail| detail.to_string()).as_deref(), Some("FIRST_COMPLETED of 7"));
    let failed = node_named(&graph, "failed");
    assert_eq!((failed.time_left, failed.waited), (None, Some(SECOND)));
    assert!(
        matches!(failed.detail, Some(WaitDetail::Tasks { return_when: "FIRST_EXCEPTION", of: 2, .. })),
        "{failed:?}"
    );
}

#[test]
fn of_several_time_limits_the_one_is_told_that_ends_first() {
    let graph = virtually(async {
        let never = create_future::<()>();
        create_task(timeout(9 * SECOND, timeout(4 * SECOND, timeout(6 * SECOND, never)))).named("limited");
        create_task(timeout(5 * SECOND, sleep(7 * SECOND))).named("sleeps");
        sleep(SECOND).await;
        EventLoop::current().call_graph()
    });
    assert_eq!(
        lines(&graph),
        [
            "limited has waited at least 1 s for what is below, 3 s left of a time limit",
            "└─ future waits to be set",
            "sleeps has waited at least 1 s for a timer, 6 s left, 4 s left of a time limit",
        ]
    );
}

// What is outside of the loop.

#[test]
fn a_socket_is_named_by_the_address_at_its_other_end() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let client = TcpStream::connect(address).await.expect("it listens");
        let (server, _) = listener.accept().await.expect("a client");
        let peer = server.peer_addr().expect("it is connected");
        let (one, _other) = UnixStream::pair().expect("a pair");
        let _accepts = create_task(async move { listener.accept().await.is_ok() });
        let _reads = create_task(async move { server.read(&mut [0; 8]).await.is_ok() });
        let _reads_too = create_task(async move { one.read(&mut [0; 8]).await.is_ok() });
        let graph = graph_of_what_has_begun().await;
        assert_eq!(
            details(&graph),
            [
                format!("tcp listener {address} to be readable"),
                format!("tcp {peer} to be readable"),
                "unix socket without a path to be readable".to_owned(),
            ]
        );
        let Some(WaitDetail::Descriptor { fd, event, .. }) = node_named(&graph, "Task-3").detail else {
            panic!("{graph}")
        };
        assert!(fd > 2 && event == "readable");
        drop(client);
    })
    .expect("a loop");
}

#[test]
fn a_stream_is_named_by_the_address_at_its_other_end() {
    run(async {
        let server = start_server(async |reader, _writer| drop(reader.readline().await), "127.0.0.1:0").await;
        let server = server.expect("a port");
        let address = server.local_addrs()[0];
        let (reader, writer) = open_connection(address).await.expect("it listens");
        create_task(async move { reader.readline().await.is_ok() }).named("client");
        let graph = loop {
            sleep(Duration::from_millis(1)).await; // until the client is accepted
            let graph = EventLoop::current().call_graph();
            if graph.nodes.len() == 4 {
                break graph;
            }
        };
        let waits = node_named(&graph, "client").detail.map(|detail| detail.to_string());
        assert_eq!(waits, Some(format!("data of tcp {address}")));
        writer.write(b"bye\n");
        server.close();
    })
    .expect("a loop");
}

#[test]
fn a_call_in_another_thread_is_told_from_other_futures() {
    run(async {
        let (go, wait) = std::sync::mpsc::channel();
        let job = create_task(to_thread(move || wait.recv().is_ok())).named("asks");
        assert_eq!(details(&graph_of_what_has_begun().await), ["a call in another thread"]);
        assert!(format!("{job:?}").contains(r#"waits_for: ["a call in another thread"]"#), "{job:?}");
        go.send(()).expect("the thread waits");
        assert!(job.await);
    })
    .expect("a loop");
}

#[cfg(feature = "signal")]
#[test]
fn a_signal_is_told_by_its_name() {
    use oneloop::TaskError;
    use oneloop::signal::{SIGUSR1, received};

    run(async {
        let mut waits = create_task(received(SIGUSR1)).named("reloads");
        let graph = graph_of_what_has_begun().await;
        assert_eq!(details(&graph), ["signal SIGUSR1"]);
        assert_eq!(graph.nodes.last().and_then(|node| node.detail.clone()), Some(WaitDetail::Signal(SIGUSR1)));
        waits.cancel();
        assert!(matches!(waits.outcome().await, Err(TaskError::Cancelled(_))));
        EventLoop::current().remove_signal_handler(SIGUSR1);
    })
    .expect("a loop");
}

#[cfg(feature = "process")]
#[test]
fn a_child_process_is_told_by_its_pid() {
    run(async {
        let child = oneloop::create_subprocess_exec("sleep").arg("60").await.expect("it starts");
        let pid = child.pid();
        let waits = create_task(async move {
            child.wait().await;
        });
        assert_eq!(details(&graph_of_what_has_begun().await), [format!("process {pid} to end")]);
        waits.cancel();
    })
    .expect("a loop");
}

// Since when.

#[test]
fn a_task_has_waited_since_its_last_step_whatever_others_do() {
    virtually(async {
        let event = Event::new();
        let waits = event.clone();
        create_task(async move {
            sleep(3 * SECOND).await;
            waits.wait().await;
        })
        .named("waits");
        let waited = || node_named(&EventLoop::current().call_graph(), "waits").waited;
        yield_now().await;
        assert_eq!(waited(), None, "the loop has not waited since its step");
        for seconds in 1..=2 {
            sleep(SECOND).await;
            assert_eq!(waited(), Some(seconds * SECOND));
        }
        sleep(SECOND).await;
        yield_now().await;
        assert_eq!(waited(), None, "it has taken a step");
        for _ in 0..1000 {
            sleep(SECOND).await;
        }
        let told = waited().expect("it is known");
        assert!(told <= 1000 * SECOND && told >= 660 * SECOND, "{told:?}");
        event.set();
        assert_eq!(waited(), None, "it is ready");
    });
}

#[test]
fn an_eager_task_has_waited_since_its_first_step() {
    virtually(async {
        create_task(async { create_task(sleep(9 * SECOND)).named("eager").eager().await });
        sleep(2 * SECOND).await;
        assert_eq!(node_named(&EventLoop::current().call_graph(), "eager").waited, Some(2 * SECOND));
    });
}

#[test]
fn on_the_real_clock_a_wait_is_not_told_longer_than_it_is() {
    run(async {
        let begun = std::time::Instant::now();
        let _waits = create_task(Event::new().wait()).named("waits");
        sleep(Duration::from_millis(30)).await;
        let waited = node_named(&EventLoop::current().call_graph(), "waits").waited.expect("the loop has slept");
        assert!(waited <= begun.elapsed(), "{waited:?}"); // less, if the machine is slow before the loop sleeps
    })
    .expect("a loop");
}

// Where it is told.

#[test]
fn a_deadlock_and_the_debug_text_of_a_task_tell_it_too() {
    let ended: Result<(), _> = EventLoop::builder().clock(Clock::Virtual).run(async {
        let lock = Lock::new(());
        let _guard = lock.acquire().await;
        let waits = wants(&lock, "one");
        yield_now().await;
        assert!(format!("{waits:?}").contains(r#"waits_for: ["a lock held by Task-1"]"#), "{waits:?}");
        sleep(2 * SECOND).await;
        waits.await;
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    assert_eq!(deadlock.waiting, ["Task-1 waits for one", "one waits for a lock held by Task-1 for at least 2 s"]);
    let line = "one has waited at least 2 s for a lock held by Task-1 for at least 2 s";
    assert!(deadlock.tree.contains(line), "{}", deadlock.tree);
}

#[test]
fn json_has_the_detail_and_the_times() {
    let graph = virtually(async {
        let lock = Lock::new(());
        let _guard = lock.acquire().await;
        let wanted = lock.clone();
        create_task(timeout(3 * SECOND, async move { drop(wanted.acquire().await) }));
        sleep(SECOND).await;
        EventLoop::current().call_graph()
    });
    let json = graph.to_json();
    let detail = r#""detail":"a lock held by Task-1 for at least 1 s""#;
    let expected =
        format!(r#""leaf":"a lock","leaves":1,{detail},"limit_left":2,"waited_at_least":1,"held_at_least":1,"#);
    assert!(json.contains(&expected), "{json}");
    assert!(graph.to_dot().contains("a lock held by Task-1 for at least 1 s, 2 s left of a time limit"));
    assert!(graph.to_table().contains("a lock held by Task-1 for at least 1 s; 2 s left"), "{}", graph.to_table());
}

#[test]
fn a_graph_may_go_to_another_thread() {
    fn is_plain<T: Send + Sync + Clone + PartialEq + 'static>(_: &T) {}
    is_plain(&virtually(graph_of_what_has_begun()));
}
