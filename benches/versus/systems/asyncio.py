"""The rows on CPython's asyncio, in its own idioms.

    python3 asyncio.py            its version, then the rows it has, one a line
    python3 asyncio.py ROW MILLIS what one operation takes, over a round of so long
"""

import asyncio
import os
import resource
import socket
import struct
import sys
import threading
import time

ROWS = {}
LINE = 1_024


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


@timed("timer_arm_cancel_10000")
async def timer_arm_cancel(times):
    call_later, number = asyncio.get_running_loop().call_later, 0x9E3779B97F4A7C15

    def armed():
        nonlocal number
        number = (number * 6364136223846793005 + 1442695040888963407) % 2**64
        return call_later(3600 + number / 2**64 * 3600, id)

    live = [armed() for _ in range(10_000)]
    start = time.perf_counter()
    for _ in range(times * 10_000):
        fresh = armed()
        place = (number >> 32) % 10_000
        live[place].cancel()
        live[place] = fresh
    took = time.perf_counter() - start
    for timer in live:
        timer.cancel()
    return times * 10_000, took


@timed("sleepers")
async def sleepers(times):
    start = time.process_time()
    for _ in range(times):
        delays = ((20_000 + 2 * (i * 7919 % 10_000)) / 1e6 for i in range(10_000))
        for task in [asyncio.create_task(asyncio.sleep(delay)) for delay in delays]:
            await task
    return times * 10_000, time.process_time() - start


class Server(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport):
        self.write = transport.write

    def data_received(self, data):
        self.write(data)


class Client(asyncio.Protocol):
    """Sends a message so many times, and each time waits for all of it to come back."""

    def connection_made(self, transport):
        self.transport, self.back = transport, 0

    async def ask(self, times, message):
        self.left, self.message = times, message
        self.ended = asyncio.get_running_loop().create_future()
        self.transport.write(message)
        await self.ended

    def data_received(self, data):
        self.back += len(data)
        if self.back == len(self.message):
            self.back = 0
            self.left -= 1
            if self.left:
                self.transport.write(self.message)
            else:
                self.ended.set_result(None)

    def close(self):
        self.transport.close()


async def protocols(listener, count):
    loop, clients = asyncio.get_running_loop(), []
    for _ in range(count):
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        await loop.connect_accepted_socket(Server, server)
        clients.append((await loop.create_connection(Client, sock=client))[1])
    return clients


class Streams:
    """A client with streams, and its server, that read in the way they are told."""

    def __init__(self, read, reader, writer):
        self.read, self.reader, self.writer = read, reader, writer

    async def ask(self, times, message):
        for _ in range(times):
            self.writer.write(message)
            await self.writer.drain()
            assert len(await self.read(self.reader)) == len(message)

    def close(self):
        self.writer.close()

    @classmethod
    async def connect(cls, listener, count, read):
        async def serve(reader, writer):
            try:
                while message := await read(reader):
                    writer.write(message)
                    await writer.drain()
            except asyncio.IncompleteReadError:
                pass  # the end
            writer.close()

        await asyncio.start_server(serve, sock=listener)
        address = listener.getsockname()
        return [cls(read, *await asyncio.open_connection(*address)) for _ in range(count)]


def readline(reader):
    return reader.readline()


def readexactly(reader):
    return reader.readexactly(LINE)


