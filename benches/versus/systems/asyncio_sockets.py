"""asyncio's rows on sockets: the third part of the program."""

import asyncio
import os
import resource
import socket
import struct
import threading
import time

LINE = 1_024


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
            raise Impossible(f"it takes {wanted} descriptors, of {hard}: {error}") from error


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
    each = times * max(1_000 * LINE // size // count, 4)
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


@counted("cold")
async def cold():
    message = b"\x07" * LINE
    with create_listener() as listener:
        [client] = await protocols(listener, 1)
        await client.ask(1, message)
        await asyncio.sleep(1)
        start = time.perf_counter()
        await client.ask(1, message)
        took = time.perf_counter() - start
        client.close()
        await asyncio.sleep(0.01)  # the server sees it
    return took * 1e6


@timed("connect_churn")
async def connect_churn(times):
    loop, listener = asyncio.get_running_loop(), create_listener()
    address, message = listener.getsockname(), b"\x07" * LINE
    async with await loop.create_server(Server, sock=listener):
        start = time.perf_counter()
        for _ in range(times * 100):
            _, client = await loop.create_connection(Client, *address)
            await client.ask(1, message)
            client.close()
        took = time.perf_counter() - start
    return times * 100, took


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
    await pings.ping(times * 1_000, message)
    took = time.perf_counter() - start
    for transport in client, server:
        transport.close()
    return times * 1_000, took


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


@counted("memory_connection")
async def memory_connection():
    want(11_000)
    loop, transports, before = asyncio.get_running_loop(), [], 0
    for i in range(11_000):
        transports.append((await loop.create_connection(Server, sock=alone()))[0])
        before = before or i == 1_000 and resident()
    grown = resident() - before
    for transport in transports:
        transport.close()
    await asyncio.sleep(0)
    return grown / 10_000
