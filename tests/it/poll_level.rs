//! Operations as polls: what a future that is written by hand makes of a descriptor, a socket or a pipe; when it is
//! woken, what a waker that is kept does, and what it leaves behind.
#![cfg(unix)]

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::unix::net::UnixStream as StdStream;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::stream::FuturesUnordered;
use futures::{StreamExt as _, join};
use oneloop::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, pipe};
use oneloop::{Descriptor, EventLoop, catch_cancelled, create_task, sleep, timeout, yield_now};

use crate::support::{LONG, counted, ms, now, panic_in, panic_of, run, run_real, secs, until};

/// More operations than one step of a task may do.
const MANY: usize = 200;

/// A read that is written by hand over a stream that it borrows.
struct Reading<'a> {
    stream: &'a UnixStream,
    buffer: [u8; 16],
}

impl Future for Reading<'_> {
    type Output = io::Result<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { stream, buffer } = &mut *self;
        stream.poll_read(cx, buffer).map_ok(|count| buffer[..count].to_vec())
    }
}

fn reading(stream: &UnixStream) -> Reading<'_> {
    Reading { stream, buffer: [0; 16] }
}

/// Writes all, by polls.
async fn write_all(stream: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
        bytes = &bytes[count..];
    }
    Ok(())
}

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

/// Counts its wakes.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    fn rings(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

// What moves bytes.

#[test]
fn bytes_go_through_every_kind_of_stream() {
    run_real(async {
        macro_rules! there_and_back {
            ($from:expr, $to:expr) => {{
                let (from, to) = ($from, $to);
                let mut buffer = [0; 8];
                let sending = async {
                    yield_now().await;
                    yield_now().await;
                    poll_fn(|cx| from.poll_write_ready(cx)).await;
                    assert_eq!(poll_fn(|cx| from.poll_write(cx, b"ab")).await.unwrap(), 2);
                    let pieces = [IoSlice::new(b""), IoSlice::new(b"c"), IoSlice::new(b"d")];
                    assert_eq!(poll_fn(|cx| from.poll_write_vectored(cx, &pieces)).await.unwrap(), 2);
                };
                let receiving = async {
                    poll_fn(|cx| to.poll_read_ready(cx)).await;
                    let mut count = poll_fn(|cx| to.poll_read(cx, &mut buffer[..1])).await.unwrap();
                    while count < 4 {
                        let (left, right) = buffer[count..].split_at_mut(1);
                        let mut pieces = [IoSliceMut::new(left), IoSliceMut::new(right)];
                        count += poll_fn(|cx| to.poll_read_vectored(cx, &mut pieces)).await.unwrap();
                    }
                };
                join!(receiving, sending);
                assert_eq!(&buffer[..4], b"abcd");
            }};
        }
        let (left, right) = pair();
        there_and_back!(&left, &right);
        let ((left_reads, left_writes), (right_reads, right_writes)) = (left.into_split(), right.into_split());
        there_and_back!(left_writes, right_reads);
        there_and_back!(right_writes, left_reads);
        let (reads, writes) = pipe().unwrap();
        there_and_back!(writes, reads);
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        there_and_back!(&client, &server);
        let (server_reads, server_writes) = server.into_split();
        there_and_back!(server_writes, &client);
        there_and_back!(&client, server_reads);
    });
}

#[test]
fn datagrams_and_other_calls_go_by_poll_with() {
    run_real(async {
        let (left, right) =
            (UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap(), UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap());
        let to = right.local_addr().unwrap();
        let mut buffer = [0; 8];
        let receiving = poll_fn(|cx| right.poll_read_with(cx, |socket| socket.recv_from(&mut buffer)));
        let sending = poll_fn(|cx| left.poll_write_with(cx, |socket| socket.send_to(b"hello", to)));
        let (received, sent) = join!(receiving, sending);
        assert_eq!((received.unwrap(), sent.unwrap()), ((5, left.local_addr().unwrap()), 5));
    });
}

