//! Conditions beyond CPython's tests: waits that are dropped and what is left of their guards, notifications that must
//! not be lost, several conditions on one lock, and code of a user. Must not know how a lock is kept.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, poll};
use oneloop::{
    Condition, Error, Lock, LockGuard, Task, TaskError, catch_cancelled, create_future, create_task, current_task,
    gather, sleep, yield_now,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::support::{Log, LooseWaits, SECOND, panic_of, run, virtual_loop};

const NOT_HELD: &str = "this guard does not hold the lock any more; drop it and acquire the lock anew";

/// A lock, and a condition on it.
fn on_a_lock<T>(value: T) -> (Lock<T>, Condition<T>) {
    let lock = Lock::new(value);
    let condition = Condition::with_lock(&lock);
    (lock, condition)
}

/// A task that waits to be notified and writes `name` down.
fn waiter<T: 'static>(condition: &Condition<T>, log: &Log<&'static str>, name: &'static str) -> Task<()> {
    let (condition, log) = (condition.clone(), Rc::clone(log));
    create_task(async move {
        let mut guard = condition.acquire().await;
        condition.wait(&mut guard).await;
        log.borrow_mut().push(name);
    })
}

// As a property.

/// What is done next; a number says to which of those there are.
#[derive(Clone, Debug)]
enum Op {
    /// A task takes an item as soon as there is one, and keeps the lock for some iterations.
    Consumer(usize),
    /// Several consumers in one task, under a combinator with wakers of its own.
    Crowd(usize),
    /// A consumer that the test itself polls.
    Loose,
    /// A task adds an item and keeps the lock for some iterations.
    Producer(usize),
    Cancel(usize),
    PollLoose(usize),
    DropLoose(usize),
    Tick,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..3_usize).prop_map(Op::Consumer),
        1 => (1..4_usize).prop_map(Op::Crowd),
        2 => Just(Op::Loose),
        4 => (0..3_usize).prop_map(Op::Producer),
        4 => any::<usize>().prop_map(Op::Cancel),
        2 => any::<usize>().prop_map(Op::PollLoose),
        2 => any::<usize>().prop_map(Op::DropLoose),
        5 => Just(Op::Tick),
    ]
}

struct Store {
    /// How many items there are.
    lock: Lock<u32>,
    items: Condition<u32>,
    inside: Cell<bool>,
    produced: Cell<u32>,
    consumed: Cell<u32>,
}

/// No other task is inside while this lives.
struct Alone<'a>(&'a Cell<bool>);

