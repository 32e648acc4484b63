//! Downloads over HTTP and HTTPS with hyper, many at once: by `gather`, a few at a time, for all of them in order, and by
//! `wait` with a time-out, for those that come in time. Each says so when it has come. In Python:
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
//! `download https://example.com http://example.org` downloads these, each with a time limit. Without a URL, a server is
//! in the same program, on a virtual clock: the milliseconds are those of its answers, not of the machine.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, io};

use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, client, server};
use hyper_util::rt::TokioIo;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{Clock, EventLoop, create_task, gather, run, sleep, timeout, try_gather, wait};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

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
    fn new(roots: RootCertStore) -> Rc<Self> {
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Rc::new(Self { tls: Arc::new(config).into(), start: EventLoop::current().time() })
    }

    async fn download(self: Rc<Self>, page: Page) -> Result<usize, Failure> {
        let host = page.uri.host().ok_or("a URL without a host")?;
        let over_tls = page.uri.scheme_str() == Some("https");
        let port = page.uri.port_u16().unwrap_or(if over_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        let response = if over_tls {
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
            get(TokioIo::new(self.tls.connect(name, stream).await?), &page.uri).await?
        } else {
            get(stream, &page.uri).await?
        };
        let (status, length) = response;
        let after = (EventLoop::current().time() - self.start).as_millis();
        println!("{after:>6} ms  {}: {status}, {length} bytes", page.name);
        Ok(length)
    }
}

/// The status of the answer, and how long it is.
async fn get(stream: impl Read + Write + Unpin + 'static, uri: &Uri) -> Result<(hyper::StatusCode, usize), Failure> {
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
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let downloads = Downloads::new(roots);
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

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Infallible> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (http, service) = (server::conn::http1::Builder::new(), service_fn(image));
        let tls = tls.clone();
        create_task(async move {
            match tls {
                None => http.serve_connection(stream, service).await?,
                Some(tls) => http.serve_connection(TokioIo::new(tls.accept(stream).await?), service).await?,
            }
            Ok::<(), Failure>(())
        });
    }
}

/// A server with a certificate of its own making, and the clients' trust in it.
fn tls() -> Result<(TlsAcceptor, RootCertStore), Failure> {
    let made = rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])?;
    let (certificate, key) =
        (CertificateDer::from(made.cert), PrivateKeyDer::try_from(made.signing_key.serialize_der())?);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
    Ok((Arc::new(config).into(), roots))
}

fn start(tls: Option<TlsAcceptor>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    create_task(serve(listener, tls)); // until the loop ends
    Ok(address)
}

async fn from_a_local_server() -> Result<(), Failure> {
    let (acceptor, roots) = tls()?;
    let (http, https) = (start(None)?.port(), start(Some(acceptor))?.port());
    let pages = (0..IMAGES).map(|i| {
        let (scheme, port) = if i % 2 == 0 { ("http", http) } else { ("https", https) };
        let uri = format!("{scheme}://127.0.0.1:{port}/image/{i}").parse()?;
        Ok(Page { name: format!("image {i} by {scheme}"), uri })
    });
    let pages: Vec<Page> = pages.collect::<Result<_, Failure>>()?;
    all_of_them(&Downloads::new(roots.clone()), &pages).await?;
    those_in_time(&Downloads::new(roots), &pages).await;
    Ok(())
}

pub(crate) fn program(urls: &[String]) -> Result<(), Failure> {
    if !urls.is_empty() {
        return run(from_the_network(urls))?;
    }
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).build()?.run_until_complete(from_a_local_server())?
}

fn main() -> Result<(), Failure> {
    program(&env::args().skip(1).collect::<Vec<_>>())
}
