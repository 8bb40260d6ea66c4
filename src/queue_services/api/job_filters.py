"""What a search for jobs asks, from the members of a query or of an operation's filter."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from msgspec import UNSET, UnsetType

from queue_services.api.guard import Caller
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue.records import JobFilter, MetadataFilter
from queue_services.settings.types import metadata_path
from queue_services.wire import answers, bodies
from queue_services.wire.addresses import searched_recipient
from queue_services.wire.intake import Faults
from queue_services.wire.times import instant

METADATA = "metadata."
UNINDEXED_SPAN = 86_400 * SECOND
"""How long a time an unindexed path may be searched in: every job of it is looked into."""


def job_filter(
    caller: Caller, asked: bodies.JobMembersQuery, indexed: Collection[str]
) -> JobFilter:
    """The filter that `asked` means, within what the caller may see; `indexed` are the paths of
    the metadata that have an index. Raises InvalidRequest and Forbidden.
    """
    faults = Faults()
    created_from, created_to = (
        faults.unless(name, moment, value)
        for name, value in (("from", asked.created_from), ("to", asked.created_to))
    )
    if faults:
        raise InvalidRequest(*faults)
    channel, recipient = given(asked.channel), given(asked.recipient)
    wanted = JobFilter(
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
    text = given(asked.q)
    if text is None:
        return wanted
    if not text.startswith(METADATA) or "=" not in text:
        return msgspec.structs.replace(wanted, text=text)
    return msgspec.structs.replace(wanted, metadata=_metadata(text, wanted, indexed))


def _metadata(text: str, wanted: JobFilter, indexed: Collection[str]) -> MetadataFilter:
    """The member of the metadata that `metadata.PATH=VALUE` names. Raises InvalidRequest where it
    has no index and nothing else bounds the search.
    """
    path, _, value = text.removeprefix(METADATA).partition("=")
    try:
        metadata_path(path)
    except ValueError as error:
        raise InvalidRequest(Fault("q", f"{METADATA}{path}: {error}")) from None
    if path in indexed:
        return MetadataFilter(path, value, indexed=True)
    begin, end = wanted.created_from, wanted.created_to
    bounded = begin is not None and end is not None and end - begin <= UNINDEXED_SPAN
    if wanted.workspace is None or not bounded:
        advice = (
            f"{path} has no index: name it in QUEUE_SERVICES_SEARCH_METADATA, or search in one"
            " workspace (`workspaceId`) and `from`-`to` of at most a day"
        )
        raise InvalidRequest(Fault("q", advice))
    return MetadataFilter(path, value, indexed=False)


def given(value: str | UnsetType) -> str | None:
    """A member that was given, or None."""
    return None if value is UNSET else value


def moment(text: str) -> Instant:
    """An instant in a query, also where the caller forgot to encode a plus sign. Raises
    ValueError.
    """
    return instant(text.replace(" ", "+"))
