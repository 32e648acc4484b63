//! Queues beyond what asyncio's own suite tests: waits that are dropped, items with destructors and comparisons of
//! their own, errors that give items back, use outside a run. Against a model: `queue/model.rs`.

mod model;

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use futures::FutureExt as _;
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::error::{GetError, PutError, TaskDoneError};
use oneloop::{
    Error, Event, EventLoop, LifoQueue, PriorityQueue, Queue, QueueShutDown, Task, catch_cancelled, create_task,
    gather, sleep, timeout, wait, yield_now,
};

use crate::support::{SECOND, getting, panic_of, putting, run, virtual_loop, waiting};

/// A queue with room for one that has none left.
fn full<T>(item: T) -> Queue<T> {
    let queue = Queue::new(1);
    assert!(queue.put_nowait(item).is_ok());
    queue
}

// Waits that are dropped.

#[test]
fn a_get_that_loses_a_select_leaves_the_line_and_takes_nothing() {
    run(async {
        let (fast, slow) = (Queue::default(), Queue::default());
        let (fast_items, slow_items) = (fast.clone(), slow.clone());
        let chosen = create_task(async move {
            match select(Box::pin(slow_items.get()), Box::pin(fast_items.get())).await {
                Either::Left((item, _)) | Either::Right((item, _)) => item,
            }
        });
        yield_now().await;
        assert_eq!((waiting(&fast), waiting(&slow)), ((1, 0), (1, 0)));
        fast.put_nowait("fast").unwrap();
        assert_eq!(chosen.await, Ok("fast"));
        assert_eq!(waiting(&slow), (0, 0));
        slow.put_nowait("slow").unwrap();
        assert_eq!(slow.get_nowait(), Ok("slow"));
    });
}

#[test]
fn a_get_that_was_woken_and_is_dropped_wakes_the_next() {
    run(async {
        let (queue, stop) = (Queue::default(), Event::new());
        let (source, stopped) = (queue.clone(), stop.clone());
        let gives_up = create_task(async move {
            // the event comes first, so that the get is dropped although an item is there for it
            matches!(select(Box::pin(stopped.wait()), Box::pin(source.get())).await, Either::Left(_))
        });
        let next = getting(&queue);
        yield_now().await;
        queue.put_nowait(1).unwrap();
        stop.set();
        assert!(gives_up.await);
        assert_eq!(timeout(SECOND, next).await, Ok(Ok(1)));
    });
}

#[test]
fn a_put_that_was_woken_and_is_dropped_wakes_the_next() {
    run(async {
        let (queue, stop) = (full("first"), Event::new());
        let (target, stopped) = (queue.clone(), stop.clone());
        let gives_up = create_task(async move {
            matches!(select(Box::pin(stopped.wait()), Box::pin(target.put("lost"))).await, Either::Left(_))
        });
        let next = putting(&queue, "next");
        yield_now().await;
        assert_eq!(queue.get_nowait(), Ok("first"));
        stop.set();
        assert!(gives_up.await);
        assert_eq!(timeout(SECOND, next).await, Ok(Ok(())));
        assert_eq!(queue.get_nowait(), Ok("next"));
        assert_eq!(queue.get_nowait(), Err(GetError::QueueEmpty));
    });
}

#[test]
fn a_put_that_is_dropped_drops_its_item_and_counts_for_nothing() {
    run(async {
        let (witness, queue) = (Rc::new(()), full(None));
        {
            let mut never_polled = Box::pin(queue.put(Some(Rc::clone(&witness))));
            let mut polled = Box::pin(queue.put(Some(Rc::clone(&witness))));
            assert!(polled.as_mut().now_or_never().is_none());
            assert_eq!((Rc::strong_count(&witness), waiting(&queue)), (3, (0, 1)));
            drop(polled);
            assert_eq!((Rc::strong_count(&witness), waiting(&queue)), (2, (0, 0)));
            queue.get_nowait().unwrap();
            assert!(never_polled.as_mut().now_or_never().is_some(), "no task is in front of it");
        }
        assert_eq!(queue.len(), 1);
        assert!(queue.task_done().is_ok() && queue.task_done().is_ok());
        assert_eq!(queue.task_done(), Err(TaskDoneError));
    });
}

