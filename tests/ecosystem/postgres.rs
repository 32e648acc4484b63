//! tokio-postgres, by the feature `tokio-io`, with a server that knows one query by heart.

use oneloop::create_task;
use oneloop::net::UnixStream;
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

use crate::real::run_real;

/// A message of the server: its kind, its length and its content.
fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], content].concat()
}

/// The content of the next message, behind its length.
async fn receive(stream: &UnixStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.unwrap();
    let mut content = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut content).await.unwrap();
    content
}

async fn serve(stream: UnixStream) {
    let ready = message(b'Z', b"I");
    receive(&stream).await; // who the client is
    stream.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat()).await.unwrap();
    let mut kind = [0];
    while stream.read(&mut kind).await.unwrap() == 1 {
        let content = receive(&stream).await;
        if kind == *b"X" {
            return;
        }
        assert_eq!((&kind, content.as_slice()), (b"Q", &b"SELECT 42 AS answer\0"[..]));
        let column = [&1_u16.to_be_bytes()[..], b"answer\0", &[0; 18]].concat();
        let row = [&1_u16.to_be_bytes()[..], &2_u32.to_be_bytes(), b"42"].concat();
        let answer = [message(b'T', &column), message(b'D', &row), message(b'C', b"SELECT 1\0"), ready.clone()];
        stream.write_all(&answer.concat()).await.unwrap();
    }
}

#[test]
fn a_query_is_sent_and_its_row_comes_back() {
    run_real(async {
        let (left, right) = UnixStream::pair().unwrap();
        let server = create_task(serve(right));
        let (client, connection) = Config::new().user("me").connect_raw(left, NoTls).await.unwrap();
        let connection = create_task(connection);
        let rows = client.simple_query("SELECT 42 AS answer").await.unwrap();
        let row = rows.iter().find_map(|row| match row {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        assert_eq!(row.unwrap().get("answer"), Some("42"));
        drop(client);
        connection.await.unwrap();
        server.await;
    });
}
