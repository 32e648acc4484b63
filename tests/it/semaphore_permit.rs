//! Permits by the number: `acquire_many`, `split`, `merge`, `release_many`, `forget_permits`. Who is granted how many,
//! against a model, is in `closable_semaphore.rs`. Must not know how waiters are kept.

use std::rc::Rc;

use futures::future::{Either, select};
use futures::poll;
use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::error::ReleaseError;
use oneloop::{
    BoundedSemaphore, Error, Semaphore, Task, catch_cancelled, create_task, gather, sleep, timeout, yield_now,
};

use crate::support::{Log, SECOND, panic_of, run, virtual_loop};

/// A task that takes `n` permits, writes `name` down, lets others run, and gives them back.
fn visitor(semaphore: &Semaphore, n: usize, log: &Log<&'static str>, name: &'static str) -> Task<()> {
    let (semaphore, log) = (semaphore.clone(), Rc::clone(log));
    create_task(async move {
        let _permits = semaphore.acquire_many(n).await;
        log.borrow_mut().push(name);
        yield_now().await;
    })
}

#[test]
fn many_are_had_at_once_if_they_are_free() {
    run(async {
        let semaphore = Semaphore::new(5);
        let permits = semaphore.acquire_many(3).await;
        assert_eq!((permits.num_permits(), semaphore.value(), semaphore.locked()), (3, 2, false));
        assert!(semaphore.try_acquire_many(3).is_none());
        let rest = semaphore.try_acquire_many(2).expect("two are free");
        assert!(semaphore.locked());
        drop((permits, rest));
        assert_eq!(semaphore.value(), 5);
    });
}

#[test]
fn one_behind_many_waits_although_a_permit_is_free() {
    run(async {
        let (semaphore, log) = (Semaphore::new(3), Log::default());
        let held = semaphore.acquire_many(2).await;
        let all = [visitor(&semaphore, 3, &log, "three"), visitor(&semaphore, 1, &log, "one")];
        sleep(SECOND).await;
        assert_eq!((log.borrow().len(), semaphore.value(), semaphore.waiters()), (0, 1, 2));
        drop(held);
        gather(all).await;
        assert_eq!(*log.borrow(), ["three", "one"]);
        assert_eq!((semaphore.value(), semaphore.waiters()), (3, 0));
    });
}

#[test]
fn two_that_need_all_do_not_share_what_comes_in_one_iteration() {
    run(async {
        let (semaphore, log) = (Semaphore::new(0), Log::default());
        let all = ["first", "second"].map(|name| visitor(&semaphore, 2, &log, name));
        yield_now().await;
        semaphore.release();
        semaphore.release();
        assert_eq!((semaphore.value(), semaphore.waiters()), (0, 1));
        gather(all).await;
        assert_eq!((&*log.borrow(), semaphore.value()), (&vec!["first", "second"], 2));
    });
}

#[test]
fn those_behind_a_cancelled_one_go_on_with_what_is_free() {
    run(async {
        let (semaphore, log) = (Semaphore::new(2), Log::default());
        let many = visitor(&semaphore, 9, &log, "nine");
        yield_now().await;
        let rest = ["a", "b"].map(|name| visitor(&semaphore, 1, &log, name));
        yield_now().await;
        assert_eq!(semaphore.waiters(), 3);
        many.cancel();
        gather(rest).await;
        assert!(many.cancelled());
        assert_eq!((&*log.borrow(), semaphore.value(), semaphore.waiters()), (&vec!["a", "b"], 2, 0));
    });
}

#[test]
fn a_release_passes_by_one_that_is_being_cancelled() {
    run(async {
        let (semaphore, log) = (Semaphore::new(1), Log::default());
        let many = visitor(&semaphore, 2, &log, "two");
        yield_now().await;
        let three = visitor(&semaphore, 3, &log, "three");
        yield_now().await;
        many.cancel();
        semaphore.release_many(2);
        assert_eq!((semaphore.value(), semaphore.waiters()), (0, 0), "the second has them");
        three.await;
        assert_eq!((&*log.borrow(), semaphore.value()), (&vec!["three"], 3));
    });
}

#[test]
fn one_cancelled_after_it_was_granted_many_gives_all_back() {
    run(async {
        let (semaphore, log) = (Semaphore::new(0), Log::default());
        let many = visitor(&semaphore, 3, &log, "three");
        yield_now().await;
        semaphore.release_many(4);
        assert_eq!((semaphore.value(), semaphore.waiters()), (1, 0));
        many.cancel();
        assert!(catch_cancelled(many).await.is_err());
        assert_eq!((semaphore.value(), log.borrow().len()), (4, 0));
    });
}

