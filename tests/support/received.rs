//! What comes through a connection. Must not know who sends it.

use oneloop::net::TcpStream;

/// All that comes until the end, in reads of at most `room` bytes.
pub(crate) async fn read_to_end(stream: &TcpStream, room: usize) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
}
