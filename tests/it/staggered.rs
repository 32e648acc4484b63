//! Races of coroutines that start one after another: who starts when, who wins, and what becomes of the others.
//! CPython's own tests are in `tests/asyncio`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use oneloop::{Attempt, Error, Shared, all_tasks, catch_cancelled, create_task, sleep, staggered_race, yield_now};

use crate::support::{now, panic_in, reports_as, run, secs, virtual_loop};

const NO_DELAY: Option<Duration> = None;

/// When each was started, in seconds from the first.
type Starts = Rc<RefCell<Vec<u64>>>;

/// Racers who note when they start, take so many seconds, and then fail or win.
fn racers(
    starts: &Starts,
    programs: &[(u64, Result<u32, u32>)],
) -> Vec<impl FnOnce() -> LocalBoxFuture<'static, Result<u32, u32>> + use<>> {
    let zero = now();
    let racer = |(takes, ends): &(u64, Result<u32, u32>)| {
        let (starts, takes, ends) = (Rc::clone(starts), *takes, *ends);
        move || {
            starts.borrow_mut().push((now() - zero).as_secs());
            async move {
                sleep(secs(takes)).await;
                ends
            }
            .boxed_local()
        }
    };
    programs.iter().map(racer).collect()
}

#[test]
fn each_starts_when_the_one_before_has_failed_or_had_its_time() {
    run(async {
        let starts = Starts::default();
        let programs = [(3, Err(0)), (30, Err(1)), (2, Err(2)), (1, Ok(3))];
        let race = staggered_race(racers(&starts, &programs), secs(10)).await;
        assert_eq!(*starts.borrow(), [0, 3, 13, 15]);
        assert_eq!(race.winner, Some((3, 3)));
        assert_eq!(race.attempts, [Attempt::Failed(0), Attempt::Cancelled, Attempt::Failed(2), Attempt::Won]);
    });
}

#[test]
fn the_longest_delay_is_no_delay_that_ends() {
    run(async {
        let starts = Starts::default();
        let programs = [(1_000_000, Err(0)), (1, Ok(1))];
        let race = staggered_race(racers(&starts, &programs), Duration::MAX).await;
        assert_eq!(*starts.borrow(), [0, 1_000_000]);
        assert_eq!(race.winner, Some((1, 1)));
    });
}

#[test]
fn an_earlier_one_that_fails_starts_no_other() {
    run(async {
        let starts = Starts::default();
        let programs = [(12, Err(0)), (60, Err(1)), (1, Ok(2))];
        let race = staggered_race(racers(&starts, &programs), secs(10)).await;
        assert_eq!(*starts.borrow(), [0, 10, 20]); // and not 12
        assert_eq!(race.winner, Some((2, 2)));
    });
}

#[test]
fn an_earlier_one_may_still_win() {
    run(async {
        let starts = Starts::default();
        let programs = [(15, Ok(0)), (60, Ok(1)), (1, Ok(2))];
        let race = staggered_race(racers(&starts, &programs), secs(10)).await;
        assert_eq!((race.winner, starts.borrow().len()), (Some((0, 0)), 2));
        assert_eq!(race.attempts, [Attempt::Won, Attempt::Cancelled]);
        assert_eq!(all_tasks().len(), 1);
    });
}

#[test]
fn without_a_delay_they_run_one_at_a_time() {
    run(async {
        let starts = Starts::default();
        let programs = [(100, Err(0)), (100, Err(1)), (100, Err(2))];
        let race = staggered_race(racers(&starts, &programs), NO_DELAY).await;
        assert_eq!(*starts.borrow(), [0, 100, 200]);
        assert_eq!(race.attempts, [Attempt::Failed(0), Attempt::Failed(1), Attempt::Failed(2)]);
        assert!(race.winner.is_none());
    });
}