#[test]
fn many_gets_of_one_task_are_served_in_order_and_the_rest_leaves() {
    run(async {
        let queue = Queue::default();
        let mut gets: FuturesUnordered<_> = (0..10).map(|n| queue.get().map(move |item| (n, item))).collect();
        assert!(gets.next().now_or_never().is_none());
        assert_eq!(waiting(&queue), (10, 0));
        for item in 0..4 {
            queue.put_nowait(item).unwrap();
        }
        for n in 0..3 {
            assert_eq!(gets.next().await, Some((n, Ok(n))));
        }
        drop(gets); // the fourth had been woken
        assert_eq!(waiting(&queue), (0, 0));
        assert_eq!(queue.get_nowait(), Ok(3));
    });
}

#[test]
fn a_get_that_is_begun_in_one_task_and_goes_on_in_another_wakes_that_one() {
    run(async {
        let queue = Queue::default();
        let source = queue.clone();
        let mut get = Box::pin(async move { source.get().await });
        assert!(get.as_mut().now_or_never().is_none());
        let other = create_task(get);
        yield_now().await;
        queue.put_nowait(1).unwrap();
        assert_eq!(timeout(SECOND, other).await, Ok(Ok(1)));
    });
}

#[test]
fn a_join_that_is_dropped_leaves_the_others() {
    run(async {
        let queue = full(());
        assert!(timeout(SECOND, queue.join()).await.is_err());
        let joins = queue.clone();
        let joiner = create_task(async move { joins.join().await });
        yield_now().await;
        queue.task_done().unwrap();
        assert_eq!(timeout(SECOND, joiner).await, Ok(()));
    });
}

// Many at once.

#[test]
fn thousands_of_getters_cancelled_at_once_take_nothing_and_leave_the_rest_in_order() {
    run(async {
        let queue = Queue::default();
        let got = Rc::new(RefCell::new(Vec::new()));
        let getters: Vec<Task<()>> = (0..5_000)
            .map(|n| {
                let (queue, got) = (queue.clone(), Rc::clone(&got));
                create_task(async move {
                    let item = queue.get().await.unwrap();
                    got.borrow_mut().push((n, item));
                })
            })
            .collect();
        yield_now().await;
        assert_eq!(waiting(&queue), (5_000, 0));
        queue.put_nowait(0).unwrap(); // the first is woken before it is cancelled
        for (n, getter) in getters.iter().enumerate() {
            if n % 1_000 != 999 {
                getter.cancel();
            }
        }
        queue.put_nowait(1).unwrap();
        drop(wait(getters.into_iter().step_by(2)).await); // only cancelled ones
        assert_eq!(waiting(&queue), (3, 0));
        for item in 2..5 {
            queue.put_nowait(item).unwrap();
        }
        yield_now().await;
        // the second put woke 999, and the first getter, when it left, woke 1999
        assert_eq!(*got.borrow(), [(999, 0), (1_999, 1), (2_999, 2), (3_999, 3), (4_999, 4)]);
        assert_eq!((queue.len(), waiting(&queue)), (0, (0, 0)));
    });
}

#[test]
fn a_shutdown_wakes_thousands_of_putters_and_gives_each_its_item() {
    run(async {
        let queue = full(usize::MAX);
        let putters: Vec<_> = (0..5_000).map(|n| putting(&queue, n)).collect();
        yield_now().await;
        queue.shutdown();
        let refused: Vec<_> = gather(putters).await.into_iter().map(|put| put.map_err(|QueueShutDown(n)| n)).collect();
        assert_eq!(refused, (0..5_000).map(Err).collect::<Vec<_>>());
        assert_eq!(queue.len(), 1);
    });
}

// Items with code of their own.

/// An item that does something when it is dropped.
struct Acting(Option<Box<dyn FnOnce()>>);

impl Acting {
    fn new(f: impl FnOnce() + 'static) -> Self {
        Self(Some(Box::new(f)))
    }

