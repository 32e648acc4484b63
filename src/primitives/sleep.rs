//! Waiting for time to pass: asyncio's `sleep`. Owns the sleeper; must not know the wheel's shape.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::base::nanos;
use crate::cancel::is_throwing;
use crate::current::note_wait;
use crate::current::{self, Timer};

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
        note_wait(&"its next turn");
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
    Sleep::new(Until::For(duration))
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
    Sleep::new(Until::At(deadline))
}

#[derive(Clone, Copy, Debug)]
enum Until {
    For(Duration),
    At(Instant),
}

/// `New` → `Yielding` or `Armed` at the first poll → `Over`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Yielding,
    Armed,
    Over,
}

/// The future of [`sleep`](fn@sleep) and [`sleep_until`](fn@sleep_until).
///
/// The fields of an armed one stand by themselves and not in its phase, since putting them together to move them costs
/// as much as the timer wheel (measured).
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    phase: Phase,
    until: Until,
    timer: Option<Timer>,
}

impl Sleep {
    fn new(until: Until) -> Self {
        Self { phase: Phase::New, until, timer: None }
    }

    #[inline(never)] // the poll of one that has rung needs none of its registers
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
            debug_assert!(before.is_none(), "it is armed once");
            std::mem::forget(before); // there was none, which spares a destructor
            self.phase = Phase::Armed;
            note_wait(&"a timer");
        } else {
            self.phase = Phase::Yielding;
            cx.waker().wake_by_ref();
            note_wait(&"its next turn");
        }
    }

    /// Whether the timer was due. If not, it is to wake what polls now.
    fn has_rung(&mut self, cx: &Context<'_>) -> bool {
        let Some(timer) = &mut self.timer else { return true };
        let over = timer.is_over();
        if !over {
            timer.wake_instead(cx);
            note_wait(&"a timer");
        }
        over
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
                if !self.has_rung(cx) {
                    return Poll::Pending;
                }
            }
            Phase::Yielding | Phase::Over => {}
        }
        self.phase = Phase::Over;
        Poll::Ready(())
    }
}
