//! Numbers of threads. Owns which were given out; must not know what a thread does.
//!
//! The numbers of the standard library would do. But for the main thread, which it has not begun, it makes a `Thread`
//! first: memory, and a key of libc whose destructor drops it. A tenth of what a loop takes to begin in a new process.

#[cfg(not(all(test, oneloop_loom)))]
pub(crate) use own::{ThreadId, this_thread};

#[cfg(not(all(test, oneloop_loom)))]
mod own {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Names a thread of the process. No other has the number, nor has had it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct ThreadId(u64);

    static LAST: AtomicU64 = AtomicU64::new(0);

    thread_local! {
        /// 0 until it is asked for.
        static THIS: Cell<u64> = const { Cell::new(0) };
    }

    /// The number of this thread.
    pub(crate) fn this_thread() -> ThreadId {
        THIS.with(|this| {
            if this.get() == 0 {
                this.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
            }
            ThreadId(this.get())
        })
    }
}

#[cfg(all(test, oneloop_loom))]
pub(crate) use super::concurrency::ThreadId;

/// The number of this thread: of loom, whose threads are one of the system.
#[cfg(all(test, oneloop_loom))]
pub(crate) fn this_thread() -> ThreadId {
    super::concurrency::thread::current().id()
}

#[cfg(test)]
mod tests {
    #[cfg(not(oneloop_loom))]
    use super::*;

    #[cfg(not(oneloop_loom))]
    #[test]
    fn each_thread_has_one_number_of_its_own() {
        let threads = [(); 3].map(|()| std::thread::spawn(|| (this_thread(), this_thread())));
        let mut seen = vec![this_thread()];
        for (first, second) in threads.map(|thread| thread.join().expect("it ends well")) {
            assert!(first == second && !seen.contains(&first));
            seen.push(first);
        }
        assert_eq!(this_thread(), seen[0]);
    }
}
