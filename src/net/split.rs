//! The two halves of a connection. Owns the split and the way back; must not know what is read or written.

use std::net::{Shutdown, TcpStream as StdTcp};
use std::os::unix::net::UnixStream as StdUnix;
use std::rc::Rc;
use std::{fmt, io};

use super::byte_stream::{ByteStream, reads, writes};
use super::descriptor::Descriptor;
use super::own_calls::{reads_with, writes_with};
use super::tcp_stream::TcpStream;
use super::unix_stream::UnixStream;

/// The reading half of a connection. The connection closes when both halves are dropped.
///
/// # Examples
/// ```
/// use oneloop::net::UnixStream;
/// use oneloop::{create_task, run};
///
/// run(async {
///     let (left, right) = UnixStream::pair()?;
///     let (reader, writer) = left.into_split();
///     let reading = create_task(async move {
///         let mut bytes = [0; 10];
///         let n = reader.read(&mut bytes).await?;
///         Ok::<_, std::io::Error>((reader, bytes[..n].to_vec()))
///     });
///     writer.write_all(b"ping").await?;
///     let mut ping = [0; 4];
///     right.read_exact(&mut ping).await?;
///     right.write_all(b"pong").await?;
///     let (reader, pong) = reading.await?;
///     assert_eq!(pong, b"pong");
///     let _stream = reader.reunite(writer).expect("two halves of one connection");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReadHalf<S> {
    stream: Rc<S>,
}

/// The writing half of a connection. Dropping it ends the writing direction: the peer reads the end of the stream.
/// [`ReadHalf`] has an example.
///
/// # Examples
/// ```
/// use oneloop::net::UnixStream;
/// use oneloop::run;
///
/// run(async {
///     let (left, right) = UnixStream::pair()?;
///     let (_reader, writer) = left.into_split();
///     writer.write_all(b"bye").await?;
///     drop(writer); // the peer reads the end
///     let mut bytes = [0; 8];
///     assert_eq!((right.read(&mut bytes).await?, right.read(&mut bytes).await?), (3, 0));
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WriteHalf<S> {
    stream: Rc<S>,
    shutdown: fn(&S) -> io::Result<()>,
}

/// The error of [`ReadHalf::reunite`] for halves of different connections. It returns the halves.
///
/// # Examples
/// ```
/// use oneloop::net::{ReuniteError, UnixStream};
/// use oneloop::run;
///
/// run(async {
///     let (left, right) = UnixStream::pair()?;
///     let ((reader, _), (_, writer)) = (left.into_split(), right.into_split());
///     let Err(ReuniteError(_reader, _writer)) = reader.reunite(writer) else { panic!("they are of two connections") };
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReuniteError<S>(pub ReadHalf<S>, pub WriteHalf<S>);

impl<S> ReadHalf<S> {
    /// The connection, for its addresses and settings.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Joins the two halves into the connection again.
    ///
    /// # Errors
    /// [`ReuniteError`], with the halves, if they belong to different connections.
    pub fn reunite(self, writer: WriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !Rc::ptr_eq(&self.stream, &writer.stream) {
            return Err(ReuniteError(self, writer));
        }
        writer.forget();
        match Rc::into_inner(self.stream) {
            Some(stream) => Ok(stream),
            None => unreachable!("a connection has two halves, and both were here"),
        }
    }
}

impl<S> WriteHalf<S> {
    /// The connection, for its addresses and settings.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Drops the half without ending the writing direction, which ends when the reading half is dropped too.
    pub fn forget(mut self) {
        self.shutdown = |_| Ok(());
    }

    /// Ends the writing direction now: asyncio's `write_eof`.
    ///
    /// # Errors
    /// `NotConnected` if the peer has reset the connection.
    pub fn shutdown(&self) -> io::Result<()> {
        (self.shutdown)(&self.stream)
    }
}

impl<S> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        // fails only if the connection is lost, and then the peer needs no end
        let _ = self.shutdown();
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.stream).finish()
    }
}

impl<S: fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.stream).finish()
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

macro_rules! splits {
    ($Stream:ty, $Std:ty) => {
        impl $Stream {
            /// The reading and the writing half, for two tasks. [`ReadHalf::reunite`] joins them again.
            pub fn into_split(self) -> (ReadHalf<Self>, WriteHalf<Self>) {
                let stream = Rc::new(self);
                let reader = ReadHalf { stream: Rc::clone(&stream) };
                (reader, WriteHalf { stream, shutdown: |stream| stream.shutdown(Shutdown::Write) })
            }
        }

        impl ReadHalf<$Stream> {
            fn descriptor(&self) -> &Descriptor<$Std> {
                self.byte_stream().descriptor
            }

            fn byte_stream(&self) -> ByteStream<'_, $Std> {
                self.stream.byte_stream()
            }
        }

        impl WriteHalf<$Stream> {
            fn descriptor(&self) -> &Descriptor<$Std> {
                self.byte_stream().descriptor
            }

            fn byte_stream(&self) -> ByteStream<'_, $Std> {
                self.stream.byte_stream()
            }
        }

        reads!(ReadHalf<$Stream>, $Std);
        writes!(WriteHalf<$Stream>, $Std);
    };
}

splits!(TcpStream, StdTcp);
splits!(UnixStream, StdUnix);
