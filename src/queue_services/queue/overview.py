"""What the dashboard shows of the whole service, a workspace or a campaign, counted without
scans.

Called by the dashboard alone; changes nothing. `workspace` restricts a call to one
workspace; None is all of them. Jobs by status come from tallies; what is due is counted
by index, `DUE_COUNTED` at most; every other list is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from queue_services.domain.message import SECOND, Channel, Instant, Status
from queue_services.queue import doomed
from queue_services.queue.job_search import resolve
from queue_services.queue.jobs import ID, chosen, filters_of
from queue_services.queue.lane_settings import read_log
from queue_services.queue.records import JobFilter
from queue_services.queue.tallies import MINUTE
from queue_services.queue.transactions import reads
from queue_services.storage.port import Row, Tx

DUE_COUNTED = 100_000
FILTERED_COUNTED = 10_000
RATE_SECONDS = 5
WAVE = 60 * SECOND

Counts = dict[Status, int]


class ChannelFigures(msgspec.Struct, frozen=True):
    """A channel now: jobs by status, how many are due (`DUE_COUNTED` at most) and since
    when, sends a second of late, whether it is paused.
    """

    counts: Counts
    due: int
    oldest_due_at: Instant | None
    rate: float
    paused: bool


class Wave(msgspec.Struct, frozen=True):
    """The next messages that fall due: how many (`DUE_COUNTED` at most) within a minute
    from `at` on.
    """

    at: Instant
    count: int


class Matching(msgspec.Struct, frozen=True):
    """Jobs that match a filter by status; of those in `more` there may be more than are counted."""

    counts: Counts
    more: frozenset[Status] = frozenset()


class CampaignLine(msgspec.Struct, frozen=True):
    """A campaign in the list; `id` is its row's, by which the list is paged."""

    id: int
    workspace: str
    name: str
    state: str
    counts: Counts


class Answered(msgspec.Struct, frozen=True):
    """How a workspace's endpoint answered the last attempt of a job; `duration` in microseconds."""

    job: str
    channel: Channel
    outcome: str
    started_at: Instant
    duration: int
    status_code: int | None
    error: str | None


@reads
async def channels(tx: Tx, workspace: str | None, now: Instant) -> dict[Channel, ChannelFigures]:
    """Both channels as they are now, of one workspace or of all."""
    counted = await counts(tx, workspace, None, now)
    found = {}
    states = {name: (log, paused) for name, log, paused in await tx.fetch("channel_states")}
    for channel in Channel:
        name, (log, paused) = channel.value, states[channel.value]
        [[due]] = await tx.fetch("count_due", name, now, workspace or "", DUE_COUNTED)
        [[oldest]] = await tx.fetch("oldest_due", name, now, workspace or "") if due else [[None]]
        found[channel] = ChannelFigures(
            counted[channel], due, oldest, _rate(log, now), bool(paused)
        )
    return found


def _rate(log: str | None, now: Instant) -> float:
    second = now // SECOND
    return (
        sum(count for at, count in read_log(log).sends if second - RATE_SECONDS <= at < second)
        / RATE_SECONDS
    )


@reads
async def wave(tx: Tx, channel: Channel, workspace: str | None, now: Instant) -> Wave | None:
    """The next messages of a channel that fall due later than now; None where none waits
    for its time.
    """
    [[at]] = await tx.fetch("next_due", channel.value, now, workspace or "")
    if at is None:
        return None
    [[count]] = await tx.fetch(
        "count_wave", channel.value, at, at + WAVE, workspace or "", DUE_COUNTED
    )
    return Wave(at, count)


async def counts(
    tx: Tx, workspace: str | None, campaign: str | None, now: Instant
) -> dict[Channel, Counts]:
    """Jobs by channel and status, exactly, of a workspace, of the campaigns of a name, of
    both, or of all.
    """
    ids: set[int] | None = None
    if campaign is not None:
        ids = {row[0] for row in await tx.fetch("campaigns_named", campaign, workspace or "")}
        rows = [
            row
            for identity in sorted(ids)
            for row in await tx.fetch("campaign_channel_counts", identity)
        ]
    elif workspace is not None:
        rows = await tx.fetch("workspace_counts", workspace)
    else:
        rows = await tx.fetch("service_counts")
    claimed: defaultdict[str, int] = defaultdict(int)
    for owner, channel, identity, count in await tx.fetch("claimed_counts", now):
        if workspace in (None, owner) and (ids is None or identity in ids):
            claimed[channel] += count
    ending: defaultdict[str, int] = defaultdict(int)
    for each in await doomed.counts(tx, now):
        if workspace in (None, each.workspace) and (ids is None or each.campaign in ids):
            ending[each.channel] += each.messages
    return {
        channel: _by_status(
            [row[1:] for row in rows if row[0] == channel], claimed[channel], ending[channel]
        )
        for channel in Channel
    }


