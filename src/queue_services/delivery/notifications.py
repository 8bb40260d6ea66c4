"""Notifications of alerts: delivers one to a sink, as a signed webhook, Slack's text or mail.

Called by `dispatcher.alerts` and by the API's test call. Every URL and host was set by API,
so each dialled address passes the guard.
"""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import msgspec

from queue_services.delivery import smtp
from queue_services.delivery.http1.target import post, read_target
from queue_services.delivery.posts import Posts
from queue_services.delivery.signing import signature_headers
from queue_services.delivery.smtp import AddressGuard, MailServer
from queue_services.domain.alerts import Figure, Rule, Subject, Transition
from queue_services.domain.message import SECOND, Instant, new_id
from queue_services.domain.notifications import (
    AnySink,
    Report,
    SlackSink,
    SmtpSink,
    WebhookSink,
)
from queue_services.domain.outcome import Kind
from queue_services.wire.alerts import alert_facts
from queue_services.wire.times import rfc3339

CONNECTIONS = 4
_encode = msgspec.json.Encoder().encode

MEANINGS = {
    Figure.FAILED_SHARE: "Share of failed messages",
    Figure.OLDEST_DUE_SECONDS: "Seconds that the oldest due message has waited",
    Figure.EXCEEDED_PER_MINUTE: "Exceeded limits in a minute",
    Figure.DISPATCHERS: "Running dispatchers",
    Figure.BACKLOG_CLEARS_SECONDS: "Seconds until the backlog clears",
    Figure.ENDPOINT_HELD: "Held endpoints",
}


class Notifier:
    """Delivers notifications, each within `seconds`. `clock` gives the instants of signatures."""

    def __init__(
        self, seconds: float, clock: Callable[[], Instant], address_guard: AddressGuard
    ) -> None:
        self._seconds, self._clock, self._guard = seconds, clock, address_guard
        self._posts = Posts(seconds, CONNECTIONS, clock, address_guard)

    async def send(self, identity: str, sink: AnySink, report: Report) -> str | None:
        """Deliver a report; None when the sink took it, else why not. `identity` is the
        notification's own: the same at every try.
        """
        try:
            return await self._send(identity, sink, report)
        except ValueError as error:  # a host that no name can be, an address that no mail holds
            return f"The sink's settings cannot be used: {error}"

    async def _send(self, identity: str, sink: AnySink, report: Report) -> str | None:
        match sink:
            case WebhookSink():
                return await self._post(identity, sink.url, _webhook(report), sink.secret)
            case SlackSink():
                body = _encode({"text": f"{_title(report)}\n{_text(report)}"})
                return await self._post(identity, sink.url, body, None)
            case SmtpSink():
                server = MailServer(sink.host, sink.port, sink.tls, sink.username, sink.password)
                return await smtp.send(server, _mail(sink, report), self._guard, self._seconds)

    async def test(self, name: str, sink: AnySink, now: Instant) -> str | None:
        """Send a notification that says that it is a test; None when the sink took it."""
        rule = Rule(Subject(Figure.DISPATCHERS), 1, False, 0, 0, 1, (name,))
        return await self.send(new_id(now), sink, Report("test", Transition.TEST, rule, 0, now))

    async def close(self) -> None:
        """Close every connection. No `send` may be running."""
        await self._posts.close()

    async def _post(self, identity: str, url: str, body: bytes, secret: str | None) -> str | None:
        target = read_target(url)
        headers = {"idempotency-key": identity}
        if target.credentials:
            headers["authorization"] = target.credentials
        if secret is not None:
            headers |= signature_headers((secret,), identity, self._clock(), body)
        answer = await self._posts.send(post(target, headers, body), guarded=True)
        if answer.kind is Kind.DELIVERED:
            return None
        return answer.error or f"The sink answered {answer.status_code}."


def _webhook(report: Report) -> bytes:
    """The body of a webhook: Standard Webhooks' `type`, `timestamp` and `data`."""
    return _encode(
        {
            "type": report.transition.value,
            "timestamp": rfc3339(report.at),
            "data": {"alert": report.alert, **alert_facts(report.rule, report.value)},
        }
    )


def _mail(sink: SmtpSink, report: Report) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sink.sender
    message["To"] = ", ".join(sink.to)
    message["Subject"] = _title(report)
    message.set_content(f"{_text(report)}\n")
    return message


def _title(report: Report) -> str:
    if report.transition is Transition.TEST:
        return "This is a test notification of Queue Services"
    state = "firing" if report.transition is Transition.FIRING else "cleared"
    return f"Alert {report.alert} is {state}"


def _text(report: Report) -> str:
    if report.transition is Transition.TEST:
        return "The sink works; nothing is wrong."
    rule, subject = report.rule, report.rule.subject
    where = ", ".join(part for part in (subject.channel, subject.workspace) if part)
    value = "without end" if report.value is None else f"{report.value:g}"
    side = "over" if rule.over else "under"
    held = f" for {rule.hold_for // SECOND} s" if rule.hold_for else ""
    return (
        f"{MEANINGS[subject.figure]}{f' ({where})' if where else ''}: {value}."
        f" The alert fires {side} {rule.threshold:g}{held}. {rfc3339(report.at)}"
    )
