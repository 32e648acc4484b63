//! The settings of a new loop. Owns the builder and its defaults; must not know how a loop runs.

use super::event_loop::EventLoop;
use crate::base::Clock;
use crate::error::Error;
use crate::kernel::Kernel;

/// Makes a loop with settings of its own.
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
    eager_tasks: bool,
}

impl EventLoopBuilder {
    /// The clock of the loop; by default the real one.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Whether new tasks take their first step where they are made; by default they do not. See
    /// [`EventLoop::set_eager_tasks`].
    pub fn eager_tasks(mut self, eager: bool) -> Self {
        self.eager_tasks = eager;
        self
    }

    /// Makes the loop.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system has no descriptors left for it.
    pub fn build(self) -> Result<EventLoop, Error> {
        let lp = EventLoop::of(Kernel::new(self.clock)?);
        lp.set_eager_tasks(self.eager_tasks);
        Ok(lp)
    }
}

impl EventLoop {
    /// Makes a loop on the machine's clock: asyncio's `new_event_loop()`.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system has no descriptors left for it.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Makes a builder, for a loop with other settings.
    pub fn builder() -> EventLoopBuilder {
        EventLoopBuilder::default()
    }
}
