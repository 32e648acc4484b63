//! What a descriptor or a signal is called, for those who look inside. Owns the names, and how the system is asked;
//! must not know what they are used for.
#![expect(unsafe_code, reason = "a descriptor that is known by its number")]

use std::mem::ManuallyDrop;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What a descriptor is: `tcp 127.0.0.1:80` for a connection, with the address of the peer. If the system does not say,
/// it is `descriptor 7`.
pub(crate) fn name_of(fd: RawFd) -> String {
    tcp(fd).or_else(|| udp(fd)).or_else(|| unix(fd)).unwrap_or_else(|| format!("descriptor {fd}"))
}

macro_rules! signal_names {
    ($($name:ident),* $(,)?) => {
        /// The name of a signal, if it is one of those that every Unix has.
        pub(crate) fn signal_name(number: i32) -> Option<&'static str> {
            Some(match number {
                $(libc::$name => stringify!($name),)*
                _ => return None,
            })
        }
    };
}

signal_names!(
    SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2,
    SIGWINCH,
);

/// A socket with this number, which is asked and never closed.
fn borrowed<T: FromRawFd>(fd: RawFd) -> ManuallyDrop<T> {
    // SAFETY: nothing is read, written or closed through it: it is only asked for its addresses, which can be asked of
    // any number. If the descriptor is gone meanwhile, or is another one, the answer is an error, or that one's.
    ManuallyDrop::new(unsafe { T::from_raw_fd(fd) })
}

fn tcp(fd: RawFd) -> Option<String> {
    let socket = borrowed::<TcpStream>(fd);
    socket_type(fd, libc::SOCK_STREAM)?;
    match socket.peer_addr() {
        Ok(peer) => Some(format!("tcp {peer}")),
        Err(_) => socket.local_addr().ok().map(|local| format!("tcp listener {local}")),
    }
}

fn udp(fd: RawFd) -> Option<String> {
    let socket = borrowed::<UdpSocket>(fd);
    socket_type(fd, libc::SOCK_DGRAM)?;
    socket.peer_addr().or_else(|_| socket.local_addr()).ok().map(|address| format!("udp {address}"))
}

fn unix(fd: RawFd) -> Option<String> {
    let socket = borrowed::<UnixStream>(fd);
    let (peer, local) = (socket.peer_addr().ok(), socket.local_addr().ok()?);
    let path = peer.as_ref().and_then(|peer| peer.as_pathname()).or(local.as_pathname());
    Some(format!("unix socket {}", path.unwrap_or(Path::new("without a path")).display()))
}

/// `Some` if the descriptor is a socket of this type.
fn socket_type(fd: RawFd, wanted: libc::c_int) -> Option<()> {
    super::socket_options::socket_type(&fd).ok().filter(|kind| *kind == wanted).map(drop)
}
