//! Servers: asyncio's `start_server` and `Server`. Owns the listening sockets and the tasks of their clients; must not
//! know what a stream does with its bytes.

mod listener; // a listening socket, by TCP or on a path
mod socket; // a view of one
mod opening; // what comes before a client is served
mod client; // the task of one client
mod state; // what all handles on a server share
mod accept; // accepting clients from one listening socket
mod server; // the handle
mod builder; // settings
mod start; // a server with the default settings

pub use builder::ServerBuilder;
pub use client::ClientResult;
pub use listener::Listener;
pub use server::Server;
pub use socket::ServerSocket;
pub use start::{start_server, start_unix_server};
