//! Questions by UDP, which loses datagrams: a client asks again, each time after a longer wait, and knows the answer by
//! the number of its question, since one that was late may come in between. The server is in the same program; it loses
//! some questions and is slow with others. In Python it takes a protocol, a transport and a future for each question.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::net::UdpSocket;
use oneloop::{Clock, Error, EventLoop, create_task, sleep, timeout};

const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Larger than any message here; what does not fit into the buffer would be lost.
const ROOM: usize = 512;

fn say(start: Instant, what: &str) {
    println!("{:>5} ms  {what}", (EventLoop::current().time() - start).as_millis());
}

/// Answers in capitals: the second datagram never, the fourth late.
async fn serve(socket: UdpSocket) -> io::Result<()> {
    let socket = Rc::new(socket);
    let mut bytes = [0; ROOM];
    for n in 1.. {
        let (length, from) = socket.recv_from(&mut bytes).await?;
        let (socket, answer) = (Rc::clone(&socket), bytes[..length].to_ascii_uppercase());
        create_task(async move {
            match n {
                2 => return,
                4 => sleep(Duration::from_millis(130)).await,
                _ => sleep(Duration::from_millis(20)).await,
            }
            socket.send_to(&answer, from).await.ok(); // if the client is gone, so be it
        });
    }
    Ok(())
}

/// An answer to this question; others are passed over.
async fn answer(socket: &UdpSocket, number: u8) -> io::Result<String> {
    let mut bytes = [0; ROOM];
    loop {
        let length = socket.recv(&mut bytes).await?;
        match bytes[..length].split_first() {
            Some((first, text)) if *first == number => return Ok(String::from_utf8_lossy(text).into_owned()),
            Some((first, _)) => println!("(an answer to question {first} comes late)"),
            None => {}
        }
    }
}

async fn ask(socket: &UdpSocket, number: u8, question: &str, start: Instant) -> io::Result<String> {
    let datagram = [&[number], question.as_bytes()].concat();
    let mut wait = FIRST_WAIT;
    for attempt in 1..=ATTEMPTS {
        socket.send(&datagram).await?;
        match timeout(wait, answer(socket, number)).await {
            // with a server that is not there, this is the system's word for it: ConnectionRefused
            Ok(answer) => return answer,
            Err(_) => say(start, &format!("{question} attempt {attempt}: no answer for {wait:?}")),
        }
        wait *= 2;
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer to {ATTEMPTS} attempts")))
}

async fn questions(to: SocketAddr) -> io::Result<()> {
    let start = EventLoop::current().time();
    let socket = UdpSocket::builder().connect(to).await?;
    for (number, question) in (1..).zip(["who?", "where?", "when?", "why?"]) {
        let answer = ask(&socket, number, question, start).await?;
        say(start, &format!("{question} {answer}"));
    }
    Ok(())
}

async fn both() -> io::Result<()> {
    let server = UdpSocket::bind(("127.0.0.1", 0))?;
    let to = server.local_addr()?;
    let mut server = create_task(serve(server));
    questions(to).await?;
    server.cancel();
    server.outcome().await.ok();
    if let Err(error) = questions(to).await {
        println!("the server is gone: {}", error.kind());
    }
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(both())??;
    Ok(())
}
