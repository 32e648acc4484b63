//! Settings of a socket that must be made before it is bound or connected. Owns them, and, as macros, the methods by
//! which a builder takes them, and those of a socket that stay the same for all kinds; must not know the builders.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use crate::sys::socket::{self, Kind};
use crate::sys::socket_options::{Flag, Number, set_flag, set_number};

/// What is set before a socket is bound; `None` where the system decides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SocketSettings {
    pub(super) reuse_address: Option<bool>,
    pub(super) reuse_port: Option<bool>,
    pub(super) only_v6: Option<bool>,
    pub(super) broadcast: Option<bool>,
    pub(super) send_buffer_size: Option<u32>,
    pub(super) recv_buffer_size: Option<u32>,
    pub(super) ttl: Option<u32>,
}

impl SocketSettings {
    /// A socket with these settings, for addresses of the family of `like`.
    pub(super) fn open(&self, kind: Kind, like: &SocketAddr) -> io::Result<OwnedFd> {
        let socket = socket::open(kind, like)?;
        let only_v6 = self.only_v6.filter(|_| like.is_ipv6());
        let flags = [
            (Flag::ReuseAddress, self.reuse_address),
            (Flag::ReusePort, self.reuse_port),
            (Flag::OnlyV6, only_v6),
            (Flag::Broadcast, self.broadcast),
        ];
        for (flag, on) in flags {
            on.map_or(Ok(()), |on| set_flag(&socket, flag, on))?;
        }
        let numbers = [
            (Number::SendBufferSize, self.send_buffer_size),
            (Number::RecvBufferSize, self.recv_buffer_size),
            (Number::hops(like.is_ipv4()), self.ttl),
        ];
        for (number, value) in numbers {
            value.map_or(Ok(()), |value| set_number(&socket, number, value))?;
        }
        Ok(socket)
    }
}

/// A number of bytes as the system takes it.
pub(super) fn bytes(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// The methods of a builder with a field `settings: SocketSettings`.
macro_rules! settings {
    ($Builder:ty) => {
        impl $Builder {
            /// Whether several sockets may use the port (`SO_REUSEPORT`), each of which must set this; false by
            /// default. Those that listen share the connections, and those of UDP the datagrams: each goes to one of
            /// them.
            pub fn reuse_port(mut self, reuse: bool) -> Self {
                self.settings.reuse_port = Some(reuse);
                self
            }

            /// The size of the system's buffer for bytes that are to be sent (`SO_SNDBUF`), in bytes. By default the
            /// system decides, and adapts the size of a TCP connection's. Linux doubles the number, for its own
            /// records, and has an upper limit, `net.core.wmem_max`.
            pub fn send_buffer_size(mut self, bytes: usize) -> Self {
                self.settings.send_buffer_size = Some($crate::net::socket_settings::bytes(bytes));
                self
            }

            /// The size of the system's buffer for bytes that have come (`SO_RCVBUF`), in bytes; otherwise as
            /// [`send_buffer_size`](Self::send_buffer_size). TCP tells the peer of a size above 64 KiB only while it
            /// connects, so here is the place to set it.
            pub fn recv_buffer_size(mut self, bytes: usize) -> Self {
                self.settings.recv_buffer_size = Some($crate::net::socket_settings::bytes(bytes));
                self
            }

            /// How many routers a packet may pass (`IP_TTL`, and by IPv6 `IPV6_UNICAST_HOPS`); 64 on most systems by
            /// default.
            pub fn ttl(mut self, ttl: u32) -> Self {
                self.settings.ttl = Some(ttl);
                self
            }
        }
    };
}

/// The sizes of the system's buffers, of a type with a method `get_ref()`.
macro_rules! buffer_sizes {
    ($Type:ty) => {
        impl $Type {
            /// The size of the system's buffer for bytes that are to be sent (`SO_SNDBUF`), in bytes. Linux gives twice
            /// what was set, since it counts its own records too.
            ///
            /// # Errors
            /// Errors of the system call.
            pub fn send_buffer_size(&self) -> std::io::Result<usize> {
                use $crate::sys::socket_options::{Number, number};
                number(self.get_ref(), Number::SendBufferSize).map(|bytes| bytes as usize)
            }

            /// Sets the size of the system's buffer for bytes that are to be sent, in bytes. The system has limits, to
            /// which it rounds the number; Linux has `net.core.wmem_max`.
            ///
            /// # Errors
            /// Errors of the system call.
            pub fn set_send_buffer_size(&self, bytes: usize) -> std::io::Result<()> {
                use $crate::sys::socket_options::{Number, set_number};
                set_number(self.get_ref(), Number::SendBufferSize, $crate::net::socket_settings::bytes(bytes))
            }

            /// The size of the system's buffer for bytes that have come (`SO_RCVBUF`), in bytes. Linux gives twice what
            /// was set, since it counts its own records too.
            ///
            /// # Errors
            /// Errors of the system call.
            pub fn recv_buffer_size(&self) -> std::io::Result<usize> {
                use $crate::sys::socket_options::{Number, number};
                number(self.get_ref(), Number::RecvBufferSize).map(|bytes| bytes as usize)
            }

            /// Sets the size of the system's buffer for bytes that have come, in bytes. The system has limits, to which
            /// it rounds the number; Linux has `net.core.rmem_max`.
            ///
            /// # Errors
            /// Errors of the system call.
            pub fn set_recv_buffer_size(&self, bytes: usize) -> std::io::Result<()> {
                use $crate::sys::socket_options::{Number, set_number};
                set_number(self.get_ref(), Number::RecvBufferSize, $crate::net::socket_settings::bytes(bytes))
            }
        }
    };
}

/// How far packets go, of a type with a method `local_addr()`.
macro_rules! hops {
    ($Type:ty) => {
        impl $Type {
            /// How many routers a packet may pass: the time to live, which IPv6 calls hop limit.
            ///
            /// # Errors
            /// Errors of the system call.
            pub fn ttl(&self) -> std::io::Result<u32> {
                use $crate::sys::socket_options::{Number, number};
                number(self, Number::hops(self.local_addr()?.is_ipv4()))
            }

            /// Sets how many routers a packet may pass, from 1 to 255.
            ///
            /// # Errors
            /// `InvalidInput` for another number; other errors of the system call.
            pub fn set_ttl(&self, ttl: u32) -> std::io::Result<()> {
                use $crate::sys::socket_options::{Number, set_number};
                set_number(self, Number::hops(self.local_addr()?.is_ipv4()), ttl)
            }
        }
    };
}

pub(super) use buffer_sizes;
pub(super) use hops;
pub(super) use settings;
