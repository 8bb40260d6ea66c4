"""Campaigns: launched in bulk, watched and steered by their id. Used by applications,
through `service.campaign(...)` or directly.

A launch is safe to repeat: each message has the idempotency key campaign:step:contact, so a
second launch adds only what is missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from datetime import date, datetime, timedelta
from typing import TypeVar

from queue_services_client import wire
from queue_services_client.bulk import OnProgress
from queue_services_client.calendar import send_time, time_zone
from queue_services_client.call import Call, Steps
from queue_services_client.calls import Calls, get, post, segment
from queue_services_client.either import Awaiting, Blocking, Part, call, flow
from queue_services_client.errors import Fault, ValidationFailed
from queue_services_client.plan import Contact, Launch, Plan, Step, compiled
from queue_services_client.rollout import Rollout
from queue_services_client.service import AsyncQueueService, QueueService
from queue_services_client.templates import Compile, dollar_templates
from queue_services_client.types import CampaignProgress, Forecast

T = TypeVar("T")
S = TypeVar("S", bound=Calls)


class CampaignCalls(Part[S]):
    """What a campaign can do, whichever client its `service` is.

    `zone` is where its wall-clock times are meant, unless a contact has one; `kind` is for
    rollouts.

    Raises ValidationFailed, naming the step, for steps that cannot be sent.
    """

    def __init__(
        self,
        campaign_id: str,
        steps: Iterable[Step] = (),
        *,
        zone: str = "UTC",
        workspace_id: str,
        service: S,
        kind: str | None = None,
        templates: Compile = dollar_templates,
    ) -> None:
        super().__init__(service)
        self.id, self.workspace_id, self.zone, self.kind = campaign_id, workspace_id, zone, kind
        self._path = f"/api/campaigns/{segment(campaign_id, wire.camel('campaign_id'))}"
        time_zone(zone)
        self._steps = compiled(steps, templates, zone)

    @call
    def progress(self) -> Call[CampaignProgress]:
        """How many of its jobs have each status, and when it should be through. Raises NotFound
        before its first message is scheduled.
        """
        return get(self._path, CampaignProgress, wire.query(workspace_id=self.workspace_id))

    @call
    def pause(self) -> Call[int]:
        """Hold what is not yet being sent, and what is scheduled from now on, until `resume`;
        how many jobs that is.
        """
        return self._act("pause")

    @call
    def resume(self) -> Call[int]:
        """Let a paused campaign go on; how many jobs wait no more."""
        return self._act("resume")

    @call
    def cancel(self) -> Call[int]:
        """Cancel what is not yet being sent; how many jobs that is. Messages scheduled later
        are not cancelled.
        """
        return self._act("cancel")

    @call
    def shift(self, by: timedelta) -> Call[int]:
        """Move what is not yet being sent by so much, earlier if negative; how many jobs that
        is. Not repeated by itself: twice would be twice as far.
        """
        body = wire.members(delay=round(by / timedelta(milliseconds=1)))
        return post(
            f"{self._path}/shift", _count, body, query=wire.query(workspace_id=self.workspace_id)
        )

    @flow
    def forecast(self, contacts: int, *, start: datetime | date | None = None) -> Steps[Forecast]:
        """When a launch for so many contacts would start and finish under today's limits and
        backlog; of a launched one, `progress` says it.

        Raises ValidationFailed for a campaign without steps.
        """
        forecasts: list[Forecast] = []
        for step in self._steps:
            due = send_time(
                step.of.day, step.of.at, self.zone, start=start or self.now(), days=step.of.days
            )
            some = yield from Calls.forecast.steps(
                self._service,
                workspace_id=self.workspace_id,
                channel=step.of.channel,
                count=contacts,
                scheduled_for=due,
            )
            forecasts.append(some)
        if not forecasts:
            raise ValidationFailed.of(Fault("steps", "the campaign has none to forecast"))
        last = max(forecasts, key=lambda forecast: (forecast.end_at is None, forecast.end_at))
        starts = [forecast.start_at for forecast in forecasts if forecast.start_at is not None]
        return Forecast(
            start_at=min(starts, default=None), end_at=last.end_at, limited_by=last.limited_by
        )

    def _act(self, verb: str) -> Call[int]:
        return post(
            f"{self._path}/{verb}",
            _count,
            query=wire.query(workspace_id=self.workspace_id),
            repeatable=True,
        )

    def _plan(
        self,
        start: datetime | date | None,
        spread: timedelta | None,
        rollout: Rollout | None,
        now: datetime,
    ) -> Plan:
        if not self._steps:
            raise ValidationFailed.of(Fault("steps", "a launch needs at least one"))
        if spread is not None and spread < timedelta(0):
            raise ValidationFailed.of(Fault("spread", "give a timedelta of 0 or more"))
        return Plan(
            self._steps,
            campaign_id=self.id,
            workspace_id=self.workspace_id,
            zone=self.zone,
            kind=self.kind,
            start=start or now,
            now=now,
            spread=spread,
            rollout=rollout,
        )


class Campaign(CampaignCalls[QueueService], Blocking):
    """A campaign of `service`, a QueueService.

    >>> welcome = Campaign("welcome", [Step(0, "09:30", "sms", template="Hello $name")],
    ...     zone="Europe/Berlin", workspace_id="acme", service=service)
    >>> launch = welcome.launch([Contact("c-1", phone="+491701234567", fields={"name": "Ada"}),
    ...     Contact("c-2")])
    >>> launch.accepted, launch.failures[0].error
    (1, 'phone: contact c-2 has none')
    >>> welcome.progress().total
    1
    """

    def launch(
        self,
        contacts: Iterable[Contact],
        *,
        start: datetime | date | None = None,
        spread: timedelta | None = None,
        rollout: Rollout | None = None,
        on_progress: OnProgress | None = None,
    ) -> Launch:
        """Schedule every step for every contact, in bulk. A contact without a good address,
        zone or fields is reported, not fatal.

        `start` is an aware datetime (now, by default), whose date is day 0 where each contact
        is, or that date itself. `spread` delays each contact by up to so much, the same for all
        its steps and at every launch. `rollout` leaves contacts out. Raises ValidationFailed
        for a campaign without steps, a negative spread or a start without a zone.
        """
        plan = self._plan(start, spread, rollout, self.now())
        for result in self._service.schedule_each(plan.entries(contacts), on_progress=on_progress):
            plan.add(result)
        return plan.launch()

    def run(self, steps: Steps[T]) -> T:
        return self._service.run(steps)


class AsyncCampaign(CampaignCalls[AsyncQueueService], Awaiting):
    """`Campaign` of an AsyncQueueService: the same calls, each awaited."""

    async def launch(
        self,
        contacts: Iterable[Contact] | AsyncIterable[Contact],
        *,
        start: datetime | date | None = None,
        spread: timedelta | None = None,
        rollout: Rollout | None = None,
        on_progress: OnProgress | None = None,
    ) -> Launch:
        """Schedule every step for every contact, in bulk; see `Campaign.launch`."""
        plan = self._plan(start, spread, rollout, self.now())
        async for result in self._service.schedule_each(
            plan.entries_awaiting(contacts), on_progress=on_progress
        ):
            plan.add(result)
        return plan.launch()

    async def run(self, steps: Steps[T]) -> T:
        return await self._service.run(steps)


def _count(content: bytes) -> int:
    return wire.decode(wire.CountAnswer, content).count
