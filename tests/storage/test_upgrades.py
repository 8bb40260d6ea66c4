"""A store of every released schema, with rows in it, becomes one of today's: nothing is
lost, every count is right, and what waits is delivered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from queue_services.domain.message import FOREVER, SECOND, Channel, Status
from queue_services.queue import jobs, verification
from queue_services.storage import migrate, open_database, statements
from queue_services.storage.port import Tx
from tests.storage.store import Store, change, later
from tests.support.builders import NOW, message

RELEASED = [migration.number for migration in statements.migrations("sqlite")][:-1]
WAITING, DELIVERED, RETRIED, DEAD = (
    f"018bcfe5-6800-7000-8000-00000000000{number}" for number in range(4)
)
MINUTE = NOW // (60 * SECOND)
PAYLOAD = '{"to":"+1 555 0100","text":"hello"}'

# What the first schema could hold; every later one can, too.
ROWS = [
    f"insert into lane (workspace, channel, next_due_at) values ('acme', 'sms', {NOW})",
    f"insert into lane (workspace, channel, next_due_at) values ('globex', 'sms', {FOREVER})",
    "insert into campaign (workspace, name) values ('acme', 'spring')",
    *(
        "insert into message (id, workspace, channel, contact, campaign, recipient, priority,"
        f" created_at, idempotency_key, payload) values ('{identity}', '{workspace}', 'sms', 'c1',"
        f" {campaign}, '15550100', 1, {NOW}, 'key-{identity[-1]}', '{PAYLOAD}')"
        for identity, workspace, campaign in (
            (WAITING, "acme", 1),
            (DELIVERED, "acme", 1),
            (RETRIED, "acme", "null"),
            (DEAD, "globex", "null"),
        )
    ),
    *(
        f"insert into idempotency (workspace, key, fingerprint, id) values ('{workspace}',"
        f" 'key-{identity[-1]}', 'the same', '{identity}')"
        for identity, workspace in (
            (WAITING, "acme"),
            (DELIVERED, "acme"),
            (RETRIED, "acme"),
            (DEAD, "globex"),
        )
    ),
    (
        "insert into pending (id, lane, priority, campaign, due_at, visible_at) values"
        f" ('{WAITING}', 1, 1, 1, {NOW}, {NOW})"
    ),
    (
        "insert into pending (id, lane, priority, due_at, visible_at, tries, attempts) values"
        f" ('{RETRIED}', 1, 1, {NOW}, {NOW + SECOND}, 1, 1)"
    ),
    (
        "insert into attempt (id, number, outcome, started_at, duration, status_code, error)"
        f" values ('{RETRIED}', 1, 'failed', {NOW}, 5, 500, 'no')"
    ),
    *(
        "insert into result (id, workspace, channel, campaign, status, due_at, finished_at, tries,"
        f" attempts, outcome, started_at, duration, status_code, seq) values ('{identity}',"
        f" '{workspace}', 'sms', {campaign}, '{status}', {NOW}, {NOW}, 1, 1, '{outcome}', {NOW}, 5,"
        f" 200, {seq})"
        for seq, identity, workspace, campaign, status, outcome in (
            (1, DELIVERED, "acme", 1, "delivered", "delivered"),
            (2, DEAD, "globex", "null", "dead", "rejected"),
        )
    ),
    (
        "insert into tally (workspace, channel, campaign, minute, writer, accepted, delivered)"
        f" values ('acme', 'sms', 1, {MINUTE}, 'old', 2, 1)"
    ),
    (
        "insert into tally (workspace, channel, campaign, minute, writer, accepted, retried)"
        f" values ('acme', 'sms', 0, {MINUTE}, 'old', 1, 1)"
    ),
    (
        "insert into total (workspace, channel, campaign, accepted, dead) values ('globex', 'sms',"
        " 0, 1, 1)"
    ),
    "insert into total (workspace, channel, campaign, accepted, dead) values ('', 'sms', 0, 1, 1)",
    (
        "insert into exceedance (workspace, channel, at, batch_size, message, kind) values"
        f" ('acme', 'sms', {NOW}, 60, 'Rate limit exceeded', 'limit')"
    ),
]
AFTER_ROWS = {
    "sqlite": "update change_seq set value = 2",
    "postgres": "select setval('change_seq', 2)",
}


async def make(store: Store, up_to: int) -> None:
    """A store as a version made it that knew the migrations up to a number, and had rows in it."""
    wanted = [
        migration for migration in statements.migrations(store.backend) if migration.number <= up_to
    ]

    async def flow(tx: Tx) -> None:
        await migrate.apply(tx, tx.script, wanted)  # type: ignore[attr-defined]
        for row in (*ROWS, AFTER_ROWS[store.backend]):
            await change(tx, row)

    await store.database.write(flow)


@pytest_asyncio.fixture(loop_scope="session")
async def old_store(empty_url: str) -> AsyncIterator[Store]:
    opened = Store(open_database(empty_url), reopen=lambda: open_database(empty_url))
    yield opened
    await opened.close()
    await opened.database.close()


@pytest.mark.parametrize("number", RELEASED)
async def test_a_store_of_an_earlier_schema_goes_on_as_one_of_today(
    old_store: Store, number: int
) -> None:
    await make(old_store, number)
    await old_store.database.migrate()
    found = await old_store.database.read(verification.verify, dict.fromkeys(Channel, 50.0), NOW)
    assert (found.messages, found.waiting, found.ended, found.findings) == (4, 2, 2, [])
    assert (await old_store.campaign()).counts == {
        **dict.fromkeys(Status, 0),
        Status.SCHEDULED: 1,
        Status.DELIVERED: 1,
    }
    [replayed] = await old_store.insert(message("acme", campaign="spring", key="key-0"))
    assert (replayed.id, replayed.replayed) == (WAITING, True)
    await old_store.requeue(DEAD)
    delivered = await old_store.deliver_all(later(2))
    assert {str(claimed.id) for claimed in delivered} == {WAITING, RETRIED, DEAD}
    assert [
        attempt.number for attempt in await old_store.database.read(jobs.attempts, RETRIED)
    ] == [1, 2]
    await old_store.fold(later(300))
    found = await old_store.database.read(
        verification.verify, dict.fromkeys(Channel, 50.0), later(300)
    )
    assert (found.waiting, found.ended, found.findings) == (0, 4, [])
