"""Tiers: reading and changing them, and applying a changed one to its lanes, in bites.

Called by the API and the CLI; maintenance goes on with what a call has left. A claim does not
wait for that: it refreshes the lanes that it takes itself. A workspace's tier is a name:
one that is not there limits nothing.
"""

from __future__ import annotations

from queue_services.clock import Clock
from queue_services.domain import tiers
from queue_services.domain.message import SECOND, Instant
from queue_services.domain.tiers import Tier, TierChange
from queue_services.errors import NotFound
from queue_services.queue.lane_settings import read_tier, read_workspace, refresh, write
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Database, Tx

BITE = 500
PATIENCE = SECOND // 2
"""How long a call applies its own change, microseconds."""


@reads
async def find(tx: Tx, name: str) -> Tier:
    """The tier called `name`. Raises NotFound."""
    rows = await tx.fetch("find_tier", name)
    if not rows:
        raise NotFound("tier", name)
    return read_tier(name, rows[0][0])


@reads
async def every(tx: Tx) -> list[Tier]:
    """All tiers, by name."""
    return [read_tier(name, settings) for name, settings in await tx.fetch("all_tiers")]


@writes
async def change(tx: Tx, name: str, wanted: TierChange) -> Tier:
    """Change a tier, or make one that is not there yet: in force for every claim from then
    on. `advance` then applies it to all lanes.
    """
    [[settings]] = await tx.fetch("lock_tier", name, write(Tier(name)))
    tier = tiers.changed(read_tier(name, settings), wanted)
    await tx.fetch("save_tier", name, write(tier))
    return tier


async def change_and_apply(database: Database, clock: Clock, name: str, wanted: TierChange) -> Tier:
    """Change a tier, or make it; in force for all its workspaces when this returns. Of very
    many, maintenance brings the lanes that wait for nothing.
    """
    tier = await change.run(database, name, wanted)
    began = clock.now()
    waiting = await held_back.run(database, began)
    for first in range(0, len(waiting), BITE):
        await database.write(refresh, waiting[first : first + BITE], clock.now())
        database.wake()
    while clock.now() - began < PATIENCE and await advance.run(database, clock.now()):
        database.wake()
    return tier


@reads
async def held_back(tx: Tx, now: Instant) -> list[int]:
    """The lanes that no claim looks at within a second, because they wait for their own
    limit or quota; for them a change cannot wait its turn.
    """
    return [row[0] for row in await tx.fetch("held_back_lanes", now + SECOND)]


@writes
async def advance(tx: Tx, now: Instant) -> bool:
    """Apply a changed tier to a bite of the lanes; False when all lanes have what their
    tiers say.
    """
    rows = await tx.fetch("lock_changed_tier")
    if not rows:
        return False
    [(name, after)] = rows
    lanes = await tx.fetch("next_lanes", after, BITE)
    await refresh(
        tx,
        [
            lane
            for lane, workspace, settings in lanes
            if read_workspace(workspace, settings).tier == name
        ],
        now,
    )
    await tx.fetch("save_applied", name, lanes[-1][0] if lanes else None)
    return True
