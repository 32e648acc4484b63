//! Makes loops. Owns their settings; must not know how a loop runs.

use super::event_loop::EventLoop;
use crate::base::Clock;
use crate::error::Error;
use crate::kernel::Kernel;

/// Settings of a loop to be made.
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop};
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// assert!(!lp.is_running());
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes nothing until build() is called"]
pub struct EventLoopBuilder {
    clock: Clock,
}

impl EventLoopBuilder {
    /// Which clock the loop lives by; the real one if nothing is said.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the loop.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system has no descriptors left for it.
    pub fn build(self) -> Result<EventLoop, Error> {
        Ok(EventLoop::share(Kernel::new(self.clock)?))
    }
}

impl EventLoop {
    /// A new loop on the machine's clock: asyncio's `new_event_loop()`.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system has no descriptors left for it.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// A loop with other settings.
    pub fn builder() -> EventLoopBuilder {
        EventLoopBuilder::default()
    }
}
