//! Ticks at a steady pace: those that were missed, that lost a `select!`, that were set anew.

use std::time::Duration;

use futures::future::{Either, select};
use oneloop::{Interval, MissedTicks, create_task, interval, interval_at, sleep, yield_now};

use crate::support::{ms, now, panic_of, run};

/// Milliseconds on the loop's clock since the run began, when each of six ticks came. The work after the second takes
/// 25 ms, which is two and a half periods.
fn ticks(missed: MissedTicks) -> Vec<u64> {
    run(async move {
        let begun = now();
        let mut clock = interval(ms(10)).missed_ticks(missed);
        let mut came = Vec::new();
        for n in 0..7 {
            clock.tick().await;
            came.push(u64::try_from((now() - begun).as_millis()).unwrap());
            if n == 1 {
                sleep(ms(25)).await;
            }
        }
        came
    })
}

#[test]
fn missed_ticks_come_in_a_burst() {
    assert_eq!(ticks(MissedTicks::Burst), [0, 10, 35, 35, 40, 50, 60]);
}

#[test]
fn missed_ticks_delay_those_that_follow() {
    assert_eq!(ticks(MissedTicks::Delay), [0, 10, 35, 45, 55, 65, 75]);
}

#[test]
fn missed_ticks_are_skipped() {
    assert_eq!(ticks(MissedTicks::Skip), [0, 10, 35, 40, 50, 60, 70]);
}

#[test]
fn work_that_is_shorter_than_the_period_moves_no_tick() {
    for missed in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
        run(async move {
            let start = now() + ms(1000);
            let mut clock = interval_at(start, ms(10)).missed_ticks(missed);
            for n in 0..5 {
                assert_eq!(clock.tick().await, start + ms(n * 10));
                sleep(ms(9)).await;
            }
        });
    }
}

#[test]
fn a_tick_that_loses_a_select_comes_with_the_next_call() {
    run(async {
        let begun = now();
        let mut clock = interval_at(begun + ms(10), ms(10));
        for _ in 0..3 {
            let early = select(Box::pin(clock.tick()), sleep(ms(3))).await;
            assert!(matches!(early, Either::Right(_)));
        }
        assert_eq!(clock.tick().await, begun + ms(10));
        assert_eq!(now(), begun + ms(10));
    });
}

#[test]
fn a_reset_begins_a_whole_period() {
    run(async {
        let begun = now();
        let mut clock = interval(ms(10));
        clock.tick().await;
        sleep(ms(4)).await;
        clock.reset();
        assert_eq!(clock.tick().await, begun + ms(14));
        assert_eq!(clock.tick().await, begun + ms(24));
        assert_eq!(clock.period(), ms(10));
    });
}

#[test]
fn a_burst_lets_others_run_between_its_ticks() {
    run(async {
        let mut clock = interval(ms(1));
        sleep(ms(100)).await;
        let other = create_task(async {
            for _ in 0..3 {
                yield_now().await;
            }
        });
        for _ in 0..10 {
            clock.tick().await;
        }
        assert!(other.done());
    });
}

#[test]
fn a_period_without_end_ticks_once() {
    run(async {
        let mut clock = interval(Duration::MAX);
        clock.tick().await;
        assert!(matches!(select(Box::pin(clock.tick()), sleep(ms(1))).await, Either::Right(_)));
    });
}

#[test]
fn a_period_of_zero_is_refused_with_the_remedy() {
    run(async {
        let text = panic_of(|| drop::<Interval>(interval(Duration::ZERO)));
        assert!(text.contains("use yield_now()"), "{text}");
    });
}
