//! Gatherings: what they give and when, limits, failures, cancellation as a group, nesting, and what happens to one
//! that is not awaited.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use oneloop::{
    Awaitable, EventLoop, Task, TaskError, all_tasks, catch_cancelled, create_future, create_task, current_task,
    ensure_future, gather, sleep, try_gather, yield_now,
};

use crate::support::{after, fail_after, now, pass_after, reports_as, run, secs, virtual_loop};

async fn panic_after(seconds: u64) -> u64 {
    panic!("boom {}", after(seconds).await)
}

/// Adds one while it lives.
struct Alive(Rc<Cell<usize>>);

impl Alive {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// How many children have begun, run, and ran at once at most.
#[derive(Clone, Default)]
struct Crew {
    begun: Rc<RefCell<Vec<u64>>>,
    running: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
}

impl Crew {
    async fn work(self, id: u64, seconds: u64) -> u64 {
        self.begun.borrow_mut().push(id);
        let _alive = Alive::new(&self.running);
        self.most.set(self.most.get().max(self.running.get()));
        sleep(secs(seconds)).await;
        id
    }

    fn begun(&self) -> Vec<u64> {
        self.begun.borrow().clone()
    }
}

// What it gives.

#[test]
fn values_come_in_the_order_of_arguments_whatever_ends_first() {
    let (values, passed) = run(async {
        let start = now();
        let values = gather([5, 1, 3, 0, 4].map(after)).await;
        (values, now() - start)
    });
    assert_eq!(values, [5, 1, 3, 0, 4]);
    assert_eq!(passed, secs(5)); // all at once, not one after another
}

#[test]
fn nothing_gathered_is_done_at_once() {
    run(async {
        let gathering = gather(Vec::<std::future::Ready<i32>>::new());
        assert!(gathering.done() && !gathering.cancelled() && !gathering.cancel());
        assert_eq!(gathering.await, Vec::<i32>::new());
        assert_eq!(try_gather(Vec::<std::future::Ready<Result<i32, ()>>>::new()).await, Ok(vec![]));
        assert!(gather(Vec::<std::future::Ready<i32>>::new()).limit(1).return_exceptions().await.is_empty());
    });
}

#[test]
fn done_children_make_a_done_gathering() {
    run(async {
        let futures = [1, 2].map(|n| {
            let future = create_future();
            future.set_result(n).unwrap();
            future
        });
        let gathering = gather(futures);
        assert!(gathering.done());
        assert_eq!(gathering.into_result().unwrap(), [1, 2]);
    });
}

#[test]
fn a_done_error_decides_at_once_and_the_coroutine_beside_it_still_runs() {
    run(async {
        let ran = Rc::new(Cell::new(false));
        let (failed, mark) = (create_future::<Result<(), &str>>(), Rc::clone(&ran));
        failed.set_exception("no").unwrap();
        let both: [Awaitable<Result<(), &str>>; 2] = [
            failed.into(),
            ensure_future(async move {
                mark.set(true);
                Ok(())
            }),
        ];
        let gathering = try_gather(both);
        assert!(gathering.done() && !ran.get());
        assert_eq!(gathering.await, Err("no"));
        yield_now().await;
        assert!(ran.get());
    });
}

#[test]
fn children_start_at_the_call_in_the_order_of_arguments_before_any_await() {
    run(async {
        let crew = Crew::default();
        let gathering = gather((0..4).map(|i| crew.clone().work(i, 1)));
        assert!(crew.begun().is_empty());
        yield_now().await;
        assert_eq!(crew.begun(), [0, 1, 2, 3]);
        sleep(secs(2)).await;
        assert!(gathering.done());
        assert_eq!(gathering.await, [0, 1, 2, 3]);
    });
}

#[test]
fn a_task_is_its_own_child_and_a_coroutine_becomes_one_task() {
    run(async {
        let tasks = [1, 2].map(|n| create_task(after(n)));
        assert_eq!(all_tasks().len(), 3);
        let of_tasks = gather(tasks);
        assert_eq!(all_tasks().len(), 3); // no wrappers
        let of_both = ensure_future(gather([of_tasks]));
        assert_eq!(all_tasks().len(), 3); // nor for gatherings
        let of_coroutines = gather([1, 2].map(after));
        assert_eq!(all_tasks().len(), 5);
        assert_eq!((of_both.await, of_coroutines.await), (vec![vec![1, 2]], vec![1, 2]));
    });
}

#[test]
fn values_need_not_be_clone() {
    struct Own(Box<u64>);
    let values = run(async { gather((0..3).map(|i| async move { Own(Box::new(after(i).await)) })).await });
    assert_eq!(values.iter().map(|own| *own.0).collect::<Vec<_>>(), [0, 1, 2]);
    let closures = run(async {
        let make =
            |n: u64| async move { Ok::<Box<dyn FnOnce() -> u64>, Box<dyn std::error::Error>>(Box::new(move || n)) };
        try_gather([7, 8].map(make)).await.map_err(|e| e.to_string())
    });
    assert_eq!(closures.unwrap().into_iter().map(|f| f()).sum::<u64>(), 15);
}

#[test]
fn a_mixture_goes_by_awaitable() {
    let values = run(async {
        let (settled, shared) = (create_future(), create_task(after(2)).shared());
        let setter = settled.clone();
        EventLoop::current().call_later(secs(1), move || setter.set_result(1).unwrap());
        let mixture: Vec<Awaitable<u64>> = vec![
            settled.into(),
            shared.clone().into(),
            create_task(after(3)).into(),
            ensure_future(after(4)),
            Awaitable::from(gather([after(5)])).map(|five| five[0]),
            Awaitable::from(gather([after(6)]).return_exceptions()).map(|mut six| six.remove(0).unwrap()),
            Awaitable::from(try_gather([pass_after::<u64>(7)])).map(|seven| seven.unwrap()[0]),
            shared.into(),
        ];
        gather(mixture).await
    });
    assert_eq!(values, [1, 2, 3, 4, 5, 6, 7, 2]);
}

#[test]
fn tuples_hold_several_types() {
    run(async {
        let task = create_task(after(1));
        let (one, two, three) = oneloop::gather!(task, async { "two" }, gather([after(3)])).await;
        assert_eq!((one, two, three), (1, "two", vec![3]));
        let good = oneloop::try_gather!(pass_after(1), async { Ok::<_, u64>('c') }).await;
        assert_eq!(good, Ok((1, 'c')));
        let start = now();
        let bad = oneloop::try_gather!(pass_after(9), fail_after(2, 2), async { Ok('c') }).await;
        assert_eq!((bad, now() - start), (Err(2), secs(2)));
    });
}

#[test]
fn a_shared_gathering_gives_its_values_to_all() {
    run(async {
        let shared = gather([after(1), after(2)]).shared();
        let other = create_task(shared.clone());
        assert_eq!((shared.await, other.await), (vec![1, 2], vec![1, 2]));
    });
}

#[test]
fn a_gathering_made_before_the_loop_runs_is_run_as_it_is() {
    let lp = virtual_loop();
    let gathering = {
        let _in = lp.enter();
        gather([2, 1].map(after))
    };
    assert!(!gathering.done());
    assert_eq!(lp.run_until_complete(gathering).unwrap(), [2, 1]);
}

#[test]
#[should_panic(expected = "another event loop")]
fn a_child_of_another_loop_is_refused() {
    let other = virtual_loop();
    let foreign = other.create_future::<()>();
    run(async move { gather([foreign]).await });
}

#[test]
fn awaited_inside_foreign_combinators_it_gives_the_same() {
    run(async {
        let (a, b) = futures::join!(gather([1, 2].map(after)), gather([3, 1].map(after)));
        assert_eq!((a, b), (vec![1, 2], vec![3, 1]));
        let crew = Crew::default();
        let slow = gather([crew.clone().work(0, 9)]);
        let fast = gather([after(1)]);
        match futures::future::select(slow, fast).await {
            futures::future::Either::Right((fast, slow)) => {
                assert_eq!(fast, [1]);
                drop(slow);
            }
            futures::future::Either::Left(_) => panic!("the slow one was first"),
        }
        yield_now().await;
        assert_eq!(crew.running.get(), 1); // the loser's children run on
    });
}

// Its result.

#[test]
fn a_result_is_asked_for_without_awaiting() {
    run(async {
        assert!(matches!(gather([after(1)]).into_result(), Err(TaskError::NotDone)));
        let mut gathering = gather([after(1)]);
        assert_eq!((&mut gathering).await, [1]);
        assert!(gathering.done());
        assert!(matches!(gathering.outcome().await, Err(TaskError::Taken)));
        assert!(matches!(gathering.into_result(), Err(TaskError::Taken)));
    });
}

#[test]
fn callbacks_run_once_in_order_of_registration_and_can_be_taken_back() {
    run(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let gathering = gather([after(1)]);
        let note = |word: &'static str| {
            let log = Rc::clone(&log);
            gathering.add_done_callback(move |ended| {
                assert!(ended.done());
                log.borrow_mut().push(word);
            })
        };
        let (_, second, _) = (note("first"), note("second"), note("third"));
        assert!(gathering.remove_done_callback(second));
        assert!(!gathering.remove_done_callback(second));
        sleep(secs(2)).await;
        note("late");
        assert_eq!(*log.borrow(), ["first", "third"]);
        yield_now().await;
        assert_eq!(*log.borrow(), ["first", "third", "late"]);
        assert_eq!(gathering.await, [1]);
    });
}

