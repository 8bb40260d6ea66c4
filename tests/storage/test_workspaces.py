"""What is set for workspaces and tiers, and what claims make of it, on both backends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest

from queue_services.domain.calendar import DAY, Window
from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import SECOND, Channel, Instant, Message, Priority
from queue_services.domain.outcome import Kind
from queue_services.domain.scaling import AdjustmentReason
from queue_services.domain.tiers import SHIPPED, Scale, Source, Tier, TierChange
from queue_services.domain.workspace import Change, Workspace
from queue_services.errors import InvalidRequest, NotFound
from queue_services.queue import autoscaling, retention, service_limits, tiers, workspaces
from queue_services.queue.service_limits import ChannelChange
from queue_services.queue.workspaces import LaneHold, Sort
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

SMS, EMAIL = Channel.SMS, Channel.EMAIL
LIMITS = {SMS: 50.0, EMAIL: 100.0}
SECRETS = [f"whsec_{letter * 32}" for letter in "abc"]
# NOW is Friday 2027-01-15, 08:00 in UTC.


async def change(
    store: Store, workspace: str = "acme", now: Instant = NOW, **members: object
) -> Workspace:
    return await store.database.write(workspaces.change, workspace, Change(**members), now)  # type: ignore[arg-type]


async def change_tier(store: Store, name: str, **members: object) -> Tier:
    tier = await store.database.write(tiers.change, name, TierChange(**members))  # type: ignore[arg-type]
    while await store.database.write(tiers.advance, NOW):
        pass
    return tier


async def rates(store: Store) -> Mapping[tuple[str, str], float | None]:
    return {
        (workspace, channel): rate
        for workspace, channel, rate in await store.select(
            "select workspace, channel, rate from lane"
        )
    }


async def insert(
    store: Store, count: int, workspace: str = "acme", **members: object
) -> list[Message]:
    messages = [message(workspace, **members) for _ in range(count)]  # type: ignore[arg-type]
    await store.insert(*messages)
    return messages


def ids(messages: list[Message] | list[ClaimedMessage]) -> set[str]:
    return {one.id for one in messages}


async def test_a_new_store_has_the_shipped_tiers(store: Store) -> None:
    assert await store.database.read(tiers.every) == sorted(SHIPPED, key=lambda tier: tier.name)


async def test_a_workspace_that_nobody_has_set_is_the_default_one(store: Store) -> None:
    assert await store.database.read(workspaces.find, "acme") == Workspace("acme")
    found = await store.database.read(workspaces.limits, "acme", LIMITS)
    assert {channel: (limit.rate, limit.source) for channel, limit in found.items()} == {
        SMS: (50, Source.SERVICE),
        EMAIL: (100, Source.SERVICE),
    }


async def test_what_is_set_is_kept_and_what_is_not_given_stays(store: Store) -> None:
    window = Window("08:00", "21:00", (1, 2, 3))
    await change(
        store,
        tier="free",
        limits={SMS: 7},
        window=window,
        timezone="Asia/Tokyo",
        events_url="https://acme.example",
    )
    await change(store, base_urls={EMAIL: "https://acme.example"}, paused={SMS: True})
    expected = Workspace(
        "acme",
        "free",
        "Asia/Tokyo",
        {SMS: 7},
        {EMAIL: "https://acme.example"},
        {SMS: True},
        events_url="https://acme.example",
        window=window,
    )
    assert await store.database.read(workspaces.find, "acme") == expected
    assert await rates(store) == {("acme", "sms"): 7, ("acme", "email"): 10}


async def test_an_unknown_tier_changes_nothing(store: Store) -> None:
    with pytest.raises(InvalidRequest, match="tier"):
        await change(store, tier="gold", limits={SMS: 7})
    assert await store.database.read(workspaces.find, "acme") == Workspace("acme")
    assert await rates(store) == {}
    with pytest.raises(NotFound):
        await store.database.read(tiers.find, "gold")


async def test_a_rotated_secret_is_signed_with_for_a_day(store: Store) -> None:
    for secret in SECRETS[:2]:
        await change(store, secret=secret)
    await insert(store, 1)
    [claimed] = await store.claim()
    assert claimed.secrets == (SECRETS[1], SECRETS[0])
    await store.settle_as(Kind.DELIVERED, claimed)
    await store.insert(message(due_at=NOW + DAY))
    [claimed] = await store.claim(NOW + DAY)
    assert claimed.secrets == (SECRETS[1],)
    await change(store, secret=SECRETS[2], now=NOW + 2 * DAY)
    assert [
        secret.value for secret in (await store.database.read(workspaces.find, "acme")).secrets
    ] == [SECRETS[2], SECRETS[1]]
    await change(store, secret=None, now=NOW + 2 * DAY)
    assert (await store.database.read(workspaces.find, "acme")).secrets == ()


async def test_a_claim_brings_the_workspaces_own_address_for_its_channel_alone(
    store: Store,
) -> None:
    await change(store, base_urls={SMS: "https://acme.example"})
    await store.insert(message(), message(channel=EMAIL), message("other"))
    found = [*await store.claim(), *await store.claim(channel=EMAIL)]
    assert {(one.workspace, one.channel): one.base_url for one in found} == {
        ("acme", SMS): "https://acme.example",
        ("acme", EMAIL): None,
        ("other", SMS): None,
    }


async def test_a_claim_takes_no_more_than_the_workspaces_limit(store: Store) -> None:
    await change(store, limits={SMS: 5})
    await insert(store, 30)
    await insert(store, 5, "other")
    claimed = await store.claim(rate=50)
    taken = [one.slot for one in claimed if one.workspace == "acme"]
    for tenth in range(1, 31):
        taken += [
            one.slot
            for one in await store.claim(later(tenth / 10), rate=50)
            if one.workspace == "acme"
        ]
    assert max(sum(start <= slot < start + SECOND for slot in taken) for start in taken) == 5
    assert len(taken) >= 14


async def test_a_limit_at_the_services_or_above_it_is_the_services(store: Store) -> None:
    await change(store, limits={SMS: 80})
    await insert(store, 60)
    assert len(await store.claim(rate=40)) > 5
    assert await store.select("select slot_at from lane where channel = 'sms'") == [(0,)]
    found = await store.database.read(workspaces.limits, "acme", {SMS: 40.0})
    assert (found[SMS].rate, found[SMS].source) == (40, Source.SERVICE)


async def test_a_first_limit_counts_what_went_out_in_the_last_second(store: Store) -> None:
    """Those sends are in the channel's log alone, so the limit begins with a silent window."""
    await insert(store, 60)
    sent = [claimed.slot for claimed in await store.claim(NOW, rate=50.0)]
    assert len(sent) > 5
    await change(store, limits={SMS: 5.0})
    later_on = [
        claimed.slot
        for step in range(60)
        for claimed in await store.claim(NOW + step * 50_000, rate=50.0)
    ]
    assert later_on
    assert later_on[0] - sent[-1] >= SECOND


