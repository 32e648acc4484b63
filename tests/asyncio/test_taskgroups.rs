//! CPython's `test_taskgroups.py`.

use std::cell::{Cell, RefCell};
use std::future::Future as _;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use oneloop::{
    GroupError, Task, TaskError, TaskGroup, TaskHandle, all_tasks, catch_cancelled, create_future, create_task, sleep,
    task_group, yield_now,
};

use crate::support::{me, ms, now, panic_of, reports, virtual_loop};

type Errors = GroupError<&'static str>;
type Ended<R> = Result<R, Errors>;

/// Runs `main` on a virtual clock. Nothing may be reported, and no task be left when it ends.
fn run_clean<F: Future>(main: F) -> F::Output {
    let lp = virtual_loop();
    let reports = reports(&lp);
    let output = lp.run_until_complete(main).expect("main comes to its end");
    {
        let _in = lp.enter();
        assert!(all_tasks().is_empty(), "{:?}", all_tasks());
    }
    drop(lp);
    assert!(reports.borrow().is_empty(), "{reports:?}");
    output
}

/// How often something happened.
#[derive(Clone, Default)]
struct Count(Rc<Cell<u32>>);

impl Count {
    fn add(&self, n: u32) {
        self.0.set(self.0.get() + n);
    }

    fn get(&self) -> u32 {
        self.0.get()
    }
}

/// Where a body leaves the handles of its tasks.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<TaskHandle>>>);

impl Kept {
    fn keep<T: 'static>(&self, task: &Task<T>) {
        self.0.borrow_mut().push(task.handle());
    }

    fn all_cancelled(&self) -> bool {
        let tasks = self.0.borrow();
        assert!(!tasks.is_empty(), "nothing was kept");
        tasks.iter().all(|task| task.cancelled())
    }
}

/// Returns `value` when the time has passed.
async fn after<V, E>(time: Duration, value: V) -> Result<V, E> {
    sleep(time).await;
    Ok(value)
}

/// Fails when the time has passed.
async fn crash_after<E>(time: Duration, error: E) -> Result<(), E> {
    sleep(time).await;
    Err(error)
}

/// Sleeps; if it is cancelled, counts `n` and raises it on.
async fn count_cancellation<E>(time: Duration, n: u32, count: Count) -> Result<(), E> {
    match catch_cancelled(sleep(time)).await {
        Ok(()) => Ok(()),
        Err(cancelled) => {
            count.add(n);
            cancelled.reraise().await
        }
    }
}

/// Sleeps and then fails, also if it is cancelled: `try: sleep()` / `finally: raise`.
async fn crash_finally<E>(time: Duration, error: E) -> Result<(), E> {
    drop(catch_cancelled(sleep(time)).await);
    Err(error)
}

/// What a group gives that ends with errors under a cancellation. That comes at the next await, which is here: it would
/// end the task else, and an error that a cancelled task returns is lost like any value.
async fn ended_under_a_cancellation<T>(group: impl Future<Output = T>) -> T {
    let ended = group.await;
    assert!(catch_cancelled(yield_now()).await.is_err(), "the cancellation is still to come");
    assert!(catch_cancelled(yield_now()).await.is_ok(), "and comes once");
    ended
}

/// Lets a task run for 100 ms, in which it must not end, and cancels it.
async fn cancel_after_100_ms<T>(task: &Task<T>)
where
    T: 'static,
{
    sleep(ms(100)).await;
    assert!(!task.done());
    assert!(task.cancel());
    assert_eq!(task.cancelling(), 1);
}

/// Awaits a task that must end cancelled.
async fn await_cancelled<T: 'static>(mut task: Task<T>) {
    assert!(matches!(task.outcome().await, Err(TaskError::Cancelled(_))));
    assert!(task.cancelled());
    assert!(catch_cancelled(task).await.is_err());
    assert_eq!(me().cancelling(), 0, "only the task was cancelled");
}

mod base_test_task_group {
    use super::*;

    #[test]
    fn test_taskgroup_01() {
        run_clean(async {
            let start = now();
            let ended: Ended<_> = task_group(async |g| {
                let one = g.create_task(after(ms(100), 42));
                let two = g.create_task(after(ms(200), 11));
                Ok((one, two))
            })
            .await;
            assert_eq!(now() - start, ms(200));
            let (one, two) = ended.expect("all goes well");
            assert_eq!((one.result().ok(), two.result().ok()), (Some(42), Some(11)));
        });
    }