impl<'a> Alone<'a> {
    fn enter(inside: &'a Cell<bool>) -> Self {
        assert!(!inside.replace(true), "two are inside");
        Self(inside)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Default for Store {
    fn default() -> Self {
        let (lock, items) = on_a_lock(0);
        Self { lock, items, inside: Cell::default(), produced: Cell::default(), consumed: Cell::default() }
    }
}

impl Store {
    async fn consume(self: Rc<Self>, ticks: usize) {
        let mut items = self.items.acquire().await;
        self.items.wait_for(&mut items, |items| *items > 0).await;
        let _alone = Alone::enter(&self.inside);
        *items -= 1;
        self.consumed.set(self.consumed.get() + 1);
        for _ in 0..ticks {
            yield_now().await;
        }
    }

    async fn produce(self: Rc<Self>, ticks: usize) {
        let mut items = self.items.acquire().await;
        let _alone = Alone::enter(&self.inside);
        *items += 1;
        self.produced.set(self.produced.get() + 1);
        self.items.notify(&items, 1);
        for _ in 0..ticks {
            yield_now().await;
        }
    }
}

#[derive(Default)]
struct Model {
    store: Rc<Store>,
    tasks: Vec<Task<()>>,
    loose: LooseWaits,
}

impl Model {
    async fn apply(&mut self, op: &Op) {
        let store = || Rc::clone(&self.store);
        match *op {
            Op::Consumer(ticks) => self.tasks.push(create_task(store().consume(ticks))),
            Op::Producer(ticks) => self.tasks.push(create_task(store().produce(ticks))),
            Op::Crowd(n) => {
                let mut crowd: FuturesUnordered<_> = (0..n).map(|_| store().consume(0)).collect();
                self.tasks.push(create_task(async move { while crowd.next().await.is_some() {} }));
            }
            Op::Loose => self.loose.begin(store().consume(0)).await,
            Op::Cancel(n) if !self.tasks.is_empty() => {
                self.tasks[n % self.tasks.len()].cancel();
            }
            Op::PollLoose(n) => self.loose.poll(n).await,
            Op::DropLoose(n) => self.loose.drop_one(n),
            Op::Tick => yield_now().await,
            Op::Cancel(_) => {}
        }
        self.tasks.retain(|task| !task.done());
    }

    /// What is so when every task has gone on that can.
    async fn check_settled(&mut self) {
        let store = Rc::clone(&self.store);
        for _ in 0..300 {
            self.loose.poll_all().await;
            yield_now().await;
        }
        assert_eq!((store.items.locked(), store.lock.waiters()), (false, 0));
        let left = *store.items.try_acquire().expect("it is free");
        assert_eq!(left, store.produced.get() - store.consumed.get());
        assert!(left == 0 || store.items.waiters() == 0, "a task waits beside an item: {:?}", store.items);
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 200,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_is_done_no_task_waits_beside_an_item_or_a_free_lock(ops in prop::collection::vec(op(), 1..80)) {
        run(async {
            let mut model = Model::default();
            for (i, op) in ops.iter().enumerate() {
                model.apply(op).await;
                if i % 25 == 24 {
                    model.check_settled().await;
                }
            }
            model.check_settled().await;
            for task in &model.tasks {
                task.cancel();
            }
            model.loose.drop_all();
            model.check_settled().await;
            assert_eq!(model.store.items.waiters(), 0);
        });
    }
}

// Who is notified.

#[test]
fn as_many_are_notified_as_were_asked_for() {
    run(async {
        let (condition, log) = (Condition::new(()), Log::default());
        let _tasks = ["a", "b", "c", "d", "e"].map(|name| waiter(&condition, &log, name));
        yield_now().await;
        for (n, left, gone_on) in [(0, 5, 0), (2, 3, 2), (1, 2, 3), (100, 0, 5), (1, 0, 5)] {
            let guard = condition.acquire().await;
            condition.notify(&guard, n);
            assert_eq!(condition.waiters(), left);
            drop(guard);
            for _ in 0..6 {
                yield_now().await;
            }
            assert_eq!(log.borrow().len(), gone_on);
        }
        assert_eq!(*log.borrow(), ["a", "b", "c", "d", "e"]);
    });
}

#[test]
fn a_notification_is_not_kept_for_those_who_come_later() {
    run(async {
        let (condition, log) = (Condition::new(()), Log::default());
        condition.notify_all(&condition.acquire().await);
        let task = waiter(&condition, &log, "late");
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!((task.done(), condition.waiters()), (false, 1));
    });
}

#[test]
fn one_who_was_cancelled_before_is_passed_over() {
    run(async {
        let (condition, log) = (Condition::new(()), Log::default());
        let [one, two, three] = ["one", "two", "three"].map(|name| waiter(&condition, &log, name));
        yield_now().await;
        let guard = condition.acquire().await;
        one.cancel();
        condition.notify(&guard, 1);
        drop(guard);
        // it cannot know that, and so notifies one more when it leaves
        gather([two, three]).await;
        assert_eq!((&*log.borrow(), one.cancelled(), condition.waiters()), (&vec!["two", "three"], true, 0));
    });
}

#[test]
fn the_notified_stand_behind_those_who_wait_for_the_lock_already() {
    run(async {
        let ((lock, condition), log) = (on_a_lock(()), Log::default());
        let notified = ["one", "two"].map(|name| waiter(&condition, &log, name));
        yield_now().await;
        let guard = condition.acquire().await;
        let (inside, note) = (condition.clone(), Rc::clone(&log));
        let newcomer = create_task(async move {
            let _guard = inside.acquire().await;
            note.borrow_mut().push("newcomer");
        });
        yield_now().await;
        condition.notify_all(&guard);
        yield_now().await;
        assert_eq!((lock.waiters(), condition.waiters()), (3, 0));
        drop(guard);
        newcomer.await;
        gather(notified).await;
        assert_eq!(*log.borrow(), ["newcomer", "one", "two"]);
    });
}

#[test]
fn conditions_on_one_lock_wake_their_own() {
    run(async {
        let (lock, log) = (Lock::new(0), Log::default());
        let (one, other) = (Condition::with_lock(&lock), Condition::with_lock(&lock));
        let (of_one, of_other) = (waiter(&one, &log, "one"), waiter(&other, &log, "other"));
        yield_now().await;
        let guard = one.acquire().await; // a guard of the one lock, so good for both
        other.notify_all(&guard);
        drop(guard);
        of_other.await;
        assert_eq!((&*log.borrow(), one.waiters(), other.waiters()), (&vec!["other"], 1, 0));

        let mut guard = lock.acquire().await;
        *guard = 1;
        one.notify(&guard, 1);
        other.wait_for(&mut guard, |value| *value == 1).await;
        drop(guard);
        of_one.await;
        assert_eq!(*log.borrow(), ["other", "one"]);
        assert!(!lock.locked() && !one.locked() && !other.locked());
    });
}

#[test]
fn a_store_loses_no_item_whichever_task_is_cancelled() {
    const ITEMS: u32 = 60;
    run(async {
        let store = Lock::new(VecDeque::new());
        let (filled, emptied) = (Condition::with_lock(&store), Condition::with_lock(&store));
        let got: Log<u32> = Log::default();
        let consumer = || {
            let (filled, emptied, got) = (filled.clone(), emptied.clone(), Rc::clone(&got));
            create_task(async move {
                loop {
                    let mut items = filled.acquire().await;
                    filled.wait_for(&mut items, |items| !items.is_empty()).await;
                    got.borrow_mut().extend(items.pop_front());
                    emptied.notify(&items, 1);
                }
            })
        };
        let mut consumers: Vec<Task<()>> = (0..4).map(|_| consumer()).collect();
        let (has_item, has_room) = (filled.clone(), emptied.clone());
        let producer = create_task(async move {
            for item in 0..ITEMS {
                let mut items = has_room.acquire().await;
                has_room.wait_for(&mut items, |items| items.len() < 2).await;
                items.push_back(item);
                has_item.notify(&items, 1);
            }
        });
        // one after the other is cancelled, wherever it stands
        for i in 0.. {
            if got.borrow().len() == ITEMS as usize {
                break;
            }
            assert!(i < 1_000, "stuck with {:?}", got.borrow());
            let i = i % consumers.len();
            consumers[i].cancel();
            consumers[i] = consumer();
            for _ in 0..i % 3 {
                yield_now().await;
            }
        }
        producer.await;
        assert!(got.borrow().iter().copied().eq(0..ITEMS));
    });
}

// Cancelled waits.

#[test]
fn a_wait_that_is_cancelled_again_and_again_ends_when_it_has_the_lock() {
    run(async {
        let (lock, condition) = on_a_lock(7);
        let inside = condition.clone();
        let task = create_task(async move {
            let mut guard = inside.acquire().await;
            let cancelled = catch_cancelled(inside.wait(&mut guard)).await.expect_err("it was cancelled");
            let me = current_task().expect("inside a task");
            (cancelled.message().map(str::to_owned), me.cancelling(), *guard)
        });
        yield_now().await;
        let guard = condition.acquire().await;
        for message in ["one", "two", "three"] {
            assert!(task.cancel_with(message));
            yield_now().await;
            assert_eq!((lock.waiters(), task.done()), (1, false));
        }
        drop(guard);
        assert_eq!(task.await, (Some("three".into()), 3, 7)); // the last one is raised, as in asyncio
        assert!(!condition.locked());
    });
}

#[test]
fn a_cancelled_wait_has_the_lock_when_its_caller_cleans_up() {
    run(async {
        let (condition, log) = (Condition::new(0), Log::default());
        let (inside, note) = (condition.clone(), Rc::clone(&log));
        let mut task = create_task(async move {
            let mut value = inside.acquire().await;
            if let Err(cancelled) = catch_cancelled(inside.wait(&mut value)).await {
                *value += 1; // no other task is inside
                note.borrow_mut().push("cleaned up");
                cancelled.reraise().await;
            }
        });
        yield_now().await;
        let guard = condition.acquire().await;
        task.cancel();
        sleep(SECOND).await;
        assert_eq!((log.borrow().len(), *guard), (0, 0));
        drop(guard);
        assert!(matches!(task.outcome().await, Err(TaskError::Cancelled(_))));
        assert_eq!(*condition.acquire().await, 1);
        assert_eq!(*log.borrow(), ["cleaned up"]);
    });
}

#[test]
fn a_thousand_who_are_cancelled_at_once_leave_everything_free() {
    run(async {
        let ((lock, condition), log) = (on_a_lock(()), Log::default());
        let all: Vec<_> = (0..1_000).map(|_| waiter(&condition, &log, "none")).collect();
        yield_now().await;
        assert_eq!(condition.waiters(), 1_000);
        let guard = condition.acquire().await;
        condition.notify(&guard, 500);
        for task in &all {
            task.cancel();
        }
        drop(guard);
        let ended = gather(all).return_exceptions().await;
        assert!(ended.iter().all(|ended| matches!(ended, Err(TaskError::Cancelled(_)))));
        assert_eq!((condition.waiters(), lock.waiters(), condition.locked()), (0, 0, false));
    });
}

// Dropped waits.

#[test]
fn the_guard_of_a_dropped_wait_shows_no_value_and_says_why() {
    run(async {
        let condition = Condition::new(7);
        let mut guard = condition.acquire().await;
        assert!(condition.wait(&mut guard).now_or_never().is_none());
        assert_eq!((condition.locked(), condition.waiters()), (false, 0));
        assert!(!format!("{guard:?}").contains('7'), "{guard:?}");
        assert!(panic_of(|| *guard).contains(NOT_HELD));
        assert!(panic_of(|| *guard = 8).contains(NOT_HELD));
        assert!(panic_of(|| condition.wait(&mut guard).now_or_never()).contains(NOT_HELD));
        assert!(panic_of(|| condition.wait_for(&mut guard, |_| true).now_or_never()).contains(NOT_HELD));
        // nothing has come of all this
        drop(guard);
        assert_eq!((condition.locked(), *condition.acquire().await), (false, 7));
    });
}

#[test]
fn the_guard_of_a_dropped_wait_releases_no_other_tasks_lock() {
    run(async {
        let ((lock, condition), log) = (on_a_lock(7), Log::default());
        let mut dead = condition.acquire().await;
        assert!(condition.wait(&mut dead).now_or_never().is_none());
        let guard = condition.try_acquire().expect("it was let go");
        let next = waiter(&condition, &log, "next");
        yield_now().await;
        assert_eq!(lock.waiters(), 1);
        drop(dead);
        assert_eq!((condition.locked(), *guard, lock.waiters()), (true, 7, 1));
        assert!(condition.try_acquire().is_none());
        drop(guard);
        yield_now().await;
        assert_eq!(condition.waiters(), 1);
        condition.notify(&condition.acquire().await, 1);
        next.await;
    });
}

#[test]
fn a_wait_that_is_dropped_after_it_was_notified_hands_that_on() {
    run(async {
        let (condition, log) = (Condition::new(()), Log::default());
        let mut dead = condition.acquire().await;
        let mut wait = Box::pin(condition.wait(&mut dead));
        assert!(poll!(wait.as_mut()).is_pending());
        let next = waiter(&condition, &log, "next");
        yield_now().await;
        let guard = condition.acquire().await;
        condition.notify(&guard, 1);
        drop(guard);
        assert_eq!((condition.waiters(), log.borrow().len()), (1, 0));
        drop(wait);
        next.await;
        assert_eq!(*log.borrow(), ["next"]);
        drop(dead);
        assert!(!condition.locked());
    });
}

#[test]
fn a_wait_that_is_dropped_in_line_for_the_lock_hands_notification_and_turn_on() {
    run(async {
        for called in [false, true] {
            let ((lock, condition), log) = (on_a_lock(()), Log::default());
            let mut dead = condition.acquire().await;
            let mut wait = Box::pin(condition.wait(&mut dead));
            assert!(poll!(wait.as_mut()).is_pending());
            let next = waiter(&condition, &log, "next");
            yield_now().await;
            let guard = condition.acquire().await;
            condition.notify(&guard, 1);
            assert!(poll!(wait.as_mut()).is_pending());
            assert_eq!((lock.waiters(), condition.waiters()), (1, 1));
            if called {
                drop(guard); // it is its turn to have the lock
                drop(wait);
            } else {
                drop(wait);
                drop(guard);
            }
            next.await;
            assert_eq!(*log.borrow(), ["next"]);
            drop(dead);
            assert!(!condition.locked());
        }
    });
}

#[test]
fn select_over_a_wait_costs_the_guard_and_nothing_else() {
    run(async {
        let (condition, done) = (Condition::new(1), create_future());
        let (inside, other) = (condition.clone(), done.clone());
        let task = create_task(async move {
            let mut guard = inside.acquire().await;
            {
                let wait = pin!(inside.wait(&mut guard));
                assert!(matches!(select(wait, other).await, Either::Right(((), _))));
            }
            drop(guard);
            let mut guard = inside.acquire().await;
            *guard += 1;
            *guard
        });
        yield_now().await;
        assert_eq!(condition.waiters(), 1);
        done.set_result(()).expect("it is set once");
        assert_eq!(task.await, 2);
        assert_eq!((condition.waiters(), condition.locked()), (0, false));
    });
}

// Combinators with wakers of their own.

#[test]
fn waits_in_a_crowd_are_notified_one_by_one() {
    run(async {
        let (condition, log) = (Condition::new(0), Log::default());
        let (inside, note) = (condition.clone(), Rc::clone(&log));
        let crowd = create_task(async move {
            let one = async |wanted: i32| {
                let mut value = inside.acquire().await;
                inside.wait_for(&mut value, |value| *value >= wanted).await;
                note.borrow_mut().push(wanted);
                inside.notify_all(&value);
            };
            let mut crowd: FuturesUnordered<_> = [3, 1, 2].into_iter().map(one).collect();
            while crowd.next().await.is_some() {}
        });
        while condition.waiters() < 3 {
            yield_now().await;
        }
        for expected in 1..=3 {
            let mut value = condition.acquire().await;
            *value += 1;
            condition.notify_all(&value);
            drop(value);
            sleep(SECOND).await;
            assert!(log.borrow().iter().copied().eq(1..=expected), "{log:?}");
        }
        crowd.await;
        assert_eq!((condition.waiters(), condition.locked()), (0, false));
    });
}

#[test]
fn a_cancelled_task_with_waits_in_a_crowd_leaves_everything_free() {
    run(async {
        for notified in [0, 1, 2] {
            let ((lock, condition), log) = (on_a_lock(()), Log::default());
            let inside = condition.clone();
            let crowd = create_task(async move {
                let one = async |_| {
                    let mut guard = inside.acquire().await;
                    inside.wait(&mut guard).await;
                };
                let mut crowd: FuturesUnordered<_> = (0..2).map(one).collect();
                while crowd.next().await.is_some() {}
                pending::<()>().await;
            });
            while condition.waiters() < 2 {
                yield_now().await;
            }
            let next = waiter(&condition, &log, "next");
            yield_now().await;
            let guard = condition.acquire().await;
            condition.notify(&guard, notified);
            crowd.cancel();
            drop(guard);
            sleep(SECOND).await;
            assert!(crowd.cancelled());
            next.await; // what those who were cancelled did not need
            assert_eq!((condition.waiters(), lock.waiters(), condition.locked()), (0, 0, false));
        }
    });
}

// Code of a user.

#[test]
fn a_predicate_may_look_at_the_condition_and_start_tasks() {
    run(async {
        let (condition, ran) = (Condition::new(0), Rc::new(Cell::new(0)));
        let inside = condition.clone();
        let count = Rc::clone(&ran);
        let task = create_task(async move {
            let mut value = inside.acquire().await;
            let mut looks = 0;
            let wanted = |_: &i32| {
                assert!(inside.locked() && inside.try_acquire().is_none());
                assert!(inside.acquire().now_or_never().is_none());
                assert!(!format!("{inside:?}").contains("value"));
                let (count, again) = (Rc::clone(&count), inside.clone());
                create_task(async move {
                    let _guard = again.acquire().await;
                    count.set(count.get() + 1);
                });
                looks += 1;
                looks == 3
            };
            inside.wait_for(&mut value, wanted).await;
            looks
        });
        for _ in 0..2 {
            sleep(SECOND).await;
            condition.notify(&condition.acquire().await, 1);
        }
        assert_eq!(task.await, 3);
        sleep(SECOND).await;
        assert_eq!((ran.get(), condition.locked()), (3, false));
    });
}

#[test]
fn a_predicate_that_panics_lets_the_lock_go_and_the_next_is_not_harmed() {
    run(async {
        let (condition, log) = (Condition::new(false), Log::default());
        let inside = condition.clone();
        let mut task = create_task(async move {
            let mut value = inside.acquire().await;
            let wanted = |value: &bool| {
                assert!(!*value, "bang");
                false
            };
            inside.wait_for(&mut value, wanted).await;
        });
        let next = waiter(&condition, &log, "next");
        yield_now().await;
        let mut value = condition.acquire().await;
        *value = true;
        condition.notify_all(&value);
        drop(value);
        assert!(matches!(task.outcome().await, Err(TaskError::Panicked(panic)) if panic.message() == "bang"));
        next.await;
        assert_eq!((&*log.borrow(), condition.locked()), (&vec!["next"], false));
    });
}

#[test]
fn a_guard_that_is_moved_can_wait_where_it_is() {
    async fn until<T>(condition: &Condition<T>, mut guard: LockGuard<'_, T>, wanted: fn(&T) -> bool) -> T
    where
        T: Copy,
    {
        condition.wait_for(&mut guard, wanted).await;
        *guard
    }

    run(async {
        let condition = Condition::new(0);
        let inside = condition.clone();
        let task = create_task(async move {
            let guard = inside.acquire().await;
            until(&inside, guard, |value| *value > 0).await
        });
        yield_now().await;
        let mut guard = condition.acquire().await;
        *guard = 5;
        condition.notify(&guard, 1);
        drop(guard);
        assert_eq!((task.await, condition.locked()), (5, false));
    });
}

#[test]
fn the_guard_of_another_lock_is_refused_and_stays_good() {
    run(async {
        let (condition, other) = (Condition::new(1), Lock::new(2));
        let mut guard = other.acquire().await;
        let refusals = [
            panic_of(|| condition.notify(&guard, 1)),
            panic_of(|| condition.notify_all(&guard)),
            panic_of(|| condition.wait(&mut guard).now_or_never()),
            panic_of(|| condition.wait_for(&mut guard, |_| true).now_or_never()),
        ];
        for refusal in refusals {
            assert!(refusal.contains("make it with Condition::with_lock"), "{refusal}");
        }
        assert_eq!((*guard, other.locked(), condition.locked()), (2, true, false));
    });
}

// Before, between and after runs.

#[test]
fn it_is_notified_between_two_runs() {
    let (lp, condition, log) = (virtual_loop(), Condition::new(()), Log::default());
    let task = {
        let _in = lp.enter();
        waiter(&condition, &log, "next")
    };
    lp.run_until_complete(yield_now()).expect("it runs");
    let guard = condition.try_acquire().expect("it is free");
    condition.notify(&guard, 1);
    drop(guard);
    assert_eq!((condition.waiters(), log.borrow().len()), (0, 0));
    lp.run_until_complete(task).expect("it runs");
    assert_eq!((&*log.borrow(), condition.locked()), (&vec!["next"], false));
}

#[test]
fn destructors_may_take_its_lock_and_notify_while_the_loop_closes() {
    /// Counts itself in the value when it is dropped, if it gets at it, and notifies.
    struct Leaves(Condition<u32>, Rc<Cell<u32>>);

    impl Drop for Leaves {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            if let Some(mut count) = self.0.try_acquire() {
                *count += 1;
                self.0.notify_all(&count);
            }
        }
    }

    let ((lock, condition), dropped) = (on_a_lock(0), Rc::new(Cell::new(0)));
    let lp = virtual_loop();
    for _ in 0..5 {
        let leaves = Leaves(condition.clone(), Rc::clone(&dropped));
        let condition = condition.clone();
        lp.create_task(async move {
            let _leaves = leaves; // goes after the guard
            let mut guard = condition.acquire().await;
            condition.wait(&mut guard).await;
        });
    }
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(condition.waiters(), 5);
    lp.close().expect("it does not run");
    assert_eq!((dropped.get(), condition.waiters(), lock.waiters(), condition.locked()), (5, 0, 0, false));
    assert_eq!(condition.try_acquire().as_deref(), Some(&5));
}

#[test]
fn a_program_that_can_never_go_on_is_told_whether_it_waits_to_be_notified_or_for_the_lock() {
    let ended: Result<(), _> = virtual_loop().run_until_complete(async {
        let (condition, log) = (Condition::new(()), Log::default());
        let _tasks = [waiter(&condition, &log, "one").named("one"), waiter(&condition, &log, "two").named("two")];
        yield_now().await;
        let guard = condition.acquire().await;
        condition.notify(&guard, 1);
        pending::<()>().await;
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    let expected = [
        "Task-1 waits for something outside the loop",
        "one waits for a lock held by Task-1",
        "two waits for a condition",
    ];
    assert_eq!(deadlock.waiting, expected);
}
