//! The cancellation that is on its way up through the awaits of the running task. Owns its state; must not know how a
//! cancellation begins, nor what catches it.

use std::cell::Cell;
use std::sync::Arc;

use super::await_tree::ThrowMessage;

type Message = Option<Arc<str>>;

/// How far a cancellation has come inside the scope that is being polled: the running task, a `catch_cancelled`, a
/// time limit, or a group.
///
/// A cancellation is **thrown** while it is on its way up through the awaits of a scope. Rust cannot resume a coroutine
/// with an error, as Python's `throw()` does. So if nothing that catches waits inside, the scope is not polled: what it
/// holds is dropped as it stands, and the destructors in that are asyncio's `finally`. If a catcher does wait inside,
/// the scope is polled, and each catcher drops what it holds, in the order in which they are polled. Only if none has
/// caught, what the scope holds is dropped.
///
/// A throw begins in one of two ways. A cancellation is **delivered** when a scope is polled that was asked to end: a
/// task by `cancel()`, a time limit by its deadline, the body of a group by a child. A cancellation is **raised** by a
/// leaf, which returns `Pending` for it: by the await of something that was cancelled, or by `reraise`.
///
/// ```text
///        the poll of a scope begins, which was asked to end
///     ┌──────────────────────────────────▶ Delivered ──────────────────────┐
///     │                                                                    │ a catcher inside catches it,
///     │                                                                    │ or it reaches the scope's edge
///    Off ◀─────────────────────────────────────────────────────────────────┤
///     │    the leaf that raised it is dropped, or polled again             │ a catcher around the leaf catches it,
///     │◀───────────────────────────────────────┐                           │ or it reaches the task's edge
///     │                                        │                           │
///     └──────────────────────────────────▶ Raised(n) ──────────────────────┘
///        a leaf raises
/// ```
///
/// Each scope has a state of its own while it is polled: the state around it is put aside, and put back afterwards
/// with what has become of it inside. Between two steps the state is `Off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Throw {
    Off,
    Delivered,
    /// Raised by the leaf with this number.
    Raised(u32),
}

/// The state of one scope, put aside.
pub(crate) struct PutAside {
    pub(crate) throw: Throw,
    pub(crate) since: u32,
    pub(crate) raise_postponed: bool,
    again: bool,
    pub(crate) raised: Message,
    /// Where what is delivered inside has another message.
    delivered: Option<ThrowMessage>,
}

/// What was counted in a step, put aside while another one is taken inside it.
pub(super) struct CountsPutAside {
    catches: u32,
    raises: (u32, u32),
}

/// The throw of a loop, which steps one task at a time, or one inside another.
pub(crate) struct Throwing {
    throw: Cell<Throw>,
    /// A cancellation covers what is being polled: a catcher that was polled last in the step with this number waits
    /// for it, and meets it. It does so also if another catcher has ended the throw. 0: no cancellation.
    since: Cell<u32>,
    /// The message of the cancellation that covers what is being polled.
    delivered: Cell<Message>,
    /// The message of the cancellation that was raised.
    raised: Cell<Message>,
    /// The number of the leaf that raised last.
    last_raise: Cell<u32>,
    /// A second leaf wanted to raise during a throw. It raises when it is polled again.
    raise_postponed: Cell<bool>,
    /// A scope that the throw goes through wants to be polled once more, if it outlives the throw.
    again: Cell<bool>,
    /// How many cancellations were caught that were delivered around their catcher.
    catches: Cell<u32>,
    /// How many scopes have a throw of their own that has gone to a node.
    handed_on: Cell<u32>,
    /// The number of a step, and how often in it leaves under wakers of other crates have wanted to raise in vain.
    raises: Cell<(u32, u32)>,
}

impl Default for Throwing {
    fn default() -> Self {
        Self {
            throw: Cell::new(Throw::Off),
            since: Cell::new(0),
            delivered: Cell::default(),
            raised: Cell::default(),
            last_raise: Cell::new(0),
            raise_postponed: Cell::new(false),
            again: Cell::new(false),
            catches: Cell::new(0),
            handed_on: Cell::new(0),
            raises: Cell::new((0, 0)),
        }
    }
}

impl Throwing {
    #[inline]
    pub(crate) fn throw(&self) -> Throw {
        self.throw.get()
    }

