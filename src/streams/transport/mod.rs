//! One connection as streams see it: asyncio's transport. Owns the connection, its bytes on their way and its end; must
//! not know the public handles, nor servers.
//!
//! A reader and a writer are two handles on one `Transport`. Reading is pulled: the `ReadBuffer` takes bytes from the
//! channel only when a read needs more than it holds. Writing is pushed: what the system does not take at once lies in
//! the `WriteBuffer`, and a task of the loop sends it.
//!
//! A transport is open, then closing (closed by the program, with bytes left to send), then closed (without a channel).
//! If there is nothing left to send, or by `abort`, it closes at once.

mod polled; // a wait that is polled
mod read_buffer; // received bytes that have not been read
mod write_buffer; // written bytes that have not been sent
#[cfg(feature = "tls")]
mod secured; // a session of TLS
mod transport; // the channel with its buffers and its handles
mod end; // the end that an event tells of
mod receive; // from the channel into the read buffer
mod send; // from the write buffer into the channel, and closing after that
mod send_file; // a file between the bytes of the write buffer
#[cfg(feature = "tls")]
mod secure; // TLS between the buffers and the channel
mod poll; // operations as polls

pub(crate) use poll::Readable;
pub(crate) use read_buffer::{DEFAULT_LIMIT, ReadBuffer, assert_limit};
pub(crate) use receive::More;
pub(crate) use transport::Transport;
