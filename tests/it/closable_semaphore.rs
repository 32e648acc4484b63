//! Semaphores that are closed, and who is granted how many permits of them, against a model. Must not know how
//! waiters are kept.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use futures::poll;
use oneloop::error::SemaphoreClosed;
use oneloop::{ClosableSemaphore, SemaphorePermit, Task, catch_cancelled, create_task, yield_now};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::support::run;

#[test]
fn closing_ends_the_waits_and_every_later_one() {
    run(async {
        let slots = ClosableSemaphore::new(1);
        let held = slots.acquire().await.expect("it is open");
        let waits = [1, 2].map(|n| create_task(slots.acquire_many(n)));
        yield_now().await;
        assert_eq!((slots.waiters(), slots.locked(), slots.is_closed()), (2, true, false));
        slots.close();
        assert_eq!((slots.waiters(), slots.locked(), slots.is_closed()), (0, false, true));
        for wait in waits {
            assert_eq!(wait.await.unwrap_err(), SemaphoreClosed);
        }
        drop(held);
        assert_eq!(slots.value(), 1);
        assert!(slots.acquire().await.is_err() && slots.acquire_many(0).await.is_err());
        assert!(slots.try_acquire().is_none() && slots.try_acquire_many(1).is_none());
        slots.close(); // once more changes nothing
        assert_eq!(slots.acquire().await.unwrap_err().to_string(), "the semaphore is closed");
    });
}

#[test]
fn what_was_granted_before_the_close_is_had() {
    run(async {
        let slots = ClosableSemaphore::new(0);
        let [granted, waits] = [create_task(slots.acquire()), create_task(slots.acquire())];
        yield_now().await;
        slots.release_many(1);
        slots.close();
        assert_eq!(granted.await.expect("it was granted").num_permits(), 1);
        assert!(waits.await.is_err());
        assert_eq!(slots.value(), 1);
    });
}

#[test]
fn one_cancelled_while_it_is_closed_takes_no_permit_along() {
    run(async {
        let slots = ClosableSemaphore::new(3);
        let held = slots.acquire_many(2).await.expect("it is open");
        let waits = create_task(slots.acquire_many(2));
        let mut loose = Box::pin(slots.acquire());
        yield_now().await;
        assert!(poll!(loose.as_mut()).is_pending());
        slots.close();
        waits.cancel();
        drop(loose);
        assert!(catch_cancelled(waits).await.is_err());
        drop(held);
        assert_eq!((slots.value(), slots.waiters()), (3, 0));
    });
}

// Against a model.

/// What is done next; `usize` says to which of those there are.
#[derive(Clone, Debug)]
enum Op {
    Ask(usize),
    TryAsk(usize),
    /// Cancels one that waits, or was granted and has not run.
    Cancel(usize),
    GiveBack(usize),
    Forget(usize),
    Release(usize),
    ForgetFree(usize),
    Close,
    /// Lets all go on that can.
    Settle,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        60 => (1..5_usize).prop_map(Op::Ask),
        10 => (1..4_usize).prop_map(Op::TryAsk),
        20 => any::<usize>().prop_map(Op::Cancel),
        40 => any::<usize>().prop_map(Op::GiveBack),
        10 => any::<usize>().prop_map(Op::Forget),
        20 => (0..4_usize).prop_map(Op::Release),
        10 => (0..3_usize).prop_map(Op::ForgetFree),
        1 => Just(Op::Close),
        60 => Just(Op::Settle),
    ]
}

/// How an ask ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Granted,
    Closed,
    Cancelled,
}

/// A semaphore as one list, in which a permit is granted or not granted the moment something changes.
#[derive(Default)]
struct Model {
    free: usize,
    closed: bool,
    /// Those that wait: number and need.
    waiters: VecDeque<(usize, usize)>,
    /// Those that were granted and hold their permits.
    holds: Vec<(usize, usize)>,
    ends: Vec<(usize, End)>,
}