#[test]
fn dropped_before_its_end_its_children_run_on_and_its_callback_is_called() {
    run(async {
        let (crew, called) = (Crew::default(), Rc::new(Cell::new(0)));
        let (count, lp) = (Rc::clone(&called), EventLoop::current());
        let gathering = gather((1..=3).map(|i| crew.clone().work(i, i)));
        let start = lp.time();
        gathering.add_done_callback(move |_| count.set(count.get() + 1));
        drop(gathering);
        sleep(Duration::from_millis(2_500)).await;
        assert_eq!((called.get(), crew.running.get()), (0, 1));
        sleep(secs(2)).await;
        assert_eq!((called.get(), crew.running.get(), lp.time() - start), (1, 0, Duration::from_millis(4_500)));
    });
}

#[test]
fn values_that_were_not_taken_are_dropped_with_the_gathering() {
    run(async {
        let alive = Rc::new(Cell::new(0));
        let make = || gather([Alive::new(&alive), Alive::new(&alive)].map(|one| async { one }));
        let (done, pending) = (make(), make());
        assert_eq!(alive.get(), 4);
        drop(pending); // its children are not done: they return into nothing
        sleep(secs(1)).await;
        assert!(done.done());
        assert_eq!(alive.get(), 2);
        drop(done);
        assert_eq!(alive.get(), 0);
    });
}