async def test_a_first_limit_of_a_workspace_that_sent_nothing_begins_at_once(store: Store) -> None:
    await insert(store, 1)
    await change(store, limits={SMS: 5.0})
    assert len(await store.claim(NOW, rate=50.0)) == 1


async def test_a_raised_limit_does_not_wait_for_the_slot_of_the_old_one(store: Store) -> None:
    await change(store, limits={SMS: 0.001})
    await insert(store, 3)
    assert len(await store.claim(rate=50)) == 1
    assert await store.claim(later(2), rate=50) == []
    await change(store, limits={SMS: 10}, now=later(2))
    assert await store.claim(later(2.1), rate=50)


async def test_a_tier_is_applied_to_all_its_lanes_and_to_no_other_in_bites(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "BITE", 3)
    await store.insert(*(message(f"plain-{index}") for index in range(4)))
    for index in range(4):
        await change(store, f"free-{index}", tier="free")
    await change_tier(store, "free", limits={SMS: 2})
    found = await rates(store)
    assert {found[f"free-{index}", "sms"] for index in range(4)} == {2}
    assert {found[f"plain-{index}", "sms"] for index in range(4)} == {None}
    await change_tier(store, "standard", limits={SMS: 20}, weight=3)
    await store.insert(message("new"))
    found = await rates(store)
    assert {found[workspace, "sms"] for workspace in ("plain-0", "plain-3", "new")} == {20}
    assert await store.select(
        "select distinct weight from lane where workspace = 'new' or workspace = 'plain-1'"
    ) == [(3.0,)]


