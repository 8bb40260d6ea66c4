"""What a search for jobs asks for: from the query of the list, and from the fields that a
bulk action brings along. Called by `jobs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from queue_services.dashboard.visits import Visit
from queue_services.domain.message import Channel, Instant, Status
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import overview
from queue_services.queue.overview import Matching
from queue_services.queue.records import JobFilter
from queue_services.wire.addresses import searched_recipient
from queue_services.wire.times import instant

FIELDS = ("channel", "workspace", "campaign", "contact", "recipient", "from", "to")
PAGE = 50


class Search(NamedTuple):
    """A search: its filter, and the texts of its fields as they were filled in."""

    wanted: JobFilter
    fields: dict[str, str]

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but a state is asked for."""
        return bool(self.fields)


def read(visit: Visit, member: Callable[[str], str | None]) -> Search:
    """The search that the members of a query or a form ask for. Raises InvalidRequest."""
    fields = {name: text for name in FIELDS if (text := member(name))}
    status, channel = member("status"), fields.get("channel")
    faults = []
    if status is not None and status not in set(Status):
        faults.append(Fault("status", "is no state"))
    if channel is not None and channel not in set(Channel):
        faults.append(Fault("channel", "must be sms or email"))
    times = {name: moment(name, fields.get(name), faults) for name in ("from", "to")}
    if faults:
        raise InvalidRequest(*faults)
    recipient, workspace = fields.get("recipient"), fields.get("workspace")
    if workspace is not None:
        visit.only(workspace)
    wanted = JobFilter(
        workspace=workspace or visit.workspace,
        channel=None if channel is None else Channel(channel),
        status=None if status is None else Status(status),
        campaign=fields.get("campaign"),
        contact=fields.get("contact"),
        recipient=None if recipient is None else searched_recipient(recipient),
        created_from=times["from"],
        created_to=times["to"],
        limit=PAGE + 1,
    )
    return Search(wanted, fields)


def moment(name: str, text: str | None, faults: list[Fault]) -> Instant | None:
    """A time as a form's field writes it, in UTC where it names no offset."""
    if text is None:
        return None
    for written in (text, f"{text}Z", f"{text}:00Z", f"{text}T00:00:00Z"):
        try:
            return instant(written)
        except ValueError:
            continue
    faults.append(Fault(name, "must be a date and time such as 2026-03-22T10:15 (in UTC)"))
    return None


async def count(visit: Visit, wanted: JobFilter) -> Matching:
    """Jobs that match by status, the filter's own left aside: by workspace, channel and
    campaign exactly, from counters, with other fields to 10,000.
    """
    database, now = visit.desk.database, visit.now
    if (wanted.contact, wanted.recipient, wanted.created_from, wanted.created_to) == (None,) * 4:
        counts = await overview.status_counts.run(
            database, wanted.workspace, wanted.channel, wanted.campaign, now
        )
        return Matching(counts)
    return await overview.count_matching.run(database, wanted, now)
