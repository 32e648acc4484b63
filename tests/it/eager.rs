//! Eager tasks: a first step inside another step, under a limit, a cancellation, a catcher, in a callback, in a
//! destructor; and a loop whose tasks are all eager.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use futures::StreamExt as _;
use futures::future::{Either, join, select};
use futures::stream::FuturesUnordered;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{
    Clock, ContextVar, EventLoop, GroupError, TaskError, all_tasks, as_completed, catch_cancelled, create_future,
    create_task, current_task, gather, shield, sleep, task_group, timeout, try_gather, wait, yield_now,
};

use crate::support::{Log, OnDrop, ms, note, panic_of, reports, run, run_real, virtual_loop};

fn eager_loop() -> EventLoop {
    EventLoop::builder().clock(Clock::Virtual).eager_tasks(true).build().unwrap()
}

#[test]
fn the_first_step_comes_before_the_rest_of_the_makers_step_and_the_others_in_their_turn() {
    let log: Log<&str> = Log::default();
    let note = |what: &'static str| note(&log, what);
    let (mut other, mut first, mut maker, mut second) = (note("other"), note("first"), note("maker"), note("second"));
    run(async move {
        let other = create_task(async move { other() });
        let task = create_task(async move {
            first();
            yield_now().await;
            second();
        });
        let task = task.eager();
        maker();
        assert!(!task.done());
        task.await;
        other.await;
    });
    assert_eq!(*log.borrow(), ["first", "maker", "other", "second"]);
}

#[test]
fn one_that_ends_in_its_first_step_is_done_and_an_await_of_it_does_not_wait() {
    run(async {
        let ticks = Rc::new(Cell::new(0));
        let (counted, called) = (Rc::clone(&ticks), Rc::clone(&ticks));
        drop(create_task(async move { counted.set(counted.get() + 1) }));
        let task = create_task(async { 7 }).eager();
        task.add_done_callback(move |_| called.set(called.get() + 10));
        assert!(task.done());
        assert_eq!(all_tasks().len(), 2); // this one and the counter
        assert_eq!(task.await, 7);
        assert_eq!(ticks.get(), 0);
        yield_now().await;
        assert_eq!(ticks.get(), 11);
    });
}

#[test]
fn the_running_task_is_the_eager_one_and_then_its_maker_again_however_deep() {
    fn nest(depth: u64) {
        let me = current_task().unwrap();
        if depth > 0 {
            let task = create_task(async move { nest(depth - 1) }).named(format!("depth {}", depth - 1)).eager();
            assert!(task.done());
        }
        assert_eq!(current_task().unwrap(), me);
        if !me.name().starts_with("Task-") {
            assert_eq!(me.name(), format!("depth {depth}"));
        }
    }
    run(async { nest(100) });
}

#[test]
fn it_runs_in_a_copy_of_its_makers_context() {
    static VAR: ContextVar<u32> = ContextVar::new("var");
    run(async {
        // the thread's first use of a variable is in the first step of an eager task
        let task = create_task(async {
            VAR.set(1);
            yield_now().await;
            VAR.get()
        })
        .eager();
        assert_eq!(VAR.get(), None);
        assert_eq!(task.await, Some(1));
        VAR.set(2);
        let task = create_task(async {
            assert_eq!(VAR.get(), Some(2));
            VAR.set(3);
        })
        .eager();
        assert!(task.done());
        assert_eq!(VAR.get(), Some(2));
    });
}

#[test]
fn a_panic_in_the_first_step_is_its_outcome_and_is_reported_if_no_handle_is_left() {
    let lp = virtual_loop();
    let seen = reports(&lp);
    lp.run_until_complete(async {
        let mut task = create_task(async { panic!("in the first step") }).eager();
        assert!(matches!(task.outcome().await, Err::<(), _>(TaskError::Panicked(_))));
        drop(create_task(async { panic!("unseen") }).eager());
    })
    .unwrap();
    assert_eq!(seen.borrow().len(), 1, "{:?}", seen.borrow());
}

