"""Where events go: a route for each workspace with an events URL of its own, and one for
the service's (`EVENTS_URL`).

Kept by the workspace flows, and by processes as they start. The URLs themselves stay where
they are set: with the workspace, and in the settings.
"""

from __future__ import annotations

from collections.abc import Iterable

from queue_services.domain.workspace import Workspace
from queue_services.queue.transactions import writes
from queue_services.storage.port import Tx

SERVICE = ""
"""The service's own route; no workspace has an empty name."""


async def told_of(tx: Tx, workspaces: Iterable[str]) -> set[str]:
    """Those of the workspaces whose events go anywhere."""
    return {
        row[0]
        for row in await tx.each(
            "told_workspaces", [(workspace,) for workspace in sorted(set(workspaces))]
        )
    }


@writes
async def set_service(tx: Tx, *, enabled: bool) -> None:
    """Let the service's own events be kept for delivery, or no more; what waits already
    waits on, for a dispatcher that has an URL.
    """
    await tx.fetch("open_route", SERVICE, int(enabled))


async def follow(tx: Tx, before: Workspace, after: Workspace) -> None:
    """Let a workspace's route be as its settings are now. What waits for an URL that is
    gone goes the service's way; for one that is off, nowhere.
    """
    if (before.events_url, before.events_off) == (after.events_url, after.events_off):
        return
    if after.events_url is not None:
        await tx.fetch("open_route", after.id, int(not after.events_off))
        if after.events_off:
            await tx.fetch("drop_events", after.id)
        return
    await tx.fetch("close_route", after.id)
    await tx.fetch("reroute_events", after.id, SERVICE)
    await tx.fetch("drop_events", after.id)
