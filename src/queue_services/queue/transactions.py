"""How an operation runs: its flow, with the transaction that it needs.

A flow marked `reads`, `writes` or `wakes` is called in two ways: by name within another
flow (`await find(tx, ...)`), or in a transaction of its own (`await find.run(database,
...)`), where the mark chooses which.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable
from typing import Generic

from queue_services.storage.port import Database, Flow, P, T, Tx


class Transaction(Generic[P, T]):
    """A flow and the kind of transaction it runs in."""

    def __init__(self, flow: Flow[P, T], *, writing: bool, waking: bool = False) -> None:
        self._flow, self._writing, self._waking = flow, writing, waking
        functools.update_wrapper(self, flow)

    def __call__(self, tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Run the flow as a step of the transaction `tx`."""
        return self._flow(tx, *args, **kwargs)

    async def run(self, database: Database, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the flow in a transaction of its own. Raises StoreUnavailable, and what the flow
        raises.
        """
        if not self._writing:
            return await database.read(self, *args, **kwargs)
        done = await database.write(self, *args, **kwargs)
        if self._waking:
            database.wake()
        return done


def reads(flow: Flow[P, T]) -> Transaction[P, T]:
    """The flow changes nothing: it runs on a snapshot."""
    return Transaction(flow, writing=False)


def writes(flow: Flow[P, T]) -> Transaction[P, T]:
    """The flow changes the store: it has committed, durably, when `run` returns."""
    return Transaction(flow, writing=True)


def wakes(flow: Flow[P, T]) -> Transaction[P, T]:
    """The flow may make messages due sooner: as `writes`, and then the dispatchers look again."""
    return Transaction(flow, writing=True, waking=True)
