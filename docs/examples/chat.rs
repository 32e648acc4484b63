//! A chat: what one says, all others hear. The server keeps the writers of those who are there. One who does not read
//! is cut off, and Ctrl-C closes the room with a farewell. With an address as its argument, `127.0.0.1:7777` say, it is
//! a server for `nc`; without one, some members talk in the same program, each answering what it hears. In Python the
//! server is:
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
//!
//! Ctrl-C cancels the main task if the feature `signal` is on, as in `asyncio.run`.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use std::{env, io};

use oneloop::{
    Error, Server, StreamReader, StreamWriter, catch_cancelled, create_task, open_connection, run, start_server,
    timeout, try_gather,
};

/// One who lets more than this lie is cut off.
const MOST_UNREAD: usize = 1 << 20;
/// How long the server waits at its end for those who are still to read something.
const FAREWELL: Duration = Duration::from_secs(2);

#[derive(Clone, Default)]
struct Room {
    members: Rc<RefCell<BTreeMap<String, StreamWriter>>>,
}

impl Room {
    /// `write` never waits, so one who does not read holds up no others.
    fn tell(&self, line: &str, but: &str) {
        println!("{line:.60}");
        for (name, writer) in self.members.borrow().iter().filter(|(name, _)| *name != but) {
            writer.write(format!("{line}\n"));
            if writer.write_buffer_size() > MOST_UNREAD && !writer.is_closing() {
                println!("* {name} does not listen");
                writer.abort(); // the member's reads end
            }
        }
    }

    async fn member(self, reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
        let Some(name) = reader.next_line().await? else { return Ok(()) };
        self.tell(&format!("* {name} is here"), "");
        writer.write("welcome\n");
        self.members.borrow_mut().insert(name.clone(), writer);
        let _leaving = Leaving { room: self.clone(), name: name.clone() };
        while let Some(line) = reader.next_line().await? {
            self.tell(&format!("{name}: {line}"), &name);
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

async fn open(at: SocketAddr) -> io::Result<(Room, Server)> {
    let room = Room::default();
    let members = room.clone();
    let server = start_server(async move |reader, writer| members.clone().member(reader, writer).await, at).await?;
    Ok((room, server))
}

/// Serves until this is cancelled, by Ctrl-C say. Then each member may still read what was said.
async fn serve(room: Room, server: Server) {
    // `serve_forever` would wait for the members to leave when it is cancelled
    let Err(cancelled) = catch_cancelled(server.wait_closed()).await else { return };
    room.tell("* the room closes", "");
    server.close();
    server.close_clients();
    if timeout(FAREWELL, server.wait_closed()).await.is_err() {
        server.abort_clients();
    }
    cancelled.reraise().await;
}

type Streams = (StreamReader, StreamWriter);

/// Comes in, and is in the room when this returns.
async fn join(to: SocketAddr, name: &str) -> io::Result<Streams> {
    let (reader, writer) = open_connection(to).await?;
    writer.write(format!("{name}\n"));
    reader.readline().await?;
    Ok((reader, writer))
}

/// Waits until a line is said.
async fn hear(reader: &StreamReader, cue: &str) -> io::Result<()> {
    while reader.next_line().await?.is_some_and(|line| line != cue) {}
    Ok(())
}

/// Waits for each cue in turn, answers it, and leaves.
async fn talk((reader, writer): Streams, script: [(&str, &str); 2]) -> io::Result<()> {
    for (cue, answer) in script {
        hear(&reader, cue).await?;
        writer.write(format!("{answer}\n"));
    }
    writer.close();
    writer.wait_closed().await
}

/// Three talk and leave. When the fourth is alone, the server is cancelled, as by Ctrl-C.
async fn evening() -> io::Result<()> {
    let (room, server) = open(([127, 0, 0, 1], 0).into()).await?;
    let to = server.local_addrs()[0];
    let serving = create_task(serve(room, server));
    let (ann, bob, cy, dot) =
        (join(to, "Ann").await?, join(to, "Bob").await?, join(to, "Cy").await?, join(to, "Dot").await?);
    try_gather([
        talk(ann, [("* Dot is here", "Hello you three."), ("Cy: Hello Ann.", "I must go.")]),
        talk(bob, [("Ann: Hello you three.", "Hello Ann, long time no see."), ("* Ann has left", "Bye!")]),
        talk(cy, [("Bob: Hello Ann, long time no see.", "Hello Ann."), ("* Bob has left", "Good night.")]),
    ])
    .await?;
    hear(&dot.0, "* Cy has left").await?;
    serving.cancel();
    println!("Dot hears: {}", dot.0.next_line().await?.unwrap_or_default());
    Ok(())
}

/// The server alone.
async fn host(at: SocketAddr) -> io::Result<()> {
    let (room, server) = open(at).await?;
    println!("listening on {:?}", server.local_addrs());
    serve(room, server).await;
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    let at = env::args().nth(1).and_then(|at| at.parse().ok());
    let Some(at) = at else { return Ok(run(evening())??) };
    match run(host(at)) {
        #[cfg(feature = "signal")]
        Err(Error::Interrupted) => Ok(()),
        ended => Ok(ended??),
    }
}
