"""The import from a real BullMQ queue in a real Redis, with real workers beside it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from queue_services.clock import Clock
from queue_services.domain.message import Message
from queue_services.queue import intake as storing
from queue_services.queue.bullmq_import.importer import Importer
from queue_services.queue.records import Insertion
from queue_services.storage.sqlite import SqliteDatabase
from queue_services.wire import bullmq, intake
from tests.bullmq_import.bull import QUEUE, Bull, bull, data, job

pytestmark = pytest.mark.bullmq
HOUR = 3_600_000


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Bull]:
    async with bull(tmp_path) as opened:
        yield opened


def why(report: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {left["id"]: left["why"] for left in report["left"]}


async def test_delayed_waiting_and_prioritised_jobs_move_and_bullmq_keeps_nothing_of_them(
    queue: Bull,
) -> None:
    now = job("now", deduplication={"id": "once"})
    await queue.queue("add", [job("later", delay=HOUR), now, job("soon", priority=3)])
    assert await queue.imported() == (0, {"moved": 3, "resumed": 0, "left": []})
    assert sorted(queue.stored()) == ["later", "now", "soon"]
    kept = {key.decode().removeprefix("bull:sms-queue:") for key in await queue.contents()}
    assert kept <= {"meta", "id", "events", "marker", "pc"}


async def test_the_jobs_of_a_paused_queue_move(queue: Bull) -> None:
    await queue.queue("add", [job("a"), job("b", delay=HOUR)])
    await queue.queue("pause")
    await queue.redis.call("RPUSH", QUEUE.key("paused"), "earlier")
    fields = {
        "data": '{"phoneNumber":"+155501","message":"m","workspaceId":1,"contactId":"earlier"}'
    }
    await queue.redis.call("HSET", QUEUE.key("earlier"), "timestamp", 1, *fields.popitem())
    code, _ = await queue.imported()
    assert (code, sorted(queue.stored())) == (0, ["a", "b", "earlier"])


async def test_a_dry_run_changes_no_key_and_says_what_a_run_would_do(queue: Bull) -> None:
    bad = {"name": "bad", "data": {"text": "no recipient"}, "opts": {"jobId": "bad"}}
    await queue.queue("add", [job("a"), job("b", delay=HOUR), bad])
    await queue.queue("special", data("special"))
    before = await queue.contents()
    code, report = await queue.imported("--dry-run")
    assert (code, report["moved"]) == (1, 2)
    assert await queue.contents() == before
    assert not queue.database.exists()
    assert await queue.imported() == (code, report)


async def test_what_has_no_message_and_what_is_more_than_a_job_is_listed_and_still_run_by_bullmq(
    queue: Bull,
) -> None:
    bad = {"name": "bad", "data": {"contactId": "bad"}, "opts": {"jobId": "bad"}}
    late = {
        **bad,
        "data": {**data("late"), "message": ""},
        "opts": {"jobId": "late", "delay": HOUR},
    }
    await queue.queue("add", [bad, late, job("good")])
    await queue.queue("special", data("special"))
    code, report = await queue.imported()
    left = why(report)
    scheduled = next(one for one in left if one.startswith("repeat:daily:"))
    assert code == 1
    assert left == {
        "bad": "unmapped",
        "late": "unmapped",
        scheduled: "repeatable",
        "child": "flow",
        "parent": "flow",
    }
    async with queue.working() as worker:
        await worker.has("done", "bad")
        await queue.queue("promote")
        await worker.has("done", "late")
        await worker.has("done", "parent")
    assert queue.stored() == ["good"]


async def test_active_and_rate_limited_jobs_are_listed_and_left(queue: Bull) -> None:
    await queue.queue("add", [job("held", name="hold")])
    async with queue.working(max=1_000, duration=1_000) as worker:
        await worker.has("active", "held")
        await queue.queue("add", [job("limited", name="limited"), job("later", delay=HOUR)])
        await worker.has("active", "limited")
        await queue.until_one("LLEN", "wait")
        code, report = await queue.imported()
    assert (code, why(report)) == (1, {"limited": "rate-limited", "held": "active"})
    assert queue.stored() == ["later"]


async def test_jobs_wait_for_a_long_window_of_the_workers_limit_and_are_left(queue: Bull) -> None:
    await queue.queue("add", [job("first"), job("second"), job("third", priority=1)])
    async with queue.working(max=1, duration=60_000):
        await queue.until_one("ZCARD", "completed")
    code, report = await queue.imported()
    assert (code, why(report)) == (1, {"second": "rate-limited", "third": "rate-limited"})
    await queue.redis.call("DEL", QUEUE.key("limiter"))
    assert (await queue.imported())[0] == 0


async def test_a_limit_that_only_paces_the_worker_keeps_no_job_from_moving(queue: Bull) -> None:
    await queue.queue("add", [job(f"j-{n}") for n in range(40)])
    async with queue.working(max=1, duration=1_000) as worker:
        await worker.has("done", "j-0")
        assert (await queue.imported(wait=20))[0] == 0
        await worker.stop()
    assert sorted(worker.done + queue.stored()) == sorted(f"j-{n}" for n in range(40))


@pytest.mark.parametrize("version", ["bullmq:5.66.0", "bullmq:7.0.0", "bullmq-pro:6.1.0", None])
async def test_another_version_of_bullmq_is_refused_and_its_queue_untouched(
    queue: Bull, version: str | None
) -> None:
    await queue.queue("add", [job("a")])
    await queue.redis.call("HDEL", QUEUE.key("meta"), "version")
    if version is not None:
        await queue.redis.call("HSET", QUEUE.key("meta"), "version", version)
    before = await queue.contents()
    process = await queue.start()
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert (version or "unknown").encode() in errors
    assert await queue.contents() == before


async def test_a_message_that_the_settings_refuse_on_resuming_goes_back_to_bullmq(
    queue: Bull,
) -> None:
    metadata = {"callbackEndpoint": "/old"}
    first = job("a", priority=2) | {"data": data("a", metadata=metadata)}
    second = job("b", delay=HOUR) | {"data": data("b", metadata=metadata)}
    await queue.queue("add", [first, second, job("c")])
    with pytest.raises(_Killed):
        await run(queue, _killed)
    code, report = await queue.imported(QUEUE_SERVICES_CALLBACK_PATHS="/new")
    assert (code, why(report)) == (1, {"a": "unmapped", "b": "unmapped"})
    async with queue.working() as worker:
        await worker.has("done", "a")
        await queue.queue("promote")
        await worker.has("done", "b")
    assert queue.stored() == ["c"]


class _Killed(Exception):
    pass


async def _killed(messages: Sequence[Message]) -> Sequence[Insertion]:
    raise _Killed(messages)


async def run(queue: Bull, write: object) -> None:
    """The import in this process, with another way to write."""
    clock, rules = Clock(), intake.Rules()
    importer = Importer(
        queue.redis,
        QUEUE,
        clock,
        mapping=bullmq.by_data,
        read=lambda text: intake.element(text, clock.now(), rules),
    )
    await importer.run(write)  # type: ignore[arg-type]


async def test_an_import_that_ends_before_the_store_is_written_is_resumed(queue: Bull) -> None:
    await queue.queue("add", [job("a"), job("b", delay=HOUR), job("c", priority=1)])
    with pytest.raises(_Killed):
        await run(queue, _killed)
    assert await queue.redis.call("HLEN", QUEUE.claimed) == 1
    assert await queue.imported() == (0, {"moved": 3, "resumed": 1, "left": []})
    assert sorted(queue.stored()) == ["a", "b", "c"]


async def test_an_import_that_ends_between_the_store_and_redis_writes_no_message_again(
    queue: Bull,
) -> None:
    await queue.queue("add", [job("a", delay=HOUR), job("b", delay=HOUR)])
    database = SqliteDatabase(str(queue.database))
    await database.migrate()

    async def written_and_killed(messages: Sequence[Message]) -> Sequence[Insertion]:
        await database.write(storing.insert, messages, Clock().now(), "test")
        raise _Killed

    with pytest.raises(_Killed):
        await run(queue, written_and_killed)
    await database.close()
    assert await queue.imported() == (0, {"moved": 2, "resumed": 2, "left": []})
    assert sorted(queue.stored()) == ["a", "b"]


async def test_a_job_that_bullmq_will_fail_is_not_sent_in_its_place(queue: Bull) -> None:
    await queue.queue("add", [job("stalled"), job("well")])
    await queue.redis.call("HSET", QUEUE.key("stalled"), "defa", "job stalled too often")
    code, report = await queue.imported()
    assert (code, why(report)) == (1, {"stalled": "failing"})
    assert queue.stored() == ["well"]


async def test_two_imports_at_once_share_the_queue(queue: Bull) -> None:
    jobs = [job(f"j-{n}", delay=HOUR * (n % 2)) for n in range(3_000)]
    await queue.queue("add", jobs)
    both = await asyncio.gather(queue.imported(), queue.imported())
    assert [code for code, _ in both] == [0, 0]
    assert sorted(queue.stored()) == sorted(f"j-{n}" for n in range(3_000))


async def test_the_store_may_be_postgresql(queue: Bull, postgres_url: str) -> None:
    await queue.queue("add", [job("a"), job("b", delay=HOUR)])
    assert await queue.imported("--database-url", postgres_url) == (
        0,
        {"moved": 2, "resumed": 0, "left": []},
    )
    connection = await asyncpg.connect(postgres_url)
    rows = await connection.fetch("select contact from message order by contact")
    await connection.close()
    assert [row["contact"] for row in rows] == ["a", "b"]


async def test_an_id_that_is_used_again_after_the_import_is_another_message(queue: Bull) -> None:
    for _ in range(2):
        await queue.queue("add", [job("again", delay=HOUR)])
        assert (await queue.imported())[0] == 0
    assert queue.stored() == ["again", "again"]


async def test_of_10_000_jobs_each_is_run_once_over_both_though_the_import_is_killed_half_way(
    queue: Bull,
) -> None:
    soon = [job(f"soon-{n}", delay=500 + n) for n in range(3_000)]
    later = [job(f"later-{n}", delay=HOUR + n) for n in range(6_000)]
    now = [job(f"now-{n}", priority=n % 9) for n in range(1_000)]
    async with queue.working(max=500, duration=1_000) as worker:
        await queue.queue("add", [*soon, *later, *now])
        for most in (8_000, 5_000, 2_500):
            await kill_while_claimed(queue, most)
        process = await queue.start("--wait", "30")
        out, errors = await process.communicate()
        assert process.returncode == 0, (out, errors)
        await worker.stop()
    expected = {each["data"]["contactId"] for each in (*soon, *later, *now)}
    times = Counter(worker.done) + Counter(queue.stored())
    assert set(times) == expected
    assert set(times.values()) == {1}
    assert worker.done, "the worker ran nothing beside the import"
    assert len(queue.stored()) > 5_000
    counts = await queue.queue("counts")
    assert {counts[state] for state in ("delayed", "waiting", "prioritized", "active")} == {0}


async def kill_while_claimed(queue: Bull, most: int) -> None:
    """Start an import, and kill it in the middle of a page, once at most so many are delayed."""
    process = await queue.start("--wait", "30")
    async with asyncio.timeout(60):
        while process.returncode is None:
            delayed, claimed = await queue.redis.pipeline(
                [("ZCARD", QUEUE.key("delayed")), ("HLEN", QUEUE.claimed)]
            )
            if delayed <= most and claimed:
                break
    assert process.returncode is None, "it ended before it could be killed"
    process.kill()
    await process.communicate()