#[test]
fn a_listener_polls_for_each_connection() {
    run_real(async {
        let path = std::env::temp_dir().join(format!("oneloop-poll-level-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let accepting = poll_fn(|cx| listener.poll_accept(cx));
        let connecting = async {
            yield_now().await;
            UnixStream::connect(&path).await.unwrap()
        };
        let (accepted, client) = join!(accepting, connecting);
        client.write_all(b"x").await.unwrap();
        assert_eq!(accepted.unwrap().0.read(&mut [0; 2]).await.unwrap(), 1);
    });
}

#[test]
fn a_buffer_without_room_and_nothing_to_write_are_ready_at_once() {
    run_real(async {
        let (left, _right) = pair();
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(matches!(left.poll_read(cx, &mut []), Poll::Ready(Ok(0))));
        assert!(matches!(left.poll_read_vectored(cx, &mut [IoSliceMut::new(&mut [])]), Poll::Ready(Ok(0))));
        assert!(matches!(left.poll_write(cx, b""), Poll::Ready(Ok(0))));
        assert!(matches!(left.poll_write_vectored(cx, &[IoSlice::new(b"")]), Poll::Ready(Ok(0))));
    });
}

// Who is woken.

#[test]
fn the_waker_of_the_last_poll_is_woken_and_once() {
    run_real(async {
        let (left, right) = pair();
        let (first, last) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        for bell in [&first, &last, &first, &last, &last] {
            let waker = Waker::from(Arc::clone(bell));
            assert!(right.poll_read(&mut Context::from_waker(&waker), &mut [0; 4]).is_pending());
        }
        assert_eq!(Arc::strong_count(&first), 1, "a waker of an earlier poll is not kept");
        left.write_all(b"x").await.unwrap();
        until(|| last.rings() > 0).await;
        left.write_all(b"y").await.unwrap();
        right.readable().await;
        assert_eq!((first.rings(), last.rings()), (0, 1));
        assert_eq!(Arc::strong_count(&last), 1);
    });
}

#[test]
fn a_wait_goes_on_in_the_task_that_polls_last() {
    run_real(async {
        let (left, right) = pair();
        let right = Rc::new(right);
        let polls = Rc::new(Cell::new(0));
        let given_up = {
            let right = Rc::clone(&right);
            let (polls, mut once) = (Rc::clone(&polls), false);
            create_task(poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                // it looks once, and then waits for something else without saying so
                if !std::mem::replace(&mut once, true) {
                    assert!(right.poll_read(cx, &mut [0; 4]).is_pending());
                }
                Poll::<()>::Pending
            }))
        };
        yield_now().await;
        let taken = create_task(async move { reading(&right).await });
        yield_now().await;
        left.write_all(b"mine").await.unwrap();
        assert_eq!(taken.await.unwrap(), b"mine");
        yield_now().await;
        assert_eq!(polls.get(), 1, "the task that gave the wait up is not woken");
        given_up.cancel();
    });
}

#[test]
fn two_tasks_read_and_write_side_by_side_through_the_halves() {
    run_real(async {
        const LENGTH: usize = 1 << 20;
        let (left, right) = pair();
        let (left_reads, left_writes) = left.into_split();
        let (right_reads, right_writes) = right.into_split();
        macro_rules! sends {
            ($to:ident) => {
                create_task(async move {
                    let (bytes, mut sent) = (vec![5; 1 << 16], 0);
                    while sent < LENGTH {
                        sent += poll_fn(|cx| $to.poll_write(cx, &bytes[..bytes.len().min(LENGTH - sent)])).await?;
                    }
                    Ok::<_, io::Error>($to)
                })
            };
        }
        macro_rules! counts {
            ($from:ident) => {
                create_task(async move {
                    let (mut buffer, mut count) = (vec![0; 1 << 14], 0);
                    while count < LENGTH {
                        count += poll_fn(|cx| $from.poll_read(cx, &mut buffer)).await?;
                    }
                    Ok::<_, io::Error>(count)
                })
            };
        }
        let sent = (sends!(left_writes), sends!(right_writes));
        let received = (counts!(left_reads), counts!(right_reads));
        assert_eq!((received.0.await.unwrap(), received.1.await.unwrap()), (LENGTH, LENGTH));
        let _ = (sent.0.await.unwrap(), sent.1.await.unwrap());
    });
}

#[test]
fn futures_and_polls_wait_for_one_direction_in_the_order_in_which_they_began() {
    run_real(async {
        let (mut left, right) = StdStream::pair().unwrap();
        right.set_nonblocking(true).unwrap();
        let right = Rc::new(Descriptor::new(right).unwrap());
        let log = Rc::new(RefCell::new(Vec::new()));
        macro_rules! waits {
            ($name:literal, $wait:expr) => {{
                let (right, log) = (Rc::clone(&right), Rc::clone(&log));
                create_task(async move {
                    ($wait)(right).await;
                    log.borrow_mut().push($name);
                })
            }};
        }
        let tasks = [
            waits!("future", async |right: Rc<Descriptor<_>>| right.readable().await),
            waits!("poll", async |right: Rc<Descriptor<_>>| poll_fn(|cx| right.poll_read_ready(cx)).await),
            waits!("another future", async |right: Rc<Descriptor<_>>| right.readable().await),
        ];
        yield_now().await;
        left.write_all(b"x").unwrap();
        for task in tasks {
            task.await;
        }
        assert_eq!(*log.borrow(), ["future", "poll", "another future"]);
    });
}

