"""Messages at once."""

from __future__ import annotations

from datetime import timedelta

from queue_services_client import AsyncNotificationManager, NotificationManager
from queue_services_client.testing import AsyncFakeQueueService, FakeQueueService


def test_a_notification_is_due_now_and_goes_before_a_campaign() -> None:
    service = FakeQueueService()
    NotificationManager(service, workspace_id="acme").send_sms(
        "+491701234567", "123456", contact_id="c-1"
    )
    (message,) = service.messages
    assert (message.priority, message.due, message.workspace_id) == (
        "high",
        service.clock.now(),
        "acme",
    )


def test_a_code_that_could_not_be_sent_in_time_is_not_sent_at_all() -> None:
    service = FakeQueueService(lambda _: 503)
    sent = NotificationManager(service, workspace_id="acme").send_email(
        "ada@example.org",
        "Code",
        "<p>1</p>",
        contact_id="c-1",
        expires_after=timedelta(milliseconds=500),
    )
    service.advance(minutes=1)
    job = service.status(sent.job_id or "")
    assert (job.status, job.reason, len(job.attempts)) == ("CANCELLED", "expired", 1)


def test_what_holds_for_all_notifications_gives_way_to_what_one_says() -> None:
    service = FakeQueueService()
    manager = NotificationManager(
        service, workspace_id="acme", source="accounts", callback_endpoint="/now"
    )
    manager.send_sms("+491701234567", "1", contact_id="c-1")
    manager.send_sms("+491701234567", "2", contact_id="c-1", source="billing", priority="normal")
    assert [message.metadata["source"] for message in service.messages] == ["accounts", "billing"]
    assert [message.priority for message in service.messages] == ["high", "normal"]
    service.advance()
    assert service.callbacks[0].path == "/now"


async def test_the_awaiting_manager_has_the_same_calls() -> None:
    service = AsyncFakeQueueService()
    sent = await AsyncNotificationManager(service, workspace_id="acme").send_email(
        "nobody", "Hi", "<p>Hi</p>", contact_id="c-1"
    )
    assert (sent.success, sent.faults[0].field) == (False, "to")
