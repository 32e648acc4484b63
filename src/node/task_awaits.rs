//! What a task awaits: nodes, leaves, futures of other crates. Owns what is kept of it between two steps; must not know
//! how it is counted in a step, nor cancellations.

use super::chores::Chores;
use super::task_state::TaskState;
use crate::kernel::{AwaitFlags, Place, SoleAwait};

impl<N: Clone + PartialEq> TaskState<N> {
    /// Adds a node to those that the task awaits, once for each await.
    #[inline]
    pub(crate) fn wait_for(&self, node: N) {
        self.add_chore(Chores::NODES);
        if let Some(other) = self.node.replace(Some(node)) {
            self.add_other_node(other);
        }
    }

    #[cold]
    fn add_other_node(&self, node: N) {
        self.add_chore(Chores::SEVERAL_NODES);
        self.with_rare(|rare| rare.other_nodes.push(node));
    }

    /// The node of the last `awaits` awaits, if it is the same in all of them.
    pub(crate) fn last_node(&self, awaits: u32) -> Option<N> {
        let mut sole = SoleAwait::Nothing;
        let nodes = self.nodes();
        let skipped = nodes.len().checked_sub(awaits as usize)?;
        nodes.into_iter().skip(skipped).for_each(|node| sole.add_node(node));
        sole.into_node()
    }

    /// Adds what the task awaits under its own waker to `sole`. If something stands below its root, one of the futures
    /// that have cloned the waker is the combinator around that.
    pub(crate) fn add_awaits_to(&self, sole: &mut SoleAwait<N>, something_below: bool) {
        let clones = if something_below { AwaitFlags::CLONES } else { AwaitFlags::CLONE.union(AwaitFlags::CLONES) };
        if self.awaits().leaves() != 0 || self.awaits().has_any(clones) {
            sole.add_other();
        }
        match self.sole_node() {
            Some(node) => sole.add_node(node),
            None if self.awaits_nodes() => self.nodes().into_iter().for_each(|node| sole.add_node(node)),
            None => {}
        }
    }

    /// A future of another crate has cloned the waker.
    pub(crate) fn note_clone(&self) {
        self.add_chore(Chores::VARIANTS);
    }

    /// Whether it has polled futures of other crates in its last step.
    pub(crate) fn awaits_clones(&self) -> bool {
        self.awaits().has_any(AwaitFlags::CLONE.union(AwaitFlags::CLONES))
    }

    /// The number of the last step, if catchers wait since then under the task's own waker; else 0.
    pub(crate) fn catchers_since(&self) -> u32 {
        if self.awaits().has_any(AwaitFlags::CATCHERS) { self.awaits().step() } else { 0 }
    }

    /// The root of what the task awaits under wakers of other crates.
    pub(crate) fn root(&self) -> Place {
        if !self.chores().has_any(Chores::PLACE) {
            return Place::NONE;
        }
        let rare = self.rare.take();
        let root = rare.as_ref().map_or(Place::NONE, |rare| rare.root);
        self.rare.set(rare);
        root
    }

    pub(crate) fn take_root(&self) -> Option<Place> {
        self.remove_chore(Chores::PLACE);
        let mut rare = self.rare.take()?;
        let root = std::mem::replace(&mut rare.root, Place::NONE);
        self.rare.set(Some(rare));
        (root != Place::NONE).then_some(root)
    }

    pub(crate) fn set_root(&self, root: Place) {
        self.add_chore(Chores::PLACE);
        self.with_rare(|rare| rare.root = root);
    }

    /// A step begins, and the task awaits no node. The caller drops the pointer, and those of `take_other_nodes`.
    #[inline]
    pub(crate) fn take_node(&self) -> Option<N> {
        self.remove_chore(Chores::NODES);
        self.node.take()
    }

    /// Whether the task has awaited nodes, the pointers to which its next step drops.
    #[inline]
    pub(crate) fn has_awaited_nodes(&self) -> bool {
        self.chores().has_any(Chores::NODES)
    }

    /// Whether the task has awaited several nodes in one step.
    #[inline]
    pub(crate) fn awaits_several_nodes(&self) -> bool {
        self.chores().has_any(Chores::SEVERAL_NODES)
    }

    /// The nodes beside that of `take_node`.
    #[cold]
    pub(crate) fn take_other_nodes(&self) -> Vec<N> {
        self.remove_chore(Chores::SEVERAL_NODES);
        let Some(mut rare) = self.rare.take() else { return Vec::new() };
        let others = std::mem::take(&mut rare.other_nodes);
        self.rare.set(Some(rare));
        others
    }

    /// Removes the node that `is_it` recognises, because the task has dropped the await. The caller drops the pointer.
    pub(crate) fn no_longer_waits_for(&self, is_it: impl Fn(&N) -> bool) -> Option<N> {
        let last = self.node.take()?;
        let mut rare = self.rare.take();
        let others = rare.as_mut().map(|rare| &mut rare.other_nodes);
        let (last, left) = if is_it(&last) {
            (others.and_then(Vec::pop), Some(last))
        } else {
            let left = others.and_then(|others| others.iter().position(is_it).map(|at| others.remove(at)));
            (Some(last), left)
        };
        self.rare.set(rare);
        self.node.set(last);
        left
    }

    /// The node that it awaits, if that is the only one.
    #[inline]
    pub(crate) fn sole_node(&self) -> Option<N> {
        if !self.has_awaited_nodes() || self.awaits_several_nodes() {
            return None;
        }
        let node = self.node.take();
        let copy = node.clone();
        self.node.set(node);
        copy
    }

    /// Has the task not begin before `let_go`, even if a step is taken: a waker that was meant for another task may
    /// fit this one.
    pub(crate) fn hold(&self) {
        self.add_chore(Chores::HELD);
    }

    /// The task may begin. The caller queues it.
    pub(crate) fn let_go(&self) {
        self.remove_chore(Chores::HELD);
    }

    pub(crate) fn is_held(&self) -> bool {
        self.chores().has_any(Chores::HELD)
    }

    /// Whether it awaits any node.
    pub(crate) fn awaits_nodes(&self) -> bool {
        let node = self.node.take();
        let any = node.is_some();
        self.node.set(node);
        any
    }

    /// All nodes that the task has polled in its last step, and so awaits, in the order of the awaits.
    pub(crate) fn nodes(&self) -> Vec<N> {
        let (last, rare) = (self.node.take(), self.rare.take());
        let mut nodes = rare.as_ref().map_or_else(Vec::new, |rare| rare.other_nodes.clone());
        nodes.extend(last.clone());
        self.node.set(last);
        self.rare.set(rare);
        nodes
    }
}
