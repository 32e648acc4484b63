//! The pender: a function that is called when a loop wants a turn, for hosts that cannot watch a descriptor. Owns the
//! thread that watches in the host's place; must not know how a turn goes.

use std::cell::RefCell;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use super::loop_handle::LoopHandle;
use crate::base::concurrency::Arc;
use crate::current;
use crate::error::Error;
use crate::event_loop::EventLoop;
use crate::kernel::Pauses;
use crate::node::report_panic;
use crate::sys::wait_for_either;

/// The pender of a loop, if it has one.
#[derive(Default)]
struct PenderSlot(RefCell<Option<Pender>>);

/// What the loop keeps of its pender. Dropping it ends the thread, which the end of the pipe wakes.
struct Pender {
    pauses: Arc<Pauses>,
    _writer: PipeWriter,
}

impl Drop for Pender {
    fn drop(&mut self) {
        self.pauses.end_all();
    }
}

/// What the thread works with, which watches in the place of the host.
struct PenderThread<F> {
    pender: F,
    pauses: Arc<Pauses>,
    /// The loop's own descriptor.
    descriptor: OwnedFd,
    /// Readable, at its end, when the loop has no pender any more.
    over: PipeReader,
    handle: LoopHandle,
}

impl EventLoop {
    /// Sets a function that is called when the loop wants a turn between turns: when something is ready, by an event of
    /// a descriptor, a timer that is due, another thread, or the host itself. It is for hosts that cannot watch
    /// [a descriptor](EventLoop#impl-AsFd-for-EventLoop) and can be woken from any thread: `wakeup` of a window system,
    /// `post` of a message queue. It replaces the pender that was set before. asyncio has no such call; Trio's guest
    /// mode is alike.
    ///
    /// - `pender` is called at most once from the end of a turn or run to the beginning of the next one. If a turn
    ///   leaves something ready, `pender` is called for that, too. So a host takes one turn for each call.
    /// - It is called on a thread of its own, which watches the loop's descriptor, and never on the thread of the loop.
    ///   So it cannot take the turn itself; it tells the host's thread to take one. It may use a
    ///   [`LoopHandle`](crate::LoopHandle), and may block, which puts off nothing but its own next call.
    /// - If the host takes a turn by itself at the same time, the call may come during that turn. A turn for which
    ///   nothing is left does no harm.
    /// - A panic of it is reported to the exception handler, in the next turn, and it goes on being called.
    ///
    /// A loop with a pender has a thread more, and seven descriptors. Deadlines of a real clock count only on Linux:
    /// elsewhere the host takes a turn at [`next_deadline`](EventLoop::next_deadline).
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, sleep};
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// let lp = EventLoop::new()?;
    /// let (wake_host, wakes) = mpsc::channel();
    /// lp.set_pender(move || wake_host.send(()).unwrap_or(()))?; // the queue of messages of a host
    /// let task = lp.create_task(async {
    ///     sleep(Duration::from_millis(5)).await;
    /// });
    /// while !task.done() {
    ///     wakes.recv().expect("the loop wants a turn");
    ///     lp.run_ready(())?;
    /// }
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Closed`] after `close`, [`Error::Io`] if the operating system has no descriptor or thread left.
    pub fn set_pender(&self, pender: impl Fn() + Send + 'static) -> Result<(), Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        self.clear_pender();
        let descriptor = self.kernel().descriptor()?.try_clone_to_owned()?;
        let (over, writer) = io::pipe()?;
        let pauses = Arc::new(Pauses::default());
        let thread = PenderThread { pender, pauses: Arc::clone(&pauses), descriptor, over, handle: self.remote() };
        thread::Builder::new().name("oneloop-pender".to_owned()).spawn(move || thread.run())?;
        self.kernel().set_pauses(Some(Arc::clone(&pauses)));
        let slot = self.kernel().extensions().get_or_default::<PenderSlot>();
        *slot.0.borrow_mut() = Some(Pender { pauses, _writer: writer });
        Ok(())
    }

    /// Removes the function that [`set_pender`](Self::set_pender) has set. A call that has begun may still be going on
    /// when this returns, and none begins afterwards.
    pub fn clear_pender(&self) {
        self.kernel().set_pauses(None);
        if let Some(slot) = self.kernel().extensions().get::<PenderSlot>() {
            slot.0.take();
        }
    }
}

impl<F: Fn()> PenderThread<F> {
    /// Calls the pender, at most once in each pause, until there are none any more.
    fn run(self) {
        while let Some(number) = self.pauses.next() {
            let ended = wait_for_either(&self.descriptor, &self.over);
            // what the descriptor told may be of a pause that is over
            if ended.is_ok() && self.pauses.may_call(number) {
                self.call();
            }
        }
    }

    fn call(&self) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.pender)())) {
            let report = move || report_panic(&current::expect(), "Exception in pender", payload);
            // refused by a loop that is closed, and then nothing is left that could be told
            let _ = self.handle.call_boxed(Box::new(report));
        }
    }
}
