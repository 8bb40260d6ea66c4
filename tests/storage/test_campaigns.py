"""Campaigns: cancel, pause, resume and shift are in force when they answer, whatever
maintenance still has to do, and the counts are exact all along.
"""

from __future__ import annotations

import pytest

from queue_services.domain.message import SECOND, Channel, Message, Priority, Reason, Status
from queue_services.domain.outcome import Kind
from queue_services.errors import Conflict, NotFound
from queue_services.queue import campaigns
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

HOUR = 3600 * SECOND


async def spring(store: Store, count: int, **members: object) -> list[Message]:
    """So many messages of the campaign "spring"."""
    messages = [message(campaign="spring", **members) for _ in range(count)]  # type: ignore[arg-type]
    await store.insert(*messages)
    return messages


async def counts(store: Store, now: int = NOW) -> tuple[int, int, int, int, int]:
    """Scheduled, claimed, delivered, dead, cancelled."""
    by_status = (await store.campaign(now=now)).counts
    return (
        by_status[Status.SCHEDULED],
        by_status[Status.CLAIMED],
        by_status[Status.DELIVERED],
        by_status[Status.DEAD],
        by_status[Status.CANCELLED],
    )


async def advance_to_the_end(store: Store, now: int = NOW) -> None:
    for _ in range(50):
        if not await store.advance(now):
            return
    raise AssertionError("a campaign stays busy")


async def test_a_campaign_counts_its_messages_by_status(store: Store) -> None:
    messages = await spring(store, 6)
    await spring(store, 1, due_at=later(600))
    await spring(store, 2, channel=Channel.EMAIL)
    await store.insert(message(), message(campaign="autumn"), message("globex", campaign="spring"))
    claimed = [c for c in await store.claim() if c.id in {m.id for m in messages}]
    await store.settle_as(Kind.DELIVERED, *claimed[:2])
    await store.settle_as(Kind.REJECTED, claimed[2])
    await store.settle_as(Kind.FAILED, claimed[3])
    assert await counts(store) == (4, 2, 2, 1, 0)
    summary = await store.campaign()
    assert (summary.state, summary.first_due_at, summary.last_due_at) == ("active", NOW, later(600))


@pytest.mark.parametrize(
    "call", ["campaign", "cancel_campaign", "pause_campaign", "resume_campaign"]
)
async def test_an_unknown_campaign_is_not_found(store: Store, call: str) -> None:
    await spring(store, 1)
    with pytest.raises(NotFound):
        await getattr(store, call)("autumn")
    with pytest.raises(NotFound):
        await getattr(store, call)("spring", workspace="globex")


async def test_a_cancelled_campaign_is_not_claimed_before_maintenance_has_ended_it(
    store: Store,
) -> None:
    messages = await spring(store, 20)
    assert await store.cancel_campaign(now=later(1)) == 20
    assert await counts(store) == (0, 0, 0, 0, 20)
    assert set(await store.statuses(messages)) == {Status.CANCELLED}
    assert await store.claim(later(2)) == []
    job = await store.job(messages[0])
    assert (job.reason, job.finished_at) == (Reason.CANCELLED, later(1))


async def test_a_job_ended_by_a_cancel_finished_when_the_cancel_answered(store: Store) -> None:
    by_claim, by_maintenance = await spring(store, 1), await spring(store, 1, due_at=later(600))
    await store.cancel_campaign(now=later(1))
    shown = [(await store.job(job)).finished_at for job in by_claim + by_maintenance]
    await store.claim(later(2))
    await advance_to_the_end(store, later(3))
    assert (
        [(await store.job(job)).finished_at for job in by_claim + by_maintenance]
        == shown
        == [later(1), later(1)]
    )


async def test_counts_stay_exact_while_maintenance_ends_a_cancelled_campaign_in_bites(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "BITE", 7)
    await spring(store, 20, due_at=later(600))
    await store.cancel_campaign()
    bites = []
    while bite := await store.advance():
        bites.append(bite)
        assert await counts(store) == (0, 0, 0, 0, 20)
    assert bites == [7, 7, 6]
    assert (await store.campaign()).state == "cancelled"
    [[rows]] = await store.select(
        "select count(*) from result where status = 'cancelled' and reason = 'cancelled'"
    )
    assert rows == 20


