//! Sockets and pipes of the loop: asyncio's `sock_*` methods, as methods of the sockets.
//!
//! A socket or pipe is registered with the loop that the thread is in when it is made, and stays registered until it is
//! dropped. Reading and writing take one system call each, and waiting takes none. The types are not `Send`, since they
//! belong to their loop: to wait for one in another loop, or after its loop has closed, is a panic with the remedy.
//!
//! | asyncio | here |
//! | --- | --- |
//! | `await loop.sock_connect(sock, address)` | `TcpStream::connect(address).await?` |
//! | `create_connection(…, happy_eyeballs_delay=, interleave=, local_addr=)` | [`TcpConnector`] |
//! | `await loop.sock_accept(sock)` | `listener.accept().await?` |
//! | `await loop.sock_recv_into(sock, buffer)` | `stream.read(&mut buffer).await?` |
//! | `await loop.sock_sendall(sock, data)` | `stream.write_all(data).await?` |
//! | `await loop.sock_recvfrom_into(sock, buffer)`, `sock_sendto` | `socket.recv_from(&mut buffer).await?`, `send_to` |
//! | `create_datagram_endpoint(remote_addr=, reuse_port=)` | `UdpSocket::builder().reuse_port(true).connect(address).await?` |
//! | `sock.setsockopt(…)` before `bind` or `connect` | [`TcpListenerBuilder`], [`TcpConnector`], [`UdpSocketBuilder`] |
//! | `await loop.getaddrinfo(host, port, family=, type=)`, `getnameinfo` | [`HostQuery`], [`getnameinfo`] |
//! | `await loop.sock_sendfile(sock, file)` | `stream.sendfile(&file, 0, None).await?` |
//! | `socket.send_fds`, `recv_fds` | `stream.send_fds(bytes, &fds).await?`, `recv_fds` |
//! | `connect_read_pipe`, `connect_write_pipe` | [`PipeReader::from_fd`], [`PipeWriter::from_fd`] |
//!
//! # Examples
//! ```
//! use oneloop::net::{TcpListener, TcpStream};
//! use oneloop::{create_task, run};
//!
//! run(async {
//!     let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
//!     let address = listener.local_addr()?;
//!     let server = create_task(async move {
//!         let (client, _address) = listener.accept().await?;
//!         let mut word = [0; 64];
//!         let n = client.read(&mut word).await?;
//!         client.write_all(&word[..n]).await
//!     });
//!     let stream = TcpStream::connect(address).await?;
//!     stream.write_all(b"hello").await?;
//!     let mut echo = [0; 5];
//!     stream.read_exact(&mut echo).await?;
//!     assert_eq!(&echo, b"hello");
//!     server.await
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Owns the sockets; must not know buffered streams or servers.

mod wait_place; // one place among what waits for a direction of a descriptor
mod readiness_future; // one wait for one direction of a descriptor
mod registration; // what is done with a registration, whatever is registered
mod descriptor; // readiness of any descriptor
mod operation; // operations of any descriptor as futures
mod poll_level; // operations of any descriptor as polls
mod endpoint; // addresses to connect to or to listen on
mod resolve; // host names to addresses
mod lookup; // host names to addresses with asyncio's arguments, and addresses to names
mod backoff; // growing pauses between attempts
mod unix_path; // the paths and names of Unix sockets
mod own_calls; // what every socket and pipe has for calls that the program makes itself
mod byte_stream; // reading and writing of any connection or pipe
mod sendfile; // sending files through connections
mod socket_settings; // what is set before a socket is bound, and the same settings afterwards
mod std_socket; // what a socket shares with the standard library's
mod accept; // accepting of any listener
mod terminal; // terminals opened anew
mod pipe; // pipes
mod udp; // UDP sockets
mod multicast; // groups of UDP sockets
mod udp_builder; // UDP sockets with settings
mod unix_datagram; // Unix datagram sockets
mod tcp_stream; // TCP connections
mod tcp_listener; // listening for TCP connections
mod peer_cred; // the process at the other end of a Unix connection
mod unix_stream; // Unix connections
mod send_fds; // descriptors through Unix connections
mod unix_listener; // listening for Unix connections
mod split; // the two halves of a connection
mod connect; // connecting to one of several addresses

pub use connect::TcpConnector;
pub use descriptor::Descriptor;
pub use endpoint::Endpoint;
pub use lookup::{AddrInfo, HostQuery, getnameinfo};
pub use peer_cred::PeerCred;
pub use pipe::{PipeReader, PipeWriter, pipe};
pub(crate) use readiness_future::ReadinessFuture;
pub(crate) use resolve::addresses_to_listen_on;
pub use resolve::getaddrinfo;
pub(crate) use sendfile::{FileRange, is_refused};
pub use split::{ReadHalf, ReuniteError, WriteHalf};
pub use tcp_listener::{TcpListener, TcpListenerBuilder};
pub use tcp_stream::TcpStream;
pub use udp::UdpSocket;
pub use udp_builder::UdpSocketBuilder;
pub use unix_datagram::UnixDatagram;
pub use unix_listener::UnixListener;
pub(crate) use unix_path::SocketFile;
pub use unix_stream::UnixStream;

pub use crate::error::ConnectError;
