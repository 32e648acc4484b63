//! A stream reader that is fed by hand gives every byte once and in order, and each read what its documentation says. A
//! read that has to wait is given up, and loses nothing.
#![no_main]

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use oneloop::error::ReadError;
use oneloop::{Clock, EventLoop, StreamReader};

/// Longer than anything that is fed.
const NO_LIMIT: usize = 1 << 24;

#[derive(Arbitrary, Debug)]
enum Op {
    Feed(Vec<u8>),
    /// So many of this byte.
    FeedMany(u8, u16),
    Read(u16),
    ReadInto(u8),
    ReadExactly(u16),
    ReadLine,
    NextLine,
    ReadUntil(Separator),
    ReadUntilAny(Separator, Separator),
    ReadToEnd,
    End,
}

#[derive(Arbitrary, Debug)]
enum Separator {
    Newline,
    One(u8),
    Two(u8, u8),
    Three(u8, u8, u8),
}

impl Separator {
    fn bytes(&self) -> Vec<u8> {
        match *self {
            Self::Newline => b"\n".to_vec(),
            Self::One(one) => vec![one],
            Self::Two(one, two) => vec![one, two],
            Self::Three(one, two, three) => vec![one, two, three],
        }
    }
}

/// What should be in the reader.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    ended: bool,
}

/// What a read should give.
#[derive(Debug, PartialEq)]
enum Given {
    Bytes(Vec<u8>),
    /// The end came first.
    Partial(Vec<u8>),
    /// It waits.
    Nothing,
}

impl Model {
    fn take(&mut self, count: usize) -> Vec<u8> {
        self.bytes.drain(..count).collect()
    }

    fn read(&mut self, count: usize) -> Given {
        if count > 0 && self.bytes.is_empty() && !self.ended {
            return Given::Nothing;
        }
        Given::Bytes(self.take(count.min(self.bytes.len())))
    }

    fn exactly(&mut self, count: usize) -> Given {
        match count <= self.bytes.len() {
            true => Given::Bytes(self.take(count)),
            false => self.rest(),
        }
    }

    /// For a read that there are too few bytes for.
    fn rest(&mut self) -> Given {
        if self.ended { Given::Partial(std::mem::take(&mut self.bytes)) } else { Given::Nothing }
    }

    /// Up to the separator that ends first.
    fn until(&mut self, separators: &[&[u8]]) -> Given {
        let ends = (1..=self.bytes.len()).find(|end| separators.iter().any(|it| self.bytes[..*end].ends_with(it)));
        match ends {
            Some(end) => Given::Bytes(self.take(end)),
            None => self.rest(),
        }
    }

    /// A line may end with the stream.
    fn line(&mut self) -> Given {
        match self.until(&[b"\n"]) {
            Given::Partial(line) => Given::Bytes(line),
            other => other,
        }
    }
}

/// A line without its line end.
fn without_end(line: Given) -> Given {
    let Given::Bytes(mut line) = line else { return line };
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
    }
    Given::Bytes(line)
}

/// Polls a read once, and gives it up if it waits.
async fn once(read: impl Future<Output = Result<Vec<u8>, ReadError>>) -> Given {
    let mut read = pin!(read);
    match poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await {
        Poll::Pending => Given::Nothing,
        Poll::Ready(Ok(bytes)) => Given::Bytes(bytes),
        Poll::Ready(Err(ReadError::Incomplete(error))) => Given::Partial(error.partial),
        Poll::Ready(Err(error)) => panic!("{error}"),
    }
}

async fn do_op(reader: &StreamReader, model: &mut Model, op: Op) {
    let (given, wanted) = match op {
        Op::Feed(_) | Op::FeedMany(..) if model.ended => return,
        Op::Feed(bytes) => {
            reader.feed_data(&bytes);
            return model.bytes.extend(bytes);
        }
        Op::FeedMany(byte, count) => {
            let bytes = vec![byte; count.into()];
            reader.feed_data(&bytes);
            return model.bytes.extend(bytes);
        }
        Op::End => {
            reader.feed_eof();
            model.ended = true;
            return;
        }
        Op::Read(count) => (once(async { Ok(reader.read(count.into()).await?) }).await, model.read(count.into())),
        Op::ReadInto(count) => {
            let mut room = vec![0; count.into()];
            let read = async {
                let n = reader.read_into(&mut room).await?;
                Ok(room[..n].to_vec())
            };
            (once(read).await, model.read(count.into()))
        }
        Op::ReadExactly(count) => (once(reader.readexactly(count.into())).await, model.exactly(count.into())),
        Op::ReadLine => (once(reader.readline()).await, model.line()),
        Op::NextLine => {
            let read = async {
                match reader.next_line().await {
                    Err(ReadError::Utf8(error)) => Ok(error.into_bytes()),
                    line => Ok(line?.unwrap_or_default().into_bytes()),
                }
            };
            (once(read).await, without_end(model.line()))
        }
        Op::ReadUntil(separator) => {
            let separator = separator.bytes();
            (once(reader.readuntil(&separator)).await, model.until(&[&separator]))
        }
        Op::ReadUntilAny(one, other) => {
            let (one, other) = (one.bytes(), other.bytes());
            (once(reader.readuntil_any(&[&one, &other])).await, model.until(&[&one, &other]))
        }
        Op::ReadToEnd => {
            let wanted = if model.ended { Given::Bytes(std::mem::take(&mut model.bytes)) } else { Given::Nothing };
            (once(async { Ok(reader.read_to_end().await?) }).await, wanted)
        }
    };
    assert_eq!(given, wanted);
    assert_eq!(reader.at_eof(), model.ended && model.bytes.is_empty());
}

thread_local! {
    static LOOP: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
}

fuzz_target!(|ops: Vec<Op>| {
    let make = || EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let lp = LOOP.with_borrow_mut(|lp| lp.get_or_insert_with(make).clone());
    let ran = lp.run_until_complete(async {
        let (reader, mut model) = (StreamReader::with_limit(NO_LIMIT), Model::default());
        for op in ops {
            do_op(&reader, &mut model, op).await;
        }
    });
    ran.expect("it comes to its end");
});
