//! CPython's `test_queues.py`: who gets which item, who waits and who is woken, and what a shutdown leaves. Must not
//! know how a queue keeps its items.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use oneloop::error::{GetError, PutError, TaskDoneError};
use oneloop::{
    Event, EventLoop, LifoQueue, PriorityQueue, Queue, QueueShutDown, TaskError, TimeoutError, create_task, gather,
    task_group, wait_for,
};

use crate::support::{getting, ms, now, putting, run, run_briefly, waiting};

const SOON: Duration = ms(10);

/// Runs a program once with each kind of queue in the place of `$Kind`.
macro_rules! with_each_kind {
    ($Kind:ident, $main:expr) => {{
        {
            type $Kind<T> = Queue<T>;
            run($main);
        }
        {
            type $Kind<T> = LifoQueue<T>;
            run($main);
        }
        {
            type $Kind<T> = PriorityQueue<T>;
            run($main);
        }
    }};
}

/// What a queue that is shut down and empty answers, to all and at once.
macro_rules! assert_is_shut_down_and_empty {
    ($queue:expr) => {
        assert_eq!($queue.put("data").await, Err(QueueShutDown("data")));
        assert_eq!($queue.put_nowait("data"), Err(PutError::QueueShutDown("data")));
        assert_eq!($queue.get().await, Err(QueueShutDown(())));
        assert_eq!($queue.get_nowait(), Err(GetError::QueueShutDown));
        assert!($queue.is_shutdown() && $queue.is_empty());
    };
}

mod queue_basic_tests {
    use super::*;

    #[test]
    fn test_repr() {
        run(async {
            let queue = Queue::new(1);
            assert!(format!("{queue:?}").starts_with("Queue { len: 0, maxsize: 1,"));

            let getter = getting(&queue);
            run_briefly().await;
            assert_eq!(waiting(&queue), (1, 0));
            queue.put_nowait(0).unwrap();
            assert_eq!(getter.await, Ok(0));
            assert_eq!(waiting(&queue), (0, 0));

            queue.put_nowait(1).unwrap();
            let putter = putting(&queue, 2);
            run_briefly().await;
            assert_eq!(waiting(&queue), (0, 1));
            assert_eq!(queue.get_nowait(), Ok(1));
            assert_eq!(putter.await, Ok(()));

            assert!(format!("{queue:?}").starts_with("Queue { len: 1, maxsize: 1, getters: 0, putters: 0,"));
            assert!(format!("{:?}", LifoQueue::<u8>::default()).starts_with("LifoQueue {"));
            assert!(format!("{:?}", PriorityQueue::<u8>::default()).starts_with("PriorityQueue {"));
        });
    }

    #[test]
    fn test_empty() {
        run(async {
            let queue = Queue::default();
            assert!(queue.is_empty());
            queue.put(1).await.unwrap();
            assert!(!queue.is_empty());
            assert_eq!(queue.len(), 1);
            assert_eq!(queue.get().await, Ok(1));
            assert!(queue.is_empty());
        });
    }

    #[test]
    fn test_full() {
        run(async {
            let endless = Queue::default();
            assert!(!endless.is_full());
            for n in 0..1_000 {
                endless.put(n).await.unwrap();
            }
            assert!(!endless.is_full());

            let queue = Queue::new(1);
            assert!(!queue.is_full());
            queue.put(1).await.unwrap();
            assert!(queue.is_full());
        });
    }

    #[test]
    fn test_order() {
        run(async {
            let queue = Queue::default();
            for item in [1, 3, 2] {
                queue.put(item).await.unwrap();
            }
            let items = [queue.get().await, queue.get().await, queue.get().await];
            assert_eq!(items, [Ok(1), Ok(3), Ok(2)]);
        });
    }

    #[test]
    fn test_maxsize() {
        run(async {
            let queue = Queue::new(2);
            assert_eq!(queue.maxsize(), 2);
            let was_put = Rc::new(RefCell::new(Vec::new()));
            let (full, puts) = (queue.clone(), Rc::clone(&was_put));
            let putter = create_task(async move {
                for item in 0..3 {
                    full.put(item).await.unwrap();
                    puts.borrow_mut().push(item);
                }
                true
            });
            run_briefly().await;
            run_briefly().await;
            assert_eq!(*was_put.borrow(), [0, 1], "the third waits for room");

            assert_eq!(queue.get().await, Ok(0));
            assert_eq!(*was_put.borrow(), [0, 1], "room is taken in a turn of its own");
            run_briefly().await;
            assert_eq!(*was_put.borrow(), [0, 1, 2]);
            assert_eq!(queue.get().await, Ok(1));
            assert_eq!(queue.get().await, Ok(2));
            assert!(putter.done());
            assert!(putter.await);
        });
    }
}

