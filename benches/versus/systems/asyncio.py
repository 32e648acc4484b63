"""The rows on CPython's asyncio, in its own idioms.

    python3 asyncio.py            its version, then the rows it has, one a line
    python3 asyncio.py ROW MILLIS nanoseconds of one operation, over a round of so long; or what the row counts
"""

import time

START = time.perf_counter()

import asyncio
import os
import resource
import socket
import subprocess
import sys
import threading

ROWS = {}
COUNTED = {}
MESSAGE = b"\x07" * 1024


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
    """Names a coroutine function that is told how many times, and returns (operations, seconds)."""

    def register(function):
        ROWS[name] = lambda times: function(times, *args)
        return function

    return register


def counted(name, *args):
    """Names a coroutine function that returns what the row counts, in its own unit."""

    def register(function):
        COUNTED[name] = lambda: function(*args)
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


@row("call_soon_chain", 1_000)
async def call_soon_chain():
    loop = asyncio.get_running_loop()
    end = loop.create_future()

    def link(left):
        if left:
            loop.call_soon(link, left - 1)
        else:
            end.set_result(None)

    link(1_000)
    await end


@row("call_soon_batch", 10_000)
async def call_soon_batch():
    loop, called = asyncio.get_running_loop(), 0
    end = loop.create_future()

    def call():
        nonlocal called
        called += 1

    for _ in range(9_999):
        loop.call_soon(call)
    loop.call_soon(end.set_result, None)
    await end
    assert called == 9_999


@timed("timer_arm_cancel_1", 1)
@timed("timer_arm_cancel_10000", 10_000)
async def timer_arm_cancel(times, count):
    return await replace(count, times * 10_000)


@counted("timer_arm_cancel_1000000")
async def timer_arm_cancel_million():
    operations, took = await replace(1_000_000, 100_000)
    return took / operations * 1e9


async def replace(count, times):
    """Lets a new timer take the place of any one of those that are live, so many times."""
    call_later, number = asyncio.get_running_loop().call_later, 0x9E3779B97F4A7C15

    def armed():
        nonlocal number
        number = (number * 6364136223846793005 + 1442695040888963407) % 2**64
        return call_later(3600 + number / 2**64 * 3600, id)

    live = [armed() for _ in range(count)]
    start = time.perf_counter()
    for _ in range(times):
        fresh = armed()
        place = (number >> 32) % count
        live[place].cancel()
        live[place] = fresh
    took = time.perf_counter() - start
    for timer in live:
        timer.cancel()
    return times, took


@counted("million_timers")
async def million_timers():
    loop, fired = asyncio.get_running_loop(), 0
    end = loop.create_future()

    def fire():
        nonlocal fired
        fired += 1
        if fired == 1_000_000:
            end.set_result(None)

    cpu, start = time.process_time(), loop.time() + 1
    for i in range(1_000_000):
        loop.call_at(start + i * 7919 % 1_000_000 * 50e-9, fire)
    await end
    return (time.process_time() - cpu) * 1e3


@timed("sleepers")
async def sleepers(times):
    start = time.process_time()
    for _ in range(times):
        delays = ((20_000 + 2 * (i * 7919 % 10_000)) / 1e6 for i in range(10_000))
        for task in [asyncio.create_task(asyncio.sleep(delay)) for delay in delays]:
            await task
    return times * 10_000, time.process_time() - start


def percentile(values, hundredths):
    return sorted(values)[len(values) * hundredths // 100]


async def sleeps():
    """How many µs from their time sleeps of many lengths ended, and nanoseconds of the processor for one."""
    cpu, errors = time.process_time(), []
    for micros in (50, 100, 200, 500, 1_000, 2_000, 5_000) * 40:
        start = time.perf_counter()
        await asyncio.sleep(micros / 1e6)
        errors.append(abs((time.perf_counter() - start) * 1e6 - micros))
    return errors, (time.process_time() - cpu) * 1e9 / len(errors)


@counted("sleep_overshoot", 50)
@counted("sleep_overshoot_p99", 99)
async def sleep_overshoot(hundredths):
    return percentile((await sleeps())[0], hundredths)


@counted("sleep_overshoot_cpu")
async def sleep_overshoot_cpu():
    return (await sleeps())[1]


@counted("timer_order")
async def timer_order():
    fired = []

    async def fire(i):
        await asyncio.sleep(0.01 + i / 10_000)
        fired.append(i)

    for task in [asyncio.create_task(fire(i)) for i in reversed(range(100))]:
        await task
    return sum(a > b for a, b in zip(fired, fired[1:]))


@timed("foreign_wake")
async def foreign_wake(times):
    loop, operations = asyncio.get_running_loop(), times * 10_000
    end = loop.create_future()

    def wakes():
        start = time.perf_counter()
        for _ in range(operations):
            loop.call_soon_threadsafe(id, None)
        loop.call_soon_threadsafe(end.set_result, time.perf_counter() - start)

    threading.Thread(target=wakes).start()
    return operations, await end


@counted("foreign_wake_latency")
async def foreign_wake_latency():
    loop, latencies = asyncio.get_running_loop(), []
    end, woken = loop.create_future(), threading.Semaphore()

    def wake(start):
        latencies.append((time.perf_counter() - start) * 1e6)
        woken.release()

    def wakes():
        for _ in range(1_000):
            woken.acquire()
            time.sleep(0.0002)
            loop.call_soon_threadsafe(wake, time.perf_counter())
        woken.acquire()
        loop.call_soon_threadsafe(end.set_result, None)

    threading.Thread(target=wakes).start()
    await end
    return percentile(latencies, 50)


def resident():
    """What of the process is in memory and in no file."""
    with open("/proc/self/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Anonymous:")) * 1024