impl Model {
    fn ask(&mut self, number: usize, need: usize) {
        if self.closed {
            self.ends.push((number, End::Closed));
        } else {
            self.waiters.push_back((number, need));
            self.grant();
        }
    }

    fn grant(&mut self) {
        while let Some(&(number, need)) = self.waiters.front()
            && need <= self.free
        {
            self.waiters.pop_front();
            self.free -= need;
            self.holds.push((number, need));
            self.ends.push((number, End::Granted));
        }
    }

    fn cancel(&mut self, number: usize) {
        self.waiters.retain(|(waits, _)| *waits != number);
        self.ends.push((number, End::Cancelled));
        self.grant();
    }

    fn close(&mut self) {
        self.closed = true;
        self.ends.extend(self.waiters.drain(..).map(|(number, _)| (number, End::Closed)));
    }
}

/// The semaphore itself, and what has become of the tasks that asked.
struct Real {
    semaphore: ClosableSemaphore,
    tasks: Vec<(usize, Task<()>)>,
    holds: Rc<RefCell<Vec<(usize, SemaphorePermit)>>>,
    ends: Rc<RefCell<Vec<(usize, End)>>>,
    asked: Cell<usize>,
}

impl Real {
    fn new(free: usize) -> Self {
        let (holds, ends) = (Rc::default(), Rc::default());
        Self { semaphore: ClosableSemaphore::new(free), tasks: Vec::new(), holds, ends, asked: Cell::new(0) }
    }

    fn ask(&mut self, need: usize) -> usize {
        let number = self.asked.replace(self.asked.get() + 1);
        let (holds, ends) = (Rc::clone(&self.holds), Rc::clone(&self.ends));
        let wait = self.semaphore.acquire_many(need);
        let task = create_task(async move {
            let end = match wait.await {
                Ok(permit) => {
                    holds.borrow_mut().push((number, permit));
                    End::Granted
                }
                Err(SemaphoreClosed) => End::Closed,
            };
            ends.borrow_mut().push((number, end));
        });
        self.tasks.push((number, task));
        number
    }

    async fn settle(&mut self) {
        for _ in 0..20 {
            yield_now().await;
        }
        for (number, task) in self.tasks.extract_if(.., |(_, task)| task.done()) {
            if task.cancelled() {
                self.ends.borrow_mut().push((number, End::Cancelled));
            }
        }
    }
}

/// Applies one operation to both. All have gone on that can.
async fn apply(op: &Op, real: &mut Real, model: &mut Model) {
    match *op {
        Op::Ask(need) => model.ask(real.ask(need), need),
        Op::TryAsk(need) => {
            let taken = real.semaphore.try_acquire_many(need);
            let number = real.asked.replace(real.asked.get() + 1);
            let free = !model.closed && model.waiters.is_empty() && need <= model.free;
            assert_eq!(taken.is_some(), free);
            if let Some(permit) = taken {
                model.ask(number, need);
                real.ends.borrow_mut().push((number, End::Granted));
                real.holds.borrow_mut().push((number, permit));
            }
        }
        Op::Cancel(n) => {
            if let Some(n) = n.checked_rem(real.tasks.len()) {
                real.tasks[n].1.cancel();
                model.cancel(real.tasks[n].0);
            }
        }
        Op::GiveBack(n) | Op::Forget(n) => {
            let Some(n) = n.checked_rem(model.holds.len()) else { return };
            let (number, need) = model.holds.remove(n);
            let at = real.holds.borrow().iter().position(|(holds, _)| *holds == number).expect("both hold it");
            let (_, permit) = real.holds.borrow_mut().remove(at);
            assert_eq!(permit.num_permits(), need);
            if matches!(op, Op::Forget(_)) {
                permit.forget();
            } else {
                drop(permit);
                model.free += need;
                model.grant();
            }
        }
        Op::Release(n) => {
            real.semaphore.release_many(n);
            model.free += n;
            model.grant();
        }
        Op::ForgetFree(n) => {
            let forgotten = real.semaphore.forget_permits(n);
            assert_eq!(forgotten, n.min(model.free));
            model.free -= forgotten;
        }
        Op::Close => {
            real.semaphore.close();
            model.close();
        }
        Op::Settle => real.settle().await,
    }
}

