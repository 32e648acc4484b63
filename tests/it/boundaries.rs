//! Where a call stops although there is more: between packets, datagrams and lines, before urgent bytes, behind bytes
//! that came with a descriptor or from another sender, after 1024 pieces. No bytes may be left that no event tells of.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "the standard library makes no such sockets and pipes, and sends nothing of the kind")]

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Write as _};
use std::mem::size_of;
use std::net::TcpStream as StdTcp;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream as StdUnix;
use std::process::{Command, Stdio};
use std::ptr;
use std::time::Duration;

use oneloop::net::{PipeReader, TcpListener, TcpStream, UnixStream, pipe};
use oneloop::{StreamReader, create_task, timeout};

use crate::support::{ms, run_real};

/// Far longer than any wait here takes, so that only one that hangs reaches it.
const SOON: Duration = Duration::from_secs(20);

/// What the messages of these tests say.
const MESSAGES: [&[u8]; 4] = [b"one\n", b"two\n", b"three\n", b"four\n"];

fn checked(result: libc::c_int) -> libc::c_int {
    assert!(result >= 0, "{}", std::io::Error::last_os_error());
    result
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the caller has just been given it by the system, and gives it away.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Two Unix sockets of a type that are connected to each other.
fn sockets(kind: libc::c_int) -> (OwnedFd, OwnedFd) {
    let mut pair = [0; 2];
    // SAFETY: room for two numbers, alive for the call.
    checked(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr()) });
    (owned(pair[0]), owned(pair[1]))
}

/// The ends of a pipe: for reading, for writing.
fn os_pipe(flags: libc::c_int) -> (OwnedFd, OwnedFd) {
    let mut pair = [0; 2];
    // SAFETY: room for two numbers, alive for the call.
    checked(unsafe { libc::pipe2(pair.as_mut_ptr(), flags) });
    (owned(pair[0]), owned(pair[1]))
}

fn switch_to_packets(writer: &impl AsRawFd) {
    let fd = writer.as_raw_fd();
    // SAFETY: a call without pointers.
    let flags = checked(unsafe { libc::fcntl(fd, libc::F_GETFL) });
    // SAFETY: a call without pointers.
    checked(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_DIRECT) });
}

fn pass_credentials(socket: &impl AsRawFd) {
    let (fd, on): (_, libc::c_int) = (socket.as_raw_fd(), 1);
    let size = u32::try_from(size_of::<libc::c_int>()).unwrap();
    // SAFETY: one integer, alive for the call, of the size that is passed.
    checked(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_PASSCRED, (&raw const on).cast(), size) });
}

fn send(socket: &impl AsRawFd, bytes: &[u8], flags: libc::c_int) {
    // SAFETY: the bytes are alive for the call, and as many as is said.
    let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
    assert_eq!(usize::try_from(sent), Ok(bytes.len()), "{}", std::io::Error::last_os_error());
}