// Children that fail.

#[test]
fn the_first_error_comes_at_once_and_the_siblings_run_on() {
    run(async {
        let start = now();
        let sibling = create_task(pass_after(9));
        let handle = sibling.handle();
        let mixture: Vec<Awaitable<Result<u64, u64>>> = vec![
            sibling.into(),
            ensure_future(fail_after(3, 3)),
            ensure_future(fail_after(2, 2)),
            ensure_future(pass_after(1)),
        ];
        assert_eq!(try_gather(mixture).await, Err(2));
        assert_eq!(now() - start, secs(2));
        assert!(!handle.done());
        sleep(secs(8)).await;
        assert!(handle.done() && !handle.cancelled());
    });
}

#[test]
fn gather_takes_errors_for_values() {
    let all = run(async { gather([ensure_future(fail_after(1, 1)), ensure_future(pass_after(2))]).await });
    assert_eq!(all, [Err(1), Ok(2)]);
}

#[test]
fn a_cancelled_child_is_raised_in_the_awaiter_and_the_sibling_runs_on() {
    run(async {
        let (victim, sibling) = (create_task(after(5)), create_task(after(6)));
        let handle = sibling.handle();
        EventLoop::current().call_later(secs(1), {
            let victim = victim.handle();
            move || victim.cancel_with("why")
        });
        let cancelled = catch_cancelled(gather([victim, sibling])).await.unwrap_err();
        assert_eq!(cancelled.message(), Some("why"));
        assert_eq!(current_task().unwrap().cancelling(), 0); // not this task's own
        assert!(!handle.done());
        sleep(secs(10)).await;
        assert!(handle.done() && !handle.cancelled());
    });
}

#[test]
fn a_panicking_child_panics_in_the_awaiter_and_the_sibling_runs_on() {
    run(async {
        let crew = Crew::default();
        let (one, two) = (ensure_future(panic_after(1)), ensure_future(crew.clone().work(7, 3)));
        let mut awaiter = create_task(gather([one, two]));
        let Err(TaskError::Panicked(panic)) = awaiter.outcome().await else { panic!("it went well") };
        assert_eq!((panic.message(), crew.running.get()), ("boom 1", 1));
        let mut awaiter = create_task(try_gather(
            [0, 1].map(|n| async move { if n == 0 { panic!("bang") } else { Ok::<_, ()>(n) } }),
        ));
        assert!(matches!(awaiter.outcome().await, Err(TaskError::Panicked(p)) if p.message() == "bang"));
    });
}

