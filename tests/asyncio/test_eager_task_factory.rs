//! CPython's `test_eager_task_factory.py`: a loop whose tasks take their first step where they are made.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;

use oneloop::{
    Attempt, Clock, ContextVar, Error, EventLoop, GroupError, TaskError, all_tasks, create_future, create_task,
    current_task, gather, sleep, staggered_race, task_group,
};

use crate::support::{ms, run, virtual_loop};

fn eager_loop() -> EventLoop {
    EventLoop::builder().clock(Clock::Virtual).eager_tasks(true).build().unwrap()
}

fn run_eagerly<F: Future>(main: F) -> F::Output {
    eager_loop().run_until_complete(main).unwrap()
}

mod eager_task_factory_loop_tests {
    use super::*;

    #[test]
    fn test_eager_task_factory_set() {
        let lp = virtual_loop();
        assert!(!lp.eager_tasks());
        lp.set_eager_tasks(true);
        assert!(lp.eager_tasks());
        lp.run_until_complete(async { create_task(async {}).await }).unwrap();
    }

    #[test]
    fn test_await_future_during_eager_step() {
        let value = run_eagerly(async {
            let future = create_future();
            let settled = future.clone();
            let task = create_task(async move { settled.set_result("my message").unwrap() });
            assert!(task.done());
            future.await
        });
        assert_eq!(value, "my message");
    }

    #[test]
    fn test_eager_completion() {
        let value = run_eagerly(async {
            let task = create_task(async { "hello" });
            assert!(task.done());
            task.await
        });
        assert_eq!(value, "hello");
    }

    #[test]
    fn test_block_after_eager_step() {
        run_eagerly(async {
            let mut task = create_task(async {
                sleep(ms(100)).await;
                "finished after blocking"
            });
            assert!(!task.done());
            assert_eq!((&mut task).await, "finished after blocking");
            assert!(task.done());
        });
    }

    #[test]
    fn test_cancellation_after_eager_completion() {
        run_eagerly(async {
            let mut task = create_task(async { "finished without blocking" });
            assert!(!task.cancel());
            assert_eq!((&mut task).await, "finished without blocking");
            assert!(!task.cancelled());
        });
    }

    #[test]
    fn test_cancellation_after_eager_step_blocks() {
        let ended = eager_loop().run_until_complete(async {
            let task = create_task(sleep(ms(100)));
            task.cancel_with("cancellation message");
            assert!(task.cancelling() > 0);
            task.await;
        });
        assert!(matches!(ended, Err(Error::Cancelled(c)) if c.message() == Some("cancellation message")));
    }

    #[test]
    fn test_current_task() {
        run_eagerly(async {
            let seen = Rc::new(RefCell::new(None));
            let put = Rc::clone(&seen);
            let task = create_task(async move {
                let me = current_task().unwrap();
                *put.borrow_mut() = Some(me.clone());
                sleep(ms(100)).await;
                assert_eq!(current_task().unwrap(), me);
            });
            assert_eq!(*seen.borrow(), Some(task.handle()));
            task.await;
        });
    }

    #[test]
    fn test_all_tasks_with_eager_completion() {
        run_eagerly(async {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let put = Rc::clone(&seen);
            let task = create_task(async move { *put.borrow_mut() = all_tasks() });
            assert!(seen.borrow().contains(&task.handle()));
            assert!(!all_tasks().contains(&task.handle()));
        });
    }

    #[test]
    fn test_all_tasks_with_blocking() {
        run_eagerly(async {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let (first, second) = (create_future::<()>(), create_future::<()>());
            let (put, awaited, settled) = (Rc::clone(&seen), first.clone(), second.clone());
            let task = create_task(async move {
                *put.borrow_mut() = all_tasks();
                awaited.await;
                settled.set_result(()).unwrap();
            });
            assert!(seen.borrow().contains(&task.handle()));
            assert!(all_tasks().contains(&task.handle()));
            first.set_result(()).unwrap();
            second.await;
            assert!(!all_tasks().contains(&task.handle()));
        });
    }

    #[test]
    fn test_context_vars() {
        static CV: ContextVar<u32> = ContextVar::new("cv");
        run_eagerly(async {
            let steps = Rc::new(Cell::new(0));
            let counted = Rc::clone(&steps);
            CV.set(1);
            let task = create_task(async move {
                assert_eq!(CV.get(), Some(1));
                CV.set(2);
                counted.set(1);
                sleep(ms(100)).await;
                assert_eq!(CV.get(), Some(2));
                CV.set(3);
                counted.set(2);
            });
            assert_eq!((steps.get(), CV.get()), (1, Some(1)));
            task.await;
            assert_eq!((steps.get(), CV.get()), (2, Some(1)));
        });
    }

