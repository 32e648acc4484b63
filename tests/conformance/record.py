#!/usr/bin/env python3
"""Records what CPython's own asyncio does with the programs of FORMAT.md.

record.py FILE...          prints the cases with fresh traces
record.py --check FILE...  compares the traces in the files with fresh ones

A program that asyncio leaves any choice in, or that never ends, is refused: it could not be compared.
"""
import asyncio
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
        # asyncio's heap does not say which of two equal deadlines comes first
        self.tie |= any(timer.when() == when and not timer.cancelled() for timer in self._scheduled)
        return super().call_at(when, callback, *args, context=context)

    def drop_everything(self):
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False
        self._ready.clear()
        self._scheduled.clear()
        self.close()


class InOrder(dict):
    """A set that is iterated in order of insertion, in place of the one in a task group."""

    def add(self, item):
        self[item] = None

    def discard(self, item):
        self.pop(item, None)


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
        self.refusal = None
        self.loop = Loop()
        self.loop.set_exception_handler(self.unhandled)
        self.prims = {name: self.primitive(*spec) for name, spec in case.get("prims", {}).items()}

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
        }
        return classes[kind](*args)

    def run(self):
        """The trace and the end."""
        try:
            main = self.new_task(self.loop, "main", "main")
            try:
                end = "value " + shown(self.loop.run_until_complete(main))
            except asyncio.CancelledError:
                end = "cancelled"
            except ERRORS as error:
                end = "error " + error_name(error)
            self.refuse_what_is_open()
            return self.trace[:], end
        finally:
            self.loop.drop_everything()

    def refuse_what_is_open(self):
        if self.loop.tie:
            raise Refused("two timers with one deadline")
        for one in {*self.labels.values(), *asyncio.all_tasks(self.loop)}:
            if asyncio.isfuture(one) and one.done() and not one.cancelled():
                if (error := one.exception()) and not isinstance(error, asyncio.CancelledError):
                    error_name(error)
        if self.refusal:
            raise Refused(self.refusal)

    def unhandled(self, loop, context):
        error = context.get("exception")
        if error is not None and not isinstance(error, ERRORS):
            self.refusal = repr(error)

    def note(self, what, who=None):
        self.trace.append([int(self.loop.now), self.loop.iteration, who or asyncio.current_task().get_name(), what])

    def note_later(self, what):
        """A plain callback that logs."""
        return lambda *_: self.note(what, "loop")

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
            returned = getattr(self, "do_" + name)(caught, *args)
            if asyncio.iscoroutine(returned):
                returned = await returned
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
        self.note(f"{label} = {shown(await self.labels[label])}")

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

    async def do_wait(self, caught, labels, when, timeout):
        handles = [self.labels[label] for label in labels]
        sets = await asyncio.wait(handles, return_when=getattr(asyncio, when), timeout=timeout)
        done, pending = (sorted(label for label in labels if self.labels[label] in one) for one in sets)
        self.note(f"wait done {','.join(done) or '-'} pending {','.join(pending) or '-'}")

    async def do_wait_for(self, caught, child, timeout):
        awaitable = self.coro(child[2]) if child[0] == "c" else self.child(*child)
        self.note("wait_for = " + shown(await asyncio.wait_for(awaitable, timeout)))

    async def do_timeout(self, caught, timeout, body):
        async with asyncio.timeout(timeout):
            return await self.body(body, caught)

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
        async for one in asyncio.as_completed([self.labels[label] for label in labels], timeout=timeout):
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

    def do_later(self, caught, units, what, label):
        self.labels[label] = self.loop.call_later(units, self.note_later(what))

    def do_unschedule(self, caught, label):
        self.labels[label].cancel()

    def do_on_done(self, caught, label, what):
        self.labels[label].add_done_callback(self.note_later(what))

    # Ops: locks, events, queues, barriers.

    async def do_lock(self, caught, name, body):
        async with self.prims[name]:
            return await self.body(body, caught)

    do_sem = do_lock

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

    async def do_notify(self, caught, name, count):
        async with self.prims[name]:
            self.prims[name].notify(count)

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


def record(case):
    """The trace and the end of a case."""
    try:
        return Program(case).run()
    except (RuntimeError, LookupError, AttributeError, TypeError) as error:  # no such op, label or number of arguments
        raise Refused(repr(error)) from None


def main(args):
    global ERRORS
    if sys.version_info < (3, 13):
        sys.exit(f"record.py: needs CPython 3.13 or newer, and this is {sys.version.split()[0]}")
    ERRORS = (*ERRORS, Named, asyncio.QueueShutDown, asyncio.BrokenBarrierError)
    warnings.simplefilter("ignore", RuntimeWarning)  # coroutines of tasks that were cancelled before they began
    sys.unraisablehook = lambda _: None  # what tasks still do that are dropped at the end
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