#[test]
fn return_exceptions_puts_every_ending_in_its_place_when_all_have_ended() {
    run(async {
        let victim = create_task(after(9));
        EventLoop::current().call_later(secs(1), {
            let victim = victim.handle();
            move || victim.cancel()
        });
        let start = now();
        let all = [victim.into(), ensure_future(panic_after(2)), ensure_future(after(3))];
        let ended = gather(all).return_exceptions().await;
        assert_eq!(now() - start, secs(3));
        assert!(matches!(ended[0], Err(TaskError::Cancelled(_))));
        assert!(matches!(&ended[1], Err(TaskError::Panicked(panic)) if panic.message() == "boom 2"));
        assert!(matches!(ended[2], Ok(3)));
    });
}

#[test]
fn return_exceptions_judges_again_what_was_cancelled_before_the_call() {
    run(async {
        let future = create_future::<u64>();
        future.cancel();
        let both = [future.into(), ensure_future(after(1))];
        let gathering = gather(both).return_exceptions();
        assert!(!gathering.done());
        let ended = gathering.await;
        assert!(matches!(ended[..], [Err(TaskError::Cancelled(_)), Ok(1)]));
    });
}

#[test]
fn a_panic_of_a_gathering_that_is_not_awaited_is_reported_once() {
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| context.exception.message().to_owned());
    lp.run_until_complete(async {
        let gathering = gather([ensure_future(panic_after(1)), ensure_future(after(2))]);
        sleep(secs(3)).await;
        drop(gathering);
    })
    .unwrap();
    drop(lp);
    assert_eq!(*reports.borrow(), ["boom 1"]);
}

// cancel_rest.

#[test]
fn cancel_rest_waits_for_the_cleanup_of_the_others_before_it_gives_the_error() {
    run(async {
        let (start, cleaned) = (now(), Rc::new(Cell::new(false)));
        let mark = Rc::clone(&cleaned);
        let slow = async move {
            let Err(cancelled) = catch_cancelled(sleep(secs(60))).await else { return Ok(0) };
            sleep(secs(4)).await;
            mark.set(true);
            cancelled.reraise().await
        };
        let ended = try_gather([ensure_future(slow), ensure_future(fail_after(1, 1))]).cancel_rest().await;
        assert_eq!((ended, cleaned.get()), (Err(1), true));
        assert_eq!(now() - start, secs(5));
    });
}

#[test]
fn cancel_rest_keeps_the_first_error_when_a_cancelled_sibling_fails_or_swallows() {
    run(async {
        let fails_late = async { catch_cancelled(sleep(secs(60))).await.map(|()| 0).map_err(|_| 2) };
        let swallows = async {
            let _ = catch_cancelled(sleep(secs(60))).await;
            Ok(3)
        };
        let all = [ensure_future(fails_late), ensure_future(swallows), ensure_future(fail_after(1, 1))];
        assert_eq!(try_gather(all).cancel_rest().await, Err(1));
        assert_eq!(try_gather([2, 1].map(pass_after::<u64>)).cancel_rest().await, Ok(vec![2, 1]));
    });
}

#[test]
fn cancel_rest_cancels_also_when_the_error_was_there_before_the_call() {
    run(async {
        let failed = create_future();
        failed.set_exception(7).unwrap();
        let rest = create_task(pass_after(9));
        let handle = rest.handle();
        let gathering = try_gather([Awaitable::from(rest), failed.into()]).cancel_rest();
        assert!(!gathering.done());
        assert_eq!(gathering.await, Err(7));
        assert!(handle.cancelled());
    });
}

#[test]
fn cancel_rest_after_a_panic_cancels_the_others_and_goes_on_with_the_panic() {
    run(async {
        let rest = create_task(pass_after::<u64>(9));
        let handle = rest.handle();
        let bad = async {
            sleep(secs(1)).await;
            panic!("bang")
        };
        let mut awaiter = create_task(try_gather([rest.into(), ensure_future(bad)]).cancel_rest());
        assert!(matches!(awaiter.outcome().await, Err(TaskError::Panicked(p)) if p.message() == "bang"));
        assert!(handle.cancelled());
    });
}

// limit.

