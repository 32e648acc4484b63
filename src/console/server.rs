//! The thread that answers: a loop of its own, so that it answers while the one that is asked is stuck. Owns how many
//! clients are served and for how long; must not know what is answered.

use std::os::unix::net::UnixListener as StdListener;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{io, thread};

use super::answer::{Answer, Inspected, LONGEST_REQUEST};
use super::place::own_user;
use super::within::within;
use crate::awaitables::{Task, create_task};
use crate::error::{Error, ReadError};
use crate::event_loop::EventLoop;
use crate::net::UnixListener;
use crate::observe::Activity;
use crate::primitives::sleep;
use crate::streams::{StreamReader, StreamWriter};
use crate::threads::LoopHandle;

/// How many clients are served at a time. Others wait in the system's queue.
const CLIENTS: usize = 8;
/// The time from the connection of a client to the end of its answer.
const TIME_OF_A_CLIENT: Duration = Duration::from_secs(5);
/// How long no client is accepted after the system has refused one, for want of descriptors say.
const PAUSE: Duration = Duration::from_secs(1);
/// May see everything anyway.
const ROOT: u32 = 0;

/// The thread that answers. Dropping this ends it.
pub(super) struct Answering(LoopHandle);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Where the thread puts its loop once it has one; nothing if it ends without.
struct Began(Arc<OnceLock<Option<LoopHandle>>>);

impl Began {
    fn put(&self, lp: Option<LoopHandle>) {
        let _ = self.0.set(lp); // fails only at the end of a thread that has begun
    }
}

impl Drop for Began {
    fn drop(&mut self) {
        self.put(None);
    }
}

/// Starts the thread, which answers for the loop at this socket.
pub(super) fn start(listener: StdListener, handle: LoopHandle, activity: Activity) -> Result<Answering, Error> {
    let place = Arc::new(OnceLock::new());
    let began = Began(Arc::clone(&place));
    let serve = move || {
        let lp = EventLoop::builder().debug(false).build()?;
        began.put(Some(lp.remote()));
        // fails only if the loop that is asked is gone already
        let _ = lp.run_until_complete(serve(listener, Inspected::new(handle, activity)));
        Ok(())
    };
    let thread = thread::Builder::new().name("oneloop-console".to_owned()).spawn(serve)?;
    match place.wait() {
        Some(lp) => Ok(Answering(lp.clone())),
        None => match thread.join() {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Err(io::Error::other("its thread has ended").into()),
        },
    }
}

/// Serves for ever: the loop is stopped.
async fn serve(listener: StdListener, inspected: Inspected) -> io::Result<()> {
    let user = own_user()?;
    let listener = Rc::new(UnixListener::from_std(listener)?.keep_path());
    let inspected = Rc::new(inspected);
    let serve = |_| {
        let serving = serve_one_by_one(Rc::clone(&listener), Rc::clone(&inspected), user);
        create_task(Box::pin(serving) as Pin<Box<dyn Future<Output = ()>>>) // the type of task that a run has, too
    };
    let serving: Vec<Task<()>> = (0..CLIENTS).map(serve).collect();
    for served in serving {
        served.await;
    }
    Ok(())
}

async fn serve_one_by_one(listener: Rc<UnixListener>, inspected: Rc<Inspected>, user: u32) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let (reader, writer) = client.into_streams_with_limit(LONGEST_REQUEST);
                let served = within(TIME_OF_A_CLIENT, serve_client(&reader, &writer, &inspected, user)).await;
                if !matches!(served, Some(Ok(()))) {
                    writer.abort(); // a client that has left, or does not read, is sent nothing more
                }
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn serve_client(
    reader: &StreamReader,
    writer: &StreamWriter,
    inspected: &Inspected,
    user: u32,
) -> io::Result<()> {
    let peer = writer.peer_cred()?.uid();
    let answer = match reader.readline().await {
        Ok(_) if peer != user && peer != ROOT => Answer::Error("this program belongs to another user".to_owned()),
        Ok(request) => inspected.answer(&String::from_utf8_lossy(&request)).await,
        Err(ReadError::Limit(_)) => Answer::Error("the request is too long".to_owned()),
        Err(error) => return Err(error.into()),
    };
    writer.write(answer.into_bytes());
    writer.drain().await?;
    writer.close();
    writer.wait_closed().await
}