mod queue_get_tests {
    use super::*;

    #[test]
    fn test_blocking_get() {
        run(async {
            let queue = Queue::default();
            queue.put_nowait(1).unwrap();
            assert_eq!(queue.get().await, Ok(1));
        });
    }

    #[test]
    fn test_get_with_putters() {
        run(async {
            let queue = Queue::new(1);
            queue.put(1).await.unwrap();
            let putter = putting(&queue, 2);
            run_briefly().await;
            assert_eq!(waiting(&queue), (0, 1));

            assert_eq!(queue.get().await, Ok(1));
            assert_eq!(waiting(&queue), (0, 0), "who waits for room is woken by the get itself");
            assert_eq!(putter.await, Ok(()));
            assert_eq!(queue.get_nowait(), Ok(2));
        });
    }

    #[test]
    fn test_blocking_get_wait() {
        run(async {
            let (queue, started, start) = (Queue::default(), Event::new(), now());
            let finished = Rc::new(Cell::new(false));
            let (source, begins, ends) = (queue.clone(), started.clone(), Rc::clone(&finished));
            let getter = create_task(async move {
                begins.set();
                let item = source.get().await;
                ends.set(true);
                item
            });
            started.wait().await;
            assert!(!finished.get());
            EventLoop::current().call_later(SOON, move || queue.put_nowait(1).unwrap());
            assert_eq!(getter.await, Ok(1));
            assert!(finished.get());
            assert_eq!(now() - start, SOON);
        });
    }

    #[test]
    fn test_nonblocking_get() {
        let queue = Queue::default();
        queue.put_nowait(1).unwrap();
        assert_eq!(queue.get_nowait(), Ok(1));
    }

    #[test]
    fn test_nonblocking_get_exception() {
        assert_eq!(Queue::<()>::default().get_nowait(), Err(GetError::QueueEmpty));
    }

    #[test]
    fn test_get_cancelled_race() {
        run(async {
            let queue = Queue::default();
            let (first, second) = (getting(&queue), getting(&queue));
            run_briefly().await;
            first.cancel();
            run_briefly().await;
            assert!(first.cancelled());
            queue.put("a").await.unwrap();
            run_briefly().await;
            assert!(second.done(), "one turn is enough");
            assert_eq!(second.await, Ok("a"));
        });
    }

    #[test]
    fn test_get_with_waiting_putters() {
        run(async {
            let queue = Queue::new(1);
            let putters = [putting(&queue, "a"), putting(&queue, "b")];
            assert_eq!(queue.get().await, Ok("a"));
            assert_eq!(queue.get().await, Ok("b"));
            assert_eq!(gather(putters).await, [Ok(()), Ok(())]);
        });
    }

    #[test]
    fn test_why_are_getters_waiting() {
        run(async {
            let queue = Queue::new(1);
            let (source, target) = (queue.clone(), queue.clone());
            let both = task_group(async |g| {
                drop(g.create_task(async move {
                    for item in 0..5 {
                        target.put(item).await?;
                    }
                    Ok(())
                }));
                drop(g.create_task(async move {
                    for item in 0..5 {
                        assert_eq!(source.get().await, Ok(item));
                    }
                    Ok(())
                }));
                Ok::<_, QueueShutDown<i32>>(())
            });
            assert_eq!(both.await, Ok(()));
            assert!(queue.is_empty());
        });
    }

    #[test]
    fn test_cancelled_getters_not_being_held_in_self_getters() {
        run(async {
            let (queue, start) = (Queue::<()>::new(5), now());
            assert_eq!(wait_for(queue.get(), SOON).await, Err(TimeoutError));
            assert_eq!(now() - start, SOON);
            assert_eq!(waiting(&queue), (0, 0));
        });
    }
}

mod queue_put_tests {
    use super::*;

