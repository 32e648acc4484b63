//! Queues.

use oneloop::{
    EventLoop, LifoQueue, PriorityQueue, Queue, QueueShutDown, Task, create_task, current_task, timeout, yield_now,
};

use super::trace::{Trace, end_of, noted, trace, trace_with_jumps, yields};
use crate::time::SECOND;

/// A task that gets one item.
fn getter(t: &Trace, queue: &Queue<u32>, name: &'static str) -> Task<()> {
    let (queue, gets) = (queue.clone(), t.clone());
    noted(t, name, async move {
        match queue.get().await {
            Ok(item) => gets.rec(format!("{name} got {item}")),
            Err(_) => gets.rec(format!("{name} shut")),
        }
    })
}

/// A queue, and a task that waits for an item of it for each name.
async fn getters<const N: usize>(t: &Trace, names: [&'static str; N]) -> (Queue<u32>, [Task<()>; N]) {
    let queue = Queue::default();
    let tasks = names.map(|name| getter(t, &queue, name));
    yield_now().await;
    (queue, tasks)
}

/// A task that puts its own name; refused, it has it back.
fn putter(t: &Trace, queue: &Queue<&'static str>, name: &'static str) -> Task<()> {
    let (queue, puts) = (queue.clone(), t.clone());
    noted(t, name, async move {
        match queue.put(name).await {
            Ok(()) => puts.rec(format!("{name} put")),
            Err(QueueShutDown(item)) => puts.rec(format!("{item} shut")),
        }
    })
}

/// A queue of one that is full, and a task that waits for room in it for each name.
async fn putters<const N: usize>(t: &Trace, names: [&'static str; N]) -> (Queue<&'static str>, [Task<()>; N]) {
    let queue = full();
    let tasks = names.map(|name| putter(t, &queue, name));
    yield_now().await;
    (queue, tasks)
}

/// A queue that has no room.
fn full() -> Queue<&'static str> {
    let queue = Queue::new(1);
    queue.put_nowait("0").unwrap();
    queue
}

/// A task that waits until all is done.
fn joiner<T: 'static>(t: &Trace, queue: &Queue<T>, name: &'static str) -> Task<()> {
    let (queue, joins) = (queue.clone(), t.clone());
    noted(t, name, async move {
        queue.join().await;
        joins.rec(format!("{name} joined"));
    })
}

#[test]
fn queue_with_an_item_and_with_room_takes_no_turn() {
    let got = trace(async |t| {
        let queue = Queue::new(1);
        t.soon("soon", || ());
        queue.join().await;
        for item in 0..2 {
            queue.put(item).await.unwrap();
            t.rec(format!("got {}", queue.get().await.unwrap()));
            queue.task_done().unwrap();
        }
        queue.join().await;
    });
    assert_eq!(got, "got 0@+0 ; got 1@+0 ; RESUME ret=()@+0 ; soon@+1");
}

#[test]
fn queue_hands_over_in_the_order_of_the_getters() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b", "c"]).await;
        for item in 0..3 {
            queue.put(item).await.unwrap();
        }
        t.rec("put");
        end_of(tasks).await;
    });
    assert_eq!(got, "put@+1 ; a got 0@+2 ; b got 1@+2 ; c got 2@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_of_one_between_a_producer_and_a_consumer() {
    let got = trace(async |t| {
        let queue = Queue::new(1);
        let (target, puts) = (queue.clone(), t.clone());
        let producer = create_task(async move {
            for item in 0..4 {
                target.put(item).await.unwrap();
                puts.rec(format!("put {item}"));
            }
        });
        let consumer = create_task(async move {
            for _ in 0..4 {
                t.rec(format!("got {}", queue.get().await.unwrap()));
            }
        });
        end_of([producer, consumer]).await;
    });
    assert_eq!(
        got,
        "put 0@+1 ; got 0@+1 ; put 1@+2 ; got 1@+3 ; put 2@+4 ; got 2@+5 ; put 3@+6 ; got 3@+7 ; RESUME ret=()@+9"
    );
}

