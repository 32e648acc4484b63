//! The settings of a new loop. Owns the builder and its defaults; must not know how a loop runs.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use super::debug;
use super::event_loop::EventLoop;
use super::exploration;
use crate::base::Clock;
use crate::error::Error;
use crate::kernel::Kernel;

/// Makes a loop with settings of its own. [`EventLoop::builder`] begins one.
///
/// [`run`](Self::run) makes the loop and runs a future on it, as the function [`run`](fn@crate::run) does;
/// [`build`](Self::build) only makes it.
///
/// # Examples
/// A test on the virtual clock, which takes no time:
/// ```
/// use oneloop::{Clock, EventLoop, sleep};
/// use std::time::Duration;
///
/// EventLoop::builder().clock(Clock::Virtual).run(async {
///     sleep(Duration::from_secs(3600)).await;
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes nothing until build() is called"]
pub struct EventLoopBuilder {
    clock: Clock,
    precision: TimerPrecision,
    eager_tasks: bool,
    /// Without it, the environment decides.
    debug: Option<bool>,
    /// The seed of a loop that explores.
    pub(super) exploration: Option<u64>,
    when_built: Option<WhenBuilt>,
}

/// What other folders do with a new loop, for settings of their own.
#[derive(Clone)]
struct WhenBuilt(Arc<Setting>);

type Setting = dyn Fn(&EventLoop) -> Result<(), Error> + Send + Sync + UnwindSafe + RefUnwindSafe;

impl fmt::Debug for WhenBuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// How late a sleep may end on a machine that has nothing else to do.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, TimerPrecision};
///
/// let _lp = EventLoop::builder().timer_precision(TimerPrecision::Precise).build()?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimerPrecision {
    /// Up to a millisecond later: the loop wakes for timers at whole milliseconds of its clock, and one wait serves all
    /// that are due by then. For a program with thousands of timers, whose loop would hardly sleep else.
    Coarse,
    /// As late as the system lets every wait end: on Linux by the thread's *timer slack*, 50 µs unless the program sets
    /// it. A sleep below a millisecond takes one system call, a longer one takes two.
    #[default]
    Thrifty,
    /// As early as the system can: on Linux the loop has a timer of the system (`timerfd`) among what it polls, to
    /// which no slack is added. It costs three descriptors a loop, and a sleep takes two system calls, unless its
    /// deadline is that of the wait before. Elsewhere this changes nothing.
    Precise,
}

/// The waits of a loop whose timers are [`Coarse`](TimerPrecision::Coarse) end at multiples of this.
const COARSE: Duration = Duration::from_millis(1);

impl EventLoopBuilder {
    /// The clock of the loop; by default the real one.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How late a sleep may end; by default as late as a wait of the system. A loop whose
    /// [descriptor](EventLoop#impl-AsFd-for-EventLoop) was asked for is always precise between its turns. No sleep ends
    /// early, and a virtual clock is always exact.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, TimerPrecision, sleep};
    /// use std::time::{Duration, Instant};
    ///
    /// let lp = EventLoop::builder().timer_precision(TimerPrecision::Precise).build()?;
    /// let began = Instant::now();
    /// lp.run_until_complete(sleep(Duration::from_micros(100)))?;
    /// assert!(began.elapsed() >= Duration::from_micros(100)); // and seldom more than 130
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn timer_precision(mut self, precision: TimerPrecision) -> Self {
        self.precision = precision;
        self
    }

    /// Whether new tasks take their first step where they are made; by default they do not. See
    /// [`EventLoop::set_eager_tasks`].
    pub fn eager_tasks(mut self, eager: bool) -> Self {
        self.eager_tasks = eager;
        self
    }

    /// Whether the loop is in debug mode; by default it is if the environment says so, by `ONELOOP_DEBUG=1`. See
    /// [`EventLoop::set_debug`].
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = Some(debug);
        self
    }

    /// Has `f` called with each loop that is built, for a setting of a folder below this one. (Not a list, whose
    /// destructor the first tick of a program would have to find: a loop seldom has such a setting.)
    pub(crate) fn when_built(
        mut self,
        f: impl Fn(&EventLoop) -> Result<(), Error> + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    ) -> Self {
        let before = self.when_built.take();
        self.when_built = Some(WhenBuilt(Arc::new(move |lp| {
            before.iter().try_for_each(|WhenBuilt(before)| before(lp))?;
            f(lp)
        })));
        self
    }

    /// Makes the loop.
    ///
    /// # Errors
    /// [`Error::Io`] if the operating system has no descriptors left for it; [`Error::Inspect`] if it cannot be
    /// [inspected](Self::inspect) as was asked for.
    pub fn build(self) -> Result<EventLoop, Error> {
        let Self { clock, precision, eager_tasks, debug: asked, exploration, when_built } = self;
        let kernel = Kernel::new(clock)?;
        match precision {
            TimerPrecision::Coarse => kernel.clock().set_wait_unit(COARSE),
            TimerPrecision::Thrifty => {}
            TimerPrecision::Precise => kernel.keep_time_precisely()?,
        }
        if let Some(seed) = exploration {
            exploration::begin(&kernel, seed);
        }
        let lp = EventLoop::of(kernel);
        lp.set_eager_tasks(eager_tasks);
        if asked.unwrap_or_else(debug::is_asked_for) {
            lp.set_debug(true);
        }
        when_built.iter().try_for_each(|WhenBuilt(f)| f(&lp))?;
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
