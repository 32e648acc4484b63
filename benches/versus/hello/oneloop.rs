//! An echo server on oneloop, that says which address it has.

use std::io::{self, Write as _};

use oneloop::net::{TcpListener, TcpStream};
use oneloop::{EventLoop, create_task};

async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        create_task(echo(stream));
    }
}

fn main() -> io::Result<()> {
    let lp = EventLoop::new()?;
    lp.run_until_complete(serve()).map_err(io::Error::other)?
}
