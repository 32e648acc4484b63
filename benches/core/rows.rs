//! What is measured: one function for each row, or for several that differ by a number. Owns the workloads and what
//! counts as one operation; must not know how time is taken or shown.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use oneloop::net::{TcpListener, TcpStream, UnixStream};
use oneloop::{
    Clock, Event, EventLoop, Lock, Queue, ReturnWhen, Semaphore, Sleep, StreamReader, StreamWriter, create_future,
    create_task, gather, open_connection, sleep, start_server, task_group, to_thread, wait, yield_now,
};

use crate::measure::{Cost, cost};
use crate::{Row, cancellation};

const fn real(name: &'static str, op: &'static str, run: fn(&EventLoop, u64) -> Cost) -> Row {
    Row { name, op, clock: Clock::Real, observed: false, run }
}

/// A row on a loop whose clock is virtual, so that a wait costs no time.
const fn on_virtual_clock(name: &'static str, op: &'static str, run: fn(&EventLoop, u64) -> Cost) -> Row {
    Row { clock: Clock::Virtual, ..real(name, op, run) }
}

/// The row of this name behind `observed_`, with an observer that does nothing.
const fn observed(name: &'static str, run: fn(&EventLoop, u64) -> Cost) -> Row {
    Row { name, op: "the same with an observer that does nothing", clock: Clock::Real, observed: true, run }
}

pub(crate) const ROWS: &[Row] = &[
    real("spawn_join", "a no-op task spawned and joined: 10,000 spawned, then all joined", spawn_join),
    real("spawn_await", "a no-op task spawned and awaited, one at a time", spawn_await),
    real("spawn_eager", "a no-op task that is eager spawned and awaited, one at a time", spawn_eager),
    real("self_wake", "a lone task wakes itself and is polled", self_wake),
    real("repoll_1000", "the same with 1,000 tasks: one poll of one of them", repoll),
    real("yield_ring", "one yield of one of 300 tasks", yield_ring),
    real("ping_pong", "a token handed to the other of two tasks through a new future", ping_pong),
    real("event_ping_pong", "a turn handed to the other of two tasks through an event", event_ping_pong),
    real("gather_10", "a child of 10 that yields once, from its creation to its value", gather_children::<10>),
    real("gather_1000", "the same with 1,000 children", gather_children::<1_000>),
    real("gather_10000", "the same with 10,000 children", gather_children::<10_000>),
    real("wait_drain_1000", "a wait for the first of 1,000 tasks, until none is left", wait_drain::<1_000>),
    real("wait_drain_10000", "the same with 10,000 tasks", wait_drain::<10_000>),
    real("task_group_100", "a child of a group of 100 that yields once", group_children),
    real("queue", "an item from a producer to a consumer, through a queue with room for 16", queue),
    real("lock", "a lock acquired and released, with ten tasks that compete for it", lock),
    real("semaphore", "one of two permits acquired and released, with ten tasks that compete for them", semaphore),
    real("call_soon_chain", "a callback that schedules the next", call_soon_chain),
    real("call_soon_batch", "a callback of 1,000 that are scheduled together", call_soon_batch),
    real("timer_arm_cancel_1", "a timer armed, and the other one live cancelled", timer_arm_cancel::<1>),
    real("timer_arm_cancel_10000", "a timer armed, and any one of 10,000 live cancelled", timer_arm_cancel::<10_000>),
    real("timer_arm_cancel_1000000", "the same with 1,000,000 live", timer_arm_cancel::<1_000_000>),
    on_virtual_clock("timers_fire", "a task of 10,000 that sleeps once, on the virtual clock", timers_fire),
    real("timeout_in_time", "a time limit around one yield", cancellation::timeout_in_time),
    real("timeout_ten_yields", "the same around ten", cancellation::timeout_ten_yields),
    on_virtual_clock("timeout_late", "a time limit that is reached, on the virtual clock", cancellation::timeout_late),
    real("catch", "a catcher around one yield", cancellation::catch),
    real("cancel_sleeper", "a sleeping task made, cancelled and awaited", cancellation::cancel_sleeper),
    real("cancel_caught", "the same with a catcher around the sleep", cancellation::cancel_caught),
    real("group_of_one", "a group with one child that yields once", group_of_one),
    observed("observed_spawn_await", spawn_await),
    observed("observed_spawn_eager", spawn_eager),
    observed("observed_self_wake", self_wake),
    observed("observed_yield_ring", yield_ring),
    observed("observed_ping_pong", ping_pong),
    observed("observed_gather_1000", gather_children::<1_000>),
    observed("observed_queue", queue),
    observed("observed_call_soon_chain", call_soon_chain),
    observed("observed_call_soon_batch", call_soon_batch),
    observed("observed_timer_arm_cancel_1", timer_arm_cancel::<1>),
    observed("observed_cancel_sleeper", cancellation::cancel_sleeper),
    real("echo_1", "1 KiB to and fro over TCP between two tasks of the loop", echoes::<1>),
    real("echo_64", "the same over 64 connections at once", echoes::<64>),
    real("stream_echo_1", "echo_1 over streams, with a server", stream_echoes::<1>),
    real("stream_echo_64", "the same over 64 connections at once", stream_echoes::<64>),
    real("stream_lines", "a line of 100 bytes written to one stream and read from another", stream_lines),
    real("foreign_wake", "a task woken from another thread: what it costs that thread", foreign_wake),
    real("call_soon_threadsafe", "a call from another thread: what it costs that thread", call_soon_threadsafe),
    real("to_thread", "a call on a thread, awaited, one at a time", calls_on_a_thread),
];

