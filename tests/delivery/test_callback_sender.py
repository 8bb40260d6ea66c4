"""What goes out: URL, headers, body, connections."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest
import standardwebhooks

from queue_services import __version__
from queue_services.delivery.signing import new_secret
from queue_services.domain.message import Channel
from queue_services.domain.outcome import Answer, Kind

from .builders import NOW, email, send, sending, sms
from .receiver import OK, Receiver, answering

DELIVERED = Answer(Kind.DELIVERED, 200)


async def test_an_sms_is_posted_with_its_headers_and_body() -> None:
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        assert await send(sender, sms(attempt=3, metadata={"campaignId": "c1"})) == DELIVERED
    [request] = receiver.requests
    assert request.target == "/send-sms"
    assert request.json == {
        "to": "+15550100",
        "message": "Hello",
        "contactId": "contact-1",
        "workspaceId": "workspace-1",
        "jobId": "job-1",
        "campaignId": "c1",
    }
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "x-workspace-id": "workspace-1",
        "idempotency-key": "job-1",
        "x-attempt": "3",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"queue-services/{__version__}",
    }


async def test_the_trace_of_the_request_that_scheduled_it_goes_on() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        await send(sender, sms(traceparent=trace))
    assert receiver.requests[0].headers["traceparent"] == trace


async def test_an_email_goes_to_its_own_endpoint() -> None:
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        assert await send(sender, email()) == DELIVERED
    assert receiver.requests[0].target == "/api/email/send"
    assert (
        receiver.requests[0].json["content"] == receiver.requests[0].json["html"] == "<p>Hello</p>"
    )


async def test_an_email_of_two_mebibytes_arrives_whole() -> None:
    html = "é" * 1024 * 1024
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        assert await send(sender, email(html)) == DELIVERED
    assert receiver.requests[0].json["content"] == html


@pytest.mark.parametrize(
    ("base_path", "endpoint", "target"),
    [
        ("", None, "/sms-hook"),
        ("/", "/x", "/x"),
        ("/app/v1", "/x?a=b%20c", "/app/v1/x?a=b%20c"),
        ("/app/v1/", "/a//b/", "/app/v1/a//b/"),
        ("", "/@evil.example:1/", "/@evil.example:1/"),
        ("", "/köln straße", "/k%C3%B6ln%20stra%C3%9Fe"),
        ("", "/%7Ea/%c3%a9|{}", "/%7Ea/%c3%a9|{}"),
    ],
)
async def test_the_endpoint_follows_the_base_url(
    base_path: str, endpoint: str | None, target: str
) -> None:
    async with (
        Receiver.start() as receiver,
        sending(receiver.url + base_path, sms_callback_endpoint="/sms-hook") as sender,
    ):
        assert await send(sender, sms(endpoint=endpoint)) == DELIVERED
    assert receiver.requests[0].target == target


async def test_the_base_url_of_the_workspace_goes_before_the_services() -> None:
    async with Receiver.start() as receiver, sending("http://127.0.0.1:1") as sender:
        assert await send(sender, sms(base_url=receiver.url)) == DELIVERED


@pytest.mark.parametrize(
    ("channel", "name"), [(Channel.SMS, "SMS_API_URL"), (Channel.EMAIL, "EMAIL_API_URL")]
)
async def test_without_any_base_url_the_answer_names_the_setting(
    channel: Channel, name: str
) -> None:
    async with sending(None) as sender:
        answer = await send(sender, sms(channel=channel))
    assert answer.kind is Kind.UNREACHABLE
    assert name in (answer.error or "")


@pytest.mark.parametrize("workspace", ["wörk space", "a\r\nx-admin: 1", "100%", "\x7f", "☺" * 255])
async def test_any_workspace_id_is_sent_without_breaking_out_of_its_header(workspace: str) -> None:
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        assert await send(sender, sms(workspace=workspace)) == DELIVERED
    [request] = receiver.requests
    assert request.json["workspaceId"] == workspace
    assert "x-admin" not in request.headers
    assert request.headers["x-workspace-id"].isascii()
    assert request.headers["x-workspace-id"].isprintable()


async def test_the_configured_authorization_is_sent() -> None:
    async with (
        Receiver.start() as receiver,
        sending(receiver.url, callback_authorization="Bearer t0ken") as sender,
    ):
        await send(sender, sms())
    assert receiver.requests[0].headers["authorization"] == "Bearer t0ken"


async def test_credentials_in_the_base_url_go_before_the_configured_authorization() -> None:
    async with (
        Receiver.start() as receiver,
        sending(
            f"http://any:s%3Acret@127.0.0.1:{receiver.port}", callback_authorization="Bearer t0ken"
        ) as sender,
    ):
        assert await send(sender, sms()) == DELIVERED
    assert receiver.requests[0].headers["authorization"] == "Basic YW55OnM6Y3JldA=="
    assert receiver.requests[0].headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("own", [True, False], ids=["workspace", "service"])
async def test_callbacks_are_signed_with_the_workspaces_secret_else_the_services(own: bool) -> None:
    services, workspaces = new_secret(), new_secret()
    async with (
        Receiver.start() as receiver,
        sending(receiver.url, signing_secret=services) as sender,
    ):
        await send(sender, sms(secrets=(workspaces,) if own else ()))
    [request] = receiver.requests
    expected = standardwebhooks.Webhook(workspaces if own else services).sign(
        "job-1", datetime.fromtimestamp(NOW // 1_000_000, UTC), request.body.decode()
    )
    assert request.headers["webhook-signature"] == expected
    assert request.headers["webhook-id"] == "job-1"
    assert request.headers["webhook-timestamp"] == "1700000000"


@pytest.mark.parametrize("own", [True, False], ids=["with a secret", "without"])
async def test_a_workspaces_own_base_url_gets_no_credential_or_signature_of_the_service(
    own: bool,
) -> None:
    secret = new_secret()
    async with (
        Receiver.start() as receiver,
        sending(
            "http://127.0.0.1:1", callback_authorization="Bearer t0ken", signing_secret=new_secret()
        ) as sender,
    ):
        delivery = sms(base_url=receiver.url, secrets=(secret,) if own else ())
        assert await send(sender, delivery) == DELIVERED
    [request] = receiver.requests
    assert "authorization" not in request.headers
    expected = standardwebhooks.Webhook(secret).sign(
        "job-1", datetime.fromtimestamp(NOW // 1_000_000, UTC), request.body.decode()
    )
    assert request.headers.get("webhook-signature") == (expected if own else None)
    assert ("webhook-id" in request.headers) == own


@pytest.mark.parametrize(
    "fields",
    [
        {"payload": "{"},
        {"payload": '{"to":"1","metadata":[]}'},
        {"secrets": ("whsec_short",)},
        {"base_url": "http://[::1"},
    ],
)
async def test_what_cannot_be_sent_at_all_is_rejected_unsent(fields: dict[str, object]) -> None:
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        answer = await send(sender, sms(**fields))
    assert answer.kind is Kind.REJECTED
    assert (answer.error or "").startswith("The request cannot be built: ")
    assert receiver.requests == []


async def test_connections_are_used_again() -> None:
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        for _ in range(5):
            assert await send(sender, sms()) == DELIVERED
    assert [request.connection for request in receiver.requests] == [0] * 5


async def test_answers_of_many_at_once_are_not_mixed_up() -> None:
    async with (
        Receiver.start(answering(400, b"bad number")) as receiver,
        sending(receiver.url, concurrency=50) as sender,
    ):
        receiver.respond = lambda writer, request: answering(
            200 if int(request.json["jobId"]) % 2 else 400
        )(writer, request)
        answers = await asyncio.gather(
            *(send(sender, sms(id=str(number))) for number in range(200))
        )
    assert [answer.status_code for answer in answers] == [400, 200] * 100
    assert len(receiver.writers) <= 50


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with Receiver.start() as receiver, sending(receiver.url) as sender:
        assert await send(sender, sms()) == DELIVERED


async def test_cookies_are_not_kept() -> None:
    async with (
        Receiver.start(answering(200, OK, set_cookie="session=1; Path=/")) as receiver,
        sending(receiver.url) as sender,
    ):
        await send(sender, sms())
        await send(sender, sms())
    assert "cookie" not in receiver.requests[1].headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_that_the_guard_refuses_is_not_dialled(host: str) -> None:
    async with (
        Receiver.start() as receiver,
        sending(None, guard=lambda address: f"{address} is private") as sender,
    ):
        answer = await send(sender, sms(base_url=f"http://{host}:{receiver.port}"))
    assert answer.kind is Kind.REJECTED
    assert answer.error in {"127.0.0.1 is private", "::1 is private"}
    assert receiver.writers == []


async def test_the_guard_sees_the_address_and_may_let_it_pass() -> None:
    seen: list[str] = []
    async with Receiver.start() as receiver, sending(None, guard=seen.append) as sender:
        assert await send(sender, sms(base_url=receiver.url)) == DELIVERED
    assert seen == ["127.0.0.1"]


async def test_a_public_address_that_is_down_is_unreachable_beside_a_refused_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = [(2, 1, 6, "", (host, 1)) for host in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: addresses)
    async with sending(
        None, guard=lambda address: "private" if address == "127.0.0.2" else None
    ) as sender:
        assert (await send(sender, sms(base_url="http://app.example:1"))).kind is Kind.UNREACHABLE


async def test_names_of_workspaces_that_never_resolve_do_not_hold_up_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
        if host != "app.example":
            answered.wait()
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    async with (
        Receiver.start() as receiver,
        sending(f"http://app.example:{receiver.port}") as sender,
    ):
        stuck = [
            asyncio.create_task(
                send(sender, sms(base_url=f"http://stuck-{number}.example:{receiver.port}"))
            )
            for number in range(20)
        ]
        assert await send(sender, sms()) == DELIVERED
        answered.set()
        assert await asyncio.gather(*stuck) == [DELIVERED] * 20


async def test_the_services_own_base_url_is_not_guarded_nor_are_its_connections_lent() -> None:
    async with (
        Receiver.start() as receiver,
        sending(receiver.url, guard=lambda _: "private") as sender,
    ):
        assert await send(sender, sms()) == DELIVERED
        assert (await send(sender, sms(base_url=receiver.url))).kind is Kind.REJECTED
