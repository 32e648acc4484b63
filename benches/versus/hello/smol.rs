//! An echo server on the crates of smol, that says which address it has.

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use async_executor::LocalExecutor;
use async_io::Async;
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};

async fn echo(mut stream: Async<TcpStream>) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

async fn serve(executor: Rc<LocalExecutor<'_>>) -> io::Result<()> {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
    writeln!(io::stdout(), "{}", listener.get_ref().local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        executor.spawn(echo(stream)).detach();
    }
}

fn main() -> io::Result<()> {
    let executor = Rc::new(LocalExecutor::new());
    async_io::block_on(executor.run(serve(executor.clone())))
}
