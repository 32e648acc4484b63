//! A chat over async-tungstenite, with a page that a browser opens: one port for both, a task for each client, and a
//! queue for what each is still to be told.
//!
//! `websocket_chat 127.0.0.1:8080` serves until Ctrl-C: open that address in two windows of a browser. Without
//! an address two clients are in the same program.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use std::{env, io};

use async_tungstenite::tungstenite::handshake::derive_accept_key;
use async_tungstenite::tungstenite::protocol::Role;
use async_tungstenite::tungstenite::{Message, Utf8Bytes};
use async_tungstenite::{WebSocketStream, client_async};
use futures::StreamExt as _;
use futures::future::{Either, select};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{Queue, create_task, run, signal, sleep, timeout};

/// So much may be still to be told to a client; one that is slower has to leave.
const BACKLOG: usize = 64;
/// What a client may take to say what it wants, and to take a message.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of a request.
const LONGEST_HEAD: usize = 8_192;
/// Before another client is accepted when accepting has failed.
const BACKOFF: Duration = Duration::from_millis(100);

type Failure = Box<dyn Error>;

const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>chat</title>
<ul id="said"></ul>
<form id="form"><input id="text" autofocus></form>
<script>
    const socket = new WebSocket(`ws://${location.host}/`);
    socket.onmessage = event => {
        const line = document.createElement("li");
        line.textContent = event.data; // text, whatever is in it
        said.append(line);
    };
    socket.onopen = () => {
        const first = new URLSearchParams(location.search).get("say");
        if (first) socket.send(first);
    };
    form.onsubmit = event => {
        event.preventDefault();
        socket.send(text.value);
        text.value = "";
    };
</script>
"#;

/// Who is there: for each client its number, and what it is still to be told.
#[derive(Default)]
struct Room {
    members: RefCell<Vec<(u32, Queue<Utf8Bytes>)>>,
    last: Cell<u32>,
}

impl Room {
    fn enter(&self) -> (u32, Queue<Utf8Bytes>) {
        self.last.set(self.last.get() + 1);
        let member = (self.last.get(), Queue::bounded(BACKLOG));
        self.members.borrow_mut().push(member.clone());
        member
    }

    fn leave(&self, number: u32) {
        self.members.borrow_mut().retain(|(member, _)| *member != number);
    }

    fn tell(&self, news: &str) {
        let news = Utf8Bytes::from(news);
        for (_, backlog) in self.members.borrow().iter() {
            if backlog.put_nowait(news.clone()).is_err() {
                backlog.shutdown(); // and its task lets it go
            }
        }
    }
}

/// Tells all what a client says, and the client what all say, until it leaves.
async fn converse(
    mut socket: WebSocketStream<TcpStream>,
    room: &Room,
    number: u32,
    backlog: &Queue<Utf8Bytes>,
) -> Result<(), Failure> {
    loop {
        match select(socket.next(), pin!(backlog.get())).await {
            Either::Left((Some(said), _)) => match said? {
                Message::Text(text) => room.tell(&format!("{number}: {text}")),
                Message::Close(_) => return Ok(()),
                _ => {}
            },
            Either::Left((None, _)) => return Ok(()),
            Either::Right((news, _)) => timeout(PATIENCE, socket.send(Message::Text(news?))).await??,
        }
    }
}

/// The head of a request. A client sends no more before it is answered.
async fn head(stream: &TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut part = [0; 1_024];
        let count = stream.read(&mut part).await?;
        if count == 0 || head.len() + count > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(&part[..count]);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

async fn client(stream: TcpStream, room: Rc<Room>) -> Result<(), Failure> {
    let head = timeout(PATIENCE, head(&stream)).await??;
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let Some((_, key)) = fields.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")) else {
        let (kind, length) = ("content-type: text/html", PAGE.len());
        let page = format!("HTTP/1.1 200 OK\r\n{kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{PAGE}");
        return Ok(stream.write_all(page.as_bytes()).await?);
    };
    let accept = derive_accept_key(key.trim().as_bytes());
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
    stream.write_all(format!("{switch}sec-websocket-accept: {accept}\r\n\r\n").as_bytes()).await?;
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;

    let (number, backlog) = room.enter();
    room.tell(&format!("{number} enters"));
    let left = converse(socket, &room, number, &backlog).await;
    room.leave(number);
    room.tell(&format!("{number} leaves"));
    left
}

pub(crate) async fn serve(listener: TcpListener) {
    let room = Rc::new(Room::default());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(create_task(client(stream, Rc::clone(&room)))),
            Err(_) => sleep(BACKOFF).await,
        }
    }
}

async fn serve_until_ctrl_c(address: SocketAddr) -> Result<(), Failure> {
    let listener = TcpListener::bind(address)?;
    println!("open http://{}/", listener.local_addr()?);
    create_task(serve(listener));
    Ok(signal::ctrl_c().await?)
}

/// A client that is no browser.
pub(crate) async fn enter(address: SocketAddr) -> Result<WebSocketStream<TcpStream>, Failure> {
    let (socket, _) = client_async(format!("ws://{address}/"), TcpStream::connect(address).await?).await?;
    Ok(socket)
}

pub(crate) async fn hear(socket: &mut WebSocketStream<TcpStream>) -> Result<Message, Failure> {
    Ok(timeout(PATIENCE, socket.next()).await?.ok_or("the server is gone")??)
}

async fn ask_itself() -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    create_task(serve(listener));

    let mut first = enter(address).await?;
    println!("{}", hear(&mut first).await?);
    let mut second = enter(address).await?;
    println!("{}", hear(&mut first).await?);
    second.send(Message::text("hello")).await?;
    println!("{}", hear(&mut first).await?);
    second.close(None).await?;
    println!("{}", hear(&mut first).await?);
    Ok(())
}

pub(crate) fn program(arguments: &[String]) -> Result<(), Failure> {
    match arguments.first() {
        Some(address) => run(serve_until_ctrl_c(address.parse()?))?,
        None => run(ask_itself())?,
    }
}

fn main() -> Result<(), Failure> {
    program(&env::args().skip(1).collect::<Vec<_>>())
}
