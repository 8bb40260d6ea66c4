"""An event loop on virtual time: sleeping costs nothing, and a run with the same seed is
the same run.

Time stands still while anything is ready or the real world is asked (`real_work`: a
database on a socket), and jumps to the next timer otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class _VirtualSelector(selectors.DefaultSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.loop.asked:
            return super().select(0.01)
        if timeout is None:
            raise RuntimeError("every task waits for something that nobody will do")
        self.loop.elapsed += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`elapsed` is the virtual time in seconds."""

    def __init__(self) -> None:
        selector = _VirtualSelector()
        selector.loop = self
        self.elapsed = 0.0
        self.asked = 0
        super().__init__(selector)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.elapsed

    @contextlib.contextmanager
    def real_work(self) -> Iterator[None]:
        """Hold time while the real world works."""
        self.asked += 1
        try:
            yield
        finally:
            self.asked -= 1


def run_virtual(scenario: Callable[[], Awaitable[T]]) -> T:
    """Run a scenario to its end on a virtual loop."""

    async def body() -> Any:
        return await scenario()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        value: T = runner.run(body())
        return value