    #[test]
    fn test_taskgroup_02() {
        run_clean(async {
            let start = now();
            let ended: Ended<_> = task_group(async |g| {
                let one = g.create_task(after(ms(100), 42));
                sleep(ms(150)).await;
                let two = g.create_task(after(ms(200), 11));
                Ok((one, two))
            })
            .await;
            assert_eq!(now() - start, ms(350));
            let (one, two) = ended.expect("all goes well");
            assert_eq!((one.result().ok(), two.result().ok()), (Some(42), Some(11)));
        });
    }

    #[test]
    fn test_taskgroup_03() {
        run_clean(async {
            let start = now();
            let ended: Ended<_> = task_group(async |g| {
                let one = g.create_task(after(ms(1_000), 42));
                sleep(ms(150)).await;
                assert!(one.cancel());
                let two = g.create_task(after(ms(200), 11));
                Ok((one, two))
            })
            .await;
            assert_eq!((now() - start, me().cancelling()), (ms(350), 0));
            let (one, two) = ended.expect("a cancelled child is no failure");
            assert!(one.cancelled());
            assert_eq!(two.result().ok(), Some(11));
        });
    }

    #[test]
    fn test_taskgroup_04() {
        run_clean(async {
            let (start, cancelled, sibling, reached) = (now(), Count::default(), Kept::default(), Count::default());
            let (count, kept, mark) = (cancelled.clone(), sibling.clone(), reached.clone());
            let runner = create_task(async move {
                let ended: Ended<()> = task_group(async |g| {
                    g.create_task(crash_after(ms(100), "crash"));
                    let mark = mark.clone();
                    kept.keep(&g.create_task(async move {
                        count_cancellation(ms(1_000), 1, count).await?;
                        mark.add(1);
                        Ok(())
                    }));
                    Ok(())
                })
                .await;
                ended?;
                mark.add(10);
                Ok(())
            });
            assert_eq!(runner.await.map_err(|error: Errors| error.errors), Err(vec!["crash"]));
            assert_eq!(now() - start, ms(100));
            assert_eq!((reached.get(), cancelled.get(), sibling.all_cancelled()), (0, 1, true));
        });
    }

    #[test]
    fn test_cancel_children_on_child_error() {
        run_clean(async {
            let (start, child, body, reached) = (now(), Count::default(), Count::default(), Count::default());
            let (child_count, body_count, mark) = (child.clone(), body.clone(), reached.clone());
            let runner = create_task(async move {
                let ended: Ended<()> = task_group(async |g| {
                    for _ in 0..3 {
                        g.create_task(crash_after(ms(100), "crash"));
                    }
                    let mark = mark.clone();
                    g.create_task(async move {
                        count_cancellation(ms(5_000), 1, child_count).await?;
                        mark.add(1);
                        Ok(())
                    });
                    count_cancellation(ms(10_000), 1, body_count).await
                })
                .await;
                ended?;
                mark.add(10);
                Ok(())
            });
            let ended: Ended<()> = runner.await;
            assert_eq!(ended.unwrap_err().errors, ["crash"; 3]);
            assert_eq!((now() - start, reached.get(), child.get(), body.get()), (ms(100), 0, 1, 1));
        });
    }

    #[test]
    fn test_cancellation() {
        run_clean(async {
            let (start, cancelled) = (now(), Count::default());
            let count = cancelled.clone();
            let runner = create_task(task_group(async move |g: &TaskGroup<&str>| {
                for _ in 0..5 {
                    g.create_task(count_cancellation(ms(5_000), 1, count.clone()));
                }
                Ok(())
            }));
            cancel_after_100_ms(&runner).await;
            await_cancelled(runner).await;
            assert_eq!((cancelled.get(), now() - start), (5, ms(100)));
        });
    }

    #[test]
    fn test_taskgroup_07() {
        run_clean(async {
            let (start, cancelled) = (now(), Count::default());
            let count = cancelled.clone();
            let runner = create_task(task_group(async move |g: &TaskGroup<&str>| {
                for _ in 0..5 {
                    g.create_task(count_cancellation(ms(5_000), 1, count.clone()));
                }
                count_cancellation(ms(10_000), 10, count).await
            }));
            cancel_after_100_ms(&runner).await;
            await_cancelled(runner).await;
            assert_eq!((cancelled.get(), now() - start), (15, ms(100)));
        });
    }

