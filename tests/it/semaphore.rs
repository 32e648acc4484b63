//! Semaphores beyond CPython's tests: that no permit is lost or made by any kind of cancellation, as a property and
//! case by case, and the time before, between and after runs. Must not know how waiters are kept.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, poll};
use oneloop::error::ReleaseError;
use oneloop::{
    BoundedSemaphore, Error, EventLoop, Semaphore, SemaphorePermit, Task, TimeoutError, catch_cancelled, create_future,
    create_task, gather, sleep, timeout, yield_now,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::support::{Log, LooseWaits, SECOND, counted, now, run, virtual_loop};

/// A task that takes a permit, writes `name` down, lets others run, and gives the permit back.
fn visitor(semaphore: &Semaphore, log: &Log<&'static str>, name: &'static str) -> Task<()> {
    let (semaphore, log) = (semaphore.clone(), Rc::clone(log));
    create_task(async move {
        let _permit = semaphore.acquire().await;
        log.borrow_mut().push(name);
        yield_now().await;
    })
}

// As a property.

/// What is done next; a number says to which of those there are.
#[derive(Clone, Debug)]
enum Op {
    /// A task asks for a permit and keeps it.
    Task,
    /// Several waits in one task, under a combinator with wakers of its own.
    Crowd(usize),
    /// A wait that the test itself polls.
    Loose,
    TryAcquire,
    Cancel(usize),
    PollLoose(usize),
    DropLoose(usize),
    GiveBack(usize),
    Forget(usize),
    Release,
    Tick,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Task),
        1 => (1..4_usize).prop_map(Op::Crowd),
        2 => Just(Op::Loose),
        1 => Just(Op::TryAcquire),
        3 => any::<usize>().prop_map(Op::Cancel),
        1 => any::<usize>().prop_map(Op::PollLoose),
        2 => any::<usize>().prop_map(Op::DropLoose),
        4 => any::<usize>().prop_map(Op::GiveBack),
        1 => any::<usize>().prop_map(Op::Forget),
        2 => Just(Op::Release),
        4 => Just(Op::Tick),
    ]
}

/// Permits that were had, and who has had one, by the numbers under which they asked.
#[derive(Default)]
struct Had {
    asked: Cell<u32>,
    held: RefCell<Vec<SemaphorePermit>>,
    order: RefCell<Vec<u32>>,
}

impl Had {
    async fn ask(self: Rc<Self>, semaphore: Semaphore) {
        self.asked.set(self.asked.get() + 1);
        let number = self.asked.get();
        let permit = semaphore.acquire().await;
        self.held.borrow_mut().push(permit);
        self.order.borrow_mut().push(number);
    }
}

struct Model {
    semaphore: Semaphore,
    /// How many permits there are in all.
    total: usize,
    had: Rc<Had>,
    /// What was had outside the order of the waiters: by waits that are looked at when the test likes.
    had_loosely: Rc<Had>,
    tasks: Vec<Task<()>>,
    loose: LooseWaits,
}

impl Model {
    fn new(total: usize) -> Self {
        Self {
            semaphore: Semaphore::new(total),
            total,
            had: Rc::default(),
            had_loosely: Rc::default(),
            tasks: Vec::new(),
            loose: LooseWaits::default(),
        }
    }

    async fn apply(&mut self, op: &Op) {
        let ask = |had: &Rc<Had>| Rc::clone(had).ask(self.semaphore.clone());
        match *op {
            Op::Task => self.tasks.push(create_task(ask(&self.had))),
            Op::Crowd(n) => {
                let mut crowd: FuturesUnordered<_> = (0..n).map(|_| ask(&self.had_loosely)).collect();
                self.tasks.push(create_task(async move { while crowd.next().await.is_some() {} }));
            }
            Op::Loose => self.loose.begin(ask(&self.had_loosely)).await,
            Op::TryAcquire => self.had_loosely.held.borrow_mut().extend(self.semaphore.try_acquire()),
            Op::Cancel(n) if !self.tasks.is_empty() => {
                self.tasks[n % self.tasks.len()].cancel();
            }
            Op::PollLoose(n) => self.loose.poll(n).await,
            Op::DropLoose(n) => self.loose.drop_one(n),
            Op::GiveBack(n) => drop(self.take_held(n)),
            Op::Forget(n) => {
                if let Some(permit) = self.take_held(n) {
                    permit.forget();
                    self.total -= 1;
                }
            }
            Op::Release => {
                self.semaphore.release();
                self.total += 1;
            }
            Op::Tick => yield_now().await,
            Op::Cancel(_) => {}
        }
        self.tasks.retain(|task| !task.done());
    }

