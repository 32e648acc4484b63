//! Timers: set, cancelled, fired. Owns the batches; must not know any system.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::join;
use crate::measure::{Cost, Stopwatch, float, percentile};
use crate::sizes::{ARMED, DELAYS, MILLION, NIGHTS, ORDERED, REPLACED, SLEEPERS};
use crate::system::Timers;

/// The next of a row of numbers that seem random: `xorshift64`.
fn shuffle(number: &mut u64) -> u64 {
    *number ^= *number << 13;
    *number ^= *number >> 7;
    *number ^= *number << 17;
    *number
}

/// Some time in the next hour but one.
pub(crate) fn far_off(number: &mut u64) -> Duration {
    Duration::from_secs(3600) + Duration::from_nanos(shuffle(number) % 3_600_000_000_000)
}

/// Where [`far_off`] begins.
pub(crate) const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// How long each of the sleepers sleeps: each number up to so many once, in an order that is not theirs.
pub(crate) fn naps() -> impl Iterator<Item = Duration> {
    (0..SLEEPERS).map(|i| Duration::from_micros(20_000 + 2 * (i * 7919 % SLEEPERS)))
}

pub(super) fn arm<T: Future>(timer: Pin<&mut T>, cx: &mut Context<'_>) {
    assert!(timer.poll(cx).is_pending(), "hours early");
}

pub(crate) fn arm_cancel<S: Timers, const LIVE: u64>(times: u64) -> Cost {
    replace::<S>(LIVE, times * ARMED)
}

pub(crate) fn arm_cancel_million<S: Timers>(_: u64) -> Cost {
    replace::<S>(MILLION, REPLACED).once()
}

/// Lets a new timer take the place of any one of those that are live, so many times.
fn replace<S: Timers>(count: u64, times: u64) -> Cost {
    let replace = |cx: &mut Context<'_>| {
        let mut number = SEED;
        let mut live: Vec<_> = (0..count).map(|_| Box::pin(S::timer(far_off(&mut number)))).collect();
        for timer in &mut live {
            arm(timer.as_mut(), cx);
        }
        let watch = Stopwatch::wall();
        for _ in 0..times {
            let fresh = S::timer(far_off(&mut number));
            let any = usize::try_from(number % count).expect("a place in memory");
            live[any].set(fresh); // and the one that was there is cancelled
            arm(live[any].as_mut(), cx);
        }
        watch.cost(times)
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

pub(crate) fn million<S: Timers>(_: u64) -> Cost {
    const PORTION: u64 = 1_000;
    S::run(async |_| {
        let mut timers = Vec::with_capacity(usize::try_from(MILLION).expect("places in memory"));
        let watch = Stopwatch::cpu();
        let start = Instant::now() + Duration::from_secs(1); // late enough to have set them all
        poll_fn(|cx| {
            for portion in 0..MILLION / PORTION {
                let ahead = start.saturating_duration_since(Instant::now());
                for i in portion * PORTION..(portion + 1) * PORTION {
                    // over 50 ms, each 50 ns once, in an order that is not theirs
                    let mut timer = Box::pin(S::timer(ahead + Duration::from_nanos(i * 7_919 % MILLION * 50)));
                    // it is due already where the machine is that slow
                    if timer.as_mut().poll(cx).is_pending() {
                        timers.push(timer);
                    }
                }
            }
            Poll::Ready(())
        })
        .await;
        S::timer(start.saturating_duration_since(Instant::now()) + Duration::from_millis(52)).await;
        let cost = watch.cost(MILLION);
        for timer in timers {
            timer.await; // they are over
        }
        cost.once()
    })
}

pub(crate) fn sleepers<S: Timers>(times: u64) -> Cost {
    S::run(async |system: S| {
        let watch = Stopwatch::cpu();
        for _ in 0..times {
            let tasks: Vec<_> = naps().map(|nap| system.spawn(S::timer(nap))).collect();
            join(tasks).await;
        }
        watch.cost(times * SLEEPERS)
    })
}

/// How many µs from their time sleeps of many lengths ended, and what they took of the processor.
fn sleeps<S: Timers>() -> (Vec<f64>, Cost) {
    S::run(async |_| {
        let mut errors = Vec::new();
        let watch = Stopwatch::cpu();
        for micros in (0..NIGHTS).flat_map(|_| DELAYS) {
            let (start, asked) = (Instant::now(), Duration::from_micros(micros));
            S::timer(asked).await;
            errors.push(start.elapsed().abs_diff(asked).as_secs_f64() * 1e6);
        }
        let count = NIGHTS * u64::try_from(DELAYS.len()).expect("a few");
        (errors, watch.cost(count).once())
    })
}

pub(crate) fn overshoot<S: Timers, const HUNDREDTHS: usize>(_: u64) -> Cost {
    Cost::Value(percentile(sleeps::<S>().0, HUNDREDTHS))
}

pub(crate) fn overshoot_cpu<S: Timers>(_: u64) -> Cost {
    sleeps::<S>().1
}

pub(crate) fn order<S: Timers>(_: u64) -> Cost {
    S::run(async |system: S| {
        let fired = Rc::new(RefCell::new(Vec::new()));
        let tasks = (0..ORDERED).rev().map(|i| {
            let (timer, fired) = (S::timer(Duration::from_micros(10_000 + 100 * i)), Rc::clone(&fired));
            system.spawn(async move {
                timer.await;
                fired.borrow_mut().push(i);
            })
        });
        join(tasks.collect::<Vec<_>>()).await;
        let inversions = fired.borrow().windows(2).filter(|pair| pair[0] > pair[1]).count();
        Cost::Value(float(u64::try_from(inversions).expect("a few")))
    })
}
