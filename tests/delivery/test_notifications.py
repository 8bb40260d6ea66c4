"""Notifications as their sinks get them: signed webhooks, Slack's text, mail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes, policy

import standardwebhooks

from queue_services.delivery.notifications import Notifier
from queue_services.delivery.signing import new_secret
from queue_services.domain.alerts import Figure, Rule, Subject, Transition
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.notifications import Report, SlackSink, SmtpSink, WebhookSink
from tests.delivery.receiver import Receiver, answering, listening
from tests.support.builders import NOW

RULE = Rule(
    Subject(Figure.FAILED_SHARE, Channel.SMS, "acme"),
    0.1,
    over=True,
    hold_for=60 * SECOND,
    quiet=0,
    clear_at=0.05,
)
REPORT = Report("failing", Transition.FIRING, RULE, 0.25, NOW)


@contextlib.asynccontextmanager
async def notifying(*, allowed: bool = True, seconds: float = 5) -> AsyncIterator[Notifier]:
    notifier = Notifier(seconds, lambda: NOW, lambda address: None if allowed else f"no {address}")
    try:
        yield notifier
    finally:
        await notifier.close()


async def test_a_webhook_is_signed_and_says_what_fired() -> None:
    secret = new_secret()
    async with Receiver.start() as receiver, notifying() as notifier:
        sink = WebhookSink(url=f"{receiver.url}/hook", secret=secret)
        assert await notifier.send("n-1", sink, REPORT) is None
        [request] = receiver.requests
    signed = standardwebhooks.Webhook(secret)
    signature = signed.sign("n-1", datetime.fromtimestamp(NOW / SECOND, UTC), request.body.decode())
    assert request.headers["webhook-signature"] == signature
    assert request.json == {
        "type": "alert.firing",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "data": {
            "alert": "failing",
            "figure": "failedShare",
            "channel": "sms",
            "workspaceId": "acme",
            "value": 0.25,
            "over": 0.1,
            "clear": 0.05,
        },
    }


async def test_a_webhook_without_a_secret_is_not_signed() -> None:
    async with Receiver.start() as receiver, notifying() as notifier:
        assert await notifier.send("n-1", WebhookSink(url=receiver.url), REPORT) is None
        assert "webhook-signature" not in receiver.requests[0].headers


async def test_slack_gets_one_text() -> None:
    async with Receiver.start() as receiver, notifying() as notifier:
        assert await notifier.send("n-1", SlackSink(url=receiver.url), REPORT) is None
        assert receiver.requests[0].json == {
            "text": "Alert failing is firing\n"
            "Share of failed messages (sms, acme): 0.25."
            " The alert fires over 0.1 for 60 s. 2027-01-15T08:00:00.000Z"
        }


async def test_a_sink_that_refuses_is_reported_with_its_status() -> None:
    async with Receiver.start(answering(500, b"")) as receiver, notifying() as notifier:
        error = await notifier.send("n-1", SlackSink(url=receiver.url), REPORT)
        assert error is not None
        assert "500" in error


async def test_a_refused_address_is_neither_posted_to_nor_mailed() -> None:
    async with Receiver.start() as receiver, notifying(allowed=False) as notifier:
        for sink in (SlackSink(url=receiver.url), mail_to(receiver.port)):
            assert await notifier.send("n-1", sink, REPORT) == "no 127.0.0.1"
        assert receiver.open == len(receiver.requests) == 0


class MailServer:
    """A mail server that takes one message; `lines` are the commands it was given."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.content = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            command = line.decode().strip()
            self.lines.append(command)
            verb = command.partition(" ")[0].upper()
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.content = await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 fine\r\n")


def mail_to(port: int, *, tls: bool = False) -> SmtpSink:
    return SmtpSink(
        host="127.0.0.1",
        port=port,
        tls=tls,
        sender="alerts@example.com",
        to=("ada@example.com", "bob@example.com"),
    )


@contextlib.asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[MailServer, int]]:
    mail = MailServer()
    async with listening(mail.serve) as port:
        yield mail, port


async def test_a_mail_goes_to_every_recipient_with_the_alert_in_its_subject() -> None:
    async with mail_server() as (mail, port), notifying() as notifier:
        assert await notifier.send("n-1", mail_to(port), REPORT) is None
    assert [line for line in mail.lines if line.startswith(("MAIL", "RCPT"))] == [
        "MAIL FROM:<alerts@example.com>",
        "RCPT TO:<ada@example.com>",
        "RCPT TO:<bob@example.com>",
    ]
    message = message_from_bytes(mail.content, policy=policy.default)
    assert message["subject"] == "Alert failing is firing"
    assert "Share of failed messages (sms, acme): 0.25." in message.get_content()


async def test_a_mail_server_without_the_tls_that_is_required_gets_no_mail() -> None:
    async with mail_server() as (mail, port), notifying() as notifier:
        error = await notifier.send("n-1", mail_to(port, tls=True), REPORT)
    assert error is not None
    assert "STARTTLS" in error
    assert mail.content == b""


async def test_a_mail_server_that_says_nothing_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as port, notifying(seconds=0.05) as notifier:
        assert await notifier.send("n-1", mail_to(port), REPORT) == (
            "The mail server did not answer within 0.05 s."
        )


async def test_a_test_notification_says_that_it_is_one() -> None:
    async with Receiver.start() as receiver, notifying() as notifier:
        assert await notifier.test("ops", SlackSink(url=receiver.url), NOW) is None
        assert receiver.requests[0].json["text"].startswith("This is a test")
