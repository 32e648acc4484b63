#!/usr/bin/env python3
"""Records what CPython's own asyncio does with the programs of FORMAT.md.

record.py FILE...          prints the cases with fresh traces
record.py --check FILE...  compares the traces in the files with fresh ones
record.py --serve          records each line of standard input, and answers with a line

A program that asyncio leaves any choice in, or that never ends, is refused: it could not be compared. So is one that
does what oneloop takes otherwise on purpose; docs/PARITY.md has a row for each such thing.
"""
import asyncio
import contextvars
import json
import sys
import warnings

ERRORS = (TimeoutError, BaseExceptionGroup)
ITERATIONS_MAX = 4000


class Refused(BaseException):
    """The case is none: the reason is in the message."""


class Named(Exception):
    """An error of a program: it has a name and nothing else."""

    def __str__(self):
        return self.args[0]


class Returned:
    """A `return` on its way out of the nested bodies."""

    def __init__(self, value):
        self.value = value


def limited_task(callback):
    """The task whose time limit calls this; none for another callback."""
    owner = getattr(callback, "__self__", None)
    return owner._task if isinstance(owner, asyncio.Timeout) else None


class Loop(asyncio.BaseEventLoop):
    """No I/O, and a clock that jumps to the next deadline when nothing is ready."""

    def __init__(self):
        super().__init__()
        self.now = 0
        self.iteration = 0
        self.tie = False
        self._selector = self  # what the base class asks to wait

    def time(self):
        return self.now

    def select(self, timeout):
        if timeout is None:
            raise Refused("nothing can ever happen again")
        self.now += max(timeout, 0)
        return ()

    def _process_events(self, events):
        pass

    def _run_once(self):
        self.iteration += 1
        if self.iteration > ITERATIONS_MAX:
            raise Refused(f"more than {ITERATIONS_MAX} iterations")
        super()._run_once()

    def call_at(self, when, callback, *args, context=None):
        # asyncio's heap does not say which of two equal deadlines comes first; between limits of one task it is all one
        task = limited_task(callback)
        for timer in self._scheduled:
            if timer.when() == when and not timer.cancelled():
                self.tie |= task is None or limited_task(timer._callback) is not task
        return super().call_at(when, callback, *args, context=context)

    def drop_everything(self):
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False
        self._ready.clear()
        self._scheduled.clear()
        self.close()


class InOrder(dict):
    """A set that is iterated in order of insertion, in place of those in a task group and in `as_completed`."""

    def add(self, item):
        self[item] = None

    def discard(self, item):
        self.pop(item, None)

    def remove(self, item):
        del self[item]


class Reader(asyncio.StreamReader):
    """A reader that is fed by hand. `otherwise` says what has happened that asyncio loses and oneloop does not."""

    def __init__(self, limit):
        super().__init__(limit)
        self.otherwise = None
        self.waiting = 0  # those who wait, or were woken and have not gone on
        self.whole = None  # the task that reads up to the end
        self.in_hand = False  # and has taken bytes out already

    async def _wait_for_data(self, name):
        if self._exception is not None:
            self.otherwise = "a read waits for more of a stream that has failed"
        if self.waiting and self._waiter is None:
            self.otherwise = "a second reader waits, and will be forgotten"
        self.waiting += 1
        try:
            await super()._wait_for_data(name)
        finally:
            self.waiting -= 1

    async def read(self, count=-1):
        task = asyncio.current_task()
        if count < 0 and self.whole is None:
            self.whole = task
            try:
                everything = await super().read(count)
                self.in_hand = False
                return everything
            finally:
                self.whole = None
                if self.in_hand:
                    self.in_hand = False
                    self.otherwise = "a read up to the end lost what it had"
        piece = await super().read(count)
        if not piece and count and not self._eof:
            self.otherwise = "a read returned nothing, and the stream goes on"
        self.in_hand |= self.whole is task and bool(piece)
        return piece


