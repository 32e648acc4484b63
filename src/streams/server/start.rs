//! Starting a server with the default settings: asyncio's `start_server` and `start_unix_server`. Owns the two
//! functions; must not know the settings.

use std::io;
use std::path::Path;

use super::client::ClientResult;
use super::server::Server;
use crate::net::Endpoint;
use crate::streams::reader::StreamReader;
use crate::streams::writer::StreamWriter;

/// Listens by TCP and starts a task for each client: asyncio's `start_server(client_connected_cb, host, port)`. The
/// server accepts clients at once. [`Server::builder`] has settings.
///
/// `handler` is called with the reader and the writer of each client, in a task of its own. If it panics or returns an
/// error, that is reported to the exception handler (`Unhandled exception in client_connected_cb`), and the connection
/// is closed. If its task is cancelled, the connection is closed. If it returns without an error, the connection closes
/// with its handles, as [`StreamWriter`] describes.
///
/// If the endpoint has several addresses, the server has a listening socket for each. A socket with an IPv6 address
/// accepts no IPv4 clients. Without a host, as in `("", 8000)` or `(None, 8000)`, it listens on every interface, by
/// IPv6 and IPv4.
///
/// # Examples
/// ```
/// use oneloop::{open_connection, run, start_server};
///
/// run(async {
///     let server = start_server(
///         async |reader, writer| {
///             writer.write(reader.readline().await?);
///             writer.drain().await
///         },
///         ("127.0.0.1", 0),
///     )
///     .await?;
///     let (reader, writer) = open_connection(server.local_addrs()[0]).await?;
///     writer.write("echo\n");
///     assert_eq!(reader.read_to_end().await?, b"echo\n");
///     server.close();
///     drop((reader, writer));
///     server.wait_closed().await;
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `AddrInUse`, naming the address, an unknown host, naming it, and other errors of the system calls.
///
/// # Panics
/// If this thread is in no loop.
///
/// # Cancel safety
/// The sockets that were bound are closed.
pub async fn start_server<H, R>(handler: H, to: impl Into<Endpoint>) -> io::Result<Server>
where
    H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
    R: ClientResult + 'static,
{
    Server::builder().listen(handler, to).await
}

/// Listens on a path and starts a task for each client: asyncio's `start_unix_server`. Otherwise as
/// [`start_server`](fn@start_server).
///
/// If an earlier server has left a socket's file at the path, the file is removed first. Closing the server removes its
/// own file, unless another server has replaced it. On Linux, a path that begins with a NUL is a name without a file,
/// as in asyncio.
///
/// # Examples
/// ```
/// use oneloop::{StreamReader, StreamWriter, open_unix_connection, run, start_unix_server};
///
/// let path = std::env::temp_dir().join(format!("oneloop-start-{}.socket", std::process::id()));
/// run(async {
///     let echo = async |reader: StreamReader, writer: StreamWriter| writer.write(reader.readline().await.unwrap());
///     let server = start_unix_server(echo, &path).await?;
///     let (reader, writer) = open_unix_connection(&path).await?;
///     writer.write("echo\n");
///     assert_eq!(reader.read_to_end().await?, b"echo\n");
///     server.close();
///     assert!(!path.exists());
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `AddrInUse`, naming the path, if a file other than a socket is there; other errors of the system calls.
///
/// # Panics
/// If this thread is in no loop.
///
/// # Cancel safety
/// Nothing is lost: this does not wait.
pub async fn start_unix_server<H, R>(handler: H, path: impl AsRef<Path>) -> io::Result<Server>
where
    H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
    R: ClientResult + 'static,
{
    Server::builder().listen_unix(handler, path)
}
