//! Signals of the process, caught by signal-hook. Owns the code that runs inside a signal handler, and the default
//! action of a signal that no loop wants any more; must not know the loop.
#![expect(unsafe_code, reason = "actions that run in signal handlers, and calls into libc")]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, PipeWriter};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, ptr};

use signal_hook::SigId;
use signal_hook::low_level::{emulate_default_handler, register, unregister};

use super::result::checked;

/// One more than the largest signal number.
const SIGNAL_COUNT: usize = 65;

/// The number of `Caught` values for each signal, in the process `OWNER`. The handlers read it.
static WANTED: [AtomicUsize; SIGNAL_COUNT] = [const { AtomicUsize::new(0) }; SIGNAL_COUNT];

/// The process that `WANTED` speaks of. A process that was forked from it, and has begun no other program, has a copy
/// of both, and of the handlers. Nothing is wanted there until something is caught there.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// What was found and left when a signal was caught for the first time.
///
/// signal-hook never restores the previous handler of a signal, because other libraries may have installed handlers on
/// top of its own meanwhile. So if the signal was at its default, one more action is registered, which stays for ever:
/// it does what the default would do while no `Caught` wants the signal.
#[derive(Clone, Copy, Debug)]
struct FirstCatch {
    /// Whether the signal was at its default until then.
    was_default: bool,
    /// The handler that signal-hook installed.
    installed: libc::sighandler_t,
}

static FIRST_CATCHES: Mutex<BTreeMap<i32, FirstCatch>> = Mutex::new(BTreeMap::new());

/// Whether the signal can never be caught: the system refuses, or a handler could do nothing sound.
pub(crate) fn is_forbidden(signal: i32) -> bool {
    signal_hook::consts::FORBIDDEN.contains(&signal)
}

/// Whether the signal has its default effect now.
pub(crate) fn is_at_default(signal: i32) -> bool {
    let first = FIRST_CATCHES.lock().unwrap_or_else(PoisonError::into_inner).get(&signal).copied();
    let emulates_default = |now| first.is_some_and(|first| first.was_default && first.installed == now);
    wanted(signal).is_some_and(|wanted| !is_wanted(wanted))
        && handler_of(signal).is_ok_and(|now| now == libc::SIG_DFL || emulates_default(now))
}

/// Whether this is the main thread of the process.
pub(crate) fn is_main_thread() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // SAFETY: a call without arguments that cannot fail.
        let thread = unsafe { libc::gettid() };
        // SAFETY: a call without arguments that cannot fail.
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

/// Whether this process wants the signal. May be called in signal handlers.
fn is_wanted(wanted: &AtomicUsize) -> bool {
    wanted.load(Ordering::SeqCst) > 0 && OWNER.load(Ordering::SeqCst) == this_process()
}

/// Makes `WANTED` speak of this process: one that was forked does not want what its parent wants.
fn own_wanted(pid: libc::pid_t) {
    if OWNER.swap(pid, Ordering::SeqCst) != pid {
        for wanted in &WANTED {
            wanted.store(0, Ordering::SeqCst);
        }
    }
}

/// The PID of this process. May be called in signal handlers.
fn this_process() -> libc::pid_t {
    // SAFETY: a call without arguments that cannot fail.
    unsafe { libc::getpid() }
}

fn handler_of(signal: i32) -> io::Result<libc::sighandler_t> {
    // SAFETY: a plain structure, for which zeros are fine.
    let mut now: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: with a null pointer the call changes nothing; it writes to a structure that is alive for the call.
    checked(unsafe { libc::sigaction(signal, ptr::null(), &raw mut now) })?;
    Ok(now.sa_sigaction)
}

/// Makes a signal ready to be caught in this process: registers the action that stands for its default, if it is caught
/// for the first time, and makes `WANTED` speak of this process.
fn prepare(signal: i32, wanted: &'static AtomicUsize, pid: libc::pid_t) -> io::Result<()> {
    let mut first_catches = FIRST_CATCHES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Entry::Vacant(entry) = first_catches.entry(signal) {
        let was_default = handler_of(signal)? == libc::SIG_DFL;
        let emulate_default = move || {
            if was_default && !is_wanted(wanted) {
                // fails for real-time signals that signal-hook does not know: these are ignored
                let _ = emulate_default_handler(signal);
            }
        };
        // SAFETY: the action loads an atomic and calls a function that is made for signal handlers.
        unsafe { register(signal, emulate_default) }?;
        entry.insert(FirstCatch { was_default, installed: handler_of(signal)? });
    }
    own_wanted(pid);
    Ok(())
}

