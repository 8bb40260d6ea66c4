"""Counters and sequences near their ends: nothing that counts for ever is 32 bits wide, and
nothing overflows in the 64 that it has.
"""

from __future__ import annotations

import re

from queue_services.domain.figures import LONGEST_LATENESS
from queue_services.domain.message import SECOND
from queue_services.domain.outcome import Kind
from tests.storage.schema import snapshot
from tests.storage.store import Store
from tests.support.builders import NOW, message

NEAR_END = 2**31 - 3
BOUNDED = {
    "a state or a flag": [
        "alert_watch.one",
        "campaign.busy",
        "answer.cut",
        "event_route.enabled",
        "feed_secret.one",
        "key_version.one",
        "lane.paused",
        "limit_state.paused",
        "message.priority",
        "pending.priority",
        "server.id",
        "write_probe.id",
    ],
    "of one message or event, which ends after days": [
        "answer.number",
        "attempt.number",
        "event.claim",
        "event.tries",
        "message.units",
        "pending.attempts",
        "pending.claim",
        "pending.tries",
        "result.attempts",
        "result.tries",
    ],
    "bounded where it is taken in or computed": [
        "api_key.per_minute",
        "attempt.status_code",
        "exceedance.batch_size",
        "failure.status_code",
        "history.span",
        "lane.rest",
        "result.status_code",
    ],
    "one more for each probe of an endpoint, every 30 s or rarer": [
        "event_route.hold_step",
        "event_route.refusals",
        "lane.hold_step",
        "lane.refusals",
    ],
    "one more for each request of an administrator that acts on a campaign": [
        "campaign.cancel_epoch",
        "campaign.epoch",
        "pending.epoch",
    ],
    "begins again each day, and only where there is a daily quota": ["lane.day_count"],
}
"""The columns of 32 bits or fewer, by why they do not come to their ends."""


def test_every_narrow_column_has_a_reason_why_it_does_not_overflow() -> None:
    text = snapshot("postgres").read_text()
    narrow = set(re.findall(r"^(\w+\.\w+) (?:integer|smallint)", text, re.MULTILINE))
    assert narrow == {column for columns in BOUNDED.values() for column in columns}


async def test_a_lane_without_a_quota_counts_no_day(store: Store) -> None:
    await store.insert(*(message() for _ in range(9)))
    await store.change(f"update lane set day_count = {NEAR_END}")
    assert len(await store.deliver_all()) == 9
    assert await store.select("select day_count from lane") == [(NEAR_END,)]


async def test_identities_and_the_order_of_changes_pass_32_bits(store: Store) -> None:
    if store.backend == "postgres":
        for table in ("lane", "campaign", "dispatcher", "audit", "event"):
            column = "seq" if table == "event" else "id"
            await store.change(
                f"select setval(pg_get_serial_sequence('{table}', '{column}'), {NEAR_END})"
            )
        await store.change(f"select setval('change_seq', {NEAR_END})")
    else:
        await store.change(
            f"insert into lane (id, workspace, channel) values ({NEAR_END}, 'first', 'sms')"
        )
        await store.change(
            f"insert into campaign (id, workspace, name) values ({NEAR_END}, 'first', 'first')"
        )
    for name in ("a", "b", "c", "d", "e"):
        await store.insert(message(name, campaign=name))
    claimed = await store.claim()
    assert len({each.lane for each in claimed if each.lane > 2**31}) >= 2
    await store.settle_as(Kind.DELIVERED, *claimed)
    for each in claimed:
        assert (await store.campaign(each.workspace, workspace=each.workspace)).channels == ()


async def test_messages_that_were_late_by_years_leave_room_in_the_sums(store: Store) -> None:
    await store.insert(*(message(due_at=NOW - 10**9 * SECOND, created_at=NOW) for _ in range(3)))
    await store.deliver_all()
    assert await store.select("select sum(lateness) from tally") == [(3 * LONGEST_LATENESS,)]
