"""The figures since the last reset: equal from every process and after a restart, the same
before, while and after a minute is folded.
"""

from __future__ import annotations

import pytest

from queue_services.domain.figures import Figures
from queue_services.domain.message import SECOND, Channel, Instant
from queue_services.domain.outcome import Kind
from queue_services.queue import exceedances, exposition, figures, folding, retention, settling
from queue_services.queue.exceedances import Exceedance
from queue_services.queue.exposition import Exposition, Totals
from queue_services.queue.figures import Exceeded, Ranking, Use
from queue_services.queue.lane_settings import ensure_lanes
from queue_services.queue.settling import FinishedBatch
from queue_services.queue.tallies import ALL, HistogramKind, Tally
from queue_services.storage.port import Tx
from tests.storage.store import Store, later
from tests.support.builders import NOW, message, settlement, terms

SMS, EMAIL = Channel.SMS, Channel.EMAIL
LIMITS = {SMS: 50.0, EMAIL: 100.0}


async def read(store: Store, workspace: str = ALL, channel: Channel = SMS) -> Figures:
    return (await store.database.read(figures.figures, workspace))[channel]


async def ranked(store: Store, most: int = 10, details: int = 5) -> Ranking:
    return await store.database.read(figures.ranking, most, details)


async def use(
    store: Store, workspace: str = "acme", channel: Channel = SMS, now: Instant = NOW
) -> Use:
    return (await store.database.read(figures.uses, workspace, LIMITS, 50, now))[channel]


async def told(store: Store, now: Instant = NOW) -> Exposition:
    return await store.database.read(exposition.read, 50, now)


async def reset(store: Store, workspace: str = ALL, *channels: Channel, now: Instant = NOW) -> None:
    await store.database.write(figures.reset, workspace, channels or list(Channel), now)


async def deliver(
    store: Store,
    *kinds: Kind,
    workspace: str = "acme",
    now: Instant = NOW,
    channel: Channel = SMS,
    batch: int | None = None,
) -> None:
    """Send as many messages as there are kinds of outcome, as one batch that took so many
    microseconds.
    """
    await store.insert(*(message(workspace, channel=channel, due_at=now) for _ in kinds), now=now)
    claimed = await store.claim(now, channel)
    outcomes = [settlement(one, kind) for one, kind in zip(claimed, kinds, strict=True)]
    batches = [] if batch is None else [FinishedBatch(workspace, channel, batch)]
    await store.database.write(settling.settle, outcomes, batches, terms(), now + SECOND)


async def exceed(
    store: Store, workspace: str, times: int, now: Instant = NOW, channel: Channel = SMS
) -> None:
    """Note that a workspace was over its limit of one a second so often, a second apart."""
    await store.database.write(ensure_lanes, [(workspace, channel.value)])

    async def flow(tx: Tx) -> None:
        for second in range(times):
            tally, at = Tally(), now + second * SECOND
            await exceedances.add(
                tx, [Exceedance(workspace, channel, at, 9, 1.0, "service", None)], tally
            )
            await tally.add(tx, "claims", at)

    await store.database.write(flow)
    await store.change(
        f"update lane set exceeded_at = {now + (times - 1) * SECOND} where workspace ="
        f" '{workspace}' and channel = '{channel}'"
    )


async def fold_all(store: Store, now: Instant) -> None:
    while await store.fold(now):
        pass


async def test_a_channel_that_did_nothing_has_figures_of_zero(store: Store) -> None:
    nothing = await read(store)
    assert (
        nothing.processed,
        nothing.batches,
        nothing.success_rate,
        nothing.processing_time,
        nothing.throughput,
        nothing.last_at,
    ) == (0, 0, 0, 0, 0, None)


async def test_figures_are_what_happened_before_while_and_after_folding(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "BITE", 1)
    await deliver(store, *[Kind.DELIVERED] * 3, Kind.REJECTED, workspace="acme", batch=2 * SECOND)
    await deliver(
        store,
        Kind.DELIVERED,
        Kind.DELIVERED,
        Kind.FAILED,
        workspace="globex",
        now=later(70),
        batch=4 * SECOND,
    )
    await deliver(store, Kind.DELIVERED, channel=EMAIL)
    seen = [await read(store)]
    while await store.fold(later(400)):
        seen.append(await read(store))
    assert len(seen) > 3
    assert all(one == seen[0] for one in seen)
    found = seen[0]
    assert (found.delivered, found.dead, found.batches, found.processing_time, found.last_at) == (
        5,
        1,
        2,
        3_000,
        later(71),
    )
    assert found.success_rate == pytest.approx(100 * 5 / 6)
    assert (found.ended, found.throughput) == (2, 2)
    assert (await read(store, "globex")).processed == 2
    assert (await read(store, channel=EMAIL)).processed == 1


