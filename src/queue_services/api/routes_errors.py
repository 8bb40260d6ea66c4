"""Failed jobs by the fault they failed of; a key of one workspace sees its own alone."""

from __future__ import annotations

from queue_services.api.calls import Call, Incoming
from queue_services.api.job_filters import given, moment
from queue_services.domain.message import Channel
from queue_services.errors import InvalidRequest
from queue_services.queue import failures
from queue_services.queue.failures import ErrorFilter
from queue_services.wire import errors as wire
from queue_services.wire.intake import Faults
from queue_services.wire.times import rfc3339


async def list_errors(incoming: Incoming) -> wire.ErrorsAnswer:
    """GET /api/errors."""
    query, faults = incoming.query, Faults()
    begin = faults.unless("from", moment, query.since)
    end = faults.unless("to", moment, query.until)
    if faults:
        raise InvalidRequest(*faults)
    channel, cursor = given(query.channel), given(query.cursor)
    wanted = ErrorFilter(
        workspace=incoming.caller.within(given(query.workspace_id)),
        channel=None if channel is None else Channel(channel),
        campaign=given(query.campaign_id),
        begin=begin,
        end=end,
    )
    after = None
    if cursor is not None:
        count, _, group = cursor.partition(":")
        after = int(count), group
    database = incoming.services.database
    found = await failures.groups.run(database, wanted, query.limit + 1, after)
    page = found[: query.limit]
    last = f"{page[-1].count}:{page[-1].id}" if len(found) > len(page) else None
    return wire.ErrorsAnswer(
        errors=[
            wire.ErrorMembers(
                error_group=one.id,
                status_code=one.status_code,
                message=one.fault,
                count=one.count,
                last_at=rfc3339(one.last_at),
                example=one.example,
            )
            for one in page
        ],
        next_cursor=last,
    )


CALLS = [
    Call(
        "GET",
        "/api/errors",
        list_errors,
        "Failed jobs by what they failed of, most frequent first",
        wire.ErrorsAnswer,
        query=wire.ErrorsQuery,
        tag="Jobs",
    ),
]
