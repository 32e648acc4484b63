//! Each way to have descriptors closed by exec, also those that this system does not need.

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::process::{Command, Stdio};

use super::{MARKINGS, Marking, set_inherited_by};

/// The descriptors of a process that is given `fd`, and then marked in these ways.
fn descriptors(fd: RawFd, markings: &'static [Marking]) -> Vec<RawFd> {
    let mut command = Command::new("ls");
    command.arg("/proc/self/fd").stdin(Stdio::null()).stderr(Stdio::null());
    set_inherited_by(&mut command, &[], vec![fd]);
    set_inherited_by(&mut command, markings, Vec::new());
    let listed = command.output().expect("ls").stdout;
    String::from_utf8(listed).expect("numbers").lines().map(|line| line.parse().expect("a number")).collect()
}

#[test]
fn each_way_closes_what_is_inheritable() {
    let Ok(file) = File::open("/proc/self/fd") else { return }; // no /proc here
    let fd = file.as_raw_fd();
    assert!(descriptors(fd, &[]).contains(&fd));
    for i in 0..MARKINGS.len() {
        // the list itself is open while it is read
        assert_eq!(descriptors(fd, &MARKINGS[i..=i]), [0, 1, 2, 3], "way {i}");
    }
}

#[test]
fn a_way_that_fails_is_followed_by_the_next() {
    const FAILS: Marking = || Err(std::io::ErrorKind::Unsupported.into());
    let Ok(file) = File::open("/proc/self/fd") else { return }; // no /proc here
    let fd = file.as_raw_fd();
    assert_eq!(descriptors(fd, &[FAILS, super::mark_one_by_one]), [0, 1, 2, 3]);
    let mut command = Command::new("true");
    set_inherited_by(&mut command, &[super::mark_one_by_one, FAILS], Vec::new());
    assert!(command.status().is_ok(), "the first way was enough");
    let mut command = Command::new("true");
    set_inherited_by(&mut command, &[FAILS], Vec::new());
    assert!(command.status().is_err(), "no way is left");
}
