"""What a search for jobs asks, from the members of a query or of an operation's filter."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from queue_services.api.guard import Caller
from queue_services.domain.message import Channel, Instant
from queue_services.errors import InvalidRequest
from queue_services.queue.records import JobFilter
from queue_services.wire import answers, bodies
from queue_services.wire.addresses import searched_recipient
from queue_services.wire.intake import Faults
from queue_services.wire.times import instant


def job_filter(caller: Caller, asked: bodies.JobMembersQuery) -> JobFilter:
    """The filter that `asked` means, within what the caller may see. Raises InvalidRequest and
    Forbidden.
    """
    faults = Faults()
    created_from, created_to = (
        faults.unless(name, moment, value)
        for name, value in (("from", asked.created_from), ("to", asked.created_to))
    )
    if faults:
        raise InvalidRequest(*faults)
    channel, recipient = given(asked.channel), given(asked.recipient)
    return JobFilter(
        workspace=caller.within(given(asked.workspace_id)),
        channel=None if channel is None else Channel(channel),
        status=None if asked.status is UNSET else answers.STATUSES[asked.status],
        campaign=given(asked.campaign_id),
        contact=given(asked.contact_id),
        recipient=None if recipient is None else searched_recipient(recipient),
        error_group=given(asked.error_group),
        created_from=created_from,
        created_to=created_to,
    )


def given(value: str | UnsetType) -> str | None:
    """A member that was given, or None."""
    return None if value is UNSET else value


def moment(text: str) -> Instant:
    """An instant in a query, also where the caller forgot to encode a plus sign. Raises
    ValueError.
    """
    return instant(text.replace(" ", "+"))
