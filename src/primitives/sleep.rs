//! Waiting for time to pass: asyncio's `sleep`. Owns the futures `Sleep` and `YieldNow`; must not know how timers are
//! kept.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::base::nanos;
use crate::cancel::Waiting;
use crate::current::{self, TIMER, Timer, count_leaf};
use crate::kernel::{Leaf, What};

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
    YieldNow { waiting: Waiting::default(), loop_number: 0, yielded: false }
}

/// The future of [`yield_now`](fn@yield_now).
///
/// # Examples
/// ```
/// use oneloop::{create_task, run, yield_now};
///
/// run(async {
///     let other = create_task(async { 7 });
///     assert!(!other.done());
///     yield_now().await; // the other task takes its step
///     assert!(other.done());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    waiting: Waiting,
    loop_number: u16,
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            self.waiting.ready_in(self.loop_number);
            return Poll::Ready(());
        }
        self.yielded = true;
        let this = &mut *self;
        begin_to_yield(&this.waiting, &mut this.loop_number, cx);
        Poll::Pending
    }
}

impl Drop for YieldNow {
    #[inline]
    fn drop(&mut self) {
        self.waiting.end_in(self.loop_number);
    }
}

/// What a future waits for that yields, in the await graph.
const NEXT_ITERATION: Leaf = Leaf::of(What::NextIteration);

/// Has the task polled again in the next iteration. A future that yields keeps no pointer to its loop, only the number,
/// and only if it stands in the loop's tree.
#[inline]
fn begin_to_yield(waiting: &Waiting, loop_number: &mut u16, cx: &Context<'_>) {
    match count_leaf(NEXT_ITERATION, cx.waker()) {
        Some(step) => waiting.set_counted(step),
        None => stand_to_yield(waiting, loop_number, cx),
    }
    cx.waker().wake_by_ref();
}

#[cold]
fn stand_to_yield(waiting: &Waiting, loop_number: &mut u16, cx: &Context<'_>) {
    if let Some(kernel) = current::current() {
        *loop_number = kernel.number();
        waiting.note_woken(&kernel, cx, NEXT_ITERATION);
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
#[doc(alias = "sleep_ms")]
#[doc(alias = "delay")]
#[doc(alias = "Timer")]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(Until::For(nanos(duration)))
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
    /// In so many nanoseconds. (A `Duration` would make each sleep a word larger.)
    For(u64),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Yielding,
    Armed,
    Over,
}

/// The future of [`sleep`](fn@sleep) and [`sleep_until`](fn@sleep_until).
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, Sleep, sleep};
/// use std::time::Duration;
///
/// /// A wait that can be kept in a structure, without a box.
/// struct Pause {
///     until: Sleep,
/// }
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let begun = lp.time();
/// lp.run_until_complete(async {
///     let pause = Pause { until: sleep(Duration::from_secs(60)) };
///     pause.until.await;
/// })?;
/// assert_eq!(lp.time() - begun, Duration::from_secs(60));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    phase: Phase,
    loop_number: u16,
    waiting: Waiting,
    until: Until,
    /// Set while the phase is `Armed`. It is no part of the phase, because moving it into one and out again cost as
    /// much as the timer wheel (measured).
    timer: Option<Timer>,
}

impl Sleep {
    fn new(until: Until) -> Self {
        Self { phase: Phase::New, loop_number: 0, waiting: Waiting::default(), until, timer: None }
    }

    /// The first poll: sets the timer.
    #[inline(never)] // the poll after the deadline needs none of its registers
    #[track_caller]
    fn start(&mut self, cx: &Context<'_>) {
        let kernel = current::expect();
        let deadline = match self.until {
            Until::For(0) => None,
            Until::For(span) => Some(kernel.clock().deadline_after_nanos(span)),
            Until::At(deadline) => Some(kernel.clock().nanos_at(deadline)).filter(|at| *at > kernel.clock().now()),
        };
        if let Some(at) = deadline {
            let task = self.waiting.begin(&kernel, cx, TIMER);
            let before = self.timer.replace(Timer::waking(kernel, at, task, cx));
            debug_assert!(before.is_none(), "the timer is set once");
            std::mem::forget(before); // it is `None`: this saves the code of a destructor that would do nothing
            self.phase = Phase::Armed;
        } else {
            self.phase = Phase::Yielding;
            begin_to_yield(&self.waiting, &mut self.loop_number, cx);
        }
    }

    /// Whether the timer was due. If it was not, it wakes the task of this poll from now on.
    #[inline]
    #[track_caller]
    fn is_over(&mut self, cx: &Context<'_>) -> bool {
        let Some(timer) = &mut self.timer else { return true };
        let is_over = timer.is_over();
        if is_over {
            self.waiting.ready(timer.kernel());
        } else {
            self.wait_on(cx);
        }
        is_over
    }

    #[cold]
    #[track_caller]
    fn wait_on(&self, cx: &Context<'_>) {
        if let Some(timer) = &self.timer {
            timer.wake_instead(cx);
            self.waiting.note(timer.kernel(), cx, TIMER);
        }
    }
}

impl Sleep {
    /// Has it end at `deadline` instead, whether it has begun, is over, or has never been polled. The await has to be
    /// polled again afterwards, as it is by `select!` in a loop: the task that waits for it is not told.
    ///
    /// # Examples
    /// A limit for silence, not for the whole.
    /// ```
    /// use futures::future::{Either, select};
    /// use oneloop::{Clock, EventLoop, Queue, create_task, sleep};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// let limit = Duration::from_secs(10);
    /// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    /// let news = Queue::unbounded();
    /// let source = news.clone();
    /// let heard = lp.run_until_complete(async {
    ///     create_task(async move {
    ///         for n in 1..=3 {
    ///             sleep(limit / 2).await;
    ///             source.put_nowait(n).expect("it is open");
    ///         }
    ///     });
    ///     let mut heard = 0;
    ///     let mut silence = sleep(limit);
    ///     while let Either::Left(_) = select(pin!(news.get()), &mut silence).await {
    ///         heard += 1;
    ///         silence.reset(EventLoop::current().time() + limit);
    ///     }
    ///     heard
    /// })?;
    /// assert_eq!(heard, 3);
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        drop(std::mem::replace(self, sleep_until(deadline)));
    }
}

impl Future for Sleep {
    type Output = ();

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
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
            Phase::Yielding => self.waiting.ready_in(self.loop_number),
            Phase::Over => {}
        }
        self.phase = Phase::Over;
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        match &self.timer {
            Some(timer) => self.waiting.end(timer.kernel()),
            None => self.waiting.end_in(self.loop_number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each task that sleeps contains one.
    #[test]
    fn a_sleep_stays_small() {
        assert_eq!(size_of::<Sleep>(), 40);
    }
}