@counted("memory_task")
async def memory_task():
    async def wait():
        await asyncio.get_running_loop().create_future()

    tasks, before = [], 0
    for portion in range(101):
        tasks += [asyncio.create_task(wait()) for _ in range(1_000)]
        await asyncio.sleep(0)
        before = before or resident()
    grown = resident() - before
    for task in tasks:
        task.cancel()
    return grown / 100_000


@counted("memory_timer")
async def memory_timer():
    call_later, timers, before = asyncio.get_running_loop().call_later, [], 0
    for i in range(101_000):
        timers.append(call_later(3600 + i * 7919 % 101_000 / 100, id))
        before = before or i == 1_000 and resident()
    grown = resident() - before
    for timer in timers:
        timer.cancel()
    return grown / 100_000


@counted("memory_connection")
async def memory_connection():
    loop, clients, transports, before = asyncio.get_running_loop(), [], [], 0
    resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)[1:] * 2)
    listener = socket.create_server(("127.0.0.1", 0))
    for i in range(6_000):
        client, (server, _) = socket.create_connection(listener.getsockname()), listener.accept()
        clients.append(os.dup(client.fileno()))
        client.close()
        transports.append((await loop.connect_accepted_socket(Server, server))[0])
        before = before or i == 1_000 and resident()
    grown = resident() - before
    for transport in transports:
        transport.abort()
    listener.close()
    return grown / 5_000


@counted("first_tick")
async def first_tick():
    async def tick():
        return (time.perf_counter() - START) * 1e6

    firsts = [await asyncio.create_task(tick())]
    if "ONELOOP_VERSUS_ALONE" not in os.environ:
        for _ in range(20):
            program = [sys.executable, *sys.orig_argv[1:]]
            said = subprocess.check_output(program, env={**os.environ, "ONELOOP_VERSUS_ALONE": "yes"})
            firsts.append(float(said))
    return percentile(firsts, 50)


class Server(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport):
        self.write = transport.write

    def data_received(self, data):
        self.write(data)


class Client(asyncio.Protocol):
    """Sends a message so many times, and each time waits for all of it to come back."""

    def __init__(self):
        self.ended, self.back = asyncio.get_running_loop().create_future(), 0

    def connection_made(self, transport):
        self.transport = transport

    def ask(self, times):
        self.left = times
        self.transport.write(MESSAGE)
        return self.ended

    def data_received(self, data):
        self.back += len(data)
        if self.back == len(MESSAGE):
            self.back = 0
            self.left -= 1
            if self.left:
                self.transport.write(MESSAGE)
            else:
                self.ended.set_result(None)


@timed("echo_1k_1", 1)
@timed("echo_1k_64", 64)
async def echo(times, count):
    loop, exchanges, clients = asyncio.get_running_loop(), times * 5_000 // count, []
    listener = socket.create_server(("127.0.0.1", 0))
    for _ in range(count):
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        await loop.connect_accepted_socket(Server, server)
        clients.append((await loop.create_connection(Client, sock=client))[1])
    start = time.perf_counter()
    for ended in [client.ask(exchanges) for client in clients]:
        await ended
    took = time.perf_counter() - start
    for client in clients:
        client.transport.close()
    await asyncio.sleep(0)
    listener.close()
    return exchanges * count, took


def value(work, length):
    """As `measure.rs` does it."""
    times = 1
    while True:
        operations, took = asyncio.run(work(times))
        factor = length / max(took, 1e-9)
        if factor < 0.25:
            return took / operations * 1e9
        if factor < 4:
            times = max(1, round(times * factor))
            break
        times = round(times * min(factor, 30))
    operations, took = asyncio.run(work(times))
    return took / operations * 1e9


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(sys.version.split()[0], *ROWS, *COUNTED, sep="\n")
    elif sys.argv[1] in COUNTED:
        print(asyncio.run(COUNTED[sys.argv[1]]()))
    else:
        print(value(ROWS[sys.argv[1]], int(sys.argv[2]) / 1000))
