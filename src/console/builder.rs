//! The settings by which a loop can be inspected. Owns what belongs to such a loop; must not know what is asked.

use std::path::PathBuf;
use std::process;
use std::rc::Rc;

use super::place::{path_of, with_pid};
use super::server::{Answering, start};
use super::socket::listen;
use crate::error::{Error, InspectError};
use crate::event_loop::{EventLoop, EventLoopBuilder};
use crate::net::SocketFile;
use crate::observe::Activity;

/// What belongs to a loop that can be inspected: kept with it, and dropped when it closes.
struct Inspection {
    file: Option<SocketFile>,
    thread: Option<Answering>,
    process: u32,
}

impl Drop for Inspection {
    /// Removes the file and ends the thread, unless this is a fork of the process that has them.
    fn drop(&mut self) {
        if self.process != process::id() {
            std::mem::forget((self.file.take(), self.thread.take()));
        }
    }
}

impl EventLoopBuilder {
    /// Opens a Unix socket at this path, by which other processes see what the tasks of the loop wait for: the command
    /// `oneloop`, and what else speaks its [small protocol](crate::console). It is asyncio's `python -m asyncio ps`,
    /// which needs a debugger's rights. `{pid}` in the path stands for the PID.
    ///
    /// The socket is for the user as whom the program runs, and root; nothing can be changed by it. The loop
    /// removes its file when it closes. A program that is killed leaves it: a later one with that path replaces it, and
    /// `oneloop ps` does not list it.
    ///
    /// The loop is given an [`Activity`], so that it can tell in which step it is stuck, and a thread that answers. It
    /// runs [observed](crate::Observer): a step that does nothing takes about five times as long, 0.2 µs, for which the
    /// clock is read once a step. If it is made in debug mode, it also tells what has woken the task that is stuck,
    /// which is noted for each wake.
    ///
    /// `build` fails with [`Error::Inspect`] if another loop has the path, if something other than a socket is there,
    /// and if the system refuses the socket.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, create_task, sleep};
    /// use std::time::Duration;
    ///
    /// let path = std::env::temp_dir().join("oneloop-doc-{pid}.sock");
    /// let lp = EventLoop::builder().inspect(&path).build()?;
    /// lp.run_until_complete(async {
    ///     let worker = create_task(sleep(Duration::from_millis(1))).named("worker");
    ///     // meanwhile, in a terminal: oneloop ps /tmp/oneloop-doc-….sock
    ///     worker.await
    /// })?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn inspect(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.when_built(move |lp| inspect(lp, with_pid(&path)))
    }

    /// As [`inspect`](Self::inspect), at the path by which `oneloop ps PID` finds the program:
    /// [`console::path_of`](crate::console::path_of) its PID. A program has one such loop; give others of it paths of
    /// their own.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn serve() {}
    /// use oneloop::EventLoop;
    ///
    /// EventLoop::builder().inspect_by_pid().run(serve())?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn inspect_by_pid(self) -> Self {
        self.when_built(|lp| inspect(lp, path_of(process::id())?))
    }
}

fn inspect(lp: &EventLoop, path: PathBuf) -> Result<(), Error> {
    let activity = if lp.debug() { Activity::with_wakes() } else { Activity::default() };
    let (listener, file) = listen(&path)?;
    let thread = start(listener, lp.remote(), activity.clone());
    let thread = thread.map_err(|error| InspectError::Io(path, error.into()))?;
    lp.add_observer(Rc::new(activity));
    lp.kernel().extensions().insert(Inspection { file, thread: Some(thread), process: process::id() });
    Ok(())
}
