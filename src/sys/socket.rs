//! System calls on sockets that neither the standard library nor mio has. Owns the raw calls; must not know the loop or
//! the options of a socket.
#![expect(unsafe_code, reason = "calls into libc")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::{io, mem};

use super::result::{checked, count};

#[expect(clippy::cast_possible_truncation, reason = "the numbers of address families are small")]
const V4: libc::sa_family_t = libc::AF_INET as libc::sa_family_t;
#[expect(clippy::cast_possible_truncation, reason = "the numbers of address families are small")]
const V6: libc::sa_family_t = libc::AF_INET6 as libc::sa_family_t;

/// What a socket carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Tcp,
    Udp,
}

/// A socket for addresses of the family of `like`. It is non-blocking and close-on-exec.
pub(crate) fn open(kind: Kind, like: &SocketAddr) -> io::Result<OwnedFd> {
    let domain = if like.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = match kind {
        Kind::Tcp => libc::SOCK_STREAM,
        Kind::Udp => libc::SOCK_DGRAM,
    };
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: a call without pointers.
    let fd = checked(unsafe { libc::socket(domain, kind, 0) })?;
    // SAFETY: the call above has just opened it, so no other code owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    {
        // SAFETY: a call without pointers on a live descriptor.
        checked(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
        set_nonblocking(&socket)?;
    }
    Ok(socket)
}

/// What bytes are read from into a place that need not have been written to before.
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
pub(crate) trait Fill {
    /// Reads once, and returns how many bytes are there now, from the start of `place` on.
    fn fill(&self, place: &mut [mem::MaybeUninit<u8>]) -> io::Result<usize>;
}

/// Implements [`Fill`] by a call of the system: its arguments are a descriptor, a pointer and a length.
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
macro_rules! fill {
    ($Source:ty, $call:expr) => {
        impl Fill for $Source {
            fn fill(&self, place: &mut [mem::MaybeUninit<u8>]) -> io::Result<usize> {
                // SAFETY: the system only writes to the place, and no more than its length; the descriptor is live.
                let result = unsafe { $call(self.as_raw_fd(), place.as_mut_ptr().cast(), place.len()) };
                count(result)
            }
        }
    };
}

#[cfg(any(feature = "hyper", feature = "tokio-io"))]
fill!(std::net::TcpStream, |fd, place, length| libc::recv(fd, place, length, 0));
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
fill!(std::os::unix::net::UnixStream, |fd, place, length| libc::recv(fd, place, length, 0));
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
fill!(std::fs::File, libc::read);

/// Calls `call` with the address as the structure that the system takes, and its size.
pub(super) fn with_address<R>(
    address: &SocketAddr,
    call: impl FnOnce(*const libc::sockaddr, libc::socklen_t) -> R,
) -> R {
    #[expect(clippy::cast_possible_truncation, reason = "an address has fewer than 2^32 bytes")]
    fn size<T>(_: &T) -> libc::socklen_t {
        size_of::<T>() as libc::socklen_t
    }
    match address {
        SocketAddr::V4(v4) => {
            // SAFETY: a plain structure of integers, for which zeros are fine.
            let mut raw: libc::sockaddr_in = unsafe { mem::zeroed() };
            raw.sin_family = V4;
            raw.sin_port = v4.port().to_be();
            raw.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
            call((&raw const raw).cast(), size(&raw))
        }
        SocketAddr::V6(v6) => {
            // SAFETY: a plain structure of integers, for which zeros are fine.
            let mut raw: libc::sockaddr_in6 = unsafe { mem::zeroed() };
            raw.sin6_family = V6;
            raw.sin6_port = v6.port().to_be();
            raw.sin6_addr.s6_addr = v6.ip().octets();
            raw.sin6_flowinfo = v6.flowinfo();
            raw.sin6_scope_id = v6.scope_id();
            call((&raw const raw).cast(), size(&raw))
        }
    }
}

/// The address in a structure of the system's; none of a family that is not the internet's.
///
/// # Safety
/// The pointer is null, or leads to a structure of this length.
pub(super) unsafe fn from_raw(raw: *const libc::sockaddr, length: libc::socklen_t) -> Option<SocketAddr> {
    if raw.is_null() {
        return None;
    }
    let length = usize::try_from(length).ok()?;
    // SAFETY: the caller's promise.
    let family = unsafe { (*raw).sa_family };
    if family == V4 && length >= size_of::<libc::sockaddr_in>() {
        // SAFETY: the family and the length say what it is; it need not be aligned.
        let v4 = unsafe { raw.cast::<libc::sockaddr_in>().read_unaligned() };
        let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
        return Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into());
    }
    if family == V6 && length >= size_of::<libc::sockaddr_in6>() {
        // SAFETY: the same.
        let v6 = unsafe { raw.cast::<libc::sockaddr_in6>().read_unaligned() };
        let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
        let port = u16::from_be(v6.sin6_port);
        return Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into());
    }
    None
}

pub(crate) fn bind(socket: &OwnedFd, address: &SocketAddr) -> io::Result<()> {
    // SAFETY: the address is alive for the call, and has the length that is passed.
    with_address(address, |raw, len| checked(unsafe { libc::bind(socket.as_raw_fd(), raw, len) })).map(drop)
}

/// Connects, or begins to: a non-blocking TCP socket becomes writable when it is connected or has failed.
pub(crate) fn connect(socket: &OwnedFd, address: &SocketAddr) -> io::Result<()> {
    // SAFETY: the address is alive for the call, and has the length that is passed.
    match with_address(address, |raw, len| checked(unsafe { libc::connect(socket.as_raw_fd(), raw, len) })) {
        // after EINTR the system goes on connecting
        Err(e) if matches!(e.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => Ok(()),
        other => other.map(drop),
    }
}

/// Listens, or changes the backlog of a socket that listens already.
pub(crate) fn listen(socket: &impl AsRawFd, backlog: u32) -> io::Result<()> {
    let backlog = libc::c_int::try_from(backlog).unwrap_or(libc::c_int::MAX);
    // SAFETY: a call without pointers.
    checked(unsafe { libc::listen(socket.as_raw_fd(), backlog) }).map(drop)
}

/// Makes reads and writes return `WouldBlock` where they would wait.
pub(crate) fn set_nonblocking(descriptor: &impl AsRawFd) -> io::Result<()> {
    let fd = descriptor.as_raw_fd();
    // SAFETY: a call without pointers.
    let flags = checked(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    // SAFETY: a call without pointers.
    checked(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) }).map(drop)
}

/// Whether a read would not block: there are bytes, the end, or an error.
pub(crate) fn is_readable(descriptor: &impl AsRawFd) -> bool {
    is_ready(descriptor, libc::POLLIN)
}

/// Whether a write would not block: there is room, or an error.
pub(crate) fn is_writable(descriptor: &impl AsRawFd) -> bool {
    is_ready(descriptor, libc::POLLOUT)
}

fn is_ready(descriptor: &impl AsRawFd, events: libc::c_short) -> bool {
    let mut descriptor = libc::pollfd { fd: descriptor.as_raw_fd(), events, revents: 0 };
    // SAFETY: one structure, alive for the call, which does not wait.
    let count = unsafe { libc::poll(&raw mut descriptor, 1, 0) };
    // what cannot be asked will say so when it is read or written
    count != 0
}

/// Receives bytes and leaves them there. The standard library can do it with sockets of the internet alone.
pub(crate) fn peek(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (fd, room) = (socket.as_raw_fd(), buffer.len());
    // SAFETY: the buffer is alive for the call, and has the length that is passed.
    let result = unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), room, libc::MSG_PEEK) };
    count(result)
}