def shown(value):
    """A value or an outcome, as it is written in an event."""
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(shown, value))
    if isinstance(value, asyncio.CancelledError):
        return "!cancelled"
    return "!" + error_name(value) if isinstance(value, BaseException) else str(value)


def error_name(error):
    if isinstance(error, Named):
        return str(error)
    if isinstance(error, BaseExceptionGroup):
        return "group(%s)" % ",".join(map(error_name, error.exceptions))
    if isinstance(error, ERRORS):
        return type(error).__name__
    raise Refused(f"not an error of a program: {error!r}")


class Program:
    """One run. An op `x` is carried out by the method `do_x`, which may be a coroutine and may answer a `Returned`.
    `caught` is the exception of the handler that the op is in."""

    def __init__(self, case):
        self.bodies = case["coros"]
        self.trace = []
        self.labels = {}
        self.groups = {}
        self.limits = {}
        self.cells = {}
        self.variables = {}
        self.tokens = {}
        self.refused_tokens = set()
        self.contexts = {}
        self.acquired = {}
        self.runs = case.get("runs", ["main"])
        self.has_runs = "runs" in case
        self.refusal = None
        self.loop = Loop()
        self.loop.set_exception_handler(self.unhandled)
        self.primitives = case.get("prims", {})

    @staticmethod
    def primitive(kind, *args):
        classes = {
            "lock": asyncio.Lock,
            "event": asyncio.Event,
            "sem": asyncio.Semaphore,
            "bsem": asyncio.BoundedSemaphore,
            "cond": asyncio.Condition,
            "queue": asyncio.Queue,
            "pqueue": asyncio.PriorityQueue,
            "lqueue": asyncio.LifoQueue,
            "barrier": asyncio.Barrier,
            "reader": Reader,
        }
        return classes[kind](*args)

    def run(self):
        """The trace and the end, or the list of ends."""
        asyncio.set_event_loop(self.loop)  # readers ask for it when they are made
        try:
            self.prims = {name: self.primitive(*spec) for name, spec in self.primitives.items()}
            ends = [self.one_run(name) for name in self.runs]
            self.refuse_what_is_open()
            return self.trace[:], ends if self.has_runs else ends[0]
        finally:
            asyncio.set_event_loop(None)
            self.loop.drop_everything()

    def one_run(self, name):
        main = self.new_task(self.loop, name, name)
        try:
            return "value " + shown(self.loop.run_until_complete(main))
        except asyncio.CancelledError:
            return "cancelled"
        except ERRORS as error:
            return "error " + error_name(error)
        except RuntimeError:
            if main.done():
                raise
            return "stopped"

    def refuse_what_is_open(self):
        if self.loop.tie:
            raise Refused("two timers with one deadline")
        for one in {*self.labels.values(), *asyncio.all_tasks(self.loop)}:
            if asyncio.isfuture(one) and one.done() and not one.cancelled():
                if (error := one.exception()) and not isinstance(error, asyncio.CancelledError):
                    error_name(error)
        for prim in self.prims.values():
            self.refusal = self.refusal or getattr(prim, "otherwise", None)
        if self.refusal:
            raise Refused(self.refusal)

    def unhandled(self, loop, context):
        error = context.get("exception")
        if error is not None and not isinstance(error, ERRORS):
            self.refusal = repr(error)

    def note(self, what):
        task = asyncio.current_task(self.loop)
        self.trace.append([int(self.loop.now), self.loop.iteration, task.get_name() if task else "loop", what])

    def note_later(self, what):
        """A plain callback that logs."""
        return lambda *_: self.note(what)

    def act_later(self, ops):
        """A plain callback that carries out ops."""

        def act(*_):
            try:
                for name, *args in ops:
                    if asyncio.iscoroutine(self.op(None, name, args)):
                        raise Refused(f"no op of a callback: {name}")
            except ERRORS as error:
                self.note("failed " + error_name(error))

        return act

    def op(self, caught, name, args):
        """What an op answers: a coroutine, a `Returned` or nothing."""
        return getattr(self, "do_" + name)(caught, *args)

    # Coroutines and bodies.

    def new_task(self, maker, label, coro):
        task = self.labels[label] = maker.create_task(self.whole_task(coro), name=label)
        return task

    async def whole_task(self, coro):
        try:
            return await self.coro(coro)
        except ERRORS:
            if asyncio.current_task()._must_cancel:
                self.refusal = "a task that cancelled itself and then failed: an error or a cancellation?"
            raise

    async def coro(self, name):
        returned = await self.body(self.bodies[name])
        return returned.value if returned else 0

    async def body(self, ops, caught=None):
        for name, *args in ops:
            try:
                returned = self.op(caught, name, args)
                if asyncio.iscoroutine(returned):
                    returned = await returned
            except ERRORS:
                raise
            except Exception as error:  # a group might hide it, or the program end before it is seen
                self.refusal = repr(error)
                raise
            if returned:
                return returned

    def child(self, kind, label, coro=None):
        return self.labels[label] if kind == "t" else self.new_task(self.loop, label, coro)

    # Ops: the plain ones.

    def do_log(self, caught, what):
        self.note(what)

    async def do_yield(self, caught):
        await asyncio.sleep(0)

    async def do_sleep(self, caught, units):
        await asyncio.sleep(units)

    async def do_call(self, caught, coro):
        self.note("call = " + shown(await self.coro(coro)))

    def do_raise(self, caught, name):
        raise Named(name)

    def do_reraise(self, caught):
        raise caught

    def do_return(self, caught, value):
        return Returned(value)

    async def do_try(self, caught, body, on_error, on_cancel, last):
        try:
            try:
                return await self.body(body, caught)
            except ERRORS as error:
                if on_error is None:
                    raise
                self.note("caught " + error_name(error))
                return await self.body(on_error, error)
            except asyncio.CancelledError as cancelled:
                if on_cancel is None:
                    raise
                self.note("caught cancelled")
                return await self.body(on_cancel, cancelled)
        finally:
            await self.body(last or [])

    # Ops: tasks and futures.

    def do_task(self, caught, label, coro):
        self.new_task(self.loop, label, coro)

    def do_eager(self, caught, label, coro):
        self.labels[label] = asyncio.Task(self.whole_task(coro), loop=self.loop, name=label, eager_start=True)

    def do_task_in(self, caught, label, coro, context):
        task = self.loop.create_task(self.whole_task(coro), name=label, context=self.contexts[context])
        self.labels[label] = task

    def do_future(self, caught, label):
        self.labels[label] = self.loop.create_future()

    def do_set(self, caught, label, value):
        self.settle(self.labels[label].set_result, value)

    def do_fail(self, caught, label, name):
        self.settle(self.labels[label].set_exception, Named(name))

    def settle(self, setter, value):
        try:
            setter(value)
        except asyncio.InvalidStateError:
            self.note("invalid")

    def do_cancel(self, caught, label):
        taken = self.labels[label].cancel()
        self.note(f"cancel {label} {'true' if taken else 'false'}")

    async def do_await(self, caught, label):
        self.note(f"{label} = {shown(await self.not_itself(self.labels[label]))}")

    def not_itself(self, awaited):
        if awaited is asyncio.current_task():  # asyncio refuses it in the next iteration, which may never come
            self.refusal = "a task awaits itself"
        return awaited

    def do_state(self, caught, label):
        self.note(f"{label} {self.state(self.labels[label])}")

    @staticmethod
    def state(one):
        if not one.done():
            return "pending"
        error = asyncio.CancelledError() if one.cancelled() else one.exception()
        if error is None:
            return "value " + shown(one.result())
        # a gathering that was cancelled keeps that as an exception
        return "cancelled" if isinstance(error, asyncio.CancelledError) else "error " + error_name(error)

    def do_uncancel(self, caught):
        self.note(f"uncancel {asyncio.current_task().uncancel()}")

    def do_cancelling(self, caught):
        self.note(f"cancelling {asyncio.current_task().cancelling()}")

    # Ops: several at once, and time limits.

    def gathering(self, children, outcomes):
        return asyncio.gather(*[self.child(*child) for child in children], return_exceptions=outcomes)

    async def do_gather(self, caught, children, outcomes):
        self.note("gather " + shown(await self.gathering(children, outcomes)))

    def do_gather_as(self, caught, label, children, outcomes):
        self.labels[label] = self.gathering(children, outcomes)

    def do_shield_as(self, caught, label, child):
        self.labels[label] = asyncio.shield(self.child(*child))

    def each_once(self, labels):
        handles = [self.labels[label] for label in labels]
        if len(set(handles)) < len(handles):
            self.refusal = "one thing is given twice"
        return handles

    async def do_wait(self, caught, labels, when, timeout):
        handles = self.each_once(labels)
        sets = await asyncio.wait(handles, return_when=getattr(asyncio, when), timeout=timeout)
        named = list(zip(labels, handles))  # by now a label may be that of another
        done, pending = (sorted(label for label, handle in named if handle in one) for one in sets)
        self.note(f"wait done {','.join(done) or '-'} pending {','.join(pending) or '-'}")

    async def do_wait_for(self, caught, child, timeout):
        awaitable = self.coro(child[2]) if child[0] == "c" else self.not_itself(self.child(*child))
        self.note("wait_for = " + shown(await asyncio.wait_for(awaitable, timeout)))

    async def do_timeout(self, caught, timeout, body):
        async with asyncio.timeout(timeout):
            return await self.body(body, caught)

    async def do_timeout_as(self, caught, name, timeout, body):
        limit = self.limits[name] = asyncio.timeout(timeout)
        async with limit:
            return await self.body(body, caught)

    def do_reschedule(self, caught, name, timeout):
        try:
            self.limits[name].reschedule(None if timeout is None else self.loop.now + timeout)
        except RuntimeError:
            self.note("invalid")

    def do_expired(self, caught, name):
        self.note(f"expired {'true' if self.limits[name].expired() else 'false'}")

    async def do_shield(self, caught, child):
        self.note("shield = " + shown(await asyncio.shield(self.child(*child))))

    async def do_group(self, caught, body):
        async with asyncio.TaskGroup() as group:
            group._tasks = InOrder()
            entered = self.groups.setdefault(asyncio.current_task(), [])
            entered.append(group)
            try:
                returned = await self.body(body, caught)
            finally:
                entered.pop()
        return returned

    def do_start(self, caught, label, coro):
        self.new_task(self.groups[asyncio.current_task()][-1], label, coro)

    async def do_as_completed(self, caught, labels, timeout):
        line = asyncio.as_completed([])
        line._todo = InOrder.fromkeys(self.each_once(labels))
        line._todo_left = len(line._todo)
        for one in line._todo:
            one.add_done_callback(line._handle_completion)
        if line._todo and timeout is not None:
            line._timeout_handle = self.loop.call_later(timeout, line._handle_timeout)
        async for one in line:
            try:
                outcome = await one
            except ERRORS as error:
                outcome = error
            except asyncio.CancelledError as cancelled:
                if not one.cancelled():
                    raise
                outcome = cancelled
            self.note(("next " if isinstance(outcome, BaseException) else "next = ") + shown(outcome))

    # Ops: callbacks.

    def do_soon(self, caught, what):
        self.loop.call_soon(self.note_later(what))

    def do_soon_do(self, caught, ops):
        self.loop.call_soon(self.act_later(ops))

    def do_later(self, caught, units, what, label):
        self.labels[label] = self.loop.call_later(units, self.note_later(what))

    def do_later_do(self, caught, units, ops, label):
        self.labels[label] = self.loop.call_later(units, self.act_later(ops))

    def do_unschedule(self, caught, label):
        self.labels[label].cancel()

    def do_on_done(self, caught, label, what):
        self.labels[label].add_done_callback(self.note_later(what))

    def do_on_done_do(self, caught, label, ops):
        self.labels[label].add_done_callback(self.act_later(ops))

    def do_stop(self, caught):
        self.loop.stop()

    # Ops: context variables.

    def variable(self, name):
        return self.variables.setdefault(name, contextvars.ContextVar(name))

    def note_variable(self, name):
        self.note_value(name, self.variable(name).get(None))

    def note_value(self, name, value):
        self.note(f"{name} unset" if value is None else f"{name} = {value}")

    def do_cv_set(self, caught, name, value, token):
        self.tokens[token] = self.variable(name).set(value)

    def do_cv_get(self, caught, name):
        self.note_variable(name)

    def do_cv_reset(self, caught, name, token):
        try:
            self.variable(name).reset(self.tokens[token])
        except (ValueError, RuntimeError):
            self.refused_tokens.add(token)
            self.note("invalid")
        else:
            if token in self.refused_tokens:
                self.refusal = "a token is taken that was refused before"

    def do_ctx(self, caught, name):
        self.contexts[name] = contextvars.copy_context()

    def do_ctx_get(self, caught, context, name):
        self.note_value(f"{context}.{name}", self.contexts[context].get(self.variable(name)))

    def do_soon_cv(self, caught, name):
        self.loop.call_soon(self.note_variable, name)

    def do_soon_in(self, caught, context, name):
        self.loop.call_soon(self.note_variable, name, context=self.contexts[context])

    # Ops: locks, events, conditions, queues, barriers, readers.

    async def do_lock(self, caught, name, body):
        async with self.prims[name]:
            return await self.body(body, caught)

    do_sem = do_lock

    async def do_sem_acquire(self, caught, name):
        await self.prims[name].acquire()
        self.acquired[name] = self.acquired.get(name, 0) + 1

    def do_sem_release(self, caught, name):
        semaphore = self.prims[name]
        try:
            semaphore.release()
        except ValueError:
            self.note("invalid")
            return
        self.acquired[name] = self.acquired.get(name, 0) - 1
        if self.acquired[name] < 0 and isinstance(semaphore, asyncio.BoundedSemaphore):
            self.refusal = "a bounded semaphore is released for a task that will do that too"

    def do_locked(self, caught, name):
        self.note(f"locked {'true' if self.prims[name].locked() else 'false'}")

    def do_cell(self, caught, name, value):
        self.cells[name] = value

    do_cell_set = do_cell

    async def do_ev_wait(self, caught, name):
        await self.prims[name].wait()

    def do_ev_set(self, caught, name):
        self.prims[name].set()

    def do_ev_clear(self, caught, name):
        self.prims[name].clear()

    async def do_cond_wait(self, caught, name):
        async with self.prims[name]:
            await self.prims[name].wait()
            self.note("notified")

    async def do_cond_wait_for(self, caught, name, cell, least):
        async with self.prims[name]:
            await self.prims[name].wait_for(lambda: self.cells[cell] >= least)
            self.note("reached")

    async def do_notify(self, caught, name, count):
        async with self.prims[name]:
            self.prims[name].notify(count)

    async def do_notify_all(self, caught, name):
        async with self.prims[name]:
            self.prims[name].notify_all()

    async def do_put(self, caught, name, value):
        await self.prims[name].put(value)

    async def do_get(self, caught, name):
        self.note("get = " + shown(await self.prims[name].get()))

    def do_put_nowait(self, caught, name, value):
        try:
            self.prims[name].put_nowait(value)
        except asyncio.QueueFull:
            self.note("full")

    def do_get_nowait(self, caught, name):
        try:
            self.note("get = " + shown(self.prims[name].get_nowait()))
        except asyncio.QueueEmpty:
            self.note("empty")

    def do_task_done(self, caught, name):
        try:
            self.prims[name].task_done()
        except ValueError:
            self.note("task_done invalid")

    async def do_join(self, caught, name):
        await self.prims[name].join()

    def do_shutdown(self, caught, name, immediate):
        self.prims[name].shutdown(immediate)

    async def do_barrier(self, caught, name):
        await self.prims[name].wait()
        self.note("barrier")

    async def do_barrier_abort(self, caught, name):
        await self.prims[name].abort()

    async def do_barrier_reset(self, caught, name):
        await self.prims[name].reset()

    def do_feed(self, caught, name, text):
        if self.prims[name]._eof:
            self.note("fed late")
        else:
            self.prims[name].feed_data(text.encode())

    def do_feed_eof(self, caught, name):
        self.prims[name].feed_eof()

    def do_feed_error(self, caught, name, error):
        self.prims[name].set_exception(Named(error))

    def do_at_eof(self, caught, name):
        reader = self.prims[name]
        self.note(f"at_eof {'true' if self.looked_at(reader).at_eof() else 'false'}")

    def looked_at(self, reader):
        if reader.in_hand:
            self.refusal = "a read up to the end is looked at half-way"
        return reader

    async def read(self, method, name, *args):
        """Notes what a read gives; what it raises becomes an error with a name."""
        try:
            read = await getattr(self.looked_at(self.prims[name]), method)(*args)
        except asyncio.IncompleteReadError as error:
            raise Named(f"incomplete({error.partial.decode()!r})") from None
        except asyncio.LimitOverrunError as error:
            raise Named(f"overrun({error.consumed})") from None
        except ValueError:
            raise Named("ValueError") from None
        except RuntimeError as error:
            if "already waiting" not in str(error):
                raise
            raise Named("busy") from None
        self.note(f"{method} = {read.decode()!r}")

    def do_read(self, caught, name, count):
        return self.read("read", name, count)

    def do_readline(self, caught, name):
        return self.read("readline", name)

    def do_readexactly(self, caught, name, count):
        return self.read("readexactly", name, count)

    def do_readuntil(self, caught, name, separator):
        return self.read("readuntil", name, separator.encode())


