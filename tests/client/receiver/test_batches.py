"""The service's batch body at a callback endpoint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from queue_services_client.receiver import (
    Receiver,
    Reject,
    RetryLater,
    SlowDown,
    SmsMessage,
    parse_sms,
)

from .builders import SECRET, Clock, callback, sms


def receiver(**options: Any) -> Receiver:
    return Receiver(SECRET, clock=Clock(), **options)


def batch(*messages: Any, **members: Any) -> dict[str, Any]:
    base = {"batchId": "b-1", "workspaceId": "w1", "channel": "sms"}
    return {**base, "messages": list(messages), **members}


def results(answering: Receiver, body: Any, handler: Any) -> list[dict[str, Any]]:
    answer = answering.receive(callback(body), parse_sms, handler)
    assert answer.status == 200
    found: list[dict[str, Any]] = json.loads(answer.body)["results"]
    return found


def test_each_message_of_a_batch_is_handled_with_its_own_attempt() -> None:
    sent: list[SmsMessage] = []
    body = batch(sms(jobId="1", attempt=1, tag="x"), sms(jobId="2", attempt=3))
    answers = results(receiver(), body, sent.append)
    assert [(one["jobId"], one["success"]) for one in answers] == [("1", True), ("2", True)]
    assert [(one.job_id, one.attempt, one.metadata) for one in sent] == [
        ("1", 1, {"tag": "x"}),
        ("2", 3, {}),
    ]


async def test_a_batch_is_handled_by_coroutines_too() -> None:
    sent: list[str] = []

    async def handler(message: SmsMessage) -> None:
        sent.append(message.job_id)

    body = batch(sms(jobId="1", attempt=1), sms(jobId="2", attempt=1))
    answer = await receiver().receive_async(callback(body), parse_sms, handler)
    assert (answer.status, sorted(sent)) == (200, ["1", "2"])


def test_a_result_says_whether_its_message_may_come_again_and_when() -> None:
    fates = {
        "1": Reject("no such number"),
        "2": SlowDown(7),
        "3": RetryLater("away"),
        "4": SlowDown(9_999),
        "5": KeyError("private"),
    }

    def handler(message: SmsMessage) -> None:
        raise fates[message.job_id]

    body = batch(*(sms(jobId=job_id, attempt=1) for job_id in fates), {"jobId": "6"})
    shown = [
        (one["jobId"], one.get("permanent", False), one.get("retryAfter"))
        for one in results(receiver(), body, handler)
    ]
    assert shown == [
        ("1", True, None),
        ("2", False, 7),
        ("3", False, None),
        ("4", False, 3_600),
        ("5", False, None),
        ("6", True, None),  # it cannot be read, and could not be the next time
    ]


def test_what_of_a_batch_was_accepted_is_dropped_in_the_next() -> None:
    once, sent = receiver(), list[SmsMessage]()
    results(once, batch(sms(jobId="1", attempt=1)), sent.append)
    again = results(once, batch(sms(jobId="1", attempt=2), sms(jobId="2", attempt=1)), sent.append)
    assert [one.get("duplicate", False) for one in again] == [True, False]
    assert [message.job_id for message in sent] == ["1", "2"]


def test_a_batch_of_an_unknown_workspace_is_refused_as_a_whole() -> None:
    """So that none of its messages ends: the service holds the workspace and probes."""
    known = receiver(workspaces={"w2"})
    answer = known.receive(callback(batch(sms(attempt=1))), parse_sms, lambda _: None)
    assert answer.status == 403


def test_a_batch_of_too_many_messages_is_refused_so_that_it_is_halved() -> None:
    body = batch(*(sms(jobId=str(number), attempt=1) for number in range(1_001)))
    assert receiver().receive(callback(body), parse_sms, lambda _: None).status == 413


@pytest.mark.parametrize(
    "metadata", [{"batchId": "b", "workspaceId": "w1", "messages": []}, {"batchId": "b"}]
)
def test_a_message_whose_metadata_looks_like_a_batch_is_one_message(
    metadata: dict[str, Any],
) -> None:
    sent: list[SmsMessage] = []
    answer = receiver().receive(callback({**metadata, **sms()}), parse_sms, sent.append)
    assert (answer.status, len(sent)) == (200, 1)


@pytest.mark.parametrize("attempt", ["2", -1, None, 10**12, [2]])
def test_an_attempt_that_is_none_counts_as_the_first(attempt: Any) -> None:
    sent: list[SmsMessage] = []
    results(receiver(), batch(sms(attempt=attempt)), sent.append)
    assert (sent[0].attempt, sent[0].metadata) == (1, {})
