"""The two clients over a transport that a test scripts: what goes out, what comes back, and
what is waited for between.
"""

from __future__ import annotations

import inspect
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import httpx2
import pytest

from queue_services_client import (
    AsyncQueueService,
    Conflict,
    Job,
    NotFound,
    QueueService,
    SendWindow,
    Status,
    Unavailable,
    ValidationFailed,
)
from queue_services_client.reconcile.reconciliation import Service
from tests.client.builders import (
    JOB,
    LONGEST_WAITS,
    SCHEDULED,
    Naps,
    Script,
    answer,
    email,
    problem,
    sms,
)

URL = "http://127.0.0.1:3000"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUEUE_SERVICES_URL", "QUEUE_SERVICES_KEY"):
        monkeypatch.delenv(name, raising=False)


def client(
    script: Script, url: str | None = URL, *, sleep: Naps | None = None, **options: Any
) -> QueueService:
    return QueueService(
        url, transport=script.transport, retries=LONGEST_WAITS, sleep=sleep or Naps(), **options
    )


def awaiting_client(script: Script, **options: Any) -> AsyncQueueService:
    return AsyncQueueService(
        URL, transport=script.transport, retries=LONGEST_WAITS, sleep=Naps().awaited, **options
    )


def pages(*answers: dict[str, Any]) -> Script:
    return Script(*(answer(**members) for members in answers))


def test_scheduling_an_email_answers_as_the_seeds_layer_does() -> None:
    result = client(Script(answer(**SCHEDULED))).schedule_email(
        "ada@example.org", "Hi", "<p>Hi</p>", contact_id="c-1", workspace_id="acme", delay=5_000
    )
    assert (result.success, result.job_id, result.error) == (True, "job-1", None)
    assert result.scheduled_for == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_a_refused_message_is_a_result_with_the_error_and_its_faults() -> None:
    script = Script(
        problem(
            400,
            "to: give an email address",
            errors=[{"field": "to", "message": "give an email address"}],
        )
    )
    result = client(script).schedule_message(email(to="x"))
    assert (result.success, result.job_id, result.error) == (
        False,
        None,
        "to: give an email address",
    )
    assert (result.faults[0].field, result.unavailable) == ("to", False)


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_refused_message_is_an_exception_on_request(everywhere: bool) -> None:
    service = client(Script(problem(409)), raise_errors=everywhere)
    with pytest.raises(Conflict):
        service.schedule_message(sms(idempotency_key="k"), raise_errors=not everywhere)


def test_a_message_that_cannot_be_sent_at_all_is_a_result_too() -> None:
    script = Script(answer(**SCHEDULED))
    result = client(script).schedule_message(sms(delay=-1))
    assert (result.success, result.faults[0].field, script.requests) == (False, "delay", [])


def test_a_retry_carries_the_idempotency_key_of_the_first_try() -> None:
    script = Script(httpx2.ReadTimeout("slow"), problem(503), answer(**SCHEDULED, replayed=True))
    naps = Naps()
    result = client(script, sleep=naps).schedule_message(sms())
    keys = {body["idempotencyKey"] for body in script.bodies}
    assert (result.success, result.replayed, naps.seconds) == (True, True, [1.0, 2.0])
    assert keys == {result.idempotency_key}
    assert len(script.requests) == 3


def test_two_messages_never_share_a_key_that_was_made_for_them() -> None:
    script = Script(answer(**SCHEDULED))
    service = client(script)
    service.schedule_message(sms())
    service.schedule_message(sms())
    assert script.bodies[0]["idempotencyKey"] != script.bodies[1]["idempotencyKey"]


def test_a_key_that_is_given_is_kept() -> None:
    script = Script(answer(**SCHEDULED))
    assert (
        client(script).schedule_message(sms(idempotency_key="order-7")).idempotency_key == "order-7"
    )
    assert script.bodies[0]["idempotencyKey"] == "order-7"


def test_a_service_that_never_answers_leaves_the_message_open_under_its_key() -> None:
    result = client(Script(httpx2.ConnectError("refused"))).schedule_message(sms())
    assert (result.success, result.unavailable) == (False, True)
    assert result.idempotency_key


def test_the_key_is_sent_as_a_bearer_token_without_the_line_break_of_its_file() -> None:
    script = Script(answer(**JOB))
    client(script, key="secret\n").status("job-1")
    assert script.requests[0].headers["authorization"] == "Bearer secret"


def test_address_and_key_come_from_the_environment_where_they_are_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUEUE_SERVICES_URL", "https://queue.example/base/")
    monkeypatch.setenv("QUEUE_SERVICES_KEY", "from-environment")
    script = Script(answer(**JOB))
    client(script, None).status("job-1")
    assert str(script.requests[0].url) == "https://queue.example/base/api/job-status/job-1"
    assert script.requests[0].headers["authorization"] == "Bearer from-environment"


