//! System calls on sockets that neither the standard library nor mio has. Owns the raw calls; must not know the loop.
#![expect(unsafe_code, reason = "calls into libc")]

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;
use std::{io, mem};

/// A socket option that is on or off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flag {
    ReuseAddress,
    ReusePort,
    OnlyV6,
    KeepAlive,
}

impl Flag {
    fn names(self) -> (libc::c_int, libc::c_int) {
        match self {
            Self::ReuseAddress => (libc::SOL_SOCKET, libc::SO_REUSEADDR),
            Self::ReusePort => (libc::SOL_SOCKET, libc::SO_REUSEPORT),
            Self::OnlyV6 => (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
            Self::KeepAlive => (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
        }
    }
}

#[cfg(any(target_os = "macos", target_os = "ios"))]
const KEEP_IDLE: libc::c_int = libc::TCP_KEEPALIVE;
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
const KEEP_IDLE: libc::c_int = libc::TCP_KEEPIDLE;

#[expect(clippy::cast_possible_truncation, reason = "the numbers of address families are small")]
const V4: libc::sa_family_t = libc::AF_INET as libc::sa_family_t;
#[expect(clippy::cast_possible_truncation, reason = "the numbers of address families are small")]
const V6: libc::sa_family_t = libc::AF_INET6 as libc::sa_family_t;

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A TCP socket for addresses of the family of `like`. It is non-blocking and close-on-exec.
pub(crate) fn tcp_socket(like: &SocketAddr) -> io::Result<OwnedFd> {
    let domain = if like.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let kind = libc::SOCK_STREAM;
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

/// Calls `call` with the address as the structure that the system takes, and its size.
fn with_address<R>(address: &SocketAddr, call: impl FnOnce(*const libc::sockaddr, libc::socklen_t) -> R) -> R {
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

pub(crate) fn bind(socket: &OwnedFd, address: &SocketAddr) -> io::Result<()> {
    // SAFETY: the address is alive for the call, and has the length that is passed.
    with_address(address, |raw, len| checked(unsafe { libc::bind(socket.as_raw_fd(), raw, len) })).map(drop)
}

/// Begins to connect. The non-blocking socket becomes writable when it is connected or has failed.
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

pub(crate) fn set_flag(socket: &impl AsRawFd, flag: Flag, on: bool) -> io::Result<()> {
    let (level, name) = flag.names();
    set_option(socket, level, name, libc::c_int::from(on))
}

/// How long a connection is idle before the system sends keep-alive probes; `None` if it sends none.
pub(crate) fn keep_alive(socket: &impl AsRawFd) -> io::Result<Option<Duration>> {
    let (level, name) = Flag::KeepAlive.names();
    if option(socket, level, name)? == 0 {
        return Ok(None);
    }
    let seconds = option(socket, libc::IPPROTO_TCP, KEEP_IDLE)?;
    Ok(Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0))))
}

/// Sets after how long the system sends keep-alive probes. `after` is rounded up to whole seconds, at least one.
pub(crate) fn set_keep_alive(socket: &impl AsRawFd, after: Option<Duration>) -> io::Result<()> {
    if let Some(after) = after {
        let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
        let seconds = libc::c_int::try_from(seconds.max(1)).unwrap_or(libc::c_int::MAX);
        set_option(socket, libc::IPPROTO_TCP, KEEP_IDLE, seconds)?;
    }
    set_flag(socket, Flag::KeepAlive, after.is_some())
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

/// Whether it is a socket that speaks TCP. False on a system that does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_tcp(socket: &impl AsRawFd) -> bool {
    let is = |name, expected| option(socket, libc::SOL_SOCKET, name).is_ok_and(|value| value == expected);
    is(libc::SO_TYPE, libc::SOCK_STREAM) && is(libc::SO_PROTOCOL, libc::IPPROTO_TCP)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_tcp(_socket: &impl AsRawFd) -> bool {
    false
}

#[expect(clippy::cast_possible_truncation, reason = "a c_int has four bytes")]
const INT_SIZE: libc::socklen_t = size_of::<libc::c_int>() as libc::socklen_t;

fn set_option(socket: &impl AsRawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    // SAFETY: one integer, alive for the call, of the size that is passed.
    checked(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), INT_SIZE) }).map(drop)
}

fn option(socket: &impl AsRawFd, level: libc::c_int, name: libc::c_int) -> io::Result<libc::c_int> {
    let (mut value, mut size): (libc::c_int, _) = (0, INT_SIZE);
    // SAFETY: one integer and its size, alive for the call.
    checked(unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut size) })?;
    Ok(value)
}
