#!/usr/bin/env python3
"""Prints what the asyncio that runs it has, and public_names.txt has not: run it with a new CPython.

A name counts if asyncio exports it, or if an exported class defines it in public. Members of a class that only come
from its base are listed there. Of loops, those of AbstractEventLoop count, as `loop.name`.
"""
import asyncio
import inspect
import pathlib

# Deprecated since 3.12 and gone in 3.14.
GONE = ("ChildWatcher", "child_watcher")
# Other names of what is listed, and classes of which only the base is.
LOOPS = ("AbstractEventLoop", "BaseEventLoop", "EventLoop", "SelectorEventLoop", "ProactorEventLoop")
NOT_LISTED = (asyncio.AbstractServer, asyncio.StreamReaderProtocol)


def members(cls):
    bases = [base for base in cls.__mro__[1:] if base.__module__.startswith(("asyncio", "_asyncio"))]
    bases = [base for base in bases if base.__name__ in asyncio.__all__ and base not in NOT_LISTED]
    for name in dir(cls):
        if not name.startswith("_") and not any(hasattr(base, name) for base in bases):
            yield name


def names():
    for name in asyncio.__all__:
        thing = getattr(asyncio, name)
        if any(gone in name for gone in GONE):
            continue
        yield name
        if not inspect.isclass(thing) or issubclass(thing, BaseException) or thing in NOT_LISTED:
            continue
        if name in LOOPS:
            if name == "AbstractEventLoop":
                yield from (f"loop.{member}" for member in members(thing))
        elif not name.endswith("Policy"):
            yield from (f"{name}.{member}" for member in members(thing))
    for member in ("PIPE", "STDOUT", "DEVNULL", "Process"):
        yield f"subprocess.{member}"
    for member in members(asyncio.subprocess.Process):
        yield f"subprocess.Process.{member}"


listed = set(pathlib.Path(__file__).with_suffix(".txt").read_text().splitlines())
for name in names():
    if name not in listed:
        print(name)