def create_listener():
    """Who takes a connection ends it at once, so that no port waits a minute."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return listener


def want(descriptors):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptors + 64
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError) as error:
            raise Impossible(f"it takes {wanted} descriptors: {error}") from error


@timed("echo_1k_1", LINE, 1, protocols)
@timed("echo_1k_64", LINE, 64, protocols)
@timed("echo_1k_1024", LINE, 1024, protocols)
@timed("echo_10k_1", 10 * LINE, 1, protocols)
@timed("echo_10k_64", 10 * LINE, 64, protocols)
@timed("echo_10k_1024", 10 * LINE, 1024, protocols)
@timed("echo_100k_1", 100 * LINE, 1, protocols)
@timed("echo_100k_64", 100 * LINE, 64, protocols)
@timed("echo_100k_1024", 100 * LINE, 1024, protocols)
@timed("readline_1", LINE, 1, Streams.connect, readline)
@timed("readline_64", LINE, 64, Streams.connect, readline)
@timed("readexactly_1", LINE, 1, Streams.connect, readexactly)
@timed("readexactly_64", LINE, 64, Streams.connect, readexactly)
async def echo(times, size, count, connect, *args):
    want(2 * count)
    message = b"\x07" * (size - 1) + b"\n"
    each = times * max(5_000 * LINE // size // count, 4)
    with create_listener() as listener:
        clients = await connect(listener, count, *args)
        await asyncio.gather(*[client.ask(1, message) for client in clients])
        start = time.perf_counter()
        for asked in [asyncio.create_task(client.ask(each, message)) for client in clients]:
            await asked
        took = time.perf_counter() - start
        for client in clients:
            client.close()
        await asyncio.sleep(0.01)  # the servers see it
    return each * count, took


@timed("connect_churn")
async def connect_churn(times):
    loop, listener = asyncio.get_running_loop(), create_listener()
    address, message = listener.getsockname(), b"\x07" * LINE
    async with await loop.create_server(Server, sock=listener):
        start = time.perf_counter()
        for _ in range(times * 500):
            _, client = await loop.create_connection(Client, *address)
            await client.ask(1, message)
            client.close()
        took = time.perf_counter() - start
    return times * 500, took


class Answers(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.send = transport.sendto

    def datagram_received(self, data, _):
        self.send(data)


class Pings(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def ping(self, times, message):
        self.left, self.message = times, message
        self.ended = asyncio.get_running_loop().create_future()
        self.transport.sendto(message)
        return self.ended

    def datagram_received(self, data, _):
        self.left -= 1
        if self.left:
            self.transport.sendto(self.message)
        else:
            self.ended.set_result(None)


@timed("udp_ping")
async def udp_ping(times):
    loop, message = asyncio.get_running_loop(), b"\x07" * LINE
    one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for each in one, other:
        each.bind(("127.0.0.1", 0))
    one.connect(other.getsockname())
    other.connect(one.getsockname())
    server, _ = await loop.create_datagram_endpoint(Answers, sock=other)
    client, pings = await loop.create_datagram_endpoint(Pings, sock=one)
    await pings.ping(1, message)
    start = time.perf_counter()
    await pings.ping(times * 5_000, message)
    took = time.perf_counter() - start
    for transport in client, server:
        transport.close()
    return times * 5_000, took


def alone():
    """A connection of a socket with itself, which is one descriptor instead of two."""
    this = socket.socket()
    this.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    this.bind(("127.0.0.1", 0))
    this.connect(this.getsockname())
    return this


def time_of_others():
    """Nanoseconds that all threads of the process but this one have run."""
    this, spent = str(threading.get_native_id()), 0
    for task in os.listdir("/proc/self/task"):
        if task != this:
            with open(f"/proc/self/task/{task}/schedstat") as stat:
                spent += int(stat.read().split()[0])
    return spent


@timed("idle")
async def idle(_):
    want(10_000)
    loop = asyncio.get_running_loop()
    ended, spent = loop.create_future(), None

    def watch():
        nonlocal spent
        try:
            time.sleep(0.2)
            before = time_of_others()
            time.sleep(1)
            spent = time_of_others() - before
        except FileNotFoundError:
            pass
        loop.call_soon_threadsafe(ended.set_result, None)

    transports = [(await loop.create_connection(Server, sock=alone()))[0] for _ in range(10_000)]
    watcher = threading.Thread(target=watch)
    watcher.start()
    await ended
    watcher.join()
    for transport in transports:
        transport.close()
    await asyncio.sleep(0)
    if spent is None:
        raise Impossible("there is no /proc/self/task/*/schedstat")
    return spent / 1_000


class Impossible(Exception):
    """The machine cannot do the row, and why."""


def value(work, length):
    """As `measure.rs` does it."""
    times, last = 1, False
    while True:
        cost = asyncio.run(work(times))
        if not isinstance(cost, tuple):
            return cost
        operations, took = cost
        factor = length / max(took, 1e-9)
        if last or factor < 0.25:
            return took / operations * 1e9
        last = factor < 4
        times = max(1, round(times * min(factor, 30)))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(sys.version.split()[0], *ROWS, sep="\n")
    else:
        try:
            print(value(ROWS[sys.argv[1]], int(sys.argv[2]) / 1000))
        except Impossible as reason:
            print(reason, file=sys.stderr)
            sys.exit(77)
