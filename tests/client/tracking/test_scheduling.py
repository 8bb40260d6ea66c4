from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from queue_services_client.bulk import Entry
from queue_services_client.plan import Contact, Step
from queue_services_client.reconcile import reconcile
from queue_services_client.testing import FakeQueueService, QueueClock
from queue_services_client.tracking import TrackedCampaign, schedule_each_tracked, schedule_tracked
from queue_services_client.tracking.sqlalchemy import SqlTracker
from queue_services_client.types import ScheduleResult, Status

from .builders import NOW, email, sms, tracker
from .model_service import ModelService


class DyingService(ModelService):
    """Takes so many messages, then dies before it answers the next."""

    lives = 0

    def schedule_each(
        self, messages: Iterable[Entry], *, on_progress: object = None
    ) -> Iterator[ScheduleResult]:
        for result in super().schedule_each(messages):
            if self.lives == 0:
                raise KeyboardInterrupt
            self.lives -= 1
            yield result


def unrecorded(tracked: SqlTracker) -> list[str]:
    return [message.key for page in tracked.open_messages(unrecorded=True) for message in page]


def test_each_message_is_written_down_then_scheduled_then_recorded() -> None:
    ready, service = tracker(), ModelService(NOW)
    scheduled = schedule_tracked(
        ready, service, [sms("k1"), sms("k3", to="nobody"), email("k2")], NOW
    )
    assert (scheduled.accepted, scheduled.rejected) == (2, 1)
    found = {
        message.key: (message.job_id, message.status)
        for page in ready.open_messages()
        for message in page
    }
    assert found == {key: (service.keys[key], Status.SCHEDULED) for key in ("k1", "k2")}


def test_cut_off_anywhere_every_message_is_open_and_the_second_time_completes_it() -> None:
    ready, service = tracker(), DyingService(NOW)
    service.lives = 1_500
    messages = [sms(f"{number}") for number in range(2_500)]
    with pytest.raises(KeyboardInterrupt):
        schedule_tracked(ready, service, messages, NOW)
    assert len(unrecorded(ready)) == 1_000
    service.lives = 2_500
    assert schedule_tracked(ready, service, messages, NOW).replayed == 1_501
    assert (unrecorded(ready), len(service.jobs)) == ([], 2_500)


def test_a_result_in_place_of_a_message_keeps_its_place_and_is_not_tracked() -> None:
    ready, service = tracker(), ModelService(NOW)
    no_address = ScheduleResult(success=False, error="phone: contact c-2 has none")
    results = list(schedule_each_tracked(ready, service, [sms("k1"), no_address, email("k2")], NOW))
    assert [result.success for result in results] == [True, False, True]
    assert results[1] is no_address
    assert set(service.keys) == {"k1", "k2"}


STEPS = [
    Step(0, "13:00", "sms", template="Hello $name"),
    Step(1, "09:00", "email", subject="Hi", template="<p>$name</p>"),
]
CONTACTS = [
    Contact("ann", phone="+15550100", email="ann@example.com", fields={"name": "Ann"}),
    Contact("bob", fields={"name": "Bob"}),
]


def campaign(service: FakeQueueService, tracked: SqlTracker) -> TrackedCampaign:
    return TrackedCampaign("spring", STEPS, workspace_id="w1", service=service, tracker=tracked)


def test_a_tracked_campaign_is_launched_like_any_other_and_its_messages_are_followed_to_their_end() -> (
    None
):
    ready, service = tracker(), FakeQueueService(clock=QueueClock(NOW))
    launch = campaign(service, ready).launch(CONTACTS)
    assert (launch.accepted, launch.rejected) == (2, 2)
    assert [message.key for page in ready.open_messages() for message in page] == [
        "spring:1:ann",
        "spring:2:ann",
    ]
    service.advance(days=2)
    assert reconcile(ready, service, now=service.now()).corrected == 2
    assert list(ready.open_messages()) == []


def test_a_tracked_campaign_launched_while_the_service_is_away_is_scheduled_by_reconciliation_for_the_times_it_was_meant() -> (
    None
):
    ready, service = tracker(), FakeQueueService(clock=QueueClock(NOW))
    service.fail_next(*[503] * 20)
    assert campaign(service, ready).launch(CONTACTS).accepted == 0
    service._failures.clear()
    assert reconcile(ready, service, now=service.now()).rescheduled == 2
    assert [message.due.isoformat() for message in service.messages] == [
        "2026-03-01T13:00:00+00:00",
        "2026-03-02T09:00:00+00:00",
    ]
