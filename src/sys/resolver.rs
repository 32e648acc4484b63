//! The system's resolver: hosts and services by name, and the names of an address. Owns the raw calls, which block;
//! must not know threads or the loop.
#![expect(unsafe_code, reason = "calls into libc")]

use std::ffi::{CStr, CString};
use std::net::SocketAddr;
use std::{io, mem, ptr};

use super::socket::{from_raw, with_address};

/// What is asked for, in the system's numbers; 0 leaves it open.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    pub(crate) family: i32,
    pub(crate) kind: i32,
    pub(crate) protocol: i32,
    pub(crate) flags: i32,
}

/// One address that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) address: SocketAddr,
    pub(crate) kind: i32,
    pub(crate) protocol: i32,
    pub(crate) canonical_name: Option<String>,
}

/// The list that the system has made.
struct List(*mut libc::addrinfo);

impl Drop for List {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: `getaddrinfo` has made it, and it is freed once.
            unsafe { libc::freeaddrinfo(self.0) };
        }
    }
}

/// The addresses of a host and a service, in the system's order; of families other than the internet's there are none.
pub(crate) fn addresses(host: Option<&str>, service: Option<&str>, hints: Hints) -> io::Result<Vec<Found>> {
    let (host, service) = (host.map(CString::new).transpose()?, service.map(CString::new).transpose()?);
    let raw = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
    // SAFETY: a structure of integers and pointers, for which zeros are fine.
    let mut asked: libc::addrinfo = unsafe { mem::zeroed() };
    asked.ai_family = hints.family;
    asked.ai_socktype = hints.kind;
    asked.ai_protocol = hints.protocol;
    asked.ai_flags = hints.flags;
    let mut list = List(ptr::null_mut());
    // SAFETY: two texts or null, the hints and the place for the list are alive for the call.
    let code = unsafe { libc::getaddrinfo(raw(&host), raw(&service), &raw const asked, &raw mut list.0) };
    check(code)?;
    let (mut found, mut next) = (Vec::new(), list.0);
    while !next.is_null() {
        // SAFETY: an entry of the list, which lives until `list` is dropped.
        let entry = unsafe { &*next };
        // SAFETY: its address is null, or has the length beside it.
        let address = unsafe { from_raw(entry.ai_addr, entry.ai_addrlen) };
        // SAFETY: its name is null, or ends with a NUL.
        let name = unsafe { text_at(entry.ai_canonname) };
        found.extend(address.map(|address| Found {
            address,
            kind: entry.ai_socktype,
            protocol: entry.ai_protocol,
            canonical_name: name,
        }));
        next = entry.ai_next;
    }
    Ok(found)
}

/// The names of the host and of the service of an address. `flags` are the system's.
pub(crate) fn names(address: &SocketAddr, flags: i32) -> io::Result<(String, String)> {
    const HOST_MAX: usize = 1025; // NI_MAXHOST, which libc does not have everywhere
    const SERVICE_MAX: usize = 32; // NI_MAXSERV
    let (mut host, mut service) = ([0_u8; HOST_MAX], [0_u8; SERVICE_MAX]);
    let code = with_address(address, |raw, size| {
        let (host, service) = (host.as_mut_ptr().cast(), service.as_mut_ptr().cast());
        #[expect(clippy::cast_possible_truncation, reason = "the lengths are small")]
        // SAFETY: the address and both places are alive for the call, and have the lengths that are passed.
        unsafe {
            libc::getnameinfo(raw, size, host, HOST_MAX as _, service, SERVICE_MAX as _, flags)
        }
    });
    check(code)?;
    let text = |bytes: &[u8]| CStr::from_bytes_until_nul(bytes).map(|text| text.to_string_lossy().into_owned());
    Ok((text(&host).unwrap_or_default(), text(&service).unwrap_or_default()))
}

/// # Safety
/// The pointer is null, or leads to a text that ends with a NUL.
unsafe fn text_at(text: *const libc::c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// The error that the code of a call stands for. It is 0 if the call has not failed.
fn check(code: libc::c_int) -> io::Result<()> {
    if code == 0 {
        return Ok(());
    }
    if code == libc::EAI_SYSTEM {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a call without pointers.
    let why = unsafe { libc::gai_strerror(code) };
    // SAFETY: the system's own text for the code, which it keeps.
    let why = unsafe { text_at(why) }.unwrap_or_default();
    let kind = if code == libc::EAI_NONAME { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
    Err(io::Error::new(kind, why))
}
