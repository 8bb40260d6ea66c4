"""Pauses and limits with an end: the former value is in force after it, once."""

from __future__ import annotations

from typing import Any

import pytest

from queue_services.domain.message import Channel
from queue_services.domain.timed import Timed, TimedChange
from queue_services.domain.workspace import Change
from queue_services.errors import InvalidRequest
from queue_services.queue import (
    campaigns,
    service_limits,
    timed_ends,
    timed_settings,
    workspaces,
)
from queue_services.queue.service_limits import ChannelChange, ServiceLimits
from queue_services.queue.timed_settings import TimedKind
from queue_services.settings import Settings
from tests.storage.store import Store, later
from tests.support.builders import NOW, message

SMS = Channel.SMS
HOUR = TimedChange(later(3600), "quiet hours")


async def change(store: Store, now: int = NOW, **members: Any) -> None:
    await workspaces.change.run(store.database, "acme", Change(**members), now)


async def settings(store: Store) -> workspaces.EffectiveSettings:
    limits = dict.fromkeys(Channel, 50.0)
    return await workspaces.effective_settings.run(store.database, "acme", limits)


async def end_due(store: Store, now: int) -> int:
    """End what has come to its end, as every process does; how many."""
    due = await timed_ends.due.run(store.database, now)
    return sum([await timed_ends.end.run(store.database, *one, now) for one in due])


async def test_a_pause_ends_at_its_time_and_the_workspace_sends_again(store: Store) -> None:
    await store.insert(message("acme"))
    await change(store, paused={SMS: True}, paused_timed={SMS: HOUR})
    expected = Timed(later(3600), "quiet hours", former=False)
    assert (await settings(store)).timed[TimedKind.PAUSE, "sms"] == expected
    assert await end_due(store, later(3599)) == 0
    assert await store.claim(later(3599)) == []
    assert await end_due(store, later(3600)) == 1
    assert len(await store.claim(later(3600))) == 1
    assert (await settings(store)).timed == {}
    assert await end_due(store, later(7200)) == 0


async def test_a_limit_falls_back_to_the_one_before_it(store: Store) -> None:
    await change(store, limits={SMS: 7.0})
    await change(store, limits={SMS: 2.0}, limits_timed={SMS: HOUR})
    await change(store, later(1), limits={SMS: 3.0}, limits_timed={SMS: TimedChange(later(60))})
    assert (await settings(store)).workspace.limits == {SMS: 3.0}
    await end_due(store, later(60))
    assert (await settings(store)).workspace.limits == {SMS: 7.0}


async def test_a_value_without_an_end_replaces_the_temporary_one(store: Store) -> None:
    await change(store, limits={SMS: 2.0}, limits_timed={SMS: HOUR})
    await change(store, later(1), limits={SMS: 4.0})
    assert await end_due(store, later(7200)) == 0
    assert (await settings(store)).workspace.limits == {SMS: 4.0}
    await change(store, paused={SMS: True}, paused_timed={SMS: HOUR})
    await change(store, later(2), paused={SMS: False})
    assert (await settings(store)).timed == {}


async def test_an_end_can_be_moved_and_taken_away(store: Store) -> None:
    await change(store, paused={SMS: True}, paused_timed={SMS: HOUR})
    await change(store, later(1), paused_timed={SMS: TimedChange(until=later(7200))})
    assert await end_due(store, later(3600)) == 0
    await change(store, later(2), paused_timed={SMS: TimedChange(until=None)})
    assert (await settings(store)).timed[TimedKind.PAUSE, "sms"].reason == "quiet hours"
    assert await end_due(store, later(90_000)) == 0


@pytest.mark.parametrize(
    "members",
    [
        {"paused": {SMS: True}, "paused_timed": {SMS: TimedChange(NOW)}},
        {"paused_timed": {SMS: HOUR}},
        {"limits_timed": {SMS: HOUR}},
    ],
)
async def test_an_end_that_has_passed_or_that_ends_nothing_is_refused(
    store: Store, members: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        await change(store, **members)
    assert (await settings(store)).timed == {}


async def test_a_stored_limit_wins_over_the_setting_until_its_end(store: Store) -> None:
    limits = ServiceLimits(Settings())
    wanted = ChannelChange(rate=5.0, timed=HOUR)
    control = await service_limits.change.run(store.database, SMS, wanted, NOW)
    assert (control.stored, control.limit.reason) == (5, "quiet hours")
    await limits.refresh(store.database)
    assert dict(limits) == {Channel.SMS: 5, Channel.EMAIL: 100}
    await end_due(store, later(3600))
    await limits.refresh(store.database)
    assert limits[SMS] == 50


async def test_a_channels_pause_ends_at_its_time(store: Store) -> None:
    await store.insert(message("acme"))
    wanted = ChannelChange(paused=True, timed=HOUR)
    await service_limits.change.run(store.database, SMS, wanted, NOW)
    assert await store.claim(later(1)) == []
    await end_due(store, later(3600))
    assert len(await store.claim(later(3600))) == 1
    assert (await service_limits.controls.run(store.database))[SMS].pause == Timed()


async def test_a_campaigns_pause_ends_at_its_time_and_a_resume_forgets_the_end(
    store: Store,
) -> None:
    await store.insert(message("acme", campaign="spring"))
    await campaigns.pause.run(store.database, "acme", "spring", NOW, HOUR)
    await end_due(store, later(3600))
    assert (await store.campaign(now=later(3600))).state == "active"
    await campaigns.pause.run(store.database, "acme", "spring", later(3601), HOUR_LATER)
    await store.resume_campaign(now=later(3602))
    await store.pause_campaign(now=later(3603))
    assert await end_due(store, later(90_000)) == 0


HOUR_LATER = TimedChange(later(7300))


async def test_two_processes_end_a_setting_once(store: Store) -> None:
    await change(store, paused={SMS: True}, paused_timed={SMS: HOUR})
    [due] = await timed_ends.due.run(store.database, later(3600))
    ends = [await timed_ends.end.run(store.database, *due, later(3600)) for _ in range(2)]
    assert ends == [True, False]
    assert await store.database.read(timed_settings.of, "acme") == {}
