//! The wait list against a model: a vector of who has a place, in the order in which they came.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::{Place, State, WaitList};

/// What is done next; a number says to which of those who have a place.
#[derive(Clone, Debug)]
enum Op {
    Join,
    Call(usize),
    CallFirst,
    PassOver(usize),
    Leave(usize),
    Replace(usize),
}

#[derive(Default)]
struct Model {
    list: WaitList<u32>,
    /// Place, name and state, in the order in which they came.
    members: Vec<(Place, u32, State)>,
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
                self.members.push((place, self.names, State::Waiting));
            }
            Op::Call(n) => {
                let Some(i) = chosen(n) else { return };
                self.call(i);
            }
            Op::CallFirst => {
                let first = self.list.first();
                let expected = self.members.iter().position(|(.., state)| *state == State::Waiting);
                assert_eq!(first, expected.map(|i| self.members[i].0));
                if let Some(i) = expected {
                    self.call(i);
                }
            }
            Op::PassOver(n) => {
                let Some(i) = chosen(n) else { return };
                let (place, name, state) = &mut self.members[i];
                let waits = *state == State::Waiting;
                assert_eq!(self.list.pass_over(*place), waits.then_some(*name));
                if waits {
                    *state = State::PassedOver;
                }
            }
            Op::Leave(n) => {
                let Some(i) = chosen(n) else { return };
                let (place, name, state) = self.members.remove(i);
                assert_eq!(self.list.leave(place), (state == State::Waiting).then_some(name));
            }
            Op::Replace(n) => {
                let Some(i) = chosen(n) else { return };
                self.names += 1;
                let (place, name, state) = &mut self.members[i];
                let waiter = self.list.waiter_mut(*place);
                assert_eq!(waiter.is_some(), *state == State::Waiting);
                if let Some(waiter) = waiter {
                    *waiter = self.names;
                    *name = self.names;
                }
            }
        }
    }

    fn call(&mut self, i: usize) {
        let (place, name, state) = &mut self.members[i];
        let waits = *state == State::Waiting;
        assert_eq!(self.list.call(*place), waits.then_some(*name));
        if waits {
            *state = State::Called;
        }
    }

    fn compare(&self) {
        let those = |state: State| self.members.iter().filter(move |member| member.2 == state);
        let order: Vec<u32> = those(State::Waiting).map(|member| member.1).collect();
        let mut found = Vec::new();
        let mut at = self.list.first();
        while let Some(place) = at {
            found.extend(self.list.waiter(place).copied());
            at = self.list.behind(place);
        }
        assert_eq!(found, order);
        let count = |state: State| those(state).count();
        assert_eq!(
            (self.list.waiting(), self.list.passed_over(), self.list.called()),
            (order.len(), count(State::PassedOver), count(State::Called))
        );
        assert_eq!(self.list.is_empty(), self.members.is_empty());
        assert!(self.members.iter().all(|(place, _, state)| self.list.state(*place) == *state));
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::Join),
        1 => any::<usize>().prop_map(Op::Call),
        1 => Just(Op::CallFirst),
        1 => any::<usize>().prop_map(Op::PassOver),
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
