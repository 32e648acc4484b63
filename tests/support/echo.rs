//! What a server answers with: what it was sent. Must not know how many clients there are.

use std::io;

use oneloop::{StreamReader, StreamWriter};

/// Sends back all that comes, until the end.
pub(crate) async fn echo(reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    let mut room = [0; 4_096];
    loop {
        match reader.read_into(&mut room).await? {
            0 => return Ok(()),
            n => writer.write(&room[..n]),
        }
        writer.drain().await?;
    }
}