#[test]
fn a_destructor_that_panics_in_the_first_step_does_not_unwind_into_the_maker() {
    run(async {
        let mut task = create_task(async {
            let _guard = OnDrop(|| panic!("in a destructor"));
            create_future::<()>().await;
        })
        .eager();
        task.cancel();
        assert!(matches!(task.outcome().await, Err(TaskError::Panicked(_))));
        let mut ended = create_task(async { drop(OnDrop(|| panic!("at once"))) }).eager();
        assert!(matches!(ended.outcome().await, Err(TaskError::Panicked(_))));
    });
}

// Where it cannot begin.

#[test]
fn on_a_loop_that_does_not_run_it_is_refused() {
    let lp = virtual_loop();
    let text = panic_of(|| drop(lp.create_task(async {}).eager()));
    assert!(text.contains("only while its loop runs"), "{text}");
    let other = virtual_loop();
    lp.run_until_complete(async move {
        let _in = other.enter();
        let text = panic_of(|| drop(create_task(async {}).eager()));
        assert!(text.contains("only while its loop runs"), "{text}");
    })
    .unwrap();
}

#[test]
fn behind_something_that_was_queued_since_it_is_refused_and_runs_in_its_turn() {
    run(async {
        let ran = Rc::new(Cell::new(false));
        let runs = Rc::clone(&ran);
        let task = create_task(async move { runs.set(true) });
        EventLoop::current().call_soon(|| {});
        let text = panic_of(|| drop(task.eager()));
        assert!(text.contains("only where it is created"), "{text}");
        yield_now().await;
        assert!(ran.get());
    });
}

#[test]
fn one_that_has_begun_is_left_as_it_is() {
    run(async {
        let task = create_task(async { yield_now().await }).eager().eager();
        yield_now().await;
        yield_now().await;
        assert!(task.eager().done());
    });
}

#[test]
fn one_that_was_cancelled_before_ends_without_being_polled() {
    run(async {
        let task = create_task(async { unreachable!("it is cancelled") });
        task.cancel();
        let mut task = task.eager();
        assert!(task.done() && task.cancelled());
        assert!(matches!(task.outcome().await, Err::<(), _>(TaskError::Cancelled(_))));
    });
}

// Cancellations.

#[test]
fn what_it_awaits_is_not_what_its_maker_awaits() {
    run(async {
        // the maker awaits one future, and made a task that awaits another: a cancellation goes to that future alone
        let (mine, its) = (create_future::<()>(), create_future::<()>());
        let (held, inner) = (mine.clone(), its.clone());
        let maker = create_task(async move {
            let task = create_task(inner).eager();
            held.await;
            task.await;
        });
        yield_now().await;
        maker.cancel();
        assert!(mine.cancelled() && !its.done());
        yield_now().await;
        assert!(maker.cancelled());
    });
}

#[test]
fn what_its_maker_gives_up_in_the_step_that_makes_it_is_not_counted_for_the_maker() {
    run(async {
        let (mine, its) = (create_future::<()>(), create_future::<()>());
        let (held, inner) = (mine.clone(), its.clone());
        let maker = create_task(async move {
            let mut nap = Box::pin(sleep(ms(50)));
            assert!(futures::poll!(nap.as_mut()).is_pending());
            drop(create_task(inner).eager());
            drop(nap);
            held.await;
        });
        yield_now().await;
        // it awaits one future and nothing else, so the cancellation ends that at once
        maker.cancel();
        assert!(mine.cancelled() && !its.done());
    });
}

#[test]
fn what_it_has_given_out_is_not_counted_for_the_maker_that_drops_it() {
    run(async {
        let mine = create_future::<()>();
        let held = mine.clone();
        let maker = create_task(async move {
            let mut nap = Box::pin(sleep(ms(50)));
            assert!(futures::poll!(nap.as_mut()).is_pending());
            let task = create_task(async {
                let mut given = Box::pin(sleep(ms(60)));
                assert!(futures::poll!(given.as_mut()).is_pending());
                Some(given)
            });
            drop(task.eager().await);
            select(nap, held).await;
        });
        yield_now().await;
        // it awaits two things, so that it is cancelled itself, and not one of them
        maker.cancel();
        assert!(!mine.done());
        yield_now().await;
        assert!(maker.cancelled());
    });
}