    fn take_held(&self, n: usize) -> Option<SemaphorePermit> {
        let had = if n.is_multiple_of(2) { &self.had } else { &self.had_loosely };
        let mut held = had.held.borrow_mut();
        let n = n.checked_rem(held.len())?;
        Some(held.swap_remove(n))
    }

    fn held(&self) -> usize {
        self.had.held.borrow().len() + self.had_loosely.held.borrow().len()
    }

    /// What is so at any moment.
    fn check(&self) {
        // what is neither free nor held was granted to one who has not gone on
        assert!(self.semaphore.value() + self.held() <= self.total, "{:?} of {}", self.semaphore, self.total);
        assert!(self.semaphore.value() > 0 || self.semaphore.locked());
        assert!(self.had.order.borrow().is_sorted(), "{:?}", self.had.order);
    }

    /// What is so when every task has gone on that can.
    async fn check_settled(&mut self) {
        for _ in 0..20 {
            self.loose.poll_all().await;
            yield_now().await;
        }
        assert_eq!(self.semaphore.value() + self.held(), self.total);
        assert_eq!(self.semaphore.locked(), self.semaphore.value() == 0);
        assert!(self.semaphore.value() == 0 || self.semaphore.waiters() == 0, "a task waits: {:?}", self.semaphore);
    }

