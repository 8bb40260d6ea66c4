"""Events on the wire: their body, headers and signature, and where they may go."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks

from queue_services.delivery.address_guard import refused
from queue_services.delivery.events import EventSender
from queue_services.delivery.http1.dialler import AddressGuard
from queue_services.delivery.sender import Notice
from queue_services.delivery.signing import new_secret
from queue_services.domain.outcome import Answer, Kind
from queue_services.settings.slices import EventSettings
from queue_services_client.receiver.events import parse_event

from .builders import NOW, bodiless
from .receiver import Receiver, answering

FAILED: dict[str, Any] = {
    "id": "01a20bcd-102f-71c5-a419-33a2e23eecad",
    "type": "message.failed",
    "job": "01a20bcd-1011-71c5-a418-fddf35d8a67e",
    "workspace": "acme",
    "channel": "sms",
    "facts": '{"error":"HTTP 422: no","contact":"contact-7","campaign":"spring"}',
    "created_at": NOW + 123_456,
    "attempt": 1,
    "url": None,
    "secrets": (),
}


def notice(**changes: Any) -> Notice:
    return Notice(**FAILED | changes)


@contextlib.asynccontextmanager
async def sending(
    url: str | None = None, guard: AddressGuard | None = None, **settings: Any
) -> AsyncIterator[EventSender]:
    sender = EventSender(EventSettings(events_url=url, **settings), lambda: NOW, guard)
    try:
        yield sender
    finally:
        await sender.close()


async def test_the_event_of_a_message_has_every_member_of_the_contract_and_no_other() -> None:
    async with Receiver.start() as receiver, sending(f"{receiver.url}/events") as sender:
        assert bodiless(await sender.send(notice())) == Answer(Kind.DELIVERED, 200)
    [request] = receiver.requests
    assert request.target == "/events"
    assert (
        request.body.decode()
        == '{"eventId":"01a20bcd-102f-71c5-a419-33a2e23eecad","type":"message.failed","jobId":"01a20bcd-1011-71c5-a418-fddf35d8a67e","status":"failed",'
        '"error":"HTTP 422:'
        ' no","workspaceId":"acme","channel":"sms","contactId":"contact-7","campaignId":"spring","timestamp":"2023-11-14T22:13:20.123Z"}'
    )
    assert request.headers["content-type"] == "application/json"
    assert "webhook-signature" not in request.headers
    assert parse_event(request.body).job_id == FAILED["job"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("message.completed", "completed"),
        ("message.cancelled", "cancelled"),
        ("ratelimit.exceeded", None),
        ("endpoint.held", None),
    ],
)
async def test_a_status_is_that_of_a_message_alone(kind: str, status: str | None) -> None:
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        await sender.send(notice(type=kind))
    assert receiver.requests[0].json["status"] == status


async def test_what_a_limit_s_event_tells_beside_comes_after_its_members() -> None:
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        await sender.send(
            notice(
                type="ratelimit.adjusted",
                job=None,
                facts='{"from":4.0,"to":6,"reason":"saturated"}',
            )
        )
    body = receiver.requests[0].json
    assert (body["jobId"], body["error"], body["contactId"]) == (None, None, None)
    assert {name: body[name] for name in ("from", "to", "reason")} == {
        "from": 4.0,
        "to": 6,
        "reason": "saturated",
    }


@pytest.mark.parametrize(
    ("own_url", "own_secret", "signers"),
    [(True, True, ["own"]), (True, False, []), (False, True, ["service", "own"])],
)
async def test_events_are_signed_under_their_own_id(
    own_url: bool, own_secret: bool, signers: list[str]
) -> None:
    secrets = {"own": new_secret(), "service": new_secret()}
    async with (
        Receiver.start() as receiver,
        sending(receiver.url, signing_secret=secrets["service"]) as sender,
    ):
        await sender.send(
            notice(
                url=receiver.url if own_url else None,
                secrets=(secrets["own"],) if own_secret else (),
            )
        )
    [request] = receiver.requests
    at = datetime.fromtimestamp(NOW // 1_000_000, UTC)
    expected = [
        standardwebhooks.Webhook(secrets[signer]).sign(str(FAILED["id"]), at, request.body.decode())
        for signer in signers
    ]
    assert request.headers.get("webhook-id") == (FAILED["id"] if signers else None)
    assert request.headers.get("webhook-signature", "").split() == expected


async def test_the_workspace_s_url_goes_before_the_service_s_byte_for_byte_and_its_credentials_with_it() -> (
    None
):
    async with Receiver.start() as receiver, sending("http://127.0.0.1:1") as sender:
        assert (
            await sender.send(notice(url=f"http://me:secret@127.0.0.1:{receiver.port}/a%2Fb/"))
        ).status_code == 200
    [request] = receiver.requests
    assert (request.target, request.headers["authorization"]) == ("/a%2Fb/", "Basic bWU6c2VjcmV0")


async def test_the_configured_authorization_goes_to_the_service_s_own_url_alone() -> None:
    async with (
        Receiver.start() as receiver,
        sending(receiver.url, callback_authorization="Bearer t0ken") as sender,
    ):
        await sender.send(notice())
        await sender.send(notice(url=receiver.url))
    assert [request.headers.get("authorization") for request in receiver.requests] == [
        "Bearer t0ken",
        None,
    ]


async def test_an_url_set_by_api_leads_to_no_address_that_the_guard_refuses() -> None:
    async with (
        Receiver.start() as receiver,
        sending(receiver.url, guard=lambda address: refused(address, [])) as sender,
    ):
        answer = await sender.send(notice(url=receiver.url))
        assert (answer.kind, "loopback" in (answer.error or "")) == (Kind.REJECTED, True)
        assert receiver.writers == []
        assert (await sender.send(notice())).status_code == 200


async def test_no_redirect_is_followed_and_nothing_ends_in_an_exception() -> None:
    async with (
        Receiver.start(answering(302, b"", location="/elsewhere")) as receiver,
        sending(receiver.url) as sender,
    ):
        assert (await sender.send(notice())).status_code == 302
        assert len(receiver.requests) == 1
        assert (await sender.send(notice(url="http://[::1"))).kind is Kind.REJECTED
        assert (await sender.send(notice(secrets=("whsec_short",)))).kind is Kind.REJECTED
        assert (await sender.send(notice(facts="{"))).kind is Kind.REJECTED
    async with sending() as sender:
        assert (await sender.send(notice())).kind is Kind.UNREACHABLE