/// Runs `batch`, which does `operations` operations, `times` times, and returns what that has cost.
pub(crate) fn repeat(lp: &EventLoop, times: u64, operations: u64, batch: impl AsyncFn()) -> Cost {
    let all = async {
        for _ in 0..times {
            batch().await;
        }
    };
    cost(times * operations, || lp.run_until_complete(all).expect("the loop is not stopped"))
}

fn spawn_join(lp: &EventLoop, times: u64) -> Cost {
    const TASKS: u64 = 10_000;
    repeat(lp, times, TASKS, async || {
        let tasks: Vec<_> = (0..TASKS).map(|_| create_task(async {})).collect();
        for task in tasks {
            task.await;
        }
    })
}

fn spawn_await(lp: &EventLoop, times: u64) -> Cost {
    const TASKS: u64 = 1_000;
    repeat(lp, times, TASKS, async || {
        for _ in 0..TASKS {
            create_task(async {}).await;
        }
    })
}

fn spawn_eager(lp: &EventLoop, times: u64) -> Cost {
    const TASKS: u64 = 1_000;
    repeat(lp, times, TASKS, async || {
        for _ in 0..TASKS {
            create_task(async {}).eager().await;
        }
        // each batch is a step of its own: what an observer leaves as it is, is found out when a step has ended
        yield_now().await;
    })
}

/// A future that wakes itself `times` times, and is polled once more for each.
fn wake_itself(mut times: u64) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

fn self_wake(lp: &EventLoop, times: u64) -> Cost {
    const WAKES: u64 = 1_000;
    repeat(lp, times, WAKES, async || wake_itself(WAKES).await)
}

fn repoll(lp: &EventLoop, times: u64) -> Cost {
    const TASKS: u64 = 1_000;
    const POLLS: u64 = 100;
    repeat(lp, times, TASKS * POLLS, async || {
        let tasks: Vec<_> = (0..TASKS).map(|_| create_task(wake_itself(POLLS - 1))).collect();
        for task in tasks {
            task.await;
        }
    })
}

fn yield_ring(lp: &EventLoop, times: u64) -> Cost {
    const TASKS: u64 = 300;
    const YIELDS: u64 = 300;
    let yields = || async {
        for _ in 0..YIELDS {
            yield_now().await;
        }
    };
    repeat(lp, times, TASKS * YIELDS, async || {
        let tasks: Vec<_> = (0..TASKS).map(|_| create_task(yields())).collect();
        for task in tasks {
            task.await;
        }
    })
}

