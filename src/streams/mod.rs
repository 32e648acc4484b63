//! Buffered streams and servers: asyncio's. Must not know processes.

mod channel; // what a stream moves its bytes over
mod read_buffer; // bytes that have come
mod write_buffer; // bytes that are to go
mod transport; // a connection as its reader and writer see it
mod reader; // the reading handle
mod writer; // the writing handle
mod open; // connections that we open
mod server; // connections that others open

pub use open::{open_connection, open_unix_connection};
pub use reader::StreamReader;
pub use server::{Listener, Served, Server, ServerBuilder, start_server, start_unix_server};
pub(crate) use transport::DEFAULT_LIMIT;
pub use writer::StreamWriter;
