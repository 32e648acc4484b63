//! Downloads that are tried again: so many at once, each attempt with a time limit and a longer pause before the next,
//! and one time limit for all. The server is in the same program; it breaks off, or takes too long. In Python:
//!
//! ```python
//! async def fetch(page):
//!     pause = 0.1
//!     for attempt in range(ATTEMPTS):
//!         try:
//!             async with asyncio.timeout(0.5):
//!                 return await get(page)
//!         except OSError as error:
//!             ...
//!         await asyncio.sleep(pause)
//!         pause *= 2
//! ```
//!
//! The loop has a virtual clock: the pauses take no time.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::{
    Clock, Error, EventLoop, StreamReader, StreamWriter, gather, open_connection, sleep, start_server, timeout,
    timeout_at,
};

const PAGES: [&str; 7] = ["one", "two", "late once", "three", "broken", "slow", "four"];
const AT_ONCE: usize = 3;
const ATTEMPTS: u32 = 4;
const OF_AN_ATTEMPT: Duration = Duration::from_millis(500);
const OF_ALL: Duration = Duration::from_millis(1_800);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The server answers with the page's name, but for those that are named after what it does instead.
async fn serve(reader: StreamReader, writer: StreamWriter, late: &Cell<bool>) -> io::Result<()> {
    let page = String::from_utf8_lossy(&reader.readline().await?).trim().to_owned();
    match page.as_str() {
        "broken" => return Ok(()), // without an answer
        "slow" => sleep(Duration::from_secs(60)).await,
        "late once" if !late.replace(true) => sleep(Duration::from_secs(60)).await,
        _ => sleep(Duration::from_millis(200)).await,
    }
    writer.write(page);
    Ok(())
}

/// One attempt.
async fn get(from: SocketAddr, page: &str) -> io::Result<Vec<u8>> {
    let (reader, writer) = open_connection(from).await?;
    writer.write(format!("{page}\n"));
    let answer = reader.read_to_end().await?;
    if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

/// As many attempts as there may be. The first `?` is for the time limit, the second for the attempt.
async fn fetch(from: SocketAddr, page: &str, start: Instant) -> io::Result<Vec<u8>> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        let answer: io::Result<Vec<u8>> = async { timeout(OF_AN_ATTEMPT, get(from, page)).await? }.await;
        match answer {
            Err(error) if attempt < ATTEMPTS => say(start, &format!("{page}, attempt {attempt}: {error}")),
            last => return last,
        }
        sleep(pause).await;
        pause *= 2;
    }
    unreachable!("the last attempt returns")
}

fn say(start: Instant, what: &str) {
    println!("{:>5} ms  {what}", (EventLoop::current().time() - start).as_millis());
}

async fn download() -> io::Result<()> {
    let late = Rc::new(Cell::new(false));
    let server = start_server(async move |reader, writer| serve(reader, writer, &late).await, ("127.0.0.1", 0)).await?;
    let from = server.local_addrs()[0];
    let start = EventLoop::current().time();
    // a limit around the gathering would lose what has come by then; a limit for each loses only its own
    let pages = gather(PAGES.map(|page| timeout_at(start + OF_ALL, fetch(from, page, start)))).limit(AT_ONCE).await;
    say(start, "is the end:");
    for (name, page) in PAGES.iter().zip(pages) {
        match page {
            Ok(Ok(bytes)) => println!("{name}: {} bytes", bytes.len()),
            Ok(Err(error)) => println!("{name}: {error}"),
            Err(_) => println!("{name}: no time is left"),
        }
    }
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(download())??;
    Ok(())
}
