from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from queue_services_client.receiver import (
    FieldMap,
    Receiver,
    Reject,
    RetryLater,
    SlowDown,
    SmsMessage,
    parse_event,
    parse_sms,
)
from queue_services_client.receiver.deduplicator import MemoryDeduplicator
from queue_services_client.types import CallbackAnswer, CallbackRequest, Event

from .builders import NOW, OTHER_SECRET, SECRET, Clock, callback, event, sms

Receive = Callable[..., CallbackAnswer]


def receiver(**options: Any) -> Receiver:
    options.setdefault("clock", Clock())
    return Receiver(options.pop("secrets", SECRET), **options)


@pytest.fixture(params=["sync", "async"])
def receive(request: pytest.FixtureRequest) -> Receive:
    """Both ways into the receiver; every rule holds for both."""
    if request.param == "sync":
        return lambda receiver, *arguments: receiver.receive(*arguments)
    return lambda receiver, *arguments: asyncio.run(receiver.receive_async(*arguments))


def failing(error: Exception) -> Callable[[SmsMessage], None]:
    def handler(message: SmsMessage) -> None:
        raise error

    return handler


def said(answer: CallbackAnswer) -> Any:
    return json.loads(answer.body)


def test_a_message_is_handed_on_and_answered_with_success(receive: Receive) -> None:
    sent: list[SmsMessage] = []
    answer = receive(receiver(), callback(sms(), x_attempt="3"), parse_sms, sent.append)
    assert (answer.status, answer.headers["content-type"], said(answer)) == (
        200,
        "application/json",
        {"success": True},
    )
    assert [(message.to, message.attempt) for message in sent] == [("+15550100", 3)]


@pytest.mark.parametrize("attempt", ["", "x", "-1", "٣", "1" * 5000])
def test_an_attempt_number_that_is_none_counts_as_the_first(attempt: str, receive: Receive) -> None:
    sent: list[SmsMessage] = []
    assert (
        receive(receiver(), callback(sms(), x_attempt=attempt), parse_sms, sent.append).status
        == 200
    )
    assert sent[0].attempt == 1


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (RetryLater("provider is away"), 503, None),
        (SlowDown(7.2), 429, "8"),
        (SlowDown(0), 429, "1"),
        (Reject("no such number"), 422, None),
        (Reject("gone", 410), 410, None),
        (ZeroDivisionError("private"), 500, None),
    ],
)
def test_a_handlers_exception_becomes_the_answer_the_service_understands(
    error: Exception, status: int, retry_after: str | None, receive: Receive
) -> None:
    answer = receive(receiver(), callback(sms()), parse_sms, failing(error))
    assert (answer.status, answer.headers.get("retry-after"), said(answer)["success"]) == (
        status,
        retry_after,
        False,
    )


