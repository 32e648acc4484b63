//! UDP: datagrams to and fro, connected and not, to a peer that is not there, and to many.
#![cfg(unix)]

use std::io::ErrorKind;
use std::net::UdpSocket as StdSocket;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use oneloop::net::UdpSocket;
use oneloop::{catch_cancelled, create_task, gather, sleep, timeout};

use crate::support::run_real;

const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

#[test]
fn a_thread_is_asked_and_answers() {
    run_real(async {
        let peer = StdSocket::bind("127.0.0.1:0").unwrap();
        let address = peer.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let mut buffer = [0; 100];
            let (n, from) = peer.recv_from(&mut buffer).unwrap();
            peer.send_to(&buffer[..n].to_ascii_uppercase(), from).unwrap();
        });
        let socket = UdpSocket::bind(ANY).unwrap();
        assert_eq!(socket.send_to(b"ping", address).await.unwrap(), 4);
        let mut buffer = [0; 100];
        assert_eq!(socket.recv_from(&mut buffer).await.unwrap(), (4, address));
        assert_eq!(&buffer[..4], b"PING");
        thread.join().unwrap();
    });
}

#[test]
fn datagrams_that_wait_are_all_read_though_each_is_shorter_than_the_buffer() {
    run_real(async {
        let (left, right) = (UdpSocket::bind(ANY).unwrap(), UdpSocket::bind(ANY).unwrap());
        for length in [1, 0, 3] {
            left.send_to(&[7; 3][..length], right.local_addr().unwrap()).await.unwrap();
        }
        let mut buffer = [0; 100];
        for length in [1, 0, 3] {
            assert_eq!(right.recv_from(&mut buffer).await.unwrap().0, length);
        }
    });
}

#[test]
fn connected_it_hears_its_peer_alone() {
    run_real(async {
        let [left, right, other] = [(); 3].map(|()| UdpSocket::bind(ANY).unwrap());
        left.connect(right.local_addr().unwrap()).unwrap();
        assert_eq!(left.peer_addr().unwrap(), right.local_addr().unwrap());
        other.send_to(b"other", left.local_addr().unwrap()).await.unwrap();
        right.send_to(b"right", left.local_addr().unwrap()).await.unwrap();
        let mut buffer = [0; 100];
        assert_eq!(left.recv(&mut buffer).await.unwrap(), 5);
        assert_eq!(&buffer[..5], b"right");
        left.send(b"back").await.unwrap();
        assert_eq!(right.recv(&mut buffer).await.unwrap(), 4);
    });
}

#[test]
fn a_peer_that_is_not_there_is_an_error_once_and_the_socket_goes_on() {
    run_real(async {
        // a connected socket receives from its peer alone, and keeps the port from others
        let (elsewhere, held) = (StdSocket::bind("127.0.0.1:0").unwrap(), StdSocket::bind("127.0.0.1:0").unwrap());
        held.connect(elsewhere.local_addr().unwrap()).unwrap();
        let socket = UdpSocket::bind(ANY).unwrap();
        socket.connect(held.local_addr().unwrap()).unwrap();
        socket.send(b"there?").await.unwrap();
        let mut buffer = [0; 9];
        let error = socket.recv(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // the error is over: it waits, and does not spin
        assert!(timeout(Duration::from_millis(20), socket.recv(&mut buffer)).await.is_err());
        let peer = UdpSocket::from_std(held).unwrap();
        peer.connect(socket.local_addr().unwrap()).unwrap();
        socket.send(b"now").await.unwrap();
        assert_eq!(peer.recv(&mut buffer).await.unwrap(), 3);
        peer.send(b"yes").await.unwrap();
        assert_eq!(socket.recv(&mut buffer).await.unwrap(), 3);
    });
}

#[test]
fn several_tasks_receive_and_each_datagram_goes_to_one() {
    run_real(async {
        let (left, right) = (UdpSocket::bind(ANY).unwrap(), Rc::new(UdpSocket::bind(ANY).unwrap()));
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let right = Rc::clone(&right);
                create_task(async move {
                    let mut buffer = [0; 1];
                    right.recv(&mut buffer).await.unwrap();
                    buffer[0]
                })
            })
            .collect();
        sleep(Duration::from_millis(1)).await;
        for byte in 1..=3 {
            left.send_to(&[byte], right.local_addr().unwrap()).await.unwrap();
        }
        assert_eq!(gather(receivers).await, [1, 2, 3]); // the first who waits is the first to try
    });
}

#[test]
fn a_cancelled_receiver_loses_nothing() {
    run_real(async {
        let (left, right) = (UdpSocket::bind(ANY).unwrap(), Rc::new(UdpSocket::bind(ANY).unwrap()));
        let receives = Rc::clone(&right);
        let waits = create_task(async move { catch_cancelled(receives.recv(&mut [0; 9])).await.is_err() });
        sleep(Duration::from_millis(1)).await;
        left.send_to(b"kept", right.local_addr().unwrap()).await.unwrap();
        waits.cancel();
        assert!(waits.await);
        assert_eq!(right.recv(&mut [0; 9]).await.unwrap(), 4);
    });
}

