//! Signal handlers, and waiting for a signal. Owns the public methods and functions; must not know how a signal reaches
//! the loop.

use std::panic::Location;
use std::rc::{Rc, Weak};

use super::numbers::SIGINT;
use super::table::Signals;
use crate::awaitables::create_future;
use crate::error::SignalError;
use crate::event_loop::EventLoop;
use crate::kernel::Handle;
use crate::node::Loop;

impl EventLoop {
    /// Calls `f` each time the process gets the signal: asyncio's `add_signal_handler`.
    ///
    /// `f` is an ordinary callback of this loop, without the restrictions of a signal handler. It runs one iteration
    /// after the one that learns of the signal. It replaces an earlier handler of this loop, and stays until it is
    /// removed or the loop closes.
    ///
    /// Any loop on any thread may handle a signal; in asyncio, only the loop of the main thread may. If several loops
    /// handle a signal, the handlers of all are called, and so are handlers that other libraries had set before. Once
    /// no loop handles the signal any more, it has its default action again, if it had that before the first handler.
    ///
    /// # Errors
    /// [`SignalError`] for a signal that cannot be caught, for a number that is no signal, and if the system is out of
    /// descriptors.
    ///
    /// # Panics
    /// If the loop is closed. A panic of `f` is reported to the exception handler, and `f` stays.
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
    #[track_caller]
    pub fn add_signal_handler(&self, signal: i32, f: impl FnMut() + 'static) -> Result<(), SignalError> {
        self.refuse_if_closed();
        let handler = Handle::repeating(f, Location::caller());
        let signals = self.kernel().extensions().get_or_default::<Signals>();
        signals.set_handler(self, signal, handler).map(drop)
    }

    /// Removes the handler of a signal, and returns whether there was one: asyncio's `remove_signal_handler`. If the
    /// loop has already learned of a signal, the handler still runs for it.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        let signals = self.kernel().extensions().get::<Signals>();
        signals.and_then(|signals| signals.remove_handler(self.kernel(), signal)).is_some()
    }
}

/// Waits until the process gets the signal. The wait begins with the first poll: a signal that came before does not end
/// it. One signal ends the waits of all tasks, and its handler is called too. During the wait the signal has no default
/// action.
///
/// # Examples
/// ```no_run
/// use oneloop::signal::{SIGHUP, received};
/// # fn read_settings() {}
/// # oneloop::run(async {
/// loop {
///     read_settings();
///     received(SIGHUP).await?; // by custom: read them again
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
/// A signal that comes between two waits is lost, also if the first wait was cancelled. To miss none, use
/// [`EventLoop::add_signal_handler`].
pub async fn received(signal: i32) -> Result<(), SignalError> {
    let lp = EventLoop::current();
    let signals = lp.kernel().extensions().get_or_default::<Signals>();
    let future = create_future();
    let number = signals.add_waiter(&lp, signal, future.clone())?;
    let kernel = Rc::downgrade(lp.kernel());
    let _guard = WaiterGuard { kernel, signals: Rc::downgrade(&signals), signal, number };
    drop((lp, signals)); // a task must not keep its own loop open
    future.await;
    Ok(())
}

/// Waits for Ctrl-C: [`received`] with `SIGINT`. While a task waits here, Ctrl-C does not cancel the main task of
/// [`run`](crate::run::run).
///
/// # Examples
/// ```no_run
/// # async fn serve() {}
/// use oneloop::signal::ctrl_c;
///
/// # oneloop::run(async {
/// let server = oneloop::create_task(serve());
/// ctrl_c().await?;
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

/// Removes the future of a waiting task from the table when the wait ends or is dropped.
struct WaiterGuard {
    kernel: Weak<Loop>,
    signals: Weak<Signals>,
    signal: i32,
    number: u64,
}

impl Drop for WaiterGuard {
    fn drop(&mut self) {
        if let (Some(kernel), Some(signals)) = (self.kernel.upgrade(), self.signals.upgrade()) {
            signals.remove_waiter(&kernel, self.signal, self.number);
        }
    }
}
