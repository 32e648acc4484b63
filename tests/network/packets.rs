//! TCP over IPv4 as bytes: which connection a packet belongs to, and the packets that reset it. Must not know the link.

const TCP: u8 = 6;
const IP_HEADER: usize = 20;
const TCP_HEADER: usize = 20;
const RST: u8 = 4;
const ACK: u8 = 16;

/// The two ports, the lower one first.
pub(crate) type Flow = (u16, u16);

fn number_at(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

fn header_length(packet: &[u8]) -> usize {
    usize::from(packet[0] & 15) * 4
}

/// The connection of a TCP packet; `None` for another packet.
pub(crate) fn flow_of(packet: &[u8]) -> Option<Flow> {
    let is_tcp = packet.len() >= IP_HEADER + TCP_HEADER && packet[0] >> 4 == 4 && packet[9] == TCP;
    if !is_tcp || packet.len() < header_length(packet) + TCP_HEADER {
        return None;
    }
    let at = header_length(packet);
    let (one, other) = (number_at(packet, at), number_at(packet, at + 2));
    Some((one.min(other), one.max(other)))
}

/// The packets that reset a connection at both ends, as if each came from the other: the first goes where `packet`
/// goes, the second comes back.
pub(crate) fn reset_of(packet: &[u8]) -> [Vec<u8>; 2] {
    let at = header_length(packet);
    let (from, to) = (&packet[12..16], &packet[16..20]);
    let (from_port, to_port) = (&packet[at..at + 2], &packet[at + 2..at + 4]);
    // what comes next from each end: that is what the other one takes a reset by
    let (next, expected) = (&packet[at + 4..at + 8], &packet[at + 8..at + 12]);
    [reset(from, to, from_port, to_port, next, expected), reset(to, from, to_port, from_port, expected, next)]
}

fn reset(from: &[u8], to: &[u8], from_port: &[u8], to_port: &[u8], next: &[u8], expected: &[u8]) -> Vec<u8> {
    let total = u8::try_from(IP_HEADER + TCP_HEADER).expect("a small number");
    let mut packet = vec![0x45, 0, 0, total, 0, 0, 0x40, 0, 64, TCP, 0, 0];
    packet.extend([from, to].concat());
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum);
    let mut tcp = [from_port, to_port, next, expected].concat();
    tcp.extend([0x50, RST | ACK, 0, 0, 0, 0, 0, 0]);
    let length = u8::try_from(TCP_HEADER).expect("a small number");
    let sum = checksum(&[from, to, &[0, TCP, 0, length], &tcp].concat());
    tcp[16..18].copy_from_slice(&sum);
    packet.extend(tcp);
    packet
}

/// The Internet's checksum of an even number of bytes.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    (!u16::try_from(sum).expect("it was folded")).to_be_bytes()
}
