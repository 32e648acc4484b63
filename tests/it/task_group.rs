//! Task groups: who is cancelled when one fails, which errors come out and in which order, and when it returns.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

use futures::FutureExt;
use futures::future::{Either, select};
use oneloop::{
    EventLoop, GroupError, TaskError, TaskGroup, all_tasks, catch_cancelled, create_task, sleep, task_group, timeout,
    yield_now,
};

use crate::support::{
    LONG, cancelling, fail_after, ms, now, panic_in, pass_after, reports, reports_as, run, secs, virtual_loop,
};

type Errors = GroupError<&'static str>;

/// Fails with `error` when it is cancelled.
async fn fail_when_cancelled<E>(error: E) -> Result<u64, E> {
    catch_cancelled(sleep(secs(1_000))).await.map(|()| 0).map_err(|_| error)
}

// All goes well.

#[test]
fn it_returns_what_the_body_returns_when_all_children_have_ended() {
    run(async {
        let start = now();
        let ended: Result<_, Errors> = task_group(async |g| {
            let one = g.create_task(pass_after(1));
            g.create_task(pass_after(5));
            Ok(one.await + 10)
        })
        .await;
        assert_eq!((ended, now() - start), (Ok(11), secs(5)));
    });
}

#[test]
fn an_empty_group_returns_at_once_and_a_body_may_borrow() {
    run(async {
        let mut words = vec![String::from("one")];
        let turns = Rc::new(Cell::new(0));
        let count = Rc::clone(&turns);
        EventLoop::current().call_soon(move || count.set(1));
        let ended: Result<usize, Errors> = task_group(async |_| {
            words.push("two".into());
            Ok(words.len())
        })
        .await;
        assert_eq!((ended, turns.get(), words.len()), (Ok(2), 0, 2));
    });
}

#[test]
fn a_child_starts_siblings_also_after_the_body_has_returned() {
    run(async {
        fn spread(g: &TaskGroup<&'static str>, depth: u32, ends: &Rc<Cell<u32>>) {
            let (group, count) = (g.clone(), Rc::clone(ends));
            g.create_task(async move {
                sleep(secs(1)).await;
                if depth > 0 {
                    spread(&group, depth - 1, &count);
                    spread(&group, depth - 1, &count);
                }
                count.set(count.get() + 1);
                Ok(())
            });
        }
        let (start, ends) = (now(), Rc::new(Cell::new(0)));
        let ended: Result<(), Errors> = task_group(async |g| {
            spread(g, 3, &ends);
            Ok(())
        })
        .await;
        assert_eq!((ended, ends.get(), now() - start), (Ok(()), 15, secs(4)));
    });
}

#[test]
fn a_child_cancelled_by_other_code_is_no_failure() {
    run(async {
        let ended: Result<_, Errors> = task_group(async |g| {
            let victim = g.create_task(pass_after(60));
            g.create_task(pass_after(3));
            sleep(secs(1)).await;
            victim.cancel();
            Ok(victim.handle())
        })
        .await;
        assert!(ended.unwrap().cancelled());
        assert_eq!(cancelling(), 0);
    });
}

// Failures.

#[test]
fn the_first_failure_cancels_siblings_and_body() {
    run(async {
        let (start, sibling) = (now(), RefCell::new(None));
        let ended: Result<(), Errors> = task_group(async |g| {
            sibling.replace(Some(g.create_task(pass_after(60)).handle()));
            g.create_task(fail_after(2, "boom"));
            sleep(secs(60)).await;
            unreachable!("the body is cancelled")
        })
        .await;
        assert_eq!((ended.unwrap_err().errors, now() - start), (vec!["boom"], secs(2)));
        assert!(sibling.take().unwrap().cancelled());
        assert_eq!(cancelling(), 0);
        sleep(secs(1)).await; // and the next wait is a wait
        assert_eq!(now() - start, secs(3));
    });
}

