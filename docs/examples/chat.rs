//! A chat: what one says, all others hear. The server keeps the writers of those who are there; three of them talk in
//! the same program, each answering what it hears. In Python the server is:
//!
//! ```python
//! members = {}
//!
//! async def member(reader, writer):
//!     name = (await reader.readline()).decode().strip()
//!     tell(f"* {name} is here")
//!     members[name] = writer
//!     try:
//!         async for line in reader:
//!             tell(f"{name}: {line.decode().strip()}", but=name)
//!     finally:
//!         del members[name]
//!         tell(f"* {name} has left")
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use oneloop::{Error, EventLoop, StreamReader, StreamWriter, open_connection, start_server, try_gather};

#[derive(Clone, Default)]
struct Room {
    members: Rc<RefCell<BTreeMap<String, StreamWriter>>>,
}

impl Room {
    /// `write` never waits. One who does not read has his connection cut instead of holding up the others.
    fn tell(&self, line: &str, but: &str) {
        println!("{line}");
        for (name, writer) in self.members.borrow().iter().filter(|(name, _)| *name != but) {
            writer.write(format!("{line}\n"));
            if writer.write_buffer_size() > 1 << 20 {
                println!("* {name} does not listen");
                writer.abort();
            }
        }
    }

    async fn member(self, reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
        let name = text(&reader.readline().await?);
        self.tell(&format!("* {name} is here"), "");
        writer.write("welcome\n");
        self.members.borrow_mut().insert(name.clone(), writer);
        let _leaving = Leaving { room: self.clone(), name: name.clone() };
        while let Some(line) = reader.next_line().await? {
            self.tell(&format!("{name}: {}", text(&line)), &name);
        }
        Ok(())
    }
}

/// However a member's task ends: `finally`.
struct Leaving {
    room: Room,
    name: String,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.room.members.borrow_mut().remove(&self.name);
        self.room.tell(&format!("* {} has left", self.name), "");
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().to_owned()
}

/// Comes in, and is in the room when this returns.
async fn join(to: SocketAddr, name: &str) -> io::Result<(StreamReader, StreamWriter)> {
    let (reader, writer) = open_connection(to).await?;
    writer.write(format!("{name}\n"));
    reader.readline().await?;
    Ok((reader, writer))
}

/// Waits for each cue in turn, answers it, and leaves. Answers how many lines were heard.
async fn talk((reader, writer): (StreamReader, StreamWriter), script: [(&str, &str); 2]) -> io::Result<usize> {
    let mut heard = 0;
    for (cue, answer) in script {
        while let Some(line) = reader.next_line().await? {
            heard += 1;
            if text(&line) == cue {
                break;
            }
        }
        writer.write(format!("{answer}\n"));
    }
    writer.close();
    writer.wait_closed().await?;
    Ok(heard)
}

async fn evening() -> io::Result<()> {
    let room = Room::default();
    let server = start_server(async move |reader, writer| room.clone().member(reader, writer).await, ("127.0.0.1", 0));
    let server = server.await?;
    let to = server.local_addrs()[0];
    let (ann, bob, cy) = (join(to, "Ann").await?, join(to, "Bob").await?, join(to, "Cy").await?);
    let heard = try_gather([
        talk(ann, [("* Cy is here", "Hello you two."), ("Cy: Hello Ann.", "I must go.")]),
        talk(bob, [("Ann: Hello you two.", "Hello Ann, long time no see."), ("* Ann has left", "And there she goes.")]),
        talk(cy, [("Bob: Hello Ann, long time no see.", "Hello Ann."), ("* Bob has left", "Good night, then.")]),
    ]);
    let heard = heard.await?;
    server.close();
    server.wait_closed().await;
    println!("the room is empty; they heard {heard:?} lines");
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    EventLoop::new()?.run_until_complete(evening())??;
    Ok(())
}