def test_a_key_in_the_address_is_sent_as_the_password_of_basic() -> None:
    script = Script(answer(**JOB))
    client(script, "https://any:secret@queue.example").status("job-1")
    assert (
        script.requests[0].headers["authorization"] == "Basic " + b64encode(b"any:secret").decode()
    )


@pytest.mark.parametrize("url", ["any:secret@queue", "ftp://any:secret@queue"])
def test_an_address_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        QueueService(url)
    assert "secret" not in str(refused.value)


def test_an_unknown_job_is_not_found() -> None:
    with pytest.raises(NotFound):
        client(Script(problem(404))).status("job-1")


def test_an_id_with_odd_characters_is_one_segment_of_the_path() -> None:
    script = Script(answer(**JOB))
    client(script).status("a/b?c#d")
    assert script.requests[0].url.raw_path == b"/api/job-status/a%2Fb%3Fc%23d"


@pytest.mark.parametrize("job_id", ["", ".", ".."])
def test_an_id_that_would_lead_to_another_call_is_refused(job_id: str) -> None:
    with pytest.raises(ValidationFailed):
        client(Script(answer(**JOB))).cancel(job_id)


@pytest.mark.parametrize(
    ("call", "path", "body"),
    [
        (lambda service: service.cancel("job-1"), "/api/cancel-job/job-1", None),
        (lambda service: service.retry("job-1"), "/api/retry-job/job-1", None),
        (lambda service: service.promote("job-1"), "/api/promote-job/job-1", None),
        (
            lambda service: service.reschedule("job-1", timedelta(minutes=1)),
            "/api/reschedule-job/job-1",
            {"delay": 60_000},
        ),
    ],
)
def test_the_calls_that_act_on_a_job_answer_the_job(call: Any, path: str, body: Any) -> None:
    script = Script(answer(job=JOB))
    assert call(client(script)).status is Status.SCHEDULED
    assert (script.requests[0].method, script.requests[0].url.path) == ("POST", path)
    assert json.loads(script.requests[0].content or b"null") == body


def test_a_cancel_whose_answer_was_lost_is_not_asked_again() -> None:
    script = Script(httpx2.ReadError("reset"))
    with pytest.raises(Unavailable):
        client(script).cancel("job-1")
    assert len(script.requests) == 1


def test_jobs_are_asked_for_page_by_page_as_they_are_read() -> None:
    script = pages({"jobs": [JOB, JOB], "nextCursor": "2"}, {"jobs": [JOB], "nextCursor": None})
    jobs: Iterator[Any] = client(script).jobs(
        workspace_id="acme", status=Status.FAILED, created_from=datetime(2026, 1, 1, tzinfo=UTC)
    )
    next(jobs)
    assert len(script.requests) == 1
    assert len(list(jobs)) == 2
    assert dict(script.requests[1].url.params) == {
        "workspaceId": "acme",
        "status": "FAILED",
        "from": "2026-01-01T00:00:00.000Z",
        "limit": "200",
        "cursor": "2",
    }


def test_statuses_of_any_number_of_ids_are_asked_a_thousand_at_a_time() -> None:
    script = pages({"jobs": [JOB], "unknown": ["x"]})
    found = client(script).statuses(f"job-{number}" for number in range(2_001))
    assert [len(body["jobIds"]) for body in script.bodies] == [1_000, 1_000, 1]
    assert (len(found.jobs), found.unknown) == (3, ("x", "x", "x"))


def test_a_workspaces_settings_are_changed_by_what_is_given_and_cleared_by_none() -> None:
    script = Script(answer(workspaceId="acme", tier="premium", limits={"sms": 5}))
    workspace = client(script).change_workspace(
        "acme", tier=None, limits={"sms": 5.0}, send_window=SendWindow(start="08:00", end="21:00")
    )
    assert (workspace.limits, script.requests[0].method) == ({"sms": 5}, "PUT")
    assert script.bodies[0] == {
        "tier": None,
        "limits": {"sms": 5.0},
        "sendWindow": {"start": "08:00", "end": "21:00", "days": [1, 2, 3, 4, 5, 6, 7]},
    }


def test_workspaces_are_walked_by_the_page() -> None:
    script = pages(
        {"workspaces": [{"workspaceId": "a"}], "nextCursor": "1"},
        {"workspaces": [{"workspaceId": "b"}], "nextCursor": None},
    )
    assert [workspace.workspace_id for workspace in client(script).workspaces(sort="exceeded")] == [
        "a",
        "b",
    ]
    assert dict(script.requests[1].url.params) == {"sort": "exceeded", "cursor": "1"}