/// The token, with the future by which it is handed back.
struct Token(oneloop::Future<Self>);

async fn play(mut comes: oneloop::Future<Token>, turns: u64) {
    for _ in 0..turns {
        let Token(back) = comes.await;
        comes = create_future();
        assert!(back.set_result(Token(comes.clone())).is_ok(), "handed back twice");
    }
}

fn ping_pong(lp: &EventLoop, times: u64) -> Cost {
    const TURNS: u64 = 1_000;
    repeat(lp, times, 2 * TURNS, async || {
        let (left, right) = (create_future(), create_future());
        assert!(left.set_result(Token(right.clone())).is_ok(), "it is new");
        let players = [left, right].map(|comes| create_task(play(comes, TURNS)));
        for player in players {
            player.await;
        }
    })
}

fn event_ping_pong(lp: &EventLoop, times: u64) -> Cost {
    const TURNS: u64 = 1_000;
    let play = async |mine: Event, other: Event| {
        for _ in 0..TURNS {
            mine.wait().await;
            mine.clear();
            other.set();
        }
    };
    repeat(lp, times, 2 * TURNS, async || {
        let (left, right) = (Event::new(), Event::new());
        left.set();
        let players = [create_task(play(left.clone(), right.clone())), create_task(play(right, left))];
        for player in players {
            player.await;
        }
    })
}

fn gather_children<const CHILDREN: u64>(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, CHILDREN, async || {
        let children = (0..CHILDREN).map(|i| async move {
            yield_now().await;
            i
        });
        assert_eq!(gather(children).await.last(), Some(&(CHILDREN - 1)));
    })
}

fn wait_drain<const TASKS: u64>(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, TASKS, async || {
        let gates: Vec<oneloop::Future<()>> = (0..TASKS).map(|_| create_future()).collect();
        let mut pending = wait(gates.iter().cloned().map(create_task)).into_pending();
        for gate in gates {
            gate.set_result(()).expect("it is opened once");
            let sets = wait(pending).return_when(ReturnWhen::FirstCompleted).await;
            assert_eq!(sets.done.len(), 1);
            pending = sets.pending;
        }
        assert!(pending.is_empty());
    })
}

/// One function for groups of all sizes: two would not be compiled as one is.
async fn group_of(children: u64) {
    let ended = task_group(async |group| {
        for _ in 0..children {
            group.create_task(async {
                yield_now().await;
                Ok::<(), ()>(())
            });
        }
        Ok(())
    });
    ended.await.expect("no child fails");
}

fn group_children(lp: &EventLoop, times: u64) -> Cost {
    const CHILDREN: u64 = 100;
    repeat(lp, times, CHILDREN, async || group_of(CHILDREN).await)
}

fn group_of_one(lp: &EventLoop, times: u64) -> Cost {
    const GROUPS: u64 = 1_000;
    repeat(lp, times, GROUPS, async || {
        for _ in 0..GROUPS {
            group_of(1).await;
        }
    })
}

/// Schedules a callback that goes on to the next, and opens the gate after the last.
fn link(lp: EventLoop, left: u64, gate: oneloop::Future<()>) {
    if left == 0 {
        gate.set_result(()).expect("there is one end");
    } else {
        lp.clone().call_soon(move || link(lp, left - 1, gate));
    }
}

fn queue(lp: &EventLoop, times: u64) -> Cost {
    const ITEMS: u64 = 1_000;
    repeat(lp, times, ITEMS, async || {
        let queue = Queue::new(16);
        let producer = queue.clone();
        let producer = create_task(async move {
            for item in 0..ITEMS {
                producer.put(item).await.expect("the queue is not shut down");
            }
        });
        for _ in 0..ITEMS {
            queue.get().await.expect("the queue is not shut down");
        }
        producer.await;
    })
}

