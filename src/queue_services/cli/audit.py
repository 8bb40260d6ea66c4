"""The command `audit`: who changed what, by dashboard, API or command line."""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.table import Table

from queue_services.cli.core import DatabaseUrl, with_core
from queue_services.cli.terminal import print_table
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import audit as queue
from queue_services.queue.audit import AuditFilter
from queue_services.wire.times import instant, rfc3339

Moment = Annotated[str | None, Parameter(help="a time with an offset")]


def audit(
    *,
    workspace: str | None = None,
    by: Annotated[str | None, Parameter(help="who: a login, a key or a user")] = None,
    action: Annotated[str | None, Parameter(help='what, such as "pause channel"')] = None,
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Parameter(validator=cyclopts.validators.Number(gte=1, lte=10_000))] = 50,
    database_url: DatabaseUrl = None,
) -> None:
    """List what was changed, newest first, with the value before and after."""
    wanted = AuditFilter(
        workspace=workspace,
        actor=by,
        action=action,
        begin=_instant("--since", since),
        end=_instant("--until", until),
        limit=limit,
    )
    table = Table("at", "by", "via", "action", "subject", "old", "new", "outcome", box=None)
    for one in with_core(database_url, lambda core: queue.search.run(core.database, wanted)):
        table.add_row(
            rfc3339(one.at),
            one.actor,
            one.via,
            one.action,
            one.subject,
            one.old or "",
            one.new or one.detail or "",
            one.outcome or "under way",
        )
    print_table(table)


def _instant(name: str, text: str | None) -> int | None:
    try:
        return None if text is None else instant(text)
    except ValueError as error:
        raise InvalidRequest(Fault(name, str(error))) from None