async def test_changes_at_once_leave_every_lane_with_what_is_set_last(store: Store) -> None:
    one, other = store.beside(), store.beside()

    async def tier_changes() -> None:
        for limit in range(1, 16):
            await change_tier(one, "standard", limits={SMS: limit})

    async def workspace_changes() -> None:
        for index in range(30):
            await change(
                other, f"acme-{index % 5}", limits={SMS: 20 + index} if index % 2 else {SMS: None}
            )

    await asyncio.gather(
        tier_changes(),
        workspace_changes(),
        *(store.insert(message(f"acme-{index}")) for index in range(40)),
    )
    found = await rates(store)
    for index in range(40):
        settings = await store.database.read(workspaces.find, f"acme-{index}")
        assert found[f"acme-{index}", "sms"] == settings.limits.get(SMS, 15)


async def test_a_closed_window_lets_high_alone_pass_and_the_rest_at_the_opening(
    store: Store,
) -> None:
    await change(store, window=Window("09:00", "17:00"))
    high, normal, low = [await insert(store, 1, priority=priority) for priority in Priority]
    claimed = await store.claim()
    assert ids(claimed) == ids(high)
    await store.settle_as(Kind.DELIVERED, *claimed)
    assert (await store.pass_(later(30))).wake_at == later(3600)  # a lease may have ended meanwhile
    assert await store.claim(later(3599.5)) == []
    assert ids(await store.claim(later(3600))) == ids(normal + low)


async def test_a_message_waits_for_the_next_opening_when_the_window_closes(store: Store) -> None:
    await change(store, window=Window("07:00", "08:00", (5, 1)))
    await store.insert(message(due_at=NOW - SECOND), message(due_at=NOW - SECOND))
    assert len(await store.claim(NOW - SECOND, most=1)) == 1
    claim = await store.pass_(NOW - 50_000)
    assert (claim.messages, claim.wake_at) == ([], NOW - 3600 * SECOND + 3 * DAY)  # Monday


async def test_a_changed_window_or_zone_moves_what_waits(store: Store) -> None:
    await change(store, window=Window("09:00", "17:00"))
    waiting = await insert(store, 2)
    assert await store.claim() == []
    await change(store, timezone="Europe/Berlin", now=later(1))
    assert ids(await store.claim(later(1))) == ids(waiting)


async def test_what_is_over_the_daily_quota_waits_for_the_workspaces_next_day(store: Store) -> None:
    await change_tier(store, "standard", daily_quota={SMS: 3})
    await change(store, timezone="America/New_York")
    await insert(store, 5)
    await insert(store, 2, "other")
    claimed = await store.claim()
    assert sorted(one.workspace for one in claimed) == ["acme"] * 3 + ["other"] * 2
    await store.settle_as(Kind.DELIVERED, *claimed)
    tomorrow = NOW + 21 * 3600 * SECOND  # 05:00 in UTC
    claim = await store.pass_(later(60))
    assert (claim.messages, claim.wake_at) == ([], tomorrow)
    assert await store.database.read(workspaces.holds, "acme", later(60)) == [
        LaneHold(SMS, "quota", tomorrow)
    ]
    await insert(store, 1)
    assert await store.claim(tomorrow - SECOND) == []
    assert len(await store.claim(tomorrow)) == 3


async def test_a_changed_tier_is_in_force_for_the_next_claim_before_its_lanes_have_been_brought_after_it(
    store: Store,
) -> None:
    await insert(store, 30)
    await insert(store, 30, "other")
    await store.database.write(tiers.change, "standard", TierChange(limits={SMS: 3}))
    claimed = Counter(one.workspace for one in await store.claim(rate=1000))
    assert claimed.keys() == {"acme", "other"}
    assert max(claimed.values()) <= 3
    await store.database.write(tiers.change, "standard", TierChange(limits={SMS: None}))
    assert len(await store.claim(later(2), rate=1000)) == 60 - claimed.total()


async def test_a_lane_that_waits_for_its_own_limit_or_day_is_held_back_and_one_that_waits_for_its_time_is_not(
    store: Store,
) -> None:
    await change(store, "slow", limits={SMS: 0.1})
    await change_tier(store, "free", daily_quota={SMS: 1})
    await change(store, "spent", tier="free")
    for workspace in ("slow", "spent", "idle"):
        await insert(store, 2, workspace)
    await insert(store, 1, "later", due_at=later(3600))
    await store.claim()
    await store.claim(later(1))
    lanes: dict[int, str] = dict(await store.select("select id, workspace from lane"))  # type: ignore[arg-type]  # rows of two
    assert {lanes[lane] for lane in await store.database.read(tiers.held_back, later(1))} == {
        "slow",
        "spent",
    }