    #[test]
    fn test_blocking_put() {
        run(async {
            let queue = Queue::default();
            queue.put(1).await.unwrap();
            assert_eq!(queue.get().await, Ok(1));
        });
    }

    #[test]
    fn test_blocking_put_wait() {
        run(async {
            let (queue, started, start) = (Queue::new(1), Event::new(), now());
            let finished = Rc::new(Cell::new(false));
            let got = Rc::new(Cell::new(None));
            let (source, gets) = (queue.clone(), Rc::clone(&got));
            EventLoop::current().call_later(SOON, move || gets.set(source.get_nowait().ok()));
            let (target, begins, ends) = (queue.clone(), started.clone(), Rc::clone(&finished));
            let putter = create_task(async move {
                begins.set();
                target.put(1).await.unwrap();
                target.put(2).await.unwrap();
                ends.set(true);
            });
            started.wait().await;
            assert!(!finished.get());
            putter.await;
            assert!(finished.get());
            assert_eq!((got.get(), now() - start), (Some(1), SOON));
            assert_eq!(queue.get_nowait(), Ok(2));
        });
    }

    #[test]
    fn test_nonblocking_put() {
        let queue = Queue::default();
        assert_eq!(queue.put_nowait(1), Ok(()));
        assert_eq!(queue.get_nowait(), Ok(1));
    }

    #[test]
    fn test_get_cancel_drop_one_pending_reader() {
        run(async {
            let queue = Queue::default();
            let mut reader = getting(&queue);
            run_briefly().await;
            queue.put_nowait(1).unwrap();
            queue.put_nowait(2).unwrap();
            reader.cancel();
            assert!(reader.outcome().await.is_err());
            assert_eq!(getting(&queue).await, Ok(1), "the first item was not lost with its reader");
            assert_eq!(queue.len(), 1);
        });
    }

    #[test]
    fn test_get_cancel_drop_many_pending_readers() {
        run(async {
            let queue = Queue::default();
            let (mut first, second, third) = (getting(&queue), getting(&queue), getting(&queue));
            run_briefly().await;
            queue.put_nowait(1).unwrap();
            queue.put_nowait(2).unwrap();
            first.cancel();
            assert!(first.outcome().await.is_err());
            // the second was woken by the second item and takes its turn before the first hands its wake-up on
            assert_eq!(gather([second, third]).await, [Ok(1), Ok(2)]);
        });
    }

    #[test]
    fn test_put_cancel_drop() {
        run(async {
            let queue = Queue::new(1);
            queue.put_nowait(1).unwrap();
            let mut writer = putting(&queue, 2);
            run_briefly().await;
            assert_eq!(queue.get_nowait(), Ok(1));
            writer.cancel();
            assert!(writer.outcome().await.is_err());
            assert!(queue.is_empty(), "the cancelled put has put nothing");
            assert_eq!(putting(&queue, 2).await, Ok(()));
            assert_eq!(queue.get_nowait(), Ok(2));
            assert!(queue.is_empty());
        });
    }

