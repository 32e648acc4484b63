//! What must come out even, and what went wrong. Owns the counts, and the hook that sees every panic; must not know
//! which program runs. One program runs at a time.

use std::any::Any;
use std::panic;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::world::Item;

/// Every panic that a program means begins like this.
pub(crate) const PLANTED: &str = "planted";

/// Panics of the library that tell of a misuse, as its documentation says. Random programs misuse it at times.
const MISUSE: &[&str] = &[
    "the event loop is closed",
    "Task cannot await on itself",
    "the task group is finished",
    "shutdown_default_executor() has been called",
    "awaited again after its value was taken",
];

static FAULTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How many of a kind exist.
pub(crate) struct Count(AtomicIsize);

impl Count {
    const fn new() -> Self {
        Self(AtomicIsize::new(0))
    }

    pub(crate) fn get(&self) -> isize {
        self.0.load(Ordering::SeqCst)
    }

    /// One more, until the token is dropped.
    pub(crate) fn token(&'static self) -> Token {
        self.0.fetch_add(1, Ordering::SeqCst);
        Token(self)
    }
}

pub(crate) struct Token(&'static Count);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Values that are not dropped.
pub(crate) static ITEMS: Count = Count::new();
/// Coroutines that are not dropped.
pub(crate) static COROUTINES: Count = Count::new();
/// Callbacks for the next iteration that have neither run nor been dropped.
pub(crate) static CALLBACKS: Count = Count::new();
/// Callbacks of timers, descriptors and ends of tasks that are not dropped.
pub(crate) static LATER_CALLBACKS: Count = Count::new();
/// Futures that were woken and neither polled since nor dropped.
pub(crate) static WOKEN: Count = Count::new();

pub(crate) fn fault(what: impl Into<String>) {
    FAULTS.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
}

/// What went wrong since this was asked last.
pub(crate) fn take_faults() -> Vec<String> {
    std::mem::take(&mut FAULTS.lock().unwrap_or_else(PoisonError::into_inner))
}

fn text_of(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default()
}

/// From now on a panic is silent, and a fault unless it is planted or tells of a misuse.
pub(crate) fn watch_panics() {
    panic::set_hook(Box::new(|info| {
        let text = text_of(info.payload());
        let is_meant = info.payload().is::<Item>() || text.starts_with(PLANTED);
        if !is_meant && !MISUSE.iter().any(|misuse| text.starts_with(misuse)) {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            fault(format!("a panic at {place}: {text}"));
        }
    }));
}
