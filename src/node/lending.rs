//! What the memory of a task holds: its coroutine, then its value. Owns that it is lent to one at a time; must not know
//! that memory.

use std::cell::Cell;

/// What the memory of a task holds.
///
/// ```text
///   Coroutine ── it returns ──▶ Value ── the value is taken,  ──▶ Nothing
///       │                              or the last handle goes      ▲
///       └──── it is cancelled, panics, or the loop closes ──────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Nothing,
    Coroutine,
    Value,
}

/// What the memory of one task holds. While it is polled, dropped or shown, it is lent: then a [`Loan`] holds it, and
/// here is nothing.
pub(crate) struct Lending(Cell<Held>);

impl Lending {
    /// Of a new task.
    pub(super) fn of_coroutine() -> Self {
        Self(Cell::new(Held::Coroutine))
    }

    /// What the memory holds, if it is not lent; else nothing.
    #[inline]
    pub(crate) fn held(&self) -> Held {
        self.0.get()
    }

    /// Lends what the memory holds, if it is `what` and is not lent already.
    #[inline]
    pub(crate) fn lend(&self, what: Held) -> Option<Loan<'_>> {
        if what == Held::Nothing || self.0.get() != what {
            return None;
        }
        self.0.set(Held::Nothing);
        Some(Loan { lending: self, held: what })
    }
}

/// The only access to what the memory of a task holds, until this is dropped.
pub(crate) struct Loan<'a> {
    lending: &'a Lending,
    /// What is in the memory now.
    pub(crate) held: Held,
}

impl Drop for Loan<'_> {
    #[inline]
    fn drop(&mut self) {
        self.lending.0.set(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_lent_once_and_comes_back() {
        let lending = Lending::of_coroutine();
        assert!(lending.lend(Held::Value).is_none());
        let mut loan = lending.lend(Held::Coroutine).expect("it is held");
        assert_eq!(lending.held(), Held::Nothing);
        assert!(lending.lend(Held::Coroutine).is_none() && lending.lend(Held::Nothing).is_none());
        loan.held = Held::Value;
        drop(loan);
        assert_eq!(lending.held(), Held::Value);
    }
}