    #[test]
    fn test_taskgroup_08() {
        run_clean(async {
            let start = now();
            let runner = create_task(ended_under_a_cancellation(task_group(async |g: &TaskGroup<&str>| {
                for _ in 0..5 {
                    g.create_task(crash_finally(ms(10_000), "crash"));
                }
                sleep(ms(10_000)).await;
                Ok(())
            })));
            cancel_after_100_ms(&runner).await;
            let handle = runner.handle();
            assert_eq!(runner.await.unwrap_err().errors, ["crash"; 5]);
            assert_eq!((now() - start, handle.cancelling()), (ms(100), 1));
        });
    }

    #[test]
    fn test_taskgroup_09() {
        run_clean(async {
            let (start, children) = (now(), Kept::default());
            let ended: Ended<()> = task_group(async |g| {
                children.keep(&g.create_task(after(ms(1_000), 42)));
                children.keep(&g.create_task(after(ms(2_000), 11)));
                sleep(ms(100)).await;
                Err("crash")
            })
            .await;
            assert_eq!((ended.unwrap_err().errors, now() - start), (vec!["crash"], ms(100)));
            assert!(children.all_cancelled());
            assert_eq!(me().cancelling(), 0);
        });
    }

    #[test]
    fn test_taskgroup_10() {
        run_clean(async {
            let (start, children, began) = (now(), Kept::default(), Count::default());
            let ended: Ended<()> = task_group(async |g| {
                for _ in 0..2 {
                    let began = began.clone();
                    children.keep(&g.create_task(async move {
                        began.add(1);
                        after(ms(1_000), 42).await
                    }));
                }
                Err("crash")
            })
            .await;
            assert_eq!((ended.unwrap_err().errors, now() - start), (vec!["crash"], ms(0)));
            assert!(children.all_cancelled());
            assert_eq!((began.get(), me().cancelling()), (0, 0));
        });
    }

    /// A group whose body and five children wait until they are cancelled, at which the children fail.
    async fn inner_group() -> Ended<()> {
        task_group(async |inner| {
            for _ in 0..5 {
                inner.create_task(crash_finally(ms(10_000), "crash"));
            }
            sleep(ms(10_000)).await;
            Ok(())
        })
        .await
    }

    #[test]
    fn test_taskgroup_11() {
        run_clean(async {
            let start = now();
            let runner =
                create_task(ended_under_a_cancellation(task_group(async |_: &TaskGroup<Errors>| inner_group().await)));
            cancel_after_100_ms(&runner).await;
            let errors = runner.await.unwrap_err().errors;
            assert_eq!((errors.len(), now() - start), (1, ms(100)));
            assert_eq!(errors[0].errors, ["crash"; 5]);
        });
    }

    #[test]
    fn test_taskgroup_12() {
        run_clean(async {
            let (start, sleeper) = (now(), Kept::default());
            let kept = sleeper.clone();
            let runner = create_task(ended_under_a_cancellation(task_group(async move |g: &TaskGroup<Errors>| {
                kept.keep(&g.create_task(after(ms(10_000), ())));
                inner_group().await
            })));
            cancel_after_100_ms(&runner).await;
            let errors = runner.await.unwrap_err().errors;
            assert_eq!((errors.len(), now() - start), (1, ms(100)));
            assert_eq!(errors[0].errors, ["crash"; 5]);
            assert!(sleeper.all_cancelled());
        });
    }

    /// A group in another, each with one child that fails after its time.
    async fn two_groups(outer: Duration, inner: Duration, children: Kept) -> Result<(), GroupError<Failure>> {
        task_group(async |g1| {
            children.keep(&g1.create_result_task(crash_after(outer, Failure::Crash("outer"))));
            let nested: Ended<()> = task_group(async |g2| {
                children.keep(&g2.create_result_task(crash_after(inner, "inner")));
                Ok(())
            })
            .await;
            nested.map_err(|error| Failure::Group(error.errors))
        })
        .await
    }