#[test]
fn what_it_awaits_is_not_counted_for_a_limit_around_the_making() {
    run(async {
        let mine = create_future::<()>();
        let held = mine.clone();
        let limited = timeout(ms(10), async move {
            drop(create_task(sleep(ms(30))).eager());
            held.await;
        });
        assert!(limited.await.is_err());
        // the limit has ended the one thing that its body awaited
        assert!(mine.cancelled());
    });
}

/// A task of two branches: one that waits to catch a cancellation, and before it one that does `act` when it is polled
/// while that cancellation is thrown. Returns whether it was caught.
async fn thrown_beside(act: impl FnOnce() + 'static) -> bool {
    let maker = create_task(async move {
        let (mut act, mut polls) = (Some(act), 0);
        let acts = poll_fn(move |_| {
            polls += 1;
            if polls < 2 {
                return Poll::Pending;
            }
            act.take().expect("it is polled twice")();
            Poll::Ready(())
        });
        join(acts, catch_cancelled(pending::<()>())).await.1.is_err()
    });
    yield_now().await;
    maker.cancel();
    yield_now().await;
    assert!(maker.done(), "the cancellation gets there at once");
    maker.await
}

#[test]
fn one_that_is_made_under_a_throw_is_not_thrown_at_and_the_throw_goes_on() {
    run(async {
        let made = Rc::new(RefCell::new(None));
        let put = Rc::clone(&made);
        let act = move || {
            *put.borrow_mut() = Some(create_task(async { catch_cancelled(sleep(ms(5))).await.is_ok() }).eager());
        };
        assert!(thrown_beside(act).await);
        let task = made.borrow_mut().take().unwrap();
        assert!(task.await);
    });
}

#[test]
fn what_stands_under_another_waker_in_its_first_step_is_not_in_the_limit_around_the_making() {
    run(async {
        let made = Rc::new(RefCell::new(None));
        let put = Rc::clone(&made);
        let limited = timeout(ms(10), async move {
            let mut before = FuturesUnordered::from_iter([catch_cancelled(sleep(ms(40)))]);
            assert!(futures::poll!(before.next()).is_pending());
            let task = create_task(async {
                let mut set = FuturesUnordered::from_iter([catch_cancelled(sleep(ms(30)))]);
                set.next().await.unwrap().is_ok()
            });
            *put.borrow_mut() = Some(task.eager());
            // what stands in a set that is made afterwards is in the limit
            let mut after = FuturesUnordered::from_iter([catch_cancelled(sleep(ms(50)))]);
            let (first, second) = join(before.next(), after.next()).await;
            first.unwrap().is_err() && second.unwrap().is_err()
        });
        assert!(limited.await.unwrap());
        let task = made.borrow_mut().take().unwrap();
        assert!(task.await);
    });
}

#[test]
fn a_limit_around_the_making_does_not_end_it() {
    run(async {
        let made = Rc::new(RefCell::new(None));
        let put = Rc::clone(&made);
        let limited = timeout(ms(10), async move {
            *put.borrow_mut() = Some(
                create_task(async {
                    sleep(ms(30)).await;
                    "whole"
                })
                .eager(),
            );
            pending::<()>().await;
        });
        assert!(limited.await.is_err());
        let task = made.borrow_mut().take().unwrap();
        assert!(!task.done());
        assert_eq!(task.await, "whole");
    });
}

