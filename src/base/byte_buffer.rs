//! A FIFO of bytes in one slice. Owns the memory; must not know sockets or pipes.

use super::concurrency::Arc;
use super::memory_count::MemoryCount;

/// A buffer that becomes empty keeps its memory up to this size, and frees a larger one.
const KEEP_MAX: usize = 256 * 1024;

/// Bytes are added at the end and removed at the front. Removal moves no byte; `make_room` reuses the freed front.
///
/// Invariant: `start <= end <= memory.len()`, and the bytes are `memory[start..end]`.
#[derive(Debug, Default)]
pub(crate) struct ByteBuffer {
    memory: Box<[u8]>,
    start: usize,
    end: usize,
    /// Where the memory is counted: when it is taken and given back, and not when bytes come and go.
    count: Option<Arc<MemoryCount>>,
}

impl ByteBuffer {
    /// A buffer whose memory is counted.
    pub(crate) fn counted(count: Arc<MemoryCount>) -> Self {
        Self::empty(Some(count))
    }

    fn empty(count: Option<Arc<MemoryCount>>) -> Self {
        Self { memory: Box::default(), start: 0, end: 0, count }
    }

    /// An empty buffer whose memory is counted where that of this one is.
    #[cfg(any(feature = "futures-io", feature = "tokio-io"))]
    pub(crate) fn counted_alike(&self) -> Self {
        Self::empty(self.count.clone())
    }

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

    /// The free memory behind the bytes; at least `min` bytes. Write to it, and then call `fill`.
    pub(crate) fn room(&mut self, min: usize) -> &mut [u8] {
        if self.memory.len() - self.end < min {
            self.make_room(min);
        }
        &mut self.memory[self.end..]
    }

    /// Adds the first `count` bytes of the room.
    pub(crate) fn fill(&mut self, count: usize) {
        self.end += count;
        assert!(self.end <= self.memory.len(), "more bytes were added than there is room for");
    }

    /// Moves the bytes to the front if at least as many bytes are free there, so that the cost of moves stays
    /// proportional to the bytes that pass through. Otherwise it takes more memory.
    fn make_room(&mut self, min: usize) {
        let (start, len) = (self.start, self.len());
        if start >= len && self.memory.len() >= len + min {
            self.memory.copy_within(start..self.end, 0);
        } else {
            let mut larger = vec![0; (len + min).max(2 * len)];
            larger[..len].copy_from_slice(self.as_slice());
            self.replace_memory(larger.into());
        }
        (self.start, self.end) = (0, len);
    }

    fn replace_memory(&mut self, memory: Box<[u8]>) -> Box<[u8]> {
        if let Some(count) = &self.count {
            count.change(self.memory.len(), memory.len());
        }
        std::mem::replace(&mut self.memory, memory)
    }

    /// Removes up to `count` bytes at the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count.min(self.len());
        if self.is_empty() {
            self.clear();
        }
    }

    /// Removes up to `count` bytes at the front and returns them.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.len());
        let taken = self.as_slice()[..count].to_vec();
        self.consume(count);
        taken
    }

    /// Removes all bytes and returns them. Memory that would not be kept is returned with them instead of copied.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        if self.memory.len() <= KEEP_MAX {
            return self.take(self.len());
        }
        let mut memory = self.replace_memory(Box::default()).into_vec();
        memory.truncate(self.end);
        memory.drain(..self.start);
        self.clear();
        memory
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        if self.memory.len() > KEEP_MAX {
            self.replace_memory(Box::default());
        }
    }
}

impl Drop for ByteBuffer {
    fn drop(&mut self) {
        self.replace_memory(Box::default());
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
        fn it_does_what_a_deque_does(ops in ops()) {
            let (mut buffer, mut model) = (ByteBuffer::default(), VecDeque::new());
            for op in ops {
                match op {
                    Op::Push(bytes) => {
                        buffer.push(&bytes);
                        model.extend(bytes);
                    }
                    Op::Fill(byte, count) => {
                        buffer.room(count)[..count].fill(byte);
                        buffer.fill(count);
                        model.extend(std::iter::repeat_n(byte, count));
                    }
                    Op::Consume(count) => {
                        buffer.consume(count);
                        model.drain(..count.min(model.len()));
                    }
                    Op::Take(count) => {
                        let taken: Vec<u8> = model.drain(..count.min(model.len())).collect();
                        prop_assert_eq!(buffer.take(count), taken);
                    }
                    Op::TakeAll => prop_assert_eq!(buffer.take_all(), Vec::from(std::mem::take(&mut model))),
                    Op::Clear => {
                        buffer.clear();
                        model.clear();
                    }
                }
                prop_assert_eq!(buffer.as_slice(), model.make_contiguous() as &[u8]);
                prop_assert_eq!(buffer.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn a_buffer_that_never_empties_does_not_grow() {
        let mut buffer = ByteBuffer::default();
        buffer.push(&[0; 100]);
        for _ in 0..10_000 {
            buffer.push(&[0; 50]);
            buffer.consume(50);
        }
        assert!(buffer.memory.len() <= 400, "{} bytes", buffer.memory.len());
    }

    #[test]
    fn the_memory_of_counted_buffers_is_counted_while_they_have_it() {
        let count = Arc::new(MemoryCount::default());
        let (mut one, mut other) = (ByteBuffer::counted(Arc::clone(&count)), ByteBuffer::counted(Arc::clone(&count)));
        assert_eq!((count.now(), count.most()), (0, 0));
        one.push(&[1; 100]);
        other.push(&vec![2; 2 * KEEP_MAX]);
        let both = (one.memory.len() + other.memory.len()) as u64;
        assert_eq!((count.now(), count.most()), (both, both));
        drop(other.take_all()); // its memory goes with the bytes
        one.consume(100); // its memory stays
        assert_eq!((count.now(), count.most()), (one.memory.len() as u64, both));
        drop((one, other));
        assert_eq!((count.now(), count.most()), (0, both));
    }

    #[test]
    fn a_burst_is_returned_whole() {
        let mut buffer = ByteBuffer::default();
        buffer.push(&vec![1; 2 * KEEP_MAX]);
        buffer.consume(KEEP_MAX);
        buffer.push(&[2]);
        assert_eq!(buffer.take_all(), [vec![1; KEEP_MAX], vec![2]].concat());
        assert_eq!((buffer.len(), buffer.memory.len()), (0, 0));
    }

    #[test]
    fn the_memory_of_a_burst_is_freed() {
        let mut buffer = ByteBuffer::default();
        buffer.push(&vec![0; 2 * KEEP_MAX]);
        buffer.consume(2 * KEEP_MAX);
        assert_eq!(buffer.memory.len(), 0);
    }
}
