//! Waiting for a whole message: a number of bytes, a line, or bytes up to a separator. Owns what ends a message; must
//! not know how the bytes are returned.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::separator::find_first;
use super::transport::{More, Transport};
use crate::error::{IncompleteReadError, LimitOverrunError, ReadError};

/// In each method `method` is the reader's public method, for the message of a panic.
impl Transport {
    /// Waits until the buffer holds `count` bytes, and returns `count`.
    pub(crate) fn receive_at_least<'a>(
        self: &'a Rc<Self>,
        method: &'static str,
        count: usize,
    ) -> impl Future<Output = Result<usize, ReadError>> + use<'a> {
        self.receive_message(method, move |transport| {
            let buffer = transport.read_buffer();
            let len = buffer.bytes().len();
            if len >= count {
                return Ok(Message::Whole(count));
            }
            if buffer.has_ended() {
                let partial = buffer.bytes().take_all();
                return Err(IncompleteReadError::new(partial, Some(count)).into());
            }
            Ok(Message::Lacks(count - len))
        })
    }

    /// Waits until the buffer holds a line, and returns its length with the `\n`; 0 at the end of the stream.
    pub(crate) fn receive_line<'a>(
        self: &'a Rc<Self>,
        method: &'static str,
    ) -> impl Future<Output = Result<usize, ReadError>> + use<'a> {
        let mut from = 0;
        self.receive_message(method, move |transport| match transport.find_separator(&[b"\n"], &mut from) {
            Ok(Message::Ended) => Ok(Message::Whole(transport.read_buffer().bytes().len())),
            Ok(other) => Ok(other),
            Err(error) => {
                let mut bytes = transport.read_buffer().bytes();
                if bytes.as_slice().get(error.consumed) == Some(&b'\n') {
                    bytes.consume(error.consumed + 1);
                } else {
                    bytes.clear();
                }
                Err(error.dropped().into())
            }
        })
    }

    /// Waits until the buffer holds a separator, and returns the length of the message that the separator ends.
    pub(crate) fn receive_until<'a>(
        self: &'a Rc<Self>,
        method: &'static str,
        separators: &'a [&'a [u8]],
    ) -> impl Future<Output = Result<usize, ReadError>> + use<'a> {
        let shortest = separators.iter().map(|separator| separator.len()).min();
        assert!(shortest > Some(0), "{method}() needs a separator, and none may be empty");
        let mut from = 0;
        self.receive_message(method, move |transport| {
            transport.find_separator(separators, &mut from).map_err(Into::into)
        })
    }

    /// Looks for a message that a separator ends. No separator starts before `from`, which is moved on.
    fn find_separator(&self, separators: &[&[u8]], from: &mut usize) -> Result<Message, LimitOverrunError> {
        let buffer = self.read_buffer();
        let len = buffer.bytes().len();
        let shortest = separators.iter().map(|separator| separator.len()).min().unwrap_or(1);
        if len >= *from + shortest {
            let limit = buffer.limit();
            if let Some((start, end)) = find_first(separators, buffer.bytes().as_slice(), *from) {
                return if start > limit { Err(LimitOverrunError::new(start)) } else { Ok(Message::Whole(end)) };
            }
            // the last bytes may be the beginning of the longest separator
            let longest = separators.iter().map(|separator| separator.len()).max().unwrap_or(1);
            *from = (len + 1).saturating_sub(longest);
            if *from > limit {
                return Err(LimitOverrunError::new(*from));
            }
        }
        Ok(if buffer.has_ended() { Message::Ended } else { Message::Lacks(1) })
    }

    fn receive_message<F>(self: &Rc<Self>, method: &'static str, look: F) -> Receive<'_, F>
    where
        F: FnMut(&Self) -> Result<Message, ReadError> + Unpin,
    {
        Receive { stage: Stage::New, transport: self, method, look }
    }
}

/// What the buffer holds of a message.
enum Message {
    /// All of it: so many bytes.
    Whole(usize),
    /// Not all, and so many bytes more are of use.
    Lacks(usize),
    /// Not all, and there will be no more.
    Ended,
}

/// Waits until `look` finds a whole message, whose length it returns.
struct Receive<'a, F> {
    stage: Stage<'a>,
    transport: &'a Rc<Transport>,
    method: &'static str,
    look: F,
}

enum Stage<'a> {
    New,
    Waits(More<'a>),
}

impl<F> Future for Receive<'_, F>
where
    F: FnMut(&Transport) -> Result<Message, ReadError> + Unpin,
{
    type Output = Result<usize, ReadError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<usize, ReadError>> {
        let Self { stage, transport, method, look } = &mut *self;
        loop {
            match stage {
                Stage::New => transport.read_buffer().check()?,
                Stage::Waits(more) => {
                    let received = ready!(Pin::new(more).poll(cx));
                    *stage = Stage::New; // the claim ends with the wait
                    received?;
                }
            }
            match look(transport)? {
                Message::Whole(length) => return Poll::Ready(Ok(length)),
                Message::Lacks(wanted) => *stage = Stage::Waits(transport.more(method, None, wanted)),
                Message::Ended => {
                    let partial = transport.read_buffer().bytes().take_all();
                    return Poll::Ready(Err(IncompleteReadError::new(partial, None).into()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::StreamReader;

    /// Every task that reads holds one of these, on a connection that may idle for hours.
    #[test]
    fn the_futures_of_a_reader_are_small() {
        let reader = StreamReader::new();
        let mut target = [0; 8];
        let sizes = [
            ("read", size_of_val(&reader.read(1)), 144),
            ("readline", size_of_val(&reader.readline()), 160),
            ("next_line", size_of_val(&reader.next_line()), 160),
            ("readexactly", size_of_val(&reader.readexactly(1)), 168),
            ("readexactly_into", size_of_val(&reader.readexactly_into(&mut target)), 192),
            ("readuntil", size_of_val(&reader.readuntil("\n")), 224),
        ];
        for (method, size, at_most) in sizes {
            assert!(size <= at_most, "{method}: {size} bytes");
        }
    }
}
