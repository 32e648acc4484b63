//! A child process whose exit the loop watches. Owns the child until it is reaped, so that no zombie stays; must not
//! know its pipes.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::panic::Location;
use std::process::{Child, ExitStatus};
use std::rc::Rc;
use std::thread;

use crate::current;
use crate::event_loop::EventLoop;
use crate::kernel::{Handle, Leaf, Phase, What};
use crate::node::Loop;
use crate::reactor::Direction;
use crate::sync::Waiters;
use crate::sys::send_signal;

/// The wait status of a child that other code of this process has reaped: exit code 255, as in asyncio.
const UNKNOWN_STATUS: i32 = 255 << 8;

pub(super) struct WatchedChild {
    /// The loop that learns of its end.
    kernel: Rc<Loop>,
    pid: u32,
    /// `None` once it is reaped. Until then the system cannot give its PID to another process.
    child: RefCell<Option<Child>>,
    status: Cell<Option<ExitStatus>>,
    waiters: Waiters,
}

impl WatchedChild {
    /// Has the loop reap a child when it exits. `exit_descriptor` makes a descriptor, from the PID, that becomes
    /// readable then. If the child cannot be watched, it is killed.
    pub(super) fn watch(
        lp: &EventLoop,
        child: Child,
        exit_descriptor: impl FnOnce(u32) -> io::Result<OwnedFd>,
    ) -> io::Result<Rc<Self>> {
        let (kernel, pid) = (Rc::clone(lp.kernel()), child.id());
        let child = RefCell::new(Some(child));
        let this = Rc::new(Self { kernel, pid, child, status: Cell::new(None), waiters: Waiters::default() });
        let watched = exit_descriptor(pid).and_then(|exited| {
            let (fd, child) = (exited.as_raw_fd(), Rc::clone(&this));
            // the callback owns the descriptor and a share of the child, and gives up both when it is removed
            let on_exit = move |_: &mut _| {
                if child.reap() {
                    EventLoop::current().remove_reader(&exited);
                }
            };
            // without a context, whose values it would keep as long as the child runs
            Ok(lp.watch(fd, Direction::Read, Handle::repeating(on_exit, None, Location::caller()))?)
        });
        if let Err(error) = watched {
            let _ = this.send_signal(libc::SIGKILL);
            return Err(error);
        }
        Ok(this)
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn status(&self) -> Option<ExitStatus> {
        self.status.get()
    }

    /// Reaps the child if it has exited. Returns whether it is reaped.
    fn reap(&self) -> bool {
        let mut child = self.child.borrow_mut();
        let exited = child.as_mut().map(Child::try_wait);
        let status = match exited {
            Some(Ok(Some(status))) => status,
            Some(Err(error)) if error.kind() != ErrorKind::Interrupted => ExitStatus::from_raw(UNKNOWN_STATUS),
            Some(_) => return false,
            None => return true,
        };
        *child = None;
        drop(child);
        self.status.set(Some(status));
        self.waiters.notify_all();
        true
    }

    /// # Panics
    /// If the end will not be told here: only the loop that has started the child learns of it.
    pub(super) async fn wait(&self) -> ExitStatus {
        loop {
            if let Some(status) = self.status.get() {
                return status;
            }
            assert!(
                current::is_in(&self.kernel) && self.kernel.life().phase() != Phase::Closed,
                "awaited a process of another event loop, or of one that is closed; await it in a task of the loop \
                 that started it"
            );
            self.waiters.wait(Leaf::numbered(What::Process, self.pid)).await;
        }
    }

    pub(super) fn send_signal(&self, signal: i32) -> io::Result<()> {
        // the PID of a reaped child may belong to another process
        if self.child.borrow().is_none() {
            return Ok(());
        }
        send_signal(self.pid, signal)
    }
}

/// The loop has closed while the child runs: the child goes on, and a thread reaps it.
impl Drop for WatchedChild {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && matches!(child.try_wait(), Ok(None))
        {
            // if the system has no thread left, the child stays a zombie until this process ends
            let _ = thread::Builder::new().name(format!("oneloop-wait-{}", self.pid)).spawn(move || child.wait());
        }
    }
}