#[test]
fn errors_come_in_the_order_of_their_ends_and_the_bodys_last() {
    run(async {
        let ended: Result<(), Errors> = task_group(async |g| {
            g.create_task(fail_when_cancelled("second"));
            g.create_task(fail_when_cancelled("third"));
            g.create_task(fail_after(1, "first"));
            let _ = catch_cancelled(sleep(secs(60))).await;
            Err("body")
        })
        .await;
        assert_eq!(ended.unwrap_err().errors, ["first", "second", "third", "body"]);
    });
}

#[test]
fn two_that_fail_at_once_are_both_in() {
    run(async {
        let ended: Result<(), Errors> = task_group(async |g| {
            g.create_task(async { Err::<(), _>("one") });
            g.create_task(async { Err::<(), _>("two") });
            Ok(())
        })
        .await;
        assert_eq!(ended.unwrap_err().errors, ["one", "two"]);
        assert_eq!(cancelling(), 0);
    });
}

#[test]
fn an_error_of_the_body_cancels_the_children_and_waits_for_their_cleanup() {
    run(async {
        let (start, cleaned) = (now(), Rc::new(Cell::new(false)));
        let ended: Result<(), Errors> = task_group(async |g| {
            let mark = Rc::clone(&cleaned);
            g.create_task(async move {
                let Err(cancelled) = catch_cancelled(sleep(secs(60))).await else { return Ok(()) };
                sleep(secs(3)).await;
                mark.set(true);
                cancelled.reraise().await
            });
            sleep(secs(1)).await;
            Err("body")
        })
        .await;
        assert_eq!((ended.unwrap_err().errors, cleaned.get(), now() - start), (vec!["body"], true, secs(4)));
    });
}

#[test]
fn the_awaiter_of_a_result_task_sees_its_error_too() {
    run(async {
        let seen = RefCell::new(None);
        let ended: Result<(), Errors> = task_group(async |g| {
            let child = g.create_result_task(fail_after(1, "boom"));
            seen.replace(Some(create_task(child)));
            Ok(())
        })
        .await;
        assert_eq!((ended.unwrap_err().errors, cancelling()), (vec!["boom"], 0));
        assert_eq!(seen.take().unwrap().await, Err("boom"));
    });
}

#[test]
fn an_error_that_cannot_be_cloned_goes_to_the_group_and_leaves_it_by_a_question_mark() {
    async fn open(path: &'static str) -> io::Result<&'static str> {
        yield_now().await;
        if path.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(path) }
    }
    async fn both(first: &'static str, second: &'static str) -> io::Result<String> {
        let joined = task_group(async |g| {
            let (first, second) = (g.create_task(open(first)), g.create_task(open(second)));
            Ok::<_, io::Error>(format!("{} {}", first.await, second.await))
        });
        Ok(joined.await?)
    }
    run(async {
        assert_eq!(both("a", "b").await.unwrap(), "a b");
        assert_eq!(both("a", "").await.unwrap_err().kind(), io::ErrorKind::NotFound);
        let boxed: Result<(), GroupError<Box<dyn Error>>> = task_group(async |g| {
            g.create_task(async { Ok("x".parse::<i32>()?) });
            Ok(())
        })
        .await;
        assert!(boxed.unwrap_err().errors[0].is::<std::num::ParseIntError>());
    });
}

#[test]
fn a_body_that_awaits_a_failed_child_is_cancelled_there_by_its_group() {
    run(async {
        let caught = Cell::new(None);
        let ended: Result<(), Errors> = task_group(async |g| {
            let child = g.create_task(fail_after(1, "boom"));
            caught.set(Some(catch_cancelled(child).await.is_err()));
            sleep(LONG).await; // the cancellation was swallowed
            Ok(())
        })
        .await;
        assert_eq!((ended.unwrap_err().errors, caught.get(), cancelling()), (vec!["boom"], Some(true), 0));
    });
}

#[test]
fn a_failed_child_ends_cancelled_for_others_and_says_where_its_error_is() {
    run(async {
        let kept = RefCell::new(None);
        let ended: Result<(), Errors> = task_group(async |g| {
            kept.replace(Some(g.create_task(fail_after(1, "boom"))));
            Ok(())
        })
        .await;
        assert_eq!(ended.unwrap_err().errors, ["boom"]);
        let child = kept.take().unwrap();
        assert!(child.cancelled() && child.cancelling() == 0);
        assert_eq!(child.result().unwrap_err().to_string(), "cancelled: it failed, and its task group has the error");
    });
}