def test_history_is_asked_for_in_steps_of_seconds_between_two_instants() -> None:
    point = {
        "timestamp": "2026-03-01T00:00:00.000Z",
        "sent": 3,
        "failed": 1,
        "exceeded": 0,
        "averageLatenessMs": None,
    }
    script = Script(answer(stepSeconds=3600, points=[point]))
    start = datetime(2026, 3, 1, tzinfo=UTC)
    history = client(script).metrics_history(
        start=start, end=start + timedelta(days=1), step_seconds=3600, channel="sms"
    )
    assert (history.points[0].sent, history.points[0].average_lateness_ms) == (3, None)
    assert dict(script.requests[0].url.params) == {
        "from": "2026-03-01T00:00:00.000Z",
        "to": "2026-03-02T00:00:00.000Z",
        "stepSeconds": "3600",
        "channel": "sms",
    }


def test_metrics_are_read_as_the_seed_shows_them() -> None:
    channel = {
        "totalProcessed": 1250,
        "batchesProcessed": 25,
        "successRate": 99.8,
        "avgProcessingTime": 120,
        "throughput": 42,
        "rateExceededCount": 0,
    }
    newest = {
        "timestamp": "2025-03-22T10:15:30.123Z",
        "batchSize": 75,
        "errorMessage": "Rate limit exceeded: 50 per second",
    }
    limits = {
        "acme": {"sms": {"count": 5, "lastExceeded": newest["timestamp"], "details": [newest]}}
    }
    body = {
        "sms": {**channel, "lastProcessedTime": None},
        "email": channel,
        "workspaceRateLimits": limits,
        "timestamp": "2025-03-22T10:15:45.123Z",
    }
    metrics = client(Script(answer(**body))).metrics()
    assert (
        metrics.sms.total_processed,
        metrics.email.success_rate,
        metrics.sms.last_processed_time,
    ) == (1250, 99.8, None)
    assert metrics.workspace_rate_limits["acme"].sms.details[0].batch_size == 75
    assert metrics.workspace_rate_limits["acme"].email.count == 0


def test_resetting_metrics_names_only_what_is_given() -> None:
    script = Script(answer(message="Metrics reset."))
    client(script).reset_metrics(channel="sms")
    assert script.bodies[0] == {"type": "sms"}


async def test_type_checkers_see_a_value_in_the_one_client_and_an_awaitable_of_it_in_the_other() -> (
    None
):
    plain, awaiting = (
        client(Script(answer(**JOB, jobs=[JOB], nextCursor=None))),
        awaiting_client(Script(answer(**JOB))),
    )
    assert assert_type(plain.status("job-1"), Job) == assert_type(
        await awaiting.status("job-1"), Job
    )
    assert_type(plain.jobs(workspace_id="acme"), Iterator[Job])
    assert_type(awaiting.jobs(workspace_id="acme"), AsyncIterator[Job])
    followed: Service = plain
    assert followed is plain


def test_a_call_explains_itself_with_its_own_signature() -> None:
    assert list(inspect.signature(QueueService.reschedule).parameters) == [
        "self",
        "job_id",
        "delay",
    ]
    assert (inspect.getdoc(client(Script(answer())).reschedule) or "").startswith(
        "Make a SCHEDULED job due"
    )


def test_a_plain_client_refuses_to_await() -> None:
    def steps() -> Any:
        yield Never()

    with pytest.raises(TypeError, match="AsyncQueueService"):
        client(Script(answer())).run(steps())


class Never:
    def __await__(self) -> Any:
        yield


async def test_the_awaiting_client_has_the_same_calls() -> None:
    script = Script(httpx2.ReadTimeout("slow"), answer(**SCHEDULED), answer(job=JOB))
    async with awaiting_client(script) as service:
        assert (await service.schedule_message(sms())).job_id == "job-1"
        assert (await service.cancel("job-1")).job_id == "job-1"


async def test_the_awaiting_clients_lists_are_async_iterators() -> None:
    script = pages({"jobs": [JOB, JOB], "nextCursor": "2"}, {"jobs": [JOB], "nextCursor": None})
    assert len([job async for job in awaiting_client(script).jobs()]) == 3


async def test_the_awaiting_client_raises_in_the_await_and_not_before() -> None:
    waiting = awaiting_client(Script(answer())).cancel("")
    with pytest.raises(ValidationFailed):
        await waiting


def test_the_plain_client_waits_through_a_real_connection_refused() -> None:
    naps = Naps()
    with QueueService("http://127.0.0.1:9", retries=LONGEST_WAITS, sleep=naps) as service:
        assert service.schedule_message(sms()).unavailable
    assert naps.seconds == [1.0, 2.0, 4.0]
