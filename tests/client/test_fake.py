"""The fake service: deliveries on its own clock, and the answers of an endpoint taken as
the service takes them.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queue_services_client import Conflict, NotFound, ScheduleResult, Status
from queue_services_client.call import Lost
from queue_services_client.receiver import Receiver, RetryLater, SmsMessage, parse_sms
from queue_services_client.testing import AsyncFakeQueueService, FakeQueueService, QueueClock
from queue_services_client.types import CallbackAnswer, CallbackRequest, Job
from tests.client.builders import email, sms

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def sent(service: FakeQueueService, result: ScheduleResult) -> Job:
    assert result.job_id, result.error
    return service.status(result.job_id)


class Answers:
    """An endpoint that gives its answers in order, the last again and again, and keeps when
    it was called.
    """

    def __init__(self, clock: QueueClock, *answers: Any) -> None:
        self._clock, self._answers = clock, list(answers)
        self.after: list[float] = []
        self._start = clock.time()

    def __call__(self, request: CallbackRequest) -> Any:
        self.after.append(self._clock.time() - self._start)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def against(*answers: Any) -> tuple[FakeQueueService, Answers]:
    clock = QueueClock()
    endpoint = Answers(clock, *answers)
    return FakeQueueService(endpoint, clock=clock), endpoint


def test_a_message_is_delivered_when_the_clock_reaches_it_and_not_before() -> None:
    service, endpoint = against(200)
    result = service.schedule_message(sms(delay=timedelta(days=7)))
    service.advance(days=7, milliseconds=-1)
    assert (endpoint.after, sent(service, result).status) == ([], Status.SCHEDULED)
    service.advance(milliseconds=1)
    assert (endpoint.after, sent(service, result).status) == ([7 * 86_400], Status.COMPLETED)


def test_what_is_due_now_is_delivered_by_advancing_by_nothing() -> None:
    service, endpoint = against(200)
    service.schedule_message(sms())
    service.advance()
    assert endpoint.after == [0]


def test_deliveries_come_in_order_of_time_then_priority() -> None:
    service = FakeQueueService()
    for name, delay, priority in (
        ("late", 2_000, "high"),
        ("low", 1_000, "low"),
        ("first", 1_000, "normal"),
        ("second", 1_000, "normal"),
        ("high", 1_000, "high"),
    ):
        service.schedule_message(sms(message=name, delay=delay, priority=priority))
    service.advance(days=1)
    assert [json.loads(request.body)["message"] for request in service.callbacks] == [
        "high",
        "first",
        "second",
        "low",
        "late",
    ]


def test_what_an_endpoint_schedules_while_the_clock_moves_is_delivered_in_the_same_move() -> None:
    service = FakeQueueService()
    service.deliver = lambda _: (
        None if len(service.callbacks) > 2 else _none(service.schedule_message(sms(delay=60_000)))
    )
    service.schedule_message(sms())
    service.advance(hours=1)
    assert len(service.callbacks) == 3


def _none(_: object) -> None: ...


def test_an_sms_callback_has_the_body_and_headers_of_the_service() -> None:
    service = FakeQueueService()
    result = service.schedule_message(
        sms(metadata={"order": 7, "to": "not this"}, media_url="https://example.org/a.png")
    )
    service.advance()
    (request,) = service.callbacks
    assert request.path == "/send-sms"
    assert json.loads(request.body) == {
        "to": "+49 170 1234567",
        "message": "See you at ten",
        "contactId": "c-1",
        "workspaceId": "acme",
        "jobId": result.job_id,
        "mediaUrl": "https://example.org/a.png",
        "order": 7,
    }
    assert {
        name: request.headers[name] for name in ("x-workspace-id", "idempotency-key", "x-attempt")
    } == {
        "x-workspace-id": "acme",
        "idempotency-key": result.job_id,
        "x-attempt": "1",
    }


def test_an_email_callback_has_its_html_as_content_too_and_goes_where_its_metadata_says() -> None:
    service = FakeQueueService()
    service.schedule_message(email(callback_endpoint="/hooks/mail?x=1"))
    service.advance()
    body = json.loads(service.callbacks[0].body)
    assert (service.callbacks[0].path, body["html"], body["content"]) == (
        "/hooks/mail?x=1",
        "<p>Hello</p>",
        "<p>Hello</p>",
    )


def test_endpoints_may_be_told_apart_by_path_and_another_path_is_404() -> None:
    service = FakeQueueService({"/send-sms": lambda _: 200})
    results = [service.schedule_message(message) for message in (sms(), email())]
    service.advance()
    assert [(job.status, job.reason) for job in (sent(service, result) for result in results)] == [
        (Status.COMPLETED, None),
        (Status.FAILED, "rejected"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        500,
        408,
        425,
        599,
        TimeoutError("10 s"),
        CallbackAnswer(body=b'{"success": false, "error": "no route"}'),
    ],
)
def test_a_failed_try_is_made_again_after_a_growing_wait_and_fails_after_three(answer: Any) -> None:
    service, endpoint = against(answer)
    result = service.schedule_message(sms())
    service.advance(days=1)
    job = sent(service, result)
    assert endpoint.after == [0, 1, 3]
    assert (
        job.status,
        job.reason,
        job.attempts_made,
        [attempt.number for attempt in job.attempts],
    ) == (Status.FAILED, "exhausted", 3, [1, 2, 3])


def test_a_try_that_works_after_one_that_failed_completes_the_job() -> None:
    service, _ = against(500, None)
    result = service.schedule_message(sms())
    service.advance(minutes=1)
    job = sent(service, result)
    assert (job.status, [attempt.outcome for attempt in job.attempts]) == (
        Status.COMPLETED,
        ["failed", "delivered"],
    )


@pytest.mark.parametrize("answer", [400, 401, 403, 404, 410, 422, 301])
def test_a_refusal_ends_the_job_at_once(answer: int) -> None:
    service, endpoint = against(answer)
    result = service.schedule_message(sms())
    service.advance(days=1)
    assert (len(endpoint.after), sent(service, result).reason) == (1, "rejected")


def test_being_told_to_slow_down_uses_no_try_and_waits_as_told() -> None:
    slow = CallbackAnswer(status=429, headers={"Retry-After": "30"}, body=b"slow down")
    service, endpoint = against(
        slow, CallbackAnswer(status=503, headers={"retry-after": "60"}), 429, None
    )
    result = service.schedule_message(sms())
    service.advance(hours=1)
    job = sent(service, result)
    assert endpoint.after == [0, 30, 90, 91]
    assert (job.status, job.attempts_made, len(job.attempts)) == (Status.COMPLETED, 1, 4)
    assert job.attempts[0].error == "429 slow down"


def test_no_endpoint_slows_a_message_down_by_more_than_an_hour_at_a_time() -> None:
    service, endpoint = against(CallbackAnswer(status=429, headers={"retry-after": "86400"}), None)
    service.schedule_message(sms())
    service.advance(days=1)
    assert endpoint.after == [0, 3_600]


def test_a_day_of_slowing_down_is_counted_anew_after_a_try_that_failed() -> None:
    slow = [CallbackAnswer(status=429, headers={"retry-after": "3600"})] * 20
    service, _ = against(*slow, 500, *slow, None)
    result = service.schedule_message(sms())
    service.advance(days=3)
    assert sent(service, result).status is Status.COMPLETED


def test_an_endpoint_that_is_not_reached_is_tried_for_a_day_and_uses_no_try() -> None:
    service, endpoint = against(ConnectionRefusedError("refused"))
    result = service.schedule_message(sms())
    service.advance(hours=23)
    assert sent(service, result).attempts == ()
    assert endpoint.after[:8] == [0, 1, 3, 7, 15, 31, 63, 123]
    service.advance(hours=2)
    assert (sent(service, result).status, sent(service, result).reason) == (
        Status.FAILED,
        "unreachable",
    )


def test_a_bug_in_an_endpoint_reaches_the_test_and_the_message_still_waits() -> None:
    service, _ = against(AssertionError("wrong text"), None)
    result = service.schedule_message(sms())
    with pytest.raises(AssertionError, match="wrong text"):
        service.advance(minutes=1)
    assert sent(service, result).status is Status.SCHEDULED
    service.advance()
    assert sent(service, result).status is Status.COMPLETED


def test_an_expired_message_is_not_sent() -> None:
    service, endpoint = against(None)
    result = service.schedule_message(
        sms(delay=60_000, expires_at=QueueClock().now() + timedelta(seconds=60))
    )
    service.advance(minutes=2)
    assert (sent(service, result).reason, endpoint.after) == ("expired", [])


def test_the_receiver_of_the_application_takes_its_callbacks() -> None:
    clock = QueueClock()
    texts: list[str] = []

    def send(message: SmsMessage) -> None:
        texts.append(message.message)
        if len(texts) == 1:
            raise RetryLater("the gateway is away")

    receiver = Receiver(SECRET, workspaces={"acme"}, clock=clock.time)
    service = FakeQueueService(
        lambda request: receiver.receive(request, parse_sms, send),
        clock=clock,
        signing_secret=SECRET,
    )
    results = [
        service.schedule_message(sms(workspace_id=workspace, delay=timedelta(days=1)))
        for workspace in ("acme", "unknown")
    ]
    service.advance(days=2)
    assert [sent(service, result).status for result in results] == [Status.COMPLETED, Status.FAILED]
    assert texts == ["See you at ten"] * 2


async def test_the_awaiting_fake_awaits_its_endpoints() -> None:
    clock, seen = QueueClock(), []

    async def endpoint(request: CallbackRequest) -> int | None:
        seen.append(request.path)
        if len(seen) == 1:
            raise ConnectionRefusedError
        return None

    service = AsyncFakeQueueService(endpoint, clock=clock)
    result = await service.schedule_message(sms(delay=timedelta(days=1)))
    await service.advance(days=1, seconds=1)
    assert (await service.status(result.job_id or "")).status is Status.COMPLETED
    assert len(seen) == 2


def test_a_plain_fake_does_not_swallow_a_coroutine() -> None:
    class Pending:
        def __await__(self) -> Any:
            yield

    service = FakeQueueService(lambda _: Pending())
    service.schedule_message(sms())
    with pytest.raises(TypeError, match="AsyncFakeQueueService"):
        service.advance()


def test_the_clock_never_goes_back() -> None:
    with pytest.raises(ValueError, match="forward"):
        FakeQueueService().advance(days=-1)


def test_ids_look_like_the_services_and_repeat_from_run_to_run() -> None:
    first, second = (
        FakeQueueService(clock=QueueClock(datetime(2026, 1, 1, tzinfo=UTC)))
        .schedule_message(sms())
        .job_id
        for _ in range(2)
    )
    assert first == second
    assert uuid.UUID(first).version == 7
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first or "")


def test_a_request_can_be_made_to_fail_and_the_retry_does_not_double() -> None:
    service = FakeQueueService()
    service.fail_next(503, Lost("reset"))
    assert service.schedule_message(sms()).success
    assert len(service.messages) == 1


def test_a_job_shows_why_it_waits() -> None:
    service = FakeQueueService()
    result = service.schedule_message(sms(delay=60_000, campaign_id="spring"))
    assert sent(service, result).waiting_for == "due"
    service.campaign("spring", workspace_id="acme").pause()
    assert (sent(service, result).waiting_for, sent(service, result).estimated_at) == (
        "pause",
        None,
    )


def test_figures_count_what_was_sent_and_what_failed() -> None:
    service, _ = against(None, 400)
    for _ in range(2):
        service.schedule_message(sms())
    service.schedule_message(email(delay=1_000))
    service.advance()
    figures = service.workspace_metrics("acme")
    assert (figures.sms.sent, figures.sms.failed, figures.email.backlog) == (1, 1, 1)
    assert (service.metrics().sms.total_processed, service.metrics().sms.success_rate) == (2, 50.0)


def test_a_reset_clears_the_exceedances_it_names() -> None:
    service = FakeQueueService()
    service.exceed_limit("acme", "sms")
    service.exceed_limit("other", "sms")
    service.reset_metrics(workspace_id="acme")
    assert list(service.metrics().workspace_rate_limits) == ["other"]


def test_changes_list_what_ended_and_the_newest_of_a_job_alone() -> None:
    service, _ = against(400)
    first, second = (
        service.schedule_message(sms(delay=delay)).job_id or "" for delay in (0, 1_000)
    )
    service.advance(seconds=1)
    seen = service.changes(limit=1)
    assert [change.job_id for change in seen.changes] == [first]
    service.retry(first)
    later = service.changes(after=seen.cursor)
    assert [(change.job_id, change.status) for change in later.changes] == [
        (second, Status.FAILED),
        (first, Status.SCHEDULED),
    ]
    assert service.changes(after=later.cursor).changes == ()


def test_acting_on_what_is_over_is_a_conflict_and_on_nothing_not_found() -> None:
    service = FakeQueueService()
    job_id = service.schedule_message(sms()).job_id or ""
    service.advance()
    for act in (service.cancel, service.retry, service.promote):
        with pytest.raises(Conflict):
            act(job_id)
    with pytest.raises(NotFound):
        service.cancel("no-such-job")