#[test]
fn never_more_than_the_limit_run_and_results_stay_in_order() {
    for limit in [1, 2, 3, 7, 10, 99] {
        let (crew, values) = run(async {
            let crew = Crew::default();
            let values = gather((0..10).map(|i| crew.clone().work(i, (i * 7) % 4))).limit(limit).await;
            (crew, values)
        });
        assert_eq!(values, (0..10).collect::<Vec<_>>());
        assert_eq!(crew.begun(), (0..10).collect::<Vec<_>>()); // they also begin in order
        assert_eq!(crew.most.get(), limit.min(10));
    }
}

#[test]
fn with_a_limit_the_next_starts_as_soon_as_any_has_ended() {
    let passed = run(async {
        let start = now();
        gather([5, 1, 1, 1, 1, 1].map(after)).limit(2).await;
        now() - start
    });
    assert_eq!(passed, secs(5));
}

#[test]
#[should_panic(expected = "a limit of 0 could never run a child")]
fn a_limit_of_zero_is_refused() {
    run(async { gather([after(1)]).limit(0).await });
}

#[test]
fn a_cancelled_running_child_makes_room_and_a_cancelled_held_one_takes_none() {
    run(async {
        let crew = Crew::default();
        let children: Vec<_> = (0..5).map(|i| create_task(crew.clone().work(i, 10))).collect();
        let handles: Vec<_> = children.iter().map(oneloop::Task::handle).collect();
        let gathering = gather(children).limit(2).return_exceptions();
        yield_now().await;
        assert_eq!(crew.begun(), [0, 1]);
        assert!(handles[2].cancel()); // held
        yield_now().await;
        yield_now().await;
        assert!(handles[2].cancelled());
        assert_eq!(crew.begun(), [0, 1]);
        assert!(handles[0].cancel()); // running
        yield_now().await;
        yield_now().await;
        assert_eq!(crew.begun(), [0, 1, 3]);
        let ended = gathering.await;
        assert!(matches!(ended[..], [Err(_), Ok(1), Err(_), Ok(3), Ok(4)]), "{ended:?}");
        assert_eq!((crew.begun(), crew.most.get()), (vec![0, 1, 3, 4], 2));
    });
}

#[test]
fn a_child_cancelled_between_its_turn_and_its_first_step_makes_room() {
    run(async {
        let crew = Crew::default();
        let children: Vec<_> = (0..3).map(|i| create_task(crew.clone().work(i, 1))).collect();
        let next = children[1].handle();
        children[0].add_done_callback(move |_| assert!(next.cancel()));
        let ended = gather(children).limit(1).return_exceptions().await;
        assert_eq!(crew.begun(), [0, 2]);
        assert!(matches!(ended[..], [Ok(0), Err(TaskError::Cancelled(_)), Ok(2)]), "{ended:?}");
        assert_eq!(crew.most.get(), 1);
    });
}

#[test]
fn after_an_error_the_held_siblings_start_in_their_turn() {
    run(async {
        let crew = Crew::default();
        let child = |id: u64| {
            let crew = crew.clone();
            async move {
                let id = crew.work(id, 1).await;
                if id == 0 { Err(id) } else { Ok(id) }
            }
        };
        assert_eq!(try_gather((0..4).map(child)).limit(1).await, Err(0));
        sleep(secs(9)).await;
        assert_eq!((crew.begun(), crew.most.get()), (vec![0, 1, 2, 3], 1));
    });
}

#[test]
fn with_cancel_rest_the_held_siblings_never_start() {
    for limit_first in [true, false] {
        run(async {
            let crew = Crew::default();
            let child = |id: u64| {
                let crew = crew.clone();
                async move {
                    let id = crew.work(id, id + 1).await;
                    if id == 0 { Err(id) } else { Ok(id) }
                }
            };
            let gathering = try_gather((0..5).map(child));
            let gathering =
                if limit_first { gathering.limit(2).cancel_rest() } else { gathering.cancel_rest().limit(2) };
            assert_eq!(gathering.await, Err(0));
            sleep(secs(9)).await;
            assert_eq!((crew.begun(), crew.running.get(), all_tasks().len()), (vec![0, 1], 0, 1));
        });
    }
}

#[test]
fn a_panicking_child_makes_room() {
    run(async {
        let crew = Crew::default();
        let mut children = vec![ensure_future(panic_after(1))];
        children.extend((1..4).map(|i| ensure_future(crew.clone().work(i, 1))));
        let ended = gather(children).return_exceptions().limit(1).await;
        assert!(matches!(ended[..], [Err(TaskError::Panicked(_)), Ok(1), Ok(2), Ok(3)]));
        assert_eq!(crew.most.get(), 1);
    });
}