/// Ten tasks that do the same thing a hundred times.
async fn ten<F: Future<Output = ()> + 'static>(turn: impl Fn() -> F + Clone + 'static) {
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let turn = turn.clone();
            create_task(async move {
                for _ in 0..100 {
                    turn().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
}

fn lock(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, 1_000, async || {
        let lock = Lock::new(0_u64);
        ten(move || {
            let lock = lock.clone();
            async move {
                let mut held = lock.acquire().await;
                yield_now().await;
                *held += 1;
            }
        })
        .await;
    })
}

fn semaphore(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, 1_000, async || {
        let semaphore = Semaphore::new(2);
        ten(move || {
            let semaphore = semaphore.clone();
            async move {
                let _permit = semaphore.acquire().await;
                yield_now().await;
            }
        })
        .await;
    })
}

fn call_soon_chain(lp: &EventLoop, times: u64) -> Cost {
    const LINKS: u64 = 1_000;
    repeat(lp, times, LINKS, async || {
        let end = create_future();
        link(lp.clone(), LINKS, end.clone());
        end.await;
    })
}

fn call_soon_batch(lp: &EventLoop, times: u64) -> Cost {
    const CALLBACKS: u64 = 1_000;
    repeat(lp, times, CALLBACKS, async || {
        for i in 0..CALLBACKS {
            lp.call_soon(move || i);
        }
        yield_now().await;
    })
}

/// The next pseudo-random number: `xorshift64`.
fn shuffle(number: &mut u64) -> u64 {
    *number ^= *number << 13;
    *number ^= *number >> 7;
    *number ^= *number << 17;
    *number
}

/// A timer that is armed for some time in the next hour but one.
fn armed(number: &mut u64, cx: &mut Context<'_>) -> Sleep {
    let mut timer = sleep(Duration::from_secs(3600) + Duration::from_nanos(shuffle(number) % 3_600_000_000_000));
    assert!(Pin::new(&mut timer).poll(cx).is_pending(), "hours early");
    timer
}

fn timer_arm_cancel<const LIVE: u64>(lp: &EventLoop, times: u64) -> Cost {
    const TIMERS: u64 = 10_000;
    let replaced = poll_fn(|cx| {
        let mut number = 0x9E37_79B9_7F4A_7C15;
        let mut live: Vec<Sleep> = (0..LIVE).map(|_| armed(&mut number, cx)).collect();
        Poll::Ready(cost(times * TIMERS, || {
            for _ in 0..times * TIMERS {
                let fresh = armed(&mut number, cx);
                let any = usize::try_from(number % LIVE).expect("a place in memory");
                live[any] = fresh; // and the one that was there is cancelled
            }
        }))
    });
    lp.run_until_complete(replaced).expect("the loop is not stopped")
}

fn timers_fire(lp: &EventLoop, times: u64) -> Cost {
    const SLEEPERS: u64 = 10_000;
    repeat(lp, times, SLEEPERS, async || {
        // each number up to so many once, in an order that is not theirs
        let micros = (0..SLEEPERS).map(|i| i * 7919 % SLEEPERS + 1);
        let sleepers: Vec<_> = micros.map(|n| create_task(sleep(Duration::from_micros(n)))).collect();
        for sleeper in sleepers {
            sleeper.await;
        }
    })
}

fn foreign_wake(lp: &EventLoop, times: u64) -> Cost {
    const WAKES: u64 = 10_000;
    let (sender, receiver) = mpsc::channel();
    let mut sender = Some(sender);
    let woken = poll_fn(move |cx| {
        if let Some(sender) = sender.take() {
            let waker = cx.waker().clone();
            thread::spawn(move || {
                let cost = cost(times * WAKES, || (0..times * WAKES).for_each(|_| waker.wake_by_ref()));
                sender.send(cost).expect("the loop waits for it");
                waker.wake();
            });
        }
        receiver.try_recv().map_or(Poll::Pending, Poll::Ready)
    });
    lp.run_until_complete(woken).expect("the loop is not stopped")
}

/// Sends back what comes, until the end.
async fn echo(stream: TcpStream) {
    let mut buffer = vec![0; 4_096];
    loop {
        match stream.read(&mut buffer).await.expect("a connection") {
            0 => return,
            n => stream.write_all(&buffer[..n]).await.expect("a connection"),
        }
    }
}

fn echoes<const CONNECTIONS: u64>(lp: &EventLoop, times: u64) -> Cost {
    const ROUNDS: u64 = 5_000;
    repeat(lp, times, ROUNDS / CONNECTIONS * CONNECTIONS, async || {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).expect("a port");
        let mut clients = Vec::new();
        let mut servers = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = create_task(TcpStream::connect(listener.local_addr().expect("an address")));
            servers.push(create_task(echo(listener.accept().await.expect("a connection").0)));
            clients.push(client.await.expect("a connection"));
        }
        let asking = clients.into_iter().map(async |stream| {
            let mut buffer = vec![0; 4_096];
            for _ in 0..ROUNDS / CONNECTIONS {
                stream.write_all(&[7; 1_024]).await.expect("a connection");
                let mut back = 0;
                while back < 1_024 {
                    back += stream.read(&mut buffer).await.expect("a connection");
                }
            }
        });
        gather(asking).await;
        gather(servers).await;
    })
}

