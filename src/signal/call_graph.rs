//! The call graph on a signal. Owns what is written and where to; must not know how a signal reaches the loop.

use std::io::{Write as _, stderr};
use std::panic::Location;
use std::process;

use super::table::Handler;
use crate::event_loop::{EventLoop, EventLoopBuilder, repeating};

impl EventLoopBuilder {
    /// Has the loop write its [call graph](EventLoop::call_graph) to standard error each time the process gets the
    /// signal, [`SIGUSR2`](crate::signal::SIGUSR2) say: so `kill -USR2 PID` shows what a program that hangs waits for.
    ///
    /// It is a [handler](EventLoop::add_signal_handler), which another one for the signal replaces. Unlike others, it
    /// keeps no program going: on a virtual clock, a program in which nothing else can go on ends with
    /// [`Error::Deadlock`](crate::Error::Deadlock), which has the graph. A loop that is stuck in a step writes when the
    /// step has ended; in which one it is, [`inspect_by_pid`](Self::inspect_by_pid) tells meanwhile.
    ///
    /// `build` fails with [`Error::Io`](crate::Error::Io), which holds a [`SignalError`](crate::error::SignalError), if
    /// the signal cannot be caught, and if the system is out of descriptors.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn serve() {}
    /// use oneloop::EventLoop;
    /// use oneloop::signal::SIGUSR2;
    ///
    /// EventLoop::builder().call_graph_on_signal(SIGUSR2).run(serve())?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn call_graph_on_signal(self, signal: i32) -> Self {
        self.when_built(move |lp| {
            let callback = repeating(write_call_graph, Location::caller());
            let added = lp.set_signal_handler(signal, Handler { callback, is_awaited: false });
            Ok(added.map_err(std::io::Error::from)?)
        })
    }
}

fn write_call_graph() {
    let text = format!("call graph of process {}:\n{}\n", process::id(), EventLoop::current().call_graph());
    // in one piece, so that what other threads write stays apart; if nothing can be written, there is no one to be told
    let _ = stderr().lock().write_all(text.as_bytes());
}