    fn nothing() -> Self {
        Self(None)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

#[test]
fn the_item_of_a_cancelled_put_may_use_the_queue_and_the_loop_in_its_destructor() {
    run(async {
        let queue = full(Acting::nothing());
        let (other, soon) = (queue.clone(), Rc::new(Cell::new(false)));
        let called = Rc::clone(&soon);
        let item = Acting::new(move || {
            assert_eq!(waiting(&other), (0, 0), "its put waits no longer");
            assert!(other.get_nowait().is_ok());
            assert!(other.put_nowait(Acting::nothing()).is_ok());
            drop(putting(&other, Acting::nothing()));
            EventLoop::current().call_soon(move || called.set(true));
        });
        let mut putter = putting(&queue, item);
        yield_now().await;
        putter.cancel();
        assert!(putter.outcome().await.is_err());
        yield_now().await;
        assert!(soon.get());
        assert_eq!((queue.len(), waiting(&queue)), (1, (0, 1)));
    });
}

#[test]
fn items_that_shutdown_immediate_hands_back_may_use_the_queue_in_their_destructors() {
    let queue = Queue::default();
    let seen = Rc::new(Cell::new(0));
    for n in 0..3 {
        let (other, seen) = (queue.clone(), Rc::clone(&seen));
        let item = Acting::new(move || {
            assert_eq!((other.len(), other.is_shutdown(), other.task_done()), (0, true, Err(TaskDoneError)));
            assert!(other.put_nowait(Acting::nothing()).is_err());
            seen.set(seen.get() * 10 + n);
        });
        assert!(queue.put_nowait(item).is_ok());
    }
    drop(queue.shutdown_immediate());
    assert_eq!(seen.get(), 12, "in order");
}

#[test]
fn items_that_a_queue_is_dropped_with_may_use_another_queue() {
    run(async {
        let (queue, other) = (Queue::default(), Queue::default());
        let getter = getting(&other);
        yield_now().await;
        for n in 0..3 {
            let other = other.clone();
            let item = Acting::new(move || other.put_nowait(n).unwrap());
            assert!(queue.put_nowait(item).is_ok());
        }
        drop(queue);
        assert_eq!(getter.await, Ok(0));
        assert_eq!(other.shutdown_immediate(), [1, 2]);
    });
}

#[test]
fn a_loop_that_closes_under_waits_drops_their_items_and_frees_the_queue() {
    let dropped = Rc::new(Cell::new(0));
    let queue = full(Acting::nothing());
    let lp = virtual_loop();
    lp.run_until_complete(async {
        for _ in 0..3 {
            let (other, dropped) = (queue.clone(), Rc::clone(&dropped));
            let item = Acting::new(move || {
                dropped.set(dropped.get() + 1);
                drop(other.get_nowait()); // wakes the next, whose loop is closing
            });
            drop(putting(&queue, item));
        }
        yield_now().await;
        assert_eq!(waiting(&queue), (0, 3));
    })
    .unwrap();
    drop(lp);
    assert_eq!((dropped.get(), waiting(&queue)), (3, (0, 0)));
}

/// An item whose comparison may do anything.
struct Rank {
    rank: u32,
    compares: Option<Rc<dyn Fn()>>,
}

impl Rank {
    fn plain(rank: u32) -> Self {
        Self { rank, compares: None }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        for item in [self, other] {
            if let Some(compares) = &item.compares {
                compares();
            }
        }
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

#[test]
fn a_comparison_that_uses_the_queue_panics_and_the_queue_keeps_its_items() {
    let (queue, misbehaves) = (PriorityQueue::default(), Rc::new(Cell::new(true)));
    for rank in [3, 2, 4] {
        assert!(queue.put_nowait(Rank::plain(rank)).is_ok());
    }
    let (same, still) = (queue.clone(), Rc::clone(&misbehaves));
    let compares: Rc<dyn Fn()> = Rc::new(move || {
        if still.get() {
            same.len();
        }
    });
    let item = Rank { rank: 1, compares: Some(compares) };
    let text = panic_of(|| queue.put_nowait(item));
    assert_eq!(text, "the comparison of two items used the queue that they are in; it must not");

    misbehaves.set(false);
    let ranks: Vec<u32> = queue.shutdown_immediate().into_iter().map(|item| item.rank).collect();
    assert_eq!(ranks, [2, 3, 4]);
}

#[test]
fn a_comparison_may_use_another_queue_and_the_loop() {
    run(async {
        let (queue, others, soon) = (PriorityQueue::default(), Queue::default(), Rc::new(Cell::new(0)));
        let getter = getting(&others);
        yield_now().await;
        let (told, called) = (others.clone(), Rc::clone(&soon));
        let compares: Rc<dyn Fn()> = Rc::new(move || {
            told.put_nowait("compared").unwrap();
            let called = Rc::clone(&called);
            EventLoop::current().call_soon(move || called.set(called.get() + 1));
        });
        queue.put_nowait(Rank::plain(2)).ok().unwrap();
        queue.put_nowait(Rank { rank: 1, compares: Some(compares) }).ok().unwrap();
        assert_eq!(getter.await, Ok("compared"));
        assert!(soon.get() > 0);
        assert_eq!(queue.get_nowait().ok().map(|item| item.rank), Some(1));
    });
}

#[test]
fn equal_items_come_in_the_order_in_which_they_were_put_whatever_happens_between() {
    /// Of which only the rank counts.
    #[derive(Debug)]
    struct Job(u32, usize);
    impl Ord for Job {
        fn cmp(&self, other: &Self) -> Ordering {
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Job {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl PartialEq for Job {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Job {}

    let queue = PriorityQueue::default();
    let mut next = [0; 3];
    let mut check = |job: Job| {
        let rank = job.0 as usize;
        assert!(job.1 >= next[rank], "{job:?} comes after {}", next[rank]);
        next[rank] = job.1 + 1;
    };
    for number in 0..3_000 {
        queue.put_nowait(Job([2, 0, 1, 1, 0][number % 5], number)).unwrap();
        if number % 3 == 0 {
            check(queue.get_nowait().unwrap());
        }
    }
    queue.shutdown_immediate().into_iter().for_each(check);
    assert_eq!(next, [3_000, 2_999, 2_996]); // the last of each rank, and one more
}

// Items given back by errors.

#[test]
fn refused_items_come_back_whole() {
    run(async {
        // neither shown nor compared nor cloned
        struct Item(Box<u32>);
        let queue = full(Item(Box::new(0)));
        let refused = queue.put_nowait(Item(Box::new(1)));
        assert!(matches!(&refused, Err(PutError::QueueFull(item)) if *item.0 == 1));
        assert_eq!(*refused.err().unwrap().into_inner().0, 1);

        let putter = putting(&queue, Item(Box::new(2)));
        yield_now().await;
        queue.shutdown();
        assert!(matches!(putter.await, Err(QueueShutDown(item)) if *item.0 == 2));
        assert!(matches!(queue.put_nowait(Item(Box::new(3))), Err(PutError::QueueShutDown(item)) if *item.0 == 3));
        assert!(matches!(queue.put(Item(Box::new(4))).await, Err(QueueShutDown(item)) if *item.0 == 4));
        assert_eq!(queue.get().await.ok().map(|item| *item.0), Some(0), "the first is still in it");
        assert!(matches!(queue.get().await, Err(QueueShutDown(()))));
    });
}

#[test]
fn errors_say_what_to_do() {
    let queue = full(1);
    assert_eq!(queue.put_nowait(2).unwrap_err().to_string(), "the queue is full; await put() to wait for room");
    queue.get_nowait().unwrap();
    assert_eq!(queue.get_nowait().unwrap_err().to_string(), "the queue is empty; await get() to wait for an item");
    queue.task_done().unwrap();
    let text = "task_done() called too many times; call it once for each item that was got";
    assert_eq!(queue.task_done().unwrap_err().to_string(), text);
    queue.shutdown();
    assert_eq!(queue.put_nowait(2).unwrap_err().to_string(), "the queue is shut down");
    assert_eq!(queue.get_nowait().unwrap_err().to_string(), "the queue is shut down, and nothing is left in it");
    assert_eq!(format!("{:?} {:?}", PutError::QueueFull(1), QueueShutDown(1)), "QueueFull(..) QueueShutDown(..)");
}

#[test]
fn shutdown_immediate_gives_the_items_back_in_the_order_of_the_queue() {
    let (fifo, lifo, ranked) = (Queue::default(), LifoQueue::default(), PriorityQueue::default());
    for item in [2, 3, 1] {
        fifo.put_nowait(item).unwrap();
        lifo.put_nowait(item).unwrap();
        ranked.put_nowait(item).unwrap();
    }
    assert_eq!(fifo.shutdown_immediate(), [2, 3, 1]);
    assert_eq!(lifo.shutdown_immediate(), [1, 3, 2]);
    assert_eq!(ranked.shutdown_immediate(), [1, 2, 3]);
    assert_eq!(fifo.shutdown_immediate(), [0; 0]);
}

// Outside a run.

#[test]
fn what_does_not_have_to_wait_needs_no_loop() {
    let queue = Queue::new(1);
    assert_eq!(queue.put(1).now_or_never(), Some(Ok(())));
    assert_eq!(queue.get().now_or_never(), Some(Ok(1)));
    queue.task_done().unwrap();
    assert_eq!(queue.join().now_or_never(), Some(()));
    queue.shutdown();
    assert_eq!(queue.get().now_or_never(), Some(Err(QueueShutDown(()))));
}

#[test]
fn a_queue_is_used_before_between_and_after_runs() {
    let (lp, queue) = (virtual_loop(), Queue::new(2));
    queue.put_nowait(1).unwrap();
    assert_eq!(lp.run_until_complete(queue.get()).unwrap(), Ok(1));

    let enter_and_get = || {
        let _in = lp.enter();
        getting(&queue)
    };
    let getter = enter_and_get();
    lp.run_until_complete(yield_now()).unwrap();
    assert_eq!(waiting(&queue), (1, 0));
    queue.put_nowait(2).unwrap();
    assert!(!getter.done(), "nothing runs between runs");
    assert_eq!(queue.len(), 1);
    assert_eq!(lp.run_until_complete(getter).unwrap(), Ok(2));

    let getter = enter_and_get();
    lp.run_until_complete(yield_now()).unwrap();
    queue.put_nowait(3).unwrap();
    assert_eq!(queue.get_nowait(), Ok(3), "it is not promised to the one who waits");
    queue.shutdown();
    assert_eq!(lp.run_until_complete(getter).unwrap(), Err(QueueShutDown(())));
}

#[test]
fn a_queue_outlives_the_loop_whose_tasks_waited_for_it() {
    let (lp, queue) = (virtual_loop(), Queue::default());
    lp.run_until_complete(async {
        drop(getting(&queue));
        yield_now().await;
    })
    .unwrap();
    assert_eq!(waiting(&queue), (1, 0));
    drop(lp);
    assert_eq!(waiting(&queue), (0, 0));
    queue.put_nowait(1).unwrap();
    assert_eq!(queue.get_nowait(), Ok(1));
}

#[test]
fn a_queue_is_used_from_callbacks() {
    run(async {
        let queue = Queue::new(1);
        let (soon, later, done) = (queue.clone(), queue.clone(), queue.clone());
        let lp = EventLoop::current();
        lp.call_soon(move || soon.put_nowait("soon").unwrap());
        lp.call_later(SECOND, move || later.put_nowait("later").unwrap());
        lp.call_later(2 * SECOND, move || {
            done.task_done().unwrap();
            done.task_done().unwrap();
        });
        let start = lp.time();
        assert_eq!(queue.get().await, Ok("soon"));
        assert_eq!(queue.get().await, Ok("later"));
        assert_eq!(lp.time() - start, SECOND);
        queue.join().await;
        assert_eq!(lp.time() - start, 2 * SECOND);

        let ended = Rc::new(Cell::new(false));
        let tells = Rc::clone(&ended);
        let putter = putting(&queue, "by a task");
        putter.add_done_callback(move |_| tells.set(true));
        assert_eq!(queue.get().await, Ok("by a task"));
        yield_now().await;
        assert!(ended.get());
    });
}

#[test]
fn a_queue_is_put_to_while_a_cancellation_is_cleaned_up() {
    run(async {
        let queue = full("first");
        let target = queue.clone();
        let worker = create_task(async move {
            let caught = catch_cancelled(sleep(1_000 * SECOND)).await;
            target.put("last words").await.unwrap();
            caught.is_err()
        });
        yield_now().await;
        worker.cancel();
        yield_now().await;
        assert_eq!(waiting(&queue), (0, 1));
        assert_eq!([queue.get().await, queue.get().await], [Ok("first"), Ok("last words")]);
        assert!(worker.await);
    });
}

#[test]
fn who_waits_for_a_queue_for_ever_is_named() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let queue = full(());
        let (source, target) = (Queue::<()>::default(), queue.clone());
        create_task(async move { source.get().await.is_ok() }).named("getter").await;
        drop(target);
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    let text = deadlock.to_string();
    assert!(text.contains("getter waits for an item of a queue"), "{text}");

    let ended = virtual_loop().run_until_complete(async {
        let queue = full(());
        let target = queue.clone();
        drop(create_task(async move { target.put(()).await }).named("putter"));
        queue.join().await;
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    let text = deadlock.to_string();
    assert!(text.contains("putter waits for room in a queue"), "{text}");
    assert!(text.contains("waits for the items of a queue to be done"), "{text}");
}

// Comparisons that panic.

/// Whose comparison panics on demand.
struct Moody(u32, Rc<Cell<bool>>);

impl Ord for Moody {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(!self.1.get(), "a comparison panics");
        self.0.cmp(&other.0)
    }
}
impl PartialOrd for Moody {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Moody {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Moody {}

fn ranked(bad: &Rc<Cell<bool>>, ranks: &[u32]) -> PriorityQueue<Moody> {
    let queue = PriorityQueue::default();
    for rank in ranks {
        assert!(queue.put_nowait(Moody(*rank, Rc::clone(bad))).is_ok());
    }
    queue
}

#[test]
fn a_get_whose_comparison_panics_loses_no_item() {
    let bad = Rc::new(Cell::new(false));
    let queue = ranked(&bad, &[3, 2, 1, 4]);
    bad.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| queue.get_nowait())).is_err());
    bad.set(false);
    let left: Vec<u32> = queue.shutdown_immediate().iter().map(|item| item.0).collect();
    assert_eq!(left, [1, 2, 3, 4]);
}

#[test]
fn a_put_whose_comparison_panics_does_not_take_the_item() {
    let bad = Rc::new(Cell::new(false));
    let queue = ranked(&bad, &[3, 2]);
    bad.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| queue.put_nowait(Moody(1, Rc::clone(&bad))))).is_err());
    bad.set(false);
    let left: Vec<u32> = queue.shutdown_immediate().iter().map(|item| item.0).collect();
    assert_eq!(left, [2, 3]);
}

#[test]
fn a_put_whose_comparison_panics_does_not_count() {
    let bad = Rc::new(Cell::new(false));
    let queue = ranked(&bad, &[3, 2]);
    bad.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| queue.put_nowait(Moody(1, Rc::clone(&bad))))).is_err());
    bad.set(false);
    for _ in 0..queue.len() {
        assert_eq!(queue.task_done(), Ok(()), "there is an item that does not count as unfinished");
    }
    assert_eq!(queue.task_done(), Err(TaskDoneError));
}

#[test]
fn a_put_whose_comparison_panics_leaves_no_task_waiting_beside_an_item() {
    run(async {
        let bad = Rc::new(Cell::new(false));
        let queue = ranked(&bad, &[]);
        let getters = [(); 2].map(|()| {
            let queue = queue.clone();
            create_task(async move { queue.get().await.is_ok() })
        });
        yield_now().await;
        assert!(queue.put_nowait(Moody(3, Rc::clone(&bad))).is_ok()); // wakes the first
        bad.set(true);
        assert!(catch_unwind(AssertUnwindSafe(|| queue.put_nowait(Moody(1, Rc::clone(&bad))))).is_err());
        bad.set(false);
        yield_now().await;
        yield_now().await;
        let waits = getters.iter().filter(|task| !task.done()).count();
        assert!(waits == 0 || queue.is_empty(), "{waits} wait, and {} are there", queue.len());
    });
}

// Collections of items.

#[test]
fn a_queue_is_collected_from_items_and_extended_by_more() {
    let mut queue: Queue<u8> = (1..=3).collect();
    queue.extend([4, 5]);
    assert_eq!((queue.len(), queue.maxsize()), (5, 0));
    assert_eq!(queue.get_nowait(), Ok(1));
    let ranked: PriorityQueue<u8> = [3, 1, 2].into_iter().collect();
    assert_eq!(ranked.get_nowait(), Ok(1));
    let pile: LifoQueue<u8> = [3, 1, 2].into_iter().collect();
    assert_eq!(pile.get_nowait(), Ok(2));
}

#[test]
fn an_extension_beyond_the_room_of_a_queue_says_what_to_do() {
    let text = panic_of(|| full('a').extend(['b']));
    assert!(text.contains("await put() to wait for room"), "{text}");
}
