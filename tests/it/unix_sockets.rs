//! Unix sockets: streams and datagrams, and the paths that they are found by.
#![cfg(unix)]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use oneloop::net::{UnixDatagram, UnixListener, UnixStream};
use oneloop::{Server, create_task, gather, open_unix_connection, start_unix_server, yield_now};

use crate::support::{run_real, virtual_loop};

/// A path of its own, which goes with it.
struct Place(PathBuf);

fn place() -> Place {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    Place(std::env::temp_dir().join(format!("oneloop-{}-{number}.socket", std::process::id())))
}

impl AsRef<Path> for Place {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

// Streams.

#[test]
fn a_thread_connects_and_is_answered() {
    run_real(async {
        let place = place();
        let listener = UnixListener::bind(&place).unwrap();
        let path = place.0.clone();
        let thread = thread::spawn(move || {
            let mut socket = StdStream::connect(path).unwrap();
            socket.write_all(b"hello").unwrap();
            socket.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).unwrap();
            answer
        });
        let (stream, _) = listener.accept().await.unwrap();
        let mut word = [0; 9];
        assert_eq!(stream.read(&mut word).await.unwrap(), 5);
        assert_eq!(stream.read(&mut word).await.unwrap(), 0);
        stream.write_all(b"bye").await.unwrap();
        drop(stream);
        assert_eq!(thread.join().unwrap(), "bye");
    });
}

#[test]
fn a_connection_to_a_server_in_a_thread() {
    run_real(async {
        let place = place();
        let listener = StdListener::bind(&place).unwrap();
        let thread = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            socket.write_all(&byte).unwrap();
        });
        let stream = UnixStream::connect(&place).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&*place.0));
        stream.write_all(b"x").await.unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn a_peer_that_is_not_there_is_an_error() {
    run_real(async {
        let place = place();
        assert_eq!(UnixStream::connect(&place).await.unwrap_err().kind(), ErrorKind::NotFound);
        drop(StdListener::bind(&place).unwrap());
        assert_eq!(UnixStream::connect(&place).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_client_that_finds_no_room_waits_for_it() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let place = place();
        let listener = UnixListener::bind(&place).unwrap();
        listener.set_backlog(0).unwrap();
        let path = place.0.clone();
        let clients: Vec<_> = (0..5).map(|_| create_task(UnixStream::connect(path.clone()))).collect();
        for _ in 0..3 {
            yield_now().await;
        }
        assert!(clients.iter().filter(|client| client.done()).count() < 5);
        for _ in 0..5 {
            listener.accept().await.unwrap();
        }
        assert!(gather(clients).await.iter().all(Result::is_ok));
    })
    .unwrap();
}

#[test]
fn a_pair_and_its_halves() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let (reader, writer) = left.into_split();
        writer.write_all(b"one").await.unwrap();
        drop(writer);
        let mut buffer = [0; 9];
        assert_eq!(right.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(right.read(&mut buffer).await.unwrap(), 0);
        right.write_all(b"two!").await.unwrap();
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 4);
    });
}

// Paths.

#[test]
fn a_stale_socket_is_removed_and_anything_else_is_left() {
    run_real(async {
        let place = place();
        drop(StdListener::bind(&place).unwrap()); // the standard library leaves the path
        assert!(place.0.exists());
        let listener = UnixListener::bind(&place).unwrap();
        drop(listener);
        fs::write(&place, "a file").unwrap();
        let error = UnixListener::bind(&place).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&*place.0.to_string_lossy()), "{error}");
        assert_eq!(fs::read_to_string(&place).unwrap(), "a file");
        let nowhere = place.0.join("deeper");
        assert!(UnixListener::bind(nowhere).is_err());
    });
}

#[test]
fn the_path_goes_with_the_listener_if_it_is_still_its_own() {
    run_real(async {
        let place = place();
        let listener = UnixListener::bind(&place).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*place.0));
        drop(listener);
        assert!(!place.0.exists());

        let listener = UnixListener::bind(&place).unwrap();
        fs::remove_file(&place).unwrap();
        drop(listener); // gone already: no harm

        let listener = UnixListener::bind(&place).unwrap();
        let other = UnixListener::bind(&place).unwrap(); // takes the path over
        drop(listener);
        assert!(place.0.exists());
        UnixStream::connect(&place).await.unwrap();
        drop(other);
        assert!(!place.0.exists());
    });
}

#[test]
fn the_path_stays_if_it_is_asked_to() {
    run_real(async {
        let place = place();
        drop(UnixListener::bind(&place).unwrap().keep_path());
        assert!(place.0.exists());
        drop(UnixListener::bind(&place).unwrap().into_std());
        assert!(place.0.exists());
        fs::remove_file(&place).unwrap();
        drop(UnixListener::from_std(StdListener::bind(&place).unwrap()).unwrap());
        assert!(!place.0.exists());
    });
}