def record(case):
    """The trace and the end of a case."""
    try:
        return Program(case).run()
    except (RuntimeError, LookupError, AttributeError, TypeError) as error:  # no such op, label or number of arguments
        raise Refused(repr(error)) from None


def serve():
    """Answers each case with its recording, or with the reason why there is none."""
    for line in sys.stdin:
        try:
            trace, end = record(json.loads(line))
            answer = {"trace": trace, "end": end}
        except Refused as refused:
            answer = {"refused": str(refused)}
        except Exception as error:  # what a program can do wrong in ever other ways
            answer = {"refused": repr(error)}
        print(json.dumps(answer), flush=True)


def main(args):
    global ERRORS
    if sys.version_info < (3, 13):
        sys.exit(f"record.py: needs CPython 3.13 or newer, and this is {sys.version.split()[0]}")
    ERRORS = (*ERRORS, Named, asyncio.QueueShutDown, asyncio.BrokenBarrierError)
    warnings.simplefilter("ignore", RuntimeWarning)  # coroutines of tasks that were cancelled before they began
    sys.unraisablehook = lambda _: None  # what tasks still do that are dropped at the end
    if args == ["--serve"]:
        serve()
        return
    check = "--check" in args
    good = bad = 0
    for path in (arg for arg in args if arg != "--check"):
        with open(path) as file:
            cases = [json.loads(line) for line in file]
        for case in cases:
            try:
                trace, end = record(case)
                if check and (trace, end) != (case.get("trace"), case.get("end")):
                    raise Refused("its trace is another")
            except Refused as refused:
                bad += 1
                print(f"{path}: {case['id']}: {refused}", file=sys.stderr)
                continue
            good += 1
            if not check:
                print(json.dumps({**case, "trace": trace, "end": end}))
    if check:
        print(f"{good} agree, {bad} differ")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main(sys.argv[1:])
