//! Waiting for time to pass: asyncio's `sleep`. Owns the sleeper; must not know the wheel's shape.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::clock::nanos;
use crate::context;
use crate::kernel::Alarm;
use crate::node::Loop;
use crate::throw::{is_throwing, wait_for};
use crate::timer_wheel::TimerKey;

/// Lets everything else that is ready have its turn: asyncio's `sleep(0)`. Goes on in the next iteration.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run, yield_now};
///
/// run(async {
///     let other = create_task(async {});
///     yield_now().await;
///     assert!(other.done());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Nothing is lost.
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`](fn@yield_now).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        wait_for(&"its next turn");
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Sleeps for `duration` from when it is first awaited, never less: asyncio's `sleep`. A duration of zero is
/// [`yield_now`](fn@yield_now).
///
/// # Examples
/// ```
/// use oneloop::{run, sleep};
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// run(sleep(Duration::from_micros(300)))?;
/// assert!(start.elapsed() >= Duration::from_micros(300));
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// When it is awaited outside a loop.
///
/// # Cancel safety
/// Nothing is lost but the time: awaited again through a `&mut`, it goes on to the same deadline.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { state: SleepState::New(Until::For(duration)) }
}

/// Sleeps until `deadline` on the loop's clock (see [`EventLoop::time`](crate::EventLoop::time)), never less. A deadline
/// that has passed is [`yield_now`](fn@yield_now).
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, sleep_until};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let noon = lp.time() + Duration::from_secs(12 * 3600);
/// lp.run_until_complete(sleep_until(noon))?;
/// assert_eq!(lp.time(), noon);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// When it is awaited outside a loop.
///
/// # Cancel safety
/// Nothing is lost but the time.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { state: SleepState::New(Until::At(deadline)) }
}

#[derive(Clone, Copy, Debug)]
enum Until {
    For(Duration),
    At(Instant),
}

/// `New` → `Yielding` or `Armed` at the first poll → `Over`.
#[derive(Debug)]
enum SleepState {
    New(Until),
    Yielding(YieldNow),
    Armed(Rc<Loop>, TimerKey),
    Over,
}

/// The future of [`sleep`](fn@sleep) and [`sleep_until`](fn@sleep_until).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    state: SleepState,
}

impl Sleep {
    fn start(&mut self, until: Until, cx: &Context<'_>) {
        let kernel = context::expect();
        let now = || kernel.clock().now();
        let deadline = match until {
            Until::For(Duration::ZERO) => None,
            Until::For(duration) => Some(now().saturating_add(nanos(duration))),
            Until::At(deadline) => Some(kernel.clock().nanos_at(deadline)).filter(|at| *at > now()),
        };
        self.state = match deadline {
            None => SleepState::Yielding(yield_now()),
            Some(at) => {
                let key = kernel.set_timer(at, Alarm::Wake(cx.waker().clone()));
                SleepState::Armed(kernel, key)
            }
        };
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        if let SleepState::New(until) = self.state {
            self.start(until, cx);
            if let SleepState::Armed(..) = self.state {
                wait_for(&"a timer");
                return Poll::Pending;
            }
        }
        match &mut self.state {
            SleepState::Yielding(yielding) => Pin::new(yielding).poll(cx),
            SleepState::Armed(kernel, key) => {
                let (rung, spare) = kernel.poll_timer(*key, cx.waker().clone());
                drop(spare);
                if rung {
                    self.disarm();
                    return Poll::Ready(());
                }
                wait_for(&"a timer");
                Poll::Pending
            }
            SleepState::New(_) | SleepState::Over => Poll::Ready(()),
        }
    }
}

impl Sleep {
    fn disarm(&mut self) {
        if let SleepState::Armed(kernel, key) = std::mem::replace(&mut self.state, SleepState::Over) {
            drop(kernel.remove_timer(key));
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}