    #[test]
    fn test_staggered_race_with_eager_tasks() {
        run_eagerly(async {
            let starts = [(1, 200), (2, 100), (0, 0)].map(|(n, nap)| {
                move || async move {
                    sleep(ms(nap)).await;
                    if n == 0 { Err("fails") } else { Ok(n) }
                }
            });
            let race = staggered_race(starts, ms(50)).await;
            // the second begins 50 ms after the first, and needs 100 less
            assert_eq!(race.winner, Some((1, 2)));
            assert_eq!(race.attempts, [Attempt::Cancelled, Attempt::Won, Attempt::Failed("fails")]);
        });
    }

    #[test]
    fn test_staggered_race_with_eager_tasks_no_delay() {
        run_eagerly(async {
            let starts = [Err("fails"), Ok(1), Ok(2)].map(|ended| move || async move { ended });
            let race = staggered_race(starts, None).await;
            assert_eq!(race.winner, Some((1, 1)));
            assert_eq!(race.attempts, [Attempt::Failed("fails"), Attempt::Won]);
        });
    }

    /// CPython asks whether the coroutine of a task that has ended eagerly is given up. Here it is dropped.
    #[test]
    fn test_issue122332() {
        run_eagerly(async {
            let kept = Rc::new(());
            let held = Rc::clone(&kept);
            let task = create_task(async move {
                assert_eq!(Rc::strong_count(&held), 2);
            });
            assert_eq!(Rc::strong_count(&kept), 1);
            task.await;
        });
    }
}

mod default_task_factory_eager_start {
    use super::*;

    #[test]
    fn test_eager_start_true_with_default_factory() {
        run(async {
            let me = current_task().unwrap();
            let task = create_task(async move {
                let inner = current_task().unwrap();
                assert_ne!(inner, me);
                sleep(ms(1)).await;
                assert_eq!(current_task().unwrap(), inner);
                "inner"
            });
            let mut task = task.eager();
            assert!(matches!(task.result(), Err(TaskError::NotDone)));
            assert_eq!((&mut task).await, "inner");
        });
    }

    /// For a task alone there is no way back from the loop's setting: that is changed for the time of its making.
    #[test]
    fn test_eager_start_false() {
        run_eagerly(async {
            let lp = EventLoop::current();
            lp.set_eager_tasks(false);
            let task = create_task(async { 1 });
            lp.set_eager_tasks(true);
            assert!(!task.done());
            assert_eq!(task.await, 1);
        });
    }
}

mod base_task_counting_tests {
    use super::*;

    type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

    /// How many were not done when they were made.
    type Waited = Rc<Cell<usize>>;

    fn awaitable_chain(depth: u32) -> Boxed<u32> {
        Box::pin(async move { if depth == 0 { 0 } else { 1 + awaitable_chain(depth - 1).await } })
    }

    fn recursive_taskgroups(waited: Waited, width: u32, depth: u32) -> Boxed<()> {
        Box::pin(async move {
            if depth == 0 {
                return;
            }
            let ended: Result<(), GroupError<()>> = task_group(async |group| {
                for _ in 0..width {
                    let inner = Rc::clone(&waited);
                    let task = group.create_task(async move {
                        recursive_taskgroups(inner, width, depth - 1).await;
                        Ok(())
                    });
                    waited.set(waited.get() + usize::from(!task.done()));
                }
                Ok(())
            })
            .await;
            assert!(ended.is_ok());
        })
    }

    fn recursive_gather(waited: Waited, width: u32, depth: u32) -> Boxed<()> {
        Box::pin(async move {
            if depth == 0 {
                return;
            }
            let gathering = gather((0..width).map(|_| recursive_gather(Rc::clone(&waited), width, depth - 1)));
            waited.set(waited.get() + usize::from(!gathering.done()));
            gathering.await;
        })
    }

    #[test]
    fn test_awaitables_chain() {
        for lp in [virtual_loop(), eager_loop()] {
            assert_eq!(lp.run_until_complete(awaitable_chain(100)).unwrap(), 100);
        }
    }

    #[test]
    fn test_recursive_taskgroups() {
        // each group of eager children waits once for its last child's entry, so tasks above the lowest do not end at
        // once
        for (lp, expected) in [(virtual_loop(), 5 + 25 + 125 + 625), (eager_loop(), 5 + 25 + 125)] {
            let waited = Waited::default();
            lp.run_until_complete(recursive_taskgroups(Rc::clone(&waited), 5, 4)).unwrap();
            assert_eq!(waited.get(), expected);
        }
    }

    #[test]
    fn test_recursive_gather() {
        // a gathering of children that are done is done
        for (lp, expected) in [(virtual_loop(), 1 + 5 + 25 + 125), (eager_loop(), 0)] {
            let waited = Waited::default();
            lp.run_until_complete(recursive_gather(Rc::clone(&waited), 5, 4)).unwrap();
            assert_eq!(waited.get(), expected);
        }
    }
}
