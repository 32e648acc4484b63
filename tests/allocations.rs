//! How many allocations each operation costs: one for a task when its block is new, none when there is a free one, none
//! for wakes, yields and sleeps. Prints the table.
#![expect(unsafe_code, reason = "an allocator that counts")]
#![expect(clippy::print_stdout, reason = "the table is there to be looked at")]
// For a sanitizer, cells come straight from the allocator and go straight back: there is nothing to count then.
#![cfg(not(oneloop_plain_alloc))]

#[path = "support/loops.rs"]
mod loops;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use oneloop::net::{TcpStream, UnixStream};
use oneloop::{
    Barrier, Condition, ContextVar, Event, EventLoop, Lock, Queue, Semaphore, Task, create_future, create_task, gather,
    shield, sleep, timeout, wait, yield_now,
};

use loops::virtual_loop;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count_one() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: the system's allocator does the work; a thread-local word without destructor allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const N: usize = 1_000;

/// How many allocations this thread makes until `work` is done.
async fn cost<F: Future>(work: F) -> usize {
    let before = ALLOCATIONS.get();
    drop(work.await);
    ALLOCATIONS.get() - before
}

/// Runs `main` on a loop whose queue, task table and timer wheel have all the room that these tests want.
fn run_with_room<F: Future>(main: F) -> F::Output {
    virtual_loop()
        .run_until_complete(async {
            // larger than what the tests spawn, so that its blocks do not serve them
            let room: Vec<_> = (0..2 * N).map(|_| create_task(large())).collect();
            for task in room {
                task.await;
            }
            let far = create_task(sleep(Duration::MAX)); // the wheel's last level
            yield_now().await;
            far.cancel();
            yield_now().await;
            main.await
        })
        .unwrap()
}

async fn large() {
    let ballast = [1_u8; 700];
    sleep(Duration::from_nanos(1)).await;
    assert!(ballast.iter().all(|byte| *byte == 1));
}

fn show(operation: &str, allocations: usize) {
    println!("{allocations:>6}  {operation}");
}

/// Spawns and joins `N` tasks in a list that has the room already.
async fn spawn_and_join(tasks: &mut Vec<Task<()>>) {
    tasks.extend((0..N).map(|_| create_task(yield_now())));
    for task in tasks.drain(..) {
        task.await;
    }
}

#[test]
fn a_task_costs_one_allocation_at_first_and_none_afterwards() {
    run_with_room(async {
        let mut tasks = Vec::with_capacity(N);
        let first = cost(spawn_and_join(&mut tasks)).await;
        let second = cost(spawn_and_join(&mut tasks)).await;
        show("1,000 tasks spawned and joined, for the first time", first);
        show("1,000 tasks spawned and joined, again", second);
        assert_eq!((first, second), (N, 0));
    });
}

#[test]
fn a_task_as_large_as_no_block_that_is_kept_costs_one_allocation_each_time() {
    run_with_room(async {
        let once = || async {
            let ballast = [1_u8; 4_000];
            yield_now().await;
            assert_eq!(ballast.len(), 4_000);
        };
        for _ in 0..2 {
            let allocations = cost(async {
                for _ in 0..100 {
                    create_task(once()).await;
                }
            });
            assert_eq!(allocations.await, 100);
        }
    });
}

#[test]
fn dropped_handles_give_the_blocks_back_too() {
    run_with_room(async {
        let detached = || async {
            for _ in 0..N {
                drop(create_task(yield_now()));
            }
            yield_now().await;
            yield_now().await;
        };
        assert_eq!(cost(detached()).await, N);
        assert_eq!(cost(detached()).await, 0);
    });
}

#[test]
fn wakes_yields_and_wakers_cost_nothing() {
    run_with_room(async {
        let yields = cost(async {
            for _ in 0..N {
                yield_now().await;
            }
        })
        .await;
        let wakers = cost(poll_fn(|cx| {
            for _ in 0..N {
                let waker = cx.waker().clone();
                waker.wake_by_ref();
                waker.wake();
            }
            Poll::Ready(())
        }))
        .await;
        show("1,000 yields", yields);
        show("2,000 wakes, 1,000 clones of wakers", wakers);
        assert_eq!((yields, wakers), (0, 0));
    });
}

