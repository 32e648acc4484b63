//! Options of sockets that the standard library cannot set, or cannot set in time. Owns the raw calls and the names of
//! the options; must not know the loop.
#![expect(unsafe_code, reason = "calls into libc")]

use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::time::Duration;
use std::{io, mem};

use super::result::checked;

type Name = (libc::c_int, libc::c_int);

/// An option that is on or off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flag {
    ReuseAddress,
    ReusePort,
    OnlyV6,
    KeepAlive,
    Broadcast,
}

impl Flag {
    fn name(self) -> Name {
        match self {
            Self::ReuseAddress => (libc::SOL_SOCKET, libc::SO_REUSEADDR),
            Self::ReusePort => (libc::SOL_SOCKET, libc::SO_REUSEPORT),
            Self::OnlyV6 => (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
            Self::KeepAlive => (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
            Self::Broadcast => (libc::SOL_SOCKET, libc::SO_BROADCAST),
        }
    }
}

/// An option that is a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    SendBufferSize,
    RecvBufferSize,
    /// How many routers a packet may pass, by IPv4.
    Ttl,
    /// The same by IPv6.
    Hops,
    /// How many routers a packet to a group may pass, by IPv6.
    MulticastHops,
    /// The index of the interface for packets to a group, by IPv6.
    MulticastInterface,
}

impl Number {
    fn name(self) -> Name {
        match self {
            Self::SendBufferSize => (libc::SOL_SOCKET, libc::SO_SNDBUF),
            Self::RecvBufferSize => (libc::SOL_SOCKET, libc::SO_RCVBUF),
            Self::Ttl => (libc::IPPROTO_IP, libc::IP_TTL),
            Self::Hops => (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
            Self::MulticastHops => (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS),
            Self::MulticastInterface => (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF),
        }
    }

    /// The hops that a packet may take, of a socket of this family.
    pub(crate) fn hops(is_ipv4: bool) -> Self {
        if is_ipv4 { Self::Ttl } else { Self::Hops }
    }
}

pub(crate) fn set_flag(socket: &impl AsRawFd, flag: Flag, on: bool) -> io::Result<()> {
    set_option(socket, flag.name(), libc::c_int::from(on))
}

pub(crate) fn number(socket: &impl AsRawFd, number: Number) -> io::Result<u32> {
    let value: libc::c_int = option(socket, number.name())?;
    Ok(u32::try_from(value).unwrap_or(0))
}

pub(crate) fn set_number(socket: &impl AsRawFd, number: Number, value: u32) -> io::Result<()> {
    set_option(socket, number.name(), as_int(value))
}

fn as_int(value: impl TryInto<libc::c_int>) -> libc::c_int {
    value.try_into().unwrap_or(libc::c_int::MAX)
}

/// In whole seconds, rounded up.
fn seconds(duration: Duration) -> libc::c_int {
    as_int(duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0)))
}

#[cfg(any(target_os = "macos", target_os = "ios"))]
const KEEP_IDLE: Name = (libc::IPPROTO_TCP, libc::TCP_KEEPALIVE);
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
const KEEP_IDLE: Name = (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE);

/// How long a connection is idle before the system sends keep-alive probes; `None` if it sends none.
pub(crate) fn keep_alive(socket: &impl AsRawFd) -> io::Result<Option<Duration>> {
    let on: libc::c_int = option(socket, Flag::KeepAlive.name())?;
    if on == 0 {
        return Ok(None);
    }
    let seconds: libc::c_int = option(socket, KEEP_IDLE)?;
    Ok(Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0))))
}

/// Sets after how long the system sends keep-alive probes. `after` is rounded up to whole seconds, at least one.
pub(crate) fn set_keep_alive(socket: &impl AsRawFd, after: Option<Duration>) -> io::Result<()> {
    if let Some(after) = after {
        set_option(socket, KEEP_IDLE, seconds(after).max(1))?;
    }
    set_flag(socket, Flag::KeepAlive, after.is_some())
}

// macOS counts `SO_LINGER` in ticks, and seconds have a name of their own
#[cfg(any(target_os = "macos", target_os = "ios"))]
const LINGER: Name = (libc::SOL_SOCKET, libc::SO_LINGER_SEC);
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
const LINGER: Name = (libc::SOL_SOCKET, libc::SO_LINGER);

/// How long closing the socket waits for its bytes to be sent; `None` if it does not wait.
pub(crate) fn linger(socket: &impl AsRawFd) -> io::Result<Option<Duration>> {
    let linger: libc::linger = option(socket, LINGER)?;
    let seconds = u64::try_from(linger.l_linger).unwrap_or(0);
    Ok((linger.l_onoff != 0).then(|| Duration::from_secs(seconds)))
}

