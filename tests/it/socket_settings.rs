//! Settings of sockets: those that are made before a socket is bound or connected, by each of the builders, and those
//! that every socket has.
#![cfg(unix)]

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener, UdpSocket as StdUdp};
use std::time::Duration;

use oneloop::net::{TcpConnector, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use oneloop::timeout;

use crate::support::{run_real, skip};

const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// A size that fits into the limits of every system, and that none has as its default.
const SIZE: usize = 50_000;

/// Linux gives twice what was set.
fn is_set(size: usize) -> bool {
    size == SIZE || size == 2 * SIZE
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(ANY).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

// Before the socket has an address.

#[test]
fn udp_sockets_share_a_port_if_each_of_them_says_so() {
    run_real(async {
        let first = UdpSocket::builder().reuse_port(true).bind(ANY).unwrap();
        let address = first.local_addr().unwrap();
        let error = UdpSocket::bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let error = UdpSocket::builder().reuse_port(false).bind(address).unwrap_err();
        assert!(error.to_string().starts_with(&format!("while attempting to bind on {address}: ")), "{error}");
        let second = UdpSocket::builder().reuse_port(true).bind(address).unwrap();
        // each datagram goes to one of them
        let sender = UdpSocket::bind(ANY).unwrap();
        sender.send_to(b"x", address).await.unwrap();
        let (mut here, mut there) = ([0; 9], [0; 9]);
        let received = futures::future::select(Box::pin(first.recv(&mut here)), Box::pin(second.recv(&mut there)));
        assert_eq!(received.await.factor_first().0.unwrap(), 1);
        for socket in [&first, &second] {
            assert_eq!(socket.try_recv(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    });
}

#[test]
fn udp_settings_hold_from_the_first_datagram_on() {
    run_real(async {
        let builder = UdpSocket::builder().send_buffer_size(SIZE).recv_buffer_size(SIZE).ttl(9).broadcast(true);
        let socket = builder.bind(ANY).unwrap();
        assert!(is_set(socket.send_buffer_size().unwrap()) && is_set(socket.recv_buffer_size().unwrap()));
        assert_eq!(socket.ttl().unwrap(), 9);
        assert!(socket.broadcast().unwrap());
        assert!(!UdpSocket::bind(ANY).unwrap().broadcast().unwrap());
    });
}

#[test]
fn a_udp_client_is_connected_by_name_and_has_an_address_of_its_peers_family() {
    run_real(async {
        let server = StdUdp::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let port = server.local_addr().unwrap().port();
        for to in ["127.0.0.1", "localhost"] {
            let client = UdpSocket::builder().ttl(3).connect((to, port)).await.unwrap();
            if client.local_addr().unwrap().is_ipv6() {
                continue; // on this machine the first address of localhost is IPv6
            }
            assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
            assert_eq!(client.ttl().unwrap(), 3);
            client.send(b"by name").await.unwrap();
            let (n, from) = server.recv_from(&mut [0; 9]).unwrap();
            assert_eq!((n, from), (7, client.local_addr().unwrap()));
        }
        let error = UdpSocket::builder().connect("nowhere.invalid:1").await.unwrap_err();
        assert!(error.to_string().contains("nowhere.invalid"), "{error}");
        // a broadcast has to be allowed before
        let everywhere = SocketAddr::from(([127, 255, 255, 255], 9));
        let error = UdpSocket::builder().connect(everywhere).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().starts_with("cannot connect to 127.255.255.255:9: "), "{error}");
        UdpSocket::builder().broadcast(true).connect(everywhere).await.unwrap();
        // the first that the system has a way to
        let several = vec![everywhere, server.local_addr().unwrap()];
        let client = UdpSocket::builder().connect(several).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    });
}

#[test]
fn an_ipv6_socket_takes_ipv4_or_refuses_it_as_it_is_told() {
    run_real(async {
        let Ok(both) = UdpSocket::builder().only_v6(false).bind((Ipv6Addr::UNSPECIFIED, 0)) else {
            return skip("no IPv6");
        };
        let port = both.local_addr().unwrap().port();
        let sender = UdpSocket::bind(ANY).unwrap();
        sender.send_to(b"x", (Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let (_, from) = both.recv_from(&mut [0; 9]).await.unwrap();
        assert_eq!(from.ip().to_canonical(), Ipv4Addr::LOCALHOST);
        // by IPv4 the same port is free then, unless another program has just taken it
        let is_free = || {
            let one = UdpSocket::builder().only_v6(true).bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
            UdpSocket::bind((Ipv4Addr::LOCALHOST, one.local_addr().unwrap().port())).is_ok()
        };
        assert!((0..9).any(|_| is_free()));
    });
}

#[test]
fn a_connection_has_its_settings_before_it_is_made() {
    run_real(async {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let connector = TcpConnector::new().send_buffer_size(SIZE).recv_buffer_size(SIZE).ttl(5);
        let stream = connector.connect(to).await.unwrap();
        assert!(is_set(stream.send_buffer_size().unwrap()) && is_set(stream.recv_buffer_size().unwrap()));
        assert_eq!(stream.ttl().unwrap(), 5);
        // the local port is one's own twice, to two peers
        let other = StdListener::bind("127.0.0.1:0").unwrap();
        let local = stream.local_addr().unwrap();
        let again = TcpConnector::new().local_addr(local);
        let error = again.connect(other.local_addr().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let first = TcpConnector::new().local_addr(ANY).reuse_port(true).connect(to).await.unwrap();
        let local = first.local_addr().unwrap();
        let again = TcpConnector::new().local_addr(local).reuse_port(true);
        let second = again.connect(other.local_addr().unwrap()).await.unwrap();
        assert_eq!(second.local_addr().unwrap(), local);
    });
}

#[test]
fn an_address_of_a_closed_connection_is_free_for_one_that_reuses_it() {
    run_real(async {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let other = StdListener::bind("127.0.0.1:0").unwrap();
        let reusing = TcpConnector::new().reuse_address(true);
        let stream = reusing.clone().local_addr(ANY).connect(listener.local_addr().unwrap()).await.unwrap();
        let local = stream.local_addr().unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        drop(stream); // it is the first to close, so the system holds its address for a minute
        accepted.read_to_end(&mut Vec::new()).unwrap();
        drop(accepted);
        let to = other.local_addr().unwrap();
        let error = TcpConnector::new().local_addr(local).connect(to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let stream = reusing.local_addr(local).connect(to).await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), local);
    });
}

#[test]
fn accepted_connections_have_the_settings_of_their_listener() {
    run_real(async {
        let listener = TcpListener::builder().ttl(6).recv_buffer_size(SIZE).bind(ANY).unwrap();
        assert_eq!(listener.ttl().unwrap(), 6);
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.ttl().unwrap(), 6);
        assert!(is_set(stream.recv_buffer_size().unwrap()));
        listener.set_ttl(7).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().0.ttl().unwrap(), 7);
    });
}

#[test]
fn a_setting_that_the_system_refuses_is_an_error_of_the_builder() {
    run_real(async {
        for ttl in [0, 256, u32::MAX] {
            assert_eq!(UdpSocket::builder().ttl(ttl).bind(ANY).unwrap_err().kind(), ErrorKind::InvalidInput);
            assert_eq!(TcpListener::builder().ttl(ttl).bind(ANY).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let to = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(TcpConnector::new().ttl(0).connect(to).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

// Of a live socket.

#[test]
fn the_time_to_live_is_that_of_the_sockets_family() {
    run_real(async {
        let socket = UdpSocket::bind(ANY).unwrap();
        socket.set_ttl(2).unwrap();
        assert_eq!((socket.ttl().unwrap(), socket.get_ref().ttl().unwrap()), (2, 2));
        assert_eq!(socket.set_ttl(256).unwrap_err().kind(), ErrorKind::InvalidInput);
        let Ok(v6) = UdpSocket::builder().ttl(8).bind((Ipv6Addr::LOCALHOST, 0)) else { return skip("no IPv6") };
        assert_eq!(v6.ttl().unwrap(), 8);
        v6.set_ttl(3).unwrap();
        assert_eq!(v6.ttl().unwrap(), 3);
        assert_eq!(v6.multicast_hops_v6().unwrap(), 1); // another setting
        assert_eq!(v6.set_ttl(256).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn buffers_have_the_size_that_is_set() {
    run_real(async {
        macro_rules! sized {
            ($socket:expr) => {
                let socket = $socket;
                assert!(!is_set(socket.send_buffer_size().unwrap()) && !is_set(socket.recv_buffer_size().unwrap()));
                socket.set_send_buffer_size(SIZE).unwrap();
                assert!(is_set(socket.send_buffer_size().unwrap()) && !is_set(socket.recv_buffer_size().unwrap()));
                socket.set_recv_buffer_size(SIZE).unwrap();
                assert!(is_set(socket.recv_buffer_size().unwrap()));
                // more than there can be is as much as there can be
                socket.set_send_buffer_size(usize::MAX).ok();
            };
        }
        sized!(UdpSocket::bind(ANY).unwrap());
        sized!(pair().await.0);
        sized!(UnixStream::pair().unwrap().0);
        sized!(UnixDatagram::pair().unwrap().0);
    });
}

#[test]
fn a_connection_that_lingers_for_no_time_is_reset() {
    run_real(async {
        let (left, right) = pair().await;
        assert_eq!(left.linger().unwrap(), None);
        left.set_linger(Duration::from_millis(1500)).unwrap();
        assert_eq!(left.linger().unwrap(), Some(Duration::from_secs(2)));
        left.set_linger(None).unwrap();
        assert_eq!(left.linger().unwrap(), None);
        left.set_linger(Duration::ZERO).unwrap();
        assert_eq!(left.linger().unwrap(), Some(Duration::ZERO));
        left.write_all(b"lost").await.unwrap();
        drop(left);
        let mut bytes = [0; 9];
        let read = timeout(Duration::from_secs(5), async {
            while right.read(&mut bytes).await? > 0 {}
            Ok::<(), std::io::Error>(())
        });
        assert_eq!(read.await.unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}