#[test]
fn a_set_that_polls_by_wakers_of_its_own_gets_every_byte() {
    run_real(async {
        let (writers, readers): (Vec<_>, Vec<_>) = (0..20).map(|_| pair()).unzip();
        let mut set: FuturesUnordered<_> = readers.iter().map(reading).collect();
        let sending = async {
            for writer in writers.iter().rev() {
                yield_now().await;
                write_all(writer, b"x").await.unwrap();
            }
        };
        let receiving = async {
            let mut count = 0;
            while let Some(bytes) = set.next().await {
                assert_eq!(bytes.unwrap(), b"x");
                count += 1;
            }
            count
        };
        assert_eq!(join!(sending, receiving).1, 20);
    });
}

// Nothing starves.

/// How many operations `operation` does before another task gets its turn.
async fn until_another_runs(mut operation: impl FnMut(&mut Context<'_>) -> Poll<()>) -> usize {
    let turn = Rc::new(Cell::new(false));
    let mine = Rc::clone(&turn);
    let other = create_task(async move { mine.set(true) });
    let mut count = 0;
    poll_fn(|cx| {
        while !turn.get() && count < MANY {
            match operation(cx) {
                Poll::Ready(()) => count += 1,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    })
    .await;
    other.await;
    count
}

#[test]
fn what_is_always_ready_lets_other_tasks_run() {
    run_real(async {
        let (left, right) = pair();
        left.write_all(&[1; MANY]).await.unwrap();
        right.readable().await;
        let mut byte = [0];
        let reads = until_another_runs(|cx| right.poll_read(cx, &mut byte).map(|count| assert_eq!(count.unwrap(), 1)));
        let reads = reads.await;
        assert!((50..MANY).contains(&reads), "{reads} reads in one step");
        let writes = until_another_runs(|cx| right.poll_write(cx, &[1]).map(|count| assert_eq!(count.unwrap(), 1)));
        let writes = writes.await;
        assert!((50..MANY).contains(&writes), "{writes} writes in one step");
        let looks = until_another_runs(|cx| right.poll_write_ready(cx)).await;
        assert!((50..MANY).contains(&looks), "{looks} looks in one step");
    });
}

#[test]
fn an_executor_inside_a_step_is_not_held_up_by_the_count() {
    run_real(async {
        let (left, right) = pair();
        left.write_all(&[1; MANY]).await.unwrap();
        right.readable().await;
        futures::executor::block_on(async {
            for _ in 0..MANY {
                assert_eq!(poll_fn(|cx| right.poll_read(cx, &mut [0])).await.unwrap(), 1);
            }
        });
    });
}

// What ends early.

#[test]
fn a_limit_drops_the_adapter_and_the_stream_is_as_before() {
    run_real(async {
        let (left, right) = pair();
        for _ in 0..3 {
            assert!(timeout(ms(2), reading(&right)).await.is_err());
        }
        left.write_all(b"later").await.unwrap();
        assert_eq!(timeout(LONG, reading(&right)).await.unwrap().unwrap(), b"later");
    });
}

#[test]
fn a_cancelled_task_meets_the_cancellation_at_the_poll() {
    run_real(async {
        let (left, right) = pair();
        let task = create_task(async move {
            let caught = catch_cancelled(reading(&right)).await;
            assert!(caught.is_err());
            reading(&right).await // and the stream is as before
        });
        yield_now().await;
        task.cancel();
        yield_now().await;
        left.write_all(b"after").await.unwrap();
        assert_eq!(task.await.unwrap(), b"after");

        let (_left, right) = pair();
        let task = create_task(async move { reading(&right).await });
        yield_now().await;
        task.cancel();
        assert!(catch_cancelled(task).await.is_err());
    });
}

#[test]
fn a_cancellation_of_a_poll_beside_another_await_is_not_handed_on() {
    run_real(async {
        let (_left, right) = pair();
        let inner = create_task(async { sleep(ms(1)).await });
        let handle = inner.handle();
        let task = create_task(async move { join!(reading(&right), inner) });
        yield_now().await;
        yield_now().await;
        task.cancel();
        assert!(catch_cancelled(task).await.is_err());
        assert!(!handle.cancelled(), "of two awaits side by side, neither is cancelled");
    });
}

#[test]
fn dropping_the_stream_drops_the_waker_and_wakes_nothing() {
    run_real(async {
        let (left, right) = pair();
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        assert!(right.poll_read(&mut Context::from_waker(&waker), &mut [0; 4]).is_pending());
        drop(waker);
        assert_eq!(Arc::strong_count(&bell), 2);
        drop(right);
        assert_eq!((Arc::strong_count(&bell), bell.rings()), (1, 0));
        // nor does giving the socket back
        let waker = Waker::from(Arc::clone(&bell));
        drop(left);
        let (left, _right) = pair();
        assert!(left.poll_read(&mut Context::from_waker(&waker), &mut [0; 4]).is_pending());
        drop(waker);
        let _left = left.into_std();
        assert_eq!((Arc::strong_count(&bell), bell.rings()), (1, 0));
    });
}

#[test]
fn a_task_that_drops_what_it_has_polled_takes_no_further_step() {
    run_real(async {
        let polls = Rc::new(Cell::new(0));
        let waiting = create_task(counted(&polls, async {
            let (_left, right) = pair();
            assert!(timeout(ms(1), reading(&right)).await.is_err());
            drop(right);
            pending::<()>().await;
        }));
        sleep(ms(10)).await;
        assert_eq!(polls.get(), 2);
        waiting.cancel();
    });
}

/// A waker that drops a stream, when it is dropped: code of a user.
struct Holder(Cell<Option<UnixStream>>);

thread_local! {
    static HELD: Holder = const { Holder(Cell::new(None)) };
}

struct DropsHeld;

impl Wake for DropsHeld {
    fn wake(self: Arc<Self>) {}
}

impl Drop for DropsHeld {
    fn drop(&mut self) {
        drop(HELD.with(|held| held.0.take()));
    }
}

#[test]
fn wakers_are_dropped_and_woken_outside_of_every_borrow() {
    run_real(async {
        let (left, right) = pair();
        let (_other, held) = pair();
        let waker = Waker::from(Arc::new(DropsHeld));
        assert!(right.poll_read(&mut Context::from_waker(&waker), &mut [0; 4]).is_pending());
        HELD.with(|place| place.0.set(Some(held)));
        drop(waker);
        // this replaces the kept waker, whose drop deregisters another stream
        assert!(right.poll_read(&mut Context::from_waker(Waker::noop()), &mut [0; 4]).is_pending());
        assert!(HELD.with(|place| place.0.take()).is_none());
        left.write_all(b"x").await.unwrap();
        assert_eq!(reading(&right).await.unwrap(), b"x");
    });
}

// The wrong loop, and no loop any more.

#[test]
fn a_poll_in_a_task_of_another_loop_panics_with_the_remedy() {
    let outer = EventLoop::new().unwrap();
    let (_left, right) = {
        let _in = outer.enter();
        pair()
    };
    let text = run_real(async move { panic_in(reading(&right)).await });
    assert!(text.contains("of another event loop"), "{text}");
}

#[test]
fn a_poll_after_the_loop_has_closed_panics_with_the_remedy() {
    let lp = EventLoop::new().unwrap();
    let (_left, right) = {
        let _in = lp.enter();
        pair()
    };
    lp.close().unwrap();
    let cx = &mut Context::from_waker(Waker::noop());
    let text = panic_of(|| drop(right.poll_read(cx, &mut [0; 4])));
    assert!(text.contains("closed"), "{text}");
}

#[test]
fn a_loop_that_closes_lets_go_of_the_wakers_that_are_kept() {
    let bell = Arc::new(Bell::default());
    let lp = EventLoop::new().unwrap();
    lp.run_until_complete(async {
        let (left, right) = pair();
        let waker = Waker::from(Arc::clone(&bell));
        assert!(right.poll_read(&mut Context::from_waker(&waker), &mut [0; 4]).is_pending());
        create_task(async move {
            let _held = (left, right);
            pending::<()>().await;
        });
        yield_now().await;
    })
    .unwrap();
    drop(lp);
    assert_eq!(Arc::strong_count(&bell), 1);
}

#[test]
fn on_the_virtual_clock_what_is_there_comes_before_time_passes() {
    let (bytes, after) = run(async {
        let (left, right) = pair();
        let task = create_task(async move { reading(&right).await });
        sleep(secs(1)).await;
        let before = now();
        left.write_all(b"x").await.unwrap();
        let bytes = timeout(LONG, task).await;
        (bytes, now() - before)
    });
    assert_eq!((bytes.unwrap().unwrap(), after), (b"x".to_vec(), ms(0)));
}

#[test]
fn a_read_that_the_system_interrupts_or_refuses_is_tried_again() {
    run_real(async {
        let (mut left, right) = StdStream::pair().unwrap();
        right.set_nonblocking(true).unwrap();
        let right = Descriptor::new(right).unwrap();
        left.write_all(b"x").unwrap();
        let mut errors = vec![io::ErrorKind::Interrupted, io::ErrorKind::Interrupted];
        let count = poll_fn(|cx| {
            right.poll_read_with(cx, |mut socket| match errors.pop() {
                Some(kind) => Err(kind.into()),
                None => socket.read(&mut [0; 4]),
            })
        });
        assert_eq!(count.await.unwrap(), 1);
        let failed = poll_fn(|cx| right.poll_write_with(cx, |_| Err::<(), _>(io::ErrorKind::Other.into())));
        assert_eq!(failed.await.unwrap_err().kind(), io::ErrorKind::Other);
    });
}
