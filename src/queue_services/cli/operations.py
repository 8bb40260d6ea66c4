"""The command `operations`: does something to all jobs that match, and shows how far it is. The
work itself is done by a process that serves the API.
"""

from __future__ import annotations

from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, user, with_audit, with_core
from queue_services.cli.terminal import Terminal, print_table
from queue_services.domain.message import Channel
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import operations
from queue_services.queue.operations import Action, Operation, Request
from queue_services.queue.records import JobFilter
from queue_services.wire.addresses import searched_recipient
from queue_services.wire.answers import STATUSES, StatusName
from queue_services.wire.times import instant, rfc3339

app = cyclopts.App(
    name="operations", help="Cancel, retry, promote or reschedule all jobs that match."
)


@app.command(name="list")
def list_operations(
    *,
    workspace: str | None = None,
    limit: Annotated[int, Parameter(validator=cyclopts.validators.Number(gte=1, lte=10_000))] = 50,
    database_url: DatabaseUrl = None,
) -> None:
    """List operations, newest first."""
    found = with_core(
        database_url, lambda core: operations.newest.run(core.database, workspace, limit)
    )
    _print(found)


@app.command
def show(operation_id: str, *, database_url: DatabaseUrl = None) -> None:
    """Show one operation and its progress."""
    found = with_core(
        database_url, lambda core: operations.find.run(core.database, operation_id.lower(), None)
    )
    _print([found])


@app.command
def start(
    action: Action,
    *,
    status: StatusName,
    workspace: str | None = None,
    channel: Channel | None = None,
    campaign: str | None = None,
    contact: str | None = None,
    recipient: str | None = None,
    at: Annotated[
        str | None, Parameter(help="when a reschedule makes the jobs due: a time with an offset")
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Do ACTION to all jobs that match now; prints the operation's id."""
    wanted = JobFilter(
        workspace=workspace,
        channel=channel,
        status=STATUSES[status],
        campaign=campaign,
        contact=contact,
        recipient=None if recipient is None else searched_recipient(recipient, channel),
    )
    due_at = None if at is None else _instant(at)

    async def work(core: bootstrap.Core) -> Operation:
        request = Request(wanted=wanted, due_at=due_at)
        return await operations.start.run(
            core.database, action, user(), None, request, core.clock.now()
        )

    found: Any = with_audit(database_url, work, "start operation", action.value, workspace)
    Terminal(stderr=True, soft_wrap=True).print(f"{found.matched:,} jobs to {action.value}:")
    print(found.id)


@app.command
def stop(operation_id: str, *, database_url: DatabaseUrl = None) -> None:
    """Leave the rest of an operation undone."""
    identity = operation_id.lower()
    with_audit(
        database_url,
        lambda core: operations.stop.run(core.database, identity, None, core.clock.now()),
        "stop operation",
        identity,
    )
    show(operation_id, database_url=database_url)


def _instant(text: str) -> int:
    try:
        return instant(text)
    except ValueError as error:
        raise InvalidRequest(Fault("--at", str(error))) from None


def _print(found: list[Operation]) -> None:
    table = Table(
        "operation", "action", "state", "done", "skipped", "total", "by", "started", box=None
    )
    for one in found:
        table.add_row(
            one.id,
            one.action.value,
            one.state,
            f"{one.done:,}",
            f"{one.skipped:,}",
            f"{one.matched:,}",
            one.actor,
            rfc3339(one.created_at),
        )
    print_table(table)
