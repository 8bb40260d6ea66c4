"""Events in the store: told with what they tell, kept only where they have somewhere to go,
claimed once, in order for each message.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec

from queue_services.domain.message import SECOND, Channel, Instant, new_id
from queue_services.domain.outcome import Answer, Kind
from queue_services.domain.workspace import Change
from queue_services.queue import event_queue, event_routes, events, retention, workspaces
from queue_services.queue.event_queue import ClaimedEvent, EventRequest, EventSettlement
from queue_services.queue.events import Event, EventType
from tests.storage.store import Store, later
from tests.support.builders import DISPATCHER, LEASE, NOW, WRITER, message

URL = "https://app.example/events"


async def listen(store: Store, workspace: str = "acme", url: str | None = URL) -> None:
    await store.database.write(workspaces.change, workspace, Change(events_url=url), NOW)


async def tell(
    store: Store,
    job: str | None = None,
    workspace: str = "acme",
    kind: EventType = EventType.FAILED,
    now: Instant = NOW,
) -> None:
    await store.database.write(
        events.emit, [Event(kind, workspace, Channel.SMS, {"error": "no"}, job)], now
    )


async def claim(
    store: Store,
    now: Instant = NOW,
    *,
    dispatcher: int = DISPATCHER,
    free: int = 32,
    **members: Any,
) -> list[ClaimedEvent]:
    return await store.database.write(
        event_queue.claim,
        EventRequest(dispatcher, now + LEASE, free, members.pop("held", {}), **members),
        now,
    )


async def settle(
    store: Store,
    *claimed: ClaimedEvent,
    answer: Answer | None = None,
    now: Instant = NOW,
    again_at: Instant | None = None,
    dispatcher: int = DISPATCHER,
) -> None:
    settlements = [
        EventSettlement(event, answer or Answer(Kind.DELIVERED, 200), now, again_at)
        for event in claimed
    ]
    await store.database.write(event_queue.settle, settlements, dispatcher, now)


async def told(store: Store) -> list[tuple[Any, ...]]:
    """Every event that is kept, oldest first: type, workspace, job, error."""
    rows = await store.select("select type, workspace, job, payload from event order by seq")
    return [
        (kind, workspace, job, msgspec.json.decode(facts).get("error"))
        for kind, workspace, job, facts in rows
    ]


async def test_nothing_is_kept_where_nobody_listens(store: Store) -> None:
    await listen(store, "other")
    waiting = message()
    await store.insert(message(), waiting)
    await store.cancel(waiting)
    await store.settle_as(Kind.REJECTED, *await store.claim())
    await tell(store)
    assert await told(store) == []


async def test_the_end_of_a_message_is_told_with_its_contact_campaign_and_error(
    store: Store,
) -> None:
    await listen(store)
    sent, refused, cancelled, expired = (
        message(campaign="spring"),
        message(),
        message(due_at=later(60)),
        message(due_at=later(60), expires_at=later(30)),
    )
    await store.insert(sent, refused, cancelled, expired)
    for claimed in await store.claim():
        await store.settle_as(Kind.DELIVERED if claimed.id == sent.id else Kind.REJECTED, claimed)
    await store.cancel(cancelled)
    await store.database.write(retention.expire, later(31), WRITER)
    assert sorted(await told(store)) == sorted(
        [
            ("message.completed", "acme", sent.id, None),
            ("message.failed", "acme", refused.id, "it was rejected"),
            ("message.cancelled", "acme", cancelled.id, None),
            ("message.cancelled", "acme", expired.id, None),
        ]
    )
    [facts] = await store.select(f"select payload from event where job = '{sent.id}'")
    assert msgspec.json.decode(facts[0]) == {
        "error": None,
        "contact": "contact-1",
        "campaign": "spring",
    }


async def test_a_try_that_is_not_the_last_and_an_outcome_that_came_too_late_tell_nothing(
    store: Store,
) -> None:
    await listen(store)
    await store.insert(message())
    [first] = await store.claim()
    await store.settle_as(Kind.FAILED, first)
    assert await told(store) == []
    [second] = await store.claim(later(1))
    await store.settle_as(Kind.DELIVERED, first, now=later(1))
    assert await told(store) == []
    await store.settle_as(Kind.DELIVERED, second, now=later(1))
    assert len(await told(store)) == 1


async def test_the_jobs_of_a_cancelled_campaign_are_told_of(store: Store) -> None:
    await listen(store)
    await store.insert(*(message(campaign="spring", due_at=later(60)) for _ in range(3)))
    await store.cancel_campaign()
    await store.advance()
    assert [row[0] for row in await told(store)] == ["message.cancelled"] * 3


async def test_a_limit_that_is_exceeded_is_told_once_a_minute_at_most(store: Store) -> None:
    await listen(store)
    await store.insert(*(message() for _ in range(300)))
    for second in (0, 1, 2, 30, 59, 60, 61):
        await store.settle_as(
            Kind.DELIVERED, *await store.claim(later(second), rate=1.0), now=later(second)
        )
    exceeded = [row for row in await told(store) if row[0] == "ratelimit.exceeded"]
    assert (
        exceeded == [("ratelimit.exceeded", "acme", None, "Rate limit exceeded: 1 per second")] * 2
    )


async def test_an_endpoint_that_says_429_exceeds_and_holds_and_both_are_told_once(
    store: Store,
) -> None:
    await listen(store)
    await store.insert(*(message() for _ in range(3)))
    for second in range(3):
        [claimed] = await store.claim(later(second * 2), most=1)
        await store.settle_as(
            Kind.THROTTLED, claimed, now=later(second * 2), wait_until=later(second * 2 + 1)
        )
    assert sorted(await told(store)) == [
        ("endpoint.held", "acme", None, "it was throttled"),
        ("ratelimit.exceeded", "acme", None, "Rate limit exceeded: 50 per second"),
    ]


async def test_an_endpoint_that_cannot_be_reached_is_told_of_when_it_is_held_not_at_each_probe(
    store: Store,
) -> None:
    await listen(store)
    await store.insert(message())
    now = NOW
    for _ in range(4):
        claimed = await store.claim(now)
        await store.settle_as(Kind.UNREACHABLE, *claimed, now=now)
        now += 120 * SECOND
    assert await told(store) == [("endpoint.held", "acme", None, "it was unreachable")]


async def test_the_service_s_route_takes_what_has_none_of_its_own(store: Store) -> None:
    await store.database.write(event_routes.set_service, enabled=True)
    await listen(store)
    await tell(store, workspace="acme")
    await tell(store, workspace="other")
    assert [(event.route, event.url) for event in await claim(store)] == [("acme", URL), ("", None)]
    await store.database.write(event_routes.set_service, enabled=False)
    await tell(store, workspace="other")
    assert [workspace for _, workspace, *_ in await told(store)] == ["acme", "other"]
    assert [event.route for event in await claim(store, NOW + LEASE)] == ["acme"]
    await store.database.write(event_routes.set_service, enabled=True)
    assert [event.route for event in await claim(store, NOW + LEASE)] == [""]


async def test_what_waits_for_an_url_that_is_gone_goes_the_service_s_way_and_for_one_that_is_off_nowhere(
    store: Store,
) -> None:
    await listen(store)
    await tell(store)
    await store.database.write(event_routes.set_service, enabled=True)
    await listen(store, url=None)
    assert [event.route for event in await claim(store)] == [""]
    await listen(store)
    await tell(store, workspace="acme")
    assert (
        await store.database.write(
            workspaces.turn_events_off, "acme", "https://another.example", NOW
        )
        is False
    )
    assert await store.database.write(workspaces.turn_events_off, "acme", URL, NOW) is True
    assert await store.database.write(workspaces.turn_events_off, "acme", URL, NOW) is False
    await tell(store, workspace="acme")
    assert await store.select("select count(*) from event where route = 'acme'") == [(0,)]
    assert (await store.database.read(workspaces.find, "acme")).events_off
    await listen(store)
    await tell(store, workspace="acme")
    assert [event.route for event in await claim(store)] == ["acme"]


async def test_an_event_is_claimed_by_one_dispatcher_until_its_lease_ends_and_then_by_another(
    store: Store,
) -> None:
    await listen(store)
    await tell(store)
    [first] = await claim(store)
    assert await claim(store, dispatcher=2) == []
    [second] = await claim(store, NOW + LEASE, dispatcher=2)
    assert (first.id, first.claim, second.claim) == (second.id, 1, 2)
    await settle(store, first, now=NOW + LEASE)
    assert len(await told(store)) == 1
    await settle(store, second, now=NOW + LEASE, dispatcher=2)
    assert await told(store) == []


async def test_events_about_one_message_go_out_in_the_order_in_which_they_became_true(
    store: Store,
) -> None:
    await listen(store)
    job = new_id(NOW)
    await tell(store, job, kind=EventType.FAILED)
    await tell(store, job, kind=EventType.COMPLETED)
    await tell(store, new_id(NOW))
    [first, other] = await claim(store)
    assert (first.job, first.type, other.type) == (job, "message.failed", "message.failed")
    assert await claim(store) == []
    await settle(store, first, answer=Answer(Kind.FAILED, 500), again_at=later(5))
    assert await claim(store, later(4)) == []
    [again] = await claim(store, later(5))
    assert (again.id, again.tries) == (first.id, 1)
    await settle(store, again, now=later(5))
    assert [event.type for event in await claim(store, later(5))] == ["message.completed"]


async def test_a_route_that_does_not_answer_is_probed_with_one_event_and_holds_no_other(
    store: Store,
) -> None:
    await listen(store)
    await listen(store, "other")
    for _ in range(5):
        await tell(store, workspace="acme")
    claimed = await claim(store)
    assert len(claimed) == 5
    await settle(store, *claimed, answer=Answer(Kind.UNREACHABLE), again_at=NOW)
    await tell(store, workspace="other")
    assert [event.route for event in await claim(store)] == ["other"]
    assert [event.route for event in await claim(store, later(1))] == ["acme"]
    assert await claim(store, later(1.5)) == []


async def test_a_route_gets_no_more_connections_than_are_free(store: Store) -> None:
    await listen(store)
    await listen(store, "other")
    for workspace in ("acme", "other"):
        for _ in range(10):
            await tell(store, workspace=workspace)
    assert [event.route for event in await claim(store, free=6)] == ["acme"] * 3 + ["other"] * 2
    assert await claim(store, free=3, held={"acme": 3, "other": 3}) == []
    assert {event.route for event in await claim(store, free=8, left_out=["acme"])} == {"other"}


async def test_what_could_not_be_told_for_too_long_is_dropped(store: Store) -> None:
    await listen(store)
    await tell(store)
    await tell(store, now=later(60))
    assert await store.database.write(event_queue.prune, later(30)) == 1
    assert len(await told(store)) == 1


async def test_when_something_was_told_last_is_forgotten_a_bite_at_a_time(store: Store) -> None:
    for number, name in enumerate(("a", "b", "c", "d")):
        await store.change(
            f"insert into event_told (workspace, subject, at) values ('{name}', 'exceeded',"
            f" {later(number)})"
        )
    assert [await store.database.write(event_queue.prune_told, later(3), 2) for _ in range(3)] == [
        2,
        1,
        0,
    ]
    assert await store.select("select workspace from event_told") == [("d",)]


async def test_a_claim_steps_over_routes_without_events_and_takes_of_many_at_once(
    store: Store,
) -> None:
    names = [f"w{number:03}" for number in range(70)]
    rows = ", ".join(f"('{name}', 1), ('{name} without', 1)" for name in names)
    await store.change(f"insert into event_route (workspace, enabled) values {rows}")
    await store.database.write(
        events.emit, [Event(EventType.HELD, name, Channel.SMS, {}) for name in names], NOW
    )
    claimed = [await claim(store, free=1_000) for _ in range(2)]
    assert [len(events) for events in claimed] == [
        event_queue.ROUTES_A_CLAIM,
        70 - event_queue.ROUTES_A_CLAIM,
    ]


async def test_dispatchers_at_once_tell_every_event_once_and_those_of_a_job_in_order(
    store: Store,
) -> None:
    await listen(store)
    await listen(store, "other")
    jobs = [new_id(NOW) for _ in range(30)]
    for _ in range(4):
        for number, job in enumerate(jobs):
            await tell(store, job, workspace="acme" if number % 2 else "other")
    taken: list[ClaimedEvent] = []
    open_jobs: Counter[str] = Counter()

    async def work(beside: Store, dispatcher: int) -> None:
        while await store.select("select 1 from event limit 1"):
            claimed = await claim(beside, dispatcher=dispatcher, free=9)
            open_jobs.update(event.job or "" for event in claimed)
            assert max(open_jobs.values(), default=0) <= 1
            taken.extend(claimed)
            await asyncio.sleep(0)
            open_jobs.subtract(event.job or "" for event in claimed)
            await settle(beside, *claimed, dispatcher=dispatcher)

    await asyncio.gather(*(work(store.beside(), dispatcher) for dispatcher in (1, 2, 3)))
    assert len(taken) == len({event.id for event in taken}) == 120
    for job in jobs:
        of_job = [event.seq for event in taken if event.job == job]
        assert of_job == sorted(of_job)
