"""The monitor against the fake: what it tells, how often, and whose limits it raises."""

from __future__ import annotations

import logging

import pytest

from queue_services_client import AsyncMonitor, Monitor, QueueServiceError
from queue_services_client.monitor import Alert, Raise
from queue_services_client.testing import AsyncFakeQueueService, FakeQueueService


class Told(list[tuple[str, str, str]]):
    """Keeps the alerts it is called with: kind, workspace and channel."""

    def __call__(self, alert: Alert) -> None:
        self.append((alert.kind, alert.workspace_id, alert.channel.value))


class Enough(BaseException):
    """Ends a loop that has no end."""


def test_an_exceedance_is_told_once_until_the_next_one() -> None:
    service, told = FakeQueueService(), Told()
    monitor = Monitor(service, on_exceeded=told)
    service.exceed_limit("acme", "sms")
    monitor.check()
    monitor.check()
    assert told == [("exceeded", "acme", "sms")]
    service.clock.sleep(1)
    service.exceed_limit("acme", "sms")
    monitor.check()
    assert len(told) == 2


def test_an_alert_has_the_figures() -> None:
    service = FakeQueueService()
    service.exceed_limit("acme", "email", due=175)
    (alert,) = Monitor(service).check()
    assert (alert.use.count, alert.use.details[0].batch_size, alert.use.limit_per_second) == (
        1,
        175,
        100.0,
    )


def test_a_workspace_near_its_limit_is_told_once_until_it_was_far_from_it() -> None:
    service, told = FakeQueueService(), Told()
    monitor = Monitor(service, on_approaching=told)
    for utilization in (0.79, 0.8, 0.95, 0.7, 0.85):
        service.use_limit("acme", "sms", utilization)
        monitor.check()
    assert told == [("approaching", "acme", "sms")]
    for utilization in (0.59, 0.8):
        service.use_limit("acme", "sms", utilization)
        monitor.check()
    assert len(told) == 2


def test_one_workspace_can_be_looked_at() -> None:
    service, told = FakeQueueService(), Told()
    service.exceed_limit("acme", "sms")
    service.exceed_limit("other", "sms")
    Monitor(service, on_exceeded=told).check_workspace("other")
    assert told == [("exceeded", "other", "sms")]


def test_only_the_busiest_are_looked_at() -> None:
    service, told = FakeQueueService(), Told()
    for exceedances in range(1, 6):
        for _ in range(exceedances):
            service.exceed_limit(f"w-{exceedances}", "sms")
    Monitor(service, on_exceeded=told, busiest=2).check()
    assert [workspace for _, workspace, _ in told][:2] == ["w-5", "w-4"]
    assert len(told) < 5


def test_a_tier_that_is_named_gets_a_higher_limit_up_to_its_maximum() -> None:
    service = FakeQueueService()
    service.change_workspace("acme", tier="premium", limits={"sms": 50.0, "email": 7.0})
    monitor = Monitor(service, raise_limits={"premium": Raise(maximum=70)})
    limits = []
    for _ in range(3):
        service.clock.sleep(1)
        service.exceed_limit("acme", "sms")
        monitor.check()
        limits.append(service.workspace("acme").limits["sms"])  # type: ignore[index]  # equal to Channel.SMS
    assert limits == [62, 70, 70]
    assert service.workspace("acme").limits["email"] == 7.0  # type: ignore[index]  # equal to Channel.EMAIL


def test_a_small_limit_is_raised_by_a_whole_message_at_least() -> None:
    service = FakeQueueService()
    service.change_workspace("acme", tier="premium", limits={"sms": 2.0})
    service.exceed_limit("acme", "sms")
    Monitor(service, raise_limits={"premium": Raise(maximum=70)}).check()
    assert service.workspace("acme").limits["sms"] == 3  # type: ignore[index]  # equal to Channel.SMS


@pytest.mark.parametrize(("tier", "utilization"), [("standard", None), ("premium", 0.9)])
def test_no_limit_is_raised_for_another_tier_or_for_being_near(
    tier: str, utilization: float | None
) -> None:
    service = FakeQueueService()
    service.change_workspace("acme", tier=tier)
    if utilization:
        service.use_limit("acme", "sms", utilization)
    else:
        service.exceed_limit("acme", "sms")
    assert len(Monitor(service, raise_limits={"premium": Raise(maximum=70)}).check()) == 1
    assert service.workspace("acme").limits == {}


def test_it_checks_again_after_every_pause_and_survives_what_goes_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, told, naps = FakeQueueService(), Told(), []
    service.exceed_limit("acme", "sms")
    service.fail_next(500)

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise Enough

    service._sleep = nap
    with caplog.at_level(logging.ERROR), pytest.raises(Enough):
        Monitor(service, on_exceeded=told).run_every(minutes=10)
    assert (naps, told) == ([600, 600, 600], [("exceeded", "acme", "sms")])
    assert "next check is in 10 minutes" in caplog.text


def test_a_single_check_raises_what_went_wrong() -> None:
    service = FakeQueueService()
    service.fail_next(500)
    with pytest.raises(QueueServiceError):
        Monitor(service).check()


async def test_the_awaiting_monitor_awaits_its_callbacks() -> None:
    service, told = AsyncFakeQueueService(), Told()

    async def tell(alert: Alert) -> None:
        told(alert)

    service.exceed_limit("acme", "sms")
    await AsyncMonitor(service, on_exceeded=tell).check()
    assert told == [("exceeded", "acme", "sms")]
