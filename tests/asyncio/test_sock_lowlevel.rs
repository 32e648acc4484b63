//! CPython's `test_sock_lowlevel.py`: what `sock_recv`, `sock_sendall` and the like do, as methods of sockets. Its HTTP
//! server is a thread with the standard library's blocking sockets.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener as StdListener, TcpStream as StdStream, UdpSocket as StdUdp};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::rc::Rc;
use std::thread;

use oneloop::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use oneloop::{Descriptor, create_task, timeout, yield_now};

use crate::support::{ms, read_to_end, run_real};

mod base_sock_tests_mixin {
    use super::*;

    const DATA_SIZE: usize = 1_000_000;

    /// Answers one request: with a greeting, or with what was posted.
    fn serve(mut socket: impl Read + Write) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        socket.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n").expect("a client");
        if request.starts_with(b"POST /loop") {
            let (mut left, mut buffer) = (DATA_SIZE, [0; 8_192]);
            while left > 0 {
                let n = socket.read(&mut buffer).expect("a body");
                socket.write_all(&buffer[..n]).expect("a client");
                left -= n;
            }
        } else {
            socket.write_all(b"Test message").expect("a client");
        }
    }

    /// A server for one client.
    fn run_test_server() -> (SocketAddr, thread::JoinHandle<()>) {
        let listener = StdListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        (address, thread::spawn(move || serve(listener.accept().expect("a client").0)))
    }

    /// A server that sends two datagrams back.
    fn run_udp_echo_server() -> (SocketAddr, thread::JoinHandle<()>) {
        let socket = StdUdp::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let serve = move || {
            let mut buffer = [0; 8_192];
            let (n, from) = socket.recv_from(&mut buffer).expect("a datagram");
            socket.send_to(&buffer[..n], from).expect("a client");
        };
        (address, thread::spawn(serve))
    }

    #[test]
    fn test_sock_client_ops() {
        run_real(async {
            let (address, server) = run_test_server();
            let sock = TcpStream::connect(address).await.unwrap();
            sock.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
            let data = read_to_end(&sock, 1024).await;
            assert!(data.starts_with(b"HTTP/1.0 200 OK") && data.ends_with(b"Test message"));
            server.join().unwrap();
        });
    }

    #[test]
    fn test_unix_sock_client_ops() {
        run_real(async {
            let path = std::env::temp_dir().join(format!("oneloop-lowlevel-{}", std::process::id()));
            let listener = StdUnixListener::bind(&path).unwrap();
            let server = thread::spawn(move || serve(listener.accept().expect("a client").0));
            let sock = UnixStream::connect(&path).await.unwrap();
            std::fs::remove_file(&path).unwrap();
            sock.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
            let mut data = [0; 15];
            sock.read_exact(&mut data).await.unwrap();
            assert_eq!(&data, b"HTTP/1.0 200 OK");
            server.join().unwrap();
        });
    }

    #[test]
    fn test_sock_client_racing() {
        run_real(async {
            let (address, server) = run_test_server();
            let sock = Rc::new(TcpStream::connect(address).await.unwrap());
            let cancelled = create_task({
                let sock = Rc::clone(&sock);
                async move { sock.read(&mut [0; 1024]).await.unwrap() }
            });
            yield_now().await;
            cancelled.cancel();
            let sends = create_task({
                let sock = Rc::clone(&sock);
                async move { sock.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap() }
            });
            assert!(read_to_end(&sock, 1024).await.starts_with(b"HTTP/1.0 200 OK"));
            sends.await;
            assert!(cancelled.cancelled());
            server.join().unwrap();
        });
        run_real(async {
            let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
            let connects = create_task(TcpStream::connect(listener.local_addr().unwrap()));
            let (server, _) = listener.accept().await.unwrap();
            let sock = Rc::new(connects.await.unwrap());
            // fill the buffer until a write would block
            while sock.try_write(&[b' '; 8_192]).is_ok() {
                yield_now().await; // a step may do 64 operations
            }
            let cancelled = create_task({
                let sock = Rc::clone(&sock);
                async move { sock.write_all(b"hello").await.unwrap() }
            });
            yield_now().await;
            cancelled.cancel();
            let receives = create_task(async move { read_to_end(&server, 8_192).await });
            // immediately make another call
            sock.write_all(b"world").await.unwrap();
            sock.shutdown(Shutdown::Write).unwrap();
            let data = receives.await;
            assert_eq!(data.trim_ascii(), b"world");
        });
    }

    #[test]
    fn test_sock_client_connect_racing() {
        run_real(async {
            let address = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let cancelled = create_task(TcpStream::connect(address));
            yield_now().await;
            cancelled.cancel();
            let _listener = TcpListener::bind(address).unwrap();
            assert_eq!(TcpStream::connect(address).await.unwrap().peer_addr().unwrap(), address);
        });
    }

    /// Posts a great deal and reads it back meanwhile, in pieces of at most `room`.
    fn huge_content(room: usize) {
        run_real(async {
            let (address, server) = run_test_server();
            let chunk: Vec<u8> = b"0123456789".iter().copied().cycle().take(DATA_SIZE).collect();
            let sock = Rc::new(TcpStream::connect(address).await.unwrap());
            let head = format!("POST /loop HTTP/1.0\r\nContent-Length: {DATA_SIZE}\r\n\r\n");
            sock.write_all(head.as_bytes()).await.unwrap();
            let sends = create_task({
                let (sock, chunk) = (Rc::clone(&sock), chunk.clone());
                async move { sock.write_all(&chunk).await.unwrap() }
            });
            let data = read_to_end(&sock, room).await;
            assert!(data.starts_with(b"HTTP/1.0 200 OK"));
            let end = data.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of the head");
            assert!(data[end + 4..] == chunk);
            sends.await;
            server.join().unwrap();
        });
    }

    #[test]
    fn test_huge_content() {
        huge_content(DATA_SIZE);
    }

    #[test]
    fn test_huge_content_recvinto() {
        huge_content(4_000);
    }

    #[test]
    fn test_recvfrom() {
        run_real(async {
            let (address, server) = run_udp_echo_server();
            let sock = UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap();
            sock.send_to(&vec![1; 4_096], address).await.unwrap();
            let mut buffer = vec![0; 4_096];
            assert_eq!(sock.recv_from(&mut buffer).await.unwrap(), (4_096, address));
            assert_eq!(buffer, [1; 4_096]);
            server.join().unwrap();
        });
    }

    #[test]
    fn test_recvfrom_into() {
        run_real(async {
            let (address, server) = run_udp_echo_server();
            let sock = UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap();
            sock.send_to(&vec![1; 4_096], address).await.unwrap();
            let mut buffer = vec![0; 8_192];
            assert_eq!(sock.recv_from(&mut buffer[..4_096]).await.unwrap(), (4_096, address));
            assert_eq!(buffer[..4_096], [1; 4_096]);
            server.join().unwrap();
        });
    }

    #[test]
    fn test_sendto_blocking() {
        run_real(async {
            let (address, server) = run_udp_echo_server();
            let sock = StdUdp::bind("127.0.0.1:0").unwrap();
            sock.set_nonblocking(true).unwrap();
            let sock = Rc::new(Descriptor::new(sock).unwrap());
            let blocks = Rc::new(Cell::new(true));
            let sends = create_task({
                let (sock, blocks) = (Rc::clone(&sock), Rc::clone(&blocks));
                async move {
                    let send = |sock: &StdUdp| {
                        let refused = blocks.replace(false);
                        if refused { Err(ErrorKind::WouldBlock.into()) } else { sock.send_to(&[1; 4_096], address) }
                    };
                    sock.write_with(send).await
                }
            });
            yield_now().await;
            assert!(!blocks.get()); // it was refused once
            // the event of its registration is still to come, and says that there is room
            assert_eq!(sends.await.unwrap(), 4_096);
            let mut buffer = vec![0; 4_096];
            assert_eq!(sock.read_with(|sock| sock.recv_from(&mut buffer)).await.unwrap(), (4_096, address));
            server.join().unwrap();
        });
    }

    #[test]
    fn test_sock_client_fail() {
        run_real(async {
            let address = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let error = TcpStream::connect(address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        });
    }

    #[test]
    fn test_sock_accept() {
        run_real(async {
            let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
            let client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
            let (conn, address) = listener.accept().await.unwrap();
            let blocks = conn.get_ref().read(&mut [0]).unwrap_err();
            assert_eq!(blocks.kind(), ErrorKind::WouldBlock); // it is non-blocking
            assert_eq!(address, client.local_addr().unwrap());
            assert_eq!(client.peer_addr().unwrap(), listener.local_addr().unwrap());
        });
    }

    #[test]
    fn test_cancel_sock_accept() {
        run_real(async {
            let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
            let address = listener.local_addr().unwrap();
            assert!(timeout(ms(10), listener.accept()).await.is_err());
            drop(listener);
            let error = TcpStream::connect(address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        });
    }
}
