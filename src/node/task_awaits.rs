//! What a task awaits: nodes, leaves, futures of other crates. Owns what is kept of it between two steps; must not know
//! how it is counted in a step, nor cancellations.

use super::task_state::{HELD, TaskState, UNPOLLED, Waits};
use crate::kernel::{Beside, Leaf, Place, Sole};

impl<N: Clone + PartialEq> TaskState<N> {
    /// Adds a node to those that the task waits for, once for each await.
    pub(crate) fn wait_for(&self, node: N) {
        self.needs_bookkeeping.set(true);
        self.waits.set(match self.waits.take() {
            Waits::None => Waits::One(node),
            Waits::One(other) => Waits::Many(Box::new(vec![other, node])),
            Waits::Many(mut all) => {
                all.push(node);
                Waits::Many(all)
            }
        });
    }

    /// The node of the last `awaits` awaits, if it is the same in all of them.
    pub(crate) fn last_node(&self, awaits: u32) -> Option<N> {
        let mut sole = Sole::Nothing;
        let awaits = awaits as usize;
        let waits = self.waits.take();
        match &waits {
            Waits::One(node) if awaits == 1 => sole.add_node(node.clone()),
            Waits::Many(all) if awaits <= all.len() => {
                all[all.len() - awaits..].iter().for_each(|node| sole.add_node(node.clone()));
            }
            Waits::None | Waits::One(_) | Waits::Many(_) => {}
        }
        self.waits.set(waits);
        sole.into_node()
    }

    /// Adds what the task awaits under its own waker to `sole`. If something stands below its root, one of the futures
    /// that have cloned the waker is the combinator around that.
    pub(crate) fn add_awaits_to(&self, sole: &mut Sole<N>, something_below: bool) {
        let clones = if something_below { Beside::CLONES } else { Beside::CLONE.and(Beside::CLONES) };
        if self.leaf.get().is_some() || self.beside.get().has_any(clones) {
            sole.add_other();
        }
        for node in self.waits_for_nodes() {
            sole.add_node(node);
        }
    }

    /// Whether it has polled futures of other crates in its last step.
    pub(crate) fn awaits_clones(&self) -> bool {
        self.beside.get().has_any(Beside::CLONE.and(Beside::CLONES))
    }

    /// The step with this number ends.
    #[inline]
    pub(crate) fn set_awaits(&self, step: u32, leaf: Option<Leaf>, beside: Beside) {
        self.leaf.set(leaf);
        self.beside.set(beside);
        self.last_step.set(step);
    }

    /// The number of the last step.
    pub(crate) fn last_step(&self) -> u32 {
        self.last_step.get()
    }

    /// The number of the last step, if catchers wait since then under the task's own waker; else 0.
    pub(crate) fn catchers_since(&self) -> u32 {
        if self.beside.get().has_any(Beside::CATCHERS) { self.last_step.get() } else { 0 }
    }

    /// The root of what the task awaits under wakers of other crates.
    pub(crate) fn root(&self) -> Place {
        let rare = self.rare.take();
        let root = rare.as_ref().map_or(Place::NONE, |rare| rare.root);
        self.rare.set(rare);
        root
    }

    pub(crate) fn take_root(&self) -> Option<Place> {
        let mut rare = self.rare.take()?;
        let root = std::mem::replace(&mut rare.root, Place::NONE);
        self.rare.set(Some(rare));
        (root != Place::NONE).then_some(root)
    }

    pub(crate) fn set_root(&self, root: Place) {
        self.needs_bookkeeping.set(true);
        self.with_rare(|rare| rare.root = root);
    }

    /// A step begins, and the task waits for nothing. The caller drops the pointers.
    pub(crate) fn clear_waits(&self) -> Waits<N> {
        self.beside.set(Beside::default());
        self.waits.take()
    }

    /// Removes the node that `is_it` recognises, because the task has dropped the await. The caller drops the pointer.
    pub(crate) fn no_longer_waits_for(&self, is_it: impl Fn(&N) -> bool) -> Option<N> {
        let (kept, left) = match self.waits.take() {
            Waits::One(one) if is_it(&one) => (Waits::None, Some(one)),
            Waits::Many(mut all) => {
                let left = all.iter().position(is_it).map(|i| all.remove(i));
                (Waits::Many(all), left)
            }
            other => (other, None),
        };
        self.waits.set(kept);
        left
    }

    /// All nodes that the task has polled in its last step, and so waits for.
    pub(crate) fn waits_for_nodes(&self) -> Vec<N> {
        match self.copy_of_waits() {
            Waits::None => Vec::new(),
            Waits::One(node) => vec![node],
            Waits::Many(all) => *all,
        }
    }

    /// What the task waits for beside nodes, in words.
    pub(crate) fn leaf(&self) -> Option<Leaf> {
        self.leaf.get()
    }

    fn copy_of_waits(&self) -> Waits<N> {
        let waits = self.waits.take();
        let copy = waits.clone();
        self.waits.set(waits);
        copy
    }

    /// Has the task not begin before `let_go`, even if a step is taken: a waker that was meant for another task may
    /// fit this one.
    pub(crate) fn hold(&self) {
        self.turn.set(HELD);
        self.needs_bookkeeping.set(true);
    }

    /// The task may begin. The caller queues it.
    pub(crate) fn let_go(&self) {
        if self.is_held() {
            self.turn.set(UNPOLLED);
        }
    }

    pub(crate) fn is_held(&self) -> bool {
        self.turn.get() == HELD
    }
}