    async fn check_at_the_end(mut self) {
        self.check_settled().await;
        for task in &self.tasks {
            task.cancel();
        }
        self.loose.drop_all();
        self.had.held.take();
        self.had_loosely.held.take();
        self.check_settled().await;
        assert_eq!((self.semaphore.value(), self.semaphore.waiters()), (self.total, 0));
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 400,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_is_done_no_permit_is_lost_or_made_and_no_task_waits_beside_a_free_one(
        total in 0..4_usize,
        ops in prop::collection::vec(op(), 1..80),
    ) {
        run(async {
            let mut model = Model::new(total);
            for (i, op) in ops.iter().enumerate() {
                model.apply(op).await;
                model.check();
                if i % 25 == 24 {
                    model.check_settled().await;
                }
            }
            model.check_at_the_end().await;
        });
    }
}

// Permits.

#[test]
fn no_more_than_its_permits_are_inside() {
    run(async {
        let start = now();
        let (doors, inside, most) = (Semaphore::new(3), Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        gather((0..10).map(|_| {
            let (doors, inside, most) = (doors.clone(), Rc::clone(&inside), Rc::clone(&most));
            async move {
                let _permit = doors.acquire().await;
                inside.set(inside.get() + 1);
                most.set(most.get().max(inside.get()));
                sleep(SECOND).await;
                inside.set(inside.get() - 1);
            }
        }))
        .await;
        assert_eq!((most.get(), now() - start), (3, SECOND * 4));
        assert_eq!((doors.value(), doors.waiters()), (3, 0));
    });
}

#[test]
fn a_permit_goes_along_into_a_task_and_comes_back_at_its_end_whatever_that_is() {
    run(async {
        let slots = Semaphore::new(3);
        let [returns, panics, is_cancelled] = [slots.acquire().await, slots.acquire().await, slots.acquire().await];
        assert!(slots.locked());
        let returns = create_task(async move {
            sleep(SECOND).await;
            drop(returns);
        });
        let mut panics = create_task(async move {
            let _permit = panics;
            sleep(SECOND).await;
            panic!("bang");
        });
        let is_cancelled = create_task(async move {
            let _permit = is_cancelled;
            pending::<()>().await;
        });
        let waits = visitor(&slots, &Log::default(), "next");
        returns.await;
        let _: Result<(), _> = panics.outcome().await;
        is_cancelled.cancel();
        assert!(catch_cancelled(is_cancelled).await.is_err());
        waits.await;
        assert_eq!(slots.value(), 3);
    });
}

#[test]
fn a_forgotten_permit_is_one_less_until_one_is_released() {
    run(async {
        let (semaphore, log) = (Semaphore::new(1), Log::default());
        semaphore.acquire().await.forget();
        let next = visitor(&semaphore, &log, "next");
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!((next.done(), semaphore.value()), (false, 0));
        semaphore.release();
        next.await;
        assert_eq!(semaphore.value(), 1);
        semaphore.release();
        semaphore.release();
        assert_eq!(semaphore.value(), 3); // more than there were at first
    });
}

#[test]
fn a_bounded_one_takes_back_only_what_was_forgotten() {
    run(async {
        let doors = BoundedSemaphore::new(2);
        assert_eq!(doors.release(), Err(ReleaseError));
        let held = doors.acquire().await;
        assert_eq!((doors.release(), doors.value()), (Err(ReleaseError), 1), "who holds it gives it back");
        doors.acquire().await.forget();
        assert_eq!((doors.release(), doors.value()), (Ok(()), 1));
        assert_eq!(doors.release(), Err(ReleaseError));
        drop(held);
        assert_eq!((doors.value(), doors.release()), (2, Err(ReleaseError)));
        assert!(ReleaseError.to_string().contains("released too many times"));
    });
}

#[test]
fn a_bounded_one_counts_a_permit_that_is_on_its_way() {
    run(async {
        let doors = BoundedSemaphore::new(1);
        let permit = doors.acquire().await;
        let mut granted = Box::pin(doors.acquire());
        assert!(poll!(granted.as_mut()).is_pending());
        drop(permit);
        assert_eq!((doors.value(), doors.locked(), doors.release()), (0, true, Err(ReleaseError)));
        drop(granted);
        assert_eq!((doors.value(), doors.locked(), doors.release()), (1, false, Err(ReleaseError)));
        doors.clone().acquire().await.forget();
        assert_eq!((doors.release(), doors.value()), (Ok(()), 1));
    });
}

#[test]
fn one_without_permits_is_a_counted_signal() {
    run(async {
        let (signal, log) = (Semaphore::new(0), Log::default());
        (0..2).for_each(|_| signal.release()); // before a task waits: it is counted
        let _waiters = ["a", "b", "c", "d"].map(|name| {
            let (signal, log) = (signal.clone(), Rc::clone(&log));
            create_task(async move {
                signal.acquire().await.forget();
                log.borrow_mut().push(name);
            })
        });
        sleep(SECOND).await;
        assert_eq!(*log.borrow(), ["a", "b"]);
        signal.release();
        sleep(SECOND).await;
        assert_eq!((&*log.borrow(), signal.value(), signal.waiters()), (&vec!["a", "b", "c"], 0, 1));
    });
}

// Whose turn it is.

#[test]
fn try_acquire_is_refused_while_a_granted_task_has_not_gone_on() {
    run(async {
        let (semaphore, log) = (Semaphore::new(1), Log::default());
        let permit = semaphore.try_acquire().expect("one is free");
        let next = visitor(&semaphore, &log, "next");
        yield_now().await;
        drop(permit);
        semaphore.release();
        assert_eq!((semaphore.value(), semaphore.locked()), (1, true));
        assert!(semaphore.try_acquire().is_none(), "one is free, but another task came first");
        let late = visitor(&semaphore, &log, "late");
        gather([next, late]).await;
        assert_eq!((&*log.borrow(), semaphore.value()), (&vec!["next", "late"], 2));
    });
}

#[test]
fn one_that_goes_on_lets_those_go_on_who_had_to_stand_behind_it() {
    run(async {
        let (semaphore, log) = (Semaphore::new(0), Log::default());
        let first = visitor(&semaphore, &log, "first");
        yield_now().await;
        (0..3).for_each(|_| semaphore.release());
        assert_eq!(semaphore.value(), 2); // one is granted already
        let late = ["second", "third"].map(|name| visitor(&semaphore, &log, name));
        gather(late).await;
        first.await;
        assert_eq!((&*log.borrow(), semaphore.value()), (&vec!["first", "second", "third"], 3));
    });
}

#[test]
fn one_cancelled_after_it_was_granted_hands_the_permit_on_and_the_next_too() {
    run(async {
        let (semaphore, log) = (Semaphore::new(0), Log::default());
        let [one, two, three] = ["one", "two", "three"].map(|name| visitor(&semaphore, &log, name));
        yield_now().await;
        semaphore.release();
        one.cancel();
        yield_now().await;
        two.cancel();
        yield_now().await;
        assert!(one.cancelled() && two.cancelled() && log.borrow().is_empty());
        three.await;
        assert_eq!((&*log.borrow(), semaphore.value()), (&vec!["three"], 1));
    });
}

#[test]
fn many_who_wait_and_are_cancelled_at_once_leave_with_a_step_each() {
    const MANY: usize = 9_000;
    run(async {
        let (semaphore, polls) = (Semaphore::new(0), Rc::default());
        let all: Vec<_> = (0..MANY).map(|_| create_task(counted(&polls, semaphore.acquire()))).collect();
        yield_now().await;
        assert_eq!(semaphore.waiters(), MANY);
        for task in &all {
            task.cancel();
        }
        yield_now().await;
        assert!(all.iter().all(Task::cancelled));
        assert_eq!((semaphore.waiters(), semaphore.value()), (0, 0));
        // counted are the polls of all: one to come, none to leave, and none because another leaves
        assert_eq!(polls.get(), MANY);
    });
}

// Waits that are dropped.

#[test]
fn a_wait_that_is_dropped_after_it_was_granted_gives_the_permit_to_the_next_or_back() {
    run(async {
        for a_task_waits in [true, false] {
            let (semaphore, log) = (Semaphore::new(0), Log::default());
            let mut granted = Box::pin(semaphore.acquire());
            assert!(poll!(granted.as_mut()).is_pending());
            if a_task_waits {
                visitor(&semaphore, &log, "next");
                yield_now().await;
            }
            semaphore.release();
            assert_eq!((semaphore.value(), semaphore.locked()), (0, true));
            drop(granted);
            assert_eq!(semaphore.value(), usize::from(!a_task_waits));
            sleep(SECOND).await;
            assert_eq!((log.borrow().len(), semaphore.value()), (usize::from(a_task_waits), 1));
        }
    });
}

#[test]
fn select_and_time_limits_lose_no_permit() {
    run(async {
        let (semaphore, done) = (Semaphore::new(0), create_future());
        assert_eq!(timeout(SECOND, semaphore.acquire()).await.err(), Some(TimeoutError));
        assert_eq!(semaphore.waiters(), 0);
        let (inside, other) = (semaphore.clone(), done.clone());
        let selecting = create_task(async move {
            let acquire = pin!(inside.acquire());
            matches!(select(other, acquire).await, Either::Left(((), _)))
        });
        yield_now().await;
        semaphore.release(); // both in one iteration
        done.set_result(()).expect("it is set once");
        assert!(selecting.await);
        assert_eq!((semaphore.value(), semaphore.waiters()), (1, 0));
        // a time limit that comes in the iteration of the grant
        let taken = semaphore.acquire().await;
        let later = Cell::new(Some(taken));
        EventLoop::current().call_later(SECOND, move || later.take());
        let ended = timeout(SECOND, semaphore.acquire()).await;
        drop(ended);
        assert_eq!((semaphore.value(), semaphore.waiters()), (1, 0));
    });
}

#[test]
fn a_crowd_in_one_task_shares_the_permits_and_gives_all_back() {
    run(async {
        let (semaphore, inside) = (Semaphore::new(2), Cell::new(0));
        let one = async |_: i32| {
            let _permit = semaphore.acquire().await;
            inside.set(inside.get() + 1);
            assert!(inside.get() <= 2);
            sleep(SECOND).await;
            inside.set(inside.get() - 1);
        };
        let start = now();
        join_all((0..7).map(one)).await;
        assert_eq!((semaphore.value(), now() - start), (2, SECOND * 4));
        // and one that is dropped in the middle
        let mut crowd: FuturesUnordered<_> = (0..7).map(one).collect();
        assert!(timeout(SECOND / 2, crowd.next()).await.is_err());
        assert_eq!((semaphore.value(), semaphore.waiters()), (0, 5));
        drop(crowd);
        assert_eq!((semaphore.value(), semaphore.waiters()), (2, 0));
    });
}

// Before, between and after runs.

#[test]
fn it_needs_no_loop_while_no_task_has_to_wait() {
    let semaphore = Semaphore::new(1);
    let permit = semaphore.acquire().now_or_never().expect("one is free");
    assert!(semaphore.try_acquire().is_none());
    drop(permit);
    for _ in 0..2 {
        run(async { drop(semaphore.acquire().await) }); // in any number of loops
    }
    assert_eq!(semaphore.value(), 1);
}

#[test]
#[should_panic(expected = "no event loop on this thread")]
fn a_wait_outside_any_loop_says_what_to_do() {
    let _ = Semaphore::new(0).acquire().now_or_never();
}

#[test]
fn a_permit_may_outlive_its_loop_and_is_given_back_all_the_same() {
    let (semaphore, log) = (Semaphore::new(1), Log::default());
    let lp = virtual_loop();
    let permit = lp.run_until_complete(semaphore.acquire()).expect("one is free");
    {
        let _in = lp.enter();
        visitor(&semaphore, &log, "next");
    }
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(semaphore.waiters(), 1);
    drop(lp);
    assert_eq!((semaphore.waiters(), semaphore.value()), (0, 0));
    drop(permit);
    assert_eq!((semaphore.value(), semaphore.locked(), log.borrow().len()), (1, false, 0));
}

#[test]
fn a_permit_that_is_given_back_between_two_runs_is_the_next_ones() {
    let (semaphore, log) = (Semaphore::new(0), Log::default());
    let lp = virtual_loop();
    let next = {
        let _in = lp.enter();
        visitor(&semaphore, &log, "next")
    };
    lp.run_until_complete(yield_now()).expect("it runs");
    semaphore.release();
    assert_eq!((semaphore.value(), semaphore.locked(), log.borrow().len()), (0, true, 0));
    lp.run_until_complete(next).expect("it runs");
    assert_eq!((&*log.borrow(), semaphore.value()), (&vec!["next"], 1));
}

#[test]
fn a_loop_that_closes_gives_all_permits_back() {
    /// Takes a permit when it is dropped, if it can, and starts a task with it.
    struct Takes(Semaphore);

    impl Drop for Takes {
        fn drop(&mut self) {
            if let Some(permit) = self.0.try_acquire() {
                create_task(async move {
                    let _permit = permit;
                    pending::<()>().await;
                });
            }
            self.0.release();
        }
    }

    let semaphore = Semaphore::new(2);
    let lp = virtual_loop();
    for _ in 0..5 {
        let takes = Takes(semaphore.clone());
        let semaphore = semaphore.clone();
        lp.create_task(async move {
            let _takes = takes;
            let _permit = semaphore.acquire().await;
            pending::<()>().await;
        });
    }
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!((semaphore.value(), semaphore.waiters()), (0, 3));
    drop(lp);
    assert_eq!((semaphore.value(), semaphore.waiters(), semaphore.locked()), (7, 0, false));
}

#[test]
fn a_program_that_waits_for_a_permit_that_is_never_given_back_is_told_so() {
    let ended: Result<(), _> = virtual_loop().run_until_complete(async {
        let doors = BoundedSemaphore::new(1);
        let permit = doors.acquire().await;
        drop(doors.acquire().await);
        drop(permit);
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    assert_eq!(deadlock.waiting, ["Task-1 waits for a semaphore, 0 of 1 free"]);
}
