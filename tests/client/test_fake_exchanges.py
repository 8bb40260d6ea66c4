"""The fake service's batches, and its question before a message is sent again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from queue_services_client import Status
from queue_services_client.receiver import Receiver, Reject, SlowDown, SmsMessage, parse_sms
from queue_services_client.testing import AsyncFakeQueueService, FakeQueueService
from queue_services_client.types import CallbackAnswer, CallbackRequest, ChannelName, Job
from tests.client.builders import sms

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BATCH: dict[ChannelName, str] = {"sms": "/sms-batch"}


def messages(request: CallbackRequest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(request.body)["messages"]
    return found


def jobs(service: FakeQueueService) -> list[Job]:
    return [service.status(job.job_id) for job in reversed(list(service.jobs()))]


def test_what_is_due_at_one_time_goes_out_as_batches_of_a_hundred() -> None:
    service = FakeQueueService(batch_endpoints=BATCH)
    service.schedule_many([sms(message=str(number)) for number in range(250)])
    service.advance()
    assert [len(messages(request)) for request in service.callbacks] == [100, 100, 50]
    assert {request.path for request in service.callbacks} == {"/sms-batch"}
    assert {job.status for job in jobs(service)} == {Status.COMPLETED}


def test_a_batch_holds_one_workspaces_messages_and_none_with_an_endpoint_of_its_own() -> None:
    service = FakeQueueService(batch_endpoints=BATCH)
    service.schedule_many(
        [sms(), sms(workspace_id="other"), sms(callback_endpoint="/own"), sms(message="2")]
    )
    service.advance()
    sizes = [
        (request.path, len(messages(request)) if request.path == "/sms-batch" else 1)
        for request in service.callbacks
    ]
    assert sorted(sizes) == [("/own", 1), ("/sms-batch", 1), ("/sms-batch", 2)]


def test_the_receiver_answers_a_batch_of_the_fake_message_by_message() -> None:
    sent: list[tuple[str, int]] = []

    def handler(message: SmsMessage) -> None:
        sent.append((message.message, message.attempt))
        if message.message == "never":
            raise Reject("no such number")
        if message.message == "later" and message.attempt == 1:
            raise SlowDown(30)

    service = FakeQueueService(batch_endpoints=BATCH, signing_secret=SECRET)
    receiver = Receiver(SECRET, clock=service.clock.time)
    service.deliver = lambda request: receiver.receive(request, parse_sms, handler)
    service.schedule_many([sms(message=text) for text in ("now", "never", "later")])
    service.advance(minutes=1)
    assert [(job.status, job.reason, job.attempts_made) for job in jobs(service)] == [
        (Status.COMPLETED, None, 1),
        (Status.FAILED, "rejected", 1),
        (Status.COMPLETED, None, 1),
    ]
    assert sent == [("now", 1), ("never", 1), ("later", 1), ("later", 2)]


@pytest.mark.parametrize(
    ("status", "sizes"), [(413, [4, 2, 2, 1, 1, 1, 1]), (400, [4, 1, 1, 1, 1])]
)
def test_a_batch_that_is_refused_is_sent_in_smaller_ones_which_use_no_try(
    status: int, sizes: list[int]
) -> None:
    service = FakeQueueService(
        lambda request: 200 if len(messages(request)) == 1 else status, batch_endpoints=BATCH
    )
    service.schedule_many([sms(message=str(number)) for number in range(4)])
    service.advance()
    assert [len(messages(request)) for request in service.callbacks] == sizes
    assert {(job.status, job.attempts_made) for job in jobs(service)} == {(Status.COMPLETED, 1)}


def test_a_message_without_a_result_failed_and_one_without_any_follows_the_whole() -> None:
    answers = [CallbackAnswer(body=b'{"results": []}'), CallbackAnswer(body=b"{}")]
    service = FakeQueueService(lambda _: answers.pop(0), batch_endpoints=BATCH)
    service.schedule_message(sms())
    service.advance(minutes=1)
    (job,) = jobs(service)
    assert (job.status, job.attempts_made) == (Status.COMPLETED, 2)


def test_a_message_that_arrived_and_timed_out_is_not_sent_twice() -> None:
    sent: list[str] = []
    service = FakeQueueService(ask_endpoints={"sms": "/sms-sent"}, signing_secret=SECRET)
    receiver = Receiver(SECRET, clock=service.clock.time)

    def deliver(request: CallbackRequest) -> CallbackAnswer:
        receiver.receive(request, parse_sms, lambda message: sent.append(message.job_id))
        raise TimeoutError

    service.deliver = {
        "/send-sms": deliver,
        "/sms-sent": lambda request: receiver.ask(request, request.path.rpartition("/")[2]),
    }
    service.schedule_message(sms())
    service.advance()
    (waiting,) = jobs(service)
    assert (waiting.status, waiting.waiting_for) == (Status.SCHEDULED, "confirmation")
    service.advance(minutes=1)
    (job,) = jobs(service)
    assert (job.status, len(sent), len(service.callbacks)) == (Status.COMPLETED, 1, 2)
    assert (job.attempts[-1].outcome, job.attempts[-1].confirmed) == ("delivered", True)
    assert (job.attempts[-1].duration_ms, job.attempts[-1].status_code) == (None, None)


def asked(service: FakeQueueService, answer: Any) -> Job:
    """A message whose POSTs all time out, and what comes of it in a day and a half."""

    def deliver(request: CallbackRequest) -> Any:
        if request.method == "POST":
            raise TimeoutError
        return answer

    service.deliver = deliver
    service.schedule_message(sms())
    service.advance(hours=36)
    (job,) = jobs(service)
    return job


@pytest.mark.parametrize("status", [200, 404])
def test_a_message_that_did_not_arrive_is_sent_as_often_as_without_the_question(
    status: int,
) -> None:
    service = FakeQueueService(ask_endpoints={"sms": "/sms-sent"})
    job = asked(service, CallbackAnswer(status=status, body=b'{"delivered": false}'))
    assert (job.status, job.reason, job.attempts_made) == (Status.FAILED, "exhausted", 3)
    assert [request.method for request in service.callbacks] == ["POST", "GET"] * 3


@pytest.mark.parametrize("answer", [202, 500, 404, CallbackAnswer(body=b"yes")])
def test_nothing_is_sent_while_the_answer_is_unclear(answer: Any) -> None:
    service = FakeQueueService(ask_endpoints={"sms": "/sms-sent"})
    job = asked(service, answer)
    assert (job.status, job.reason) == (Status.FAILED, "unreachable")
    assert [request.method for request in service.callbacks].count("POST") == 1


async def test_endpoints_that_are_awaited_take_batches_and_questions_too() -> None:
    asked: list[str] = []

    async def deliver(request: CallbackRequest) -> CallbackAnswer:
        asked.append(request.method)
        if request.method == "POST":
            raise TimeoutError
        return CallbackAnswer(body=b'{"delivered": true}')

    service = AsyncFakeQueueService(
        deliver, batch_endpoints=BATCH, ask_endpoints={"sms": "/sms-sent"}
    )
    await service.schedule_many([sms(message="1"), sms(message="2")])
    await service.advance(minutes=1)
    assert asked == ["POST", "GET", "GET"]
