//! Signals of the process, by way of signal-hook. Owns what runs inside a signal handler, and what a signal does that
//! nobody here wants any more; must not know the loop.
#![expect(unsafe_code, reason = "actions that run in signal handlers, and calls into libc")]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, PipeWriter};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, ptr};

use signal_hook::SigId;
use signal_hook::low_level::{emulate_default_handler, register, unregister};

/// One more than the largest signal there is.
const SIGNALS: usize = 65;

/// How many here want each signal. Read by the handlers.
static WANTED: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];

/// What was found when a signal was wanted for the first time.
///
/// signal-hook never gives a signal back, since others may have put their handlers on top of its own meanwhile. So what
/// was at its default is given back by acting as the default would, while nobody wants it. That action stays for ever.
#[derive(Clone, Copy, Debug)]
struct Found {
    default: bool,
    /// The handler that signal-hook has put there.
    ours: libc::sighandler_t,
}

static FOUND: Mutex<BTreeMap<i32, Found>> = Mutex::new(BTreeMap::new());

/// Whether the signal can never be caught: the system refuses, or nothing sound could be done about it.
pub(crate) fn is_forbidden(signal: i32) -> bool {
    signal_hook::consts::FORBIDDEN.contains(&signal)
}

/// Whether the signal does what it does by default.
pub(crate) fn is_at_default(signal: i32) -> bool {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).get(&signal).copied();
    let given_back = |now| found.is_some_and(|found| found.default && found.ours == now);
    let unwanted = wanted(signal).is_some_and(|wanted| wanted.load(Ordering::SeqCst) == 0);
    unwanted && handler_of(signal).is_ok_and(|now| now == libc::SIG_DFL || given_back(now))
}

/// Whether this is the thread that the program began with.
pub(crate) fn is_main_thread() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // SAFETY: a call without arguments that cannot fail.
        let thread = unsafe { libc::gettid() };
        // SAFETY: the same.
        thread == unsafe { libc::getpid() }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        // SAFETY: a call without arguments that cannot fail.
        unsafe { libc::pthread_main_np() == 1 }
    }
}

fn wanted(signal: i32) -> Option<&'static AtomicUsize> {
    usize::try_from(signal).ok().filter(|&signal| signal > 0).and_then(|signal| WANTED.get(signal))
}

fn handler_of(signal: i32) -> io::Result<libc::sighandler_t> {
    // SAFETY: a plain structure, for which zeros are fine.
    let mut now: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: nothing is set; what is there is put into a structure that is alive for the call.
    if unsafe { libc::sigaction(signal, ptr::null(), &raw mut now) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(now.sa_sigaction)
}

/// What the handler shares with the loop.
#[derive(Debug)]
struct Shared {
    pipe: Arc<PipeWriter>,
    /// Whether the signal interrupts the program: the second time it is to end at once.
    interrupts: AtomicBool,
    interrupted: AtomicBool,
}

/// A signal that is caught while this lives: each time it comes, its number is written to a pipe.
#[derive(Debug)]
pub(crate) struct Caught {
    signal: i32,
    id: SigId,
    shared: Arc<Shared>,
}

impl Caught {
    /// Catches a signal. `pipe` must be non-blocking: what it has no room for is lost.
    ///
    /// # Panics
    /// If the signal is forbidden.
    pub(crate) fn new(signal: i32, pipe: Arc<PipeWriter>) -> io::Result<Self> {
        let wanted = wanted(signal).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let number = u8::try_from(signal).map_err(io::Error::other)?;
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Vacant(first) = found.entry(signal) {
            let default = handler_of(signal)? == libc::SIG_DFL;
            let give_back = move || {
                if default && wanted.load(Ordering::SeqCst) == 0 {
                    // one that it does not know (of the real-time signals) is ignored
                    let _ = emulate_default_handler(signal);
                }
            };
            // SAFETY: it loads an atomic and calls what is made for signal handlers.
            unsafe { register(signal, give_back) }?;
            first.insert(Found { default, ours: handler_of(signal)? });
        }
        drop(found);
        let shared = Arc::new(Shared { pipe, interrupts: AtomicBool::new(false), interrupted: AtomicBool::new(false) });
        let acting = Arc::clone(&shared);
        let act = move || {
            if acting.interrupts.load(Ordering::SeqCst) && acting.interrupted.swap(true, Ordering::SeqCst) {
                let _ = emulate_default_handler(signal);
            }
            let byte = [number];
            // SAFETY: one byte, alive for the call, and a descriptor that `acting` keeps open. A full pipe is full of
            // signals, so that the loop is awake anyway.
            unsafe { libc::write(acting.pipe.as_raw_fd(), byte.as_ptr().cast(), 1) };
        };
        // SAFETY: it touches atomics, writes to a descriptor, and calls what is made for signal handlers; `errno` is
        // kept by signal-hook. It is dropped by `unregister`, outside of any handler.
        let id = unsafe { register(signal, act) }?;
        wanted.fetch_add(1, Ordering::SeqCst);
        Ok(Self { signal, id, shared })
    }

    /// Whether the signal interrupts the program: then the second one ends it at once, even if the loop is busy and has not
    /// seen the first.
    pub(crate) fn set_interrupts(&self, interrupts: bool) {
        self.shared.interrupts.store(interrupts, Ordering::SeqCst);
    }

    /// Whether the signal has come while it was to interrupt.
    pub(crate) fn has_interrupted(&self) -> bool {
        self.shared.interrupted.load(Ordering::SeqCst)
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // when this returns, the action does not run any more, and the pipe may be closed
        unregister(self.id);
        if let Some(wanted) = wanted(self.signal) {
            wanted.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
