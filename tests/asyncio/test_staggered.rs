//! CPython's `test_staggered.py`: coroutines that start one after another and race.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{Attempt, Event, Race, Timeout, catch_cancelled, sleep, staggered_race, yield_now};

use crate::support::{SECOND, ms, now, run, secs};

mod staggered_tests {
    use super::*;

    const NO_DELAY: Option<Duration> = None;

    type Outcome = Result<String, usize>;

    #[test]
    fn test_empty() {
        let race: Race<(), Infallible> =
            run(async { staggered_race([async || Ok(())].into_iter().take(0), NO_DELAY).await });
        assert!(race.winner.is_none() && race.attempts.is_empty());
    }

    #[test]
    fn test_one_successful() {
        let starts = [0, 1].map(|index| move || async move { Outcome::Ok(format!("Res: {index}")) });
        let race = run(staggered_race(starts, NO_DELAY));
        assert_eq!(race.winner, Some((0, "Res: 0".to_owned())));
        assert_eq!(race.attempts, [Attempt::Won]); // the second was never started
    }

    #[test]
    fn test_first_error_second_successful() {
        let starts = [0, 1]
            .map(|index| move || async move { if index == 0 { Err(index) } else { Ok(format!("Res: {index}")) } });
        let race = run(staggered_race(starts, NO_DELAY));
        assert_eq!(race.winner, Some((1, "Res: 1".to_owned())));
        assert_eq!(race.attempts, [Attempt::Failed(0), Attempt::Won]);
    }

    #[test]
    fn test_first_timeout_second_successful() {
        let starts = [0, 1].map(|index| {
            move || async move {
                if index == 0 {
                    sleep(secs(10)).await; // much longer than the delay
                }
                Outcome::Ok(format!("Res: {index}"))
            }
        });
        let race = run(staggered_race(starts, ms(100)));
        assert_eq!(race.winner, Some((1, "Res: 1".to_owned())));
        assert_eq!(race.attempts, [Attempt::Cancelled, Attempt::Won]);
    }

    #[test]
    fn test_none_successful() {
        let starts = [0, 1].map(|index| move || async move { Outcome::Err(index) });
        let race = run(staggered_race(starts, NO_DELAY));
        assert_eq!(race.winner, None);
        assert_eq!(race.attempts, [Attempt::Failed(0), Attempt::Failed(1)]);
    }

    #[test]
    fn test_multiple_winners() {
        let race = run(async {
            let event = Event::new();
            let starts = [0, 1, 2].map(|index| {
                let event = event.clone();
                move || async move {
                    if index == 2 {
                        event.set();
                        Event::new().wait().await; // never
                    }
                    event.wait().await;
                    Ok::<_, Infallible>(index)
                }
            });
            staggered_race(starts, ms(100)).await
        });
        assert_eq!(race.winner, Some((0, 0)));
        assert_eq!(race.attempts, [Attempt::Won, Attempt::Cancelled, Attempt::Cancelled]);
    }

    #[test]
    fn test_cancelled() {
        let log = Rc::new(RefCell::new(Vec::new()));
        let events = Rc::clone(&log);
        let ended = run(async move {
            let (outer, inner) = (Timeout::none(), Timeout::none());
            let (cancels_outer, cancels_inner, raced) = (outer.clone(), inner.clone(), Rc::clone(&events));
            let past = || now().checked_sub(SECOND);
            let start = move || async move {
                cancels_inner.reschedule(past()).expect("it runs");
                yield_now().await;
                if catch_cancelled(yield_now()).await.is_err() {
                    raced.borrow_mut().push("cancelled 1");
                }
                cancels_outer.reschedule(past()).expect("it runs");
                yield_now().await;
                if catch_cancelled(yield_now()).await.is_err() {
                    raced.borrow_mut().push("cancelled 2");
                }
                Ok::<_, Infallible>(())
            };
            let race = async {
                match catch_cancelled(staggered_race([start], NO_DELAY)).await {
                    Ok(_) => {}
                    Err(cancelled) => {
                        events.borrow_mut().push("cancelled 0");
                        cancelled.reraise().await;
                    }
                }
            };
            outer.run(Box::pin(inner.run(Box::pin(race)))).await
        });
        // both limits are over; the outer one tells
        assert!(ended.is_err());
        assert_eq!(*log.borrow(), ["cancelled 1", "cancelled 2", "cancelled 0"]);
    }
}
