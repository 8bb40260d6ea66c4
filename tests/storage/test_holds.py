"""Holds: how answers stop a lane, and nothing but that lane, and how it flows again."""

from __future__ import annotations

import pytest

from queue_services.domain.holds import REFUSALS_IN_A_ROW, REFUSED_STEP
from queue_services.domain.message import SECOND, Channel, Instant, Priority, Status
from queue_services.domain.outcome import Kind
from tests.storage.store import Store, later
from tests.support.builders import NOW, message, settlement


async def hold(
    store: Store, kind: Kind, backlog: int = 5, workspace: str = "held", wait_until: Instant = NOW
) -> None:
    """Let the first message of a lane with a backlog come back as `kind` (REFUSED as often
    as holds a lane).
    """
    times = REFUSALS_IN_A_ROW if kind is Kind.REFUSED else 1
    await store.insert(*(message(workspace) for _ in range(times + backlog)))
    claimed = await store.claim(most=times)
    await store.settle_as(kind, *claimed, wait_until=wait_until)


async def test_a_throttled_lane_waits_as_long_as_it_was_told_and_then_flows(store: Store) -> None:
    await hold(store, Kind.THROTTLED, wait_until=later(7))
    assert await store.claim(later(7) - 1) == []
    assert len(await store.claim(later(7))) == 6


async def test_an_unreachable_lane_is_probed_with_one_message_after_a_second(store: Store) -> None:
    await hold(store, Kind.UNREACHABLE)
    assert await store.claim(later(1) - 1) == []
    assert len(await store.claim(later(1))) == 1
    assert await store.claim(later(1)) == []


async def test_while_a_probe_is_out_the_next_one_goes_a_step_later(store: Store) -> None:
    await hold(store, Kind.UNREACHABLE)
    await store.claim(later(1))
    assert await store.claim(later(2) - 1) == []
    assert len(await store.claim(later(2))) == 1


async def test_failed_probes_double_the_wait_up_to_a_minute(store: Store) -> None:
    await hold(store, Kind.UNREACHABLE)
    now, waits = later(1), []
    for _ in range(8):
        [probe] = await store.claim(now)
        await store.settle(settlement(probe, Kind.UNREACHABLE, started_at=now), now=now)
        [[until]] = await store.select("select held_until from lane where workspace = 'held'")
        waits.append((until - now) // SECOND)
        now = until
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


async def test_failures_of_what_was_in_flight_before_the_hold_do_not_lengthen_it(
    store: Store,
) -> None:
    await store.insert(*(message("held") for _ in range(50)))
    await store.settle_as(Kind.UNREACHABLE, *await store.claim(), now=later(0.1))
    [[until]] = await store.select("select held_until from lane where workspace = 'held'")
    assert until == later(1.1)


async def test_a_probe_that_is_answered_lets_the_lane_flow(store: Store) -> None:
    await hold(store, Kind.UNREACHABLE)
    [probe] = await store.claim(later(1))
    await store.settle_as(Kind.DELIVERED, probe, now=later(1))
    assert len(await store.claim(later(1))) == 5


async def test_twenty_refusals_in_a_row_hold_the_lane_and_end_nothing_more(store: Store) -> None:
    await hold(store, Kind.REFUSED)
    [[dead]] = await store.select("select count(*) from result where status = 'dead'")
    assert dead == REFUSALS_IN_A_ROW
    now = NOW + REFUSED_STEP
    assert await store.claim(now - 1) == []
    [probe] = await store.claim(now)
    assert (await store.settle_as(Kind.REFUSED, probe, now=now)).again == 1
    [job] = await store.search(now, contact=probe.contact, status=Status.SCHEDULED, limit=1)
    assert job.tries == 0
    assert await store.claim(now + REFUSED_STEP - 1) == []


async def test_nineteen_refusals_and_a_delivery_hold_nothing(store: Store) -> None:
    await store.insert(*(message("held") for _ in range(40)))
    claimed = await store.claim()
    await store.settle_as(Kind.REFUSED, *claimed[:19])
    await store.settle_as(Kind.DELIVERED, claimed[19])
    await store.settle_as(Kind.REFUSED, *claimed[20:39])
    [[until, reason]] = await store.select(
        "select held_until, hold_reason from lane where workspace = 'held'"
    )
    assert (until, reason) == (0, None)


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.UNREACHABLE, Kind.REFUSED])
async def test_a_hold_stops_its_lane_and_nothing_else(store: Store, kind: Kind) -> None:
    await hold(store, kind, wait_until=later(60))
    others = [message("held", channel=Channel.EMAIL), message("neighbour")]
    await store.insert(*others)
    taken = await store.claim(later(0.5)) + await store.claim(later(0.5), channel=Channel.EMAIL)
    assert {claimed.id for claimed in taken} == {other.id for other in others}


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.UNREACHABLE, Kind.REFUSED])
async def test_a_new_message_does_not_end_a_hold(store: Store, kind: Kind) -> None:
    await hold(store, kind, wait_until=later(60))
    for new in (message("held"), message("held", priority=Priority.HIGH)):
        await store.insert(new, now=later(0.5))
        assert await store.claim(later(0.9)) == []
        assert (await store.job(new, later(0.5))).waiting_for == "hold"


async def test_a_claim_wakes_the_next_at_the_end_of_the_hold(store: Store) -> None:
    await hold(store, Kind.UNREACHABLE)
    assert (await store.pass_(later(0.2))).wake_at == later(1)


async def test_a_delivery_while_the_lane_is_told_to_wait_does_not_shorten_the_wait(
    store: Store,
) -> None:
    await store.insert(*(message("held") for _ in range(4)))
    throttled, delivered, *_ = await store.claim(most=3)
    await store.settle_as(Kind.THROTTLED, throttled, wait_until=later(30))
    await store.settle_as(Kind.DELIVERED, delivered, now=later(1))
    assert await store.claim(later(29)) == []
    assert len(await store.claim(later(31))) >= 2