#[test]
fn broadcasts_have_to_be_allowed() {
    run_real(async {
        let socket = UdpSocket::bind(([0, 0, 0, 0], 0)).unwrap();
        let all = ([127, 255, 255, 255], 9);
        assert_eq!(socket.send_to(b"x", all).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        socket.set_broadcast(true).unwrap();
        assert_eq!(socket.send_to(b"x", all).await.unwrap(), 1);
    });
}

#[test]
fn too_long_a_datagram_is_refused_and_a_long_one_is_cut() {
    run_real(async {
        let (left, right) = (UdpSocket::bind(ANY).unwrap(), UdpSocket::bind(ANY).unwrap());
        let to = right.local_addr().unwrap();
        assert!(left.send_to(&vec![7; 70_000], to).await.is_err());
        left.send_to(&vec![7; 60_000], to).await.unwrap();
        let mut buffer = [0; 10];
        assert_eq!(right.recv(&mut buffer).await.unwrap(), 10);
        let socket = UdpSocket::from_std(left.into_std()).unwrap();
        socket.send_to(b"next", to).await.unwrap();
        assert_eq!(right.recv(&mut buffer).await.unwrap(), 4);
    });
}

#[test]
fn errors_of_addresses_name_them() {
    run_real(async {
        let taken = UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = taken.local_addr().unwrap();
        let error = UdpSocket::bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().starts_with(&format!("while attempting to bind on {address}: ")), "{error}");
        let error = taken.connect(([0, 0, 0, 0, 0, 0, 0, 1], 9)).unwrap_err(); // of another family
        assert!(error.to_string().starts_with("cannot connect to [::1]:9: "), "{error}");
    });
}

// Names and texts.

#[test]
fn addresses_are_given_as_the_standard_library_takes_them() {
    run_real(async {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        for client in [UdpSocket::bind(("localhost", 0)), UdpSocket::bind(String::from("127.0.0.1:0"))] {
            let client = client.unwrap();
            if client.local_addr().unwrap().is_ipv6() {
                continue; // on this machine the first address of localhost is IPv6
            }
            client.connect(("localhost", port)).unwrap();
            client.send(b"connected").await.unwrap();
            let mut bytes = [0; 100];
            let (n, from) = server.recv_from(&mut bytes).await.unwrap();
            assert_eq!((&bytes[..n], from), (&b"connected"[..], client.local_addr().unwrap()));
        }
        let stranger = UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap();
        stranger.send_to(b"by name", ("localhost", port)).await.unwrap();
        let mut bytes = [0; 100];
        assert_eq!(server.recv(&mut bytes).await.unwrap(), 7);
    });
}

#[test]
fn an_endpoint_that_is_none_says_what_is_wrong_with_it() {
    run_real(async {
        let text = UdpSocket::bind("127.0.0.1").unwrap_err().to_string();
        assert!(text.contains("no port was given"), "{text}");
        let text = UdpSocket::bind("nowhere.invalid:1").unwrap_err().to_string();
        assert!(text.contains("cannot find the host \"nowhere.invalid\""), "{text}");
        let socket = UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap();
        let text = socket.send_to(b"x", "[::1]:1").await.map(drop).map_err(|e| e.kind());
        assert!(text.is_err());
        let none: Vec<std::net::SocketAddr> = Vec::new();
        assert_eq!(socket.connect(none).unwrap_err().to_string(), "there is no address");
    });
}

// Looking first, and not waiting.

#[test]
fn a_datagram_that_is_peeked_at_is_received_afterwards() {
    run_real(async {
        let (left, right) = (UdpSocket::bind(ANY).unwrap(), UdpSocket::bind(ANY).unwrap());
        left.send_to(b"hello", right.local_addr().unwrap()).await.unwrap();
        let mut bytes = [0; 9];
        assert_eq!(right.peek_from(&mut bytes).await.unwrap(), (5, left.local_addr().unwrap()));
        right.connect(left.local_addr().unwrap()).unwrap();
        assert_eq!(right.peek(&mut bytes[..2]).await.unwrap(), 2); // the rest is not lost
        assert_eq!(right.recv(&mut bytes).await.unwrap(), 5);
        assert_eq!(&bytes[..5], b"hello");
        assert!(timeout(Duration::from_millis(10), right.peek(&mut bytes)).await.is_err());
    });
}

#[test]
fn tries_never_wait() {
    run_real(async {
        let (left, right) = (UdpSocket::bind(ANY).unwrap(), UdpSocket::bind(ANY).unwrap());
        let mut bytes = [0; 9];
        assert_eq!(right.try_recv_from(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
        left.writable().await;
        assert_eq!(left.try_send_to(b"one", right.local_addr().unwrap()).unwrap(), 3);
        left.connect(right.local_addr().unwrap()).unwrap();
        right.connect(left.local_addr().unwrap()).unwrap();
        assert_eq!(left.try_send(b"three").unwrap(), 5);
        right.readable().await;
        assert_eq!(right.try_recv_from(&mut bytes).unwrap(), (3, left.local_addr().unwrap()));
        assert_eq!(right.try_recv(&mut bytes).unwrap(), 5);
        assert_eq!(right.try_recv(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
        // it waits again, and hears of the next
        assert!(timeout(Duration::from_millis(10), right.readable()).await.is_err());
        left.try_send(b"four").unwrap();
        right.readable().await;
        assert_eq!(right.try_recv(&mut bytes).unwrap(), 4);
    });
}

#[test]
fn a_loop_of_tries_lets_others_have_their_turn() {
    run_real(async {
        let socket = UdpSocket::bind(ANY).unwrap();
        let to = socket.local_addr().unwrap();
        let sent = (0..1000).take_while(|_| socket.try_send_to(b"x", to).is_ok()).count();
        assert!(sent < 1000, "a step does so many operations at most");
        let other = create_task(async { 7 });
        socket.writable().await;
        assert!(other.done());
        socket.try_send_to(b"x", to).unwrap();
    });
}
