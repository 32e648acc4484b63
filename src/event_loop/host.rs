//! The descriptor of a loop, for a host that waits in its place. Owns what is promised of it; must not know how it is
//! made readable.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::event_loop::EventLoop;

/// A descriptor that is readable exactly while the loop has something to do, for a host that has a `poll`, a `select`
/// or a loop of its own. The host watches it for reading, and calls [`run_ready`](EventLoop::run_ready) when it is
/// readable: libuv's `uv_backend_fd`.
///
/// It is readable
/// - while something is ready: what a turn has left, and what the host itself queues between turns,
/// - when an event of a descriptor of the loop has come, a signal among them,
/// - when another thread has woken a task or called a [`LoopHandle`](crate::LoopHandle),
/// - on Linux, when a timer is due, by the real clock. Elsewhere the host gives its wait the time-out of
///   [`next_deadline`](EventLoop::next_deadline). A virtual clock moves in [`run_once`](EventLoop::run_once) only.
///
/// and it is not readable otherwise: a turn takes back what has made it so. It is *level-triggered*: a host that does
/// nothing is told again. It stays the same until the last handle is dropped, is never to be read from, and is no
/// longer readable once the loop is closed.
///
/// The first call makes it, and until then a loop pays nothing for it. Afterwards the loop has four descriptors more,
/// its timers are [precise](crate::TimerPrecision::Precise), and a turn or run ends with up to two system calls more,
/// if what is to be waited for has changed.
///
/// An event of a socket counts also if no task waits for it now. In a process that was forked it is the parent's.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, sleep};
/// use std::os::fd::AsRawFd;
/// use std::time::Duration;
///
/// let lp = EventLoop::new()?;
/// let task = lp.create_task(sleep(Duration::from_millis(5)));
/// while !task.done() {
///     // the host's own wait, which would watch its other descriptors, too
///     let mut watched = libc::pollfd { fd: lp.as_raw_fd(), events: libc::POLLIN, revents: 0 };
///     unsafe { libc::poll(&raw mut watched, 1, -1) };
///     if watched.revents != 0 {
///         lp.run_ready(())?;
///     }
/// }
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If the operating system has no descriptor left: raise the limit (`ulimit -n`), or ask for this when the program
/// begins.
impl AsFd for EventLoop {
    #[track_caller]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kernel().descriptor().expect(
            "the operating system has no descriptor left for the one of the event loop; raise the limit \
             (`ulimit -n`), or ask for it when the program begins",
        )
    }
}

/// As [`as_fd`](#impl-AsFd-for-EventLoop).
impl AsRawFd for EventLoop {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
