"""What runs the rows on asyncio: the last part of the program."""

import asyncio
import sys


def run(work):
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(work)


def value(work, length):
    """As `measure.rs` does it."""
    times, last = 1, False
    while True:
        cost = run(work(times))
        if not isinstance(cost, tuple):
            return cost
        operations, took = cost
        factor = length / max(took, 1e-9)
        if last or factor < 0.25:
            return took / operations * 1e9
        last = factor < 4
        times = max(1, round(times * min(factor, 30)))


if __name__ == "__main__":
    python = sys.version.split()[0]
    version, new_loop = f"CPython {python}", asyncio.new_event_loop
    if sys.argv[1] == "uvloop":
        import uvloop

        version, new_loop = f"uvloop {uvloop.__version__}, {version}", uvloop.new_event_loop
    if len(sys.argv) == 2:
        print(python, version, *ROWS, sep="\n")
    else:
        try:
            print(value(ROWS[sys.argv[2]], int(sys.argv[3]) / 1000))
        except Impossible as reason:
            print(reason, file=sys.stderr)
            sys.exit(77)
