//! Who is at the other end of a Unix connection. Owns what the system tells of the peer's process; must not know the
//! connection.

use std::io;
use std::os::unix::net::UnixStream;

use crate::sys::socket_options::{self, Peer};

/// Which process is at the other end of a Unix connection, from [`UnixStream::peer_cred`](super::UnixStream::peer_cred)
/// or the method of a [`StreamWriter`](crate::StreamWriter). It is as it was when that process connected or began to
/// listen, and the system vouches for it.
///
/// # Examples
/// ```
/// use oneloop::net::UnixStream;
/// use oneloop::run;
///
/// run(async {
///     let (left, _right) = UnixStream::pair()?;
///     let peer = left.peer_cred()?;
///     assert!(peer.pid().is_none_or(|pid| pid == std::process::id())); // this process itself
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "UCred")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCred {
    peer: Peer,
}

impl PeerCred {
    pub(crate) fn of(connection: &UnixStream) -> io::Result<Self> {
        socket_options::peer(connection).map(|peer| Self { peer })
    }

    /// The user as whom the process ran.
    pub fn uid(&self) -> u32 {
        self.peer.uid
    }

    /// The group as which the process ran.
    pub fn gid(&self) -> u32 {
        self.peer.gid
    }

    /// The PID, on Linux, Android and Apple's systems; `None` elsewhere, and if the process is in another namespace. By
    /// now the process may have ended, and its PID may belong to another one.
    pub fn pid(&self) -> Option<u32> {
        self.peer.pid
    }
}