#[test]
fn queue_item_that_was_promised_is_stolen_and_another_comes_in_time() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b"]).await;
        queue.put_nowait(1).unwrap();
        t.rec(format!("stolen {}", queue.get_nowait().unwrap()));
        queue.put_nowait(2).unwrap();
        queue.put_nowait(3).unwrap();
        end_of(tasks).await;
    });
    assert_eq!(got, "stolen 1@+1 ; a got 2@+2 ; b got 3@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_getter_that_was_robbed_goes_to_the_back() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b"]).await;
        queue.put_nowait(1).unwrap();
        t.rec(format!("stolen {}", queue.get_nowait().unwrap()));
        yield_now().await;
        queue.put_nowait(2).unwrap();
        queue.put_nowait(3).unwrap();
        t.rec("put2");
        end_of(tasks).await;
    });
    assert_eq!(got, "stolen 1@+1 ; put2@+2 ; b got 2@+3 ; a got 3@+3 ; RESUME ret=()@+5");
}

#[test]
fn queue_getter_woken_and_cancelled_wakes_the_next() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b"]).await;
        queue.put_nowait(1).unwrap();
        tasks[0].cancel();
        t.rec("put");
        end_of(tasks).await;
        t.rec(format!("left {}", queue.len()));
    });
    assert_eq!(got, "put@+1 ; a.CANCEL()@+2 ; b got 1@+3 ; left 0@+5 ; RESUME ret=()@+5");
}

#[test]
fn queue_getter_woken_and_cancelled_with_no_getter_behind_leaves_the_item() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a"]).await;
        queue.put_nowait(1).unwrap();
        tasks[0].cancel();
        t.rec("put");
        end_of(tasks).await;
        t.rec(format!("left {}", queue.get_nowait().unwrap()));
    });
    assert_eq!(got, "put@+1 ; a.CANCEL()@+2 ; left 1@+4 ; RESUME ret=()@+4");
}

#[test]
fn queue_getter_cancelled_before_the_put_is_passed_over() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b"]).await;
        tasks[0].cancel();
        queue.put_nowait(1).unwrap();
        t.rec("put");
        end_of(tasks).await;
    });
    assert_eq!(got, "put@+1 ; a.CANCEL()@+2 ; b got 1@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_getter_woken_robbed_and_cancelled_wakes_no_task() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b"]).await;
        queue.put_nowait(1).unwrap();
        queue.get_nowait().unwrap();
        tasks[0].cancel();
        t.rec("robbed");
        yields(3).await;
        t.rec(format!("waiting {}", queue.getters()));
        queue.put_nowait(2).unwrap();
        end_of(tasks).await;
    });
    assert_eq!(got, "robbed@+1 ; a.CANCEL()@+2 ; waiting 1@+4 ; b got 2@+5 ; RESUME ret=()@+7");
}

