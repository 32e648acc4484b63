//! Wakes from another thread. Owns the other thread; must not know any system.
//!
//! The loops have their drivers: a wake has to reach one that waits for I/O.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use std::{mem, thread};

use crate::measure::{Cost, Stopwatch, percentile};
use crate::sizes::{FOREIGN, LATENCIES};
use crate::system::Timers;

pub(crate) fn wake<S: Timers>(times: u64) -> Cost {
    S::run(async |system| {
        let (said, heard) = mpsc::channel();
        let mut said = Some(said);
        let woken = poll_fn(move |cx| {
            if let Some(said) = said.take() {
                let waker = cx.waker().clone();
                thread::spawn(move || {
                    let watch = Stopwatch::wall();
                    for _ in 0..times * FOREIGN {
                        waker.wake_by_ref();
                    }
                    said.send(watch.cost(times * FOREIGN)).expect("the task waits for it");
                    waker.wake();
                });
            }
            heard.try_recv().map_or(Poll::Pending, Poll::Ready)
        });
        system.spawn(woken).await
    })
}

pub(crate) fn latency<S: Timers>(_: u64) -> Cost {
    let (ask, asked) = mpsc::channel::<Waker>();
    let woken_at = Arc::new(Mutex::new(None));
    let stamp = Arc::clone(&woken_at);
    let other = thread::spawn(move || {
        for waker in asked {
            thread::sleep(Duration::from_micros(200)); // the loop falls asleep
            *stamp.lock().expect("no thread panics") = Some(Instant::now());
            waker.wake();
        }
    });
    let latencies = S::run(async |system| {
        let mut latencies = Vec::with_capacity(LATENCIES);
        let woken = poll_fn(move |cx| {
            let now = Instant::now();
            let start = woken_at.lock().expect("no thread panics").take();
            if let Some(start) = start {
                latencies.push((now - start).as_secs_f64() * 1e6);
            }
            if latencies.len() == LATENCIES {
                return Poll::Ready(mem::take(&mut latencies));
            }
            ask.send(cx.waker().clone()).expect("the other one is there");
            Poll::Pending
        });
        system.spawn(woken).await
    });
    other.join().expect("it does not panic");
    Cost::Value(percentile(latencies, 50))
}