fn call_soon_threadsafe(lp: &EventLoop, times: u64) -> Cost {
    const CALLS: u64 = 10_000;
    let (handle, (sender, receiver)) = (lp.remote(), mpsc::channel());
    thread::spawn(move || {
        let calls = || (0..times * CALLS).for_each(|i| drop(handle.call_soon_threadsafe(move || i)));
        sender.send(cost(times * CALLS, calls)).expect("the loop waits for it");
        handle.stop();
    });
    lp.run_forever().expect("it is stopped");
    receiver.recv().expect("it was sent before the stop")
}

fn calls_on_a_thread(lp: &EventLoop, times: u64) -> Cost {
    const CALLS: u64 = 100;
    repeat(lp, times, CALLS, async || {
        for i in 0..CALLS {
            assert_eq!(to_thread(move || i).await, i);
        }
    })
}

fn stream_echoes<const CONNECTIONS: u64>(lp: &EventLoop, times: u64) -> Cost {
    const ROUNDS: u64 = 5_000;
    repeat(lp, times, ROUNDS / CONNECTIONS * CONNECTIONS, async || {
        let echo = async |reader: StreamReader, writer: StreamWriter| {
            let mut place = [0; 4_096];
            loop {
                match reader.read_into(&mut place).await? {
                    0 => return Ok::<(), std::io::Error>(()),
                    n => writer.write(&place[..n]),
                }
                writer.drain().await?;
            }
        };
        let server = start_server(echo, ("127.0.0.1", 0)).await.expect("a port");
        let address = server.local_addrs()[0];
        let streams = (0..CONNECTIONS).map(|_| async move { open_connection(address).await.expect("a connection") });
        let asking = gather(streams).await.into_iter().map(async |(reader, writer)| {
            let mut answer = [0; 1_024];
            for _ in 0..ROUNDS / CONNECTIONS {
                writer.write([7; 1_024]);
                writer.drain().await.expect("a connection");
                reader.readexactly_into(&mut answer).await.expect("a connection");
            }
        });
        gather(asking).await;
        server.close();
        server.wait_closed().await;
    })
}

fn stream_lines(lp: &EventLoop, times: u64) -> Cost {
    const LINES: u64 = 10_000;
    repeat(lp, times, LINES, async || {
        let (left, right) = UnixStream::pair().expect("a pair");
        let ((_reader, writer), (reader, _writer)) = (left.into_streams(), right.into_streams());
        let writing = create_task(async move {
            for _ in 0..LINES {
                writer.writelines([&[b'x'; 99][..], b"\n"]);
                writer.drain().await.expect("a connection");
            }
        });
        let mut line = Vec::with_capacity(100);
        for _ in 0..LINES {
            line.clear();
            assert_eq!(reader.readline_into(&mut line).await.expect("a line"), 100);
        }
        writing.await;
    })
}
