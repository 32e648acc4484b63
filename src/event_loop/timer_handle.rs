//! A callback with a deadline: asyncio's `TimerHandle`. Owns its place in the timer wheel; must not know when timers
//! are queued.

use std::fmt;
use std::rc::Rc;
use std::time::Instant;

use crate::base::Context;
use crate::kernel::Handle;
use crate::node::Loop;
use crate::timer_wheel::TimerKey;

/// A callback that is scheduled for a time: asyncio's `TimerHandle`. Dropping the handle does not cancel the callback.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, sleep};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let never = lp.call_later(Duration::from_secs(5), || unreachable!());
/// assert_eq!(never.when() - lp.time(), Duration::from_secs(5));
/// never.cancel();
/// lp.run_until_complete(sleep(Duration::from_secs(10)))?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone)]
pub struct TimerHandle {
    kernel: Rc<Loop>,
    key: TimerKey,
    when: Instant,
    handle: Handle,
}

impl TimerHandle {
    pub(crate) fn new(kernel: Rc<Loop>, key: TimerKey, when: Instant, handle: Handle) -> Self {
        Self { kernel, key, when, handle }
    }

    /// The time at which the callback is due, on the loop's clock: asyncio's `when()`.
    pub fn when(&self) -> Instant {
        self.when
    }

    /// Cancels the callback: it will not run, and what it holds is dropped now. Does nothing if the callback has run.
    pub fn cancel(&self) {
        drop(self.kernel.remove_timer(self.key));
        if self.kernel.life().is_closed_or_asleep() {
            self.kernel.tell_host_of_deadline();
        }
        self.handle.cancel();
    }

    /// Whether `cancel` was called.
    pub fn cancelled(&self) -> bool {
        self.handle.cancelled()
    }

    /// The context in which the callback will run: asyncio's `get_context()`. `None` once it has run or was cancelled:
    /// see [`Handle::get_context`].
    pub fn get_context(&self) -> Option<Context> {
        self.handle.get_context()
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle").field("when", &self.when).field("handle", &self.handle).finish_non_exhaustive()
    }
}