/// Sends bytes with a descriptor.
fn send_with_descriptor(socket: &impl AsRawFd, bytes: &[u8], descriptor: &impl AsRawFd) {
    #[repr(C)]
    struct Control {
        header: libc::cmsghdr,
        fd: RawFd,
    }
    let header = libc::cmsghdr {
        cmsg_len: size_of::<libc::cmsghdr>() + size_of::<RawFd>(),
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    let mut control = Control { header, fd: descriptor.as_raw_fd() };
    let mut piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let message = libc::msghdr {
        msg_name: ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: &raw mut piece,
        msg_iovlen: 1,
        msg_control: (&raw mut control).cast(),
        msg_controllen: size_of::<Control>(),
        msg_flags: 0,
    };
    // SAFETY: the message points to what is alive for the call and as long as is said.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) };
    assert_eq!(usize::try_from(sent), Ok(bytes.len()), "{}", std::io::Error::last_os_error());
}

/// Reads, with room for all messages each time, until they have all come. `read` returns one read.
async fn assert_all_come(mut read: impl AsyncFnMut(&mut [u8]) -> std::io::Result<usize>) {
    let (mut seen, mut room) = (Vec::new(), [0; 999]);
    while seen.len() < MESSAGES.concat().len() {
        let count = timeout(SOON, read(&mut room)).await.expect("a message is forgotten").unwrap();
        seen.extend(without_marks(&room[..count]));
    }
    assert_eq!(seen, MESSAGES.concat());
}

/// Reads the messages as lines.
async fn assert_all_lines_come(reader: StreamReader) {
    for message in MESSAGES {
        let line = timeout(SOON, reader.readline()).await.expect("a message is forgotten").unwrap();
        assert_eq!(without_marks(&line).collect::<Vec<_>>(), message);
    }
}

/// The bytes without the urgent ones. One that was not read before the next came is an ordinary byte.
fn without_marks(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().copied().filter(|byte| *byte != b'!')
}

/// Writes all messages at once, and reads them over a pipe's end and over a stream.
fn assert_a_pipe_forgets_none(make: impl Fn() -> (OwnedFd, OwnedFd)) {
    for as_stream in [false, true] {
        run_real(async {
            let (reader, writer) = make();
            let mut writer = File::from(writer);
            for message in MESSAGES {
                writer.write_all(message).unwrap();
            }
            let reader = PipeReader::from_fd(reader).unwrap();
            if as_stream {
                assert_all_lines_come(reader.into_stream()).await;
            } else {
                assert_all_come(async |room| reader.read(room).await).await;
            }
        });
    }
}

/// Reads what `send` sends over a Unix stream and over its buffered reader.
fn assert_a_connection_forgets_none(prepare: impl Fn(&StdUnix), send: impl Fn(&StdUnix)) {
    for as_stream in [false, true] {
        run_real(async {
            let (left, right) = StdUnix::pair().unwrap();
            prepare(&right);
            send(&left);
            let right = UnixStream::from_std(right).unwrap();
            if as_stream {
                assert_all_lines_come(right.into_streams().0).await;
            } else {
                assert_all_come(async |room| right.read(room).await).await;
            }
        });
    }
}

// Messages in what is read as a stream of bytes.

#[test]
fn packets_of_a_pipe_come_all() {
    assert_a_pipe_forgets_none(|| os_pipe(libc::O_DIRECT));
}

#[test]
fn a_pipe_of_this_loop_may_be_switched_to_packets_by_who_has_the_other_end() {
    run_real(async {
        let (reader, writer) = pipe().unwrap();
        let mut writer = File::from(writer.into_fd());
        writer.write_all(b"bytes").unwrap();
        assert_eq!(reader.read(&mut [0; 99]).await.unwrap(), 5);
        switch_to_packets(&writer);
        for message in MESSAGES {
            writer.write_all(message).unwrap();
        }
        assert_all_come(async |room| reader.read(room).await).await;
    });
}

#[test]
fn packets_that_are_written_over_a_full_pipe_all_go() {
    run_real(async {
        let (reader, writer) = pipe().unwrap();
        switch_to_packets(&writer);
        let bytes = vec![7; 300_000];
        let sent = bytes.clone();
        let writing = create_task(async move { writer.write_all(&sent).await });
        let (mut seen, mut room) = (Vec::new(), [0; 9_999]);
        loop {
            match timeout(SOON, reader.read(&mut room)).await.expect("a packet is forgotten").unwrap() {
                0 => break,
                count => seen.extend_from_slice(&room[..count]),
            }
        }
        writing.await.unwrap();
        assert!(seen == bytes);
    });
}

#[test]
fn datagrams_and_packets_of_a_socket_come_all() {
    for kind in [libc::SOCK_DGRAM, libc::SOCK_SEQPACKET, libc::SOCK_STREAM] {
        assert_a_pipe_forgets_none(|| sockets(kind));
    }
}

#[test]
fn a_socket_that_is_taken_over_as_what_it_is_not_forgets_nothing() {
    for kind in [libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
        run_real(async {
            let (left, right) = sockets(kind);
            for message in MESSAGES {
                send(&left, message, 0);
            }
            let right = UnixStream::from_std(StdUnix::from(right)).unwrap();
            assert_all_come(async |room| right.read(room).await).await;

            let (left, right) = sockets(kind);
            for message in MESSAGES {
                send(&left, message, 0);
            }
            let right = TcpStream::from_std(StdTcp::from(right)).unwrap();
            assert_all_come(async |room| right.read(room).await).await;
        });
    }
}

#[test]
fn the_lines_of_a_terminal_come_all() {
    let Ok(master) = File::options().read(true).write(true).open("/dev/ptmx") else {
        return crate::support::skip("there are no terminals");
    };
    run_real(async {
        // the terminal sends back what is written, line by line
        let (mut writer, reader) = (master.try_clone().unwrap(), PipeReader::from_fd(master.into()).unwrap());
        for message in MESSAGES {
            writer.write_all(message).unwrap();
        }
        let mut seen = Vec::new();
        while !seen.ends_with(b"four\r\n") {
            let mut room = [0; 99];
            let count = timeout(SOON, reader.read(&mut room)).await.expect("a line is forgotten").unwrap();
            seen.extend_from_slice(&room[..count]);
        }
    });
}

// What goes along with the bytes of a Unix stream.

#[test]
fn bytes_behind_those_of_another_sender_come() {
    assert_a_connection_forgets_none(pass_credentials, |mut socket| {
        for (at, message) in MESSAGES.into_iter().enumerate() {
            if at % 2 == 0 {
                socket.write_all(message).unwrap();
            } else {
                let text = String::from_utf8(message.to_vec()).unwrap();
                let other = Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
                assert!(Command::new("printf").arg(text).stdout(other).status().unwrap().success());
            }
        }
    });
}

#[test]
fn bytes_behind_a_descriptor_come() {
    assert_a_connection_forgets_none(
        |_| (),
        |mut socket| {
            for (at, message) in MESSAGES.into_iter().enumerate() {
                if at % 2 == 0 {
                    send_with_descriptor(socket, message, socket);
                } else {
                    socket.write_all(message).unwrap();
                }
            }
        },
    );
}

#[test]
fn bytes_behind_urgent_ones_of_a_unix_stream_come() {
    let (probe, _other) = StdUnix::pair().unwrap();
    // SAFETY: one byte, alive for the call.
    if unsafe { libc::send(probe.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) } < 0 {
        return crate::support::skip("this system has no urgent bytes on Unix sockets");
    }
    assert_a_connection_forgets_none(
        |_| (),
        |socket| {
            for message in MESSAGES {
                send(socket, message, 0);
                send(socket, b"!", libc::MSG_OOB);
            }
        },
    );
}

/// The urgent byte may be heard of before, with and after the bytes around it.
#[test]
fn bytes_behind_urgent_ones_of_a_tcp_stream_come() {
    for heard in 0..4 {
        for as_stream in [false, true] {
            run_real(async {
                let (left, right) = connection().await;
                let mut parts = Vec::new();
                for message in MESSAGES {
                    parts.extend([(message, 0), (b"!", libc::MSG_OOB)]);
                }
                for (at, (bytes, flags)) in parts.into_iter().enumerate() {
                    send(left.get_ref(), bytes, flags);
                    if at == heard {
                        // by then the loop has heard of what was sent so far
                        oneloop::sleep(ms(2)).await;
                    }
                }
                if as_stream {
                    assert_all_lines_come(right.into_streams().0).await;
                } else {
                    assert_all_come(async |room| right.read(room).await).await;
                }
            });
        }
    }
}

// More pieces than a call takes.

/// Both ends of a TCP connection.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
    let client = create_task(TcpStream::connect(listener.local_addr().unwrap()));
    let (server, _) = listener.accept().await.unwrap();
    (client.await.unwrap(), server)
}