@reads
async def status_counts(
    tx: Tx, workspace: str | None, channel: Channel | None, campaign: str | None, now: Instant
) -> Counts:
    """Jobs by status, exactly, of what is named."""
    by_channel = await counts(tx, workspace, campaign, now)
    wanted = [channel] if channel is not None else list(Channel)
    return {
        status: sum(by_channel[one][status] for one in wanted) for status in by_channel[wanted[0]]
    }


def _by_status(rows: Iterable[Row], claimed: int, ending: int) -> Counts:
    """Scheduled are what is left: no row needs to be counted for it. `ending` are cancelled,
    and not counted as such yet.
    """
    sums = [sum(column) for column in zip(*rows, strict=True)] or [0] * 9
    accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, *pruned = sums
    waiting = accepted + revived_dead + revived_cancelled - delivered - dead - cancelled
    return {
        Status.SCHEDULED: max(0, waiting - claimed - ending),
        Status.CLAIMED: claimed,
        Status.DELIVERED: delivered - pruned[0],
        Status.DEAD: dead - revived_dead - pruned[1],
        Status.CANCELLED: cancelled - revived_cancelled - pruned[2] + ending,
    }


@reads
async def count_matching(tx: Tx, wanted: JobFilter, now: Instant) -> Matching:
    """Jobs that match, by status, the filter's own status left aside: exactly, or of the
    newest `FILTERED_COUNTED` + 1 that match.

    The filter's own status is then counted by itself, as far.
    """
    wanted = await resolve(tx, wanted)
    filters = filters_of(wanted)
    rows = await tx.search(
        "count_jobs",
        chosen(msgspec.structs.replace(wanted, status=None), now)[1],
        FILTERED_COUNTED + 1,
    )
    found = dict.fromkeys(Status, 0) | {Status(status): count for status, count in rows}
    counted = sum(found.values())
    [[found[Status.CLAIMED]]] = await tx.search(
        "count_pending", {Status.CLAIMED.value: now, **filters}, FILTERED_COUNTED + 1
    )
    ending = await doomed.count(tx, filters, FILTERED_COUNTED + 1, now)
    found[Status.SCHEDULED] = max(0, found[Status.SCHEDULED] - found[Status.CLAIMED] - ending)
    found[Status.CANCELLED] += ending
    if counted <= FILTERED_COUNTED:
        return Matching(found)
    more = set(Status)
    if wanted.status is not None:
        kind, filters = chosen(wanted, now)
        found[wanted.status] = sum(
            row[-1] for row in await tx.search(f"count_{kind}", filters, FILTERED_COUNTED + 1)
        ) + (ending if wanted.status is Status.CANCELLED else 0)
        if found[wanted.status] <= FILTERED_COUNTED:
            more.remove(wanted.status)
        else:
            found[wanted.status] = FILTERED_COUNTED
    return Matching(found, frozenset(more))


@reads
async def campaigns(
    tx: Tx,
    workspace: str | None,
    name: str | None,
    before: int | None,
    most: int,
    now: Instant,
    *,
    state: str | None = None,
) -> list[CampaignLine]:
    """Campaigns, the newest first, with their jobs by status; of one state, or of any."""
    named: dict[str, Any] = {
        "workspace": workspace,
        "name": name,
        "before": before,
        "state": state,
    }
    rows = await tx.search(
        "recent_campaigns", {key: value for key, value in named.items() if value is not None}, most
    )
    claimed: defaultdict[int, int] = defaultdict(int)
    for _, _, identity, count in await tx.fetch("claimed_counts", now):
        claimed[identity] += count
    ending: defaultdict[int, int] = defaultdict(int)
    for each in await doomed.counts(tx, now):
        ending[each.campaign] += each.messages
    counted = [
        _by_status(await tx.fetch("campaign_counts", row[0]), claimed[row[0]], ending[row[0]])
        for row in rows
    ]
    return [
        CampaignLine(identity, owner, called, state, by_status)
        for (identity, owner, called, state), by_status in zip(rows, counted, strict=True)
    ]


@reads
async def campaign_rate(tx: Tx, workspace: str, name: str, now: Instant) -> float:
    """How many messages of a campaign ended a second, over the minute that runs and the one
    before.
    """
    [[ended]] = await tx.fetch("campaign_ended", workspace, name, now // MINUTE - 1)
    return int(ended) / ((now % MINUTE + MINUTE) / SECOND)


@reads
async def next_of_campaign(tx: Tx, job: str) -> str | None:
    """The job scheduled after this one in its campaign."""
    rows = await tx.fetch("next_of_campaign", job) if ID.fullmatch(job) else []
    return rows[0][0] if rows else None


@reads
async def answers(tx: Tx, workspace: str, most: int = 10) -> list[Answered]:
    """A workspace's newest answers, of the last 2,000 jobs that ended in the service."""
    return [
        Answered(row[0], Channel(row[1]), *row[2:])
        for row in await tx.fetch("recent_answers", workspace, most)
    ]