async def test_what_is_being_delivered_when_its_campaign_is_cancelled_keeps_its_outcome(
    store: Store,
) -> None:
    await spring(store, 5)
    claimed = await store.claim(most=3)
    assert await store.cancel_campaign() == 2
    assert await counts(store) == (0, 3, 0, 0, 2)
    await store.settle_as(Kind.DELIVERED, *claimed[:2])
    assert await counts(store) == (0, 1, 2, 0, 2)
    await store.settle_as(Kind.FAILED, claimed[2])
    assert await counts(store) == (0, 0, 2, 0, 3)
    assert await store.claim(later(5)) == []
    await advance_to_the_end(store)
    assert await counts(store) == (0, 0, 2, 0, 3)


async def test_what_is_scheduled_after_a_cancel_runs(store: Store) -> None:
    await spring(store, 3)
    await store.cancel_campaign()
    late = await spring(store, 2)
    assert await counts(store) == (2, 0, 0, 0, 3)
    assert (await store.campaign()).state == "active"
    assert {claimed.id for claimed in await store.claim()} == {m.id for m in late}
    await advance_to_the_end(store)
    assert await counts(store) == (0, 2, 0, 0, 3)


async def test_a_second_cancel_ends_only_what_came_after_the_first(store: Store) -> None:
    await spring(store, 3, due_at=later(60))
    await store.cancel_campaign()
    await spring(store, 2, due_at=later(60))
    assert await store.cancel_campaign(now=later(1)) == 2
    assert await counts(store) == (0, 0, 0, 0, 5)
    await advance_to_the_end(store)
    assert await counts(store) == (0, 0, 0, 0, 5)


@pytest.mark.parametrize("advanced", [False, True])
async def test_a_job_of_a_cancelled_campaign_can_be_retried_and_runs(
    store: Store, advanced: bool
) -> None:
    first, *_ = await spring(store, 3)
    await store.cancel_campaign()
    if advanced:
        await advance_to_the_end(store)
    assert (await store.requeue(first, later(1))).status is Status.SCHEDULED
    assert await counts(store) == (1, 0, 0, 0, 2)
    assert [claimed.id for claimed in await store.claim(later(1))] == [first.id]
    await advance_to_the_end(store)
    assert await counts(store) == (0, 1, 0, 0, 2)


@pytest.mark.parametrize("call", ["cancel", "promote", "reschedule"])
async def test_a_job_of_a_cancelled_campaign_is_refused_what_a_cancelled_job_is(
    store: Store, call: str
) -> None:
    [job] = await spring(store, 1, due_at=later(60))
    await store.cancel_campaign()
    with pytest.raises(Conflict) as refused:
        await (
            store.reschedule(job, later(5)) if call == "reschedule" else getattr(store, call)(job)
        )
    assert refused.value.fields == {"status": Status.CANCELLED}
    assert await store.claim(later(60)) == []


async def test_a_paused_campaign_is_not_claimed_and_neither_is_what_is_scheduled_later(
    store: Store,
) -> None:
    messages = await spring(store, 5)
    assert await store.pause_campaign() == 5
    messages += await spring(store, 2)
    other = message()
    await store.insert(other)
    assert [claimed.id for claimed in await store.deliver_all()] == [other.id]
    await advance_to_the_end(store)
    assert await store.claim(later(60)) == []
    assert set(await store.statuses(messages)) == {Status.SCHEDULED}
    assert (await store.job(messages[0])).waiting_for == "pause"
    assert (await store.campaign()).state == "paused"
    assert await counts(store) == (7, 0, 0, 0, 0)


async def test_a_resumed_campaign_goes_on_with_everything_it_held(store: Store) -> None:
    messages = await spring(store, 5) + await spring(store, 2, priority=Priority.HIGH)
    future = await spring(store, 1, due_at=later(600))
    await store.pause_campaign()
    await store.claim()
    assert await store.resume_campaign() == 8
    await advance_to_the_end(store)
    assert {claimed.id for claimed in await store.claim()} == {m.id for m in messages}
    assert {claimed.id for claimed in await store.claim(later(600)) if claimed.claim == 1} == {
        m.id for m in future
    }
    assert (await store.campaign()).state == "active"


async def test_high_messages_of_a_resumed_campaign_are_due_as_high(store: Store) -> None:
    await spring(store, 1, priority=Priority.HIGH)
    await store.pause_campaign()
    await store.claim()
    await store.resume_campaign()
    await advance_to_the_end(store)
    [[next_high_at]] = await store.select("select next_high_at from lane")
    assert next_high_at <= NOW


