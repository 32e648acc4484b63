//! What the programs take for `EventLoop`: it is that, and a recorder listens. Must not know the programs.

use std::cell::RefCell;
use std::rc::Rc;

use oneloop::{Clock, Error, EventLoopBuilder, Recorder, Runner, Timeline};

thread_local! {
    static LAST: RefCell<Option<Timeline>> = const { RefCell::new(None) };
}

/// What the last program on this thread did.
#[must_use]
pub fn take() -> Option<Timeline> {
    LAST.take()
}

/// In the place of oneloop's.
#[derive(Debug)]
pub struct EventLoop;

/// In the place of `EventLoopBuilder`.
#[derive(Debug)]
pub struct Builder(EventLoopBuilder);

impl EventLoop {
    /// As of oneloop's.
    #[must_use]
    pub fn builder() -> Builder {
        Builder(oneloop::EventLoop::builder())
    }

    /// As of oneloop's.
    #[must_use]
    pub fn current() -> oneloop::EventLoop {
        oneloop::EventLoop::current()
    }
}

impl Builder {
    /// As of oneloop's.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self(self.0.clock(clock))
    }

    /// As of oneloop's, and what the tasks do is recorded.
    ///
    /// # Errors
    ///
    /// As of oneloop's.
    pub fn run<F: IntoFuture>(self, future: F) -> Result<F::Output, Error> {
        let (lp, recorder) = (self.0.build()?, Rc::new(Recorder::default()));
        lp.add_observer(recorder.clone());
        let runner = Runner::with_loop(lp);
        let value = runner.run(future);
        let closed = runner.close();
        LAST.set(Some(recorder.timeline()));
        closed.and(value)
    }
}