/// Sets how long closing the socket waits, rounded up to whole seconds.
pub(crate) fn set_linger(socket: &impl AsRawFd, wait: Option<Duration>) -> io::Result<()> {
    let l_onoff = libc::c_int::from(wait.is_some());
    set_option(socket, LINGER, libc::linger { l_onoff, l_linger: wait.map_or(0, seconds) })
}

const MULTICAST_INTERFACE_V4: Name = (libc::IPPROTO_IP, libc::IP_MULTICAST_IF);

/// The address of the interface for packets to a group, by IPv4.
pub(crate) fn multicast_interface_v4(socket: &impl AsRawFd) -> io::Result<Ipv4Addr> {
    let address: libc::in_addr = option(socket, MULTICAST_INTERFACE_V4)?;
    Ok(Ipv4Addr::from(address.s_addr.to_ne_bytes()))
}

pub(crate) fn set_multicast_interface_v4(socket: &impl AsRawFd, interface: Ipv4Addr) -> io::Result<()> {
    let s_addr = u32::from_ne_bytes(interface.octets());
    set_option(socket, MULTICAST_INTERFACE_V4, libc::in_addr { s_addr })
}

/// The process at the other end of a Unix connection, as it was when it connected or listened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) pid: Option<u32>,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer(socket: &impl AsRawFd) -> io::Result<Peer> {
    let peer: libc::ucred = option(socket, (libc::SOL_SOCKET, libc::SO_PEERCRED))?;
    // the system has 0 for a process that this one cannot see, and for none
    let pid = u32::try_from(peer.pid).ok().filter(|pid| *pid != 0);
    // the number that the system uses for no user: the socket is not connected
    if pid.is_none() && peer.uid == u32::MAX {
        return Err(io::ErrorKind::NotConnected.into());
    }
    Ok(Peer { uid: peer.uid, gid: peer.gid, pid })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer(socket: &impl AsRawFd) -> io::Result<Peer> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: two integers, alive for the call.
    checked(unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut uid, &raw mut gid) })?;
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    let pid = option::<libc::pid_t>(socket, (libc::SOL_LOCAL, libc::LOCAL_PEERPID)).ok();
    #[cfg(not(any(target_os = "macos", target_os = "ios")))]
    let pid: Option<libc::pid_t> = None;
    Ok(Peer { uid, gid, pid: pid.and_then(|pid| u32::try_from(pid).ok()) })
}

/// Whether it is a socket that speaks TCP. False on a system that does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_tcp(socket: &impl AsRawFd) -> bool {
    let is = |name, expected: libc::c_int| {
        let value: io::Result<libc::c_int> = option(socket, (libc::SOL_SOCKET, name));
        value.is_ok_and(|value| value == expected)
    };
    is(libc::SO_TYPE, libc::SOCK_STREAM) && is(libc::SO_PROTOCOL, libc::IPPROTO_TCP)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_tcp(_socket: &impl AsRawFd) -> bool {
    false
}

/// Whether it carries a stream or datagrams, as the system's number.
pub(super) fn socket_type(socket: &impl AsRawFd) -> io::Result<libc::c_int> {
    option(socket, (libc::SOL_SOCKET, libc::SO_TYPE))
}

/// What the system takes or gives as the value of an option.
///
/// # Safety
/// Only for structures of integers, which may have any bytes and have no padding.
unsafe trait OptionValue: Copy {}

// SAFETY: an integer.
unsafe impl OptionValue for libc::c_int {}
// SAFETY: two integers of four bytes.
unsafe impl OptionValue for libc::linger {}
// SAFETY: one integer.
unsafe impl OptionValue for libc::in_addr {}
// SAFETY: three integers of four bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
unsafe impl OptionValue for libc::ucred {}

#[expect(clippy::cast_possible_truncation, reason = "the value of an option has fewer than 2^32 bytes")]
fn size<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

fn set_option<T: OptionValue>(socket: &impl AsRawFd, (level, name): Name, value: T) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    // SAFETY: one value, alive for the call, of the size that is passed.
    checked(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size::<T>()) }).map(drop)
}

fn option<T: OptionValue>(socket: &impl AsRawFd, (level, name): Name) -> io::Result<T> {
    let fd = socket.as_raw_fd();
    // SAFETY: the trait promises that zeros are a value.
    let mut value: T = unsafe { mem::zeroed() };
    let mut size = size::<T>();
    // SAFETY: one value and its size, alive for the call, and the trait promises that any bytes are a value.
    checked(unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut size) })?;
    Ok(value)
}
