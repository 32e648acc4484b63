//! An echo server on calloop, that says which address it has. An answer that does not fit is cut short.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction};

fn echo(handle: &LoopHandle<'static, ()>, stream: TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut buffer = [0; 4_096];
    let source = Generic::new(stream, Interest::READ, Mode::Level);
    let added = handle.insert_source(source, move |_, stream, ()| {
        let mut stream: &TcpStream = stream;
        let count = stream.read(&mut buffer)?;
        stream.write_all(&buffer[..count])?;
        Ok(if count == 0 { PostAction::Remove } else { PostAction::Continue })
    });
    added.map(drop).map_err(io::Error::other)
}

fn main() -> io::Result<()> {
    let mut event_loop = EventLoop::<()>::try_new().map_err(io::Error::other)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let handle = event_loop.handle();
    let source = Generic::new(listener, Interest::READ, Mode::Level);
    let added = event_loop.handle().insert_source(source, move |_, listener, ()| {
        echo(&handle, listener.accept()?.0)?;
        Ok(PostAction::Continue)
    });
    added.map_err(io::Error::other)?;
    event_loop.run(None, &mut (), |()| {}).map_err(io::Error::other)
}
