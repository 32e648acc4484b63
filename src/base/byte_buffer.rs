//! Bytes that came first and leave first, in one piece. Owns the memory; must not know where they come from or go.

/// What a queue that has become empty keeps for the next bytes.
const KEPT: usize = 256 * 1024;

/// Bytes in order, in one slice. Taking from the front moves nothing; the front is used again when the end has no room.
///
/// Invariant, **in place**: `start <= end <= memory.len()`, and the bytes are those between the two.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl ByteQueue {
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.fill(bytes.len());
    }

    /// Room behind the bytes, at least so much.
    pub(crate) fn room(&mut self, least: usize) -> &mut [u8] {
        if self.memory.len() - self.end < least {
            self.make_room(least);
        }
        &mut self.memory[self.end..]
    }

    /// So many bytes were put into the room.
    pub(crate) fn fill(&mut self, count: usize) {
        self.end += count;
        assert!(self.end <= self.memory.len(), "more was put into the room than there is");
    }

    /// Moves the bytes to the front if that frees as much as it moves, so that no byte is moved often; else there is more
    /// memory.
    fn make_room(&mut self, least: usize) {
        let (start, len) = (self.start, self.len());
        if start >= len && self.memory.len() >= len + least {
            self.memory.copy_within(start..self.end, 0);
        } else {
            let mut larger = vec![0; (len + least).max(2 * len)];
            larger[..len].copy_from_slice(self.as_slice());
            self.memory = larger;
        }
        (self.start, self.end) = (0, len);
    }

    /// Takes up to so many bytes away from the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count.min(self.len());
        if self.is_empty() {
            self.clear();
        }
    }

    /// Up to so many bytes from the front, taken away.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.len());
        let taken = self.as_slice()[..count].to_vec();
        self.consume(count);
        taken
    }

    /// All bytes, taken away: with the memory they are in, if that would not be kept anyway.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        if self.memory.len() <= KEPT {
            return self.take(self.len());
        }
        let mut memory = std::mem::take(&mut self.memory);
        memory.truncate(self.end);
        memory.drain(..self.start);
        self.clear();
        memory
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        if self.memory.len() > KEPT {
            self.memory = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        Push(Vec<u8>),
        Fill(u8, usize),
        Consume(usize),
        Take(usize),
        TakeAll,
        Clear,
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            4 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Op::Push),
            2 => (any::<u8>(), 0..40_usize).prop_map(|(byte, count)| Op::Fill(byte, count)),
            3 => (0..60_usize).prop_map(Op::Consume),
            2 => (0..60_usize).prop_map(Op::Take),
            1 => prop_oneof![Just(Op::Clear), Just(Op::TakeAll)],
        ];
        prop::collection::vec(op, 0..200)
    }

    proptest! {
        #[test]
        fn it_is_a_queue(ops in ops()) {
            let (mut queue, mut model) = (ByteQueue::default(), VecDeque::new());
            for op in ops {
                match op {
                    Op::Push(bytes) => {
                        queue.push(&bytes);
                        model.extend(bytes);
                    }
                    Op::Fill(byte, count) => {
                        queue.room(count)[..count].fill(byte);
                        queue.fill(count);
                        model.extend(std::iter::repeat_n(byte, count));
                    }
                    Op::Consume(count) => {
                        queue.consume(count);
                        model.drain(..count.min(model.len()));
                    }
                    Op::Take(count) => {
                        let taken: Vec<u8> = model.drain(..count.min(model.len())).collect();
                        prop_assert_eq!(queue.take(count), taken);
                    }
                    Op::TakeAll => prop_assert_eq!(queue.take_all(), Vec::from(std::mem::take(&mut model))),
                    Op::Clear => {
                        queue.clear();
                        model.clear();
                    }
                }
                prop_assert_eq!(queue.as_slice(), model.make_contiguous() as &[u8]);
                prop_assert_eq!(queue.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn a_queue_that_never_empties_stays_in_its_memory() {
        let mut queue = ByteQueue::default();
        queue.push(&[0; 100]);
        for _ in 0..10_000 {
            queue.push(&[0; 50]);
            queue.consume(50);
        }
        assert!(queue.memory.len() <= 400, "{} bytes", queue.memory.len());
    }

    #[test]
    fn a_burst_is_handed_over_whole() {
        let mut queue = ByteQueue::default();
        queue.push(&vec![1; 2 * KEPT]);
        queue.consume(KEPT);
        queue.push(&[2]);
        assert_eq!(queue.take_all(), [vec![1; KEPT], vec![2]].concat());
        assert_eq!((queue.len(), queue.memory.len()), (0, 0));
    }

    #[test]
    fn the_memory_of_a_burst_is_given_back() {
        let mut queue = ByteQueue::default();
        queue.push(&vec![0; 2 * KEPT]);
        queue.consume(2 * KEPT);
        assert_eq!(queue.memory.len(), 0);
    }
}