// Datagrams.

#[test]
fn datagrams_come_whole_and_in_order() {
    run_real(async {
        let (left, right) = UnixDatagram::pair().unwrap();
        for word in ["one", "", "three"] {
            left.send(word.as_bytes()).await.unwrap();
        }
        let mut buffer = [0; 100];
        for word in ["one", "", "three"] {
            let n = right.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..n], word.as_bytes());
        }
    });
}

#[test]
fn by_path_and_back() {
    run_real(async {
        let (one, two) = (place(), place());
        let (server, client) = (UnixDatagram::bind(&one).unwrap(), UnixDatagram::bind(&two).unwrap());
        client.send_to(b"ping", &one).await.unwrap();
        let mut buffer = [0; 9];
        let (n, from) = server.recv_from(&mut buffer).await.unwrap();
        assert_eq!((n, from.as_pathname()), (4, Some(&*two.0)));
        server.connect(&two).unwrap();
        server.send(b"pong").await.unwrap();
        assert_eq!(client.recv(&mut buffer).await.unwrap(), 4);
        let nameless = UnixDatagram::unbound().unwrap();
        nameless.connect(&two).unwrap();
        assert!(nameless.local_addr().unwrap().is_unnamed());
        drop(client);
        let again = UnixDatagram::bind(&two).unwrap(); // the stale path is removed
        assert_eq!(again.local_addr().unwrap().as_pathname(), Some(&*two.0));
    });
}

#[test]
fn a_sender_waits_while_the_other_side_has_too_many_to_read() {
    for connected in [true, false] {
        run_real(async move {
            let place = place();
            let receiver = UnixDatagram::bind(&place).unwrap();
            let path = place.0.clone();
            let sent = Rc::new(std::cell::Cell::new(0_u32));
            // two senders: the room that is missing was not always taken by oneself
            let senders: Vec<_> = (0..2)
                .map(|_| {
                    let (path, sent) = (path.clone(), Rc::clone(&sent));
                    create_task(async move {
                        let socket = UnixDatagram::unbound().unwrap();
                        if connected {
                            socket.connect(&path).unwrap();
                        }
                        for _ in 0..500 {
                            if connected {
                                socket.send(b"x").await.unwrap();
                            } else {
                                socket.send_to(b"x", &path).await.unwrap();
                            }
                            sent.set(sent.get() + 1);
                        }
                    })
                })
                .collect();
            for _ in 0..200 {
                yield_now().await;
            }
            assert!(sent.get() < 1_000, "no task had to wait");
            let mut buffer = [0; 9];
            for _ in 0..1_000 {
                receiver.recv(&mut buffer).await.unwrap();
            }
            gather(senders).await;
        });
    }
}

// Names without a file.

