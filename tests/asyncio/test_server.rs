//! CPython's `test_server.py` for this API. The clients of `start_server_1` are blocking sockets in a thread.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream as StdTcpStream;
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::rc::Rc;
use std::thread;

use oneloop::net::UnixListener;
use oneloop::{
    Error, Server, StreamReader, StreamWriter, TaskHandle, create_future, create_task, current_task, open_connection,
    start_server, yield_now,
};

use crate::support::{run, socket_path, try_run};

/// Sends a long line, reads one byte, goes.
fn client(mut stream: impl Read + Write) {
    stream.write_all(&[&[b'1'; 5 * 1024][..], b"\n"].concat()).expect("it is read");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("an answer");
    assert_eq!(&byte, b"1");
}

/// A handler that ends the main task when its client has spoken.
fn ending(main: Rc<RefCell<Option<TaskHandle>>>) -> impl AsyncFn(StreamReader, StreamWriter) {
    async move |reader: StreamReader, writer: StreamWriter| {
        reader.readline().await.expect("a line");
        main.borrow().as_ref().expect("a main task").cancel();
        writer.write("1");
        writer.close();
        writer.wait_closed().await.expect("all was sent");
    }
}

async fn assert_is_closed(server: &Server) {
    assert!(server.local_addrs().is_empty());
    assert!(!server.is_serving());
    // asyncio raises RuntimeError; what is closed has been served
    server.serve_forever().await;
}

/// Reads until the end, and closes.
async fn until_the_end(reader: StreamReader, writer: StreamWriter) {
    reader.read_to_end().await.expect("the end");
    writer.close();
    writer.wait_closed().await.expect("all was sent");
}

mod base_start_server {
    use super::*;

    #[test]
    fn test_start_server_1() {
        let main = Rc::new(RefCell::new(None));
        let ended = try_run(async {
            main.replace(current_task());
            let builder = Server::builder().start_serving(false);
            let server = builder.listen(ending(Rc::clone(&main)), ("127.0.0.1", 0)).await.expect("a server");
            assert!(!server.is_serving());
            let address = server.local_addrs()[0];
            let peer = thread::spawn(move || client(StdTcpStream::connect(address).expect("a connection")));
            let ended = oneloop::catch_cancelled(server.serve_forever()).await;
            peer.join().expect("no panic");
            assert_is_closed(&server).await;
            ended.expect_err("it was cancelled").reraise().await;
        });
        assert!(matches!(ended, Err(Error::Cancelled(_))));
    }
}

mod selector_start_server_tests {
    use super::*;

    #[test]
    fn test_start_unix_server_1() {
        let (path, main) = (socket_path("start-1"), Rc::new(RefCell::new(None)));
        let ended = try_run(async {
            main.replace(current_task());
            let builder = Server::builder().start_serving(false);
            let server = builder.listen_unix(ending(Rc::clone(&main)), &path).expect("a server");
            assert!(!server.is_serving());
            server.start_serving();
            assert!(server.is_serving());
            let to = path.clone();
            let peer = thread::spawn(move || client(StdUnixStream::connect(to).expect("a connection")));
            let ended = oneloop::catch_cancelled(server.serve_forever()).await;
            peer.join().expect("no panic");
            assert_is_closed(&server).await;
            ended.expect_err("it was cancelled").reraise().await;
        });
        assert!(matches!(ended, Err(Error::Cancelled(_))));
    }
}

mod test_server2 {
    use super::*;

    #[test]
    fn test_wait_closed_basic() {
        run(async {
            let server = start_server(until_the_end, ("127.0.0.1", 0)).await.expect("a server");
            let waiting = || {
                let server = server.clone();
                create_task(async move { server.wait_closed().await })
            };
            // open, without a client
            let first = waiting();
            yield_now().await;
            assert!(!first.done());
            // open, with a client
            let (_reader, writer) = open_connection(server.local_addrs()[0]).await.expect("a connection");
            while server.client_count() == 0 {
                yield_now().await;
            }
            let second = waiting();
            yield_now().await;
            assert!(!first.done() && !second.done());
            // closed, with a client
            server.close();
            yield_now().await;
            let third = waiting();
            yield_now().await;
            assert!(!first.done() && !second.done() && !third.done());
            // closed, without a client
            writer.close();
            writer.wait_closed().await.expect("all was sent");
            first.await;
            second.await;
            third.await;
            server.wait_closed().await;
        });
    }

