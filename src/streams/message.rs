//! Waiting for a whole message: a number of bytes, a line, or bytes up to a separator. Owns what ends a message; must
//! not know how the bytes are returned.

use std::rc::Rc;

use super::separator::find_first;
use super::transport::Transport;
use crate::error::{IncompleteReadError, LimitOverrunError, ReadError};

/// In each method `method` is the reader's public method, for the message of a panic.
impl Transport {
    /// Waits until the buffer holds `count` bytes.
    pub(crate) async fn receive_at_least(self: &Rc<Self>, method: &str, count: usize) -> Result<(), ReadError> {
        self.read_buffer().check()?;
        loop {
            let len = self.read_buffer().bytes().len();
            if len >= count {
                return Ok(());
            }
            if self.read_buffer().has_ended() {
                let partial = self.read_buffer().bytes().take_all();
                return Err(IncompleteReadError::new(partial, Some(count)).into());
            }
            self.more(method, None, count - len).await?;
        }
    }

    /// Waits until the buffer holds a line, and returns its length with the `\n`; 0 at the end of the stream.
    pub(crate) async fn receive_line(self: &Rc<Self>, method: &str) -> Result<usize, ReadError> {
        match self.receive_separator(method, &[b"\n"]).await {
            Ok(Some(length)) => Ok(length),
            Ok(None) => Ok(self.read_buffer().bytes().len()),
            Err(ReadError::Limit(error)) => {
                let mut bytes = self.read_buffer().bytes();
                if bytes.as_slice().get(error.consumed) == Some(&b'\n') {
                    bytes.consume(error.consumed + 1);
                } else {
                    bytes.clear();
                }
                Err(error.dropped().into())
            }
            Err(other) => Err(other),
        }
    }

    /// Waits until the buffer holds a separator, and returns the length of the message that the separator ends.
    pub(crate) async fn receive_until(self: &Rc<Self>, method: &str, separators: &[&[u8]]) -> Result<usize, ReadError> {
        match self.receive_separator(method, separators).await? {
            Some(length) => Ok(length),
            None => Err(IncompleteReadError::new(self.read_buffer().bytes().take_all(), None).into()),
        }
    }

    /// The end of the first separator in the buffer, or `None` if the stream ends without one.
    async fn receive_separator(
        self: &Rc<Self>,
        method: &str,
        separators: &[&[u8]],
    ) -> Result<Option<usize>, ReadError> {
        let shortest = separators.iter().map(|separator| separator.len()).min();
        let longest = separators.iter().map(|separator| separator.len()).max();
        assert!(shortest > Some(0), "{method}() needs a separator, and none may be empty");
        let (shortest, longest) = (shortest.unwrap_or(1), longest.unwrap_or(1));
        self.read_buffer().check()?;
        let limit = self.read_buffer().limit();
        // no separator starts before this
        let mut from = 0;
        loop {
            let len = self.read_buffer().bytes().len();
            if len >= from + shortest {
                let found = find_first(separators, self.read_buffer().bytes().as_slice(), from);
                if let Some((start, end)) = found {
                    return if start > limit { Err(LimitOverrunError::new(start).into()) } else { Ok(Some(end)) };
                }
                // the last bytes may be the beginning of the longest separator
                from = (len + 1).saturating_sub(longest);
                if from > limit {
                    return Err(LimitOverrunError::new(from).into());
                }
            }
            if self.read_buffer().has_ended() {
                return Ok(None);
            }
            self.more(method, None, 1).await?;
        }
    }
}
