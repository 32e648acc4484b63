//! The task of one client. Owns what follows the handler's end: a report, and the close; must not know how the client
//! was accepted.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::opening::Opening;
use crate::awaitables::start;
use crate::cancel::Never;
use crate::error::{Exception, Panic};
use crate::node::{Loop, report};
use crate::streams::reader::StreamReader;
use crate::streams::transport::Transport;
use crate::streams::writer::StreamWriter;

/// What the handler of a client may return: nothing, or a `Result` whose error is reported to the exception handler.
///
/// The trait is sealed: it is implemented for `()`, for `Result<(), E>` where `E` can be displayed, and for `!`.
///
/// # Examples
/// ```
/// use oneloop::{StreamReader, StreamWriter, run, start_server};
///
/// /// A client that breaks off is told of in the exception handler, and ends no other.
/// async fn echo(reader: StreamReader, writer: StreamWriter) -> std::io::Result<()> {
///     while let Some(line) = reader.next_line().await? {
///         writer.write(line + "\n");
///         writer.drain().await?;
///     }
///     Ok(())
/// }
///
/// run(async {
///     let server = start_server(echo, ("127.0.0.1", 0)).await?;
///     server.close();
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the handler of a server cannot return `{Self}`",
    note = "it may return nothing, or a `Result<(), E>` whose error can be displayed"
)]
pub trait ClientResult: IntoFailure {}

/// The private half of [`ClientResult`], which seals it.
#[expect(unnameable_types, reason = "a trait that cannot be named cannot be implemented outside")]
pub trait IntoFailure: Sized {
    /// The text of the error, if the handler has failed.
    fn into_failure(self) -> Option<String>;
}

impl ClientResult for () {}

impl IntoFailure for () {
    fn into_failure(self) -> Option<String> {
        None
    }
}

/// A handler that serves its client for ever, or until it panics.
impl ClientResult for Never {}

impl IntoFailure for Never {
    fn into_failure(self) -> Option<String> {
        self
    }
}

impl<E: fmt::Display> ClientResult for Result<(), E> {}

impl<E: fmt::Display> IntoFailure for Result<(), E> {
    fn into_failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

/// Starts the task of a new client.
pub(super) type OnClient = Box<dyn Fn(Rc<Transport>)>;

pub(super) fn on_client<H, R>(kernel: Rc<Loop>, handler: H, opening: Opening) -> OnClient
where
    H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
    R: ClientResult + 'static,
{
    let handler = Rc::new(handler);
    Box::new(move |transport| {
        // made here and not in the task: if that never begins, dropping them closes the connection
        let reader = StreamReader::of(Rc::clone(&transport));
        let writer = StreamWriter::of(Rc::clone(&transport));
        let close_guard = CloseGuard(Some(transport));
        let task = serve(Rc::clone(&kernel), Rc::clone(&handler), opening.clone(), (reader, writer), close_guard);
        drop(start(Rc::clone(&kernel), task, Location::caller()));
    })
}

async fn serve<H, R>(
    kernel: Rc<Loop>,
    handler: Rc<H>,
    opening: Opening,
    (reader, writer): (StreamReader, StreamWriter),
    close_guard: CloseGuard,
) where
    H: AsyncFn(StreamReader, StreamWriter) -> R,
    R: ClientResult,
{
    if let Some(transport) = &close_guard.0
        && !opening.open(transport).await
    {
        return;
    }
    let failure = match call_handler(&*handler, reader, writer).await {
        Ok(result) => result.into_failure().map(Exception::Error),
        Err(payload) => Some(Panic::new(payload).into()),
    };
    if let Some(exception) = failure {
        report(&kernel, "Unhandled exception in client_connected_cb", exception);
    } else {
        close_guard.disarm();
    }
}

/// Runs the handler, and returns its result or the payload of its panic.
async fn call_handler<H, R>(handler: &H, reader: StreamReader, writer: StreamWriter) -> Result<R, Box<dyn Any + Send>>
where
    H: AsyncFn(StreamReader, StreamWriter) -> R,
{
    let mut running = pin!(async { handler(reader, writer).await });
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
        Err(payload) => Poll::Ready(Err(payload)),
    })
    .await
}

/// Closes the connection when dropped, unless it is disarmed: the handler has failed, or its task was cancelled.
struct CloseGuard(Option<Rc<Transport>>);

impl CloseGuard {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        if let Some(transport) = self.0.take() {
            transport.close();
        }
    }
}