    #[test]
    fn test_wait_closed_race() {
        run(async {
            let server = start_server(until_the_end, ("127.0.0.1", 0)).await.expect("a server");
            let other = server.clone();
            let waiting = create_task(async move { other.wait_closed().await });
            yield_now().await;
            assert!(!waiting.done());
            let (_reader, writer) = open_connection(server.local_addrs()[0]).await.expect("a connection");
            while server.client_count() == 0 {
                yield_now().await;
            }
            let (lp, closing) = (oneloop::EventLoop::current(), server.clone());
            lp.call_soon(move || closing.close());
            lp.call_soon(move || writer.close());
            server.wait_closed().await;
            waiting.await;
        });
    }

    #[test]
    fn test_close_clients() {
        run(async {
            let server = start_server(until_the_end, ("127.0.0.1", 0)).await.expect("a server");
            let _streams = open_connection(server.local_addrs()[0]).await.expect("a connection");
            while server.client_count() == 0 {
                yield_now().await;
            }
            let other = server.clone();
            let waiting = create_task(async move { other.wait_closed().await });
            yield_now().await;
            assert!(!waiting.done());
            server.close();
            server.close_clients();
            yield_now().await;
            yield_now().await;
            assert!(waiting.done());
        });
    }

    #[test]
    fn test_abort_clients() {
        run(async {
            let came = create_future();
            let setter = came.clone();
            let handler = async move |reader: StreamReader, writer: StreamWriter| {
                let ending = writer.clone();
                setter.set_result((reader, writer)).expect("one client");
                // it ends by an abort, which is no error
                ending.wait_closed().await.expect("no error");
            };
            let server = start_server(handler, ("127.0.0.1", 0)).await.expect("a server");
            let _client = open_connection(server.local_addrs()[0]).await.expect("a connection");
            let (_reader, writer) = came.await;
            // the client reads nothing: sooner or later something stays here
            while writer.write_buffer_size() == 0 {
                writer.write(vec![b'a'; 64 * 1024]);
            }
            let other = server.clone();
            let waiting = create_task(async move { other.wait_closed().await });
            yield_now().await;
            assert!(!waiting.done());
            server.close();
            server.close_clients();
            yield_now().await;
            yield_now().await;
            assert!(!waiting.done()); // closing would wait for the client
            server.abort_clients();
            yield_now().await;
            yield_now().await;
            assert!(waiting.done());
        });
    }
}

mod unix_server_cleanup_tests {
    use super::*;

    async fn nothing(_reader: StreamReader, _writer: StreamWriter) {}

    #[test]
    fn test_unix_server_addr_cleanup() {
        let path = socket_path("addr-cleanup");
        run(async {
            let server = oneloop::start_unix_server(nothing, &path).await.expect("a server");
            assert!(path.exists());
            server.close();
            assert!(!path.exists());
        });
    }

    #[test]
    fn test_unix_server_sock_cleanup() {
        let path = socket_path("sock-cleanup");
        run(async {
            let socket = StdUnixListener::bind(&path).expect("a path");
            let server = Server::builder().over(nothing, [UnixListener::from_std(socket).expect("a listener")]);
            server.close();
            assert!(!path.exists());
        });
    }

    #[test]
    fn test_unix_server_cleanup_gone() {
        let path = socket_path("cleanup-gone");
        run(async {
            let server = oneloop::start_unix_server(nothing, &path).await.expect("a server");
            std::fs::remove_file(&path).expect("it is there");
            server.close();
            assert!(!server.is_serving());
        });
    }

    #[test]
    fn test_unix_server_cleanup_replaced() {
        let path = socket_path("cleanup-replaced");
        run(async {
            let server = oneloop::start_unix_server(nothing, &path).await.expect("a server");
            std::fs::remove_file(&path).expect("it is there");
            let _other = StdUnixListener::bind(&path).expect("a path");
            server.close();
            assert!(path.exists());
        });
        std::fs::remove_file(&path).expect("it is there");
    }

    #[test]
    fn test_unix_server_cleanup_prevented() {
        let path = socket_path("cleanup-prevented");
        run(async {
            let server = Server::builder().cleanup_socket(false).listen_unix(nothing, &path).expect("a server");
            server.close();
            assert!(path.exists());
        });
        std::fs::remove_file(&path).expect("it is there");
    }
}