#[test]
fn a_wait_for_many_that_loses_a_select_or_is_dropped_takes_nothing() {
    run(async {
        let semaphore = Semaphore::new(1);
        match select(Box::pin(semaphore.acquire_many(2)), Box::pin(sleep(SECOND))).await {
            Either::Left(_) => panic!("there is one"),
            Either::Right(((), wait)) => {
                assert_eq!(semaphore.waiters(), 1);
                drop(wait);
            }
        }
        assert!(timeout(SECOND, semaphore.acquire_many(2)).await.is_err());
        assert_eq!((semaphore.value(), semaphore.waiters()), (1, 0));
        let mut granted = Box::pin(semaphore.acquire_many(2));
        assert!(poll!(granted.as_mut()).is_pending());
        semaphore.release();
        assert_eq!((semaphore.value(), semaphore.waiters()), (0, 0));
        drop(granted);
        assert_eq!(semaphore.value(), 2);
    });
}

#[test]
fn waits_for_many_under_wakers_of_another_crate_come_in_order() {
    run(async {
        let semaphore = Semaphore::new(0);
        let mut waits: FuturesUnordered<_> = (1..=3_usize)
            .map(|n| {
                let wait = semaphore.acquire_many(n);
                async move { wait.await.num_permits() }
            })
            .collect();
        assert!(poll!(waits.next()).is_pending());
        let mut had = Vec::new();
        for free in 1..=3 {
            semaphore.release_many(free);
            had.push(waits.next().await);
        }
        assert_eq!(had, [Some(1), Some(2), Some(3)]);
        assert_eq!((semaphore.value(), semaphore.waiters()), (6, 0), "all have given back what they had");
    });
}

#[test]
fn none_are_had_without_a_wait() {
    run(async {
        let semaphore = Semaphore::new(0);
        let one = create_task(semaphore.acquire());
        yield_now().await;
        assert_eq!(semaphore.acquire_many(0).await.num_permits(), 0);
        assert_eq!((semaphore.value(), semaphore.waiters()), (0, 1));
        semaphore.release();
        drop(one.await);
        assert_eq!(semaphore.value(), 1);
    });
}

#[test]
fn permits_are_split_merged_and_forgotten() {
    run(async {
        let semaphore = Semaphore::new(6);
        let mut permits = semaphore.acquire_many(4).await;
        assert!(permits.split(5).is_none());
        let one = permits.split(1).expect("it has four");
        assert_eq!((permits.num_permits(), one.num_permits()), (3, 1));
        permits.merge(one);
        assert_eq!((permits.num_permits(), semaphore.value()), (4, 2));
        let forgotten = permits.split(3).expect("it has four");
        forgotten.forget();
        drop(permits);
        assert_eq!(semaphore.value(), 3);
        assert_eq!((semaphore.forget_permits(1), semaphore.forget_permits(7), semaphore.value()), (1, 2, 0));
        semaphore.release_many(2);
        assert_eq!(semaphore.value(), 2);
    });
}

#[test]
fn permits_of_two_semaphores_are_not_merged() {
    run(async {
        let [mut one, other] = [Semaphore::new(1).acquire().await, Semaphore::new(1).acquire().await];
        assert!(panic_of(|| one.merge(other)).contains("one permit for each semaphore"));
    });
}

#[test]
fn a_bounded_one_counts_many_and_refuses_more_than_it_has() {
    run(async {
        let doors = BoundedSemaphore::new(3);
        let permits = doors.acquire_many(2).await;
        assert_eq!((doors.value(), doors.release()), (1, Err(ReleaseError)));
        permits.forget();
        assert_eq!((doors.release(), doors.release(), doors.release()), (Ok(()), Ok(()), Err(ReleaseError)));
        assert_eq!(doors.try_acquire_many(3).map(|permits| permits.num_permits()), Some(3));
        assert!(panic_of(|| doors.acquire_many(4)).contains("would wait for ever"));
    });
}

#[test]
fn more_than_there_ever_are_is_a_deadlock_that_is_told() {
    let ended: Result<(), _> = virtual_loop().run_until_complete(async {
        drop(Semaphore::new(1).acquire_many(2).await);
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    assert_eq!(deadlock.waiting, ["Task-1 waits for a semaphore, 1 of 1 free"]);
}