    #[derive(Clone, Debug, PartialEq)]
    enum Failure {
        Crash(&'static str),
        Group(Vec<&'static str>),
    }

    #[test]
    fn test_taskgroup_13() {
        run_clean(async {
            let (start, children) = (now(), Kept::default());
            let runner = create_task(two_groups(ms(100), ms(10_000), children.clone()));
            let handle = runner.handle();
            assert_eq!(runner.await.unwrap_err().errors, [Failure::Crash("outer")]);
            assert_eq!((now() - start, handle.cancelling()), (ms(100), 0));
            let children = children.0.take();
            assert_eq!(children.iter().map(|child| child.cancelled()).collect::<Vec<_>>(), [false, true]);
        });
    }

    #[test]
    fn test_taskgroup_14() {
        run_clean(async {
            let (start, children) = (now(), Kept::default());
            let runner = create_task(two_groups(ms(10_000), ms(100), children.clone()));
            let handle = runner.handle();
            assert_eq!(runner.await.unwrap_err().errors, [Failure::Group(vec!["inner"])]);
            assert_eq!((now() - start, handle.cancelling()), (ms(100), 0));
            let children = children.0.take();
            assert_eq!(children.iter().map(|child| child.cancelled()).collect::<Vec<_>>(), [true, false]);
        });
    }

    /// A group whose child fails after 300 ms, while the body, cancelled at 100 ms, cleans up until 600 ms.
    async fn crash_in_the_cleanup(cleaned_up: Count) -> Ended<()> {
        task_group(async |g| {
            g.create_task(crash_after(ms(300), "crash"));
            let cancelled = catch_cancelled(sleep(ms(10_000))).await.unwrap_err();
            sleep(ms(500)).await;
            cleaned_up.add(1);
            cancelled.reraise().await
        })
        .await
    }

    #[test]
    fn test_taskgroup_15() {
        run_clean(async {
            let (start, cleaned_up) = (now(), Count::default());
            let runner = create_task(ended_under_a_cancellation(crash_in_the_cleanup(cleaned_up.clone())));
            cancel_after_100_ms(&runner).await;
            let handle = runner.handle();
            assert_eq!(runner.await.unwrap_err().errors, ["crash"]);
            assert_eq!((now() - start, handle.cancelling()), (ms(300), 1));
            assert_eq!(cleaned_up.get(), 0, "the group cancels the clean-up too");
        });
    }

    #[test]
    fn test_taskgroup_16() {
        run_clean(async {
            let (start, cleaned_up, nested) = (now(), Count::default(), Kept::default());
            let (count, kept) = (cleaned_up.clone(), nested.clone());
            let runner = create_task(async move {
                let task = create_task(ended_under_a_cancellation(crash_in_the_cleanup(count)));
                kept.keep(&task);
                task.await
            });
            cancel_after_100_ms(&runner).await;
            let handle = runner.handle();
            assert_eq!(runner.await.unwrap_err().errors, ["crash"]);
            assert_eq!((now() - start, cleaned_up.get()), (ms(300), 0));
            let nested = nested.0.take();
            assert_eq!((handle.cancelling(), nested[0].cancelling()), (1, 1), "it was handed on");
            assert!(!handle.cancelled() && !nested[0].cancelled());
        });
    }

    #[test]
    fn test_taskgroup_17() {
        run_clean(async {
            let (start, cancelled) = (now(), Count::default());
            let count = cancelled.clone();
            let runner = create_task(task_group(async move |_: &TaskGroup<&str>| {
                count_cancellation(ms(10_000), 10, count).await
            }));
            cancel_after_100_ms(&runner).await;
            await_cancelled(runner).await;
            assert_eq!((cancelled.get(), now() - start), (10, ms(100)));
        });
    }

    #[test]
    fn test_taskgroup_18() {
        run_clean(async {
            let (start, cancelled) = (now(), Count::default());
            let count = cancelled.clone();
            let runner = create_task(ended_under_a_cancellation(task_group(async move |_: &TaskGroup<&str>| {
                assert!(catch_cancelled(sleep(ms(10_000))).await.is_err());
                count.add(10);
                Err::<(), _>("mine")
            })));
            cancel_after_100_ms(&runner).await;
            assert_eq!(runner.await.unwrap_err().errors, ["mine"]);
            assert_eq!((cancelled.get(), now() - start), (10, ms(100)));
        });
    }

    #[test]
    fn test_taskgroup_19() {
        run_clean(async {
            let start = now();
            let runner = create_task(task_group(async |g| {
                g.create_task(crash_after(ms(100), "crash"));
                crash_finally(ms(10_000), "mine").await
            }));
            let handle = runner.handle();
            assert_eq!(runner.await.unwrap_err().errors, ["crash", "mine"]);
            assert_eq!((now() - start, handle.cancelling()), (ms(100), 0));
        });
    }

    /// How a task ends that panics.
    async fn panic_message<T: 'static>(mut task: Task<T>) -> String {
        match task.outcome().await {
            Err(TaskError::Panicked(panic)) => panic.message().to_owned(),
            ended => panic!("{:?}", ended.map(|_| "a value")),
        }
    }

