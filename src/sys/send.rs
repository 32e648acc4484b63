//! What is sent that is not in a buffer of the program: the bytes of a file, and descriptors beside bytes. Owns the raw
//! calls; must not know the loop.
#![expect(unsafe_code, reason = "calls into libc")]
#![cfg_attr(target_os = "linux", expect(clippy::unnecessary_cast, reason = "lengths have another type elsewhere"))]

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::{io, mem};

use super::result::count;

/// The most descriptors that one message carries, by Linux's own limit.
pub(crate) const DESCRIPTORS_MAX: usize = 253;

/// Sends bytes of a file from `offset` on, `most` at the most, and returns how many. 0 is the end of the file.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn file(socket: &impl AsRawFd, file: &File, offset: u64, most: usize) -> io::Result<usize> {
    let mut offset = libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the offset is alive for the call; the descriptors are live.
    let sent = unsafe { libc::sendfile(socket.as_raw_fd(), file.as_raw_fd(), &raw mut offset, most) };
    count(sent)
}

/// Elsewhere a file is read and sent.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn file(_socket: &impl AsRawFd, _file: &File, _offset: u64, _most: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Room for the ancillary data of a message with the most descriptors, aligned as its header.
#[repr(C, align(8))]
struct Ancillary {
    bytes: [u8; ANCILLARY_BYTES],
}

const ANCILLARY_BYTES: usize = space_of(DESCRIPTORS_MAX * size_of::<libc::c_int>());
/// Where the data behind a header begins.
const DATA_AT: usize = {
    // SAFETY: arithmetic alone.
    (unsafe { libc::CMSG_LEN(0) }) as usize
};

/// The bytes that a header and so much data take.
#[expect(clippy::cast_possible_truncation, reason = "ancillary data is small")]
const fn space_of(data: usize) -> usize {
    // SAFETY: arithmetic alone.
    (unsafe { libc::CMSG_SPACE(data as u32) }) as usize
}

impl Ancillary {
    fn new() -> Self {
        Self { bytes: [0; ANCILLARY_BYTES] }
    }

    /// Puts a header and the descriptors there, and returns how many bytes they take.
    fn put(&mut self, fds: &[BorrowedFd<'_>]) -> usize {
        let length = size_of_val(fds);
        // SAFETY: a structure of integers, for which zeros are fine.
        let mut header: libc::cmsghdr = unsafe { mem::zeroed() };
        header.cmsg_level = libc::SOL_SOCKET;
        header.cmsg_type = libc::SCM_RIGHTS;
        header.cmsg_len = (DATA_AT + length) as _;
        // SAFETY: there is room for a header, and the bytes are aligned for it.
        unsafe { (&raw mut *self).cast::<libc::cmsghdr>().write(header) };
        for (place, fd) in self.bytes[DATA_AT..].chunks_exact_mut(size_of::<libc::c_int>()).zip(fds) {
            place.copy_from_slice(&fd.as_raw_fd().to_ne_bytes());
        }
        space_of(length)
    }

    /// Takes the descriptors out of the first `length` bytes, which the system has filled.
    fn take(&self, length: usize) -> Vec<OwnedFd> {
        let (mut fds, mut at) = (Vec::new(), 0);
        while at + DATA_AT <= length {
            let place: *const u8 = &raw const self.bytes[at];
            // SAFETY: a header is there, of integers; it need not be aligned.
            let header = unsafe { place.cast::<libc::cmsghdr>().read_unaligned() };
            let whole = header.cmsg_len as usize;
            if whole < DATA_AT {
                break;
            }
            if (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let data = &self.bytes[at + DATA_AT..length.min(at + whole)];
                fds.extend(data.as_chunks().0.iter().map(|bytes| received(libc::c_int::from_ne_bytes(*bytes))));
            }
            at += space_of(whole - DATA_AT);
        }
        fds
    }
}

/// A descriptor that the system has just put into this process.
fn received(fd: libc::c_int) -> OwnedFd {
    // SAFETY: nothing else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    // SAFETY: a call without pointers on a live descriptor.
    unsafe {
        libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC)
    };
    fd
}

/// Sends bytes, and copies of descriptors with the first of them. Returns how many bytes were sent, at least one.
pub(crate) fn descriptors(socket: &UnixStream, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut ancillary = Ancillary::new();
    let mut piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut message = message_of(&mut piece);
    if !fds.is_empty() {
        message.msg_controllen = ancillary.put(fds) as _;
        message.msg_control = (&raw mut ancillary).cast();
    }
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let flags = libc::MSG_NOSIGNAL;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let flags = 0;
    // SAFETY: the message, the bytes and the ancillary data are alive for the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) };
    count(sent)
}

/// Receives bytes, and the descriptors that came with them, which are close-on-exec.
pub(crate) fn receive_descriptors(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut ancillary = Ancillary::new();
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut message = message_of(&mut piece);
    message.msg_control = (&raw mut ancillary).cast();
    message.msg_controllen = ANCILLARY_BYTES as _;
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let flags = libc::MSG_CMSG_CLOEXEC;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let flags = 0;
    // SAFETY: the message, the buffer and the place for ancillary data are alive for the call.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let bytes = count(received)?;
    let fds = ancillary.take(message.msg_controllen as usize);
    if message.msg_flags & libc::MSG_CTRUNC != 0 {
        let lost = "this process is out of descriptors, so some that were sent to it are lost";
        return Err(io::Error::new(io::ErrorKind::InvalidData, lost));
    }
    Ok((bytes, fds))
}

/// A message of one piece.
fn message_of(piece: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: a structure of integers and pointers, for which zeros are fine.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = piece;
    message.msg_iovlen = 1;
    message
}
