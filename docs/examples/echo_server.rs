//! An echo server on TCP and on a Unix socket, and a client of each in the same program. With
//! `cargo run --example echo_server -- --listen 127.0.0.1:7000` it serves until it is stopped; ask it with `nc`. In
//! Python:
//!
//! ```python
//! async def echo(reader, writer):
//!     while line := await reader.readline():
//!         writer.write(line)
//!         await writer.drain()
//!     writer.close()
//!
//! server = await asyncio.start_server(echo, "127.0.0.1", 7000)
//! await server.serve_forever()
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::io;

use oneloop::{
    Error, StreamReader, StreamWriter, open_connection, open_unix_connection, run, start_server, start_unix_server,
};

async fn echo(reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    let mut line = Vec::new();
    while reader.readline_into(&mut line).await? > 0 {
        writer.write(&line);
        line.clear();
        writer.drain().await?;
    }
    Ok(()) // the handles go, and with them the connection, when all has been sent
}

async fn ask(name: &str, (reader, writer): (StreamReader, StreamWriter)) -> io::Result<()> {
    for word in ["hello", "and", "goodbye"] {
        writer.write(format!("{word}\n"));
        let answer = reader.readline().await?;
        println!("{name}: {word} -> {}", String::from_utf8_lossy(&answer).trim_end());
    }
    writer.write_eof();
    let rest = reader.read_to_end().await?;
    println!("{name}: the end, after {} more bytes", rest.len());
    writer.close();
    writer.wait_closed().await
}

async fn both() -> io::Result<()> {
    let path = std::env::temp_dir().join(format!("oneloop-echo-{}.socket", std::process::id()));
    let tcp = start_server(echo, ("127.0.0.1", 0)).await?;
    let unix = start_unix_server(echo, &path).await?;
    ask("tcp", open_connection(tcp.local_addrs()[0]).await?).await?;
    ask("unix", open_unix_connection(&path).await?).await?;
    for server in [tcp, unix] {
        server.close();
        server.wait_closed().await;
    }
    println!("both servers are closed, and the path is gone: {}", !path.exists());
    Ok(())
}

async fn for_ever(address: &str) -> io::Result<()> {
    let server = start_server(echo, address).await?;
    println!("echo on {:?}", server.local_addrs());
    server.serve_forever().await;
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip_while(|word| word != "--listen");
    match (words.next(), words.next()) {
        (Some(_), Some(address)) => run(for_ever(&address))??,
        _ => run(both())??,
    }
    Ok(())
}
