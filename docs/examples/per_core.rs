//! A loop for each core: threads with a loop and a listener each, all on one port, among which the system spreads the
//! clients. The loops share nothing; what one has to tell another goes through its `LoopHandle`. At the end each loop
//! is told to end, and closes its server and its clients before it does.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;

use oneloop::{
    Error, EventLoop, LoopHandle, Queue, Server, StreamReader, StreamWriter, all_tasks, gather, open_connection, run,
    to_thread,
};

const LOOPS: usize = 3; // `std::thread::available_parallelism` of them in a program that cares
const CLIENTS: usize = 30;

thread_local! {
    /// What the loops have told the first one: how long the answers were.
    static ANSWERS: Rc<Queue<usize>> = Rc::new(Queue::unbounded());
}

/// Answers a client, and tells the first loop.
async fn answer(reader: StreamReader, writer: StreamWriter, first: LoopHandle) -> io::Result<()> {
    let line = reader.readline().await?;
    writer.write(line.to_ascii_uppercase());
    writer.drain().await?;
    let tell = move || ANSWERS.with(|answers| answers.put_nowait(line.len()).is_ok());
    first.call_soon_threadsafe(tell).map(drop).map_err(io::Error::other)
}

/// The life of a loop: it serves until it is told to end.
fn serve(address: SocketAddr, first: &LoopHandle, started: &std::sync::mpsc::Sender<LoopHandle>) -> Result<(), Error> {
    let lp = EventLoop::new()?;
    let ended = lp.run_until_complete(async {
        let first = first.clone();
        let serve = move |reader, writer| answer(reader, writer, first.clone());
        let server = Server::builder().reuse_port(true).listen(serve, address).await?;
        started.send(EventLoop::current().remote()).map_err(io::Error::other)?;
        server.serve_forever().await;
        Ok::<_, io::Error>(())
    });
    match ended {
        Err(Error::Cancelled(_)) => Ok(()), // as it was told
        other => Ok(other??),
    }
}

async fn ask(address: SocketAddr) -> io::Result<Vec<u8>> {
    let (reader, writer) = open_connection(address).await?;
    writer.write("hello\n");
    Ok(reader.readline().await?)
}

pub(crate) fn main() -> Result<(), Error> {
    run(async {
        // a listener that takes no client keeps the port until the loops have theirs
        let port = oneloop::net::TcpListener::builder().reuse_port(true).bind(([127, 0, 0, 1], 0))?;
        let address = port.local_addr()?;
        let (started, handles) = std::sync::mpsc::channel();
        let threads: Vec<_> = (0..LOOPS)
            .map(|_| {
                let (first, started) = (EventLoop::current().remote(), started.clone());
                thread::spawn(move || serve(address, &first, &started))
            })
            .collect();
        let handles = to_thread(move || handles.iter().take(LOOPS).collect::<Vec<_>>()).await;
        drop(port);

        let answers: Vec<io::Result<Vec<u8>>> = gather((0..CLIENTS).map(|_| ask(address))).await;
        let right = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|line| line == b"HELLO\n")).count();
        println!("{right} clients of {CLIENTS} were answered");
        let told = ANSWERS.with(Rc::clone);
        for _ in 0..CLIENTS {
            told.get().await.map_err(io::Error::other)?;
        }
        println!("{CLIENTS} calls have come from the loops");

        for handle in &handles {
            let end = || all_tasks().iter().for_each(|task| _ = task.cancel());
            handle.call_soon_threadsafe(end).map_err(io::Error::other)?;
        }
        let ended = to_thread(move || threads.into_iter().filter_map(|thread| thread.join().ok()?.ok()).count()).await;
        println!("{ended} loops of {LOOPS} have ended");
        Ok(())
    })?
}