const PIECES: usize = 2_500;

/// Writes `PIECES` pieces of a byte, in as many calls as that takes.
async fn write_pieces(mut write: impl AsyncFnMut(&[IoSlice<'_>]) -> std::io::Result<usize>) {
    let bytes = vec![7; PIECES];
    let pieces: Vec<_> = bytes.chunks(1).map(IoSlice::new).collect();
    let mut sent = 0;
    while sent < PIECES {
        sent += timeout(SOON, write(&pieces[sent..])).await.expect("there is room").unwrap();
    }
}

/// Reads them into as many places, in as many calls as that takes.
async fn read_pieces(mut read: impl AsyncFnMut(&mut [IoSliceMut<'_>]) -> std::io::Result<usize>) {
    let mut bytes = vec![0; PIECES];
    let mut got = 0;
    while got < PIECES {
        let mut places: Vec<_> = bytes[got..].chunks_mut(1).map(IoSliceMut::new).collect();
        got += timeout(SOON, read(&mut places)).await.expect("there are more bytes").unwrap();
    }
    assert_eq!(bytes, vec![7; PIECES]);
}

#[test]
fn more_pieces_than_a_call_takes_go_in_several_calls() {
    run_real(async {
        let (left, right) = connection().await;
        write_pieces(async |pieces| left.write_vectored(pieces).await).await;
        timeout(SOON, left.write(b"one more")).await.expect("there is room").unwrap();
        read_pieces(async |places| right.read_vectored(places).await).await;
        let mut rest = [0; 99];
        assert_eq!(timeout(SOON, right.read(&mut rest)).await.expect("there are more bytes").unwrap(), 8);

        let (left, right) = UnixStream::pair().unwrap();
        write_pieces(async |pieces| left.write_vectored(pieces).await).await;
        read_pieces(async |places| right.read_vectored(places).await).await;

        let (reader, writer) = pipe().unwrap();
        write_pieces(async |pieces| writer.write_vectored(pieces).await).await;
        read_pieces(async |places| reader.read_vectored(places).await).await;
    });
}

#[test]
fn empty_pieces_in_front_are_no_end_of_the_stream() {
    run_real(async {
        let (left, right) = connection().await;
        let mut pieces = vec![IoSlice::new(b""); PIECES];
        pieces.push(IoSlice::new(b"here"));
        assert_eq!(left.write_vectored(&pieces).await.unwrap(), 4);
        let mut room = [0; 9];
        let mut places: Vec<_> = (0..PIECES).map(|_| IoSliceMut::new(&mut [])).collect();
        places.push(IoSliceMut::new(&mut room));
        assert_eq!(right.read_vectored(&mut places).await.unwrap(), 4);
        assert_eq!(left.write_vectored(&pieces[..PIECES]).await.unwrap(), 0);
        places.truncate(PIECES);
        assert_eq!(right.read_vectored(&mut places).await.unwrap(), 0);
    });
}
