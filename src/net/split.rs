//! The two halves of a connection. Owns who holds which; must not know what is read or written.

use std::net::TcpStream as StdTcp;
use std::os::unix::net::UnixStream as StdUnix;
use std::rc::Rc;
use std::{fmt, io};

use super::io::{Stream, reads, writes};
use super::tcp_stream::TcpStream;
use super::unix_stream::UnixStream;

/// The half of a connection that reads. The connection is closed when both halves are dropped.
///
/// # Examples
/// ```
/// use oneloop::net::UnixStream;
/// use oneloop::{create_task, run};
///
/// run(async {
///     let (left, right) = UnixStream::pair()?;
///     let (reader, writer) = left.into_split();
///     let heard = create_task(async move {
///         let mut bytes = [0; 10];
///         let n = reader.read(&mut bytes).await?;
///         Ok::<_, std::io::Error>((reader, bytes[..n].to_vec()))
///     });
///     writer.write_all(b"ping").await?;
///     let mut ping = [0; 4];
///     right.read_exact(&mut ping).await?;
///     right.write_all(b"pong").await?;
///     let (reader, pong) = heard.await?;
///     assert_eq!(pong, b"pong");
///     let _whole = reader.reunite(writer).expect("two halves of one connection");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReadHalf<S> {
    whole: Rc<S>,
}

/// The half of a connection that writes. Dropping it ends this direction: the other side meets the end of the stream. See
/// [`ReadHalf`] for an example.
pub struct WriteHalf<S> {
    whole: Rc<S>,
    shutdown: fn(&S) -> io::Result<()>,
}

/// Two halves of different connections; they come back.
pub struct ReuniteError<S>(pub ReadHalf<S>, pub WriteHalf<S>);

pub(super) fn halves<S>(stream: S, shutdown: fn(&S) -> io::Result<()>) -> (ReadHalf<S>, WriteHalf<S>) {
    let whole = Rc::new(stream);
    (ReadHalf { whole: Rc::clone(&whole) }, WriteHalf { whole, shutdown })
}

impl<S> ReadHalf<S> {
    /// The connection itself: its addresses and settings.
    pub fn get_ref(&self) -> &S {
        &self.whole
    }

    /// The connection out of its two halves.
    ///
    /// # Errors
    /// [`ReuniteError`] with the halves if they are of different connections.
    pub fn reunite(self, writer: WriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !Rc::ptr_eq(&self.whole, &writer.whole) {
            return Err(ReuniteError(self, writer));
        }
        writer.forget();
        match Rc::into_inner(self.whole) {
            Some(stream) => Ok(stream),
            None => unreachable!("a connection has two halves, and here they were"),
        }
    }
}

impl<S> WriteHalf<S> {
    /// The connection itself: its addresses and settings.
    pub fn get_ref(&self) -> &S {
        &self.whole
    }

    /// Drops the half without ending the direction: it ends when the reading half goes too.
    pub fn forget(mut self) {
        self.shutdown = |_| Ok(());
    }

    /// Ends the direction now: asyncio's `write_eof`.
    ///
    /// # Errors
    /// `NotConnected` after a reset.
    pub fn shutdown(&self) -> io::Result<()> {
        (self.shutdown)(&self.whole)
    }
}

impl<S> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        // a connection that is gone has met its end
        let _ = self.shutdown();
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.whole).finish()
    }
}

impl<S: fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.whole).finish()
    }
}

impl<S> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReuniteError(..)")
    }
}

impl<S> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves belong to different connections")
    }
}

impl<S> std::error::Error for ReuniteError<S> {}

macro_rules! streams {
    ($($Stream:ty => $Socket:ty),+) => {
        $(impl ReadHalf<$Stream> {
            fn stream(&self) -> Stream<'_, $Socket> {
                self.whole.stream()
            }
        }

        impl WriteHalf<$Stream> {
            fn stream(&self) -> Stream<'_, $Socket> {
                self.whole.stream()
            }
        }

        reads!(ReadHalf<$Stream>);
        writes!(WriteHalf<$Stream>);)+
    };
}

streams!(TcpStream => StdTcp, UnixStream => StdUnix);
