"""The dispatching processes and the store as they find it: who is alive, the database's
clock, its size, whether it can be written, and sessions that hold locks and stand still.

Run by `dispatcher.maintenance`, the health route and the dashboard.
"""

from __future__ import annotations

import secrets

import msgspec

from queue_services.domain.message import SECOND, Instant
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Tx

FILLER = 4_096
ALIVE_WITHIN = 15 * SECOND
"""A dispatcher reports every 5 s; one that missed three reports counts as dead."""


class LiveDispatcher(msgspec.Struct, frozen=True):
    """A dispatching process as it last told of itself; `lag` in microseconds."""

    id: int
    name: str
    started_at: Instant
    seen_at: Instant
    claimed: int
    lag: int


@reads
async def read_clock(tx: Tx) -> Instant:
    """The database's own time: the one place where it is asked."""
    [[now]] = await tx.fetch("read_clock")
    return int(now)


@writes
async def register(tx: Tx, name: str, now: Instant) -> int:
    """The id of a new dispatcher; `name` says where it runs."""
    [[identity]] = await tx.fetch("register_dispatcher", name, now)
    return int(identity)


@writes
async def see(
    tx: Tx, dispatcher: int, now: Instant, claimed: int, lag: int, dead_before: Instant
) -> None:
    """Note that a dispatcher is alive, and forget those last seen before `dead_before`."""
    await tx.fetch("see_dispatcher", dispatcher, now, claimed, lag)
    await tx.fetch("forget_dispatchers", dead_before)


@writes
async def forget(tx: Tx, dispatcher: int) -> None:
    """A dispatcher has stopped."""
    await tx.fetch("forget_dispatcher", dispatcher)


@writes
async def check_writable(tx: Tx) -> None:
    """Rewrite a row of 4 KiB, so that a store that cannot be written says so. What it holds is
    new each time: the database would compress anything else, and a full disk not show.
    """
    await tx.fetch("check_writable", secrets.token_hex(FILLER // 2))


@reads
async def end_standstills(tx: Tx, since: Instant) -> int:
    """End the sessions of processes that have stood still in the middle of a statement
    since then, so that nobody waits for their locks; how many.
    """
    return len(await tx.fetch("end_standstills", since))


@reads
async def live(tx: Tx) -> list[LiveDispatcher]:
    """The dispatching processes that have reported and have not stopped."""
    return [LiveDispatcher(*row) for row in await tx.fetch("live_dispatchers")]


@reads
async def alive(tx: Tx, now: Instant) -> list[LiveDispatcher]:
    """Those that reported lately: the row of one that was killed stays for a while."""
    return [one for one in await live(tx) if one.seen_at > now - ALIVE_WITHIN]


@reads
async def database_size(tx: Tx) -> int:
    """How many bytes the database takes."""
    [[found]] = await tx.fetch("database_size")
    return int(found)
