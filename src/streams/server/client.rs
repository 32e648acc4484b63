//! The task of one client. Owns what is done about its end; must not know how the client came.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::server::OnClient;
use crate::awaitables::spawn;
use crate::cancel::Never;
use crate::error::{Exception, Panic};
use crate::node::{Loop, report};
use crate::streams::reader::StreamReader;
use crate::streams::transport::Stream;
use crate::streams::writer::StreamWriter;

/// What the handler of a client may return: nothing, or a `Result` with an error that is reported.
pub trait Served: Sized {
    #[doc(hidden)]
    fn failure(self) -> Option<String>;
}

impl Served for () {
    fn failure(self) -> Option<String> {
        None
    }
}

/// A handler that serves its client for ever, or until it panics.
impl Served for Never {
    fn failure(self) -> Option<String> {
        self
    }
}

impl<E: fmt::Display> Served for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

pub(super) fn on_client<H, R>(kernel: Rc<Loop>, handler: H) -> OnClient
where
    H: AsyncFn(StreamReader, StreamWriter) -> R + 'static,
    R: Served + 'static,
{
    let handler = Rc::new(handler);
    Box::new(move |stream| {
        // made here, so that they close the connection also if the task never begins
        let (reader, writer) = (StreamReader::of(Rc::clone(&stream)), StreamWriter::of(Rc::clone(&stream)));
        let task = serve(Rc::clone(&kernel), Rc::clone(&handler), (reader, writer), ClosedIfDropped(Some(stream)));
        drop(spawn(Rc::clone(&kernel), task, true, Location::caller()));
    })
}

async fn serve<H, R>(
    kernel: Rc<Loop>,
    handler: Rc<H>,
    (reader, writer): (StreamReader, StreamWriter),
    closing: ClosedIfDropped,
) where
    H: AsyncFn(StreamReader, StreamWriter) -> R,
    R: Served,
{
    let failure = match ended(&*handler, reader, writer).await {
        Ok(returned) => returned.failure().map(Exception::Error),
        Err(payload) => Some(Panic::new(payload).into()),
    };
    if let Some(exception) = failure {
        report(&kernel, "Unhandled exception in client_connected_cb", exception);
    } else {
        closing.forget();
    }
}

/// How the handler of a client ended: what it returned, or its panic.
async fn ended<H, R>(handler: &H, reader: StreamReader, writer: StreamWriter) -> Result<R, Box<dyn Any + Send>>
where
    H: AsyncFn(StreamReader, StreamWriter) -> R,
{
    let mut handling = pin!(async { handler(reader, writer).await });
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(returned)) => Poll::Ready(Ok(returned)),
        Err(payload) => Poll::Ready(Err(payload)),
    })
    .await
}

/// Closes the connection, unless told to leave it alone: the task was cancelled, or failed.
struct ClosedIfDropped(Option<Rc<Stream>>);

impl ClosedIfDropped {
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for ClosedIfDropped {
    fn drop(&mut self) {
        if let Some(stream) = self.0.take() {
            stream.close();
        }
    }
}
