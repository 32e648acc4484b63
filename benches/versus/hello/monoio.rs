//! An echo server on monoio's driver for epoll, that says which address it has.

use std::io::{self, Write as _};

use monoio::io::{AsyncReadRent as _, AsyncWriteRentExt as _};
use monoio::net::{TcpListener, TcpStream};
use monoio::{LegacyDriver, RuntimeBuilder};

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let (count, full) = stream.read(buffer).await;
        if count? == 0 {
            return Ok(());
        }
        let (written, mut place) = stream.write_all(full).await;
        written?;
        place.clear();
        buffer = place;
    }
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        monoio::spawn(echo(stream));
    }
}

fn main() -> io::Result<()> {
    RuntimeBuilder::<LegacyDriver>::new().build()?.block_on(serve())
}
