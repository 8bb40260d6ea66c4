"""What the dashboard counts: exactly by workspace, channel, campaign and status, and never
by reading what it counts.
"""

from __future__ import annotations

from typing import Any

import pytest

from queue_services.domain.message import SECOND, Channel, Status
from queue_services.domain.outcome import Kind
from queue_services.queue import dispatchers, overview
from queue_services.queue.records import JobFilter
from tests.storage.store import Store, later
from tests.support.builders import NOW, message


async def figures(
    store: Store, workspace: str | None = None, seconds: float = 0
) -> overview.ChannelFigures:
    return (await store.database.read(overview.channels, workspace, later(seconds)))[Channel.SMS]


def counts(
    scheduled: int = 0, claimed: int = 0, delivered: int = 0, dead: int = 0, cancelled: int = 0
) -> overview.Counts:
    return dict(zip(Status, (scheduled, claimed, delivered, dead, cancelled), strict=True))


async def fill(store: Store) -> None:
    """Of acme's spring: one delivered, one dead, one claimed, one for later; one of another
    workspace cancelled, one due.
    """
    await store.insert(*(message(campaign="spring") for _ in range(3)))
    delivered, dead, _ = await store.claim()
    await store.settle_as(Kind.DELIVERED, delivered)
    await store.settle_as(Kind.REJECTED, dead)
    gone, waiting = message("other"), message("other")
    await store.insert(message(campaign="spring", due_at=later(3600)), gone, waiting)
    await store.cancel(gone)


async def test_jobs_are_counted_by_status_of_all_of_a_workspace_and_of_a_campaign(
    store: Store,
) -> None:
    await fill(store)
    for _ in range(2):  # as tallies, and folded into totals
        found = await store.database.read(overview.counts, None, None, NOW)
        assert found == {Channel.SMS: counts(2, 1, 1, 1, 1), Channel.EMAIL: counts()}
        assert (await store.database.read(overview.counts, "other", None, NOW))[
            Channel.SMS
        ] == counts(scheduled=1, cancelled=1)
        assert (await store.database.read(overview.counts, None, "spring", NOW))[
            Channel.SMS
        ] == counts(1, 1, 1, 1)
        assert (await store.database.read(overview.counts, "other", "spring", NOW))[
            Channel.SMS
        ] == counts()
        await store.fold(later(600))


async def test_what_is_due_is_counted_with_how_long_the_oldest_has_been(store: Store) -> None:
    await store.insert(
        message(due_at=NOW), message("other", due_at=later(5)), message(due_at=later(600))
    )
    now = await figures(store, seconds=10)
    assert (now.due, now.oldest_due_at) == (2, NOW)
    assert (
        (await figures(store, "other", 10)).due,
        (await figures(store, "other", 10)).oldest_due_at,
    ) == (1, later(5))
    assert (await figures(store, seconds=-1)).oldest_due_at is None


async def test_the_rate_is_what_was_sent_of_late(store: Store) -> None:
    await store.insert(*(message() for _ in range(10)))
    await store.deliver_all()
    assert (await figures(store, seconds=2)).rate == 10 / overview.RATE_SECONDS
    assert (await figures(store, seconds=60)).rate == 0


async def test_the_next_wave_is_all_that_falls_due_within_a_minute_of_its_first(
    store: Store,
) -> None:
    await store.insert(
        message(due_at=later(900)),
        message("other", due_at=later(930)),
        message(due_at=later(2000)),
        message(due_at=NOW),
    )
    assert await store.database.read(overview.wave, Channel.SMS, None, NOW) == overview.Wave(
        later(900), 2
    )
    assert await store.database.read(overview.wave, Channel.SMS, "other", NOW) == overview.Wave(
        later(930), 1
    )
    assert await store.database.read(overview.wave, Channel.EMAIL, None, NOW) is None


