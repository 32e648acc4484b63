//! A crate that needs tokio's runtime, beside tasks of this loop: async-compat runs that runtime in a thread of its own,
//! and what is polled inside `Compat` finds it. Cancellations and limits of this loop reach in there.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::error::Error;
use std::time::Duration;

use async_compat::Compat;
use oneloop::net::TcpListener;
use oneloop::{create_task, run, timeout};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Stands for a crate that is written for tokio.
async fn ask(address: std::net::SocketAddr) -> std::io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(b"who is there?").await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    run(async {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let server = create_task(async move {
            let (stream, _) = listener.accept().await?;
            let mut question = [0; 64];
            let count = stream.read(&mut question).await?;
            println!("the loop hears: {}", String::from_utf8_lossy(&question[..count]));
            stream.write_all(b"oneloop").await
        });
        println!("tokio hears: {}", Compat::new(ask(address)).await?);
        server.await?;

        let long = Compat::new(async { tokio::time::sleep(Duration::from_secs(600)).await });
        println!("in time: {}", timeout(Duration::from_millis(5), long).await.is_ok());
        Ok(())
    })?
}