async def test_throughput_is_of_the_newest_minute_in_which_messages_ended(store: Store) -> None:
    await deliver(store, *[Kind.DELIVERED] * 8)
    assert (await read(store)).throughput == 8
    await deliver(store, *[Kind.DELIVERED] * 4, now=later(3))
    assert (await read(store)).throughput == 12 / 4
    await fold_all(store, later(500))
    assert (await read(store)).throughput == 3
    await deliver(store, Kind.DELIVERED, now=later(600))
    assert (await read(store)).throughput == 1


async def test_two_processes_and_a_reopened_store_tell_the_same(store: Store) -> None:
    await deliver(store, Kind.DELIVERED, Kind.REJECTED)
    await exceed(store, "acme", 2, later(5))
    other = store.beside()
    assert await read(other) == await read(store)
    assert await ranked(other) == await ranked(store)
    assert await told(other) == await told(store)
    await fold_all(other, later(300))
    again = store.beside()
    assert await read(again) == await read(store)
    assert (await use(again)).exceeded == (await use(store)).exceeded


async def test_a_reset_of_the_service_resets_every_workspace_and_writes_one_row_a_channel(
    store: Store,
) -> None:
    for number in range(5):
        await deliver(store, Kind.DELIVERED, workspace=f"w{number}")
    await exceed(store, "acme", 1, later(5))
    await fold_all(store, later(400))
    await exceed(store, "acme", 1, later(500))
    await deliver(store, Kind.DELIVERED, workspace="w0", channel=EMAIL, now=later(500))
    await reset(store, ALL, SMS, now=later(600))
    assert await store.select("select workspace, channel from baseline") == [("", "sms")]
    assert await read(store) == Figures()
    assert await read(store, "w3") == Figures()
    assert await ranked(store) == Ranking({SMS: [], EMAIL: []}, {})
    shown = await use(store, now=later(600))
    assert (shown.exceeded, shown.sent) == (Exceeded("acme", SMS), 0)
    assert (await read(store, channel=EMAIL)).processed == 1
    await deliver(store, Kind.DELIVERED, Kind.DELIVERED, workspace="w3", now=later(601))
    await exceed(store, "acme", 2, later(602))
    for _ in range(2):
        assert (
            (await read(store)).processed,
            (await read(store, "w3")).processed,
            (await read(store, "w4")).processed,
        ) == (2, 2, 0)
        assert [(one.workspace, one.count) for one in (await ranked(store)).by_channel[SMS]] == [
            ("acme", 2)
        ]
        await fold_all(store, later(1_000))


async def test_a_reset_of_a_workspace_leaves_the_service_and_the_others(store: Store) -> None:
    await deliver(store, *[Kind.DELIVERED] * 3, workspace="acme")
    await deliver(store, Kind.DELIVERED, workspace="globex")
    await exceed(store, "acme", 3, later(5))
    await exceed(store, "globex", 2, later(20))
    before = await read(store)
    await reset(store, "acme", now=later(60))
    for _ in range(2):
        assert await read(store) == before
        assert (await read(store, "globex")).delivered == 1
        assert (await read(store, "acme")).processed == 0
        assert list((await ranked(store)).by_workspace) == ["globex"]
        assert (await use(store)).exceeded == Exceeded("acme", SMS)
        await fold_all(store, later(300))
    await deliver(store, Kind.DELIVERED, workspace="acme", now=later(400))
    for _ in range(2):
        assert (await read(store, "acme")).delivered == 1
        assert (await read(store)).delivered == before.delivered + 1
        await fold_all(store, later(800))
    await reset(store, now=later(900))
    assert (await read(store), await read(store, "acme")) == (Figures(), Figures())


async def test_what_is_counted_in_the_minute_of_a_reset_is_told_apart(store: Store) -> None:
    await deliver(store, *[Kind.DELIVERED] * 3)
    await reset(store, now=later(2))
    await deliver(store, Kind.DELIVERED, now=later(3))
    assert (await read(store)).processed == 1
    await reset(store, now=later(2))  # from a process whose clock is behind
    assert (await read(store)).processed == 0
    await deliver(store, Kind.DELIVERED, now=later(5))
    await fold_all(store, later(300))
    assert ((await read(store)).processed, (await read(store)).throughput) == (1, 1)


