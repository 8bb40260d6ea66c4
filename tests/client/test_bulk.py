"""Scheduling any number of messages: requests of bounded size, results in order, nothing
doubled, nothing lost without saying so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from queue_services_client import AsyncQueueService, QueueService, ScheduleResult, Sms, Unauthorized
from queue_services_client.bulk import BYTES_A_REQUEST
from tests.client.builders import LONGEST_WAITS, Naps, Script, answer, problem, sms

URL = "http://127.0.0.1:3000"


def lines(request: httpx2.Request) -> list[dict[str, Any]]:
    return [json.loads(line) for line in request.content.split(b"\n")]


def take_all(request: httpx2.Request) -> httpx2.Response:
    """The answer of a service that takes every message but those that say "bad", and calls
    a job by its text.
    """
    results: list[dict[str, Any]] = []
    for index, line in enumerate(lines(request)):
        bad = line["message"] == "bad"
        results.append(
            {
                "index": index,
                **(
                    {"errors": [{"field": "message", "message": "is bad"}]}
                    if bad
                    else {"jobId": line["message"]}
                ),
            }
        )
    rejected = sum("errors" in result for result in results)
    return answer(accepted=len(results) - rejected, rejected=rejected, results=results)


def texts(count: int) -> Iterator[Sms]:
    return (sms(message=str(number)) for number in range(count))


def client(script: Script, **options: Any) -> QueueService:
    return QueueService(
        URL, transport=script.transport, retries=LONGEST_WAITS, sleep=Naps(), **options
    )


def awaiting_client(transport: httpx2.AsyncBaseTransport) -> AsyncQueueService:
    return AsyncQueueService(URL, transport=transport, retries=LONGEST_WAITS, sleep=Naps().awaited)


def test_messages_go_out_a_thousand_a_request_and_results_come_in_their_order() -> None:
    script = Script(take_all)
    many = client(script).schedule_many(texts(2_001))
    assert [len(lines(request)) for request in script.requests] == [1_000, 1_000, 1]
    assert [result.job_id for result in many.results] == [str(number) for number in range(2_001)]
    assert (many.accepted, many.rejected, many.replayed) == (2_001, 0, 0)


def test_a_request_is_ndjson_of_bounded_size() -> None:
    script = Script(take_all)
    client(script).schedule_many(sms(message="x" * 1_000_000) for _ in range(9))
    assert len(script.requests) == 3
    assert all(len(request.content) <= BYTES_A_REQUEST for request in script.requests)
    assert script.requests[0].headers["content-type"] == "application/x-ndjson"


def test_a_message_larger_than_a_request_goes_out_alone() -> None:
    script = Script(take_all)
    client(script).schedule_many(
        [sms(message="small"), sms(message="x" * BYTES_A_REQUEST), sms(message="small")]
    )
    assert [len(lines(request)) for request in script.requests] == [1, 1, 1]


def test_every_message_has_a_key_of_its_own_and_keeps_it_in_a_retry() -> None:
    script = Script(httpx2.ReadError("reset"), take_all)
    many = client(script).schedule_many(
        [sms(message="a"), sms(message="b", idempotency_key="mine")]
    )
    first, again = (
        [line["idempotencyKey"] for line in lines(request)] for request in script.requests
    )
    assert first == again == [result.idempotency_key for result in many.results]
    assert first[1] == "mine" != first[0]


def test_a_message_that_is_wrong_does_not_stop_the_others() -> None:
    bad_here, bad_there = sms(message="here", delay=-1), sms(message="bad")
    many = client(Script(take_all)).schedule_many(
        [sms(message="a"), bad_here, bad_there, sms(message="b")]
    )
    assert [result.job_id for result in many.results] == ["a", None, None, "b"]
    assert [result.error for result in many.results[1:3]] == [
        "delay: give milliseconds >= 0, a timedelta >= 0 or an aware datetime",
        "message: is bad",
    ]
    assert (many.accepted, many.rejected) == (2, 2)


def test_a_result_that_is_known_already_is_passed_on_in_its_place() -> None:
    known = ScheduleResult(success=False, error="no address")
    many = client(Script(take_all)).schedule_many([known, sms(message="a"), known])
    assert [result.error or result.job_id for result in many.results] == [
        "no address",
        "a",
        "no address",
    ]


def test_nothing_is_sent_where_there_is_nothing_to_send() -> None:
    script = Script(take_all)
    assert client(script).schedule_many([]).results == []
    assert client(script).schedule_many([ScheduleResult(success=False, error="no")]).rejected == 1
    assert script.requests == []


def test_nothing_is_sent_before_it_is_read() -> None:
    script = Script(take_all)
    results = client(script).schedule_each(texts(3_000))
    assert script.requests == []
    next(results)
    assert len(script.requests) == 1


def test_replays_are_counted_among_the_accepted() -> None:
    script = Script(
        answer(
            accepted=2,
            rejected=0,
            results=[{"index": 0, "jobId": "a", "replayed": True}, {"index": 1, "jobId": "b"}],
        )
    )
    many = client(script).schedule_many(texts(2))
    assert (many.accepted, many.replayed, [result.replayed for result in many.results]) == (
        2,
        1,
        [True, False],
    )


def test_progress_is_told_after_each_request() -> None:
    told: list[tuple[int, int]] = []
    client(Script(take_all)).schedule_many(
        [*texts(1_000), sms(message="bad")],
        on_progress=lambda progress: told.append((progress.answered, progress.rejected)),
    )
    assert told == [(1_000, 0), (1_001, 1)]


def test_a_service_that_went_away_is_told_for_the_rest_without_asking_again() -> None:
    script = Script(take_all, httpx2.ConnectError("refused"))
    many = client(script).schedule_many(texts(5_000))
    assert (many.accepted, many.rejected, len(script.requests)) == (
        1_000,
        4_000,
        1 + LONGEST_WAITS.attempts,
    )
    assert all(result.unavailable and result.idempotency_key for result in many.results[1_000:])


def test_a_request_that_is_refused_whole_does_not_end_the_others() -> None:
    script = Script(problem(413, "The body is too large."), take_all)
    many = client(script).schedule_many(texts(1_001))
    assert (many.accepted, many.results[0].error) == (1, "The body is too large.")


def test_a_bad_key_is_an_exception_on_request() -> None:
    with pytest.raises(Unauthorized):
        client(Script(problem(401)), raise_errors=True).schedule_many(texts(1))


def test_an_answer_without_a_result_for_a_message_leaves_it_open() -> None:
    many = client(
        Script(answer(accepted=1, rejected=0, results=[{"index": 0, "jobId": "a"}]))
    ).schedule_many(texts(2))
    assert (many.results[1].success, many.results[1].unavailable) == (False, True)


class Gate(httpx2.AsyncBaseTransport):
    """Answers no request until so many are in flight; the later ones first."""

    def __init__(self, together: int) -> None:
        self._together, self._open = together, asyncio.Event()
        self.in_flight = self.most = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        if self.in_flight == self._together:
            self._open.set()
        await self._open.wait()
        self.in_flight -= 1
        return take_all(request)


async def test_the_awaiting_client_keeps_a_few_requests_in_flight_and_the_order_of_results() -> (
    None
):
    gate = Gate(together=4)
    many = await awaiting_client(gate).schedule_many(texts(6_000))
    assert gate.most == 4
    assert [result.job_id for result in many.results] == [str(number) for number in range(6_000)]


async def test_the_awaiting_client_takes_an_async_iterable() -> None:
    async def source() -> AsyncIterator[Sms]:
        for message in texts(1_500):
            yield message

    assert (
        await awaiting_client(Script(take_all).transport).schedule_many(source())
    ).accepted == 1_500


async def test_a_reader_that_stops_early_leaves_no_request_behind() -> None:
    never = asyncio.Event()

    async def only_the_first(request: httpx2.Request) -> httpx2.Response:
        if lines(request)[0]["message"] != "0":
            await never.wait()
        return take_all(request)

    results = awaiting_client(httpx2.MockTransport(only_the_first)).schedule_each(texts(10_000))
    await anext(results)
    async with asyncio.timeout(10):
        await results.aclose()  # type: ignore[attr-defined]  # an async generator, typed as what callers need
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_awaiting_client_stops_asking_once_the_service_went_away() -> None:
    script = Script(httpx2.ConnectError("refused"))
    many = await awaiting_client(script.transport).schedule_many(texts(20_000))
    assert many.rejected == 20_000
    assert len(script.requests) == 4 * LONGEST_WAITS.attempts