def test_a_refusal_gives_its_reason_and_a_bug_only_its_type(
    receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    assert (
        said(receive(receiver(), callback(sms()), parse_sms, failing(Reject("no such number"))))[
            "error"
        ]
        == "no such number"
    )
    bug = said(
        receive(receiver(), callback(sms()), parse_sms, failing(KeyError("ann@example.com")))
    )
    assert bug["error"] == "unexpected KeyError"
    assert "the handler of job-1 failed" in caplog.text


@pytest.mark.parametrize("status", [200, 399, 401, 403, 404, 408, 425, 429, 500])
def test_a_rejection_with_a_status_that_ends_no_message_is_a_mistake(status: int) -> None:
    with pytest.raises(ValueError, match="does not end a message"):
        Reject(status=status)


def test_what_is_not_signed_with_a_live_secret_never_reaches_the_handler(receive: Receive) -> None:
    sent: list[SmsMessage] = []
    unsigned = CallbackRequest(path="/send-sms", headers={}, body=json.dumps(sms()).encode())
    for request in (unsigned, callback(sms(), secret=OTHER_SECRET), callback(sms(), now=NOW - 301)):
        assert receive(receiver(), request, parse_sms, sent.append).status == 401
    assert not sent


def test_two_secrets_are_live_during_a_rotation(receive: Receive) -> None:
    rotating = receiver(secrets=[OTHER_SECRET, SECRET])
    assert receive(rotating, callback(sms()), parse_sms, lambda _: None).status == 200
    assert (
        receive(
            rotating, callback(sms(jobId="2"), secret=OTHER_SECRET), parse_sms, lambda _: None
        ).status
        == 200
    )


@pytest.mark.parametrize("secrets", ["", [], ["", SECRET], "whsec_???"])
def test_a_secret_that_is_missing_stops_the_application_at_start(secrets: Any) -> None:
    with pytest.raises(ValueError, match="secret"):
        Receiver(secrets)


def test_the_agreed_authorization_can_stand_in_for_a_signature(receive: Receive) -> None:
    guarded = receiver(secrets=None, authorization="Bearer abc")
    assert (
        receive(
            guarded, callback(sms(), authorization="Bearer abc"), parse_sms, lambda _: None
        ).status
        == 200
    )
    for given in ("Bearer abd", "Bearer é", ""):
        assert (
            receive(guarded, callback(sms(), authorization=given), parse_sms, lambda _: None).status
            == 401
        )


@pytest.mark.parametrize("workspaces", [{"w1"}, lambda workspace: workspace == "w1"])
def test_only_known_workspaces_are_served(workspaces: Any, receive: Receive) -> None:
    served = receiver(workspaces=workspaces)
    assert receive(served, callback(sms()), parse_sms, lambda _: None).status == 200
    assert (
        receive(
            served, callback(sms(workspaceId="w2", jobId="2")), parse_sms, lambda _: None
        ).status
        == 403
    )


def test_a_workspace_check_that_fails_brings_the_message_again(receive: Receive) -> None:
    def away(workspace: str) -> bool:
        raise RetryLater("the database is away")

    assert (
        receive(receiver(workspaces=away), callback(sms()), parse_sms, lambda _: None).status == 503
    )


def test_a_repeat_of_what_was_accepted_is_dropped_with_success(receive: Receive) -> None:
    sent: list[SmsMessage] = []
    once = receiver()
    assert said(receive(once, callback(sms()), parse_sms, sent.append)) == {"success": True}
    assert said(receive(once, callback(sms()), parse_sms, sent.append)) == {
        "success": True,
        "duplicate": True,
    }
    assert len(sent) == 1


@pytest.mark.parametrize("error", [RetryLater(), SlowDown(1), Reject(), ValueError()])
def test_what_failed_may_come_again(error: Exception, receive: Receive) -> None:
    sent: list[SmsMessage] = []
    once = receiver()
    receive(once, callback(sms()), parse_sms, failing(error))
    assert receive(once, callback(sms()), parse_sms, sent.append).status == 200
    assert len(sent) == 1


def test_a_repeat_during_the_handler_is_put_off_without_costing_a_try() -> None:
    once, answers = receiver(), []

    def handler(message: SmsMessage) -> None:
        answers.append(once.receive(callback(sms()), parse_sms, handler))

    assert once.receive(callback(sms()), parse_sms, handler).status == 200
    assert [(answer.status, answer.headers["retry-after"]) for answer in answers] == [(503, "1")]


async def test_two_at_once_on_one_event_loop_are_handled_once() -> None:
    once, started, sent = receiver(), asyncio.Event(), []

    async def handler(message: SmsMessage) -> None:
        await started.wait()
        sent.append(message)

    first = asyncio.create_task(once.receive_async(callback(sms()), parse_sms, handler))
    await asyncio.sleep(0)
    second = await once.receive_async(callback(sms()), parse_sms, handler)
    started.set()
    assert (second.status, (await first).status, len(sent)) == (503, 200, 1)


def test_a_handler_that_was_killed_blocks_its_message_no_longer_than_the_lease() -> None:
    clock = Clock()
    once = receiver(clock=clock, deduplicator=MemoryDeduplicator(lease=60))

    def killed(message: SmsMessage) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once.receive(callback(sms()), parse_sms, killed)
    assert once.receive(callback(sms()), parse_sms, lambda _: None).status == 503
    clock.now += 60
    assert once.receive(callback(sms(), now=clock.now), parse_sms, lambda _: None).status == 200


class ForgetfulDeduplicator(MemoryDeduplicator):
    def accept(self, key: str, now: float) -> None:
        raise OSError("disk full")


def test_a_message_that_went_out_is_a_success_even_if_it_cannot_be_remembered(
    receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    assert (
        receive(
            receiver(deduplicator=ForgetfulDeduplicator()),
            callback(sms()),
            parse_sms,
            lambda _: None,
        ).status
        == 200
    )
    assert "could not be remembered" in caplog.text


def test_a_coroutine_that_nobody_would_await_is_no_success() -> None:
    async def handler(message: SmsMessage) -> None: ...

    answer = receiver().receive(callback(sms()), parse_sms, handler)
    assert (answer.status, said(answer)["error"]) == (500, "unexpected TypeError")


async def test_a_coroutine_behind_a_field_map_is_awaited() -> None:
    sent: list[dict[str, Any]] = []

    async def handler(fields: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        sent.append(fields)

    answer = await receiver().receive_async(
        callback(sms()), parse_sms, FieldMap({"phone": "to"}).before(handler)
    )
    assert (answer.status, sent) == (200, [{"phone": "+15550100"}])


def test_a_batch_is_answered_message_by_message_and_repeated_only_where_it_failed(
    receive: Receive,
) -> None:
    sent: list[str] = []

    def handler(message: SmsMessage) -> None:
        if message.job_id == "b" and "b" not in sent:
            sent.append("b")
            raise SlowDown(3)
        if message.job_id == "c":
            raise Reject("no such number")
        sent.append(message.job_id)

    once = receiver()
    batch = callback([sms(jobId="a"), sms(jobId="b"), {"jobId": "x"}, sms(jobId="c")])
    first = receive(once, batch, parse_sms, handler)
    assert first.status == 200
    assert said(first)["success"] is False
    assert [
        (line["success"], line["status"], line.get("jobId"), line.get("retryAfter"))
        for line in said(first)["results"]
    ] == [
        (True, 200, "a", None),
        (False, 429, "b", 3),
        (False, 422, None, None),
        (False, 422, "c", None),
    ]
    again = said(receive(once, callback([sms(jobId="a"), sms(jobId="b")]), parse_sms, handler))
    assert again["success"] is True
    assert [line.get("duplicate", False) for line in again["results"]] == [True, False]
    assert sorted(sent) == ["a", "b", "b"]


def test_an_empty_batch_is_a_success_and_one_too_large_is_refused(receive: Receive) -> None:
    assert said(receive(receiver(), callback([]), parse_sms, lambda _: None)) == {
        "success": True,
        "results": [],
    }
    assert receive(receiver(), callback([sms()] * 1001), parse_sms, lambda _: None).status == 413


def test_a_body_over_the_limit_is_refused(receive: Receive) -> None:
    assert receive(receiver(max_bytes=50), callback(sms()), parse_sms, lambda _: None).status == 413


def test_events_come_through_the_same_checks_once_each_and_from_any_workspace(
    receive: Receive,
) -> None:
    seen: list[Event] = []
    events = receiver(workspaces={"other"})
    for _ in range(2):
        assert receive(events, callback(event()), parse_event, seen.append).status == 200
    assert [one.event_id for one in seen] == ["e1"]
    assert (
        receive(
            events, callback(event(eventId="e2"), secret=OTHER_SECRET), parse_event, seen.append
        ).status
        == 401
    )
