"""Answers the client's requests as the service does, from memory. Used by the fakes; speaks
HTTP's words but opens no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec

from queue_services_client import wire
from queue_services_client.call import Reply, Request
from queue_services_client.errors import (
    Conflict,
    Fault,
    NotFound,
    QueueServiceError,
    ValidationFailed,
)
from queue_services_client.testing.figures import FakeFigures
from queue_services_client.testing.held import Held
from queue_services_client.testing.intake import Members, accept, due_at
from queue_services_client.testing.queue import FakeQueue
from queue_services_client.types import ChangeList, Channel, JobList, Statuses, WorkspaceList

MESSAGES_A_BATCH = 10_000
MESSAGES = {
    (Channel.SMS, True): "SMS scheduled successfully",
    (Channel.SMS, False): "SMS queued for immediate delivery",
    (Channel.EMAIL, True): "Email scheduled successfully",
    (Channel.EMAIL, False): "Email queued for immediate delivery",
}


class Routes:
    """One method a call, found by the first segment of its path, /api left out."""

    def __init__(self, queue: FakeQueue, figures: FakeFigures) -> None:
        self._queue, self._figures = queue, figures
        self._calls: dict[tuple[str, str], Callable[..., Any]] = {
            ("POST", "schedule-sms"): lambda request: self._schedule(request, Channel.SMS),
            ("POST", "schedule-email"): lambda request: self._schedule(request, Channel.EMAIL),
            ("POST", "schedule-batch"): self._batch,
            ("GET", "job-status"): lambda _, job_id: _plain(
                self._job(self._queue.find(job_id), attempts=True)
            ),
            ("POST", "job-status"): self._statuses,
            ("POST", "cancel-job"): lambda _, job_id: self._acted(self._queue.cancel(job_id)),
            ("POST", "retry-job"): lambda _, job_id: self._acted(self._queue.retry(job_id)),
            ("POST", "promote-job"): lambda _, job_id: self._acted(
                self._queue.reschedule(job_id, self._queue.clock.now())
            ),
            ("POST", "reschedule-job"): self._reschedule,
            ("GET", "jobs"): self._jobs,
            ("GET", "campaigns"): lambda request, campaign_id: _plain(
                self._queue.campaign(_workspace(request), campaign_id)
            ),
            ("POST", "campaigns"): self._steer,
            ("GET", "changes"): self._changes,
            ("GET", "health"): lambda _: {"status": "ok", "timestamp": self._queue.clock.now()},
            ("POST", "forecast"): self._forecast,
            ("GET", "metrics"): self._metrics,
            ("POST", "metrics"): self._reset,
            ("GET", "workspaces"): self._workspaces,
            ("PUT", "workspaces"): lambda request, workspace_id: _plain(
                self._figures.change(workspace_id, _body(request))
            ),
        }

    def answer(self, request: Request) -> Reply:
        _, *parts = (unquote(part) for part in request.path.split("/"))
        name, rest = (parts[1], parts[2:]) if parts[0] == "api" else (parts[0], parts[1:])
        call = self._calls.get((request.method, name))
        try:
            if call is None:
                raise NotFound(f"There is no {request.method} {request.path} here.")
            members = call(request, *rest)
        except QueueServiceError as error:
            return _problem(error)
        return Reply(200, wire.encode({"success": True, **members}), {"content-type": wire.JSON})

    def _schedule(self, request: Request, channel: Channel) -> Mapping[str, Any]:
        message = accept(_body(request), channel, self._queue.clock.now())
        held, replayed = self._queue.schedule(message)
        answer = wire.members(
            job_id=held.job_id,
            message=MESSAGES[channel, message.delayed],
            status="SCHEDULED",
            scheduled_for=held.due,
        )
        return answer | ({"replayed": True} if replayed else {})

    def _batch(self, request: Request) -> Mapping[str, Any]:
        lines = [line for line in (request.content or b"").split(b"\n") if line.strip()]
        if len(lines) > MESSAGES_A_BATCH:
            raise ValidationFailed("The batch has more than 10,000 messages; send it in parts.")
        results = [{"index": index, **self._batch_line(line)} for index, line in enumerate(lines)]
        rejected = sum("errors" in result for result in results)
        return {"accepted": len(results) - rejected, "rejected": rejected, "results": results}

    def _batch_line(self, line: bytes) -> Mapping[str, Any]:
        try:
            body = _object(line)
            if body.get("channel") not in list(Channel):
                raise ValidationFailed.of(Fault("channel", "give sms or email"))
            held, replayed = self._queue.schedule(
                accept(body, Channel(body["channel"]), self._queue.clock.now())
            )
        except ValidationFailed as error:
            return {"errors": error.faults or [Fault("", str(error))]}
        except Conflict as error:
            return {"errors": [Fault(wire.camel("idempotency_key"), str(error))]}
        return wire.members(job_id=held.job_id) | ({"replayed": True} if replayed else {})

    def _statuses(self, request: Request) -> Mapping[str, Any]:
        ids = wire.python_names(_body(request)).get("job_ids")
        if not isinstance(ids, list) or len(ids) > 1_000:
            raise ValidationFailed.of(
                Fault(wire.camel("job_ids"), "give a list of 1,000 ids at most")
            )
        known = [self._queue.held[job_id] for job_id in ids if job_id in self._queue.held]
        return _plain(
            Statuses(
                jobs=tuple(map(self._job, known)),
                unknown=tuple(job_id for job_id in ids if job_id not in self._queue.held),
            )
        )

    def _reschedule(self, request: Request, job_id: str) -> Mapping[str, Any]:
        members = Members(wire.python_names(_body(request)))
        due = due_at(members, self._queue.clock.now())
        if due is None or members.faults:
            raise ValidationFailed.of(
                *(members.faults or [Fault("delay", "give a delay or an instant")])
            )
        return self._acted(self._queue.reschedule(job_id, due))

    def _jobs(self, request: Request) -> Mapping[str, Any]:
        query = request.query
        limit, start = min(int(query.get("limit", "50")), 200), int(query.get("cursor", "0"))
        found = [
            job
            for held in reversed(self._queue.held.values())
            if _matches(held, job := self._job(held), query)
        ]
        end = start + limit
        return _plain(
            JobList(
                jobs=tuple(found[start:end]), next_cursor=str(end) if end < len(found) else None
            )
        )

    def _steer(self, request: Request, campaign_id: str, verb: str) -> Mapping[str, Any]:
        key = (_workspace(request), campaign_id)
        if verb == "shift":
            return {
                "count": self._queue.shift_campaign(
                    key, timedelta(milliseconds=_body(request)["delay"])
                )
            }
        actions = {
            "pause": self._queue.pause_campaign,
            "resume": self._queue.resume_campaign,
            "cancel": self._queue.cancel_campaign,
        }
        return {"count": actions[verb](key)}

    def _changes(self, request: Request) -> Mapping[str, Any]:
        query = wire.python_names(request.query)
        start, limit = int(query.get("after", "0")), int(query.get("limit", "1000"))
        newest = {
            change.job_id: number for number, change in enumerate(self._queue.changes, start=1)
        }
        mine = [
            (number, change)
            for number, change in enumerate(self._queue.changes, start=1)
            if number > start
            and newest[change.job_id] == number
            and query.get("workspace_id")
            in {None, self._queue.held[change.job_id].message.workspace_id}
        ][:limit]
        return _plain(
            ChangeList(
                changes=tuple(change for _, change in mine),
                cursor=str(mine[-1][0] if mine else start),
            )
        )

    def _forecast(self, request: Request) -> Mapping[str, Any]:
        members = Members(wire.python_names(_body(request)))
        when, count = members.instant("scheduled_for"), members.get("count")
        if not isinstance(count, int) or count < 1:
            members.fault("count", "give a whole number of 1 or more")
        if members.get("channel") not in list(Channel):
            members.fault("channel", "give sms or email")
        if members.faults:
            raise ValidationFailed.of(*members.faults)
        return _plain(
            self._figures.forecast(Channel(members.get("channel")), int(members.get("count")), when)
        )

    def _metrics(
        self, request: Request, kind: str = "", workspace_id: str = ""
    ) -> Mapping[str, Any]:
        if kind == "workspace":
            return _plain(self._figures.workspace_metrics(workspace_id))
        if kind == "history":
            return wire.members(
                step_seconds=int(wire.python_names(request.query)["step_seconds"]), points=[]
            )
        return _plain(self._figures.metrics())

    def _reset(self, request: Request, _: str) -> Mapping[str, Any]:
        body = wire.python_names(_body(request))
        channel = body.get("type")
        if channel not in [None, *Channel]:
            raise ValidationFailed.of(Fault("type", "give sms or email, or leave it out"))
        self._figures.reset(Channel(channel) if channel else None, body.get("workspace_id"))
        return {"message": "Metrics reset."}

    def _workspaces(self, request: Request, workspace_id: str = "") -> Mapping[str, Any]:
        if workspace_id:
            return _plain(self._figures.workspace(workspace_id))
        limit, start = int(request.query.get("limit", "50")), int(request.query.get("cursor", "0"))
        found = self._figures.workspaces(request.query.get("sort", "sent"))
        end = start + limit
        return _plain(
            WorkspaceList(
                workspaces=tuple(found[start:end]),
                next_cursor=str(end) if end < len(found) else None,
            )
        )

    def _job(self, held: Held, *, attempts: bool = False) -> Any:
        return held.job(paused=self._queue.is_paused(held), attempts=attempts)

    def _acted(self, held: Held) -> Mapping[str, Any]:
        return {"job": self._job(held)}


def _matches(held: Held, job: Any, query: Mapping[str, str]) -> bool:
    filters = {
        name: value
        for name, value in wire.python_names(query).items()
        if name not in {"limit", "cursor", "from", "to", "recipient"}
    }
    since, before = (
        datetime.fromisoformat(query[name]) if name in query else None for name in ("from", "to")
    )
    return (
        all(getattr(job, name) == value for name, value in filters.items())
        and query.get("recipient") in {None, held.message.to}
        and (since is None or job.created_at >= since)
        and (before is None or job.created_at < before)
    )


def _workspace(request: Request) -> str:
    return wire.python_names(request.query)["workspace_id"]


def _body(request: Request) -> dict[str, Any]:
    return _object(request.content or b"")


def _object(content: bytes) -> dict[str, Any]:
    try:
        return wire.decode(dict[str, Any], content)
    except msgspec.DecodeError as error:
        raise ValidationFailed(f"The body is not a JSON object: {error}") from error


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(struct, builtin_types=(datetime,))
    return plain


def _problem(error: QueueServiceError) -> Reply:
    status = 404 if isinstance(error, NotFound) else 409 if isinstance(error, Conflict) else 400
    faults = error.faults if isinstance(error, ValidationFailed) else ()
    body = {
        "type": "about:blank",
        "title": type(error).__name__,
        "status": status,
        "detail": str(error),
        "success": False,
        "message": str(error),
        "errors": faults,
    }
    return Reply(status, wire.encode(body), {"content-type": wire.PROBLEM})
