"""The rows on CPython's asyncio, in its own idioms, on its own loop or on uvloop's. The program is this, then the rows on
the loop itself, those on sockets, then what runs them.

    python3 asyncio.py LOOP             Python's version, the loop's, then the rows it has, one a line
    python3 asyncio.py LOOP ROW MILLIS  what one operation takes, over a round of so long
"""

import sys
import time

START = time.perf_counter()

import asyncio

ROWS = {}


class Impossible(Exception):
    """The machine cannot do the row, and why."""


def row(name, operations, *args):
    """Names a coroutine function that does so many operations each time it is called."""

    def register(function):
        async def work(times):
            start = time.perf_counter()
            for _ in range(times):
                await function(*args)
            return times * operations, time.perf_counter() - start

        ROWS[name] = work
        return function

    return register


def timed(name, *args):
    """Names a coroutine function that is told how many times, and returns (operations, seconds), or what the row
    counts."""

    def register(function):
        ROWS[name] = lambda times: function(times, *args)
        return function

    return register


def counted(name, *args):
    """Names a coroutine function that returns what the row counts."""

    def register(function):
        ROWS[name] = lambda times: function(*args)
        return function

    return register


async def nothing():
    pass


async def yields(times):
    for _ in range(times):
        await asyncio.sleep(0)


async def child(value):
    await asyncio.sleep(0)
    return value


@row("spawn_join_1000", 1_000, 1_000)
@row("spawn_join_10000", 10_000, 10_000)
async def spawn_join(count):
    create_task = asyncio.create_task
    for task in [create_task(nothing()) for _ in range(count)]:
        await task


@row("spawn_await", 1_000)
async def spawn_await():
    for _ in range(1_000):
        await asyncio.create_task(nothing())


if sys.version_info >= (3, 12):

    @row("spawn_eager", 1_000)
    async def spawn_eager():
        loop = asyncio.get_running_loop()
        for _ in range(1_000):
            await asyncio.Task(nothing(), loop=loop, eager_start=True)


@row("self_wake", 1_000)
async def self_wake():
    await asyncio.create_task(yields(1_000))


@row("repoll_1000", 100_000, 1_000, 99)
@row("yield_ring", 90_000, 300, 300)
async def ring(count, times):
    for task in [asyncio.create_task(yields(times)) for _ in range(count)]:
        await task


@row("gather_10", 10, 10)
@row("gather_1000", 1_000, 1_000)
@row("gather_10000", 10_000, 10_000)
async def gather(count):
    assert (await asyncio.gather(*map(child, range(count))))[-1] == count - 1


@row("ping_pong", 2_000)
async def ping_pong():
    create_future = asyncio.get_running_loop().create_future

    async def play(comes):
        for _ in range(1_000):
            back = await comes
            comes = create_future()
            back.set_result(comes)

    left, right = create_future(), create_future()
    left.set_result(right)
    for player in [asyncio.create_task(play(left)), asyncio.create_task(play(right))]:
        await player


# It looks at every task for each that ends: with 10,000 it would take minutes.
@row("wait_drain_10", 10, 10)
@row("wait_drain_1000", 1_000, 1_000)
async def wait_drain(count):
    async def until(gate):
        await gate

    gates = [asyncio.get_running_loop().create_future() for _ in range(count)]
    pending = {asyncio.create_task(until(gate)) for gate in gates}
    for gate in gates:
        gate.set_result(None)
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    assert not pending


@row("task_group_100", 100)
async def task_group():
    async with asyncio.TaskGroup() as group:
        for i in range(100):
            group.create_task(child(i))


@row("queue", 1_000)
async def queue():
    items = asyncio.Queue(16)

    async def produce():
        for item in range(1_000):
            await items.put(item)

    producer = asyncio.create_task(produce())
    for _ in range(1_000):
        await items.get()
    await producer


@row("broadcast", 100_000)
async def broadcast():
    async def subscribe(items):
        return sum([await items.get() for _ in range(100)])

    queues = [asyncio.Queue(16) for _ in range(1_000)]
    subscribers = [asyncio.create_task(subscribe(items)) for items in queues]

    async def publish():
        for message in range(100):
            for items in queues:
                await items.put(message)

    await asyncio.create_task(publish())
    for subscriber in subscribers:
        assert await subscriber == 4_950


@row("lock", 1_000, asyncio.Lock)
@row("semaphore", 1_000, asyncio.Semaphore, 2)
async def rivals(kind, *args):
    shared = kind(*args)

    async def tries():
        for _ in range(100):
            async with shared:
                await asyncio.sleep(0)

    for task in [asyncio.create_task(tries()) for _ in range(10)]:
        await task
