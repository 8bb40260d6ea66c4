"""A store is found in order after everything that can happen to a message, and each way of
breaking it is seen and named.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from queue_services.domain.calendar import Window, opening
from queue_services.domain.message import FOREVER, SECOND, Channel, Priority
from queue_services.domain.outcome import Kind
from queue_services.domain.workspace import DEFAULT_ZONE, LaneTerms
from queue_services.errors import ConfigurationError
from queue_services.queue import verification
from queue_services.queue.lane_settings import write
from queue_services.queue.verification import (
    COUNTS,
    LIMITS,
    NOTHING_AHEAD,
    NOTHING_STRANDED,
    RULES,
    Verification,
    describe,
)
from queue_services.storage import migrate, open_existing, statements
from tests.storage.store import Store, later
from tests.support.builders import NOW, message, settlement

WINDOW = Window("20:00", "21:00")
RATES = {Channel.SMS: 50.0, Channel.EMAIL: 100.0}
ROW = "(select id from pending order by id limit 1)"


async def verified(store: Store, now: int = NOW, since: int = 0, **rates: float) -> Verification:
    return await store.database.read(
        verification.verify,
        RATES | {Channel(name): rate for name, rate in rates.items()},
        now,
        since,
    )


async def broken(store: Store, now: int = NOW, **rates: float) -> set[str]:
    """The rules that the store is found to break."""
    return {finding.rule for finding in (await verified(store, now, 0, **rates)).findings}


async def fill(store: Store) -> None:
    """Messages in every state there is: waiting, parked, to be tried again, claimed,
    delivered, dead, cancelled, requeued, pruned.
    """
    for index, campaign in enumerate([None, "spring", "autumn"]):
        await store.insert(
            *(message("acme", campaign=campaign, key=f"{index}-{number}") for number in range(6)),
            message("globex", campaign=campaign),
        )
    await store.insert(
        message("acme", channel=Channel.EMAIL, due_at=later(3600)),
        message("acme", expires_at=later(1)),
    )
    claimed = await store.claim(most=12)
    await store.settle_as(Kind.DELIVERED, *claimed[:4])
    await store.settle_as(Kind.FAILED, *claimed[4:6])
    await store.settle_as(Kind.REJECTED, *claimed[6:9])
    await store.release(claimed[9])
    await store.requeue(claimed[6].id)
    await store.requeue(claimed[7].id)
    await store.pause_campaign("autumn")
    await store.cancel_campaign("spring", workspace="globex")
    await store.claim(later(0.01), most=1)
    await store.advance(later(1))
    await store.expire(later(2))
    await store.fold(later(300))
    await store.prune(NOW + 1)


async def test_a_store_with_messages_in_every_state_breaks_no_rule(store: Store) -> None:
    await fill(store)
    found = await verified(store, later(2))
    assert found.findings == []
    assert (
        found.waiting + found.ended
        == found.messages
        == len(await store.select("select id from message"))
        > 10
    )
    assert set(found.rules) == {*RULES.values(), NOTHING_STRANDED, NOTHING_AHEAD, COUNTS, LIMITS}


async def test_an_empty_store_breaks_no_rule(store: Store) -> None:
    found = await verified(store)
    assert (found.messages, found.findings, found.densities) == (0, [], [])


BREAKS: list[tuple[str, str, str]] = [
    ("lost", "delete from pending", "verify_nowhere"),
    (
        "ended twice",
        (
            f"update result set id = {ROW} where seq = (select max(seq) from result where status <>"
            " 'scheduled')"
        ),
        "verify_two_places",
    ),
    (
        "an end without a message",
        "delete from message where id = (select id from result where status = 'delivered' limit 1)",
        "verify_orphans",
    ),
    ("a wait without a message", f"delete from message where id = {ROW}", "verify_orphans"),
    (
        "a key without a message",
        "delete from message where idempotency_key is not null",
        "verify_orphans",
    ),
    (
        "another's lane",
        (
            "update pending set lane = (select id from lane where workspace = 'globex') where id ="
            f" {ROW}"
        ),
        "verify_lanes",
    ),
    (
        "parked while claimed",
        f"update pending set claimed_by = 1, visible_at = {FOREVER - 1} where id = {ROW}",
        "verify_claims",
    ),
    ("a forgotten key", "delete from idempotency where key = '0-5'", "verify_keys"),
    ("an attempt too few", "delete from attempt", "verify_attempts"),
    (
        "an attempt too many",
        "update result set attempts = attempts + 1 where status = 'delivered'",
        "verify_attempts",
    ),
    ("a forgotten campaign", "delete from campaign", "verify_campaigns"),
]


@pytest.mark.parametrize(("_how", "statement", "rule"), BREAKS, ids=[how for how, _, _ in BREAKS])
async def test_a_broken_row_is_found(store: Store, _how: str, statement: str, rule: str) -> None:
    await store.insert(
        *(message("acme", campaign="spring", key=f"0-{number}") for number in range(6)),
        message("globex"),
    )
    claimed = await store.claim(most=4)
    await store.settle_as(Kind.DELIVERED, *claimed[:2])
    await store.settle_as(Kind.FAILED, claimed[2])
    await store.settle_as(Kind.REJECTED, claimed[3])
    assert await broken(store) == set()
    await store.change(statement)
    assert RULES[rule] in await broken(store)


@pytest.mark.parametrize(
    "statement",
    [
        "update lane set next_due_at = 4611686018427387904",
        f"update lane set next_high_at = {NOW + 60 * SECOND}",
        (
            f"update pending set visible_at = {NOW - 60 * SECOND} where lane = (select id from lane"
            " where workspace = 'later')"
        ),
    ],
    ids=["due never", "high too late", "visible sooner than its lane"],
)
async def test_a_stranded_message_is_found(store: Store, statement: str) -> None:
    await store.insert(
        message("acme"), message("acme", priority=Priority.HIGH), message("later", due_at=later(60))
    )
    assert await broken(store) == set()
    await store.change(statement)
    assert await broken(store) == {NOTHING_STRANDED}


async def test_what_waits_for_a_send_window_or_a_daily_quota_is_not_stranded(store: Store) -> None:
    await store.insert(message("night"), message("spent"), message("spent"))
    opens = opening(WINDOW, DEFAULT_ZONE, NOW)
    assert opens > NOW
    await store.change(
        f"update lane set next_due_at = {opens} where workspace in ('night', 'spent')"
    )
    assert await broken(store) == {NOTHING_STRANDED}
    await store.change(
        f"update lane set terms = '{{\"daily_quota\":1}}', day_count = 1, day_ends_at = {opens}"
        " where workspace = 'spent'"
    )
    assert [finding.subject.partition("(")[2] for finding in (await verified(store)).findings] == [
        "night, sms)"
    ]
    await store.change(
        f"update lane set terms = '{write(LaneTerms(window=WINDOW))}' where workspace = 'night'"
    )
    assert await broken(store) == set()


@pytest.mark.parametrize("column", ["accepted", "delivered", "dead", "cancelled", "revived_dead"])
@pytest.mark.parametrize("table", ["tally", "total"])
async def test_a_count_that_is_off_by_one_is_found(store: Store, table: str, column: str) -> None:
    await fill(store)
    if table == "total":
        await store.fold(later(600))
    where = (
        "where campaign <> 0" if table == "tally" else "where workspace = '' and channel = 'sms'"
    )
    assert await broken(store, later(2)) == set()
    if table == "tally":
        await store.insert(message("acme", campaign="winter"))
    await store.change(f"update {table} set {column} = {column} + 1 {where}")
    found = [
        finding for finding in (await verified(store, later(2))).findings if finding.rule == COUNTS
    ]
    assert any("the whole service" in finding.subject for finding in found)


async def sent(
    store: Store, count: int, apart: float, workspace: str = "acme", begin: float = 0.0
) -> None:
    """Deliver messages that started so many seconds apart."""
    await store.insert(*(message(workspace, due_at=NOW) for _ in range(count)))
    claimed = await store.claim()
    assert len(claimed) == count
    await store.settle(
        *(
            settlement(one, started_at=later(begin + order * apart))
            for order, one in enumerate(claimed)
        )
    )


async def test_the_densest_second_of_the_whole_service_is_told_and_held_against_its_limit(
    store: Store,
) -> None:
    await sent(store, 60, 1 / 50)
    found = await verified(store, later(60))
    assert [describe(density) for density in found.densities] == [
        "sms of the whole service: densest second 50 of 50"
    ]
    assert found.findings == []
    assert await broken(store, later(60), sms=49) == {LIMITS}


async def test_a_second_between_two_whole_seconds_is_looked_at_too(store: Store) -> None:
    await sent(store, 30, 0.001, begin=0.9)
    await sent(store, 30, 0.001, begin=1.1)
    assert {finding.detail for finding in (await verified(store, later(60))).findings} == {
        "densest second 60 of 50"
    }
    assert (await verified(store, later(60), since=later(1.05))).findings == []


async def test_earlier_tries_count_and_what_went_out_once_is_counted_once(store: Store) -> None:
    await store.insert(message())
    for attempt in range(3):
        at = later(attempt * 2)
        await store.settle_as(Kind.FAILED, *await store.claim(at), now=at)
    found = await verified(store, later(60))
    assert [(density.most, density.gap is not None) for density in found.densities] == [(1, True)]


async def test_a_workspaces_own_limit_is_held_against_its_own_sends(store: Store) -> None:
    await sent(store, 10, 0.05)
    await store.change("update lane set rate = 5")
    assert [finding.subject for finding in (await verified(store, later(60))).findings] == [
        "sms acme"
    ]
    await store.change("update lane set rate = 10")
    assert await broken(store, later(60)) == set()


async def test_a_limit_that_scaling_has_lowered_since_is_not_held_against_what_went_out_before(
    store: Store,
) -> None:
    await sent(store, 10, 0.05)
    await store.change("update lane set rate = 5")
    await store.change(
        "insert into adjustment (workspace, channel, at, from_rate, to_rate, reason) values"
        f" ('acme', 'sms', {NOW}, 10, 5, 'throttled')"
    )
    assert await broken(store, later(60)) == set()


async def test_a_limit_below_one_a_second_is_held_against_the_nearest_two(store: Store) -> None:
    await sent(store, 3, 4.9)
    await store.change("update lane set rate = 0.2")
    [finding] = (await verified(store, later(60))).findings
    assert (finding.rule, finding.detail) == (
        LIMITS,
        "two went out 4.900 s apart where one every 5 s is the limit",
    )
    await store.change("update lane set rate = 0.25")
    found = await verified(store, later(60))
    assert (
        describe(found.densities[1])
        == "sms of acme: nearest two 4.900 s apart, limit one every 4 s"
    )
    assert found.findings == []


async def test_a_store_of_another_schema_is_not_looked_at(store: Store, tmp_path: Path) -> None:
    wanted = statements.migrations(store.backend)
    await store.database.read(migrate.check, wanted)
    with pytest.raises(ConfigurationError, match="migrate"):
        await store.database.read(migrate.check, wanted[:-1])
    with pytest.raises(ConfigurationError, match="no file"):
        open_existing(f"sqlite:///{tmp_path}/nowhere.db")
