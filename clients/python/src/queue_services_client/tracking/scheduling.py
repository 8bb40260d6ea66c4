"""Scheduling that is tracked from before it begins, so that a message is neither lost nor
doubled wherever it is cut off. Used by applications.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from queue_services_client.bulk import Entry, OnProgress, gather
from queue_services_client.campaigns import Campaign
from queue_services_client.plan import Contact, Launch
from queue_services_client.rollout import Rollout
from queue_services_client.types import Message, ScheduledMany, ScheduleResult

AT_ONCE = 1_000


class Planner(Protocol):
    """The part of a tracker that this needs: `SqlTracker` over the ready table."""

    def plan(self, messages: Iterable[Message], now: datetime) -> list[Message]: ...
    def record(self, *results: ScheduleResult) -> None: ...


class Scheduler(Protocol):
    """The part of `QueueService` that this needs."""

    def schedule_each(
        self, messages: Iterable[Entry], *, on_progress: OnProgress | None = None
    ) -> Iterator[ScheduleResult]: ...


def schedule_tracked(
    tracker: Planner, service: Scheduler, messages: Iterable[Entry], now: datetime
) -> ScheduledMany:
    """Writes messages down, schedules them and records what became of each; what the
    service did not take stays open for `reconcile`.

    `now` is the instant from which their delays count.
    """
    return gather(schedule_each_tracked(tracker, service, messages, now))


def schedule_each_tracked(
    tracker: Planner,
    service: Scheduler,
    messages: Iterable[Entry],
    now: datetime,
    *,
    on_progress: OnProgress | None = None,
) -> Iterator[ScheduleResult]:
    """As `schedule_tracked`, 1,000 at a time: yields what became of each message, in order.
    Nothing happens unless it is read.
    """
    results = service.schedule_each(_planned(tracker, messages, now), on_progress=on_progress)
    while some := list(islice(results, AT_ONCE)):
        tracker.record(*some)
        yield from some


class TrackedCampaign(Campaign):
    """A campaign each message of which is tracked: `TrackedCampaign("spring", steps,
    workspace_id=..., service=..., tracker=tracker)`.
    """

    def __init__(self, *arguments: Any, tracker: Planner, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._tracker = tracker

    def launch(
        self,
        contacts: Iterable[Contact],
        *,
        start: datetime | date | None = None,
        spread: timedelta | None = None,
        rollout: Rollout | None = None,
        on_progress: OnProgress | None = None,
    ) -> Launch:
        """As `Campaign.launch`; messages whose service was away are open in the tracker, and
        `reconcile` schedules them.
        """
        now = self.now()
        plan = self._plan(start, spread, rollout, now)
        for result in schedule_each_tracked(
            self._tracker, self._service, plan.entries(contacts), now, on_progress=on_progress
        ):
            plan.add(result)
        return plan.launch()


def _planned(tracker: Planner, entries: Iterable[Entry], now: datetime) -> Iterator[Entry]:
    rest = iter(entries)
    while some := list(islice(rest, AT_ONCE)):
        planned = iter(
            tracker.plan([entry for entry in some if not isinstance(entry, ScheduleResult)], now)
        )
        yield from (entry if isinstance(entry, ScheduleResult) else next(planned) for entry in some)