#[test]
fn cancelled_as_a_group_held_children_never_run() {
    run(async {
        let crew = Crew::default();
        let mut gathering = gather((0..5).map(|i| crew.clone().work(i, 9))).limit(2);
        yield_now().await;
        assert!(gathering.cancel());
        assert!(matches!(gathering.outcome().await, Err(TaskError::Cancelled(_))));
        sleep(secs(20)).await;
        assert_eq!((crew.begun(), crew.running.get(), all_tasks().len()), (vec![0, 1], 0, 1));
    });
}

#[test]
fn dropped_with_a_limit_it_lets_all_children_run_and_keeps_the_limit() {
    run(async {
        let crew = Crew::default();
        drop(gather((0..5).map(|i| crew.clone().work(i, 1))).limit(2));
        sleep(secs(9)).await;
        assert_eq!((crew.begun(), crew.most.get()), (vec![0, 1, 2, 3, 4], 2));
    });
}

#[test]
fn the_loop_can_close_while_children_are_held() {
    let alive = Rc::new(Cell::new(0));
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let held = (0..5).map(|_| Alive::new(&alive)).map(|one| async move {
            sleep(secs(1)).await;
            drop(one);
        });
        drop(gather(held).limit(1));
        yield_now().await;
    })
    .unwrap();
    assert_eq!(alive.get(), 5);
    drop(lp);
    assert_eq!(alive.get(), 0);
}

#[test]
fn a_limit_whose_first_children_are_done_still_starts_the_rest() {
    run(async {
        let done = create_future();
        done.set_result(0).unwrap();
        let rest = [1, 2].map(|n| ensure_future(async move { n }));
        let all = std::iter::once(Awaitable::from(done)).chain(rest);
        assert_eq!(gather(all).limit(1).await, [0, 1, 2]);
    });
}

#[test]
fn a_limit_of_n_lets_n_run_although_others_among_the_first_are_done() {
    run(async {
        let (start, done, crew) = (now(), create_future(), Crew::default());
        done.set_result(0).unwrap();
        let rest = [1, 2, 3].map(|n| ensure_future(crew.clone().work(n, 1)));
        let all = std::iter::once(Awaitable::from(done)).chain(rest);
        assert_eq!(gather(all).limit(3).await, [0, 1, 2, 3]);
        assert_eq!((crew.most.get(), now() - start), (3, secs(1)));
    });
}

#[test]
fn a_limit_counts_the_tasks_that_ran_before_it_was_set() {
    run(async {
        let crew = Crew::default();
        let started = [(0, 9), (1, 1)].map(|(id, seconds)| create_task(crew.clone().work(id, seconds)));
        yield_now().await;
        assert_eq!(crew.most.replace(0), 2);
        // two run already; with a limit of 1 the others wait until none runs
        let waiting = [2, 3].map(|id| create_task(crew.clone().work(id, 1)));
        assert_eq!(gather(started.into_iter().chain(waiting)).limit(1).await, [0, 1, 2, 3]);
        assert_eq!(crew.most.get(), 1);
    });
}

#[test]
fn a_second_limit_stands_instead_of_the_first() {
    for (first, second) in [(1, 4), (4, 1), (2, 3)] {
        run(async move {
            let crew = Crew::default();
            let values = gather((0..6).map(|i| crew.clone().work(i, 1))).limit(first).limit(second).await;
            assert_eq!((values.len(), crew.most.get()), (6, second));
        });
    }
}

// As a group.

#[test]
fn cancel_reaches_every_child_and_the_gathering_ends_when_they_have() {
    run(async {
        let crew = Crew::default();
        let mut gathering = gather((0..3).map(|i| crew.clone().work(i, 9)));
        yield_now().await;
        assert!(gathering.cancel_with("enough"));
        assert!(!gathering.done() && !gathering.cancelled());
        let Err(TaskError::Cancelled(cancelled)) = gathering.outcome().await else { panic!("it went well") };
        assert_eq!((cancelled.message(), crew.running.get()), (Some("enough"), 0));
        assert!(gathering.done() && gathering.cancelled() && !gathering.cancel());
    });
}

