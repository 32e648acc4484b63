//! tokio-postgres over a socket of the loop: a hundred queries at once over one connection, notices of another client,
//! and a query that takes too long and is cancelled at the server.
//!
//! It looks for the server's socket in the folder that `PGHOST` names, and for its role in `PGUSER`. To start a server
//! for it: `tests/ecosystem/with_postgres cargo run -p oneloop-ecosystem --example postgres`.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::error::Error;
use std::future::poll_fn;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use std::{env, io};

use oneloop::net::UnixStream;
use oneloop::{Queue, create_task, run, timeout, try_gather, wait};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Notification};

/// Far longer than the server takes for anything here but the long query.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the long query may take.
const LIMIT: Duration = Duration::from_millis(50);

async fn connect_stream() -> io::Result<UnixStream> {
    let folder =
        env::var_os("PGHOST").ok_or_else(|| io::Error::other("PGHOST names no folder with a server's socket"))?;
    UnixStream::connect(PathBuf::from(folder).join(".s.PGSQL.5432")).await
}

/// A client, whose connection is a task that puts what other clients tell into `notices`.
async fn connect(notices: Queue<Notification>) -> Result<Client, Box<dyn Error>> {
    let mut config = Config::new();
    config.user(env::var("PGUSER").unwrap_or_else(|_| "postgres".to_owned())).dbname("postgres");
    let (client, connection) = config.connect_raw(connect_stream().await?, NoTls).await?;
    create_task(drive(connection, notices));
    Ok(client)
}

async fn drive(mut connection: Connection<UnixStream, NoTlsStream>, notices: Queue<Notification>) {
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let AsyncMessage::Notification(notice) = message {
            notices.put_nowait(notice).expect("an unbounded queue that is not shut down");
        }
    }
}

/// They are all sent before the first answer comes.
async fn a_hundred_queries(client: &Rc<Client>) -> Result<(), tokio_postgres::Error> {
    let statement = client.prepare("SELECT $1::INT8 * $1::INT8").await?;
    let squares = try_gather((1..=100_i64).map(|n| {
        let (client, statement) = (Rc::clone(client), statement.clone());
        async move { client.query_one(&statement, &[&n]).await?.try_get::<_, i64>(0) }
    }));
    println!("the sum of a hundred squares: {}", squares.await?.iter().sum::<i64>());
    Ok(())
}

async fn listen_and_notify(client: &Client, notices: &Queue<Notification>) -> Result<(), Box<dyn Error>> {
    client.batch_execute("LISTEN news").await?;
    let other = connect(Queue::unbounded()).await?;
    other.batch_execute("NOTIFY news, 'hello'").await?;
    let notice = timeout(PATIENCE, notices.get()).await??;
    println!("news from another client: {}", notice.payload());
    Ok(())
}

/// To drop a query is not enough: the server would go on with it, and the connection wait for it.
async fn a_query_that_takes_too_long(client: &Rc<Client>) -> Result<(), Box<dyn Error>> {
    let asleep = Rc::clone(client);
    let query = create_task(async move { asleep.batch_execute("SELECT pg_sleep(600)").await });
    let sets = wait([query]).timeout(LIMIT).await;
    for query in sets.pending {
        client.cancel_token().cancel_query_raw(connect_stream().await?, NoTls).await?;
        let error = timeout(PATIENCE, query).await?.expect_err("it is cancelled");
        println!("too long: {}", error.as_db_error().map_or("the connection is lost", |error| error.message()));
    }
    let answer: i32 = timeout(PATIENCE, client.query_one("SELECT 42", &[])).await??.try_get(0)?;
    println!("the connection goes on: {answer}");
    Ok(())
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    run(async {
        let notices = Queue::unbounded();
        let client = Rc::new(connect(notices.clone()).await?);
        a_hundred_queries(&client).await?;
        listen_and_notify(&client, &notices).await?;
        a_query_that_takes_too_long(&client).await
    })?
}
