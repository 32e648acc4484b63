//! Waiting for time to pass: asyncio's `sleep`. Owns the futures `Sleep` and `YieldNow`; must not know how timers are
//! kept.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::base::nanos;
use crate::cancel::is_throwing;
use crate::current::{self, Timer, note_wait};

/// Lets all other ready tasks and callbacks run, and goes on in the next iteration: asyncio's `sleep(0)`.
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
        note_wait(&"the next iteration");
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Sleeps for at least `duration`, counted from its first poll: asyncio's `sleep`. A duration of zero is
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
/// If it is awaited outside a loop.
///
/// # Cancel safety
/// Nothing is lost but the time: awaited again by `&mut`, it goes on to the same deadline.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(Until::For(duration))
}

/// Sleeps until `deadline` on the loop's clock (see [`EventLoop::time`](crate::EventLoop::time)) or shortly after. For
/// a deadline that has passed it is [`yield_now`](fn@yield_now).
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
/// If it is awaited outside a loop.
///
/// # Cancel safety
/// Nothing is lost but the time.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(Until::At(deadline))
}

/// The end of a sleep, as the program gave it.
#[derive(Clone, Copy, Debug)]
enum Until {
    For(Duration),
    At(Instant),
}

/// The phases of a sleep:
///
/// ```text
///          first poll, before the deadline           a poll after the timer was due
///   New ─────────────────────────────────▶ Armed ────────────────────────────────────▶ Over
///    │                                                                                  ▲
///    └───────────────────────────────────▶ Yielding ────────────────────────────────────┘
///          first poll, no time to sleep                  the next poll
/// ```
///
/// While a cancellation is delivered to the task, polls change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Yielding,
    Armed,
    Over,
}

/// The future of [`sleep`](fn@sleep) and [`sleep_until`](fn@sleep_until).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    phase: Phase,
    until: Until,
    /// Set while the phase is `Armed`. It is no part of the phase, because moving it into one and out again cost as
    /// much as the timer wheel (measured).
    timer: Option<Timer>,
}

impl Sleep {
    fn new(until: Until) -> Self {
        Self { phase: Phase::New, until, timer: None }
    }

    /// The first poll: sets the timer.
    #[inline(never)] // the poll after the deadline needs none of its registers
    fn start(&mut self, cx: &Context<'_>) {
        let kernel = current::expect();
        let now = || kernel.clock().now();
        let deadline = match self.until {
            Until::For(Duration::ZERO) => None,
            Until::For(duration) => Some(now().saturating_add(nanos(duration))),
            Until::At(deadline) => Some(kernel.clock().nanos_at(deadline)).filter(|at| *at > now()),
        };
        if let Some(at) = deadline {
            let before = self.timer.replace(Timer::waking(kernel, at, cx));
            debug_assert!(before.is_none(), "the timer is set once");
            std::mem::forget(before); // it is `None`: this saves the code of a destructor that would do nothing
            self.phase = Phase::Armed;
            note_wait(&"a timer");
        } else {
            self.phase = Phase::Yielding;
            cx.waker().wake_by_ref();
            note_wait(&"the next iteration");
        }
    }

    /// Whether the timer was due. If it was not, it wakes the task of this poll from now on.
    fn is_over(&mut self, cx: &Context<'_>) -> bool {
        let Some(timer) = &mut self.timer else { return true };
        let is_over = timer.is_over();
        if !is_over {
            timer.wake_instead(cx);
            note_wait(&"a timer");
        }
        is_over
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        match self.phase {
            Phase::New => {
                self.start(cx);
                return Poll::Pending;
            }
            Phase::Armed => {
                if !self.is_over(cx) {
                    return Poll::Pending;
                }
            }
            Phase::Yielding | Phase::Over => {}
        }
        self.phase = Phase::Over;
        Poll::Ready(())
    }
}
