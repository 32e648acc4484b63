//! Groups of UDP sockets, on the loopback interface alone.
#![cfg(unix)]

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process;
use std::time::Duration;

use oneloop::net::UdpSocket;
use oneloop::timeout;

use crate::support::{run_real, skip};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A private group (RFC 2365) of this test and this process: a socket that has left a group hears it as long as any
/// other socket of the machine is in it.
fn group(test: u8) -> Ipv4Addr {
    let [_, _, high, low] = process::id().to_be_bytes();
    Ipv4Addr::new(239, 192 + (high & 0x3f), low, test)
}

/// The same, a group that never leaves an interface (RFC 4291).
fn group_v6() -> Ipv6Addr {
    let [high, low] = [process::id() >> 16, process::id()].map(|half| (half & 0xffff) as u16);
    Ipv6Addr::new(0xff01, 0, 0, 0, 0, high, low, 0x77)
}

/// How long nothing is waited for.
const A_MOMENT: Duration = Duration::from_millis(30);

/// A member of the group, and a sender to it, both on the loopback interface.
fn member_and_sender(group: Ipv4Addr) -> io::Result<(UdpSocket, UdpSocket)> {
    let member = UdpSocket::builder().reuse_address(true).bind((Ipv4Addr::UNSPECIFIED, 0))?;
    member.join_multicast_v4(group, HERE)?;
    let sender = UdpSocket::bind((HERE, 0))?;
    sender.set_multicast_if_v4(HERE)?;
    Ok((member, sender))
}

/// The same by IPv6. The system gives the loopback interface the first number.
fn member_and_sender_v6() -> io::Result<(UdpSocket, UdpSocket)> {
    const LOOPBACK: u32 = 1;
    let member = UdpSocket::builder().only_v6(true).bind((Ipv6Addr::UNSPECIFIED, 0))?;
    member.join_multicast_v6(group_v6(), LOOPBACK)?;
    let sender = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0))?;
    sender.set_multicast_if_v6(LOOPBACK)?;
    sender.get_ref().send_to(b"", (group_v6(), 9))?; // there may be no way to a group on the loopback interface
    Ok((member, sender))
}

/// Sends to the group, at the member's port.
async fn send(sender: &UdpSocket, group: IpAddr, member: &UdpSocket) {
    let to = SocketAddr::new(group, member.local_addr().unwrap().port());
    sender.send_to(b"to all", to).await.unwrap();
}

async fn assert_comes(sender: &UdpSocket, group: IpAddr, member: &UdpSocket) {
    send(sender, group, member).await;
    assert_eq!(member.recv_from(&mut [0; 9]).await.unwrap(), (6, sender.local_addr().unwrap()));
}

async fn assert_does_not_come(sender: &UdpSocket, group: IpAddr, member: &UdpSocket) {
    send(sender, group, member).await;
    assert!(timeout(A_MOMENT, member.recv_from(&mut [0; 9])).await.is_err());
}

#[test]
fn what_is_sent_to_a_group_reaches_who_has_joined_and_not_who_has_left() {
    run_real(async {
        let group = group(1);
        let (member, sender) = match member_and_sender(group) {
            Ok(both) => both,
            Err(error) => return skip(&format!("no groups on this machine: {error}")),
        };
        assert_comes(&sender, group.into(), &member).await;
        member.leave_multicast_v4(group, HERE).unwrap();
        assert_does_not_come(&sender, group.into(), &member).await;
        member.join_multicast_v4(group, HERE).unwrap();
        assert_comes(&sender, group.into(), &member).await;
    });
}

#[test]
fn by_ipv6_too() {
    run_real(async {
        let (member, sender) = match member_and_sender_v6() {
            Ok(both) => both,
            Err(error) => return skip(&format!("no groups by IPv6 on this machine: {error}")),
        };
        assert_comes(&sender, group_v6().into(), &member).await;
        member.leave_multicast_v6(group_v6(), 1).unwrap();
        assert_does_not_come(&sender, group_v6().into(), &member).await;
    });
}

#[test]
fn two_sockets_of_one_port_both_hear_the_group() {
    run_real(async {
        let group = group(2);
        let (first, sender) = match member_and_sender(group) {
            Ok(both) => both,
            Err(error) => return skip(&format!("no groups on this machine: {error}")),
        };
        let port = first.local_addr().unwrap().port();
        let second = UdpSocket::builder().reuse_address(true).bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
        second.join_multicast_v4(group, HERE).unwrap();
        sender.send_to(b"both", (group, port)).await.unwrap();
        for member in [first, second] {
            assert_eq!(member.recv(&mut [0; 9]).await.unwrap(), 4);
        }
    });
}

#[test]
fn settings_are_kept() {
    run_real(async {
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        assert_eq!(socket.multicast_if_v4().unwrap(), Ipv4Addr::UNSPECIFIED);
        socket.set_multicast_if_v4(HERE).unwrap();
        assert_eq!(socket.multicast_if_v4().unwrap(), HERE);
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 1);
        socket.set_multicast_ttl_v4(7).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 7);
        // which the loopback interface, that has no other machines, does not heed
        assert!(socket.multicast_loop_v4().unwrap());
        socket.set_multicast_loop_v4(false).unwrap();
        assert!(!socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.set_multicast_ttl_v4(256).unwrap_err().kind(), ErrorKind::InvalidInput);

        let Ok(socket) = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)) else { return skip("no IPv6") };
        assert_eq!(socket.multicast_if_v6().unwrap(), 0);
        socket.set_multicast_if_v6(1).unwrap();
        assert_eq!(socket.multicast_if_v6().unwrap(), 1);
        assert_eq!(socket.multicast_hops_v6().unwrap(), 1);
        socket.set_multicast_hops_v6(7).unwrap();
        assert_eq!(socket.multicast_hops_v6().unwrap(), 7);
        assert_eq!(socket.set_multicast_hops_v6(256).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(socket.multicast_loop_v6().unwrap());
        socket.set_multicast_loop_v6(false).unwrap();
        assert!(!socket.multicast_loop_v6().unwrap());
    });
}

#[test]
fn errors_name_the_group_and_the_interface() {
    run_real(async {
        let group = group(3);
        let (member, _) = match member_and_sender(group) {
            Ok(both) => both,
            Err(error) => return skip(&format!("no groups on this machine: {error}")),
        };
        let error = member.join_multicast_v4(group, HERE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse); // it is a member already
        let text = format!("cannot join the group {group} at the interface 127.0.0.1: ");
        assert!(error.to_string().starts_with(&text), "{error}");
        let error = member.join_multicast_v4(HERE, HERE).unwrap_err(); // no group's address
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        member.leave_multicast_v4(group, HERE).unwrap();
        let error = member.leave_multicast_v4(group, HERE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert!(error.to_string().starts_with(&format!("cannot leave the group {group} at")), "{error}");
        // by IPv6, on a socket that has none
        assert!(member.join_multicast_v6(group_v6(), 1).is_err());
        assert!(member.multicast_if_v6().is_err());
        let error = member.set_multicast_if_v4(Ipv4Addr::new(192, 0, 2, 1)).unwrap_err(); // an address of examples
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}