    #[test]
    fn test_taskgroup_20() {
        run_clean(async {
            let start = now();
            let runner = create_task(task_group(async |g: &TaskGroup<&str>| {
                g.create_task(crash_after(ms(100), "crash"));
                crash_finally(ms(10_000), "mine").await.unwrap();
                Ok(())
            }));
            let text = panic_message(runner).await;
            assert!(text.contains("mine") && !text.contains("crash"), "{text}");
            assert_eq!(now() - start, ms(100));
        });
    }

    #[test]
    fn test_taskgroup_21a() {
        run_clean(async {
            let start = now();
            let runner = create_task(task_group(async |g: &TaskGroup<&str>| {
                g.create_task(async {
                    crash_after(ms(100), "crash").await.unwrap();
                    Ok(())
                });
                crash_finally(ms(10_000), "mine").await
            }));
            let text = panic_message(runner).await;
            assert!(text.contains("crash") && !text.contains("mine"), "{text}");
            assert_eq!(now() - start, ms(100));
        });
    }

    #[test]
    fn test_taskgroup_22() {
        run_clean(async {
            let (start, children) = (now(), Kept::default());
            let kept = children.clone();
            let runner = create_task(task_group(async move |g: &TaskGroup<&str>| {
                kept.keep(&g.create_task(after(ms(1_000), 42)));
                kept.keep(&g.create_task(after(ms(2_000), 11)));
                Ok(())
            }));
            sleep(ms(50)).await;
            assert!(runner.cancel());
            await_cancelled(runner).await;
            assert_eq!(now() - start, ms(50));
            assert!(children.all_cancelled());
        });
    }

    #[test]
    fn test_taskgroup_23() {
        run_clean(async {
            let (start, alive) = (now(), Rc::new(()));
            let tasks = |g: &TaskGroup<&'static str>, n: usize| {
                assert_eq!(format!("{g:?}"), format!("TaskGroup {{ tasks: {n}, .. }}"));
            };
            let ended: Ended<()> = task_group(async |g| {
                for count in 0..10 {
                    sleep(ms(100)).await;
                    let held = Rc::clone(&alive);
                    g.create_task(async move {
                        sleep(ms(300)).await;
                        drop(held);
                        Ok(())
                    });
                    // the one of 300 ms ago has left: its end takes no turn while others run
                    tasks(g, (count + 1).min(3));
                    assert_eq!(Rc::strong_count(&alive), 1 + (count + 1).min(3));
                }
                sleep(ms(1_350)).await;
                tasks(g, 0);
                assert_eq!((all_tasks().len(), Rc::strong_count(&alive)), (1, 1));
                Ok(())
            })
            .await;
            assert_eq!((ended, now() - start), (Ok(()), ms(2_350)));
        });
    }

    #[test]
    fn test_taskgroup_24() {
        run_clean(async {
            let (start, ended) = (now(), Count::default());
            let child = |time, count: Count| async move {
                sleep(time).await;
                count.add(1);
                Ok(())
            };
            let group: Ended<()> = task_group(async |g| {
                let (group, count) = (g.clone(), ended.clone());
                g.create_task(async move {
                    sleep(ms(100)).await;
                    group.create_task(child(ms(100), count.clone()));
                    group.create_task(child(ms(200), count));
                    Ok(())
                });
                Ok(())
            })
            .await;
            assert_eq!((group, ended.get(), now() - start), (Ok(()), 2, ms(300)));
        });
    }

    /// A child that makes two of its kind every 10 ms.
    fn hydra(g: &TaskGroup<&'static str>, heads: &Count) {
        let (group, heads) = (g.clone(), heads.clone());
        g.create_task(async move {
            heads.add(1);
            assert!(heads.get() < 100, "it is not stopped");
            sleep(ms(10)).await;
            hydra(&group, &heads);
            hydra(&group, &heads);
            Ok(())
        });
    }