    #[test]
    fn test_nonblocking_put_exception() {
        let queue = Queue::new(1);
        queue.put_nowait(1).unwrap();
        assert_eq!(queue.put_nowait(2), Err(PutError::QueueFull(2)));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn test_put_cancelled() {
        run(async {
            let queue = Queue::default();
            let target = queue.clone();
            let putter = create_task(async move {
                target.put(1).await.unwrap();
                true
            });
            assert_eq!(queue.get().await, Ok(1));
            assert!(putter.done());
            assert!(!putter.cancel(), "there is nothing left to cancel");
            assert!(putter.await);
        });
    }

    #[test]
    fn test_put_cancelled_race() {
        run(async {
            let queue = Queue::new(1);
            let (a, b, c) = (putting(&queue, "a"), putting(&queue, "b"), putting(&queue, "X"));
            run_briefly().await;
            assert!(a.done());
            assert!(!b.done());
            c.cancel();
            run_briefly().await;
            assert!(c.cancelled());
            assert_eq!(queue.get_nowait(), Ok("a"));
            run_briefly().await;
            assert_eq!(queue.get_nowait(), Ok("b"));
            assert_eq!(b.await, Ok(()));
            assert_eq!((queue.len(), waiting(&queue)), (0, (0, 0)));
        });
    }

    #[test]
    fn test_put_with_waiting_getters() {
        run(async {
            let queue = Queue::default();
            let getter = getting(&queue);
            run_briefly().await;
            queue.put("a").await.unwrap();
            assert_eq!(getter.await, Ok("a"));
        });
    }

    #[test]
    fn test_why_are_putters_waiting() {
        run(async {
            let queue = Queue::new(2);
            let source = queue.clone();
            let got = task_group(async |g| {
                let getter = g.create_task(async move {
                    run_briefly().await;
                    Ok((0..source.len()).map(|_| source.get_nowait().unwrap()).collect::<Vec<_>>())
                });
                for item in 0..4 {
                    let target = queue.clone();
                    drop(g.create_task(async move { target.put(item).await }));
                }
                Ok::<_, QueueShutDown<i32>>(getter.await)
            });
            assert_eq!(got.await, Ok(vec![0, 1]));
            assert_eq!([queue.get_nowait(), queue.get_nowait()], [Ok(2), Ok(3)]);
        });
    }

    #[test]
    fn test_cancelled_puts_not_being_held_in_self_putters() {
        run(async {
            let queue = Queue::new(1);
            queue.put_nowait(1).unwrap();
            let mut putter = putting(&queue, 1);
            run_briefly().await;
            assert_eq!(waiting(&queue), (0, 1));
            putter.cancel();
            assert!(putter.outcome().await.is_err());
            assert_eq!(waiting(&queue), (0, 0));
        });
    }

    #[test]
    fn test_cancelled_put_silence_value_error_exception() {
        run(async {
            let queue = Queue::new(1);
            queue.put_nowait(1).unwrap();
            let mut putter = putting(&queue, 1);
            run_briefly().await;
            // takes it out of the queue of waiters, so that there is nothing to leave when the cancellation comes
            assert_eq!(queue.get_nowait(), Ok(1));
            assert_eq!(waiting(&queue), (0, 0));
            putter.cancel();
            assert!(matches!(putter.outcome().await, Err(TaskError::Cancelled(_))));
            assert_eq!(waiting(&queue), (0, 0));
        });
    }
}

mod lifo_queue_tests {
    use super::*;

    #[test]
    fn test_order() {
        run(async {
            let queue = LifoQueue::default();
            for item in [1, 3, 2] {
                queue.put(item).await.unwrap();
            }
            let items = [queue.get().await, queue.get().await, queue.get().await];
            assert_eq!(items, [Ok(2), Ok(3), Ok(1)]);
        });
    }
}

mod priority_queue_tests {
    use super::*;

    #[test]
    fn test_order() {
        run(async {
            let queue = PriorityQueue::default();
            for item in [1, 3, 2] {
                queue.put(item).await.unwrap();
            }
            let items = [queue.get().await, queue.get().await, queue.get().await];
            assert_eq!(items, [Ok(1), Ok(2), Ok(3)]);
        });
    }
}

mod queue_join_test_mixin {
    use super::*;

    #[test]
    fn test_task_done_underflow() {
        with_each_kind!(Kind, async {
            let queue = Kind::<u8>::default();
            assert_eq!(queue.task_done(), Err(TaskDoneError));
            queue.put_nowait(1).unwrap();
            assert_eq!(queue.task_done(), Ok(()));
            assert_eq!(queue.task_done(), Err(TaskDoneError));
        });
    }

