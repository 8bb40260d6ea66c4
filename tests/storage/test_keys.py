"""Keys in the store: kept by their digests, told by a version, counted by the minute."""

from __future__ import annotations

import asyncio

import pytest

from queue_services.domain.key import Key, Permission, digest, new_key
from queue_services.domain.message import SECOND, new_id
from queue_services.errors import NotFound
from queue_services.queue import keys, quotas
from tests.storage.store import Store
from tests.support.builders import NOW

MINUTE = NOW // (60 * SECOND)


async def make(store: Store, workspace: str | None = "acme", per_minute: int | None = None) -> Key:
    key = Key(
        new_id(NOW),
        digest(new_key()),
        workspace,
        (Permission.READ, Permission.SEND),
        per_minute,
        NOW,
        NOW + SECOND,
    )
    await store.database.write(keys.insert, key)
    return key


async def test_a_key_is_listed_as_it_was_made_until_it_is_revoked(store: Store) -> None:
    mine, administrators = await make(store, per_minute=5), await make(store, None)
    assert await store.database.read(keys.every) == [mine, administrators]
    assert await store.database.write(keys.revoke, mine.id, NOW) == mine
    assert await store.database.read(keys.every) == [administrators]
    for unknown in (mine.id, new_id(NOW), "nope"):
        with pytest.raises(NotFound):
            await store.database.write(keys.revoke, unknown, NOW)


async def test_every_change_is_told_by_the_version_and_the_keys_are_read_only_then(
    store: Store,
) -> None:
    assert await store.database.read(keys.since, None) == (0, [])
    key = await make(store)
    assert await store.database.read(keys.since, 0) == (1, [key])
    assert await store.database.read(keys.since, 1) == (1, None)
    await store.database.write(keys.revoke, key.id, NOW)
    assert await store.database.read(keys.since, 1) == (2, [])


async def test_changes_at_once_are_each_told(store: Store) -> None:
    await asyncio.gather(*(make(store) for _ in range(8)))
    version, found = await store.database.read(keys.since, 7)
    assert (version, len(found or [])) == (8, 8)


async def test_a_minute_s_quota_is_never_passed_and_a_new_minute_begins_anew(store: Store) -> None:
    key = new_id(NOW)
    assert [
        await store.database.write(quotas.use, key, MINUTE, count, 10) for count in (6, 5, 4, 1)
    ] == [6, None, 10, None]
    assert await store.database.read(quotas.used, key, MINUTE) == 10
    assert await store.database.write(quotas.use, key, MINUTE + 1, 11, 10) is None
    assert await store.database.write(quotas.use, key, MINUTE + 1, 7, 10) == 7
    # a clock that was set back counts in the minute that is kept
    assert await store.database.write(quotas.use, key, MINUTE, 1, 10) == 8


async def test_processes_that_count_at_once_share_one_quota(store: Store) -> None:
    key = new_id(NOW)
    used = await asyncio.gather(
        *(store.database.write(quotas.use, key, MINUTE, 3, 20) for _ in range(10))
    )
    assert sorted(count for count in used if count is not None) == [3, 6, 9, 12, 15, 18]
