//! Where a panic of misuse points to: into the program, to the call or the await that is wrong.
#![expect(clippy::redundant_async_block, reason = "an `.await` in this file is what is to be pointed to")]

use std::cell::RefCell;
use std::future::{pending, ready};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::executor::block_on;
use oneloop::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream, pipe};
use oneloop::{
    Awaitable, Barrier, BoundedSemaphore, Condition, Context, ContextVar, Descriptor, Event, EventLoop, Lock,
    LoopHandle, Queue, Semaphore, Server, StreamReader, StreamWriter, Task, TaskGroup, ThreadPool, Timeout,
    as_completed, create_future, create_task, ensure_future, gather, getaddrinfo, interval, interval_at, shield, sleep,
    staggered_race, start_server, stdin, task_group, timeout, to_thread, try_gather, wait, wait_for, yield_now,
};

use crate::support::{SECOND, alone, real_loop, run, virtual_loop};

thread_local! {
    /// What does not panic as it should.
    static WRONG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The file and the text of the last panic of this thread.
    static LAST: RefCell<(String, String)> = RefCell::default();
}

/// Notes if `misuse` does not panic, or if the panic does not point into this file.
fn points_here<R>(what: &str, misuse: impl FnOnce() -> R) {
    LAST.take();
    let panics = catch_unwind(AssertUnwindSafe(misuse)).is_err();
    let (file, text) = LAST.take();
    if !panics || file != file!() && !text.contains(file!()) {
        WRONG.with_borrow_mut(|wrong| wrong.push(format!("{what}: {file}: {text}")));
    }
}

fn note_places() {
    set_hook(Box::new(|panic| {
        let file = panic.location().map_or_else(String::new, |place| place.file().to_owned());
        LAST.set((file, panic.to_string()));
    }));
}

/// Notes if `misuse` does not panic, or if the panic does not say what to do. For the crate's `async fn`s, whose polls
/// cannot know the place of the `.await`.
fn names_the_remedy<R>(what: &str, remedy: &str, misuse: impl Future<Output = R>) {
    LAST.take();
    let panics = catch_unwind(AssertUnwindSafe(|| block_on(async { drop(misuse.now_or_never()) }))).is_err();
    let (_, text) = LAST.take();
    if !panics || !text.contains(remedy) {
        WRONG.with_borrow_mut(|wrong| wrong.push(format!("{what}: {text}")));
    }
}

/// At the end of a test.
fn all_point_here() {
    drop(take_hook());
    assert_eq!(WRONG.take(), [""; 0]);
}

#[test]
fn a_call_that_needs_a_loop_points_to_the_call() {
    alone(|| {
        note_places();
        points_here("ensure_future", || ensure_future(ready(())));
        points_here("create_future", || create_future::<()>());
        points_here("wait", || wait(Vec::<Task<()>>::new()));
        points_here("as_completed", || as_completed(Vec::<Task<()>>::new()));
        points_here("shield", || shield(ready(())));
        points_here("interval", || interval(SECOND));
        points_here("current", || EventLoop::current());
        points_here("remote", || LoopHandle::current());
        points_here("Descriptor", || Descriptor::new(std_pair().0));
        points_here("pipe", || pipe());
        points_here("bind", || TcpListener::bind("127.0.0.1:0"));
        points_here("bind of UDP", || UdpSocket::bind("127.0.0.1:0"));
        points_here("unbound", || UnixDatagram::unbound());
        points_here("UnixStream::pair", || UnixStream::pair());
        points_here("UnixDatagram::pair", || UnixDatagram::pair());
        points_here("from_std", || UnixStream::from_std(std_pair().0));
        points_here("the await of a lock", || {
            let lock = Lock::new(());
            let _held = lock.acquire().now_or_never();
            block_on(async { drop(lock.acquire().await) });
        });
        points_here("the await of a semaphore", || block_on(async { Semaphore::new(0).acquire().await }));
        points_here("the await of what is cancelled", || {
            let lp = virtual_loop();
            let cancelled = lp.create_task(ready(()));
            cancelled.cancel();
            lp.run_until_stalled().expect("it runs");
            block_on(async { cancelled.await });
        });
        points_here("the await of a limit", || block_on(async { wait_for(pending::<()>(), SECOND).await }));
        all_point_here();
    });
}

fn std_pair() -> (StdUnixStream, StdUnixStream) {
    StdUnixStream::pair().expect("two descriptors")
}

#[test]
fn a_call_on_a_closed_loop_points_to_the_call() {
    alone(|| {
        note_places();
        let lp = virtual_loop();
        lp.close().expect("it does not run");
        points_here("create_task", || lp.create_task(ready(())));
        points_here("call_soon", || lp.call_soon(|| ()));
        points_here("call_later", || lp.call_later(SECOND, || ()));
        points_here("call_at", || lp.call_at(lp.time(), || ()));
        points_here("run_in_executor", || lp.run_in_executor(None, || ()));
        points_here("add_reader", || lp.add_reader(&std_pair().0, || ()));
        points_here("add_writer", || lp.add_writer(&std_pair().0, || ()));
        #[cfg(feature = "signal")]
        points_here("add_signal_handler", || lp.add_signal_handler(oneloop::signal::SIGUSR1, || ()));
        let _in = lp.enter();
        points_here("create_task of the thread's loop", || create_task(ready(())));
        points_here("gather", || gather([ready(())]));
        points_here("shield", || shield(ready(())));
        points_here("ensure_future", || ensure_future(ready(())));
        all_point_here();
    });
}

