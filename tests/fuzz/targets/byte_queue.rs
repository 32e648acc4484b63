//! The byte queue of streams does what a deque does. It is not public, and knows nothing of the crate, so its file is
//! a part of this program.
#![no_main]

#[path = "../../../src/base/byte_buffer.rs"]
mod byte_buffer;

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use byte_buffer::ByteBuffer;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Op {
    Push(Vec<u8>),
    /// So many of this byte, into room for so many and more.
    Fill(u8, u16, u16),
    Consume(u16),
    Take(u16),
    TakeAll,
    Clear,
}

fuzz_target!(|ops: Vec<Op>| {
    let (mut queue, mut model) = (ByteBuffer::default(), VecDeque::new());
    for op in ops {
        match op {
            Op::Push(bytes) => {
                queue.push(&bytes);
                model.extend(bytes);
            }
            Op::Fill(byte, count, more) => {
                let count = usize::from(count);
                let room = queue.room(count + usize::from(more));
                assert!(room.len() >= count + usize::from(more));
                room[..count].fill(byte);
                queue.fill(count);
                model.extend(std::iter::repeat_n(byte, count));
            }
            Op::Consume(count) => {
                queue.consume(count.into());
                model.drain(..model.len().min(count.into()));
            }
            Op::Take(count) => {
                let wanted: Vec<u8> = model.drain(..model.len().min(count.into())).collect();
                assert_eq!(queue.take(count.into()), wanted);
            }
            Op::TakeAll => assert_eq!(queue.take_all(), Vec::from(std::mem::take(&mut model))),
            Op::Clear => {
                queue.clear();
                model.clear();
            }
        }
        assert_eq!(queue.as_slice(), model.make_contiguous() as &[u8]);
        assert_eq!((queue.len(), queue.is_empty()), (model.len(), model.is_empty()));
    }
});