#[test]
fn queue_getter_under_its_own_cancellation_is_passed_over() {
    let got = trace(async |t| {
        let queue = Queue::default();
        let (source, target) = (queue.clone(), queue.clone());
        let a = noted(&t, "a", async move {
            current_task().unwrap().cancel_with("m");
            source.get().await.unwrap();
        });
        let b = getter(&t, &queue, "b");
        let c = create_task(async move {
            target.put_nowait(1).unwrap();
            t.rec("put");
        });
        end_of([a, b, c]).await;
    });
    assert_eq!(got, "put@+1 ; a.CANCEL(m)@+2 ; b got 1@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_putter_woken_and_cancelled_wakes_the_next() {
    let got = trace(async |t| {
        let (queue, tasks) = putters(&t, ["a", "b"]).await;
        queue.get_nowait().unwrap();
        tasks[0].cancel();
        t.rec("get");
        end_of(tasks).await;
        t.rec(format!("left {}", queue.get_nowait().unwrap()));
    });
    assert_eq!(got, "get@+1 ; a.CANCEL()@+2 ; b put@+3 ; left b@+5 ; RESUME ret=()@+5");
}

#[test]
fn queue_putter_cancelled_before_the_get_is_passed_over() {
    let got = trace(async |t| {
        let (queue, tasks) = putters(&t, ["a", "b"]).await;
        tasks[0].cancel();
        queue.get_nowait().unwrap();
        t.rec("get");
        end_of(tasks).await;
        t.rec(format!("left {}", queue.get_nowait().unwrap()));
    });
    assert_eq!(got, "get@+1 ; a.CANCEL()@+2 ; b put@+2 ; left b@+4 ; RESUME ret=()@+4");
}

#[test]
fn queue_putter_whose_room_was_taken_goes_to_the_back() {
    let got = trace(async |t| {
        let (queue, tasks) = putters(&t, ["a", "b"]).await;
        queue.get_nowait().unwrap();
        queue.put_nowait("x").unwrap();
        t.rec("taken");
        yield_now().await;
        for _ in 0..3 {
            t.rec(format!("get {}", queue.get_nowait().unwrap()));
            yield_now().await;
        }
        end_of(tasks).await;
    });
    assert_eq!(got, "taken@+1 ; get x@+2 ; b put@+3 ; get b@+3 ; a put@+4 ; get a@+4 ; RESUME ret=()@+7");
}

#[test]
fn queue_putter_woken_without_room_and_cancelled_wakes_no_task() {
    let got = trace(async |t| {
        let (queue, tasks) = putters(&t, ["a", "b"]).await;
        queue.get_nowait().unwrap();
        queue.put_nowait("x").unwrap();
        tasks[0].cancel();
        t.rec("taken");
        yields(3).await;
        t.rec(format!("waiting {}", queue.putters()));
        queue.get_nowait().unwrap();
        end_of(tasks).await;
    });
    assert_eq!(got, "taken@+1 ; a.CANCEL()@+2 ; waiting 1@+4 ; b put@+5 ; RESUME ret=()@+7");
}

#[test]
fn queue_that_stays_empty_too_long() {
    let got = trace_with_jumps(&[(1, 1)], async |t| {
        let queue = Queue::<u32>::default();
        if timeout(SECOND, queue.get()).await.is_err() {
            t.rec(format!("late waiting={}", queue.getters()));
        }
    });
    assert_eq!(got, "late waiting=0@+2 ; RESUME ret=()@+2");
}

#[test]
fn queue_that_stays_full_too_long_drops_the_item() {
    let got = trace_with_jumps(&[(1, 1)], async |t| {
        let queue = full();
        if timeout(SECOND, queue.put("1")).await.is_err() {
            t.rec(format!("late waiting={} left={}", queue.putters(), queue.len()));
        }
    });
    assert_eq!(got, "late waiting=0 left=1@+2 ; RESUME ret=()@+2");
}

#[test]
fn queue_that_is_not_done_in_time() {
    let got = trace_with_jumps(&[(1, 1)], async |t| {
        let queue = full();
        if timeout(SECOND, queue.join()).await.is_err() {
            t.rec("late");
        }
        queue.task_done().unwrap();
        queue.join().await;
        t.rec("joined");
    });
    assert_eq!(got, "late@+2 ; joined@+2 ; RESUME ret=()@+2");
}

#[test]
fn queue_item_put_at_the_very_deadline_is_for_the_next() {
    let got = trace_with_jumps(&[(2, 1)], async |t| {
        let queue = Queue::default();
        let (target, puts) = (queue.clone(), t.clone());
        EventLoop::current().call_later(SECOND, move || {
            puts.rec("put");
            target.put_nowait(1).unwrap();
        });
        let (hasty, gives_up) = (queue.clone(), t.clone());
        let a = create_task(async move {
            if timeout(SECOND, hasty.get()).await.is_err() {
                gives_up.rec("a.late");
            }
        });
        end_of([a, getter(&t, &queue, "b")]).await;
    });
    assert_eq!(got, "put@+2 ; a.late@+3 ; b got 1@+4 ; RESUME ret=()@+6");
}

#[test]
fn queue_room_made_at_the_very_deadline_is_for_the_next() {
    let got = trace_with_jumps(&[(2, 1)], async |t| {
        let queue = full();
        let (source, gets) = (queue.clone(), t.clone());
        EventLoop::current().call_later(SECOND, move || gets.rec(format!("get {}", source.get_nowait().unwrap())));
        let (hasty, gives_up) = (queue.clone(), t.clone());
        let a = create_task(async move {
            if timeout(SECOND, hasty.put("a")).await.is_err() {
                gives_up.rec("a.late");
            }
        });
        end_of([a, putter(&t, &queue, "b")]).await;
        t.rec(format!("left {}", queue.get_nowait().unwrap()));
    });
    assert_eq!(got, "get 0@+2 ; a.late@+3 ; b put@+4 ; left b@+6 ; RESUME ret=()@+6");
}

#[test]
fn queue_join_ends_with_the_last_task_done() {
    let got = trace(async |t| {
        let queue = Queue::default();
        for item in 0..2 {
            queue.put_nowait(item).unwrap();
        }
        let tasks = ["a", "b"].map(|name| joiner(&t, &queue, name));
        yield_now().await;
        queue.task_done().unwrap();
        t.rec("done1");
        yields(2).await;
        queue.task_done().unwrap();
        t.rec("done2");
        end_of(tasks).await;
    });
    assert_eq!(got, "done1@+1 ; done2@+3 ; a joined@+4 ; b joined@+4 ; RESUME ret=()@+6");
}

#[test]
fn queue_join_ends_although_something_is_put_at_once() {
    let got = trace(async |t| {
        let queue = Queue::default();
        queue.put_nowait(0).unwrap();
        let a = joiner(&t, &queue, "a");
        yield_now().await;
        queue.task_done().unwrap();
        queue.put_nowait(1).unwrap();
        let b = joiner(&t, &queue, "b");
        t.rec("done+put");
        yields(3).await;
        queue.task_done().unwrap();
        t.rec("done");
        end_of([a, b]).await;
    });
    assert_eq!(got, "done+put@+1 ; a joined@+2 ; done@+4 ; b joined@+5 ; RESUME ret=()@+7");
}

#[test]
fn queue_joiners_cancelled_before_and_after_the_last_task_done() {
    let got = trace(async |t| {
        let queue = full();
        let tasks = ["a", "b", "c"].map(|name| joiner(&t, &queue, name));
        yield_now().await;
        tasks[0].cancel_with("before");
        queue.task_done().unwrap();
        tasks[1].cancel_with("after");
        t.rec("done");
        end_of(tasks).await;
    });
    assert_eq!(got, "done@+1 ; a.CANCEL(before)@+2 ; b.CANCEL(after)@+2 ; c joined@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_shutdown_lets_in_who_is_in_and_refuses_the_others() {
    let got = trace(async |t| {
        let (queue, tasks) = putters(&t, ["a", "b"]).await;
        queue.get_nowait().unwrap();
        yields(2).await;
        queue.shutdown();
        t.rec("shutdown");
        end_of(tasks).await;
        let left = queue.get_nowait().unwrap();
        (left, queue.get().await.is_err())
    });
    assert_eq!(got, "a put@+2 ; shutdown@+3 ; b shut@+4 ; RESUME ret=(\"a\", true)@+6");
}

#[test]
fn queue_shutdown_refuses_a_putter_that_was_woken_and_not_in_yet() {
    let got = trace(async |t| {
        let (queue, tasks) = putters(&t, ["a", "b"]).await;
        queue.get_nowait().unwrap();
        queue.shutdown();
        t.rec("shutdown");
        end_of(tasks).await;
        t.rec(format!("left {}", queue.len()));
    });
    assert_eq!(got, "shutdown@+1 ; a shut@+2 ; b shut@+2 ; left 0@+4 ; RESUME ret=()@+4");
}

#[test]
fn queue_shutdown_wakes_getters_and_no_joiners() {
    let got = trace(async |t| {
        let queue = Queue::default();
        queue.put_nowait(0).unwrap();
        queue.get_nowait().unwrap();
        let tasks = [getter(&t, &queue, "a"), getter(&t, &queue, "b"), joiner(&t, &queue, "j")];
        yield_now().await;
        queue.shutdown();
        t.rec("shutdown");
        yields(2).await;
        queue.task_done().unwrap();
        t.rec("done");
        end_of(tasks).await;
    });
    assert_eq!(got, "shutdown@+1 ; a shut@+2 ; b shut@+2 ; done@+3 ; j joined@+4 ; RESUME ret=()@+6");
}

#[test]
fn queue_shutdown_after_a_put_leaves_the_item_to_the_woken_getter() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b"]).await;
        queue.put_nowait(1).unwrap();
        queue.shutdown();
        t.rec("put+shutdown");
        end_of(tasks).await;
    });
    assert_eq!(got, "put+shutdown@+1 ; a got 1@+2 ; b shut@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_getters_cancelled_before_and_after_the_shutdown() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b", "c"]).await;
        tasks[0].cancel_with("before");
        queue.shutdown();
        tasks[1].cancel_with("after");
        t.rec("shutdown");
        end_of(tasks).await;
    });
    assert_eq!(got, "shutdown@+1 ; a.CANCEL(before)@+2 ; b.CANCEL(after)@+2 ; c shut@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_shutdown_immediate_wakes_joiners_then_putters() {
    let got = trace(async |t| {
        let queue = full();
        let tasks = [putter(&t, &queue, "p"), joiner(&t, &queue, "j")];
        yield_now().await;
        assert_eq!(queue.shutdown_immediate(), ["0"]);
        t.rec(format!("shutdown left={}", queue.len()));
        end_of(tasks).await;
    });
    assert_eq!(got, "shutdown left=0@+1 ; j joined@+2 ; p shut@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_shutdown_immediate_takes_the_item_from_a_woken_getter() {
    let got = trace(async |t| {
        let (queue, tasks) = getters(&t, ["a", "b"]).await;
        queue.put_nowait(1).unwrap();
        assert_eq!(queue.shutdown_immediate(), [1]);
        t.rec("put+shutdown");
        end_of(tasks).await;
    });
    assert_eq!(got, "put+shutdown@+1 ; a shut@+2 ; b shut@+2 ; RESUME ret=()@+4");
}

#[test]
fn queue_shutdown_immediate_waits_for_the_work_that_is_under_way() {
    let got = trace(async |t| {
        let queue = Queue::default();
        for item in 0..3 {
            queue.put_nowait(item).unwrap();
        }
        queue.get_nowait().unwrap();
        let j = joiner(&t, &queue, "j");
        yield_now().await;
        assert_eq!(queue.shutdown_immediate(), [1, 2]);
        t.rec("shutdown");
        yields(2).await;
        queue.task_done().unwrap();
        t.rec("done");
        end_of([j]).await;
    });
    assert_eq!(got, "shutdown@+1 ; done@+3 ; j joined@+4 ; RESUME ret=()@+6");
}

#[test]
fn queue_shutdown_twice() {
    let got = trace(async |t| {
        let queue = full();
        queue.shutdown();
        let j = joiner(&t, &queue, "j");
        yield_now().await;
        queue.shutdown();
        t.rec(format!("left={}", queue.len()));
        assert_eq!(queue.shutdown_immediate(), ["0"]);
        t.rec(format!("left={}", queue.len()));
        end_of([j]).await;
    });
    assert_eq!(got, "left=1@+1 ; left=0@+1 ; j joined@+2 ; RESUME ret=()@+4");
}

/// Two tasks wait for an item each, then `put` puts three; notes what they got and what is left.
macro_rules! two_of_three {
    ($queue:expr, $items:expr) => {
        trace(async |t| {
            let queue = $queue;
            let tasks = ["a", "b"].map(|name| {
                let (queue, gets) = (queue.clone(), t.clone());
                create_task(async move { gets.rec(format!("{name} got {}", queue.get().await.unwrap())) })
            });
            yield_now().await;
            for item in $items {
                queue.put_nowait(item).unwrap();
            }
            t.rec("put");
            end_of(tasks).await;
            t.rec(format!("left {}", queue.get_nowait().unwrap()));
        })
    };
}

#[test]
fn priority_queue_getter_takes_the_least_when_it_goes_on() {
    let got = two_of_three!(PriorityQueue::default(), [3, 2, 1]);
    assert_eq!(got, "put@+1 ; a got 1@+2 ; b got 2@+2 ; left 3@+4 ; RESUME ret=()@+4");
}

#[test]
fn priority_queue_gives_equal_items_in_the_order_in_which_they_were_put() {
    /// Whose name does not count.
    struct Job(u32, &'static str);
    impl Ord for Job {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Job {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl PartialEq for Job {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Job {}

    let got = trace(async |t| {
        let queue = PriorityQueue::default();
        for job in [Job(1, "a"), Job(0, "x"), Job(1, "b"), Job(1, "c"), Job(0, "y"), Job(1, "d")] {
            queue.put_nowait(job).unwrap();
        }
        while let Ok(job) = queue.get_nowait() {
            t.rec(job.1);
        }
    });
    // CPython 3.13: x, y, b, d, a, c
    assert_eq!(got, "x@+0 ; y@+0 ; a@+0 ; b@+0 ; c@+0 ; d@+0 ; RESUME ret=()@+0");
}

#[test]
fn lifo_queue_getter_takes_the_newest_when_it_goes_on() {
    let got = two_of_three!(LifoQueue::default(), 0..3);
    assert_eq!(got, "put@+1 ; a got 2@+2 ; b got 1@+2 ; left 0@+4 ; RESUME ret=()@+4");
}
