//! Buffered streams and servers, as in asyncio. Owns what lies between a socket and a program's reader and writer; must
//! not know processes.
//!
//! To read: `transport/`, which is one connection: its channel, a buffer for each direction, and the ends of both.
//! `reader.rs` and `writer.rs` are two handles on one transport, and `message.rs` is the loop behind each read: look
//! into the buffer, else wait for more. `open.rs` connects, `server/` accepts and has a task for each client.
//! `polls.rs` gives the same operations to futures that are written by hand, and `secure.rs` puts TLS between buffer
//! and channel.

mod channel; // what a stream moves its bytes over
mod transport; // one connection: its channel, its two buffers, its end
mod separator; // searching for separators, and lines as text
mod message; // waiting for a line, or for bytes up to a separator
mod reader; // the reading handle
mod writer; // the writing handle
mod polls; // the operations of both as polls
mod open; // streams over a socket, a pipe, or a new connection
#[cfg(feature = "tls")]
mod secure; // streams over TLS
mod server; // a task for each client that connects
mod stdin; // the standard input of the process

pub use open::{open_connection, open_unix_connection};
pub use reader::StreamReader;
pub use server::{ClientResult, Listener, Server, ServerBuilder, ServerSocket, start_server, start_unix_server};
pub use stdin::{Stdin, stdin};
#[cfg(feature = "process")]
pub(crate) use transport::{DEFAULT_LIMIT, assert_limit};
pub use writer::StreamWriter;
