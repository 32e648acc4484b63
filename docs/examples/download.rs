//! Images over HTTP/1.1, many at once: by `gather`, for all of them in order, and by `wait` with a time-out, for those
//! that come in time. Each says so when it has come. The server is in the same program, and some of its images take
//! long. In Python:
//!
//! ```python
//! async def fetch(host, port, path):
//!     reader, writer = await asyncio.open_connection(host, port)
//!     writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
//!     head = await reader.readuntil(b"\r\n\r\n")
//!     ...
//!
//! images = await asyncio.gather(*[fetch(host, port, f"/image/{i}") for i in range(10)])
//! done, pending = await asyncio.wait(tasks, timeout=0.5)
//! ```
//!
//! The loop has a virtual clock: the milliseconds are those of the server's answers, not of the machine.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use oneloop::{
    Clock, Error, EventLoop, StreamReader, StreamWriter, create_task, gather, open_connection, sleep, start_server,
    try_gather, wait,
};

const IMAGES: usize = 10;

/// The server: image i has (i + 1) KiB and takes its time, two of them very long.
async fn serve(reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    let head = reader.readuntil("\r\n\r\n").await?;
    let head = String::from_utf8_lossy(&head);
    let image = head.split(' ').nth(1).and_then(|path| path.strip_prefix("/image/")?.parse::<u64>().ok());
    let Some(i) = image.filter(|i| *i < IMAGES as u64) else {
        writer.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return Ok(());
    };
    sleep(Duration::from_millis(if i == 3 || i == 7 { 2_000 } else { 300 - 20 * i })).await;
    let length = (i + 1) * 1024;
    writer.write(format!("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n"));
    writer.write("Connection: close\r\n\r\n");
    for _ in 0..=i {
        writer.write([b'x'; 1024]);
        if writer.drain().await.is_err() {
            break; // called off
        }
    }
    Ok(())
}

/// The value of a header.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

async fn get(from: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let (reader, writer) = open_connection(from).await?;
    writer.write(format!("GET {path} HTTP/1.1\r\nHost: {from}\r\nConnection: close\r\n\r\n"));
    writer.drain().await?;
    let head = reader.readuntil("\r\n\r\n").await?;
    let head = String::from_utf8_lossy(&head);
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(io::Error::other(format!("{path}: status {status}")));
    }
    let length = header(&head, "Content-Length").and_then(|length| length.parse().ok());
    match length {
        Some(length) => Ok(reader.readexactly(length).await?),
        None => reader.read_to_end().await,
    }
}

async fn download(from: SocketAddr, i: usize, start: Instant) -> io::Result<(usize, usize)> {
    let image = get(from, &format!("/image/{i}")).await?;
    let after = (EventLoop::current().time() - start).as_millis();
    println!("{after:>6} ms  image {i}: {} bytes", image.len());
    Ok((i, image.len()))
}

async fn all_of_them(from: SocketAddr) -> io::Result<()> {
    println!("gather:");
    let start = EventLoop::current().time();
    let images = try_gather((0..IMAGES).map(|i| download(from, i, start))).await?;
    let bytes: usize = images.iter().map(|(_, length)| length).sum();
    println!("all {} in order, {bytes} bytes", images.len());
    Ok(())
}

async fn those_in_time(from: SocketAddr) -> io::Result<()> {
    println!("wait, for half a second:");
    let start = EventLoop::current().time();
    let tasks = (0..IMAGES).map(|i| create_task(download(from, i, start)).named(format!("image {i}")));
    let sets = wait(tasks).timeout(Duration::from_millis(500)).await;
    println!("{} done, {} pending", sets.done.len(), sets.pending.len());
    for task in &sets.pending {
        println!("{} is called off", task.name());
        task.cancel();
    }
    gather(sets.pending).return_exceptions().await;
    Ok(())
}

async fn both() -> io::Result<()> {
    let server = start_server(serve, ("127.0.0.1", 0)).await?;
    let from = server.local_addrs()[0];
    all_of_them(from).await?;
    those_in_time(from).await?;
    if let Err(error) = get(from, "/image/99").await {
        println!("{error}");
    }
    server.close();
    server.wait_closed().await; // also for those that were called off, whose tasks sleep on
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).build()?.run_until_complete(both())??;
    Ok(())
}