async def test_a_retry_goes_on_when_the_day_is_used_up_and_what_is_new_waits_high_or_not(
    store: Store,
) -> None:
    await change_tier(store, "standard", daily_quota={SMS: 2})
    await insert(store, 2)
    failed, delivered = await store.claim()
    await store.settle_as(Kind.FAILED, failed)
    await store.settle_as(Kind.DELIVERED, delivered)
    new = await insert(store, 3, priority=Priority.HIGH)
    assert ids(await store.claim(later(5))) == {failed.id}
    assert await store.claim(later(6)) == []
    tomorrow = NOW + 16 * 3600 * SECOND
    claimed = await store.claim(tomorrow)
    assert len(claimed) == 2
    assert ids(claimed) < ids(new)


async def test_what_a_dead_dispatcher_held_goes_on_when_the_day_is_used_up(store: Store) -> None:
    await change_tier(store, "standard", daily_quota={SMS: 1})
    await insert(store, 3)
    [held] = ids(await store.claim())
    lease_ends = (await store.select(f"select visible_at from pending where id = '{held}'"))[0][0]
    assert await store.claim(lease_ends - SECOND) == []
    assert ids(await store.claim(lease_ends)) == {held}


async def test_a_message_counts_for_the_day_once_and_one_that_never_went_out_not_at_all(
    store: Store,
) -> None:
    await change_tier(store, "standard", daily_quota={SMS: 2})
    await insert(store, 1)
    for second, kind in enumerate((Kind.UNREACHABLE, Kind.FAILED, Kind.DELIVERED)):
        await store.settle_as(kind, *await store.claim(later(2 * second)), now=later(2 * second))
    await insert(store, 2)
    [last] = await store.claim(later(6))
    await store.release(last, now=later(6))
    assert ids(await store.claim(later(7))) == {last.id}
    assert await store.claim(later(8)) == []


async def test_the_holds_of_a_workspace_are_shown_with_their_ends(store: Store) -> None:
    await change_tier(store, "free", daily_quota={EMAIL: 1})
    await change(store, tier="free", window=Window("09:00", "17:00"), paused={SMS: True})
    await store.insert(message(channel=EMAIL, priority=Priority.HIGH))
    [claimed] = await store.claim(channel=EMAIL)
    await store.settle_as(Kind.THROTTLED, claimed, wait_until=later(60))
    await store.claim(later(60), channel=EMAIL)
    opens, midnight = later(3600), NOW + 16 * 3600 * SECOND
    assert await store.database.read(workspaces.holds, "acme", later(1)) == [
        LaneHold(EMAIL, "throttled", later(60)),
        LaneHold(EMAIL, "window", opens),
        LaneHold(EMAIL, "quota", midnight),
        LaneHold(SMS, "pause", None),
        LaneHold(SMS, "window", opens),
    ]
    assert await store.database.read(workspaces.holds, "nobody", NOW) == []


async def test_a_lifted_hold_is_forgotten_with_its_refusals(store: Store) -> None:
    await insert(store, 25)
    claimed = await store.claim()
    await store.settle_as(Kind.REFUSED, *claimed[:20])
    assert [hold.reason for hold in await store.database.read(workspaces.holds, "acme", NOW)] == [
        "refused"
    ]
    await insert(store, 5)
    assert await store.claim(later(1)) == []
    assert await store.database.write(workspaces.lift, "acme", SMS, later(1))
    assert not await store.database.write(workspaces.lift, "acme", SMS, later(1))
    assert len(await store.claim(later(1))) == 5
    await store.settle_as(Kind.REFUSED, *claimed[20:], now=later(1))
    assert await store.database.read(workspaces.holds, "acme", later(1)) == []


async def test_a_paused_channel_gives_nothing_and_resumes(store: Store) -> None:
    await insert(store, 1)
    await service_limits.change.run(store.database, SMS, ChannelChange(paused=True), NOW)
    assert await store.claim() == []
    await service_limits.change.run(store.database, SMS, ChannelChange(paused=False), NOW)
    assert len(await store.claim()) == 1


