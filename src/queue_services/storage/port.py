"""The storage port: what a backend must offer. The flows of `queue` (intake, claims,
settling, jobs, campaigns, ...) are written once on top of it.

A flow is an `async def flow(tx, ...)` that awaits nothing but `tx`. On PostgreSQL it runs
on a connection of the pool; on SQLite it runs to its end on the writer thread, where no
call of `tx` ever suspends. A flow may be run again from its start after a deadlock or a
lost connection, so it must not change its arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Row = Sequence[Any]


class Tx(Protocol):
    """One open transaction. Statements are named; their texts are in `sql/*.sql`, where the
    backends share one, or in `sql/<backend>/*.sql` with the same name and parameters in both.
    """

    async def fetch(self, name: str, *parameters: Any) -> list[Row]:
        """Run one statement and return its rows (none for a statement that returns nothing)."""
        ...

    async def each(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        """Run a statement for every row of parameters, and return the rows of all, in no
        promised order.

        `same` are parameters that all rows share; they come after a row's own. PostgreSQL gets
        the rows as one array a column (`unnest`), in one round trip.
        """
        ...

    async def changed(self, name: str, rows: Iterable[Row], *same: Any) -> list[Row]:
        """`each`, for a conditional write that changes a row for every row of parameters, as a
        rule: what it returns are its first parameters.

        Rows whose condition did not hold are not returned.
        """
        ...

    async def search(self, name: str, filters: dict[str, Any], limit: int) -> list[Row]:
        """Run the statement `name` with those of its filters that are asked for, for `limit`
        rows at most (`statements.search`).
        """
        ...

    def lift_time_limit(self) -> None:
        """Let the statements that follow take as long as they do: they read whole tables."""
        ...


Flow = Callable[Concatenate[Tx, P], Awaitable[T]]

_urgent: set[object] = set()


def urgent(flow: Flow[P, T]) -> Flow[P, T]:
    """Mark a short flow that goes before all others where writes take turns: what it decides is
    due within milliseconds.
    """
    _urgent.add(flow)
    return flow


def is_urgent(flow: object) -> bool:
    """Whether a flow goes before others."""
    return flow in _urgent


class Database(Protocol):
    """A store. Every call raises `errors.StoreUnavailable` when the database does not answer."""

    @property
    def backend(self) -> str:
        """ "sqlite" or "postgres"."""
        ...

    async def write(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `flow` in one transaction; committed, durably, when this returns; rolled back
        when the flow raises.
        """
        ...

    async def read(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `flow` on one snapshot, beside any writes."""
        ...

    async def migrate(self) -> None:
        """Bring the schema up to date, under a lock; two processes may call it at once."""
        ...

    async def close(self) -> None: ...

    def wake(self) -> None:
        """Tell the dispatchers of every process that something may be due sooner than they
        know. Never waits.
        """
        ...

    def on_wake(self, listener: Callable[[], None]) -> None:
        """Call `listener` on the event loop at each `wake` of any process. A lost wake is made
        up by the listener's own poll.
        """
        ...