async def test_what_is_in_flight_when_its_campaign_is_paused_waits_with_its_next_try(
    store: Store,
) -> None:
    [job] = await spring(store, 1)
    claimed = await store.claim()
    await store.pause_campaign()
    await store.settle_as(Kind.FAILED, *claimed)
    assert await store.claim(later(60)) == []
    await store.resume_campaign(now=later(60))
    await advance_to_the_end(store, later(60))
    [again] = await store.claim(later(60))
    assert (again.id, again.tries) == (job.id, 1)


async def test_a_cancel_ends_a_pause(store: Store) -> None:
    await spring(store, 3)
    await store.pause_campaign()
    await store.claim()
    assert await store.cancel_campaign() == 3
    late = await spring(store, 1)
    assert {claimed.id for claimed in await store.claim()} == {late[0].id}
    await advance_to_the_end(store)
    assert await counts(store) == (0, 1, 0, 0, 3)


async def test_a_cancelled_campaign_that_is_paused_holds_what_comes_and_keeps_what_was_cancelled(
    store: Store,
) -> None:
    await spring(store, 3, due_at=later(60))
    await store.cancel_campaign()
    assert await store.pause_campaign() == 0
    [late] = await spring(store, 1)
    assert await store.claim(later(60)) == []
    assert await counts(store) == (1, 0, 0, 0, 3)
    await advance_to_the_end(store)
    assert await store.resume_campaign() == 1
    await advance_to_the_end(store)
    assert [claimed.id for claimed in await store.claim(later(60))] == [late.id]
    assert await counts(store, later(60)) == (0, 1, 0, 0, 3)


async def test_a_shift_to_later_is_in_force_at_once(store: Store) -> None:
    messages = await spring(store, 5)
    assert await store.shift_campaign(HOUR) == 5
    assert await store.claim(later(1)) == []
    job = await store.job(messages[0])
    assert (job.status, job.due_at) == (Status.SCHEDULED, later(3600))
    await advance_to_the_end(store)
    assert await store.claim(later(3600) - 1) == []
    assert len(await store.claim(later(3600))) == 5
    summary = await store.campaign(now=later(3600))
    assert (summary.state, summary.first_due_at, summary.last_due_at) == (
        "active",
        later(3600),
        later(3600),
    )


async def test_counts_and_times_are_exact_while_a_shift_moves_its_messages_in_bites(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "BITE", 4)
    messages = await spring(store, 10, due_at=later(60))
    await store.shift_campaign(HOUR)
    for _ in range(5):
        assert await counts(store) == (10, 0, 0, 0, 0)
        assert {(await store.job(m)).due_at for m in messages} == {later(3660)}
        summary = await store.campaign()
        assert (summary.first_due_at, summary.last_due_at) == (later(3660), later(3660))
        await store.advance()
    assert (await store.campaign()).state == "active"


async def test_a_shift_to_earlier_never_goes_before_now(store: Store) -> None:
    early, late = (
        await spring(store, 1, due_at=later(60)),
        await spring(store, 1, due_at=later(7200)),
    )
    await store.shift_campaign(-HOUR, now=later(1))
    await advance_to_the_end(store, later(1))
    assert [(await store.job(job, later(1))).due_at for job in early + late] == [
        later(1),
        later(3600),
    ]
    assert {claimed.id for claimed in await store.claim(later(1))} == {early[0].id}
    assert {claimed.id for claimed in await store.claim(later(3600)) if claimed.claim == 1} == {
        late[0].id
    }


async def test_what_is_overdue_is_not_made_younger_by_a_shift_to_earlier(store: Store) -> None:
    [overdue] = await spring(store, 1, due_at=NOW - 60 * SECOND)
    await store.shift_campaign(-HOUR)
    await advance_to_the_end(store)
    assert (await store.job(overdue)).due_at == NOW - 60 * SECOND
    assert len(await store.claim()) == 1


async def test_what_is_scheduled_during_a_shift_is_not_moved_and_is_held_until_the_shift_is_done(
    store: Store,
) -> None:
    await spring(store, 3)
    await store.shift_campaign(HOUR)
    [new] = await spring(store, 1)
    assert await store.claim() == []
    assert (await store.job(new)).due_at == NOW
    await advance_to_the_end(store)
    assert [claimed.id for claimed in await store.claim()] == [new.id]


