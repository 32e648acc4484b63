//! Servers: asyncio's `Server`. Must not know processes.

mod client; // one client
mod accept; // a listening socket
mod builder; // settings
mod server; // the handle

pub use accept::Listener;
pub use builder::ServerBuilder;
pub use client::Served;
pub use server::{Server, start_server, start_unix_server};
