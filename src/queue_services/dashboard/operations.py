"""What runs, and what was done: dispatchers, the database, the settings in force,
background operations and the audit log.
"""

from __future__ import annotations

from starlette.responses import Response

from queue_services.dashboard import view
from queue_services.dashboard.visits import Need, Page, Visit
from queue_services.queue import audit, dispatchers
from queue_services.queue import operations as queue

LISTED = 50


async def operations(visit: Visit) -> Response:
    """GET /operations."""
    desk = visit.desk
    began = desk.clock.now()
    alive = await dispatchers.alive.run(desk.database, visit.now)
    latency = desk.clock.now() - began
    before = visit.asked("before")
    log = await audit.newest.run(
        desk.database,
        visit.workspace,
        LISTED + 1,
        int(before)
        if before and before.isascii() and before.isdecimal() and len(before) < 19
        else None,
    )
    return visit.page(
        "operations.html",
        dispatchers=alive,
        latency=latency,
        size=await dispatchers.database_size.run(desk.database),
        backend={"sqlite": "SQLite", "postgres": "PostgreSQL"}[desk.database.backend],
        version=desk.version,
        described=desk.described,
        operations=await queue.newest.run(desk.database, visit.workspace, LISTED),
        log=log[:LISTED],
        older=log[LISTED - 1].id if len(log) > LISTED else None,
    )


async def operation(visit: Visit) -> Response:
    """GET /operations/{id}."""
    return visit.page(
        "operation.html",
        operation=await queue.find.run(
            visit.desk.database, visit.named("operation"), visit.workspace
        ),
    )


async def stop(visit: Visit) -> Response:
    """POST /operations/{id}/stop."""
    identity = visit.named("operation")
    async with visit.audited("stop operation", identity):
        await queue.stop.run(visit.desk.database, identity, visit.workspace, visit.now)
    return visit.go(view.path("operations", identity), "The rest is left as it is.")


PAGES = [
    Page("GET", "/operations", operations),
    Page("GET", "/operations/{operation}", operation),
    Page("POST", "/operations/{operation}/stop", stop, Need.MANAGE),
]
