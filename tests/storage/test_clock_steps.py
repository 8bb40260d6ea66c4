"""Every stored instant that a clock set back leaves ahead is reported and put right, and
nothing else is touched; on both backends.
"""

from __future__ import annotations

import re

import pytest

from queue_services.clock import Clock
from queue_services.domain.message import SECOND, Channel, Priority
from queue_services.domain.outcome import Kind
from queue_services.domain.workspace import Change
from queue_services.queue import clock_steps, dispatchers, verification
from queue_services.queue.verification import NOTHING_AHEAD, NOTHING_STRANDED, RULES
from tests.storage.schema import snapshot
from tests.storage.store import Store, later
from tests.storage.test_verify import fill
from tests.support.builders import LEASE, NOW, message
from tests.support.workspaces import Workspaces

HOUR = 3600 * SECOND
AHEAD = NOW + HOUR
RATES = {Channel.SMS: 50.0, Channel.EMAIL: 100.0}
WAITS = (
    "(select id from pending where claimed_by is null and visible_at < 4611686018427387903 limit 1)"
)

BREAKS = {
    "limit_state.log": (
        f"""update limit_state set log = '[[{AHEAD}],[1],{AHEAD},1,[],0]' where channel = 'sms'"""
    ),
    "lane.log": (
        f"""update lane set rate = 5, log = '[[{AHEAD}],[1],{AHEAD},1,[],0]', slot_at = {AHEAD}"""
    ),
    "lane.slot_at": f"update lane set rate = 5, slot_at = {AHEAD}",
    "lane.held_until": (
        f"update lane set held_until = {AHEAD + SECOND}, hold_reason = 'throttled', hold_set_at ="
        f" {AHEAD}"
    ),
    "lane.hold_set_at": f"update lane set hold_set_at = {AHEAD}",
    "lane.exceeded_at": f"update lane set exceeded_at = {AHEAD}",
    "lane.throttled_at": f"update lane set throttled_at = {AHEAD}",
    "lane.watched_at": f"update lane set watched_at = {AHEAD}",
    "lane.watch": (
        f"""update lane set watched_at = {AHEAD}, watch = '{{"approach":{{"seen_at":{AHEAD}}}}}'"""
    ),
    "lane.day_ends_at": (
        """update lane set terms = '{"daily_quota":9}', day_count = 9, day_ends_at ="""
        f" {NOW + 40 * HOUR}"
    ),
    "lane.next_due_at": f"update lane set next_due_at = {AHEAD}, next_high_at = {AHEAD}",
    "lane.next_high_at": f"update lane set next_high_at = {AHEAD}",
    "pending.visible_at": (
        f"update pending set visible_at = {AHEAD + LEASE}, claimed_by = 9 where id = {WAITS}"
    ),
    "pending.due_at": "select 1",
    "event.visible_at": (
        "insert into event (id, route, workspace, type, payload, created_at, visible_at) values"
        f" ('018bcfe5-6800-7000-8000-000000000009', '', 'acme', 'x', '{{}}', {AHEAD}, {AHEAD})"
    ),
    "event_route.held_until": (
        "insert into event_route (workspace, enabled, held_until, hold_reason, hold_set_at) values"
        f" ('acme', 1, {AHEAD + SECOND}, 'unreachable', {AHEAD})"
    ),
    "event_told.at": f"insert into event_told (workspace, subject, at) values ('a', 'b', {AHEAD})",
    "dispatcher.seen_at": (
        f"insert into dispatcher (name, started_at, seen_at) values ('gone', {AHEAD}, {AHEAD})"
    ),
    "operation.claimed_until": (
        "insert into operation (id, action, actor, request, matched, created_at, claimed_until)"
        " values ('018bcfe5-6800-7000-8000-000000000009', 'cancel', 'me', '{}', 1,"
        f" {NOW}, {AHEAD})"
    ),
    "key_use.minute": (
        "insert into key_use (id, minute, used) values ('018bcfe5-6800-7000-8000-000000000009',"
        f" {AHEAD // (60 * SECOND)}, 1)"
    ),
    "progress.at": (
        "insert into progress (chore, at, id) values ('bodies',"
        f" {AHEAD}, '018bcfe5-6800-7000-8000-000000000009')"
    ),
}
"""By the instant that is left ahead; a message that was to go at once is inserted so."""

KEPT = {
    "asked for": [
        "message.expires_at",
        "pending.expires_at",
        "api_key.expires_at",
        "api_key.revoked_at",
    ],
    "what it tells of is over; nothing waits for it": [
        "adjustment.at",
        "attempt.started_at",
        "audit.at",
        "api_key.created_at",
        "campaign.cancelled_at",
        "event.created_at",
        "exceedance.at",
        "exceedance.waits_until",
        "failure.failed_at",
        "limit_change.at",
        "message.created_at",
        "notification.created_at",
        "operation.created_at",
        "operation.finished_at",
        "result.due_at",
        "result.finished_at",
        "result.started_at",
        "session.created_at",
    ],
    "a minute's counts, shown with the others before they are folded": [
        "figure.first_at",
        "figure.last_at",
        "figure.minute",
        "histogram.minute",
        "history.minute",
        "tally.first_at",
        "tally.last_at",
        "tally.minute",
        "total.last_at",
    ],
    "a reset's; the next is after it by whatever clock": [
        "baseline.at",
        "figure.since",
        "tally.since",
    ],
    "gives a message up a day after it, by then or later": ["pending.refused_since"],
    "whoever reads it takes one too far ahead for past": [
        "alert_watch.held_until",
        "notification.visible_at",
    ],
    "a session and its rights end by then or later, and can be ended by hand": [
        "session.expires_at",
        "session.recipients_until",
    ],
    "computed of the others": ["lane.ready_at", "lane.high_ready_at"],
    "set with another that is looked at": ["dispatcher.started_at", "event_route.hold_set_at"],
}
"""Instants that stay as they are, by why."""


