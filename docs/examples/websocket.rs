//! On the virtual clock: a server of async-tungstenite that tells the time of its loop to a client once a second, until
//! the client leaves. The socket and the interval are streams, so that both are awaited together.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::error::Error;
use std::time::Duration;

use async_tungstenite::tungstenite::{self, Message};
use async_tungstenite::{accept_async, client_async};
use futures::StreamExt as _;
use futures::future::{Either, select};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{Clock, EventLoop, create_task, interval};

/// Sends a message each second until the client closes, and returns how many.
async fn tell_time(stream: TcpStream) -> Result<u32, tungstenite::Error> {
    let start = EventLoop::current().time();
    let (mut socket, mut ticks) = (accept_async(stream).await?, interval(Duration::from_secs(1)).into_stream());
    let mut count = 0;
    loop {
        match select(socket.next(), ticks.next()).await {
            Either::Left((Some(Ok(message)), _)) if !message.is_close() => {}
            Either::Left(_) => return Ok(count),
            Either::Right((tick, _)) => {
                let seconds = tick.map_or(0, |tick| (tick - start).as_secs());
                socket.send(Message::text(format!("{seconds} s"))).await?;
                count += 1;
            }
        }
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    EventLoop::builder().clock(Clock::Virtual).run(async {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let server = create_task(async move { tell_time(listener.accept().await?.0).await });
        let stream = TcpStream::connect(address).await?;
        let (mut socket, _) = client_async(format!("ws://{address}/time"), stream).await?;
        for _ in 0..3 {
            if let Some(message) = socket.next().await {
                println!("{}", message?);
            }
        }
        socket.close(None).await?;
        println!("the server has sent {}", server.await?);
        Ok(())
    })?
}
