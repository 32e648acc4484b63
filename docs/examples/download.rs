//! Downloads over HTTP and HTTPS with hyper, many at once: by `gather`, a few at a time, for all of them in order, and
//! by `wait` with a time-out, for those that come in time. Each says so when it has come. In Python:
//!
//! ```python
//! async def download(session, url):
//!     async with session.get(url) as response:
//!         return await response.read()
//!
//! images = await asyncio.gather(*[download(session, url) for url in urls])
//! done, pending = await asyncio.wait(tasks, timeout=0.5)
//! ```
//!
//! `download https://example.com http://example.org` downloads these, each with a time limit. Without a URL, a server
//! is in the same program, on a virtual clock: the milliseconds are those of its answers, not of the machine.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::error::Error;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, io};

use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, client, server};
use oneloop::adapters::Duplex;
use oneloop::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use oneloop::tls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use oneloop::tls::{TlsConnector, platform_config};
use oneloop::{
    Clock, EventLoop, Server, ServerBuilder, create_task, gather, open_connection, run, sleep, timeout, try_gather,
    wait,
};

const IMAGES: u64 = 10;
const AT_ONCE: usize = 4;
/// What a download from the network may take.
const PATIENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn Error + Send + Sync>;

/// What to download, and what to call it.
#[derive(Clone)]
struct Page {
    name: String,
    uri: Uri,
}

/// What all downloads share.
struct Downloads {
    tls: TlsConnector,
    start: Instant,
}

impl Downloads {
    fn new(config: Arc<ClientConfig>) -> Rc<Self> {
        Rc::new(Self { tls: TlsConnector::new(config), start: EventLoop::current().time() })
    }

    async fn download(self: Rc<Self>, page: Page) -> Result<usize, Failure> {
        let host = page.uri.host().ok_or("a URL without a host")?.trim_matches(['[', ']']);
        let over_tls = page.uri.scheme_str() == Some("https");
        let port = page.uri.port_u16().unwrap_or(if over_tls { 443 } else { 80 });
        let stream = if over_tls {
            self.tls.open_connection((host, port)).await?
        } else {
            open_connection((host, port)).await?
        };
        let (status, length) = get(Duplex::from(stream), &page.uri).await?;
        let after = (EventLoop::current().time() - self.start).as_millis();
        println!("{after:>6} ms  {}: {status}, {length} bytes", page.name);
        Ok(length)
    }
}

/// The status of the answer, and how long it is.
async fn get(stream: Duplex, uri: &Uri) -> Result<(hyper::StatusCode, usize), Failure> {
    let (mut client, connection) = client::conn::http1::handshake(stream).await?;
    let _connection = create_task(connection).cancel_on_drop(); // a download that is called off leaves none behind
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path).header("host", host).header("user-agent", "oneloop").body(Empty::<Bytes>::new())?;
    let response = client.send_request(request).await?;
    Ok((response.status(), response.into_body().collect().await?.to_bytes().len()))
}

async fn all_of_them(downloads: &Rc<Downloads>, pages: &[Page]) -> Result<(), Failure> {
    println!("gather, {AT_ONCE} at a time:");
    let images =
        try_gather(pages.iter().map(|page| Rc::clone(downloads).download(page.clone()))).limit(AT_ONCE).await?;
    println!("all {} in order, {} bytes", images.len(), images.iter().sum::<usize>());
    Ok(())
}

async fn those_in_time(downloads: &Rc<Downloads>, pages: &[Page]) {
    println!("wait, for half a second:");
    let tasks = pages.iter().map(|page| {
        let download = Rc::clone(downloads).download(page.clone());
        create_task(download).named(&page.name)
    });
    let sets = wait(tasks).timeout(Duration::from_millis(500)).await;
    println!("{} done, {} pending", sets.done.len(), sets.pending.len());
    for task in &sets.pending {
        println!("{} is called off", task.name());
        task.cancel();
    }
    gather(sets.pending).return_exceptions().await;
}

/// URLs from the network. One that fails is named, and the others go on.
async fn from_the_network(urls: &[String]) -> Result<(), Failure> {
    let downloads = Downloads::new(platform_config()?);
    let pages = urls.iter().map(|url| Ok(Page { name: url.clone(), uri: url.parse()? }));
    let pages: Vec<Page> = pages.collect::<Result<_, Failure>>()?;
    let lengths = gather(pages.into_iter().map(|page| {
        let downloads = Rc::clone(&downloads);
        async move {
            let name = page.name.clone();
            let length = async { timeout(PATIENCE, downloads.download(page)).await? };
            length.await.inspect_err(|error| println!("           {name}: {error}")).ok()
        }
    }));
    let lengths = lengths.limit(AT_ONCE).await;
    println!("{} of {}", lengths.iter().flatten().count(), lengths.len());
    Ok(())
}

/// The server: image i has (i + 1) KiB and takes its time, two of them very long.
async fn image(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    let i: u64 = request.uri().path().trim_start_matches("/image/").parse()?;
    sleep(Duration::from_millis(if i == 3 || i == 7 { 2_000 } else { 310 - 10 * i - i * i })).await;
    let length = usize::try_from(1024 * (i + 1))?;
    Ok(Response::new(Full::new(vec![b'x'; length].into())))
}

/// Both sides' configurations, for a certificate of the server's own making that the clients trust.
fn tls() -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), Failure> {
    let made = rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])?;
    let (certificate, key) =
        (CertificateDer::from(made.cert), PrivateKeyDer::try_from(made.signing_key.serialize_der())?);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok((Arc::new(server), Arc::new(client)))
}

async fn start(server: ServerBuilder) -> io::Result<Server> {
    let client = async |reader, writer| {
        let stream = Duplex::from((reader, writer));
        server::conn::http1::Builder::new().serve_connection(stream, service_fn(image)).await
    };
    server.listen(client, (Ipv4Addr::LOCALHOST, 0)).await
}

async fn from_a_local_server() -> Result<(), Failure> {
    let (servers, config) = tls()?;
    let (http, https) = (start(Server::builder()).await?, start(Server::builder().tls(servers)).await?);
    let pages = (0..IMAGES).map(|i| {
        let (scheme, server) = if i % 2 == 0 { ("http", &http) } else { ("https", &https) };
        let port = server.local_addrs()[0].port();
        let uri = format!("{scheme}://127.0.0.1:{port}/image/{i}").parse()?;
        Ok(Page { name: format!("image {i} by {scheme}"), uri })
    });
    let pages: Vec<Page> = pages.collect::<Result<_, Failure>>()?;
    all_of_them(&Downloads::new(Arc::clone(&config)), &pages).await?;
    those_in_time(&Downloads::new(config), &pages).await;
    Ok(())
}

pub(crate) fn program(urls: &[String]) -> Result<(), Failure> {
    if !urls.is_empty() {
        return run(from_the_network(urls))?;
    }
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(from_a_local_server())?
}

fn main() -> Result<(), Failure> {
    program(&env::args().skip(1).collect::<Vec<_>>())
}