    /// Whether there is no throw, and no cancellation covers what is being polled.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        (self.throw.get() == Throw::Off) & (self.since.get() == 0) // one comparison for both
    }

    /// A scope that was asked to end begins its poll, or its end. `since` is the number of the step in which it was
    /// polled last; 0 if no catcher is to meet the throw.
    pub(crate) fn deliver(&self, since: u32, message: Message) {
        self.delivered.set(message);
        self.deliver_inside(since);
    }

    /// As `deliver`, with the message that covers the scope already.
    pub(crate) fn deliver_inside(&self, since: u32) {
        self.throw.set(Throw::Delivered);
        self.since.set(since);
    }

    pub(crate) fn raise(&self, number: u32, message: Message) {
        self.throw.set(Throw::Raised(number));
        self.raised.set(message);
    }

    /// Ends the throw, and returns its message.
    pub(crate) fn take(&self) -> Message {
        match self.throw.replace(Throw::Off) {
            Throw::Off => None,
            Throw::Delivered => self.delivered.take(),
            Throw::Raised(_) => self.raised.take(),
        }
    }

    /// The message of the cancellation that covers what is being polled.
    pub(crate) fn delivered_message(&self) -> Message {
        let message = self.delivered.take();
        let copy = message.clone();
        self.delivered.set(message);
        copy
    }

    /// The step is over.
    pub(crate) fn clear(&self) {
        self.throw.set(Throw::Off);
        self.since.set(0);
        self.delivered.set(None);
        self.raised.set(None);
        self.raise_postponed.set(false);
        self.again.set(false);
    }

    /// Puts the state aside, for a scope inside. What covers the scope around covers the one inside too, unless that
    /// has been `told` otherwise.
    pub(crate) fn put_aside(&self, told: Option<ThrowMessage>) -> PutAside {
        PutAside {
            throw: self.throw.replace(Throw::Off),
            since: self.since.get(),
            raise_postponed: self.raise_postponed.take(),
            again: self.again.take(),
            raised: self.raised.take(),
            delivered: told.map(|told| ThrowMessage(self.delivered.replace(told.0))),
        }
    }

    pub(crate) fn put_back(&self, aside: PutAside) {
        self.throw.set(aside.throw);
        self.since.set(aside.since);
        self.raise_postponed.set(aside.raise_postponed);
        self.again.set(aside.again);
        self.raised.set(aside.raised);
        if let Some(ThrowMessage(message)) = aside.delivered {
            self.delivered.set(message);
        }
    }

    /// A step begins inside the running one. The throw in that does not cover it.
    #[inline]
    pub(super) fn begin_nested(&self) -> (PutAside, CountsPutAside) {
        let aside = self.put_aside(Some(ThrowMessage(None)));
        self.since.set(0);
        (aside, CountsPutAside { catches: self.catches.get(), raises: self.raises.get() })
    }

    #[inline]
    pub(super) fn end_nested(&self, aside: PutAside, counts: &CountsPutAside) {
        self.put_back(aside);
        self.catches.set(counts.catches);
        self.raises.set(counts.raises);
    }

    pub(crate) fn raise_postponed(&self) -> &Cell<bool> {
        &self.raise_postponed
    }

    pub(crate) fn again(&self) -> &Cell<bool> {
        &self.again
    }

    pub(crate) fn handed_on(&self) -> &Cell<u32> {
        &self.handed_on
    }

    /// A number for a leaf that raises; never 0.
    pub(crate) fn next_raise(&self) -> u32 {
        let next = self.last_raise.get().wrapping_add(1).max(1);
        self.last_raise.set(next);
        next
    }

    /// A leaf under a waker of another crate wants to raise. Returns how often that was so in the step with this
    /// number, since a cancellation was caught last.
    pub(crate) fn count_raise(&self, step: u32) -> u32 {
        let (counted, raises) = self.raises.get();
        let raises = if counted == step { raises + 1 } else { 1 };
        self.raises.set((step, raises));
        raises
    }

    /// A scope has caught a cancellation.
    pub(crate) fn caught(&self) {
        self.raises.set((0, 0));
    }

    pub(crate) fn count_catch(&self) {
        self.catches.set(self.catches.get().wrapping_add(1));
    }

    pub(crate) fn catches(&self) -> u32 {
        self.catches.get()
    }
}