#[test]
fn cancelled_before_the_first_step_no_child_runs() {
    run(async {
        let crew = Crew::default();
        let mut gathering = gather((0..3).map(|i| crew.clone().work(i, 9)));
        assert!(gathering.cancel());
        assert!(gathering.outcome().await.is_err());
        assert!(crew.begun().is_empty());
    });
}

#[test]
fn a_cancellation_of_the_awaiter_goes_to_the_children() {
    run(async {
        let crew = Crew::default();
        let mut awaiter = create_task(gather((0..3).map(|i| crew.clone().work(i, 9))));
        yield_now().await;
        assert_eq!(crew.running.get(), 3);
        assert!(awaiter.cancel());
        assert!(matches!(awaiter.outcome().await, Err(TaskError::Cancelled(_))));
        assert_eq!((crew.running.get(), awaiter.cancelling()), (0, 1));
    });
}

#[test]
fn a_child_that_swallows_does_not_save_a_cancelled_gathering() {
    run(async {
        let swallows = || async {
            let _ = catch_cancelled(sleep(secs(9))).await;
            1
        };
        for collects in [false, true] {
            let gathering = gather([swallows()]);
            let cancelled = if collects {
                let mut gathering = gathering.return_exceptions();
                yield_now().await;
                assert!(gathering.cancel());
                gathering.outcome().await.is_err()
            } else {
                let mut gathering = gathering;
                yield_now().await;
                assert!(gathering.cancel());
                gathering.outcome().await.is_err()
            };
            assert!(cancelled);
        }
    });
}

#[test]
fn cancelled_without_return_exceptions_it_does_not_wait_for_a_slow_child_and_with_it_does() {
    for collects in [false, true] {
        let passed = run(async {
            let slow = async {
                let Err(cancelled) = catch_cancelled(sleep(secs(60))).await else { return 0 };
                sleep(secs(5)).await;
                cancelled.reraise().await
            };
            let gathering = gather([ensure_future(slow), ensure_future(after(60))]);
            let start = now();
            let handle = gathering.any();
            EventLoop::current().call_later(secs(1), move || assert!(handle.cancel()));
            if collects {
                assert!(catch_cancelled(gathering.return_exceptions()).await.is_err());
            } else {
                assert!(catch_cancelled(gathering).await.is_err());
            }
            now() - start
        });
        assert_eq!(passed, secs(if collects { 6 } else { 1 }));
    }
}

// Nested.

#[test]
fn nested_gatherings_give_nested_values_and_errors() {
    run(async {
        let leaf = |seconds: &[u64]| gather(seconds.iter().copied().map(after));
        let values = gather([leaf(&[3, 1]), leaf(&[2]), leaf(&[])]).await;
        assert_eq!(values, [vec![3, 1], vec![2], vec![]]);
        let tries = gather([try_gather([pass_after(1)]), try_gather([fail_after(2, 2), fail_after(1, 1)])]).await;
        assert_eq!(tries, [Ok(vec![1]), Err(1)]);
        let ended = gather([gather([ensure_future(panic_after(1))]), gather([ensure_future(after(2))])]);
        let ended = ended.return_exceptions().await;
        assert!(matches!(&ended[0], Err(TaskError::Panicked(_))));
        assert!(matches!(&ended[1], Ok(two) if two == &[2]));
    });
}

#[test]
fn a_cancellation_goes_all_the_way_down_and_comes_all_the_way_up() {
    run(async {
        let crew = Crew::default();
        let leaves = |from: u64| gather((from..from + 2).map(|i| crew.clone().work(i, 9)));
        let mut tree = gather([gather([leaves(0), leaves(2)]), gather([leaves(4)])]);
        yield_now().await;
        assert_eq!(crew.running.get(), 6);
        assert!(tree.cancel());
        assert!(matches!(tree.outcome().await, Err(TaskError::Cancelled(_))));
        yield_now().await;
        assert_eq!(crew.running.get(), 0);
    });
}

#[test]
fn deep_nests_are_gathered_cancelled_and_dropped_without_a_deep_stack() {
    run(async {
        let nest = || {
            let mut inner = ensure_future(after(1));
            for _ in 0..20_000 {
                inner = Awaitable::from(gather([inner])).map(|one| one[0] + 1);
            }
            inner
        };
        assert_eq!(nest().await, 20_001);
        let mut cancelled = nest();
        assert!(cancelled.cancel());
        assert!(cancelled.outcome().await.is_err());
        drop(nest());
    });
}

