//! The number of children of a gathering that run at a time. Owns the children that are held back; must not know when a
//! gathering ends.

use std::cell::{Cell, RefCell};

use crate::base::TaskKey;
use crate::node::{Kind, Loop, Node, NodeRef};

/// The value of `max` while there is no limit.
const NO_LIMIT: usize = usize::MAX;

/// The limit of a gathering; none by default.
pub(super) struct Limit {
    max: Cell<usize>,
    /// The number of children that have been started and have not ended. Counted only if there is a limit.
    running: Cell<usize>,
    held: RefCell<Held>,
}

impl Default for Limit {
    fn default() -> Self {
        Self { max: Cell::new(NO_LIMIT), running: Cell::new(0), held: RefCell::default() }
    }
}

/// The children that are held back: tasks that have not begun, taken out of the ready queue.
#[derive(Default)]
struct Held {
    /// By index; `None` for a child that is not held.
    keys: Vec<Option<TaskKey>>,
    /// No child before this index is held.
    first: usize,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.keys[self.first..].iter().all(Option::is_none)
    }

    fn hold(&mut self, index: usize, key: TaskKey) {
        if self.keys.len() <= index {
            self.keys.resize(index + 1, None);
        }
        self.keys[index] = Some(key);
        self.first = self.first.min(index);
    }

    fn holds(&self, index: usize) -> bool {
        self.keys.get(index).is_some_and(Option::is_some)
    }

    fn remove(&mut self, index: usize) -> Option<TaskKey> {
        self.keys.get_mut(index)?.take()
    }

    fn take_first(&mut self) -> Option<TaskKey> {
        while let Some(key) = self.keys.get_mut(self.first) {
            self.first += 1;
            if let Some(key) = key.take() {
                return Some(key);
            }
        }
        None
    }
}

impl Limit {
    pub(super) fn is_none(&self) -> bool {
        self.max.get() == NO_LIMIT
    }

    /// Whether a child is held back.
    pub(super) fn holds_any(&self) -> bool {
        !self.held.borrow().is_empty()
    }

    /// Holds back all children that have not begun. `start_held` starts as many of them as `max` allows.
    pub(super) fn set(&self, max: usize, kernel: &Loop, children: Vec<NodeRef>) {
        let mut running = 0;
        for (index, child) in (0..).zip(children).filter(|(_, child)| !child.core().is_done()) {
            match child.kind() {
                Kind::Task(state) if !state.has_started() => {
                    if kernel.unqueue(state.key()) {
                        state.hold();
                        self.held.borrow_mut().hold(index, state.key());
                    } else if !self.held.borrow().holds(index) {
                        // not queued and not held by an earlier call: something else wakes it
                        running += 1;
                    }
                }
                _ => running += 1,
            }
        }
        self.running.set(running);
        self.max.set(max);
    }

    /// A child has ended. One that was still held, and was cancelled, makes no room.
    pub(super) fn child_ended(&self, index: u32) {
        if self.held.borrow_mut().remove(index as usize).is_none() {
            self.running.set(self.running.get() - 1);
        }
    }

    /// Starts held children in the order of their indexes, as many as the limit allows.
    pub(super) fn start_held(&self, kernel: &Loop) {
        while self.running.get() < self.max.get() {
            let Some(key) = self.held.borrow_mut().take_first() else { return };
            self.running.set(self.running.get() + 1);
            if let Some(Kind::Task(state)) = kernel.task(key).as_deref().map(Node::kind) {
                state.let_go();
            }
            kernel.wake(key);
        }
    }
}
