//! A server of hyper and a client of it in the same program, all on one loop: ten requests over one connection, at most
//! three of them at once, since a semaphore holds the others up. In Python:
//!
//! ```python
//! async def handle(request):
//!     async with limit:
//!         await asyncio.sleep(0.01)
//!         return web.Response(text=f"hello {request.match_info['name']}\n")
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::server::conn::http2;
use hyper::{Request, Response, service::service_fn};
use oneloop::adapters::{HyperExecutor, HyperTimer};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{Semaphore, create_task, run, sleep};

/// State of the loop's own thread: no `Arc`, no lock.
struct Service {
    limit: Semaphore,
    running: Cell<u32>,
    most: Cell<u32>,
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let _permit = self.limit.acquire().await;
        self.running.set(self.running.get() + 1);
        self.most.set(self.most.get().max(self.running.get()));
        sleep(Duration::from_millis(1)).await;
        self.running.set(self.running.get() - 1);
        Ok(Response::new(Full::new(Bytes::from(format!("hello {}", request.uri().path().trim_matches('/'))))))
    }
}

async fn serve(listener: TcpListener, service: Rc<Service>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let service = Rc::clone(&service);
        let answer = service_fn(move |request| {
            let service = Rc::clone(&service);
            async move { service.answer(request).await }
        });
        create_task(http2::Builder::new(HyperExecutor).timer(HyperTimer).serve_connection(stream, answer));
    }
}

async fn get(mut client: SendRequest<Empty<Bytes>>, name: u32) -> Result<Bytes, Box<dyn Error>> {
    let request = Request::get(format!("http://here/{name}")).body(Empty::new())?;
    Ok(client.send_request(request).await?.into_body().collect().await?.to_bytes())
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    run(async {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let service = Rc::new(Service { limit: Semaphore::new(3), running: Cell::new(0), most: Cell::new(0) });
        let server = create_task(serve(listener, Rc::clone(&service)));

        let (client, connection) = handshake(HyperExecutor, TcpStream::connect(address).await?).await?;
        create_task(connection);
        let mut answers = stream::iter(0..10).map(|name| get(client.clone(), name)).buffered(10);
        while let Some(answer) = answers.next().await {
            println!("{}", String::from_utf8_lossy(&answer?));
        }
        println!("at most {} at once", service.most.get());
        server.cancel();
        Ok(())
    })?
}