/// The numbers of those that were granted, in order.
fn granted(ends: &[(usize, End)]) -> Vec<usize> {
    ends.iter().filter(|(_, end)| *end == End::Granted).map(|(number, _)| *number).collect()
}

fn check(real: &Real, model: &Model) {
    let (mut ends, mut expected) = (real.ends.borrow().clone(), model.ends.clone());
    assert_eq!(granted(&ends), granted(&expected), "in this order");
    ends.sort_by_key(|(number, _)| *number);
    expected.sort_by_key(|(number, _)| *number);
    assert_eq!(ends, expected);
    assert_eq!(real.semaphore.value(), model.free);
    assert_eq!(real.semaphore.waiters(), model.waiters.len());
    assert_eq!(real.holds.borrow().len(), model.holds.len());
}

proptest! {
    #![proptest_config(Config {
        cases: 400,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn permits_are_granted_as_by_one_list_whatever_is_done(
        free in 0..5_usize,
        ops in prop::collection::vec(op(), 1..80),
    ) {
        run(async {
            let mut real = Real::new(free);
            let mut model = Model { free, ..Model::default() };
            for op in &ops {
                apply(op, &mut real, &mut model).await;
                real.settle().await;
                check(&real, &model);
            }
        });
    }

    /// Several things are done before any task runs. Nothing tells then who was first, but no permit is lost or made,
    /// and at the end none is free that the first waiter could have.
    #[test]
    fn whatever_is_done_in_one_iteration_no_permit_is_lost_or_made(
        free in 0..5_usize,
        ops in prop::collection::vec(op(), 1..80),
    ) {
        run(async {
            let (mut real, mut total) = (Real::new(free), free);
            for op in &ops {
                total = apply_at_once(op, &mut real, total).await;
                let held: usize = real.holds.borrow().iter().map(|(_, permit)| permit.num_permits()).sum();
                assert!(real.semaphore.value() + held <= total);
            }
            real.settle().await;
            let held: usize = real.holds.borrow().iter().map(|(_, permit)| permit.num_permits()).sum();
            assert_eq!(real.semaphore.value() + held, total);
            assert!(granted(&real.ends.borrow()).is_sorted());
            real.semaphore.release_many(200); // enough for all
            real.settle().await;
            assert_eq!((real.tasks.len(), real.semaphore.waiters()), (0, 0));
            real.holds.take();
            assert_eq!(real.semaphore.value(), total + 200);
        });
    }
}

/// Applies one operation, and returns how many permits there are in all afterwards.
async fn apply_at_once(op: &Op, real: &mut Real, total: usize) -> usize {
    match *op {
        Op::Ask(need) | Op::TryAsk(need) => drop(real.ask(need)),
        Op::Cancel(n) => {
            if let Some(n) = n.checked_rem(real.tasks.len()) {
                real.tasks[n].1.cancel();
            }
        }
        Op::GiveBack(n) | Op::Forget(n) => {
            let len = real.holds.borrow().len();
            let Some(n) = n.checked_rem(len) else { return total };
            let (_, permit) = real.holds.borrow_mut().remove(n);
            if matches!(op, Op::Forget(_)) {
                let forgotten = permit.num_permits();
                permit.forget();
                return total - forgotten;
            }
        }
        Op::Release(n) => {
            real.semaphore.release_many(n);
            return total + n;
        }
        Op::ForgetFree(n) => return total - real.semaphore.forget_permits(n),
        Op::Close => real.semaphore.close(),
        Op::Settle => yield_now().await,
    }
    total
}
