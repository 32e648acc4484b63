//! The end of a child process: noticed by the loop, told to all who wait. Owns the child until it has been waited for, so
//! that no zombie stays; must not know its pipes.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::rc::Rc;
use std::thread;

use crate::event_loop::EventLoop;
use crate::kernel::Leaf;
use crate::sync::Waiters;
use crate::sys::send_signal;

/// What is said of a child for which somebody else has waited: asyncio's 255.
const UNKNOWN: i32 = 255 << 8;

pub(super) struct Exit {
    pid: u32,
    /// Until it has been waited for. While it is here its number is its own.
    child: RefCell<Option<Child>>,
    status: Cell<Option<ExitStatus>>,
    waiting: Waiters,
}

impl Exit {
    /// Has the loop look after a child; `ended` becomes readable when it has ended. If that fails, the child is ended.
    pub(super) fn watch(
        lp: &EventLoop,
        child: Child,
        ended: impl FnOnce(u32) -> io::Result<OwnedFd>,
    ) -> io::Result<Rc<Self>> {
        let pid = child.id();
        let exit = Self { pid, child: RefCell::new(Some(child)), status: Cell::new(None), waiting: Waiters::default() };
        let exit = Rc::new(exit);
        let watched = ended(pid).and_then(|ended| {
            let (number, watched) = (ended.as_raw_fd(), Rc::clone(&exit));
            let look = move || {
                // the closure owns the descriptor, and is dropped when it is removed
                if watched.look() {
                    EventLoop::current().remove_reader(&ended);
                }
            };
            Ok(lp.add_reader(&number, look)?)
        });
        if let Err(error) = watched {
            let _ = exit.send_signal(libc::SIGKILL);
            return Err(error);
        }
        Ok(exit)
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn status(&self) -> Option<ExitStatus> {
        self.status.get()
    }

    /// Waits for the child if it has ended; whether it has.
    fn look(&self) -> bool {
        let mut child = self.child.borrow_mut();
        let looked = child.as_mut().map(Child::try_wait);
        let status = match looked {
            Some(Ok(Some(status))) => status,
            Some(Err(error)) if error.kind() != ErrorKind::Interrupted => ExitStatus::from_raw(UNKNOWN),
            Some(_) => return false,
            None => return true,
        };
        *child = None;
        drop(child);
        self.status.set(Some(status));
        self.waiting.notify_all();
        true
    }

    pub(super) async fn wait(&self) -> ExitStatus {
        const END: Leaf = &"a process to end";
        loop {
            if let Some(status) = self.status.get() {
                return status;
            }
            self.waiting.wait(END).await;
        }
    }

    pub(super) fn send_signal(&self, signal: i32) -> io::Result<()> {
        if self.child.borrow().is_none() {
            return Ok(());
        }
        send_signal(self.pid, signal)
    }
}

/// Nobody looks after the child any more: its loop has closed. It goes on, and a thread waits for its end.
impl Drop for Exit {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && matches!(child.try_wait(), Ok(None))
        {
            // without threads it stays a zombie until this process ends
            let _ = thread::Builder::new().name(format!("oneloop-wait-{}", self.pid)).spawn(move || child.wait());
        }
    }
}
