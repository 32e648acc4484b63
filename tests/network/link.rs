//! Two network namespaces, joined by a link that loses, delays, reorders and doubles packets and resets connections, as
//! a seed says. Owns the devices and the packets on their way; must not know what they carry.
//!
//! A namespace has no name and lives as long as a thread or a process in it, so nothing is left behind, however the
//! test ends. The link is this program itself, between two TUN devices: many kernels lack `netem`, which resets nothing
//! either.
#![expect(unsafe_code, reason = "the standard library knows no namespaces and no TUN devices")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::packets::{Flow, flow_of, reset_of};

/// Of a thousand packets so many are lost, or come twice.
const LOST: u64 = 30;
const DOUBLED: u64 = 10;
/// A packet is on its way for up to so long, and may overtake others.
const DELAY_MAX: Duration = Duration::from_millis(8);
/// One connection in so many is reset, at one of its first packets.
const RESET_ONE_IN: u64 = 25;
const RESET_WITHIN: u64 = 40;
const PACKET_MAX: usize = 2_048;
/// So long the link waits for a packet before it asks whether it is over.
const NAP: Duration = Duration::from_millis(50);

fn checked(status: libc::c_int) -> io::Result<()> {
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn ip(words: &str) -> io::Result<()> {
    let ran = Command::new("ip").args(words.split(' ')).output()?;
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if ran.status.success() { Ok(()) } else { Err(io::Error::other(format!("ip {words}: {said}"))) }
}

/// Puts this thread, and the processes that it starts from now on, into a new namespace with one device, which has the
/// address `own` and leads to `other`. Returns the other side of the device.
pub(crate) fn enter_new_namespace(own: &str, other: &str) -> io::Result<File> {
    // SAFETY: it changes nothing but the namespace of this thread.
    checked(unsafe { libc::unshare(libc::CLONE_NEWNET) })?;
    let device = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    // SAFETY: zeros are valid for this structure of numbers.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_TUN | libc::IFF_NO_PI).expect("small flags");
    for (place, byte) in request.ifr_name.iter_mut().zip(b"bad0") {
        *place = byte.cast_signed();
    }
    // SAFETY: the structure that this request takes, alive for the call.
    checked(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    ip("link set lo up")?;
    ip(&format!("addr add {own} peer {other} dev bad0"))?;
    ip("link set bad0 up")?;
    // little room in the system, so that writes are partial and streams have to keep the rest
    for room in ["tcp_rmem", "tcp_wmem"] {
        std::fs::write(format!("/proc/sys/net/ipv4/{room}"), "4096 6000 8000")?;
    }
    Ok(device)
}

/// What the link has done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) packets: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) resets: u64,
}

/// What the link does with the packets of a connection.
#[derive(Clone, Copy)]
enum Fate {
    Carried,
    ResetAfter(u64),
    /// Packets are lost no more: an end that the reset did not fit asks the other one, and TCP asks once. If question
    /// or answer were lost, an end that has nothing to send would wait for ever.
    Reset,
}

/// When it is due, its number, where it goes.
type OnItsWay = Reverse<(Instant, u64, usize, Vec<u8>)>;

pub(crate) struct Link {
    devices: [File; 2],
    dice: Dice,
    on_their_way: BinaryHeap<OnItsWay>,
    flows: BTreeMap<Flow, Fate>,
    number: u64,
    done: Done,
}

impl Link {
    pub(crate) fn between(devices: [File; 2], seed: u64) -> Self {
        Self {
            devices,
            dice: Dice::new(seed, 0),
            on_their_way: BinaryHeap::new(),
            flows: BTreeMap::new(),
            number: 0,
            done: Done::default(),
        }
    }

    /// Carries packets until `is_over` says so.
    pub(crate) fn carry(mut self, mut is_over: impl FnMut() -> bool) -> io::Result<Done> {
        let mut asked = Instant::now();
        loop {
            if asked.elapsed() >= NAP {
                asked = Instant::now();
                if is_over() {
                    return Ok(self.done);
                }
            }
            self.wait()?;
            for from in 0..2 {
                while let Some(packet) = self.read(from)? {
                    self.take(from, packet);
                }
            }
            self.deliver();
        }
    }

    /// Until a packet comes, or one is due.
    fn wait(&self) -> io::Result<()> {
        let due = self.on_their_way.peek().map(|Reverse((due, ..))| due.saturating_duration_since(Instant::now()));
        let limit = i32::try_from(due.unwrap_or(NAP).min(NAP).as_millis()).expect("a short time");
        let mut fds =
            [0, 1].map(|at| libc::pollfd { fd: self.devices[at].as_raw_fd(), events: libc::POLLIN, revents: 0 });
        // SAFETY: two structures, alive for the call.
        checked(unsafe { libc::poll(fds.as_mut_ptr(), 2, limit) })
    }

    fn read(&mut self, from: usize) -> io::Result<Option<Vec<u8>>> {
        let mut packet = vec![0; PACKET_MAX];
        match self.devices[from].read(&mut packet) {
            Ok(length) => {
                packet.truncate(length);
                Ok(Some(packet))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, from: usize, packet: Vec<u8>) {
        self.done.packets += 1;
        let Some(flow) = flow_of(&packet) else { return };
        let fate = self.next_fate(flow);
        if matches!(fate, Fate::ResetAfter(0)) {
            self.flows.insert(flow, Fate::Reset);
            self.done.resets += 1;
            for (to, reset) in reset_of(&packet).into_iter().enumerate() {
                // the first goes on with the packet, the second back to its sender
                self.send(if to == 0 { 1 - from } else { from }, reset, Duration::ZERO);
            }
            return;
        }
        if !matches!(fate, Fate::Reset) && self.dice.below(1_000) < LOST {
            self.done.lost += 1;
            return;
        }
        if self.dice.below(1_000) < DOUBLED {
            self.done.doubled += 1;
            let delay = self.delay();
            self.send(1 - from, packet.clone(), delay);
        }
        let delay = self.delay();
        self.send(1 - from, packet, delay);
    }

    /// The fate of a connection, one packet on.
    fn next_fate(&mut self, flow: Flow) -> Fate {
        let dice = &mut self.dice;
        let fate = self.flows.entry(flow).or_insert_with(|| match dice.below(RESET_ONE_IN) {
            0 => Fate::ResetAfter(3 + dice.below(RESET_WITHIN)),
            _ => Fate::Carried,
        });
        if let Fate::ResetAfter(left) = fate {
            *left -= 1;
        }
        *fate
    }

    fn delay(&mut self) -> Duration {
        Duration::from_micros(self.dice.below(u64::try_from(DELAY_MAX.as_micros()).expect("a short time")))
    }

    fn send(&mut self, to: usize, packet: Vec<u8>, delay: Duration) {
        self.number += 1;
        self.on_their_way.push(Reverse((Instant::now() + delay, self.number, to, packet)));
    }

    fn deliver(&mut self) {
        while self.on_their_way.peek().is_some_and(|Reverse((due, ..))| *due <= Instant::now()) {
            let Some(Reverse((_, _, to, packet))) = self.on_their_way.pop() else { return };
            // a device that is full or gone has lost it, as a network may
            let _ = self.devices[to].write(&packet);
        }
    }
}
