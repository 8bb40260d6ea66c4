"""From a campaign cancel's answer on, lists, the status of a job and every count say the same,
however far maintenance is with ending the rows.
"""

from __future__ import annotations

from queue_services.domain.message import Channel, Status
from queue_services.domain.outcome import Kind
from queue_services.queue import jobs, overview
from queue_services.queue.records import JobFilter
from tests.storage.store import Store, later
from tests.support.builders import NOW, message


async def listed(store: Store, status: Status, **filters: object) -> list[str]:
    """The ids of a list, page by page, newest first."""
    found: list[str] = []
    before = None
    while True:
        wanted = JobFilter(status=status, limit=200, before=before, **filters)  # type: ignore[arg-type]
        page = await store.database.read(jobs.search, wanted, NOW)
        assert all(job.status is status for job in page)
        found += [job.id for job in page]
        if len(page) < 200:
            return found
        before = page[-1].id


async def agree(store: Store, ids: list[str]) -> dict[Status, int]:
    """Jobs by status; every list and count has the same."""
    by_status = dict.fromkeys(Status, 0)
    for job in await store.database.read(jobs.find, ids, NOW):
        by_status[job.status] += 1
    for filters in ({}, {"campaign": "spring"}, {"workspace": "acme"}, {"channel": Channel.SMS}):
        for status in Status:
            found = await listed(store, status, **filters)
            assert len(set(found)) == len(found) == by_status[status], (status, filters)
            assert found == sorted(found, reverse=True)
        matching = await store.database.read(
            overview.count_matching,
            JobFilter(limit=1, **filters),
            NOW,
        )
        assert {s: matching.counts[s] for s in Status} == by_status
    for workspace, campaign in ((None, None), ("acme", None), (None, "spring"), ("acme", "spring")):
        counted = await store.database.read(overview.counts, workspace, campaign, NOW)
        assert {s: counted[Channel.SMS][s] for s in Status} == by_status, (workspace, campaign)
    [line] = await store.database.read(overview.campaigns, None, None, None, 10, NOW)
    summary = await store.campaign()
    for status in Status:
        assert line.counts[status] == summary.counts[status] == by_status[status]
    return by_status


async def test_everything_agrees_at_each_step_of_a_cancel(store: Store) -> None:
    messages = [message(campaign="spring") for _ in range(20)]
    messages += [message(campaign="spring", due_at=later(600)) for _ in range(1_230)]
    ids = [each.id for each in messages]
    await store.insert(*messages)
    claimed = await store.claim()
    assert len(claimed) == 20
    await store.cancel_campaign()
    assert await agree(store, ids) == {
        Status.SCHEDULED: 0,
        Status.CLAIMED: len(claimed),
        Status.DELIVERED: 0,
        Status.DEAD: 0,
        Status.CANCELLED: len(ids) - len(claimed),
    }
    await store.settle_as(Kind.DELIVERED, claimed[0])
    await store.settle_as(Kind.FAILED, claimed[1])  # there is no further try
    assert (await agree(store, ids))[Status.CANCELLED] == len(ids) - len(claimed) + 1
    while await store.advance():
        assert (await agree(store, ids))[Status.CANCELLED] == len(ids) - len(claimed) + 1
    await agree(store, ids)