async def test_a_job_says_what_it_waits_for(store: Store) -> None:
    async def waits(one: Message, now: Instant = NOW) -> str | None:
        return (await store.job(one, now)).waiting_for

    [soon] = await insert(store, 1, "plain", due_at=later(60))
    assert await waits(soon) == "due"
    await change(store, "windowed", window=Window("09:00", "17:00"))
    [windowed] = await insert(store, 1, "windowed")
    [urgent] = await insert(store, 1, "windowed", priority=Priority.HIGH)
    [evening] = await insert(store, 1, "windowed", due_at=later(12 * 3600))
    assert [await waits(one) for one in (windowed, urgent, evening)] == [
        "window",
        "service_limit",
        "window",
    ]
    await change(store, "paused", paused={SMS: True})
    [paused] = await insert(store, 1, "paused")
    assert await waits(paused) == "pause"
    await change(store, "limited", limits={SMS: 1})
    limited = await insert(store, 3, "limited")
    claimed = ids(await store.claim(rate=50))
    [*rest] = [one for one in limited if one.id not in claimed]
    assert {await waits(one, later(0.2)) for one in rest} == {"workspace_limit"}
    await insert(store, 1, "first")
    assert await waits(rest[0], later(20)) in ("turn", "service_limit")
    await change_tier(store, "standard", daily_quota={SMS: 1})
    over = await insert(store, 2, "over")
    taken = ids(await store.claim(later(30)))
    assert {await waits(one, later(30)) for one in over if one.id not in taken} == {
        "workspace_limit"
    }


async def test_workspaces_are_listed_by_what_they_sent_have_waiting_and_exceeded(
    store: Store,
) -> None:
    await insert(store, 3, "a")
    await insert(store, 5, "b")
    await insert(store, 1, "c")
    await store.settle_as(
        Kind.DELIVERED, *(one for one in await store.claim() if one.workspace in ("a", "c"))
    )
    await insert(store, 400, "d")
    await store.claim(later(1), rate=2)
    await store.claim(later(2), rate=2)

    async def listed(
        sort: Sort, most: int = 10, after: tuple[int, str] | None = None
    ) -> list[tuple[str, int]]:
        found = await store.database.read(workspaces.busiest, sort, most, after)
        return [(one.workspace.id, getattr(one, sort.value)) for one in found]

    assert await listed(Sort.SENT) == [("a", 3), ("c", 1), ("b", 0), ("d", 0)]
    assert await listed(Sort.SENT, 2, (3, "a")) == [("c", 1), ("b", 0)]
    assert await listed(Sort.BACKLOG) == [("d", 400), ("b", 5), ("a", 0), ("c", 0)]
    assert (await listed(Sort.EXCEEDED))[0][0] == "d"
    await store.fold(later(600))
    assert await listed(Sort.SENT) == [("a", 3), ("c", 1), ("b", 0), ("d", 0)]


async def test_a_busy_lane_is_watched_scaled_and_told_of_and_the_ledger_kept(store: Store) -> None:
    await change_tier(store, "premium", auto_scale={SMS: Scale(max=40, step=1.5)})
    await change(store, tier="premium", limits={SMS: 4}, events_url="https://app.example/events")
    await insert(store, 200)
    busy: set[int] = set()
    for tenth in range(140):
        now = later(tenth / 10)
        claim = await store.pass_(now, rate=50)
        busy.update(claim.busy)
        await store.settle_as(Kind.DELIVERED, *claim.messages, now=now)
        if tenth % 10 == 9:
            lanes = await store.database.read(autoscaling.find, busy, now)
            await store.database.write(autoscaling.observe, lanes, LIMITS, now)
            assert (
                await store.database.write(autoscaling.observe, lanes, LIMITS, now) == []
            )  # another process looks at the same moment
    [raised] = await store.database.read(autoscaling.adjustments, "acme", SMS, 10)
    assert (raised.from_rate, raised.to_rate, raised.reason) == (4, 6, AdjustmentReason.SATURATED)
    assert (await rates(store))["acme", "sms"] == 6
    assert await store.select(
        "select type from event where type in ('ratelimit.adjusted', 'ratelimit.approaching') order"
        " by type"
    ) == [
        ("ratelimit.adjusted",),
        ("ratelimit.approaching",),
    ]
    await change(store, timezone="Asia/Tokyo")
    assert (await rates(store))["acme", "sms"] == 6
    await change(store, limits={SMS: 5})
    assert (await rates(store))["acme", "sms"] == 5
    await store.database.write(retention.prune_exceedances, NOW + DAY)
    assert await store.database.read(autoscaling.adjustments, "acme", SMS, 10) == []
