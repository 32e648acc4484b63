//! Timers: set, cancelled, fired. Owns the batches; must not know any system.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use super::join;
use crate::measure::{Cost, Stopwatch};
use crate::rows::{ARMED, SLEEPERS};
use crate::system::Timers;

/// The next of a row of numbers that seem random: `xorshift64`.
fn shuffle(number: &mut u64) -> u64 {
    *number ^= *number << 13;
    *number ^= *number >> 7;
    *number ^= *number << 17;
    *number
}

/// A timer for some time in the next hour but one.
fn far<S: Timers>(number: &mut u64) -> S::Timer {
    S::timer(Duration::from_secs(3600) + Duration::from_nanos(shuffle(number) % 3_600_000_000_000))
}

fn arm<T: Future>(timer: Pin<&mut T>, cx: &mut Context<'_>) {
    assert!(timer.poll(cx).is_pending(), "hours early");
}

pub(crate) fn timer_arm_cancel<S: Timers, const LIVE: u64>(times: u64) -> Cost {
    let replace = |cx: &mut Context<'_>| {
        let mut number = 0x9E37_79B9_7F4A_7C15;
        let mut live: Vec<_> = (0..LIVE).map(|_| Box::pin(far::<S>(&mut number))).collect();
        for timer in &mut live {
            arm(timer.as_mut(), cx);
        }
        let watch = Stopwatch::wall();
        for _ in 0..times * ARMED {
            let fresh = far::<S>(&mut number);
            let any = usize::try_from(number % LIVE).expect("a place in memory");
            live[any].set(fresh); // and the one that was there is cancelled
            arm(live[any].as_mut(), cx);
        }
        watch.cost(times * ARMED)
    };
    S::run(async |_| {
        // as in a program that has run for a while, the loop has slept, and there is an earlier timer
        let mut early = pin!(S::timer(Duration::from_secs(600)));
        poll_fn(|cx| {
            arm(early.as_mut(), cx);
            Poll::Ready(())
        })
        .await;
        S::timer(Duration::from_millis(2)).await;
        poll_fn(|cx| Poll::Ready(replace(cx))).await
    })
}

pub(crate) fn sleepers<S: Timers>(times: u64) -> Cost {
    S::run(async |system: S| {
        let watch = Stopwatch::cpu();
        for _ in 0..times {
            // each number up to so many once, in an order that is not theirs
            let micros = (0..SLEEPERS).map(|i| 20_000 + 2 * (i * 7919 % SLEEPERS));
            let tasks: Vec<_> = micros.map(|n| system.spawn(S::timer(Duration::from_micros(n)))).collect();
            join(tasks).await;
        }
        watch.cost(times * SLEEPERS)
    })
}
