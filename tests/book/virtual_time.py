"""Put before a program: `asyncio.run` runs on a clock that jumps to the next deadline, as oneloop's virtual clock does."""

import asyncio
import selectors


class Selector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout=None):
        events = super().select(0 if timeout and not waits_for_others(self) else timeout)
        if not events and timeout:
            self.now += timeout
        return events


def waits_for_others(selector):
    """Whether a socket is watched beside the one by which other threads wake the loop."""
    return len(selector.get_map()) > 1


class Loop(asyncio.SelectorEventLoop):
    def time(self):
        return self._selector.now


def run(main):
    with asyncio.Runner(loop_factory=lambda: Loop(Selector())) as runner:
        return runner.run(main)


asyncio.run = run