async def test_a_reset_of_the_service_overrules_a_workspaces_of_the_same_instant(
    store: Store,
) -> None:
    await reset(store, "acme", now=later(60))
    await deliver(store, Kind.DELIVERED)
    await reset(store, now=later(60))
    assert ((await read(store)).processed, (await read(store, "acme")).processed) == (0, 0)


async def test_a_late_fold_of_what_was_before_a_reset_is_not_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "BITE", 1)
    await deliver(store, Kind.DELIVERED)
    await deliver(store, Kind.DELIVERED, workspace="globex")
    await store.fold(later(300))
    await reset(store, now=later(310))
    await deliver(store, Kind.DELIVERED, now=later(320))
    await fold_all(store, later(900))
    assert (
        (await read(store)).delivered,
        (await read(store, "acme")).delivered,
        (await read(store, "globex")).delivered,
    ) == (1, 1, 0)


async def test_workspaces_are_ranked_by_channel_and_together_with_their_newest_entries(
    store: Store,
) -> None:
    for number, times in enumerate((2, 4, 1)):
        await exceed(store, f"w{number}", times, later(60 * number))
    await exceed(store, "w2", 5, later(400), EMAIL)
    found = await ranked(store, 2, 3)
    assert [(one.workspace, one.count, len(one.details)) for one in found.by_channel[SMS]] == [
        ("w1", 4, 3),
        ("w0", 2, 2),
    ]
    assert [(one.workspace, one.count) for one in found.by_channel[EMAIL]] == [("w2", 5)]
    together = [
        (name, {channel.value: one.count for channel, one in by.items()})
        for name, by in found.by_workspace.items()
    ]
    assert together == [("w2", {"sms": 1, "email": 5}), ("w1", {"sms": 4})]
    worst = found.by_channel[SMS][0]
    ats = [entry.at for entry in worst.details]
    assert (worst.last_at, ats) == (ats[0], sorted(ats, reverse=True))
    assert {entry.message for entry in worst.details} == {"Rate limit exceeded: 1 per second"}


async def test_what_a_workspace_uses_is_its_limit_its_messages_and_the_last_ten_seconds(
    store: Store,
) -> None:
    assert await use(store, "nobody") == Use(Exceeded("nobody", SMS), 50.0)
    await store.insert(*(message() for _ in range(100)), message(due_at=later(3_600)))
    for tick in range(5):
        now = later(1 + tick)
        await store.settle_as(Kind.DELIVERED, *await store.claim(now, rate=50.0, most=5), now=now)
    shown = await use(store, now=later(11))
    assert (shown.limit, shown.sent, shown.failed, shown.backlog) == (50, 25, 0, 76)
    assert shown.utilization == pytest.approx(25 / 500)
    assert (await use(store, now=later(60))).utilization == 0


async def test_an_entry_that_was_pruned_is_still_counted(store: Store) -> None:
    await exceed(store, "acme", 3)
    await store.database.write(retention.prune_exceedances, later(60))
    shown = (await use(store)).exceeded
    assert (shown.count, shown.details, shown.last_at is not None) == (3, [], True)


async def test_a_monitoring_system_is_told_everything_whatever_is_reset(store: Store) -> None:
    await deliver(store, Kind.DELIVERED, Kind.REJECTED, Kind.FAILED)
    await exceed(store, "globex", 2, later(600))
    await store.insert(*(message("late", due_at=later(700)) for _ in range(2)))
    before = await told(store, later(730))
    assert before.totals[SMS] == Totals(sent=1, failed=1, retried=1, exceeded=2, backlog=3)
    assert before.busiest["acme", SMS] == Totals(sent=1, failed=1, retried=1, backlog=1)
    assert (
        before.oldest_due[SMS] == 728_500_000
    )  # of the try that came half a second after its outcome
    assert before.oldest_due[EMAIL] == 0
    for kind, count in ((HistogramKind.DELIVERY, 3), (HistogramKind.LATENESS, 3)):
        total, *counts = before.histograms[kind][SMS]
        assert (sum(counts), total >= 0) == (count, True)
    await reset(store, now=later(720))
    await fold_all(store, later(1_200))
    assert await told(store, later(730)) == before
    assert [row[0] for row in await store.select("select minute from histogram")] == [0, 0]