#[test]
fn one_shared_child_in_two_gatherings_serves_both_and_cancelled_fails_both() {
    run(async {
        let shared = create_task(after(1)).shared();
        let (one, two) = (gather([shared.clone()]), gather([shared.clone(), shared]));
        assert_eq!((one.await, two.await), (vec![1], vec![1, 1]));
        let shared = create_task(after(9)).shared();
        let (mut one, mut two) = (gather([shared.clone()]), gather([shared]));
        assert!(one.cancel());
        assert!(one.outcome().await.is_err() && two.outcome().await.is_err());
    });
}

#[test]
fn a_gathering_is_asked_for_its_results_without_an_await() {
    run(async {
        let both = gather([after(1), after(2)]);
        assert!(matches!(both.result(), Err(TaskError::NotDone)));
        assert!(both.peek(Vec::len).is_err());
        sleep(secs(3)).await;
        assert_eq!((both.result().unwrap(), both.peek(Vec::len).unwrap()), (vec![1, 2], 2));
        assert_eq!(both.await, [1, 2]); // a look takes nothing
    });
}

#[test]
fn a_gathering_is_asked_for_its_first_error_without_an_await() {
    run(async {
        let failing = try_gather([fail_after(1, 1), fail_after(2, 2), fail_after(3, 3)]);
        assert!(matches!(failing.exception(), Err(TaskError::NotDone)));
        sleep(secs(4)).await;
        assert_eq!(failing.exception().unwrap(), Some(1));
        let fine = try_gather([async { Ok::<u64, u64>(after(1).await) }]);
        sleep(secs(2)).await;
        assert_eq!(fine.exception().unwrap(), None);
    });
}

#[test]
fn a_gathering_that_was_cancelled_says_so_when_it_is_asked() {
    run(async {
        let both = gather([after(1), after(2)]);
        yield_now().await;
        both.cancel();
        sleep(secs(1)).await;
        assert!(matches!(both.result(), Err(TaskError::Cancelled(_))));
        assert!(matches!(both.peek(Vec::len), Err(TaskError::Cancelled(_))));
    });
}

/// In asyncio the arguments are all there before the first child becomes a task.
#[test]
fn an_iterator_that_panics_leaves_no_child_behind() {
    run(async {
        let begun = Rc::new(Cell::new(0));
        let child = |i| {
            assert!(i < 2, "no more");
            let begun = Rc::clone(&begun);
            async move { begun.set(begun.get() + 1) }
        };
        assert!(catch_unwind(AssertUnwindSafe(|| gather((0..3).map(child)))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| try_gather((0..3).map(|i| pass(child(i)))))).is_err());
        yield_now().await;
        assert_eq!((begun.get(), Rc::strong_count(&begun), all_tasks().len()), (0, 1, 1));
    });
}

async fn pass(child: impl Future<Output = ()>) -> Result<(), u64> {
    child.await;
    Ok(())
}

#[test]
fn an_iterator_that_panics_cancels_no_task_that_it_has_handed_over() {
    run(async {
        let task = create_task(after(1));
        let handle = task.any();
        let handed_over = std::iter::once(task).chain(std::iter::from_fn(|| panic!("no more")));
        assert!(catch_unwind(AssertUnwindSafe(|| gather(handed_over))).is_err());
        sleep(secs(2)).await;
        assert!(handle.done() && !handle.cancelled());
    });
}

/// Polls a task once, which does not end by that.
async fn polled_once(mut task: Task<u64>) -> Task<u64> {
    let is_pending = poll_fn(|cx| Poll::Ready(Pin::new(&mut task).poll(cx).is_pending())).await;
    assert!(is_pending, "it has not begun");
    task
}

#[test]
fn a_task_that_was_awaited_before_it_is_gathered_wakes_the_gathering_alone() {
    run(async {
        let task = polled_once(create_task(after(1))).await;
        let mut gathering = gather([task]);
        let polls = Cell::new(0);
        let gathered = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            Pin::new(&mut gathering).poll(cx)
        });
        assert_eq!((gathered.await, polls.get()), (vec![1], 2));
    });
}

#[test]
fn a_cancellation_goes_to_a_gathered_task_that_was_awaited_in_the_same_step() {
    run(async {
        let task = create_task(after(1));
        let child = task.any();
        let waits = create_task(async { gather([polled_once(task).await]).await });
        yield_now().await;
        waits.cancel();
        assert!(waits.into_outcome().await.is_err());
        assert!(child.cancelled());
    });
}