async def test_a_job_rescheduled_during_a_shift_is_due_at_the_time_it_was_given(
    store: Store,
) -> None:
    job, other = await spring(store, 2, due_at=later(60))
    await store.shift_campaign(HOUR)
    assert (await store.reschedule(job, later(30))).due_at == later(30)
    await advance_to_the_end(store)
    assert [(await store.job(m)).due_at for m in (job, other)] == [later(30), later(3660)]
    assert [claimed.id for claimed in await store.claim(later(30))] == [job.id]


async def test_a_paused_campaign_stays_paused_over_a_shift(store: Store) -> None:
    await spring(store, 3)
    await store.pause_campaign()
    await store.claim()
    assert await store.shift_campaign(60 * SECOND) == 3
    await advance_to_the_end(store)
    assert (await store.campaign()).state == "paused"
    assert await store.claim(later(60)) == []
    await store.resume_campaign(now=later(60))
    await advance_to_the_end(store, later(60))
    assert len(await store.claim(later(60))) == 3


async def test_a_second_shift_waits_for_the_first(store: Store) -> None:
    await spring(store, 2)
    await store.shift_campaign(HOUR)
    with pytest.raises(Conflict):
        await store.shift_campaign(HOUR)
    await advance_to_the_end(store)
    await store.shift_campaign(HOUR)
    await advance_to_the_end(store)
    summary = await store.campaign()
    assert (summary.first_due_at, summary.last_due_at) == (later(7200), later(7200))


async def test_a_cancel_during_a_shift_ends_everything(store: Store) -> None:
    await spring(store, 3, due_at=later(60))
    await store.shift_campaign(HOUR)
    await store.cancel_campaign()
    assert await counts(store) == (0, 0, 0, 0, 3)
    await advance_to_the_end(store)
    assert await counts(store) == (0, 0, 0, 0, 3)
    assert await store.claim(later(7200)) == []


async def test_a_pause_and_a_resume_during_a_shift_are_kept(store: Store) -> None:
    await spring(store, 3, due_at=later(60))
    await store.shift_campaign(HOUR)
    await store.pause_campaign()
    await advance_to_the_end(store)
    assert (await store.campaign()).state == "paused"
    await store.shift_campaign(HOUR)
    await store.resume_campaign()
    await advance_to_the_end(store)
    assert (await store.campaign()).state == "active"
    assert len(await store.claim(later(60 + 7200))) == 3


async def test_several_campaigns_advance_in_turn(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "BITE", 2)
    for name in ("spring", "summer"):
        await store.insert(*(message(campaign=name, due_at=later(60)) for _ in range(5)))
        await store.cancel_campaign(name)
    assert await store.advance() == 4
    await advance_to_the_end(store)
    [[rows]] = await store.select("select count(*) from result where status = 'cancelled'")
    assert rows == 10


async def epoch(store: Store) -> int:
    [[found]] = await store.select("select epoch from campaign")
    return int(found)


async def test_actions_on_a_campaign_without_messages_to_act_on_leave_no_epoch(
    store: Store,
) -> None:
    await spring(store, 1)
    assert (await store.cancel_campaign(), await epoch(store)) == (1, 1)
    await advance_to_the_end(store)
    for _ in range(3):
        assert await store.cancel_campaign() == 0
        assert await store.shift_campaign(HOUR) == 0
    assert await epoch(store) == 1
    assert (await store.campaign()).state == "cancelled"


async def test_what_is_in_flight_has_a_cancel_act_on_it(store: Store) -> None:
    await spring(store, 1)
    [claimed] = await store.claim()
    assert (await store.cancel_campaign(), await epoch(store)) == (0, 1)
    await store.settle_as(Kind.FAILED, claimed)
    await advance_to_the_end(store, later(3600))
    assert await counts(store) == (0, 0, 0, 0, 1)


async def test_reading_a_campaign_costs_the_same_however_many_epochs_it_has_had(
    store: Store,
) -> None:
    await spring(store, 1)
    await store.change("update campaign set epoch = 2000000000")
    await spring(store, 1, due_at=later(600))
    summary = await store.campaign()
    assert (summary.first_due_at, summary.last_due_at) == (NOW, later(600))