#[test]
fn sleeps_cost_nothing_to_arm_to_fire_and_to_cancel() {
    run_with_room(async {
        let fire = || async {
            for i in 0..N {
                sleep(Duration::from_micros(1 + i as u64)).await;
            }
        };
        let drops = || async {
            for i in 0..N {
                let mut nap = std::pin::pin!(sleep(Duration::from_micros(1 + i as u64)));
                poll_fn(|cx| {
                    assert!(nap.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
        };
        cost(async { futures::join!(fire(), drops()) }).await;
        let (fired, cancelled) = (cost(fire()).await, cost(drops()).await);
        show("1,000 sleeps", fired);
        show("1,000 sleeps armed and dropped", cancelled);
        assert_eq!((fired, cancelled), (0, 0));
    });
}

#[test]
fn a_crowd_of_sleepers_costs_nothing_once_there_was_one() {
    run_with_room(async {
        let mut tasks = Vec::with_capacity(N);
        let mut counts = [0; 3];
        for count in &mut counts {
            *count = cost(async {
                tasks.extend((0..N as u64).map(|i| create_task(sleep(Duration::from_millis(i * 7_919 % 997)))));
                for task in tasks.drain(..) {
                    task.await;
                }
            })
            .await;
        }
        show("1,000 sleeping tasks at once, the third time", counts[2]);
        assert_eq!(counts[1..], [0, 0], "{counts:?}");
    });
}

#[test]
fn callbacks_cost_nothing_once_there_were_some() {
    run_with_room(async {
        let lp = EventLoop::current();
        let soon = || async {
            for i in 0..N {
                let _ = lp.call_soon(move || i);
            }
            yield_now().await;
        };
        let later = |cancel: bool| {
            let lp = &lp;
            async move {
                for i in 0..N {
                    let handle = lp.call_later(Duration::from_millis(5), move || i);
                    if cancel {
                        handle.cancel();
                    }
                }
                sleep(Duration::from_millis(9)).await;
            }
        };
        cost(async { (soon().await, later(false).await, later(true).await) }).await;
        let (soon, fired, cancelled) = (cost(soon()).await, cost(later(false)).await, cost(later(true)).await);
        show("1,000 call_soon", soon);
        show("1,000 call_later", fired);
        show("1,000 call_later and cancel", cancelled);
        assert_eq!((soon, fired, cancelled), (0, 0, 0));
    });
}

#[test]
fn futures_cost_nothing_once_there_were_some() {
    run_with_room(async {
        let settle = || async {
            for i in 0..N {
                let future = create_future();
                let setter = future.clone();
                let task = create_task(future);
                yield_now().await;
                setter.set_result(i).unwrap();
                task.await;
            }
        };
        settle().await;
        let allocations = cost(settle()).await;
        show("1,000 futures settled and awaited", allocations);
        assert_eq!(allocations, 0);
    });
}

async fn gather_some(n: usize) {
    gather((0..n).map(|_| yield_now())).await;
}

#[test]
fn a_gathering_costs_the_list_of_its_children() {
    run_with_room(async {
        let first = cost(gather_some(N)).await;
        show("a gathering of 1,000, for the first time", first);
        // beside the tasks: the list, and the gathering itself
        assert_eq!(first, N + 2);
        let (few, many) = (cost(gather_some(10)).await, cost(gather_some(N)).await);
        show("a gathering of 10, again", few);
        show("a gathering of 1,000, again", many);
        assert_eq!((few, many), (1, 1));
    });
}

/// A gathering whose children have values.
async fn gather_numbers(n: usize) {
    let numbers = gather((0..n).map(|i| async move { i })).await;
    assert_eq!((numbers.len(), numbers.last()), (n, Some(&(n - 1))));
    assert!(numbers.capacity() < n + 200, "room for {} numbers is kept", numbers.capacity());
}

#[test]
fn the_values_of_a_gathering_lie_where_the_list_of_its_children_was() {
    run_with_room(async {
        cost(gather_numbers(N)).await;
        let (few, many) = (cost(gather_numbers(10)).await, cost(gather_numbers(N)).await);
        show("a gathering of 10 numbers, again", few);
        show("a gathering of 1,000 numbers, again", many);
        assert!(few == 1 && many <= 2, "{few} and {many}"); // the block of many is made smaller, perhaps by a move
    });
}

async fn wait_for_some(n: usize) {
    drop(wait((0..n).map(|_| create_task(yield_now()))).await);
}

#[test]
fn a_wait_costs_a_small_part_of_an_allocation_for_each_member() {
    run_with_room(async {
        wait_for_some(N).await;
        let (few, many) = (cost(wait_for_some(10)).await, cost(wait_for_some(N)).await);
        show("a wait for 10", few);
        show("a wait for 1,000", many);
        // its lists grow by doubling
        assert!(few < 20 && many < few + 40, "{few}, {many}");
    });
}

#[test]
fn limits_shields_and_cancellations_cost_nothing() {
    run_with_room(async {
        let limit = || async { timeout(Duration::from_secs(1), yield_now()).await };
        let shields = || async { shield(yield_now()).await };
        let cancels = || async {
            let task = create_task(sleep(Duration::from_secs(9)));
            yield_now().await;
            task.cancel();
            yield_now().await;
            assert!(task.cancelled());
        };
        let _warm = cost(async { (limit().await, shields().await, cancels().await) }).await;
        let costs = (cost(limit()).await, cost(shields()).await, cost(cancels()).await);
        show("a time limit that is kept", costs.0);
        show("a shield", costs.1);
        show("a task cancelled in its sleep", costs.2);
        assert_eq!(costs, (0, 0, 0));
    });
}

#[test]
fn locks_events_semaphores_and_queues_cost_nothing_when_no_task_waits() {
    run_with_room(async {
        let (lock, event, semaphore, queue) = (Lock::new(1), Event::new(), Semaphore::new(1), Queue::new(4));
        event.set();
        queue.put(0).await.unwrap();
        queue.get().await.unwrap();
        let locked = cost(async {
            for _ in 0..N {
                *lock.acquire().await += 1;
            }
        });
        let waited = cost(async {
            for _ in 0..N {
                event.wait().await;
            }
        });
        let permitted = cost(async {
            for _ in 0..N {
                drop(semaphore.acquire().await);
            }
        });
        let queued = cost(async {
            for i in 0..N {
                queue.put(i).await.unwrap();
                assert_eq!(queue.get().await, Ok(i));
                queue.task_done().unwrap();
            }
        });
        let costs = (locked.await, waited.await, permitted.await, queued.await);
        show("1,000 times a free lock", costs.0);
        show("1,000 waits for a set event", costs.1);
        show("1,000 free permits", costs.2);
        show("1,000 items put and got", costs.3);
        assert_eq!(costs, (0, 0, 0, 0));
    });
}

/// Ten tasks that do the same over and over, each in the way of the others.
async fn ten<F: Future<Output = ()> + 'static>(task: impl Fn() -> F) {
    let tasks: [Task<()>; 10] = std::array::from_fn(|_| create_task(task()));
    for task in tasks {
        task.await;
    }
}

#[test]
fn waiting_for_locks_conditions_semaphores_and_barriers_costs_nothing_once_others_have_waited() {
    run_with_room(async {
        let (lock, semaphore) = (Lock::new(0), Semaphore::new(2));
        let (condition, barrier) = (Condition::new(0_usize), Barrier::new(10));
        let locks = || {
            let lock = lock.clone();
            async move {
                for _ in 0..N / 10 {
                    let mut held = lock.acquire().await;
                    yield_now().await;
                    *held += 1;
                }
            }
        };
        let permits = || {
            let semaphore = semaphore.clone();
            async move {
                for _ in 0..N / 10 {
                    let _permit = semaphore.acquire().await;
                    yield_now().await;
                }
            }
        };
        let notified = || {
            let condition = condition.clone();
            async move {
                for _ in 0..N / 10 {
                    let mut turn = condition.acquire().await;
                    *turn += 1;
                    condition.notify_all(&turn);
                    let before = *turn;
                    condition.wait_for(&mut turn, |turn| *turn > before || *turn >= N).await;
                }
            }
        };
        let rounds = || {
            let barrier = barrier.clone();
            async move {
                for _ in 0..N / 10 {
                    barrier.wait().await.unwrap();
                }
            }
        };
        let all = || async {
            *condition.acquire().await = 0;
            (cost(ten(locks)).await, cost(ten(permits)).await, cost(ten(notified)).await, cost(ten(rounds)).await)
        };
        all().await;
        let costs = all().await;
        show("1,000 contended locks", costs.0);
        show("1,000 contended permits", costs.1);
        show("1,000 notifications", costs.2);
        show("1,000 waits at a barrier", costs.3);
        assert_eq!(costs, (0, 0, 0, 0));
    });
}

#[test]
fn waiting_for_events_and_queues_costs_nothing_once_others_have_waited() {
    run_with_room(async {
        let (event, queue) = (Event::new(), Queue::new(1));
        let waits = || {
            let event = event.clone();
            async move {
                for _ in 0..N / 10 {
                    event.wait().await;
                    event.clear();
                    yield_now().await;
                }
            }
        };
        let sets = || async {
            let setter = create_task({
                let event = event.clone();
                async move {
                    loop {
                        event.set();
                        yield_now().await;
                    }
                }
            });
            let waited = cost(ten(waits)).await;
            setter.cancel();
            yield_now().await;
            waited
        };
        let hands = || async {
            let producer = create_task({
                let queue = queue.clone();
                async move {
                    for i in 0..N {
                        queue.put(i).await.unwrap();
                    }
                }
            });
            for i in 0..N {
                assert_eq!(queue.get().await, Ok(i));
                queue.task_done().unwrap();
            }
            queue.join().await;
            producer.await;
        };
        cost(async { (sets().await, hands().await) }).await;
        let costs = (sets().await, cost(hands()).await);
        show("1,000 waits for an event", costs.0);
        show("1,000 items through a queue with room for one", costs.1);
        assert_eq!(costs, (0, 0));
    });
}

#[test]
fn variables_cost_two_allocations_for_a_task_or_callback_that_inherits_some() {
    static VAR: ContextVar<usize> = ContextVar::new("var");
    run_with_room(async {
        let mut tasks = Vec::with_capacity(N);
        let none_set = cost(spawn_and_join(&mut tasks)).await;
        let _warm = cost(spawn_and_join(&mut tasks)).await;
        VAR.set(1);
        yield_now().await; // what few tasks have: this one has it now
        let inherited = cost(spawn_and_join(&mut tasks)).await;
        let called = cost(async {
            (0..N).for_each(|_| drop(EventLoop::current().call_soon(|| ())));
            yield_now().await;
        });
        let called = called.await;
        let reads = cost(async { (0..N).map(|_| VAR.get().unwrap()).sum::<usize>() }).await;
        let sets = cost(async { (0..N).for_each(|n| drop(VAR.set(n))) }).await;
        show("1,000 tasks spawned and joined that inherit a variable", inherited);
        show("1,000 call_soon that inherit a variable", called);
        show("1,000 reads of a variable", reads);
        show("1,000 sets of a variable", sets);
        assert_eq!((none_set, inherited, called, reads), (N, 2 * N, 2 * N, 0));
        assert!(sets <= N + 2, "{sets}"); // the values
    });
}

#[test]
#[cfg(unix)]
fn reads_writes_and_waits_for_them_cost_nothing() {
    use oneloop::Descriptor;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    run_with_room(async {
        let (left, right) = UnixStream::pair().unwrap();
        left.set_nonblocking(true).unwrap();
        right.set_nonblocking(true).unwrap();
        let (left, right) = (Descriptor::new(left).unwrap(), Descriptor::new(right).unwrap());
        let echo = create_task(async move {
            let mut byte = [0];
            while right.read_with(|mut socket| socket.read(&mut byte)).await.unwrap() > 0 {
                right.write_with(|mut socket| socket.write(&byte)).await.unwrap();
            }
        });
        let rounds = || async {
            let mut byte = [7];
            for _ in 0..100 {
                left.write_with(|mut socket| socket.write(&byte)).await.unwrap();
                left.read_with(|mut socket| socket.read(&mut byte)).await.unwrap();
            }
        };
        rounds().await;
        let allocations = cost(rounds()).await;
        show("100 echoes over a socket", allocations);
        assert_eq!(allocations, 0);
        drop(left);
        echo.await;
    });
}

#[test]
#[cfg(unix)]
fn messages_and_lines_through_streams_cost_nothing() {
    use oneloop::net::UnixStream;

    run_with_room(async {
        let (left, right) = UnixStream::pair().unwrap();
        let ((reader, writer), (peer_reader, peer_writer)) = (left.into_streams(), right.into_streams());
        let echo = create_task(async move {
            let mut line = Vec::with_capacity(200);
            while peer_reader.readline_into(&mut line).await.unwrap() > 0 {
                peer_writer.write(&line);
                peer_writer.drain().await.unwrap();
                line.clear();
            }
        });
        let rounds = || async {
            let mut answer = [0; 100];
            for _ in 0..100 {
                writer.writelines([&[b'x'; 99][..], b"\n"]);
                writer.drain().await.unwrap();
                reader.readexactly_into(&mut answer).await.unwrap();
            }
        };
        rounds().await;
        let allocations = cost(rounds()).await;
        show("100 echoes of a line over streams", allocations);
        assert_eq!(allocations, 0);
        writer.close();
        echo.await;
    });
}

#[cfg(unix)]
#[test]
fn reads_and_writes_cost_none_whether_they_wait_or_not() {
    run_with_room(async {
        let (left, right) = UnixStream::pair().unwrap();
        let echo = create_task(async move {
            let mut buffer = [0; 2_000];
            loop {
                match right.read(&mut buffer).await.unwrap() {
                    0 => return,
                    n => right.write_all(&buffer[..n]).await.unwrap(),
                }
            }
        });
        let mut buffer = [0; 2_000];
        let mut allocations = 0;
        for round in 0..N {
            let there_and_back = async {
                left.write_all(&[7; 1_024]).await.unwrap();
                left.read(&mut buffer).await.unwrap()
            };
            let made = cost(there_and_back).await;
            // the first rounds make room for those who wait, and give back what the tasks before have needed
            if round > 2 {
                allocations += made;
            }
        }
        drop(left);
        echo.await;
        show("1,000 echoes over a socket", allocations);
        assert_eq!(allocations, 0);
    });
}

/// Reads and writes one byte at both ends, by polls.
async fn ping_pong(left: &UnixStream, right: &UnixStream) {
    let forth = async {
        let mut byte = [0];
        for _ in 0..N {
            assert_eq!(poll_fn(|cx| left.poll_write(cx, &byte)).await.unwrap(), 1);
            assert_eq!(poll_fn(|cx| left.poll_read(cx, &mut byte)).await.unwrap(), 1);
        }
    };
    let back = async {
        let mut byte = [0];
        for _ in 0..N {
            assert_eq!(poll_fn(|cx| right.poll_read(cx, &mut byte)).await.unwrap(), 1);
            assert_eq!(poll_fn(|cx| right.poll_write(cx, &byte)).await.unwrap(), 1);
        }
    };
    futures::join!(forth, back);
}

#[test]
fn operations_that_are_polled_and_their_waits_cost_none() {
    run_with_room(async {
        let (left, right) = UnixStream::pair().unwrap();
        ping_pong(&left, &right).await;
        let allocations = cost(ping_pong(&left, &right)).await;
        show("1,000 bytes there and back, by polls", allocations);
        assert_eq!(allocations, 0);
    });
}

#[test]
fn a_connection_to_one_address_costs_the_list_of_addresses() {
    run_with_room(async {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = || async {
            for _ in 0..10 {
                let connected = TcpStream::connect(address).await.unwrap();
                drop((connected, listener.accept().unwrap()));
            }
        };
        connections().await;
        let allocations = cost(connections()).await;
        show("10 connections", allocations);
        assert_eq!(allocations, 10);
    });
}