#[test]
fn a_child_that_fails_beside_a_catcher_that_waits_hands_its_error_over_once() {
    run(async {
        let ended: Result<(), Errors> = task_group(async |g| {
            let inner = async {
                let beside = catch_cancelled(sleep(LONG));
                match select(Box::pin(catch_cancelled(sleep(LONG))), Box::pin(beside)).await {
                    Either::Left(_) | Either::Right(_) => Err::<(), _>("failed in its clean-up"),
                }
            };
            let child = g.create_task(inner);
            sleep(ms(1)).await;
            child.cancel();
            Ok(())
        })
        .await;
        assert_eq!(ended.unwrap_err().errors, ["failed in its clean-up"]);
    });
}

#[test]
fn errors_need_not_be_text_and_are_told_one_by_one() {
    run(async {
        let ended: Result<(), GroupError<Rc<std::num::ParseIntError>>> = task_group(async |g| {
            g.create_task(async { "x".parse::<i32>().map_err(Rc::new) });
            g.create_task(async { "".parse::<i32>().map_err(Rc::new) });
            Ok(())
        })
        .await;
        let error = ended.unwrap_err();
        assert_eq!(error.errors.len(), 2);
        assert_eq!(
            error.to_string(),
            "2 errors in a task group: invalid digit found in string; cannot parse integer from empty string"
        );
    });
}

#[test]
fn a_child_made_while_the_group_is_aborting_is_cancelled_before_it_starts() {
    run(async {
        let began = Rc::new(Cell::new(false));
        let ended: Result<(), Errors> = task_group(async |g| {
            let (group, mark) = (g.clone(), Rc::clone(&began));
            g.create_task(async move {
                let _ = catch_cancelled(sleep(secs(60))).await;
                let mark = Rc::clone(&mark);
                let late = group.create_task(async move {
                    mark.set(true);
                    Ok(())
                });
                let late = late.handle();
                sleep(secs(1)).await;
                assert!(late.cancelled());
                Ok(())
            });
            g.create_task(fail_after(1, "boom"));
            Ok(())
        })
        .await;
        assert_eq!((ended.unwrap_err().errors, began.get()), (vec!["boom"], false));
    });
}

#[test]
#[should_panic(expected = "the task group is finished")]
fn a_finished_group_starts_nothing() {
    run(async {
        let kept = RefCell::new(None);
        let ended: Result<(), Errors> = task_group(async |g| {
            kept.replace(Some(g.clone()));
            Ok(())
        })
        .await;
        ended.unwrap();
        kept.take().unwrap().create_task(pass_after(1));
    });
}

// Panics.

fn panic_with(text: &str) {
    panic!("{text}")
}

#[test]
fn a_childs_panic_cancels_the_others_and_goes_on_here() {
    let (lp, reports) = (virtual_loop(), Rc::new(Cell::new(0)));
    let count = Rc::clone(&reports);
    lp.set_exception_handler(move |_| count.set(count.get() + 1));
    lp.run_until_complete(async {
        let (start, sibling) = (now(), Rc::new(RefCell::new(None)));
        let place = Rc::clone(&sibling);
        let mut outer = create_task(async move {
            task_group::<(), &str, _>(async |g| {
                place.replace(Some(g.create_task(pass_after(60)).handle()));
                g.create_task(async {
                    sleep(secs(1)).await;
                    panic_with("bang");
                    Ok(())
                });
                sleep(secs(60)).await;
                Ok(())
            })
            .await
        });
        assert!(matches!(outer.outcome().await, Err(TaskError::Panicked(panic)) if panic.message() == "bang"));
        assert!(sibling.take().unwrap().cancelled());
        assert_eq!(now() - start, secs(1));
    })
    .unwrap();
    assert_eq!(reports.get(), 0); // it went on in the parent, so it need not be reported
}

