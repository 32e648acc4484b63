//! The wait list against a model: a vector of who has a place, in the order in which they came.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::{Left, Place, WaitList};

/// What is done next; a number says to which of those who have a place.
#[derive(Clone, Debug)]
enum Op {
    Join,
    Call(usize),
    CallFirst,
    Leave(usize),
    Replace(usize),
}

#[derive(Default)]
struct Model {
    list: WaitList<u32>,
    /// Place, name, and whether it was called.
    members: Vec<(Place, u32, bool)>,
    names: u32,
}

impl Model {
    fn apply(&mut self, op: &Op) {
        let chosen = |n: &usize| if self.members.is_empty() { None } else { Some(n % self.members.len()) };
        match op {
            Op::Join => {
                self.names += 1;
                let place = self.list.join(self.names);
                assert!(self.members.iter().all(|(other, ..)| *other != place), "one place for two");
                self.members.push((place, self.names, false));
            }
            Op::Call(n) => {
                let Some(i) = chosen(n) else { return };
                self.call(i);
            }
            Op::CallFirst => {
                let first = self.list.first();
                let expected = self.members.iter().position(|(.., called)| !called);
                assert_eq!(first, expected.map(|i| self.members[i].0));
                if let Some(i) = expected {
                    self.call(i);
                }
            }
            Op::Leave(n) => {
                let Some(i) = chosen(n) else { return };
                let (place, name, called) = self.members.remove(i);
                assert_eq!(self.list.leave(place), if called { Left::Called } else { Left::Waiting(name) });
            }
            Op::Replace(n) => {
                let Some(i) = chosen(n) else { return };
                self.names += 1;
                let (place, name, called) = &mut self.members[i];
                let waiter = self.list.waiter_mut(*place);
                assert_eq!(waiter.is_none(), *called);
                if let Some(waiter) = waiter {
                    *waiter = self.names;
                    *name = self.names;
                }
            }
        }
    }

    fn call(&mut self, i: usize) {
        let (place, name, called) = &mut self.members[i];
        assert_eq!(self.list.call(*place), (!*called).then_some(*name));
        *called = true;
    }

    fn compare(&self) {
        let waits = |called: bool| self.members.iter().filter(move |member| member.2 == called);
        let order: Vec<u32> = waits(false).map(|member| member.1).collect();
        let mut found = Vec::new();
        let mut at = self.list.first();
        while let Some(place) = at {
            found.extend(self.list.waiter(place).copied());
            at = self.list.behind(place);
        }
        assert_eq!(found, order);
        assert_eq!((self.list.waiting(), self.list.called()), (order.len(), waits(true).count()));
        assert_eq!(self.list.is_empty(), self.members.is_empty());
        assert!(waits(true).all(|member| self.list.waiter(member.0).is_none()));
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::Join),
        1 => any::<usize>().prop_map(Op::Call),
        1 => Just(Op::CallFirst),
        2 => any::<usize>().prop_map(Op::Leave),
        1 => any::<usize>().prop_map(Op::Replace),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 500, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_sequence_of_operations_gives_what_a_vector_gives(ops in prop::collection::vec(op(), 1..200)) {
        let mut model = Model::default();
        for op in &ops {
            model.apply(op);
            model.compare();
        }
    }
}

#[test]
fn places_are_used_again() {
    let mut list = WaitList::default();
    for _ in 0..1000 {
        let places = [1, 2, 3].map(|n| list.join(n));
        assert_eq!(list.call(places[1]), Some(2));
        for place in places {
            list.leave(place);
        }
    }
    assert!(list.is_empty());
    assert!(list.slots.capacity() <= 4, "{} places for three", list.slots.capacity());
}