#[test]
fn an_argument_that_makes_no_sense_points_to_the_call() {
    alone(|| {
        note_places();
        let lp = real_loop();
        let _in = lp.enter();
        points_here("interval", || interval(Duration::ZERO));
        points_here("interval_at", || interval_at(lp.time(), Duration::ZERO));
        points_here("Barrier", || Barrier::new(0));
        points_here("bounded", || Queue::<()>::bounded(0));
        points_here("ThreadPool", || ThreadPool::new(0));
        points_here("with_limit", || StreamReader::with_limit(0));
        points_here("into_streams_with_limit", || UnixStream::pair().map(|(one, _)| one.into_streams_with_limit(0)));
        points_here("limit of a server", || Server::builder().limit(0));
        points_here("release_many", || Semaphore::new(1).release_many(usize::MAX));
        points_here("acquire_many", || BoundedSemaphore::new(1).acquire_many(2).now_or_never());
        points_here("extend", || Queue::bounded(1).extend([1, 2]));
        points_here("merge", || {
            let one = || Semaphore::new(1).try_acquire().expect("it is free");
            one().merge(one());
        });
        let (_reader, writer) = streams();
        points_here("watermarks", || writer.set_write_buffer_limits(1, 2));
        writer.write_eof();
        points_here("write", || writer.write("more"));
        points_here("writelines", || writer.writelines(["more"]));
        let fed = StreamReader::new();
        fed.feed_eof();
        points_here("feed_data", || fed.feed_data(b"more"));
        all_point_here();
    });
}

fn streams() -> (StreamReader, StreamWriter) {
    UnixStream::pair().expect("two descriptors").0.into_streams()
}

#[test]
fn a_call_at_the_wrong_time_points_to_the_call() {
    static VARIABLE: ContextVar<u8> = ContextVar::new("variable");
    static OTHER: ContextVar<u8> = ContextVar::new("other");
    alone(|| {
        note_places();
        run(async {
            let mut begun = create_task(pending::<()>());
            yield_now().await;
            begun = {
                points_here("in_context", || begun.in_context(&Context::new()));
                create_task(pending::<()>())
            };
            drop(begun);
            let late = create_task(ready(()));
            drop(create_task(ready(())));
            points_here("eager", || late.eager());
            let asked = LoopHandle::current().run_coroutine_threadsafe(|| ready(()));
            let asked = asked.expect("the loop is open");
            points_here("result on the loop's own thread", || asked.result());
            points_here("result_timeout", || asked.result_timeout(SECOND));
            let token = VARIABLE.set(1);
            points_here("reset elsewhere", || Context::new().run(|| VARIABLE.reset(token)));
            let token = VARIABLE.set(1);
            points_here("reset of another", || OTHER.reset(token));
            let group = RefCell::new(None);
            let ended = task_group(async |g: &TaskGroup<()>| {
                group.replace(Some(g.clone()));
                Ok(())
            });
            ended.await.expect("none fails");
            let group = group.take().expect("the body ran");
            points_here("create_task of a group", || group.create_task(ready(Ok(()))));
            points_here("create_result_task", || group.create_result_task(ready(Ok(()))));

            let (condition, lock) = (Condition::new(()), Lock::new(()));
            let guard = lock.acquire().await;
            points_here("notify", || condition.notify(&guard, 1));
            points_here("notify_all", || condition.notify_all(&guard));
            let mut lost = condition.acquire().await;
            assert!(condition.wait(&mut lost).now_or_never().is_none());
            points_here("notify without the lock", || condition.notify(&lost, 1));
            points_here("a value without the lock", || *lost);
            points_here("a value to be changed without the lock", || *lost = ());
        });
        let lp = virtual_loop();
        points_here("eager outside a run", || lp.create_task(ready(())).eager());
        all_point_here();
    });
}

