"""A flow's mark chooses its transaction, and whether the dispatchers look again after it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from queue_services.errors import Conflict
from queue_services.queue.transactions import Transaction, reads, wakes, writes
from queue_services.storage.port import Database, Tx


class Recording:
    """A store that keeps the order of what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def read(self, flow: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append("read")
        return await flow(None, *args, **kwargs)

    async def write(self, flow: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append("write")
        return await flow(None, *args, **kwargs)

    def wake(self) -> None:
        self.calls.append("wake")


@reads
async def find(_: Tx, job: str, *, workspace: str | None = None) -> tuple[str, str | None]:
    """Finds."""
    return job, workspace


@writes
async def cancel(_: Tx, job: str, *, workspace: str | None = None) -> tuple[str, str | None]:
    """Cancels."""
    return job, workspace


@wakes
async def promote(tx: Tx, job: str, *, workspace: str | None = None) -> tuple[str, str | None]:
    """Promotes."""
    return await find(tx, job, workspace=workspace)


@wakes
async def refuse(_: Tx) -> None:
    """Refuses."""
    raise Conflict("It has ended.")


@pytest.mark.parametrize(
    ("flow", "calls"), [(find, ["read"]), (cancel, ["write"]), (promote, ["write", "wake"])]
)
async def test_a_flow_runs_in_the_transaction_of_its_mark(
    flow: Transaction[..., tuple[str, str | None]], calls: list[str]
) -> None:
    store = Recording()
    found = await flow.run(cast("Database", store), "job-1", workspace="acme")
    assert found == ("job-1", "acme")
    assert store.calls == calls


async def test_a_flow_that_was_refused_wakes_no_dispatcher() -> None:
    store = Recording()
    with pytest.raises(Conflict):
        await refuse.run(cast("Database", store))
    assert store.calls == ["write"]


def test_a_marked_flow_keeps_its_name_and_description() -> None:
    assert (find.__name__, find.__doc__) == ("find", "Finds.")  # type: ignore[attr-defined]
