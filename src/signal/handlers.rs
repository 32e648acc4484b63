//! Handlers of signals, and awaits of them. Owns the methods and functions; must not know how a signal reaches the loop.

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
    /// Calls `f` each time the process gets the signal: asyncio's `add_signal_handler`. `f` is an ordinary callback of this
    /// loop, which may do what it likes, and runs one iteration after the one that learns of the signal. It takes the
    /// place of an earlier handler of this loop, and stays until it is removed or the loop closes.
    ///
    /// Any loop on any thread may handle a signal; asyncio's main loop alone may. If several do, all of them hear it.
    /// Handlers that other libraries had set before are called too. While nobody here handles the signal any more, it does
    /// again what it does by default, if that is what it did in the beginning.
    ///
    /// # Errors
    /// [`SignalError`] for a signal that cannot be caught, for what is no signal, and if the system has no descriptors
    /// left.
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
    /// // lp.run_forever()? now ends in an orderly way when somebody asks the process to
    /// assert!(lp.remove_signal_handler(SIGTERM));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn add_signal_handler(&self, signal: i32, f: impl FnMut() + 'static) -> Result<(), SignalError> {
        self.refuse_if_closed();
        let handler = Handle::repeating(f, Location::caller());
        let signals = self.kernel().kept().get_or_default::<Signals>();
        signals.set_handler(self, signal, handler).map(drop)
    }

    /// Takes the handler of a signal out; whether there was one: asyncio's `remove_signal_handler`. Of a signal that has
    /// come already, the callback still runs.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        let signals = self.kernel().kept().get::<Signals>();
        signals.and_then(|signals| signals.remove_handler(self.kernel(), signal)).is_some()
    }
}

/// Waits until the process gets the signal, from the first poll on. Every task that waits hears it, and so does a handler.
/// What the signal does by default, it does not meanwhile.
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
/// [`SignalError`] for a signal that cannot be caught, for what is no signal, and if the system has no descriptors left.
///
/// # Panics
/// If this thread is in no loop.
///
/// # Cancel safety
/// Cancelled or dropped, it waits no more. A signal that comes between two waits is not for the second: to miss none, use
/// [`EventLoop::add_signal_handler`].
pub async fn received(signal: i32) -> Result<(), SignalError> {
    let lp = EventLoop::current();
    let signals = lp.kernel().kept().get_or_default::<Signals>();
    let future = create_future();
    let number = signals.add_waiter(&lp, signal, future.clone())?;
    let kernel = Rc::downgrade(lp.kernel());
    let _waiting = Waiting { kernel, signals: Rc::downgrade(&signals), signal, number };
    drop((lp, signals)); // a task must not keep its own loop open
    future.await;
    Ok(())
}

/// Waits for Ctrl-C: [`received`] with `SIGINT`. In a program under [`run`](crate::run::run), Ctrl-C cancels the main task
/// only while nobody waits for it here.
///
/// # Examples
/// ```no_run
/// # async fn serve() {}
/// use oneloop::signal::ctrl_c;
///
/// # oneloop::run(async {
/// let server = oneloop::create_task(serve());
/// ctrl_c().await?;
/// server.cancel(); // and say good-bye to everybody
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

/// A task's wait for a signal, which ends with this.
struct Waiting {
    kernel: Weak<Loop>,
    signals: Weak<Signals>,
    signal: i32,
    number: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let (Some(kernel), Some(signals)) = (self.kernel.upgrade(), self.signals.upgrade()) {
            signals.remove_waiter(&kernel, self.signal, self.number);
        }
    }
}