    #[test]
    fn test_task_done() {
        with_each_kind!(Kind, async {
            let queue = Kind::default();
            for item in 0..100 {
                queue.put_nowait(item).unwrap();
            }
            let (sum, running) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(true)));
            let workers = [(); 2].map(|()| {
                let (queue, sum, running) = (queue.clone(), Rc::clone(&sum), Rc::clone(&running));
                create_task(async move {
                    while running.get() {
                        sum.set(sum.get() + queue.get().await.unwrap());
                        queue.task_done().unwrap();
                    }
                })
            });
            queue.join().await;
            assert_eq!(sum.get(), (0..100).sum());
            assert!(workers.iter().all(|worker| !worker.done()));

            running.set(false);
            for _ in &workers {
                queue.put_nowait(0).unwrap();
            }
            gather(workers).await;
            assert_eq!(queue.task_done(), Err(TaskDoneError));
        });
    }

    #[test]
    fn test_join_empty_queue() {
        with_each_kind!(Kind, async {
            let queue = Kind::<u8>::default();
            let turns = Rc::new(Cell::new(0));
            let counts = Rc::clone(&turns);
            EventLoop::current().call_soon(move || counts.set(1));
            queue.join().await;
            queue.join().await;
            assert_eq!(turns.get(), 0, "it takes no turn");
        });
    }

    #[test]
    fn test_format() {
        with_each_kind!(Kind, async {
            let queue = Kind::default();
            let shown = format!("{queue:?}");
            assert!(shown.ends_with("{ len: 0, maxsize: 0, getters: 0, putters: 0, unfinished: 0, shutdown: false }"));
            for item in 0..2 {
                queue.put(item).await.unwrap();
                queue.get().await.unwrap();
            }
            assert!(format!("{queue:?}").ends_with("unfinished: 2, shutdown: false }"));
        });
    }
}

mod queue_shutdown_test_mixin {
    use super::*;

    #[test]
    fn test_format() {
        with_each_kind!(Kind, async {
            let queue = Kind::<u8>::default();
            queue.shutdown();
            assert!(format!("{queue:?}").ends_with("unfinished: 0, shutdown: true }"));
        });
    }

    #[test]
    fn test_shutdown_empty() {
        with_each_kind!(Kind, async {
            let queue = Kind::default();
            let source = queue.clone();
            let getter = create_task(async move { source.get().await });
            run_briefly().await;
            queue.shutdown();
            assert_eq!(queue.len(), 0);
            queue.join().await;
            assert!(!getter.done(), "joining took no turn");
            run_briefly().await;
            assert!(getter.done());
            assert_eq!(getter.await, Err(QueueShutDown(())));
            assert_is_shut_down_and_empty!(queue);
        });
    }

    #[test]
    fn test_shutdown_nonempty() {
        with_each_kind!(Kind, async {
            let queue = Kind::new(1);
            queue.put_nowait("data").unwrap();
            let (done, target) = (queue.clone(), queue.clone());
            let joiner = create_task(async move { done.join().await });
            let putter = create_task(async move { target.put("data2").await });
            run_briefly().await;
            assert!(!putter.done());

            queue.shutdown();
            assert_eq!(queue.len(), 1);
            run_briefly().await;
            assert!(putter.done());
            assert_eq!(putter.await, Err(QueueShutDown("data2")));

            assert_eq!(queue.get().await, Ok("data"));
            run_briefly().await;
            assert!(!joiner.done());
            assert_is_shut_down_and_empty!(queue);

            assert_eq!(queue.task_done(), Ok(()));
            run_briefly().await;
            assert!(joiner.done());
            joiner.await;
            assert_eq!(queue.task_done(), Err(TaskDoneError));
        });
    }

    #[test]
    fn test_shutdown_immediate() {
        with_each_kind!(Kind, async {
            let queue = Kind::default();
            queue.put_nowait("data").unwrap();
            let done = queue.clone();
            let joiner = create_task(async move { done.join().await });
            run_briefly().await;
            assert!(!joiner.done());

            assert_eq!(queue.shutdown_immediate(), ["data"]);
            assert_eq!(queue.len(), 0);
            run_briefly().await;
            assert!(joiner.done());
            joiner.await;
            assert_is_shut_down_and_empty!(queue);
            assert_eq!(queue.task_done(), Err(TaskDoneError));
        });
    }

    #[test]
    fn test_shutdown_immediate_with_unfinished() {
        with_each_kind!(Kind, async {
            let queue = Kind::default();
            queue.put_nowait("data").unwrap();
            queue.put_nowait("data").unwrap();
            let done = queue.clone();
            let joiner = create_task(async move { done.join().await });
            assert_eq!(queue.get().await, Ok("data"));
            run_briefly().await;

            assert_eq!(queue.shutdown_immediate(), ["data"]);
            assert_eq!(queue.len(), 0);
            run_briefly().await;
            assert!(!joiner.done());
            assert_is_shut_down_and_empty!(queue);

            assert_eq!(queue.task_done(), Ok(()));
            assert_eq!(queue.task_done(), Err(TaskDoneError));
            run_briefly().await;
            assert!(joiner.done());
            joiner.await;
        });
    }
}