/// The state that the handler shares with the loop.
#[derive(Debug)]
struct HandlerState {
    pipe: Arc<PipeWriter>,
    /// The process that has caught the signal. The pipe of one that was forked from it is the same.
    pid: libc::pid_t,
    /// How often the signal has come, less those that were taken.
    pending: AtomicUsize,
    /// Whether the signal interrupts the program. If so, the second one ends the process at once.
    interrupts: AtomicBool,
    /// Whether a signal has come while `interrupts` was set.
    interrupted: AtomicBool,
}

impl HandlerState {
    /// Notes that signal `number` has come. Runs in the signal handler.
    fn note(&self, number: u8) {
        // a signal of a process that was forked is nothing to the loop of its parent
        if this_process() != self.pid {
            return;
        }
        if self.interrupts.load(Ordering::SeqCst) && self.interrupted.swap(true, Ordering::SeqCst) {
            let _ = emulate_default_handler(i32::from(number));
        }
        // before the write, so that a loop that was woken finds the count
        self.pending.fetch_add(1, Ordering::SeqCst);
        let byte = [number];
        // SAFETY: one byte, alive for the call, and a descriptor that `self` keeps open. The result is ignored: if the
        // pipe is full, the loop is awake anyway, and looks at the count when it has read what is there.
        unsafe { libc::write(self.pipe.as_raw_fd(), byte.as_ptr().cast(), 1) };
    }
}

/// Catches a signal while this lives: each time the signal comes, it is counted, and its number is written to a pipe.
/// The count is what is true. The number wakes the loop and shows the order, and is lost if the pipe is full.
#[derive(Debug)]
pub(crate) struct Caught {
    signal: i32,
    id: SigId,
    shared: Arc<HandlerState>,
}

impl Caught {
    /// Catches a signal. `pipe` must be non-blocking.
    ///
    /// # Panics
    /// If the signal is forbidden.
    pub(crate) fn new(signal: i32, pipe: Arc<PipeWriter>) -> io::Result<Self> {
        let wanted = wanted(signal).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let number = u8::try_from(signal).map_err(io::Error::other)?;
        let pid = this_process();
        prepare(signal, wanted, pid)?;
        let shared = Arc::new(HandlerState {
            pipe,
            pid,
            pending: AtomicUsize::new(0),
            interrupts: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
        });
        let state = Arc::clone(&shared);
        // SAFETY: the action uses atomics, writes to a descriptor, and calls a function that is made for signal
        // handlers; signal-hook restores `errno`. `unregister` drops the action, outside of any handler.
        let id = unsafe { register(signal, move || state.note(number)) }?;
        wanted.fetch_add(1, Ordering::SeqCst);
        Ok(Self { signal, id, shared })
    }

    /// Takes up to `most` of the signals that have come and were not taken yet.
    pub(crate) fn take(&self, most: usize) -> usize {
        let left = |pending: usize| Some(pending.saturating_sub(most));
        match self.shared.pending.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(pending) | Err(pending) => pending.min(most),
        }
    }

    /// Whether there is a signal to take.
    pub(crate) fn is_pending(&self) -> bool {
        self.shared.pending.load(Ordering::SeqCst) > 0
    }

    /// Sets whether the signal interrupts the program. If so, the second one ends the process at once, even if the loop
    /// is busy and has not seen the first.
    pub(crate) fn set_interrupts(&self, interrupts: bool) {
        self.shared.interrupts.store(interrupts, Ordering::SeqCst);
    }

    /// Whether the signal has come while it was set to interrupt.
    pub(crate) fn has_interrupted(&self) -> bool {
        self.shared.interrupted.load(Ordering::SeqCst)
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // the action does not run any more when this returns, so the pipe may be closed
        unregister(self.id);
        // a process that was forked, and catches signals of its own, does not count those of its parent
        if let Some(wanted) = wanted(self.signal)
            && OWNER.load(Ordering::SeqCst) == self.shared.pid
        {
            wanted.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
