//! How punctual a sleep of less than a millisecond is, on the machine's clock. The other tests of sleeps are in
//! `tests/it/sleep.rs`.

use std::time::{Duration, Instant};

use oneloop::sleep;

use crate::real::run_real;
use crate::turns::one_at_a_time;

#[test]
fn sleeps_below_a_millisecond_are_not_rounded_up_to_one() {
    let _turn = one_at_a_time();
    // A machine under load oversleeps anything: the best of some rounds says what the loop can do.
    let best = (0..10).map(|_| run_real(median_overshoot())).min().unwrap();
    assert!(best < Duration::from_micros(500), "the median of 50 sleeps of 100 µs was {best:?} late");
}

async fn median_overshoot() -> Duration {
    let duration = Duration::from_micros(100);
    let mut overshoots = Vec::new();
    for _ in 0..50 {
        let start = Instant::now();
        sleep(duration).await;
        overshoots.push(start.elapsed().saturating_sub(duration));
    }
    overshoots.sort();
    overshoots[25]
}