/// A path that stands for a name of its own.
#[cfg(target_os = "linux")]
fn abstract_path() -> String {
    let place = place();
    format!("\0{}", place.0.display())
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_begins_with_a_nul_is_a_name_without_a_file() {
    run_real(async {
        let path = abstract_path();
        let server = start_unix_server(async |reader, writer| writer.write(reader.readline().await.unwrap()), &path);
        let server = server.await.unwrap();
        let (reader, writer) = open_unix_connection(&path).await.unwrap();
        writer.write("echo\n");
        assert_eq!(reader.readline().await.unwrap(), b"echo\n");

        let said = UnixListener::bind(&path).unwrap_err().to_string();
        assert_eq!(said, format!("address @{} is already in use", &path[1..]));
        server.close();
        let refused = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert!(refused.to_string().starts_with(&format!("cannot connect to @{}: ", &path[1..])), "{refused}");

        let (path, other) = (abstract_path(), abstract_path());
        let (receiver, sender) = (UnixDatagram::bind(&path).unwrap(), UnixDatagram::bind(&other).unwrap());
        sender.send_to(b"one", &path).await.unwrap();
        sender.connect(&path).unwrap();
        sender.send(b"two").await.unwrap();
        let mut room = [0; 9];
        assert_eq!(receiver.recv_from(&mut room).await.unwrap().0, 3);
        let (count, from) = receiver.recv_from(&mut room).await.unwrap();
        assert_eq!(&room[..count], b"two");
        receiver.connect_addr(&from).unwrap();
        receiver.send(b"back").await.unwrap();
        assert_eq!(sender.recv(&mut room).await.unwrap(), 4);
        receiver.send_to_addr(b"again", &from).await.unwrap();
        assert_eq!(sender.recv(&mut room).await.unwrap(), 5);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_of_the_standard_library_may_be_a_name_without_a_file() {
    use std::os::linux::net::SocketAddrExt as _;
    run_real(async {
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&abstract_path()[1..]).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let to = address.clone();
        let client = create_task(async move { UnixStream::connect_addr(&to).await.unwrap().write_all(b"x").await });
        let (stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 1);
        client.await.unwrap();
        let server = Server::builder().over(async |_, writer| writer.write("served"), [listener]);
        let stream = UnixStream::connect_addr(&address).await.unwrap();
        let mut room = [0; 6];
        stream.read_exact(&mut room).await.unwrap();
        assert_eq!(&room, b"served");
        server.close();
        let name = std::os::unix::net::SocketAddr::from_abstract_name(&abstract_path()[1..]).unwrap();
        assert!(UnixDatagram::bind_addr(&name).is_ok());
    });
}

#[test]
fn errors_of_paths_name_them() {
    run_real(async {
        let place = place();
        let shown = place.0.display().to_string();
        let said = [
            UnixStream::connect(&place).await.unwrap_err().to_string(),
            UnixDatagram::unbound().unwrap().connect(&place).unwrap_err().to_string(),
            open_unix_connection(&place).await.unwrap_err().to_string(),
        ];
        assert!(said.iter().all(|said| said.starts_with(&format!("cannot connect to {shown}: "))), "{said:?}");
        let nowhere = place.0.join("below");
        let said = UnixListener::bind(&nowhere).unwrap_err().to_string();
        assert!(said.starts_with(&format!("while attempting to bind on {}: ", nowhere.display())), "{said}");
    });
}

// Looking first, not waiting, and who it is.

#[test]
fn what_is_peeked_at_is_read_afterwards() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        left.write_all(b"hello").await.unwrap();
        let mut bytes = [0; 9];
        assert_eq!(right.peek(&mut []).await.unwrap(), 0);
        assert_eq!(right.peek(&mut bytes[..2]).await.unwrap(), 2);
        assert_eq!(right.peek(&mut bytes).await.unwrap(), 5);
        assert_eq!(right.read(&mut bytes).await.unwrap(), 5);
        drop(left);
        assert_eq!(right.peek(&mut bytes).await.unwrap(), 0);

        let (left, right) = UnixDatagram::pair().unwrap();
        left.send(b"hello").await.unwrap();
        assert_eq!(right.peek(&mut bytes[..2]).await.unwrap(), 2);
        assert_eq!(right.recv(&mut bytes).await.unwrap(), 5);
        assert_eq!(&bytes[..5], b"hello");
    });
}

#[test]
fn tries_never_wait() {
    run_real(async {
        let place = place();
        let right = UnixDatagram::bind(&place).unwrap();
        let mut bytes = [0; 9];
        assert_eq!(right.try_recv_from(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
        let left = UnixDatagram::unbound().unwrap();
        left.connect(&place).unwrap();
        let mut sent = 0;
        let full = loop {
            match left.try_send(b"full") {
                Ok(_) => sent += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        right.readable().await;
        assert_eq!(right.try_recv_from(&mut bytes).unwrap().0, 4);
        for _ in 1..sent {
            right.recv(&mut bytes).await.unwrap();
        }
        assert_eq!(right.try_recv(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
        // there is room again, of which the system tells
        left.writable().await;
        assert_eq!(left.try_send(b"room").unwrap(), 4);
        assert_eq!(right.recv(&mut bytes).await.unwrap(), 4);
    });
}

#[test]
fn a_listener_is_readable_while_a_client_waits_and_a_try_never_does() {
    run_real(async {
        let place = place();
        let listener = UnixListener::bind(&place).unwrap();
        assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let client = StdStream::connect(&place).unwrap();
        listener.readable().await;
        let (stream, _) = listener.try_accept().unwrap();
        assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        stream.write_all(b"x").await.unwrap();
        (&client).read_exact(&mut [0; 1]).unwrap();
    });
}

#[test]
fn a_connection_tells_whose_it_is() {
    run_real(async {
        let place = place();
        let listener = UnixListener::bind(&place).unwrap();
        let client = UnixStream::connect(&place).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let file = fs::metadata(&place).unwrap();
        for end in [client, stream] {
            let peer = end.peer_cred().unwrap();
            assert_eq!(peer.uid(), file.uid());
            assert_eq!(peer.gid(), file.gid());
            #[cfg(any(target_os = "linux", target_os = "macos"))]
            assert_eq!(peer.pid(), Some(std::process::id()));
            // as a stream, it tells the same
            let (_reader, writer) = end.into_streams();
            assert_eq!(writer.peer_cred().unwrap(), peer);
            writer.close();
            writer.wait_closed().await.unwrap();
            assert!(writer.peer_cred().is_err());
        }
    });
}