#[test]
fn one_that_a_catcher_makes_while_it_cleans_up_is_not_thrown_at() {
    run(async {
        let made = Rc::new(RefCell::new(None));
        let put = Rc::clone(&made);
        let maker = create_task(async move {
            let caught = catch_cancelled(pending::<()>()).await;
            assert!(caught.is_err());
            let task = create_task(async {
                let inner = catch_cancelled(sleep(ms(5))).await;
                inner.is_ok()
            })
            .eager();
            *put.borrow_mut() = Some(task);
        });
        yield_now().await;
        maker.cancel();
        maker.await;
        let task = made.borrow_mut().take().unwrap();
        assert!(task.await);
    });
}

#[test]
fn one_made_in_a_destructor_under_a_cancellation_is_not_thrown_at() {
    run(async {
        let made = Rc::new(RefCell::new(None));
        let put = Rc::clone(&made);
        let maker = create_task(async move {
            let _guard = OnDrop(move || {
                let task = create_task(async {
                    sleep(ms(5)).await;
                    "cleaned up"
                });
                *put.borrow_mut() = Some(task.eager());
            });
            pending::<()>().await;
        });
        yield_now().await;
        maker.cancel();
        yield_now().await;
        assert!(maker.cancelled());
        let task = made.borrow_mut().take().unwrap();
        assert_eq!(task.await, "cleaned up");
    });
}

#[test]
fn it_may_cancel_its_maker_which_meets_that_at_its_next_wait() {
    run(async {
        let after = Rc::new(Cell::new(false));
        let seen = Rc::clone(&after);
        let maker = create_task(async move {
            let me = current_task().unwrap();
            let task = create_task(async move { me.cancel() }).eager();
            assert!(task.await);
            seen.set(true);
            yield_now().await;
            unreachable!("the wait meets the cancellation");
        });
        yield_now().await;
        assert!(after.get());
        yield_now().await;
        assert!(maker.cancelled());
    });
}

#[test]
fn a_catcher_around_the_making_still_meets_what_comes_later() {
    run(async {
        let maker = create_task(async {
            let caught = catch_cancelled(async {
                let task = create_task(async { catch_cancelled(sleep(ms(99))).await.is_ok() }).eager();
                yield_now().await;
                let _ = select(Box::pin(pending::<()>()), Box::pin(sleep(ms(50)))).await;
                task.done()
            });
            caught.await.is_err()
        });
        yield_now().await;
        yield_now().await;
        maker.cancel();
        assert!(maker.await);
    });
}

// Everywhere else.

#[test]
fn a_callback_may_make_one() {
    run(async {
        let made = Rc::new(RefCell::new(None));
        let put = Rc::clone(&made);
        EventLoop::current().call_soon(move || {
            assert!(current_task().is_none());
            let task = create_task(async { current_task().unwrap().name() }).named("of a callback").eager();
            assert!(current_task().is_none());
            *put.borrow_mut() = Some(task);
        });
        yield_now().await;
        let task = made.borrow_mut().take().unwrap();
        assert_eq!(task.await, "of a callback");
    });
}

#[test]
fn a_child_of_a_group_that_fails_in_its_first_step_aborts_the_group() {
    for is_set in [false, true] {
        let lp = if is_set { eager_loop() } else { virtual_loop() };
        lp.run_until_complete(async move {
            let ended: Result<(), _> = task_group(async |g| {
                let failing = g.create_task(async { Err::<(), _>("boom") });
                drop(if is_set { failing } else { failing.eager() });
                let whole = g.create_task(async { Ok(3) });
                assert_eq!(whole.done(), is_set);
                pending::<()>().await;
                Ok(())
            })
            .await;
            assert_eq!(ended.unwrap_err().errors, ["boom"]);
        })
        .unwrap();
    }
}

#[test]
fn children_that_begin_may_start_more_children_of_their_group() {
    eager_loop()
        .run_until_complete(async {
            let sum = Rc::new(Cell::new(0));
            let counted = Rc::clone(&sum);
            let ended: Result<(), GroupError<()>> = task_group(async move |g| {
                let (group, counted) = (g.clone(), Rc::clone(&counted));
                drop(g.create_task(async move {
                    for n in 1..=10 {
                        let counted = Rc::clone(&counted);
                        drop(group.create_task(async move {
                            counted.set(counted.get() + n);
                            sleep(ms(n)).await;
                            Ok(())
                        }));
                    }
                    Ok(())
                }));
                Ok(())
            })
            .await;
            assert!(ended.is_ok());
            assert_eq!(sum.get(), 55);
        })
        .unwrap();
}

