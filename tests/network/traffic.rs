//! Random traffic through streams, and a server that sends it back. Owns the check that what comes back is what was
//! sent; must not know the network between them.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{
    EventLoop, StreamReader, StreamWriter, gather, open_connection, sleep, start_server, task_group, timeout,
};

use crate::dice::Dice;

/// A connection that takes longer hangs: TCP itself gives up only later.
const PATIENCE: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 100;
const BYTES_MAX: u64 = 40_000;
const PIECE_MAX: u64 = 20_000;
/// The first byte of the connection that asks how many others are open.
const ASKS: u8 = b'?';
const ECHOES: u8 = b'!';

/// Sends back what comes, until the process is ended.
pub(crate) fn serve(address: &str) {
    let address: SocketAddr = address.parse().expect("an address");
    let lp = EventLoop::new().expect("a loop");
    let served = lp.run_until_complete(async {
        let open = Rc::new(Cell::new(0_u64));
        let server = start_server(async move |reader, writer| answer(reader, writer, &open).await, address);
        server.await.expect("it listens").serve_forever().await;
    });
    served.expect("it serves");
}

async fn answer(reader: StreamReader, writer: StreamWriter, open: &Rc<Cell<u64>>) -> io::Result<()> {
    let mut first = [0];
    if reader.read_into(&mut first).await? == 1 && first[0] == ASKS {
        writer.write(open.get().to_be_bytes());
        writer.write_eof();
        return writer.drain().await;
    }
    open.set(open.get() + 1);
    let ended = echo(&reader, &writer).await;
    open.set(open.get() - 1);
    ended
}

async fn echo(reader: &StreamReader, writer: &StreamWriter) -> io::Result<()> {
    let mut room = [0; 3_000];
    loop {
        match reader.read_into(&mut room).await? {
            0 => break,
            n => writer.write(&room[..n]),
        }
        writer.drain().await?;
    }
    writer.write_eof();
    writer.drain().await
}

/// How connections have ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub(crate) whole: u64,
    /// With an error, after what had come in order.
    pub(crate) failed: u64,
    pub(crate) bytes: u64,
    /// Connections that the server still has open.
    pub(crate) open: u64,
}

/// Opens `count` connections, a hundred at a time, and tells how they have ended.
pub(crate) fn ask(address: &str, seed: u64, count: u64) -> Ended {
    let address: SocketAddr = address.parse().expect("an address");
    let lp = EventLoop::new().expect("a loop");
    let asked = lp.run_until_complete(async {
        let mut ended = Ended::default();
        let all = gather((0..count).map(|case| async move {
            let traded = timeout(PATIENCE, trade(address, Dice::new(seed, case))).await;
            traded.unwrap_or_else(|_| panic!("connection {case} hangs"))
        }));
        for traded in all.limit(AT_ONCE).await {
            match traded {
                Ok(bytes) => (ended.whole, ended.bytes) = (ended.whole + 1, ended.bytes + bytes),
                Err(_) => ended.failed += 1,
            }
        }
        ended.open = open_at(address).await;
        ended
    });
    asked.expect("it comes to its end")
}

/// How many connections the server has open, when those have ended that are about to.
async fn open_at(address: SocketAddr) -> u64 {
    let mut open = u64::MAX;
    for _ in 0..30 {
        let asked = async {
            let (reader, writer) = open_connection(address).await.ok()?;
            writer.write([ASKS]);
            let answer = reader.readexactly(8).await.ok()?;
            Some(u64::from_be_bytes(answer.try_into().ok()?))
        };
        open = asked.await.unwrap_or(open);
        if open == 0 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    open
}

/// The bytes of a connection, by their places.
fn byte_at(place: u64) -> u8 {
    (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56).to_le_bytes()[0]
}

/// Sends random bytes in random pieces, and reads them back. They come in order, or this panics.
async fn trade(address: SocketAddr, mut dice: Dice) -> io::Result<u64> {
    let (reader, writer) = open_connection(address).await.map_err(io::Error::other)?;
    let total = dice.below(BYTES_MAX);
    let first = dice.below(u64::MAX);
    writer.write([ECHOES]);
    let traded = task_group(async |group| {
        let sender = writer.clone();
        drop(group.create_task(send(sender, dice, first, total)));
        let mut got = 0;
        let mut room = [0; 2_000];
        loop {
            let n = reader.read_into(&mut room).await.map_err(Rc::new)?;
            for byte in &room[..n] {
                assert_eq!(*byte, byte_at(first.wrapping_add(got)), "byte {got} is another one");
                got += 1;
            }
            if n == 0 {
                return Ok::<_, Rc<io::Error>>(got);
            }
        }
    });
    let got = traded.await.map_err(|errors| io::Error::other(format!("{errors:?}")))?;
    assert_eq!(got, total, "the end comes too early, or too late");
    writer.close();
    writer.wait_closed().await?;
    Ok(total)
}

async fn send(writer: StreamWriter, mut dice: Dice, first: u64, total: u64) -> Result<(), Rc<io::Error>> {
    let mut sent = 0;
    while sent < total {
        let piece = (1 + dice.below(PIECE_MAX)).min(total - sent);
        writer.write((sent..sent + piece).map(|at| byte_at(first.wrapping_add(at))).collect::<Vec<u8>>());
        sent += piece;
        if dice.choose(&[true, true, false]) {
            writer.drain().await.map_err(Rc::new)?;
        }
        if dice.choose(&[true, false, false]) {
            sleep(Duration::from_millis(dice.below(5))).await;
        }
    }
    writer.write_eof();
    writer.drain().await.map_err(Rc::new)
}