    #[test]
    fn test_taskgroup_25() {
        run_clean(async {
            let (start, heads) = (now(), Count::default());
            let ended: Ended<()> = task_group(async |g| {
                hydra(g, &heads);
                let heads = heads.clone();
                g.create_task(async move {
                    while heads.get() < 10 {
                        sleep(ms(15)).await;
                    }
                    Err::<(), _>("cut")
                });
                Ok(())
            })
            .await;
            assert_eq!(ended.unwrap_err().errors, ["cut"]);
            // 1, 3, 7, 15, 31 at 0, 10, 20, 30 and 40 ms; looked at in 30 ms before they grow, and in 45
            assert_eq!((now() - start, heads.get(), all_tasks().len()), (ms(45), 31, 1));
            sleep(ms(100)).await;
            assert_eq!(heads.get(), 31);
        });
    }

    #[test]
    fn test_taskgroup_task_name() {
        run_clean(async {
            let ended: Ended<()> = task_group(async |g| {
                let task = g.create_task(after(ms(0), ())).named("yolo");
                assert_eq!(task.name(), "yolo");
                Ok(())
            })
            .await;
            assert_eq!(ended, Ok(()));
        });
    }

    #[test]
    fn test_name() {
        run_clean(async {
            let ended: Ended<_> = task_group(async |g| {
                let task = g.create_task(async { Ok(me().name()) }).named("example name");
                Ok(task.await)
            })
            .await;
            assert_eq!(ended.as_deref(), Ok("example name"));
        });
    }

    #[test]
    fn test_taskgroup_no_create_task_after_failure() {
        run_clean(async {
            let (start, began, late) = (now(), Count::default(), Kept::default());
            let ended: Ended<()> = task_group(async |g| {
                g.create_task(crash_after(ms(1), "crash"));
                let (group, count, kept) = (g.clone(), began.clone(), late.clone());
                g.create_task(async move {
                    assert!(catch_cancelled(sleep(ms(1_000))).await.is_err());
                    // it is taken, but will not begin
                    kept.keep(&group.create_task(async move {
                        count.add(1);
                        crash_after(ms(1), "late").await
                    }));
                    Ok(())
                });
                Ok(())
            })
            .await;
            assert_eq!((ended.unwrap_err().errors, now() - start), (vec!["crash"], ms(1)));
            assert_eq!((began.get(), late.all_cancelled()), (0, true));
        });
    }

    #[test]
    fn test_taskgroup_context_manager_exit_raises() {
        run_clean(async {
            let start = now();
            let ended: Ended<()> = task_group(async |g| {
                // what is opened around the wait fails when it is closed
                let inside = async {
                    g.create_task(async { Err::<(), _>("child") });
                    sleep(ms(1_000)).await;
                };
                assert!(catch_cancelled(inside).await.is_err());
                Err("closing")
            })
            .await;
            assert_eq!(me().cancelling(), 0);
            assert_eq!((ended.unwrap_err().errors, now() - start), (vec!["child", "closing"], ms(0)));
            yield_now().await;
        });
    }

    /// What a finished group says to a new task, and whether the coroutine is dropped.
    async fn refused_by_a_finished_group() -> (String, bool) {
        let kept = RefCell::new(None);
        let ended: Ended<()> = task_group(async |g| {
            kept.replace(Some(g.clone()));
            Ok(())
        })
        .await;
        assert_eq!(ended, Ok(()));
        let (group, witness) = (kept.take().expect("the body ran"), Rc::new(()));
        let held = Rc::clone(&witness);
        let coroutine = async move {
            drop(held);
            Ok(())
        };
        let text = panic_of(|| group.create_task(coroutine));
        (text, Rc::strong_count(&witness) == 1)
    }

    #[test]
    fn test_taskgroup_finished() {
        let (text, _) = run_clean(refused_by_a_finished_group());
        assert!(text.contains("is finished"), "{text}");
    }

    #[test]
    fn test_coro_closed_when_tg_closed() {
        let (_, closed) = run_clean(refused_by_a_finished_group());
        assert!(closed, "it would never run");
    }