#[test]
fn a_panic_of_the_body_aborts_the_children() {
    run(async {
        let child = Rc::new(RefCell::new(None));
        let place = Rc::clone(&child);
        let mut outer = create_task(async move {
            let ended: Result<(), Errors> = task_group(async |g| {
                place.replace(Some(g.create_task(pass_after(60)).handle()));
                yield_now().await;
                panic!("body")
            })
            .await;
            drop(ended);
        });
        assert!(matches!(outer.outcome().await, Err(TaskError::Panicked(panic)) if panic.message() == "body"));
        yield_now().await;
        assert!(child.take().unwrap().cancelled());
    });
}

#[test]
fn of_several_panics_one_goes_on_in_the_parent_and_the_others_are_reported() {
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| context.exception.to_string());
    lp.run_until_complete(async {
        let children = task_group::<(), &str, _>(async |g| {
            for text in ["first", "second"] {
                g.create_task(async move { Ok(panic_with(text)) });
            }
            Ok(())
        });
        assert_eq!(panic_in(children).await, "first");
        assert_eq!(reports.take(), ["panicked: second"]);
        let child_and_body = task_group::<(), &str, _>(async |g| {
            g.create_task(async {
                let _ended = catch_cancelled(sleep(LONG)).await;
                Ok(panic_with("child"))
            });
            yield_now().await;
            panic_with("body");
            Ok(())
        });
        assert_eq!(panic_in(child_and_body).await, "child");
        assert_eq!(reports.take(), ["panicked: body"]);
    })
    .unwrap();
}

#[test]
fn a_panic_of_a_child_that_the_body_awaits_is_resumed_once_with_its_payload() {
    let lp = virtual_loop();
    let reports = reports(&lp);
    lp.run_until_complete(async {
        let group = task_group::<(), &str, _>(async |g| {
            g.create_task(async { panic::panic_any(7_u32) as Result<(), _> }).await;
            Ok(())
        });
        let payload = AssertUnwindSafe(group).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&7_u32));
    })
    .unwrap();
    assert_eq!(reports.take(), [""; 0]);
}

/// What is reported of a group that is dropped after a second, and two more seconds.
fn reports_of_a_dropped_group(body: impl AsyncFnOnce(&TaskGroup<()>) -> Result<(), ()>) -> Vec<String> {
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| format!("{}: {}", context.message, context.exception));
    lp.run_until_complete(async {
        // a branch that is dropped, where a limit would wait for the children
        let group = Box::pin(task_group(body));
        assert!(matches!(select(group, sleep(secs(1))).await, Either::Right(_)));
        sleep(secs(2)).await;
    })
    .unwrap();
    reports.take()
}

#[test]
fn panics_of_a_group_that_is_dropped_are_reported() {
    let while_it_ends = reports_of_a_dropped_group(async |g| {
        g.create_task(async {
            let _ended = catch_cancelled(sleep(LONG)).await;
            Ok(panic_with("late"))
        });
        sleep(LONG).await;
        Ok(())
    });
    assert_eq!(while_it_ends, ["Task exception was never retrieved: panicked: late"]);
    let slow = async || {
        let _ended = catch_cancelled(sleep(LONG)).await;
        sleep(LONG).await;
        Ok(())
    };
    let before = reports_of_a_dropped_group(async |g| {
        g.create_task(slow());
        g.create_task(async { Ok(panic_with("early")) });
        sleep(LONG).await;
        Ok(())
    });
    assert_eq!(before, ["Task exception was never retrieved: panicked: early"]);
    let of_the_body = reports_of_a_dropped_group(async |g| {
        g.create_task(slow());
        yield_now().await;
        panic_with("body");
        Ok(())
    });
    assert_eq!(of_the_body, ["Exception in the body of a task group: panicked: body"]);
}

// Cancelled from outside.

