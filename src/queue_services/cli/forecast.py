"""The command `forecast`: when so many more messages would start and finish, as things
stand. Used by `cli.app`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from rich.table import Table

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_core
from queue_services.cli.terminal import print_table
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue.forecasts import Forecast, Forecasts
from queue_services.wire.answers import WAIT_NAMES
from queue_services.wire.bodies import MOST_FORESEEN
from queue_services.wire.intake import Faults, due_at
from queue_services.wire.times import rfc3339

NEVER = "not as things stand"


def forecast(
    workspace: str,
    channel: Literal["sms", "email"],
    count: Annotated[
        int, Parameter(validator=cyclopts.validators.Number(gte=1, lte=MOST_FORESEEN))
    ],
    *,
    at: Annotated[
        str | None,
        Parameter(
            help=(
                "when they are due: a time with an offset, such as 2027-03-01T09:30:00+01:00; now,"
                " where it is not given"
            )
        ),
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Tell when COUNT more messages of a workspace would start and finish under today's
    limits and backlog.
    """

    async def work(core: bootstrap.Core) -> tuple[Instant, Forecast]:
        faults = Faults()
        due = due_at(None, at, core.clock.now(), faults)
        if faults:
            raise InvalidRequest(*(Fault("--at", fault.message) for fault in faults))
        return due, await forecasts(core).foresee(workspace, Channel(channel), count, due)

    due, found = with_core(database_url, work)
    table = Table(
        "due", "first starts", "last is answered", "takes", "limited by", box=None, pad_edge=False
    )
    starts, ends = (
        NEVER if one is None else rfc3339(one) for one in (found.start_at, found.end_at)
    )
    takes = "" if found.end_at is None else f"{(found.end_at - due) / SECOND:,.1f} s"
    table.add_row(rfc3339(due), starts, ends, takes, WAIT_NAMES[found.limited_by])
    print_table(table)


def forecasts(core: bootstrap.Core) -> Forecasts:
    """The forecasts on an opened store."""
    settings = core.settings
    return Forecasts(
        core.database,
        core.clock,
        core.limits,
        settings.concurrency,
        counts_segments=settings.counts_segments,
    )