#[test]
fn reads_that_are_ready_in_eager_tasks_do_not_starve_others() {
    run_real(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        peer.write_all(&[0; 4_000]).await.unwrap();
        let turns = Rc::new(Cell::new(0));
        let counted = Rc::clone(&turns);
        drop(create_task(async move {
            loop {
                counted.set(counted.get() + 1);
                yield_now().await;
            }
        }));
        stream.readable().await;
        let (stream, before) = (Rc::new(stream), turns.get());
        for _ in 0..1_000 {
            let from = Rc::clone(&stream);
            create_task(async move { from.read_exact(&mut [0; 4]).await.unwrap() }).eager().await;
        }
        let others = turns.get() - before;
        assert!(others >= 10, "{others}");
    });
}

// A loop whose tasks are eager.

#[test]
fn a_loop_of_eager_tasks_begins_all_that_it_makes_while_it_runs() {
    let lp = eager_loop();
    assert!(lp.eager_tasks());
    let before = lp.create_task(async { 1 });
    assert!(!before.done());
    lp.run_until_complete(async move {
        assert_eq!(before.await, 1);
        assert!(create_task(async {}).done());
        assert!(gather([1, 2].map(async |n| n)).done());
        assert!(gather!(async { 1 }, async { "two" }).done());
        assert!(try_gather([async { Err::<(), _>("boom") }]).done());
        assert!(shield(async { 1 }).done());
        let sets = wait([create_task(async {}), create_task(pending())]).timeout(ms(5)).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (1, 1));
        let mut ended = as_completed([1, 2].map(|n| create_task(async move { n })));
        for n in [1, 2] {
            assert_eq!(ended.next().await.unwrap().unwrap().await, n);
        }
        EventLoop::current().set_eager_tasks(false);
        assert!(!create_task(async {}).done());
    })
    .unwrap();
}

#[test]
fn children_that_have_begun_are_not_held_back_by_a_limit() {
    eager_loop()
        .run_until_complete(async {
            let running = Rc::new(Cell::new(0));
            let children = (0..4).map(|n| {
                let running = Rc::clone(&running);
                async move {
                    running.set(running.get() + 1);
                    sleep(ms(5)).await;
                    n
                }
            });
            let gathering = gather(children).limit(2);
            assert_eq!(running.get(), 4);
            assert_eq!(gathering.await, [0, 1, 2, 3]);
        })
        .unwrap();
}

#[test]
fn a_destructor_may_make_one_while_the_loop_closes_and_it_is_queued() {
    let lp = eager_loop();
    let began = Rc::new(Cell::new(false));
    let begins = Rc::clone(&began);
    let handle = lp.clone();
    drop(lp.create_task(async move {
        let _guard = OnDrop(move || {
            let begins = Rc::clone(&begins);
            drop(handle.create_task(async move { begins.set(true) }));
        });
        pending::<()>().await;
    }));
    lp.run_until_complete(yield_now()).unwrap();
    lp.close().unwrap();
    assert!(!began.get());
}

#[test]
fn an_eager_task_in_a_select_that_lost_runs_on() {
    run(async {
        let done = Rc::new(Cell::new(false));
        let set = Rc::clone(&done);
        let loser = async move {
            let task = create_task(async move {
                sleep(ms(5)).await;
                set.set(true);
            })
            .eager();
            task.await;
        };
        let (loser, winner) = (Box::pin(loser), Box::pin(yield_now()));
        assert!(matches!(select(loser, winner).await, Either::Right(_)));
        sleep(ms(10)).await;
        assert!(done.get());
    });
}