#[test]
fn a_cancelled_parent_cancels_the_children_waits_and_is_cancelled() {
    for in_body in [false, true] {
        run(async move {
            let (start, cleaned) = (now(), Rc::new(Cell::new(false)));
            let mark = Rc::clone(&cleaned);
            let mut parent = create_task(async move {
                let ended: Result<(), Errors> = task_group(async |g| {
                    g.create_task(async move {
                        let Err(cancelled) = catch_cancelled(sleep(secs(60))).await else { return Ok(()) };
                        sleep(secs(3)).await;
                        mark.set(true);
                        cancelled.reraise().await
                    });
                    if in_body {
                        sleep(secs(60)).await;
                    }
                    Ok(())
                })
                .await;
                drop(ended);
            });
            sleep(secs(1)).await;
            parent.cancel_with("enough");
            let Err(TaskError::Cancelled(cancelled)) = parent.outcome().await else { panic!("it went well") };
            assert_eq!((cancelled.message(), parent.cancelling(), cleaned.get()), (Some("enough"), 1, true));
            assert_eq!(now() - start, secs(4));
        });
    }
}

#[test]
fn an_error_of_a_child_and_a_cancellation_of_the_parent_give_the_error_then_the_cancellation() {
    run(async {
        let errors = Rc::new(RefCell::new(Vec::new()));
        let place = Rc::clone(&errors);
        let mut parent = create_task(async move {
            let ended: Result<(), Errors> = task_group(async |g| {
                g.create_task(fail_when_cancelled("boom"));
                Ok(())
            })
            .await;
            place.replace(ended.unwrap_err().errors);
            sleep(secs(1)).await;
            unreachable!("the cancellation was still to come");
        });
        sleep(secs(1)).await;
        parent.cancel();
        assert!(matches!(parent.outcome().await, Err(TaskError::Cancelled(_))));
        assert_eq!(*errors.borrow(), ["boom"]);
    });
}

#[test]
fn a_time_limit_around_a_group_ends_its_children() {
    run(async {
        let child = RefCell::new(None);
        let group = task_group(async |g| {
            child.replace(Some(g.create_task(pass_after::<&str>(60)).handle()));
            Ok(())
        });
        assert!(timeout(secs(1), group).await.is_err());
        assert!(child.take().unwrap().cancelled());
        assert_eq!(cancelling(), 0);
    });
}

#[test]
fn dropped_in_the_middle_it_aborts_its_children() {
    run(async {
        let child = RefCell::new(None);
        {
            let group = Box::pin(task_group(async |g| {
                child.replace(Some(g.create_task(pass_after::<&str>(60)).handle()));
                sleep(secs(60)).await;
                Ok(())
            }));
            let quick = Box::pin(sleep(secs(1)));
            assert!(matches!(select(group, quick).await, Either::Right(_)));
        }
        yield_now().await;
        assert!(child.take().unwrap().cancelled());
        assert_eq!((all_tasks().len(), cancelling()), (1, 0));
    });
}

// Nested.

#[test]
fn a_nested_group_fails_into_the_outer_one() {
    run(async {
        let ended: Result<(), GroupError<Errors>> = task_group(async |outer| {
            outer.create_task(async {
                task_group(async |inner: &TaskGroup<&'static str>| {
                    inner.create_task(fail_after(1, "deep"));
                    inner.create_task(fail_when_cancelled("deeper"));
                    Ok(())
                })
                .await
            });
            outer.create_task(pass_after(60));
            Ok(())
        })
        .await;
        let errors = ended.unwrap_err().errors;
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].errors, ["deep", "deeper"]);
        assert_eq!(cancelling(), 0);
    });
}

#[test]
fn a_failure_outside_cancels_the_whole_nest() {
    run(async {
        let deep = Rc::new(RefCell::new(None));
        let place = Rc::clone(&deep);
        let ended: Result<(), Errors> = task_group(async |outer| {
            outer.create_task(async move {
                let inner: Result<(), Errors> = task_group(async |inner| {
                    place.replace(Some(inner.create_task(pass_after(60)).handle()));
                    Ok(())
                })
                .await;
                inner.map_err(|error| error.errors[0])
            });
            outer.create_task(fail_after(1, "boom"));
            Ok(())
        })
        .await;
        assert_eq!(ended.unwrap_err().errors, ["boom"]);
        assert!(deep.take().unwrap().cancelled());
    });
}

