"""Rows on the loop itself: callbacks, timers, wakes from another thread, what is kept for each that is idle, and the
first task. The second part of the program."""

import asyncio
import os
import subprocess
import sys
import threading
import time


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


@row("timeouts", 100_000)
async def timeouts():
    async def request(i):
        async with asyncio.timeout(30):
            return await child(i)

    answers = 0
    for task in [asyncio.create_task(request(i)) for i in range(100_000)]:
        answers += await task
    assert answers == 4_999_950_000


@timed("cancel_storm")
async def cancel_storm(times):
    took = 0
    for _ in range(times):
        begun = cleaned = 0

        async def wait():
            nonlocal begun, cleaned
            begun += 1
            try:
                await asyncio.sleep(3_600)
            finally:
                cleaned += 1

        tasks = [asyncio.create_task(wait()) for _ in range(100_000)]
        while begun < 100_000:
            await asyncio.sleep(0)
        start = time.perf_counter()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        took += time.perf_counter() - start
        assert cleaned == 100_000
    return times * 100_000, took


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
    try:
        with open("/proc/self/smaps_rollup") as rollup:
            return next(int(line.split()[1]) for line in rollup if line.startswith("Anonymous:")) * 1024
    except FileNotFoundError as error:
        raise Impossible(error)


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
