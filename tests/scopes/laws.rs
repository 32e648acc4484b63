//! Two laws that need no model: the order of branches makes no difference to what they return, nor does it whether they
//! are joined or in a set. They are tried with cancellations that fall into the iteration in which a timer ends. Must
//! not know what is right.

use crate::cases::Difference;
use crate::dice::Dice;
use crate::play::{Cancel, Program, play};
use crate::tree::{Node, SECOND};

/// Adds cancellations of the program's task: most in the iteration in which one of its timers ends, before or after it.
pub(crate) fn cancel_at_events(dice: &mut Dice, program: &mut Program) {
    for _ in 0..=dice.below(2) {
        // each run may set other timers, since it is cancelled once more
        let (_, ends) = play(program);
        let at = if dice.below(8) == 0 { (1 + dice.below(40)) * SECOND } else { dice.choose(&ends) };
        program.cancels.push(Cancel { at, set_first: dice.below(2) == 0 });
    }
}

/// The program with the branches of every join and set in reversed order gives the same.
pub(crate) fn reversed_gives_the_same(program: &Program) -> Option<Difference> {
    gives_the_same(program, &|is_join, mut branches| {
        branches.reverse();
        if is_join { Node::Join(branches) } else { Node::Unordered(branches) }
    })
}

/// The program with a set in place of every join gives the same.
pub(crate) fn sets_give_the_same(program: &Program) -> Option<Difference> {
    gives_the_same(program, &|_, branches| Node::Unordered(branches))
}

fn gives_the_same(program: &Program, change: &impl Fn(bool, Vec<Node>) -> Node) -> Option<Difference> {
    let changed = Program { root: program.root.rebuilt(change), ..program.clone() };
    let both = format!("{program}\n  changed  {}", changed.root);
    Difference::between(&both, &play(&changed).0, &play(program).0)
}
