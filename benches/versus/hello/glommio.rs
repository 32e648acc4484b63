//! An echo server on glommio, that says which address it has.

use std::io::{self, Write as _};

use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement, spawn_local};

async fn echo(mut stream: TcpStream) -> io::Result<()> {
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
        let stream = listener.accept().await?;
        spawn_local(echo(stream)).detach();
    }
}

fn main() -> io::Result<()> {
    LocalExecutorBuilder::new(Placement::Unbound).make()?.run(serve())
}
