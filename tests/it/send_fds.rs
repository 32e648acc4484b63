//! Descriptors through Unix connections.
#![cfg(unix)]

use std::io::{ErrorKind, Read as _, Write as _};
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd as _;
use std::os::fd::{AsFd, BorrowedFd};

use oneloop::net::UnixStream;
use oneloop::{create_task, yield_now};

use crate::support::run_real;

/// A pipe of the standard library, to be sent.
fn pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    std::io::pipe().expect("a pipe")
}

#[test]
fn a_descriptor_arrives_with_its_bytes_and_is_the_same_file() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let (mut reader, writer) = pipe();
        assert_eq!(left.send_fds(b"pipe", &[writer.as_fd()]).await.unwrap(), 4);
        drop(writer);
        let mut bytes = [0; 10];
        let (count, mut fds) = right.recv_fds(&mut bytes).await.unwrap();
        assert_eq!((&bytes[..count], fds.len()), (b"pipe".as_slice(), 1));
        std::io::PipeWriter::from(fds.remove(0)).write_all(b"through it").unwrap();
        let mut got = String::new();
        reader.read_to_string(&mut got).unwrap(); // ends, so there was no other copy
        assert_eq!(got, "through it");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_received_descriptor_is_closed_in_new_programs() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        left.send_fds(b".", &[left.as_fd()]).await.unwrap();
        let (_, fds) = right.recv_fds(&mut [0; 1]).await.unwrap();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fds[0].as_raw_fd())).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags");
        let flags = i32::from_str_radix(flags.trim(), 8).expect("an octal number");
        assert_eq!(flags & libc::O_CLOEXEC, libc::O_CLOEXEC);
    });
}

#[test]
fn as_many_as_a_message_carries_arrive_in_order() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let pipes: Vec<_> = (0..253).map(|_| pipe().1).collect();
        let fds: Vec<BorrowedFd<'_>> = pipes.iter().map(AsFd::as_fd).collect();
        left.send_fds(b"all", &fds).await.unwrap();
        let (_, got) = right.recv_fds(&mut [0; 10]).await.unwrap();
        assert_eq!(got.len(), 253);
        let error = left.send_fds(b"too many", &[fds.as_slice(), &fds[..1]].concat()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "descriptors go with at least one byte, and at most 253 at a time");
    });
}

#[test]
fn without_a_byte_nothing_is_sent() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        assert_eq!(left.send_fds(b"", &[left.as_fd()]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(left.send_fds(b"no descriptor", &[]).await.unwrap(), 13);
        let (count, fds) = right.recv_fds(&mut [0; 100]).await.unwrap();
        assert_eq!((count, fds.len()), (13, 0));
        assert_eq!(right.recv_fds(&mut []).await.unwrap().0, 0);
        drop(left);
        assert_eq!(right.recv_fds(&mut [0]).await.unwrap().0, 0, "the end");
    });
}

#[test]
fn a_receiver_waits_and_may_be_cancelled_without_loss() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let right = std::rc::Rc::new(right);
        let same = right.clone();
        let waiting =
            create_task(async move { same.recv_fds(&mut [0; 10]).await.map(|(count, fds)| (count, fds.len())) });
        yield_now().await;
        waiting.cancel();
        waiting.into_outcome().await.unwrap_err();
        left.send_fds(b"later", &[left.as_fd()]).await.unwrap();
        let (count, fds) = right.recv_fds(&mut [0; 10]).await.unwrap();
        assert_eq!((count, fds.len()), (5, 1));
    });
}
