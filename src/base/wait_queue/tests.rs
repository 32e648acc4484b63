//! The wait list against a model: a vector of who has a place, in the order in which they came.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::{Place, State, WaitQueue};

/// How a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Waiting,
    PassedOver,
    Called,
}

/// What is done next; a number says to which of those who have a place.
#[derive(Clone, Debug)]
enum Op {
    JoinHandle,
    Call(usize),
    CallFirst,
    PassOver(usize),
    Leave(usize),
    Replace(usize),
}

#[derive(Default)]
struct Model {
    list: WaitQueue<u32>,
    /// Place, name and state, in the order in which they came.
    members: Vec<(Place, u32, Stands)>,
    names: u32,
}

impl Model {
    fn apply(&mut self, op: &Op) {
        let chosen = |n: &usize| if self.members.is_empty() { None } else { Some(n % self.members.len()) };
        match op {
            Op::JoinHandle => {
                self.names += 1;
                let place = self.list.join(self.names);
                assert!(self.members.iter().all(|(other, ..)| *other != place), "one place for two");
                self.members.push((place, self.names, Stands::Waiting));
            }
            Op::Call(n) => {
                let Some(i) = chosen(n) else { return };
                self.call(i);
            }
            Op::CallFirst => {
                let first = self.list.first();
                let expected = self.members.iter().position(|(.., state)| *state == Stands::Waiting);
                assert_eq!(first, expected.map(|i| self.members[i].0));
                if let Some(i) = expected {
                    self.call(i);
                }
            }
            Op::PassOver(n) => {
                let Some(i) = chosen(n) else { return };
                let (place, _, state) = &mut self.members[i];
                if *state == Stands::Waiting {
                    self.list.pass_over(*place);
                    *state = Stands::PassedOver;
                }
            }
            Op::Leave(n) => {
                let Some(i) = chosen(n) else { return };
                let (place, name, state) = self.members.remove(i);
                assert_eq!(self.list.leave(place), in_list(state, name));
            }
            Op::Replace(n) => {
                let Some(i) = chosen(n) else { return };
                self.names += 1;
                let (place, name, state) = &mut self.members[i];
                if *state == Stands::Waiting {
                    self.list.replace(*place, self.names);
                    *name = self.names;
                }
            }
        }
    }

    fn call(&mut self, i: usize) {
        let (place, _, state) = &mut self.members[i];
        if *state == Stands::Waiting {
            self.list.call(*place);
            *state = Stands::Called;
        }
    }

    fn compare(&self) {
        let those = |state: Stands| self.members.iter().filter(move |member| member.2 == state);
        let order: Vec<u32> = those(Stands::Waiting).map(|member| member.1).collect();
        assert_eq!(self.list.waiters().collect::<Vec<_>>(), order);
        assert_eq!(self.list.first().and_then(|first| self.list.waiter(first)), order.first().copied());
        let count = |state: Stands| u32::try_from(those(state).count()).unwrap();
        assert_eq!((self.list.passed_over(), self.list.called()), (count(Stands::PassedOver), count(Stands::Called)));
        assert_eq!(self.list.is_empty(), self.members.is_empty());
        let in_place = |(place, name, state): &(Place, u32, Stands)| self.list.state(*place) == in_list(*state, *name);
        assert!(self.members.iter().all(in_place));
    }
}

fn in_list(state: Stands, name: u32) -> State<u32> {
    match state {
        Stands::Waiting => State::Waiting(name),
        Stands::PassedOver => State::PassedOver,
        Stands::Called => State::Called,
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::JoinHandle),
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
    let mut list = WaitQueue::default();
    for _ in 0..1000 {
        let places = [1, 2, 3].map(|n| list.join(n));
        list.call(places[1]);
        for place in places {
            list.leave(place);
        }
    }
    assert!(list.is_empty());
    assert!(list.slots.capacity() <= 4, "{} places for three", list.slots.capacity());
}
