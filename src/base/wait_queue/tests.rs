//! The wait queue against a model: a vector of its waiters, in the order in which they came.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::{WaitQueue, WaiterId, WaiterState};

/// The state of a waiter in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Waiting,
    Skipped,
    Notified,
}

/// An operation; a number chooses one of the waiters.
#[derive(Clone, Debug)]
enum Op {
    Enqueue,
    NotifyFirst,
    Skip(usize),
    Remove(usize),
    Rename(usize),
}

#[derive(Default)]
struct Model {
    queue: WaitQueue<u32>,
    /// Id, name and state, in the order in which they came.
    members: Vec<(WaiterId, u32, Status)>,
    names: u32,
}

impl Model {
    fn apply(&mut self, op: &Op) {
        let chosen = |n: &usize| if self.members.is_empty() { None } else { Some(n % self.members.len()) };
        match op {
            Op::Enqueue => {
                self.names += 1;
                let id = self.queue.enqueue(self.names);
                assert!(self.members.iter().all(|(other, ..)| *other != id), "one id for two waiters");
                self.members.push((id, self.names, Status::Waiting));
            }
            Op::NotifyFirst => {
                let first = self.members.iter_mut().find(|(.., state)| *state == Status::Waiting);
                let expected = first.as_ref().map(|(id, name, _)| (*id, *name));
                assert_eq!(self.queue.notify_first(|_| None::<u32>), None, "it was not accepted");
                assert_eq!(self.queue.notify_first(Some), expected);
                if let Some((.., state)) = first {
                    *state = Status::Notified;
                }
            }
            Op::Skip(n) => {
                let Some(i) = chosen(n) else { return };
                let (id, _, state) = &mut self.members[i];
                if *state == Status::Notified {
                    self.queue.skip(*id);
                    *state = Status::Skipped;
                }
            }
            Op::Remove(n) => {
                let Some(i) = chosen(n) else { return };
                let (id, name, state) = self.members.remove(i);
                assert_eq!(self.queue.remove(id), in_queue(state, name));
            }
            Op::Rename(n) => {
                let Some(i) = chosen(n) else { return };
                self.names += 1;
                let (id, name, state) = &mut self.members[i];
                if *state == Status::Waiting {
                    self.queue.rename(*id, self.names);
                    *name = self.names;
                }
            }
        }
    }

    fn compare(&self) {
        let those = |state: Status| self.members.iter().filter(move |member| member.2 == state);
        let order: Vec<u32> = those(Status::Waiting).map(|member| member.1).collect();
        assert_eq!(self.queue.waiting().collect::<Vec<_>>(), order);
        assert_eq!(self.queue.has_waiting(), !order.is_empty());
        let count = |state: Status| u32::try_from(those(state).count()).unwrap();
        assert_eq!((self.queue.skipped(), self.queue.notified()), (count(Status::Skipped), count(Status::Notified)));
        assert_eq!(self.queue.is_empty(), self.members.is_empty());
        let as_in_queue =
            |(id, name, state): &(WaiterId, u32, Status)| self.queue.state(*id) == in_queue(*state, *name);
        assert!(self.members.iter().all(as_in_queue));
    }
}

fn in_queue(state: Status, name: u32) -> WaiterState<u32> {
    match state {
        Status::Waiting => WaiterState::Waiting(name),
        Status::Skipped => WaiterState::Skipped,
        Status::Notified => WaiterState::Notified,
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::Enqueue),
        2 => Just(Op::NotifyFirst),
        1 => any::<usize>().prop_map(Op::Skip),
        2 => any::<usize>().prop_map(Op::Remove),
        1 => any::<usize>().prop_map(Op::Rename),
    ]
}

proptest! {
    #![proptest_config(Config {
        cases: 500,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    })]

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
fn slots_are_reused() {
    let mut queue = WaitQueue::default();
    for _ in 0..1000 {
        let ids = [1, 2, 3].map(|n| queue.enqueue(n));
        queue.notify_first(Some);
        for id in ids {
            queue.remove(id);
        }
    }
    assert!(queue.is_empty());
    assert!(queue.slots.capacity() <= 4, "{} slots for three", queue.slots.capacity());
}
