//! The readers of a case, which it feeds by hand, and its ops on them. Owns how what a read returns and raises is
//! written; must not know other ops.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use oneloop::StreamReader;
use oneloop::error::ReadError;
use serde_json::Value as Json;

use super::ops::{NEXT, int, text};
use super::program::{Program, Step};
use super::quiet::refused;
use super::value::Raise;

#[derive(Clone)]
pub(crate) struct Reader {
    stream: StreamReader,
    /// `feed_eof` was called: what is fed then is refused.
    ended: Rc<Cell<bool>>,
}

impl Reader {
    pub(crate) fn new(limit: usize) -> Self {
        Self { stream: StreamReader::with_limit(limit), ended: Rc::default() }
    }

    async fn read(&self, op: &Json) -> Result<Vec<u8>, ReadError> {
        let count = || usize::try_from(int(&op[2])).expect("a number of bytes");
        match text(&op[0]) {
            "readline" => self.stream.readline().await,
            "readexactly" => self.stream.readexactly(count()).await,
            "readuntil" => self.stream.readuntil(text(&op[2])).await,
            _ if int(&op[2]) < 0 => Ok(self.stream.read_to_end().await?),
            _ => Ok(self.stream.read(count()).await?),
        }
    }
}

impl Program {
    /// A read, also one that is refused because another task waits.
    pub(crate) async fn read(self: &Rc<Self>, op: &Json, reader: &Reader) -> Step {
        let mut read = pin!(reader.read(op));
        let busy = || Poll::Ready(Err(Raise::from("busy")));
        let bytes = poll_fn(|cx| {
            let polled = refused("already waiting for data", || read.as_mut().poll(cx));
            polled.map_or_else(busy, |polled| polled.map_err(|error| raised(text(&op[0]), &error)))
        });
        let bytes = bytes.await?;
        self.event(format!("{} = {}", text(&op[0]), shown(&bytes)));
        NEXT
    }

    /// What feeds a reader, or looks at it.
    pub(crate) fn reader_op(&self, op: &Json, reader: &Reader) {
        match text(&op[0]) {
            "feed" if reader.ended.get() => self.event("fed late"),
            "feed" => reader.stream.feed_data(text(&op[2])),
            "feed_eof" => {
                reader.ended.set(true);
                reader.stream.feed_eof();
            }
            "feed_error" => reader.stream.set_exception(io::Error::other(text(&op[2]))),
            _ => self.event(format!("at_eof {}", reader.stream.at_eof())),
        }
    }
}

fn raised(op: &str, error: &ReadError) -> Raise {
    match error {
        ReadError::Incomplete(error) => Raise::from(format!("incomplete({})", shown(&error.partial)).as_str()),
        ReadError::Limit(_) if op == "readline" => Raise::from("ValueError"),
        ReadError::Limit(error) => Raise::from(format!("overrun({})", error.consumed).as_str()),
        other => Raise::from(other.to_string().as_str()),
    }
}

/// As Python writes a string of printable ASCII and line ends: in single quotes, unless only those are in it.
fn shown(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut shown = String::from(quote);
    for byte in bytes {
        match char::from(*byte) {
            '\n' => shown += "\\n",
            char if char == quote || char == '\\' => shown.extend(['\\', char]),
            char => shown.push(char),
        }
    }
    shown.push(quote);
    shown
}