#[test]
fn an_inner_group_in_the_body_of_an_outer_one_fails_alone() {
    run(async {
        let ended: Result<_, Errors> = task_group(async |outer| {
            let sibling = outer.create_task(pass_after(5));
            let inner: Result<(), Errors> = task_group(async |inner| {
                inner.create_task(fail_after(1, "inner"));
                Ok(())
            })
            .await;
            assert_eq!(inner.unwrap_err().errors, ["inner"]);
            Ok(sibling.await)
        })
        .await;
        assert_eq!((ended, cancelling()), (Ok(5), 0));
    });
}

#[test]
#[should_panic(expected = "a task group needs a task")]
fn outside_a_task_it_says_so() {
    let lp = virtual_loop();
    let _in = lp.enter();
    let mut group = Box::pin(task_group(async |_: &TaskGroup<()>| Ok(())));
    let _ = group.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
}

// Groups that end otherwise.

#[test]
fn a_panic_of_the_body_waits_for_the_children() {
    run(async {
        let ended = Rc::new(Cell::new(false));
        let slow = Rc::clone(&ended);
        let group = AssertUnwindSafe(task_group(async |g: &TaskGroup<&'static str>| -> Result<(), _> {
            g.create_task(async move {
                assert!(catch_cancelled(sleep(secs(9))).await.is_err());
                sleep(secs(1)).await;
                slow.set(true);
                Ok(())
            });
            yield_now().await;
            panic!("body")
        }));
        assert_eq!(panic_in(group).await, "body");
        assert!(ended.get());
    });
}

#[test]
fn a_caught_panic_of_a_child_leaves_no_cancellation_behind() {
    run(async {
        let group = task_group(async |g: &TaskGroup<&'static str>| {
            g.create_task(async { panic!("child") as Result<(), _> });
            Ok(())
        });
        assert!(AssertUnwindSafe(group).catch_unwind().await.is_err());
        assert_eq!((cancelling(), catch_cancelled(yield_now()).await), (0, Ok(())));
    });
}

#[test]
fn a_group_dropped_when_it_has_cancelled_its_parent_takes_that_back() {
    for steps in 1..4 {
        run(async {
            let group = task_group(async |g: &TaskGroup<&'static str>| {
                g.create_task(async { Err::<(), _>("child") });
                sleep(secs(1)).await;
                Ok(())
            });
            // of foreign make, so that a throw does not keep it from being ready; it asks for the next iteration itself
            let mut left = steps;
            let other = futures::future::poll_fn(|cx| {
                left -= 1;
                cx.waker().wake_by_ref();
                if left < 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            });
            let ended = select(other, Box::pin(group)).await;
            let dropped = matches!(ended, Either::Left(_));
            drop(ended);
            let next = catch_cancelled(yield_now()).await;
            assert_eq!((cancelling(), next), (0, Ok(())), "after {steps} steps, dropped: {dropped}");
        });
    }
}

// Groups that the program cancels.

#[test]
fn a_cancelled_group_ends_its_body_and_its_children_and_has_no_error() {
    run(async {
        let cleaned = Rc::new(Cell::new(0));
        let count = Rc::clone(&cleaned);
        let begun = now();
        let ended: Result<(), Errors> = task_group(async move |g| {
            for _ in 0..3 {
                let count = Rc::clone(&count);
                drop(g.create_task(async move {
                    assert!(catch_cancelled(sleep(secs(9))).await.is_err());
                    sleep(secs(1)).await;
                    count.set(count.get() + 1);
                    Ok(())
                }));
            }
            yield_now().await;
            g.cancel();
            g.cancel();
            sleep(secs(9)).await;
            unreachable!("its await is cancelled");
        })
        .await;
        let error = ended.unwrap_err();
        assert_eq!((error.errors.len(), error.to_string().as_str()), (0, "the task group was cancelled"));
        assert_eq!((cleaned.get(), now() - begun, cancelling()), (3, secs(1), 0));
    });
}