    #[test]
    fn test_taskgroup_not_entered() {
        run_clean(async {
            // a group that is not awaited has not begun, and its body cannot start anything
            let began = Count::default();
            let body = async |g: &TaskGroup<&'static str>| {
                began.add(1);
                g.create_task(after(ms(1), ()));
                Ok(())
            };
            drop(task_group(body));
            let group = task_group(body);
            yield_now().await;
            assert_eq!((began.get(), all_tasks().len()), (0, 1));
            assert_eq!(group.await, Ok(()));
            assert_eq!((began.get(), all_tasks().len()), (1, 1));
        });
    }

    #[test]
    fn test_taskgroup_without_parent_task() {
        let (lp, began) = (virtual_loop(), Count::default());
        let _in = lp.enter();
        let mut group = pin!(task_group(async |_: &TaskGroup<&str>| {
            began.add(1);
            Ok(())
        }));
        let text = panic_of(|| group.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        assert!(text.contains("needs a task"), "{text}");
        assert_eq!(began.get(), 0);
    }

    #[test]
    fn test_cancelling_level_preserved() {
        run_clean(async {
            let ended: Ended<()> = task_group(async |g| {
                g.create_task(crash_after(ms(0), "crash"));
                Ok(())
            })
            .await;
            assert_eq!(ended.unwrap_err().errors, ["crash"]);
            assert_eq!(me().cancelling(), 0);
            yield_now().await;
        });
    }

    #[test]
    fn test_nested_groups_both_cancelled() {
        run_clean(async {
            let ended: Ended<()> = task_group(async |outer| {
                let nested: Ended<()> = task_group(async |inner| {
                    inner.create_task(crash_after(ms(0), "inner"));
                    outer.create_task(crash_after(ms(0), "outer"));
                    Ok(())
                })
                .await;
                assert_eq!(nested.unwrap_err().errors, ["inner"]);
                assert_eq!(me().cancelling(), 1, "by the outer one");
                assert!(catch_cancelled(yield_now()).await.is_err());
                Ok(())
            })
            .await;
            assert_eq!(ended.unwrap_err().errors, ["outer"]);
            assert_eq!(me().cancelling(), 0);
            yield_now().await;
        });
    }

    #[test]
    fn test_error_and_cancel() {
        run_clean(async {
            let (start, steps, event) = (now(), Count::default(), create_future());
            let (set, count) = (event.clone(), steps.clone());
            let task = create_task(async move {
                let ended: Ended<()> = task_group(async |g| {
                    g.create_task(async move {
                        set.set_result(()).expect("it is set once");
                        yield_now().await;
                        Err::<(), _>("crash")
                    });
                    sleep(ms(1_000)).await;
                    unreachable!("the sleep in the group is cancelled")
                })
                .await;
                assert_eq!(ended.unwrap_err().errors, ["crash"]);
                assert_eq!(me().cancelling(), 1);
                count.add(1);
                sleep(ms(1_000)).await;
                unreachable!("the sleep after the group is cancelled")
            });
            let task: Task<()> = task;
            event.await;
            assert_eq!(task.cancelling(), 0);
            assert!(task.cancel());
            assert_eq!(task.cancelling(), 1);
            await_cancelled(task).await;
            assert_eq!((steps.get(), now() - start), (1, ms(0)));
        });
    }

    #[test]
    fn test_cancels_task_if_created_during_creation() {
        run_clean(async {
            let ran = Count::default();
            let ended: Ended<()> = task_group(async |g| {
                let (group, count) = (g.clone(), ran.clone());
                g.create_task(async move {
                    group.create_task(async { Err::<(), _>("third") });
                    yield_now().await; // in this turn the third one fails
                    assert!(catch_cancelled(yield_now()).await.is_err());
                    count.add(1);
                    Ok(())
                });
                Ok(())
            })
            .await;
            assert_eq!((ended.unwrap_err().errors, ran.get()), (vec!["third"], 1));
        });
    }

    #[test]
    fn test_cancellation_does_not_leak_out_of_tg() {
        run_clean(async {
            let ended: Ended<()> = task_group(async |g| {
                g.create_task(async { Err::<(), _>("mine") });
                Ok(())
            })
            .await;
            assert_eq!(ended.unwrap_err().errors, ["mine"]);
            assert!(catch_cancelled(yield_now()).await.is_ok());
            assert_eq!(me().cancelling(), 0);
        });
    }
}