async def found(store: Store, now: int = NOW) -> list[str]:
    verified = await store.database.read(verification.verify, RATES, now)
    ahead = (NOTHING_AHEAD, NOTHING_STRANDED)
    return [one.detail for one in verified.findings if one.rule in ahead]


async def break_(store: Store, broken: str) -> None:
    due_at = AHEAD if broken == "pending.due_at" else NOW
    urgent = message(priority=Priority.HIGH, due_at=due_at, created_at=due_at)
    await store.insert(message(), urgent, now=due_at)
    await store.change(BREAKS[broken])


async def correct(store: Store, now: int = NOW) -> int:
    return await clock_steps.correct(store.database, now, LEASE)


def test_every_column_that_is_an_instant_is_either_corrected_or_kept_for_a_reason() -> None:
    named = re.findall(r"^(\w+\.\w+) bigint", snapshot("postgres").read_text(), re.MULTILINE)
    instants = {
        column
        for column in named
        if re.search(r"\.(.*_at|.*_until|at|minute|since|.*_since)$", column)
    }
    kept = {column for columns in KEPT.values() for column in columns}
    assert instants - kept - set(BREAKS) == set()
    assert (kept | set(BREAKS)) - instants <= {"limit_state.log", "lane.log", "lane.watch"}


@pytest.mark.parametrize("broken", BREAKS)
async def test_an_instant_ahead_is_reported_and_put_right(store: Store, broken: str) -> None:
    await break_(store, broken)
    if broken != "limit_state.log":
        assert await correct(store) > 0
    else:
        assert await found(store)
        await correct(store)
    assert await found(store) == []
    assert await correct(store) == 0


@pytest.mark.parametrize("broken", BREAKS)
async def test_an_instant_ahead_is_found_by_verify(store: Store, broken: str) -> None:
    await break_(store, broken)
    now = NOW - 2 * HOUR if broken == "pending.visible_at" else NOW
    assert await found(store, now)


async def test_a_store_whose_clock_was_right_is_left_as_it_is(store: Store) -> None:
    await fill(store)
    clock = Clock(monotonic=lambda: 0.0, wall=lambda: NOW / SECOND)
    await Workspaces(store.database, clock, RATES).change("acme", Change(limits={Channel.SMS: 1.0}))
    before = await store.select("select * from lane order by id")
    assert await found(store, later(2)) == []
    assert await correct(store, later(2)) == 0
    assert await store.select("select * from lane order by id") == before


async def test_a_hold_lasts_as_long_as_it_was_to(store: Store) -> None:
    await store.insert(message())
    [claimed] = await store.claim(AHEAD)
    await store.settle_as(Kind.THROTTLED, claimed, now=AHEAD, wait_until=AHEAD + 20 * SECOND)
    await correct(store)
    assert await store.select("select held_until from lane") == [(NOW + 20 * SECOND,)]


async def test_a_try_again_waits_as_long_as_it_was_to(store: Store) -> None:
    await store.insert(message())
    [claimed] = await store.claim(AHEAD)
    await store.settle_as(Kind.FAILED, claimed, now=AHEAD, duration=0)
    assert await correct(store) > 0
    [[visible_at]] = await store.select("select visible_at from pending")
    assert NOW <= visible_at <= NOW + 2 * SECOND
    assert len(await store.claim(later(4))) == 1


async def test_the_messages_of_a_dispatcher_that_died_are_due_after_one_lease(
    store: Store,
) -> None:
    await store.insert(message())
    assert len(await store.claim(AHEAD)) == 1
    await correct(store)
    assert await store.claim(NOW + LEASE - SECOND) == []
    assert len(await store.claim(NOW + LEASE + SECOND)) == 1


async def test_times_that_were_asked_for_stay(store: Store) -> None:
    later_on = message(due_at=AHEAD + HOUR, created_at=AHEAD)
    at_once = message(due_at=AHEAD, created_at=AHEAD)
    await store.insert(later_on, at_once, now=AHEAD)
    await correct(store)
    assert (await store.job(later_on)).due_at == AHEAD + HOUR
    assert (await store.job(at_once)).due_at == NOW


@pytest.mark.parametrize("campaign", [None, "spring"])
async def test_a_parked_message_that_no_campaign_holds_is_reported(
    store: Store, campaign: str | None
) -> None:
    await store.insert(message(campaign=campaign))
    await store.change("update pending set visible_at = 4611686018427387903")
    verified = await store.database.read(verification.verify, RATES, NOW)
    assert RULES["verify_parked"] in {one.rule for one in verified.findings}


async def test_a_correction_that_stood_still_leaves_what_others_claimed_meanwhile(
    store: Store,
) -> None:
    there = await store.database.read(dispatchers.read_clock)
    await store.insert(message(due_at=there, created_at=there), now=there)
    assert len(await store.claim(there)) == 1
    before = await store.select("select * from pending")
    assert await clock_steps.correct(store.database, there - 10 * SECOND, LEASE) == 0
    assert await store.select("select * from pending") == before


async def test_a_shift_of_a_campaign_is_no_clock_ahead(store: Store) -> None:
    await store.insert(message(campaign="spring"))
    [claimed] = await store.claim()
    await store.settle_as(Kind.UNREACHABLE, claimed, now=later(1))
    await store.shift_campaign(7200 * SECOND, now=later(2))
    await store.advance(later(2))
    before = await store.select("select visible_at from pending")
    assert await found(store, later(3)) == []
    assert await correct(store, later(3)) == 0
    assert await store.select("select visible_at from pending") == before
