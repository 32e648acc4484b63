//! An echo server on compio, that says which address it has.

use std::io::{self, Write as _};

use compio::BufResult;
use compio::io::{AsyncRead as _, AsyncWriteExt as _};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{Runtime, spawn};

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let BufResult(count, full) = stream.read(buffer).await;
        if count? == 0 {
            return Ok(());
        }
        let BufResult(written, mut place) = stream.write_all(full).await;
        written?;
        place.clear();
        buffer = place;
    }
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        spawn(echo(stream)).detach();
    }
}

fn main() -> io::Result<()> {
    Runtime::new()?.block_on(serve())
}
