//! What a loop writes down only for those who look inside. Owns the cell for it; must not know what is written.
//!
//! Built with `--cfg oneloop_no_facts` the crate writes nothing of it down. That is for measuring what the facts cost,
//! as `.ci/facts` does, and for nothing else: what is asked of such a loop is wrong.

use std::fmt;

/// Whether facts are written down.
pub(crate) const FACTS: bool = !cfg!(oneloop_no_facts);

/// A value that is written only to be looked at from outside. Nothing that the loop does may depend on it.
pub(crate) struct Fact<T>(kept::Kept<T>);

impl<T: Copy + Default> Fact<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        Self(kept::Kept::new(value))
    }

    #[inline]
    pub(crate) fn set(&self, value: T) {
        self.0.set(value);
    }

    #[inline]
    pub(crate) fn get(&self) -> T {
        self.0.get()
    }
}

impl<T: Copy + Default> Default for Fact<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Copy + Default + fmt::Debug> fmt::Debug for Fact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(not(oneloop_no_facts))]
mod kept {
    pub(super) use std::cell::Cell as Kept;
}

/// A cell that keeps nothing.
#[cfg(oneloop_no_facts)]
mod kept {
    use std::marker::PhantomData;

    pub(super) struct Kept<T>(PhantomData<T>);

    impl<T: Default> Kept<T> {
        pub(super) fn new(_value: T) -> Self {
            Self(PhantomData)
        }

        pub(super) fn set(&self, _value: T) {}

        pub(super) fn get(&self) -> T {
            T::default()
        }
    }
}