#[test]
fn losers_clean_up_with_awaits_before_the_race_is_over() {
    run(async {
        let cleaned = Rc::new(Cell::new(false));
        let cleans = Rc::clone(&cleaned);
        let slow = async move {
            if let Err(cancelled) = catch_cancelled(sleep(secs(3_600))).await {
                sleep(secs(5)).await;
                cleans.set(true);
                cancelled.reraise().await;
            }
            Ok::<_, ()>("slow")
        };
        let start = now();
        let boxed: [Box<dyn FnOnce() -> _>; 2] =
            [Box::new(move || slow.boxed_local()), Box::new(|| async { Ok("quick") }.boxed_local())];
        let race = staggered_race(boxed, secs(1)).await;
        assert_eq!(race.winner, Some((1, "quick")));
        assert!(cleaned.get());
        assert_eq!(now() - start, secs(6));
    });
}

/// Notes its end.
struct Ends(Rc<Cell<bool>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn a_panic_goes_on_in_the_race_when_the_others_have_ended() {
    run(async {
        let ended = Rc::new(Cell::new(false));
        let ends = Ends(Rc::clone(&ended));
        let boxed: [Box<dyn FnOnce() -> _>; 2] = [
            Box::new(move || {
                async move {
                    let _ends = ends;
                    sleep(secs(3_600)).await;
                    Ok::<(), ()>(())
                }
                .boxed_local()
            }),
            Box::new(|| async { panic!("a bug") }.boxed_local()),
        ];
        assert_eq!(panic_in(staggered_race(boxed, secs(1))).await, "a bug");
        assert!(ended.get());
    });
}

#[test]
fn of_several_panics_one_goes_on_in_the_race_and_the_others_are_reported() {
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| context.exception.to_string());
    let race = || {
        let panics_when_cancelled = |text: &'static str| {
            move || async move { catch_cancelled(sleep(secs(9))).await.map_err(|_| panic!("{text}")) }
        };
        staggered_race::<(), (), _, _>(["first", "second", "third"].map(panics_when_cancelled), secs(3))
    };
    lp.run_until_complete(async {
        assert_eq!(panic_in(race()).await, "second"); // the first wins after 9 seconds
        assert_eq!(reports.take(), ["panicked: third"]);
        let cancelled = create_task(race());
        sleep(secs(5)).await;
        cancelled.cancel();
        assert!(catch_cancelled(cancelled).await.is_err());
    })
    .unwrap();
    // the first is kept for the race to resume, until that is cancelled
    assert_eq!(reports.take(), ["panicked: second", "panicked: first"]);
}

#[test]
fn dropped_it_cancels_all_who_race() {
    run(async {
        let race = staggered_race(
            [|| async {
                sleep(secs(3_600)).await;
                Ok::<(), ()>(())
            }; 3],
            secs(1),
        );
        let raced = create_task(async move { oneloop::timeout(secs(2), race).await.is_err() });
        assert!(raced.await);
        assert_eq!(all_tasks().len(), 1);
        {
            let mut race = Box::pin(staggered_race(
                [async || {
                    sleep(secs(9)).await;
                    Ok::<(), ()>(())
                }],
                NO_DELAY,
            ));
            assert!(futures::poll!(&mut race).is_pending());
        }
        yield_now().await;
        assert_eq!(all_tasks().len(), 1);
    });
}

#[test]
fn one_who_awaits_the_task_of_the_race_is_a_deadlock_and_no_cancellation_goes_round_in_it() {
    let stuck = virtual_loop().run_until_complete(async {
        let race: Rc<RefCell<Option<Shared<()>>>> = Rc::default();
        let known = Rc::clone(&race);
        let task = create_task(async move {
            let waits = async move || {
                let race = known.borrow().clone().expect("it has begun");
                race.await;
                Ok::<(), ()>(())
            };
            drop(staggered_race([waits], NO_DELAY).await);
        })
        .shared();
        race.replace(Some(task.clone()));
        sleep(secs(1)).await;
        task.cancel();
        task.await;
    });
    assert!(matches!(stuck, Err(Error::Deadlock(_))), "{stuck:?}");
}
