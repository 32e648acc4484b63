//! Random trees. Owns which nodes they are made of and how long their timers are; must not know how a tree is run.

use crate::dice::Dice;
use crate::tree::{Nanos, Node, SECOND, Timing};

/// A kind of node that a tree may have. In a list of them, those that stand there twice are twice as frequent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sleep,
    Limit,
    Catch,
    CleanUp,
    Join,
    Unordered,
    Buffered,
    Select,
    Task,
    Gather,
    Group,
    FailingGroup,
    Sequence,
}

/// The bits of a fraction of a second that are for times of the caller: the first four.
pub(crate) const FREE_BITS: u32 = 4;
/// As many timers have a bit of their own, and the sum of all is less than a second.
const TIMERS_MAX: u32 = 24;

/// Grows one tree.
pub(crate) struct Grower<'a> {
    pub(crate) dice: &'a mut Dice,
    pub(crate) kinds: &'a [Kind],
    pub(crate) timing: Timing,
    timers: u32,
}

impl<'a> Grower<'a> {
    pub(crate) fn new(dice: &'a mut Dice, kinds: &'a [Kind], timing: Timing) -> Self {
        Self { dice, kinds, timing, timers: 0 }
    }

    /// A tree that is at most so deep.
    pub(crate) fn tree(mut self, depth: u64) -> Node {
        self.node(depth, TIMERS_MAX, false)
    }

    /// A node with at most so many timers, itself included. There is no group in a branch of a select: which of the two
    /// a cancellation ends first would be a matter of iterations, not of time.
    fn node(&mut self, depth: u64, timers: u32, in_select: bool) -> Node {
        let kind = if depth == 0 || timers < 2 { Kind::Sleep } else { self.dice.choose(self.kinds) };
        let one = |me: &mut Self| Box::new(me.node(depth - 1, timers, in_select));
        match kind {
            Kind::Sleep => Node::Sleep(self.span()),
            Kind::Limit | Kind::CleanUp => {
                let (span, inside) = (self.span(), Box::new(self.node(depth - 1, timers - 1, in_select)));
                if kind == Kind::Limit { Node::Limit(span, inside) } else { Node::CleanUp(span, inside) }
            }
            Kind::Catch => Node::Catch(one(self)),
            Kind::Task => Node::Task(one(self)),
            Kind::Join => Node::Join(self.nodes(depth, timers, in_select)),
            Kind::Unordered => Node::Unordered(self.nodes(depth, timers, in_select)),
            Kind::Buffered => {
                let room = self.dice.choose(&[1, 2, 2]);
                Node::Buffered(self.nodes(depth, timers, in_select), room)
            }
            Kind::Select => Node::Select(self.nodes(depth, timers, true)),
            Kind::Gather => Node::Gather(self.nodes(depth, timers, in_select)),
            Kind::Sequence => Node::Sequence(self.nodes(depth, timers, in_select)),
            Kind::Group | Kind::FailingGroup if in_select => *one(self),
            Kind::Group | Kind::FailingGroup => {
                let fails_after = (kind == Kind::FailingGroup).then(|| self.span());
                let left = timers - u32::from(fails_after.is_some());
                let mut children = self.nodes(depth, left, in_select);
                let body = Box::new(children.pop().expect("at least one"));
                Node::Group { body, children, fails_after }
            }
        }
    }

    /// One node, or up to three.
    fn nodes(&mut self, depth: u64, timers: u32, in_select: bool) -> Vec<Node> {
        let count = self.dice.choose(&[1, 2, 3]).min(timers);
        (0..count).map(|_| self.node(depth - 1, timers / count, in_select)).collect()
    }

    fn span(&mut self) -> Nanos {
        let bit = FREE_BITS + self.timers;
        self.timers += 1;
        match self.timing {
            Timing::Apart => (1 + self.dice.below(20)) * SECOND + (1 << bit),
            Timing::EvenAndOdd | Timing::Whole => (1 + self.dice.below(8)) * SECOND,
        }
    }
}
