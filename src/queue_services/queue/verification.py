"""Holds a store against its invariants, on one snapshot: every message in one place,
nothing stranded, counts equal to rows, limits kept.

Called by the CLI, and by the tests that break things. It only reads, so it
may run beside everything else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from queue_services.domain.message import FOREVER, SECOND, Channel, Instant, Status
from queue_services.domain.workspace import opens_at
from queue_services.queue import clock_steps
from queue_services.queue.lane_settings import read_terms
from queue_services.queue.tallies import ALL, NO_CAMPAIGN
from queue_services.queue.transactions import reads
from queue_services.storage.port import Tx

MOST_NAMED = 100
"""Rows told of one rule; more are not looked for."""
IN_FORCE_AFTER = 2 * SECOND
"""How long after a limit was changed sends by the former one may still go out."""
LOOKED_AHEAD = SECOND
"""How far a lane's due time may lie behind what is visible: a claim looks ahead by less,
and two processes' clocks differ by less.
"""

RULES = {
    "verify_two_places": "a message waits or has ended, never both",
    "verify_nowhere": "a message waits or has ended, never neither",
    "verify_orphans": "every row belongs to a message",
    "verify_lanes": "a message waits in its own lane",
    "verify_claims": "a message is not claimed and parked at once",
    "verify_keys": "an idempotency key is kept as long as its message",
    "verify_attempts": "attempts are counted as they were made",
    "verify_parked": "only a campaign that is held has parked messages",
    "verify_campaigns": "a campaign is kept as long as its messages",
}
NOTHING_STRANDED = "a lane is due no later than the first message in it"
COUNTS = "counts equal the rows they stand for"
LIMITS = "no second holds more than the limit"
NOTHING_AHEAD = "no stored instant is ahead of the clock"


class Finding(msgspec.Struct, frozen=True):
    """One thing that must not be: the rule it breaks, what is broken (a job, lane or
    count), and how.
    """

    rule: str
    subject: str
    detail: str


class Density(msgspec.Struct, frozen=True):
    """How densely one limit was used: `most` in any second of `rate` allowed. `workspace`
    is empty for the whole service's.

    `gap` are the microseconds between the two nearest, None where there are no two: below
    one a second, that is what counts.
    """

    workspace: str
    channel: Channel
    most: int
    rate: float
    gap: int | None

    @property
    def kept(self) -> bool:
        if self.rate < 1:
            return self.gap is None or self.gap >= SECOND / self.rate
        return self.most <= self.rate


class Verification(msgspec.Struct, frozen=True):
    """What was looked at and what was found; `rules` are all that were held against."""

    messages: int
    waiting: int
    ended: int
    rules: tuple[str, ...]
    findings: list[Finding]
    densities: list[Density]


@reads
async def verify(
    tx: Tx,
    rates: Mapping[Channel, float],
    now: Instant,
    since: Instant = 0,
    *,
    counts_segments: bool = False,
) -> Verification:
    """Look at everything. `rates` are the channels' limits a second, that hold for what was
    sent from `since` on; `counts_segments`: SMS count by them.
    """
    tx.lift_time_limit()
    await tx.fetch("plan_whole_tables")
    [[messages, waiting, ended]] = await tx.fetch("verify_size")
    findings = [
        Finding(rule, str(subject), detail)
        for name, rule in RULES.items()
        for subject, detail in await tx.fetch(name, MOST_NAMED)
    ]
    findings += await _stranded(tx, now)
    findings += [
        Finding(NOTHING_AHEAD, ahead.subject, ahead.detail)
        for ahead in (await clock_steps.find(tx, now))[:MOST_NAMED]
    ]
    findings += await _miscounted(tx)
    densities = await _densities(tx, rates, since, counts_segments=counts_segments)
    findings += [
        Finding(LIMITS, f"{density.channel} {density.workspace}".strip(), _over(density))
        for density in densities
        if not density.kept
    ]
    return Verification(
        messages,
        waiting,
        ended,
        (*RULES.values(), NOTHING_STRANDED, NOTHING_AHEAD, COUNTS, LIMITS),
        findings,
        densities,
    )


async def _stranded(tx: Tx, now: Instant) -> list[Finding]:
    """Lanes that would be looked at later than the first of their messages may go: it would
    wait for ever, or until another came.
    """
    found = []
    for (
        lane,
        workspace,
        channel,
        next_due_at,
        next_high_at,
        text,
        day_ends_at,
        day_count,
        *visible,
    ) in await tx.fetch("verify_waiting"):
        terms, high_at, other_at = (
            read_terms(text),
            visible[0],
            min((at for at in visible[1:] if at is not None), default=None),
        )
        latest = now + LOOKED_AHEAD
        day = day_ends_at if terms.daily_quota is not None and day_count >= terms.daily_quota else 0
        bounds = [
            (next_high_at, high_at, day),
            (next_due_at, high_at, day),
            (next_due_at, other_at, max(day, opens_at(terms, now, latest))),
        ]
        for planned, visible_at, not_before in bounds:
            if visible_at is not None and planned > max(
                visible_at + LOOKED_AHEAD, latest, not_before
            ):
                when = (
                    "for ever"
                    if planned >= FOREVER - 1
                    else f"{(planned - max(visible_at, now)) / SECOND:.1f} s too long"
                )
                found.append(
                    Finding(
                        NOTHING_STRANDED,
                        f"lane {lane} ({workspace}, {channel})",
                        f"its first message waits {when}",
                    )
                )
                break
    return found


async def _miscounted(tx: Tx) -> list[Finding]:
    """Counts of workspaces, campaigns and the whole service that differ from the rows."""
    names = [
        "waiting",
        *(status.value for status in (Status.DELIVERED, Status.DEAD, Status.CANCELLED)),
    ]
    rows: defaultdict[tuple[str, str, int], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(names, 0)
    )
    for workspace, channel, campaign, waiting in await tx.fetch("verify_pending"):
        _add(rows, (workspace, channel, campaign), "waiting", waiting)
    for workspace, channel, campaign, status, ended in await tx.fetch("verify_results"):
        _add(rows, (workspace, channel, campaign), status, ended)
    counted = {
        (row[0], row[1], row[2]): dict(zip(names, row[3:], strict=True))
        for row in await tx.fetch("verify_counted")
    }
    nothing = dict.fromkeys(names, 0)
    return [
        Finding(
            COUNTS,
            _named(*subject),
            ", ".join(
                f"{name}: {mine[name]:,} counted, {theirs[name]:,} there"
                for name in names
                if mine[name] != theirs[name]
            ),
        )
        for subject in sorted(rows.keys() | counted.keys())
        if (mine := counted.get(subject, nothing)) != (theirs := rows.get(subject, nothing))
    ]


def _add(
    rows: defaultdict[tuple[str, str, int], dict[str, int]],
    subject: tuple[str, str, int],
    name: str,
    count: int,
) -> None:
    """Count rows for their campaign, their workspace and the service."""
    workspace, channel, campaign = subject
    for level in (
        {subject, (workspace, channel, NO_CAMPAIGN), (ALL, channel, NO_CAMPAIGN)}
        if campaign != NO_CAMPAIGN
        else {subject, (ALL, channel, campaign)}
    ):
        rows[level][name] += count


async def _densities(
    tx: Tx, rates: Mapping[Channel, float], since: Instant, *, counts_segments: bool
) -> list[Density]:
    """The use of each channel's limit and of each workspace's own, the fullest first. A limit
    that was changed since is the largest it has been.
    """
    own = {
        (workspace, channel): rate
        for workspace, channel, rate in await tx.fetch("verify_rates", since - IN_FORCE_AFTER)
    }
    found = []
    for workspace, channel, most, gap in await tx.fetch("verify_sent", since, counts_segments):
        rate = max(rates[Channel(channel)], own.get((ALL, channel), 0))
        found.append(
            Density(
                workspace,
                Channel(channel),
                int(most),
                rate if workspace == ALL else min(rate, own.get((workspace, channel), rate)),
                gap,
            )
        )
    return sorted(
        found,
        key=lambda density: (
            density.workspace != ALL,
            -density.most / density.rate,
            density.workspace,
            density.channel,
        ),
    )


def _over(density: Density) -> str:
    if density.rate < 1:
        return (
            f"two went out {(density.gap or 0) / SECOND:.3f} s apart where one every"
            f" {1 / density.rate:g} s is the limit"
        )
    return f"densest second {density.most} of {density.rate:g}"


def _named(workspace: str, channel: str, campaign: int) -> str:
    whose = (
        "the whole service"
        if workspace == ALL
        else workspace
        if campaign == NO_CAMPAIGN
        else f"{workspace}, campaign {campaign}"
    )
    return f"{channel} of {whose}"


def describe(density: Density) -> str:
    """One line of a report."""
    whose = f"{density.channel} of {density.workspace or 'the whole service'}"
    if density.rate < 1:
        nearest = (
            "one alone"
            if density.gap is None
            else f"nearest two {density.gap / SECOND:.3f} s apart"
        )
        return f"{whose}: {nearest}, limit one every {1 / density.rate:g} s"
    return f"{whose}: densest second {density.most} of {density.rate:g}"