#[test]
fn a_group_that_is_cancelled_after_its_body_has_returned_has_its_value() {
    run(async {
        let ended: Result<_, Errors> = task_group(async |g| {
            let (group, _) = (g.clone(), g.create_task(sleep_then_pass()));
            drop(create_task(async move {
                sleep(ms(5)).await;
                group.cancel();
            }));
            Ok("value")
        })
        .await;
        assert_eq!((ended.unwrap(), cancelling()), ("value", 0));
    });
}

async fn sleep_then_pass() -> Result<(), &'static str> {
    sleep(LONG).await;
    Ok(())
}

#[test]
fn the_one_future_that_the_body_awaits_is_cancelled_as_by_a_task_that_cancels_itself() {
    run(async {
        let future = oneloop::create_future::<()>();
        let awaited = future.clone();
        let ended: Result<(), Errors> = task_group(async move |g| {
            g.cancel();
            awaited.await;
            Ok(())
        })
        .await;
        assert!(ended.unwrap_err().errors.is_empty());
        assert!(future.cancelled());
    });
}

#[test]
fn a_body_that_catches_the_cancellation_of_its_group_may_return_a_value() {
    run(async {
        let ended: Result<_, Errors> = task_group(async |g| {
            g.cancel();
            assert!(catch_cancelled(sleep(secs(9))).await.is_err());
            yield_now().await;
            Ok("tidy")
        })
        .await;
        assert_eq!(ended.unwrap(), "tidy");
        assert_eq!((cancelling(), catch_cancelled(yield_now()).await), (0, Ok(())));
    });
}

#[test]
fn what_fails_while_a_cancelled_group_ends_is_in_its_error() {
    run(async {
        let ended: Result<(), Errors> = task_group(async |g| {
            drop(g.create_task(fail_when_cancelled("cleanup")));
            yield_now().await;
            g.cancel();
            sleep(LONG).await;
            Ok(())
        })
        .await;
        assert_eq!(ended.unwrap_err().errors, ["cleanup"]);
    });
}

/// In asyncio it may be lost.
#[test]
fn a_cancellation_from_around_is_not_swallowed_by_a_group_that_is_cancelled() {
    for first in [true, false] {
        run(async move {
            let task = create_task(async move {
                let ended: Result<(), Errors> = task_group(async |g| {
                    drop(g.create_task(async {
                        assert!(catch_cancelled(sleep(secs(9))).await.is_err());
                        sleep(secs(1)).await;
                        Ok(())
                    }));
                    let (group, me) = (g.clone(), oneloop::current_task().unwrap());
                    EventLoop::current().call_soon(move || {
                        if first {
                            me.cancel();
                        }
                        group.cancel();
                        if !first {
                            me.cancel();
                        }
                    });
                    sleep(secs(9)).await;
                    Ok(())
                })
                .await;
                unreachable!("{ended:?}");
            });
            let mut task = task;
            assert!(matches!(task.outcome().await, Err::<(), _>(TaskError::Cancelled(_))), "first: {first}");
        });
    }
}

#[test]
fn a_limit_that_is_up_while_a_cancelled_group_waits_for_its_children_is_a_timeout() {
    run(async {
        let ended = timeout(ms(500), async {
            let ended: Result<(), Errors> = task_group(async |g| {
                drop(g.create_task(async {
                    assert!(catch_cancelled(sleep(secs(9))).await.is_err());
                    sleep(secs(1)).await;
                    Ok(())
                }));
                yield_now().await;
                g.cancel();
                sleep(secs(9)).await;
                Ok(())
            })
            .await;
            ended
        })
        .await;
        assert!(ended.is_err(), "{ended:?}");
        assert_eq!((cancelling(), catch_cancelled(yield_now()).await), (0, Ok(())));
    });
}

#[test]
fn to_cancel_a_group_that_has_finished_does_nothing() {
    run(async {
        let kept = Rc::new(RefCell::new(None));
        let put = Rc::clone(&kept);
        let ended: Result<_, Errors> = task_group(async move |g| {
            *put.borrow_mut() = Some(g.clone());
            Ok(1)
        })
        .await;
        assert_eq!(ended.unwrap(), 1);
        kept.borrow().as_ref().unwrap().cancel();
        assert_eq!(catch_cancelled(yield_now()).await, Ok(()));
    });
}
