"""`verify` knows when a limit was changed: what went out before is held against the former one."""

from __future__ import annotations

from queue_services.domain.message import Channel
from queue_services.domain.workspace import Change
from queue_services.queue import workspaces
from queue_services.queue.service_limits import ServiceLimits
from queue_services.queue.verification import LIMITS
from queue_services.settings import Settings
from tests.storage.store import Store, later
from tests.storage.test_verify import broken, sent
from tests.support.builders import NOW


async def limit(store: Store, rate: float | None, at: int) -> None:
    """Give the workspace a limit of its own, or take it away."""
    wanted = Change(limits={Channel.SMS: rate})
    await store.database.write(workspaces.change, "acme", wanted, at)


async def test_a_workspaces_limit_that_was_lowered_breaks_no_rule(store: Store) -> None:
    await sent(store, 10, 0.05)
    await limit(store, 10, NOW)
    await store.change("delete from limit_change")  # older than what is kept
    await limit(store, 5, later(30))
    assert await broken(store, later(60)) == set()
    await store.change("delete from limit_change")
    assert await broken(store, later(60)) == {LIMITS}


async def test_a_first_limit_of_its_own_is_not_held_against_what_went_out_without(
    store: Store,
) -> None:
    await sent(store, 10, 0.05)
    await limit(store, 5, later(30))
    assert await broken(store, later(60)) == set()
    assert await broken(store, later(60), sms=9) == {LIMITS}  # the service's held all the time


async def test_a_limit_of_the_service_that_was_lowered_breaks_no_rule(store: Store) -> None:
    for rate in (60, 50):  # a process that is restarted with another setting
        limits = ServiceLimits(Settings(sms_per_second=rate))
        await limits.note(store.database, NOW)
        await limits.note(store.database, NOW)
    await sent(store, 60, 1 / 60)
    assert await broken(store, later(60)) == set()
    assert await store.select(
        "select from_rate, to_rate from limit_change where channel = 'sms' order by to_rate desc"
    ) == [(None, 60), (60, 50)]
    await store.change("delete from limit_change")
    assert await broken(store, later(60)) == {LIMITS}


async def test_what_is_as_it_was_is_written_down_once(store: Store) -> None:
    for _ in range(2):
        await ServiceLimits(Settings()).note(store.database, NOW)
        await limit(store, 7, NOW)
    assert await store.select("select count(*) from limit_change where workspace = ''") == [(2,)]
    assert await store.select("select count(*) from limit_change where workspace <> ''") == [(1,)]
