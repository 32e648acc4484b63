//! Crates that need tokio's runtime, such as reqwest, beside tasks of this loop: async-compat runs that runtime in a
//! thread of its own, and what is polled inside `Compat` finds it. Cancellations and limits of this loop reach in
//! there.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_compat::Compat;
use oneloop::net::TcpListener;
use oneloop::{create_task, run, timeout};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Stands for a crate that is written for tokio.
async fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(b"who is there?").await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Answers one client on the loop, and returns what it asked.
async fn answer(listener: TcpListener, text: &str) -> io::Result<String> {
    let (stream, _) = listener.accept().await?;
    let mut question = [0; 1_024];
    let count = stream.read(&mut question).await?;
    stream.write_all(text.as_bytes()).await?;
    Ok(String::from_utf8_lossy(&question[..count]).into_owned())
}

fn listener() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    run(async {
        let (listener, address) = listener()?;
        let server = create_task(answer(listener, "oneloop"));
        println!("tokio hears: {}", Compat::new(ask(address)).await?);
        println!("the loop hears: {}", server.await?);

        let (listener, address) = self::listener()?;
        let server = create_task(answer(listener, "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\noneloop"));
        let page = async { reqwest::get(format!("http://{address}/page")).await?.text().await };
        println!("reqwest hears: {}", Compat::new(page).await?);
        println!("the loop hears: {}", server.await?.lines().next().unwrap_or_default());

        let long = Compat::new(async { tokio::time::sleep(Duration::from_secs(600)).await });
        println!("in time: {}", timeout(Duration::from_millis(5), long).await.is_ok());
        Ok(())
    })?
}
