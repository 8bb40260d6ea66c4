"""Alerts and their sinks: setting and reading them, and sending a test notification. For
administrators alone.
"""

from __future__ import annotations

import functools
from typing import Any

from msgspec import UNSET

from queue_services.api.calls import Call, Incoming
from queue_services.api.guard import Scope
from queue_services.delivery.signing import secret_fault
from queue_services.domain.message import SECOND
from queue_services.domain.notifications import AnySink, SlackSink, SmtpSink, WebhookSink
from queue_services.errors import Fault, InvalidRequest
from queue_services.queue import alerts
from queue_services.queue.alerts import Alert
from queue_services.web import bodies as reading
from queue_services.wire import alerts as wire
from queue_services.wire.addresses import media_url
from queue_services.wire.bodies import LONGEST_ID, NoMembers, NoQuery
from queue_services.wire.times import optional_rfc3339


async def list_alerts(incoming: Incoming) -> wire.AlertsAnswer:
    """GET /api/alerts."""
    found = await alerts.every.run(incoming.services.database)
    return wire.AlertsAnswer(alerts=[wire.AlertMembers(**_members(one)) for one in found])


async def get_alert(incoming: Incoming) -> wire.AlertAnswer:
    """GET /api/alerts/{name}."""
    return _answer(await alerts.find.run(incoming.services.database, incoming.name))


async def put_alert(incoming: Incoming) -> wire.AlertAnswer:
    """PUT /api/alerts/{name}."""
    rule = wire.rule_of(incoming.body)
    return _answer(await alerts.put.run(incoming.services.database, _name(incoming), rule))


async def delete_alert(incoming: Incoming) -> wire.AlertAnswer:
    """DELETE /api/alerts/{name}."""
    return _answer(await alerts.delete.run(incoming.services.database, incoming.name))


async def list_alert_sinks(incoming: Incoming) -> wire.SinksAnswer:
    """GET /api/alert-sinks."""
    found = await alerts.sinks.run(incoming.services.database)
    return wire.SinksAnswer(
        sinks=[wire.SinkMembers(**_sink_members(name, sink)) for name, sink in found.items()]
    )


async def get_alert_sink(incoming: Incoming) -> wire.SinkAnswer:
    """GET /api/alert-sinks/{name}."""
    return _sink_answer(
        incoming.name, await alerts.find_sink.run(incoming.services.database, incoming.name)
    )


async def put_alert_sink(incoming: Incoming) -> wire.SinkAnswer:
    """PUT /api/alert-sinks/{name}."""
    name, (wanted, kept) = _name(incoming), _sink(wire.read_sink_body(incoming.content))
    database = incoming.services.database
    return _sink_answer(name, await alerts.put_sink.run(database, name, wanted, kept))


async def delete_alert_sink(incoming: Incoming) -> wire.SinkAnswer:
    """DELETE /api/alert-sinks/{name}."""
    database = incoming.services.database
    return _sink_answer(incoming.name, await alerts.delete_sink.run(database, incoming.name))


async def test_alert_sink(incoming: Incoming) -> wire.SinkTestAnswer:
    """POST /api/alert-sinks/{name}/test."""
    found = await alerts.find_sink.run(incoming.services.database, incoming.name)
    error = await incoming.services.notifier.test(incoming.name, found, incoming.now)
    return wire.SinkTestAnswer(delivered=error is None, error=error)


def _name(incoming: Incoming) -> str:
    if not 1 <= len(incoming.name) <= LONGEST_ID:
        raise InvalidRequest(Fault("name", f"must be text of 1-{LONGEST_ID} characters"))
    return incoming.name


def _sink(body: wire.WebhookBody | wire.SlackBody | wire.SmtpBody) -> tuple[AnySink, list[str]]:
    """The sink of a body, and the names of the secrets that were left out and stay. Raises
    InvalidRequest.
    """
    if isinstance(body, wire.SmtpBody):
        password = None if body.password is UNSET else body.password
        return SmtpSink(
            host=body.host,
            port=int(body.port),
            tls=body.tls,
            sender=body.sender,
            to=wire.recipients(body),
            username=body.username,
            password=password,
        ), ["password"] if body.password is UNSET else []
    try:
        media_url(body.url)
    except ValueError as error:
        raise InvalidRequest(Fault("url", str(error))) from None
    if isinstance(body, wire.SlackBody):
        return SlackSink(url=body.url), []
    if body.secret is UNSET:
        return WebhookSink(url=body.url), ["secret"]
    if body.secret is not None and (fault := secret_fault(body.secret)):
        raise InvalidRequest(Fault("secret", fault))
    return WebhookSink(url=body.url, secret=body.secret), []


