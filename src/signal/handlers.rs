//! Signal handlers, and waiting for a signal. Owns the public methods and functions; must not know how a signal reaches
//! the loop.

use std::panic::Location;
use std::rc::{Rc, Weak};

use super::arrival::Arrival;
use super::numbers::SIGINT;
use super::table::{Handler, Signals, Wait};
use crate::base::{PooledRc, TaskKey};
use crate::cancel::leaf_fn;
use crate::error::SignalError;
use crate::event_loop::{EventLoop, repeating};
use crate::kernel::{Leaf, What};
use crate::node::{Loop, TaskState};
use crate::primitives::yield_now;

impl EventLoop {
    /// Calls `f` each time the process gets the signal: asyncio's `add_signal_handler`.
    ///
    /// `f` is an ordinary callback of this loop, without the restrictions of a signal handler. It runs one iteration
    /// after the one that learns of the signal, as often as the signal has come, and in a copy of the current
    /// [`Context`](crate::Context), made now. It replaces an earlier handler of this loop, and stays until it is
    /// removed or the loop closes.
    ///
    /// Any loop on any thread may handle a signal; in asyncio, only the loop of the main thread may. If several loops
    /// handle a signal, the handlers of all are called, and so are handlers that other libraries had set before. Once
    /// no loop handles the signal any more, it has its default action again, if it had that before the first handler.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    /// use oneloop::signal::SIGTERM;
    ///
    /// let lp = EventLoop::new()?;
    /// lp.add_signal_handler(SIGTERM, || EventLoop::current().stop())?;
    /// // lp.run_forever()? now ends in an orderly way when the process is asked to end
    /// assert!(lp.remove_signal_handler(SIGTERM));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SignalError`] for a signal that cannot be caught, for a number that is no signal, and if the system is out of
    /// descriptors.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and `f` stays.
    #[track_caller]
    pub fn add_signal_handler(&self, signal: i32, f: impl FnMut() + 'static) -> Result<(), SignalError> {
        self.refuse_if_closed();
        let callback = repeating(f, Location::caller());
        self.set_signal_handler(signal, Handler { callback, is_awaited: true })
    }

    pub(super) fn set_signal_handler(&self, signal: i32, handler: Handler) -> Result<(), SignalError> {
        let signals = self.kernel().extensions().get_or_default::<Signals>();
        signals.set_handler(self, signal, handler).map(drop)
    }

    /// Removes the handler of a signal: asyncio's `remove_signal_handler`. If the loop has already learned of a signal,
    /// the handler still runs for it.
    ///
    /// This also ends what [`received`] has begun: no signal is kept for a later wait any more. Tasks that wait now
    /// still receive the signal. Returns whether the loop had a handler, or kept signals for tasks.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        let signals = self.kernel().extensions().get::<Signals>();
        signals.is_some_and(|signals| signals.remove_handler(self.kernel(), signal))
    }
}

/// Waits until the process gets the signal.
///
/// From the first wait on, the signal is the loop's: it has no default action, and no signal is lost between two waits.
/// Each task receives those that have come since its last wait, one for each wait, and those that come during a wait
/// end the waits of all tasks. A task that waits for the first time does not receive what came before the loop's first
/// wait, nor what another task has received. A [handler](EventLoop::add_signal_handler) is called too.
///
/// The signal has its default action again when the loop closes, or after
/// [`remove_signal_handler`](EventLoop::remove_signal_handler).
///
/// # Examples
/// ```no_run
/// use oneloop::signal::{SIGHUP, received};
/// # fn read_settings() {}
/// # oneloop::run(async {
/// loop {
///     read_settings();
///     received(SIGHUP).await?; // by custom: read them again. If it has come meanwhile, at once
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), oneloop::error::SignalError>(())
/// # }).unwrap().unwrap();
/// ```
///
/// # Errors
/// [`SignalError`] for a signal that cannot be caught, for a number that is no signal, and if the system is out of
/// descriptors.
///
/// # Panics
/// If this thread is in no loop.
///
/// # Cancel safety
/// Nothing is lost: a signal that comes later, or that has ended the wait already, is kept for the task's next wait.
/// Branches of one task that wait for the same signal side by side have one next wait between them.
pub async fn received(signal: i32) -> Result<(), SignalError> {
    let mut lp = EventLoop::current();
    if !lp.kernel().budget().may_go_on(lp.kernel().step().number()) {
        drop(lp);
        // one signal after another must not starve other tasks
        yield_now().await;
        lp = EventLoop::current();
    }
    let signals = lp.kernel().extensions().get_or_default::<Signals>();
    let (kernel, arrival) = (Rc::clone(lp.kernel()), PooledRc::new(Arrival::default()));
    let task = running_task(&kernel);
    let Wait::Begun { place } = signals.begin_wait(&lp, signal, task, &arrival)? else {
        return Ok(());
    };
    let guard = WaiterGuard { kernel, signals: Rc::downgrade(&signals), signal, arrival };
    drop((lp, signals)); // a task must not keep its own loop open
    let what = Leaf::numbered(What::Signal, signal.unsigned_abs());
    leaf_fn(&guard.kernel, what, |cx| guard.arrival.poll(cx)).await;
    if let Some(signals) = guard.signals.upgrade() {
        signals.receive(signal, task, place);
    }
    Ok(())
}

/// Waits for Ctrl-C: [`received`] with `SIGINT`.
///
/// From the first wait on, Ctrl-C is for these waits: it does not cancel the main task of [`run`](crate::run::run), and
/// one that comes between two waits is kept. A program that waits once, and wants Ctrl-C to end it if that takes too
/// long, gives it back.
///
/// # Examples
/// ```no_run
/// # async fn serve() {}
/// use oneloop::EventLoop;
/// use oneloop::signal::{SIGINT, ctrl_c};
///
/// # oneloop::run(async {
/// let server = oneloop::create_task(serve());
/// ctrl_c().await?;
/// EventLoop::current().remove_signal_handler(SIGINT); // another Ctrl-C cancels this task
/// server.cancel(); // and tell the clients
/// # Ok::<(), oneloop::error::SignalError>(())
/// # }).unwrap().unwrap();
/// ```
///
/// # Errors
/// As [`received`].
///
/// # Panics
/// If this thread is in no loop.
///
/// # Cancel safety
/// As [`received`].
pub async fn ctrl_c() -> Result<(), SignalError> {
    received(SIGINT).await
}

fn running_task(kernel: &Loop) -> Option<TaskKey> {
    kernel.running_task().with(TaskState::key)
}

/// A wait of a task. Dropping this, at its end or before, takes it out of the table.
struct WaiterGuard {
    kernel: Rc<Loop>,
    signals: Weak<Signals>,
    signal: i32,
    arrival: PooledRc<Arrival>,
}

impl Drop for WaiterGuard {
    fn drop(&mut self) {
        if let Some(signals) = self.signals.upgrade() {
            signals.remove_waiter(&self.kernel, self.signal, &self.arrival);
        }
    }
}
