//! A place for a reference to what is never freed. Owns the place; must not know to what.
#![expect(
    unsafe_code,
    reason = "a table of `OnceLock`s is not all zeroes, so it takes its size in the program's file: one of these \
              does not"
)]

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A reference that is set once, for all threads.
///
/// Invariant, **for ever**: the pointer is null, or comes from a `&'static T`.
#[derive(Debug)]
pub(crate) struct StaticRef<T: 'static>(AtomicPtr<T>);

impl<T: Sync + 'static> StaticRef<T> {
    pub(crate) const fn unset() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: for ever. What was written to it before `set` is seen, as that releases and this acquires.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    pub(crate) fn set(&self, to: &'static T) {
        self.0.store(ptr::from_ref(to).cast_mut(), Ordering::Release);
    }
}