def _answer(one: Alert) -> wire.AlertAnswer:
    return wire.AlertAnswer(**_members(one))


def _members(one: Alert) -> dict[str, Any]:
    rule, standing = one.rule, one.standing
    return {
        "name": one.name,
        "when": wire.WhenMembers(
            figure=wire.FIGURE_NAMES[rule.subject.figure],
            channel=rule.subject.channel,
            workspace_id=rule.subject.workspace,
            over=rule.threshold if rule.over else None,
            under=None if rule.over else rule.threshold,
            for_seconds=rule.hold_for // SECOND,
        ),
        "notify": list(rule.sinks),
        "quiet_seconds": rule.quiet // SECOND,
        "clear": rule.clear_at,
        "state": wire.state_name(standing.state),
        "since": optional_rfc3339(standing.since or None),
        "value": standing.value,
        "last_notified_at": optional_rfc3339(standing.notified_at),
    }


def _sink_answer(name: str, found: AnySink) -> wire.SinkAnswer:
    return wire.SinkAnswer(**_sink_members(name, found))


def _sink_members(name: str, found: AnySink) -> dict[str, Any]:
    if isinstance(found, WebhookSink):
        return {
            "name": name,
            "type": "webhook",
            "url": found.url,
            "secret_set": found.secret is not None,
        }
    if isinstance(found, SlackSink):
        return {"name": name, "type": "slack", "url": found.url}
    return {
        "name": name,
        "type": "smtp",
        "host": found.host,
        "port": found.port,
        "tls": found.tls,
        "username": found.username,
        "password_set": found.password is not None,
        "sender": found.sender,
        "to": list(found.to),
    }


_call = functools.partial(Call, scope=Scope.ADMIN, tag="Alerts")

CALLS = [
    _call(
        "GET",
        "/api/alerts",
        list_alerts,
        "All alerts and where they stand",
        wire.AlertsAnswer,
        query=NoQuery,
    ),
    _call(
        "GET",
        "/api/alerts/{name}",
        get_alert,
        "An alert and where it stands",
        wire.AlertAnswer,
        errors=(404,),
    ),
    _call(
        "PUT",
        "/api/alerts/{name}",
        put_alert,
        "Set an alert; it is evaluated every 5 s",
        wire.AlertAnswer,
        body=wire.AlertBody,
        reads=reading.OTHER,
        audited="set alert",
    ),
    _call(
        "DELETE",
        "/api/alerts/{name}",
        delete_alert,
        "Remove an alert",
        wire.AlertAnswer,
        errors=(404,),
        audited="remove alert",
    ),
    _call(
        "GET",
        "/api/alert-sinks",
        list_alert_sinks,
        "All sinks of notifications, without their secrets",
        wire.SinksAnswer,
        query=NoQuery,
    ),
    _call(
        "GET",
        "/api/alert-sinks/{name}",
        get_alert_sink,
        "A sink of notifications, without its secrets",
        wire.SinkAnswer,
        errors=(404,),
    ),
    _call(
        "PUT",
        "/api/alert-sinks/{name}",
        put_alert_sink,
        "Set a sink of notifications",
        wire.SinkAnswer,
        body=wire.SinkBody,
        reads=reading.OTHER,
        decodes=False,
        audited="set alert sink",
    ),
    _call(
        "DELETE",
        "/api/alert-sinks/{name}",
        delete_alert_sink,
        "Remove a sink that no alert uses",
        wire.SinkAnswer,
        errors=(404, 409),
        audited="remove alert sink",
    ),
    _call(
        "POST",
        "/api/alert-sinks/{name}/test",
        test_alert_sink,
        "Send a test notification now and say what became of it",
        wire.SinkTestAnswer,
        body=NoMembers,
        reads=reading.NONE,
        errors=(404,),
        audited="test alert sink",
    ),
]