async def matching(store: Store, **wanted: Any) -> overview.Matching:
    return await store.database.read(overview.count_matching, JobFilter(**wanted), NOW)


async def test_jobs_that_match_other_filters_are_counted_by_status(store: Store) -> None:
    await fill(store)
    await store.insert(message(contact="somebody"), message(contact="somebody", due_at=later(60)))
    assert await matching(store, contact="somebody", status=Status.DEAD) == overview.Matching(
        counts(scheduled=2)
    )
    assert (await matching(store, created_from=NOW - SECOND, created_to=later(1))).counts == counts(
        4, 1, 1, 1, 1
    )
    assert (await matching(store, recipient="nobody")).counts == counts()


async def test_of_very_many_that_match_only_the_state_asked_for_is_counted_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "FILTERED_COUNTED", 3)
    await fill(store)
    await store.insert(*(message(due_at=later(60), created_at=NOW) for _ in range(9)))
    some = await matching(store, created_from=NOW - SECOND)
    assert sum(some.counts.values()) == 4
    assert some.more == frozenset(Status)
    for status, expected in {
        Status.DEAD: 1,
        Status.CANCELLED: 1,
        Status.DELIVERED: 1,
        Status.CLAIMED: 1,
    }.items():
        for workspace in ({}, {"workspace": "acme"}) if status is not Status.CANCELLED else ({},):
            found = await matching(store, created_from=NOW - SECOND, status=status, **workspace)
            assert found.counts[status] == expected
            assert status not in found.more
    found = await matching(store, created_from=NOW - SECOND, status=Status.SCHEDULED)
    assert found.counts[Status.SCHEDULED] == 3
    assert Status.SCHEDULED in found.more


async def test_campaigns_are_listed_newest_first_in_pages(store: Store) -> None:
    await fill(store)
    await store.insert(message("other", campaign="autumn"))
    newest, oldest = await store.database.read(overview.campaigns, None, None, None, 10, NOW)
    assert (newest.name, newest.counts) == ("autumn", counts(scheduled=1))
    assert (oldest.workspace, oldest.name, oldest.state, oldest.counts) == (
        "acme",
        "spring",
        "active",
        counts(1, 1, 1, 1),
    )
    assert await store.database.read(overview.campaigns, None, None, newest.id, 10, NOW) == [oldest]
    assert await store.database.read(overview.campaigns, "other", None, None, 10, NOW) == [newest]
    assert await store.database.read(overview.campaigns, None, "spring", None, 10, NOW) == [oldest]


async def test_a_campaigns_rate_is_what_ended_of_late(store: Store) -> None:
    await store.insert(
        *(message(campaign="spring") for _ in range(9)), message("other", campaign="spring")
    )
    await store.deliver_all()
    assert await store.database.read(overview.campaign_rate, "acme", "spring", later(30)) == 9 / 90
    assert await store.database.read(overview.campaign_rate, "acme", "spring", later(300)) == 0


async def test_the_next_job_of_a_campaign_is_the_one_scheduled_after_it(store: Store) -> None:
    first, second = message(campaign="spring"), message(campaign="spring")
    await store.insert(first, message(), second)
    assert await store.database.read(overview.next_of_campaign, first.id) == second.id
    assert await store.database.read(overview.next_of_campaign, second.id) is None
    assert await store.database.read(overview.next_of_campaign, "no id") is None


async def test_an_endpoints_newest_answers_are_its_workspaces_own(store: Store) -> None:
    await store.insert(message(), message("other"))
    claimed = await store.claim()
    await store.settle_as(Kind.DELIVERED, *claimed)
    [answer] = await store.database.read(overview.answers, "other", 10)
    assert (answer.channel, answer.outcome, answer.status_code) == (Channel.SMS, "delivered", 200)
    assert await store.database.read(overview.answers, "nobody", 10) == []


async def test_the_database_says_how_large_it_is(store: Store) -> None:
    assert await store.database.read(dispatchers.database_size) > 10_000
