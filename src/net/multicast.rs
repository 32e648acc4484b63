//! Groups of UDP sockets: what is sent to the address of a group reaches every socket that has joined it. Owns the
//! methods of a socket that are about groups; must not know the contents of the datagrams.

use std::fmt::Display;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::udp::UdpSocket;
use crate::sys::socket_options::{self, Number, number, set_number};

/// # Groups
///
/// A group is an address: 224.0.0.0/4 by IPv4, `ff00::/8` by IPv6. A socket that has joined a group at an interface
/// receives what is sent to the group there, at its own port. Any socket may send to a group. By IPv4 an interface is
/// one of its addresses, by IPv6 its index; unspecified or 0 means that the system chooses.
impl UdpSocket {
    /// Joins a group at an interface: asyncio's `IP_ADD_MEMBERSHIP`, of `setsockopt`. Bind the socket to the port of
    /// the group, and to every interface or to the group's address.
    ///
    /// # Examples
    /// ```no_run
    /// use oneloop::net::UdpSocket;
    /// use oneloop::run;
    /// use std::net::Ipv4Addr;
    ///
    /// run(async {
    ///     let group = Ipv4Addr::new(239, 255, 7, 7);
    ///     let loopback = Ipv4Addr::LOCALHOST;
    ///     // other programs may be in the group too, so they share the port
    ///     let member = UdpSocket::builder().reuse_address(true).bind((group, 7777))?;
    ///     member.join_multicast_v4(group, loopback)?;
    ///
    ///     let sender = UdpSocket::bind((loopback, 0))?;
    ///     sender.set_multicast_if_v4(loopback)?;
    ///     sender.send_to(b"to all", (group, 7777)).await?;
    ///     let mut bytes = [0; 100];
    ///     assert_eq!(member.recv_from(&mut bytes).await?, (6, sender.local_addr()?));
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `AddrInUse` if the socket has joined it already; `InvalidInput` if the address is no group's; an error of the
    /// system if there is no such interface. They name the group and the interface.
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.get_ref().join_multicast_v4(&group, &interface).map_err(|e| named("join", group, interface, &e))
    }

    /// Leaves a group that the socket has joined at this interface. A socket that is dropped leaves its groups.
    ///
    /// # Errors
    /// `AddrNotAvailable` if it has not joined the group there, naming both.
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.get_ref().leave_multicast_v4(&group, &interface).map_err(|e| named("leave", group, interface, &e))
    }

    /// As [`join_multicast_v4`](Self::join_multicast_v4), by IPv6. The interface is an index.
    ///
    /// # Errors
    /// As [`join_multicast_v4`](Self::join_multicast_v4).
    pub fn join_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.get_ref().join_multicast_v6(&group, interface).map_err(|e| named("join", group, interface, &e))
    }

    /// As [`leave_multicast_v4`](Self::leave_multicast_v4), by IPv6. The interface is an index.
    ///
    /// # Errors
    /// As [`leave_multicast_v4`](Self::leave_multicast_v4).
    pub fn leave_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.get_ref().leave_multicast_v6(&group, interface).map_err(|e| named("leave", group, interface, &e))
    }

    /// The interface at which the socket sends to groups, by IPv4; 0.0.0.0 if the system chooses.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn multicast_if_v4(&self) -> io::Result<Ipv4Addr> {
        socket_options::multicast_interface_v4(self)
    }

    /// Sets the interface at which the socket sends to groups, by IPv4: one of its addresses. 0.0.0.0 lets the system
    /// choose.
    ///
    /// # Errors
    /// `AddrNotAvailable` if no interface has the address; other errors of the system call.
    pub fn set_multicast_if_v4(&self, interface: Ipv4Addr) -> io::Result<()> {
        socket_options::set_multicast_interface_v4(self, interface)
    }

    /// The index of the interface at which the socket sends to groups, by IPv6; 0 if the system chooses.
    ///
    /// # Errors
    /// Errors of the system call, such as that of a socket that is not IPv6.
    pub fn multicast_if_v6(&self) -> io::Result<u32> {
        number(self, Number::MulticastInterface)
    }

    /// Sets the interface at which the socket sends to groups, by IPv6. 0 lets the system choose.
    ///
    /// # Errors
    /// An error of the system if there is no interface with this index, or the socket is not IPv6.
    pub fn set_multicast_if_v6(&self, interface: u32) -> io::Result<()> {
        set_number(self, Number::MulticastInterface, interface)
    }

    /// Whether what the socket sends to groups reaches sockets of this machine too, by IPv4.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.get_ref().multicast_loop_v4()
    }

    /// Sets whether what the socket sends to groups reaches sockets of this machine too, by IPv4; true by default.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.get_ref().set_multicast_loop_v4(on)
    }

    /// As [`multicast_loop_v4`](Self::multicast_loop_v4), by IPv6.
    ///
    /// # Errors
    /// Errors of the system call, such as that of a socket that is not IPv6.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.get_ref().multicast_loop_v6()
    }

    /// As [`set_multicast_loop_v4`](Self::set_multicast_loop_v4), by IPv6.
    ///
    /// # Errors
    /// Errors of the system call, such as that of a socket that is not IPv6.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.get_ref().set_multicast_loop_v6(on)
    }

    /// How many routers a datagram to a group may pass, by IPv4. [`ttl`](Self::ttl) is for datagrams to one host.
    ///
    /// # Errors
    /// Errors of the system call.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.get_ref().multicast_ttl_v4()
    }

    /// Sets how many routers a datagram to a group may pass, by IPv4; 1 by default, which keeps it in the local
    /// network.
    ///
    /// # Errors
    /// `InvalidInput` above 255; other errors of the system call.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.get_ref().set_multicast_ttl_v4(ttl)
    }

    /// How many routers a datagram to a group may pass, by IPv6.
    ///
    /// # Errors
    /// Errors of the system call, such as that of a socket that is not IPv6.
    pub fn multicast_hops_v6(&self) -> io::Result<u32> {
        number(self, Number::MulticastHops)
    }

    /// Sets how many routers a datagram to a group may pass, by IPv6; 1 by default.
    ///
    /// # Errors
    /// `InvalidInput` above 255; other errors of the system call.
    pub fn set_multicast_hops_v6(&self, hops: u32) -> io::Result<()> {
        set_number(self, Number::MulticastHops, hops)
    }
}

fn named(what: &str, group: impl Display, interface: impl Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} the group {group} at the interface {interface}: {error}"))
}