#[test]
fn an_await_in_another_loop_points_to_the_await() {
    alone(|| {
        note_places();
        let other = virtual_loop();
        let (task, shared, awaitable) = (
            other.create_task(pending::<()>()),
            other.create_task(pending::<()>()).shared(),
            Awaitable::from(other.create_task(pending::<()>())),
        );
        let (gathering, lock, semaphore) = {
            let _in = other.enter();
            let lock = Lock::new(());
            (gather([pending::<()>()]), lock, Semaphore::new(0))
        };
        let cancelling = other.create_task(pending::<()>()).cancel_on_drop();
        let waiting = {
            let _in = other.enter();
            wait([other.create_task(pending::<()>())])
        };
        let mut sleeping = sleep(SECOND);
        let bound = other.run_until_complete(async {
            (&mut sleeping).now_or_never();
            let _held = lock.acquire().await;
            assert!(lock.acquire().now_or_never().is_none() && semaphore.acquire().now_or_never().is_none());
        });
        bound.expect("it ends");
        run(async {
            points_here("a task", || async { task.await }.now_or_never());
            points_here("a view", || async { shared.await }.now_or_never());
            points_here("an awaitable", || async { awaitable.await }.now_or_never());
            points_here("a gathering", || async { gathering.await }.now_or_never());
            points_here("a lock", || {
                let _held = lock.try_acquire();
                async { drop(lock.acquire().await) }.now_or_never()
            });
            points_here("a semaphore", || async { semaphore.acquire().await }.now_or_never());
            points_here("a sleep", || async { sleeping.await }.now_or_never());
            points_here("a wait", || async { waiting.await }.now_or_never());
            points_here("a handle that cancels", || async { cancelling.await }.now_or_never());
            let itself = Rc::new(RefCell::new(None::<Task<()>>));
            let inner = Rc::clone(&itself);
            let task = create_task(async move {
                let mut me = inner.take().expect("it was put there");
                points_here("a task that awaits itself", || async { (&mut me).await }.now_or_never());
            });
            itself.replace(Some(task));
            yield_now().await;
        });
        all_point_here();
    });
}

#[test]
fn an_async_function_that_panics_names_the_remedy() {
    const ENTER: &str = "lp.enter()";
    const ONE_LOOP: &str = "make one for each loop";
    alone(|| {
        note_places();
        names_the_remedy("a group", ENTER, task_group(async |_: &TaskGroup<()>| Ok(())));
        names_the_remedy("a staggered race", ENTER, staggered_race([|| ready(Ok::<_, ()>(()))], None));
        names_the_remedy("to_thread", ENTER, to_thread(|| ()));
        names_the_remedy("a name", ENTER, getaddrinfo("localhost", 80));
        names_the_remedy("stdin", ENTER, stdin().read(1));
        names_the_remedy("an event", ENTER, Event::new().wait());
        names_the_remedy("a barrier", ENTER, Barrier::new(2).wait());
        names_the_remedy("a queue", ENTER, Queue::<()>::unbounded().get());
        names_the_remedy("connect", ENTER, TcpStream::connect("127.0.0.1:9"));
        names_the_remedy("start_server", ENTER, start_server(async |_, _| {}, "127.0.0.1:0"));
        #[cfg(feature = "signal")]
        names_the_remedy("ctrl_c", ENTER, oneloop::signal::ctrl_c());
        let (other, event) = (virtual_loop(), Event::new());
        let waits = other.run_until_complete(async { event.wait().now_or_never() });
        waits.expect("it ends");
        run(async {
            names_the_remedy("another loop's event", ONE_LOOP, event.wait());
            let (condition, lock) = (Condition::new(()), Lock::new(()));
            let mut guard = lock.acquire().await;
            names_the_remedy("another lock", "Condition::with_lock", condition.wait(&mut guard));
            let reader = StreamReader::new();
            names_the_remedy("no separator", "none may be empty", reader.readuntil(""));
            let mut first = Box::pin(reader.read(1));
            assert!((&mut first).now_or_never().is_none());
            names_the_remedy("a second reader", "behind a Lock", reader.readline());
        });
        all_point_here();
    });
}

#[test]
fn a_panic_of_misuse_points_into_the_program() {
    alone(|| {
        note_places();
        let other = virtual_loop();
        points_here("create_task outside", || create_task(ready(())));
        points_here("gather outside", || gather([ready(())]));
        points_here("sleep outside", || block_on(async { sleep(Duration::from_secs(1)).await }));
        points_here("timeout outside", || block_on(timeout(Duration::from_secs(1), pending::<()>())));
        run(async {
            let foreign = || other.create_future::<Result<(), ()>>();
            points_here("gather", || gather([foreign()]));
            points_here("try_gather", || try_gather([foreign()]));
            points_here("gather!", || gather!(foreign(), async {}));
            points_here("try_gather!", || try_gather!(foreign(), foreign()));
            points_here("limit", || gather([ready(())]).limit(0));
            points_here("limit of try_gather", || try_gather([ready(Ok::<(), ()>(()))]).limit(0));
            points_here("wait", || wait([foreign()]));
            points_here("as_completed", || as_completed([foreign()]));
            points_here("the await of another loop's", || async { foreign().await }.now_or_never());
            points_here("the await of a shield of another loop's", || async { shield(foreign()).await }.now_or_never());
            let mut task = create_task(yield_now());
            (&mut task).await;
            points_here("a second await", || async { (&mut task).await }.now_or_never());
            let used = Timeout::none();
            used.run(ready(())).await.expect("it has no limit");
            points_here("a second run", || async { used.run(ready(())).await }.now_or_never());
        });
        all_point_here();
    });
}
