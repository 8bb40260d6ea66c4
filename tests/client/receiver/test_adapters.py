"""Each adapter in its real framework, driven by that framework's own test client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import django  # type: ignore[import-untyped]  # Django ships no types
import fastapi
import flask
import pytest
from django.conf import settings as django_settings  # type: ignore[import-untyped]
from django.test import Client, RequestFactory, override_settings  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]
from httpx2 import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.routing import Route

from queue_services_client.receiver import Receiver, SlowDown, SmsMessage, parse_sms
from queue_services_client.receiver import django as django_adapter
from queue_services_client.receiver import flask as flask_adapter
from queue_services_client.receiver import starlette as starlette_adapter

from .builders import SECRET, Clock, callback, signed_headers, sms

Handler = Callable[[SmsMessage], object]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


Post = Callable[[bytes, dict[str, str]], Reply]


def asgi_post(app: Any) -> Post:
    async def post(body: bytes, headers: dict[str, str]) -> Reply:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as client:
            answer = await client.post("/send-sms", content=body, headers=headers)
            return Reply(answer.status_code, dict(answer.headers), answer.content)

    return lambda body, headers: asyncio.run(post(body, headers))


def in_starlette(receiver: Receiver, handler: Handler) -> Post:
    return asgi_post(
        Starlette(
            routes=[
                Route(
                    "/send-sms",
                    starlette_adapter.endpoint(receiver, parse_sms, handler),
                    methods=["POST"],
                )
            ]
        )
    )


def in_fastapi(receiver: Receiver, handler: Handler) -> Post:
    app = fastapi.FastAPI()
    app.add_api_route(
        "/send-sms", starlette_adapter.endpoint(receiver, parse_sms, handler), methods=["POST"]
    )
    return asgi_post(app)


def in_flask(receiver: Receiver, handler: Handler) -> Post:
    app = flask.Flask("receiver")
    app.add_url_rule(
        "/send-sms",
        "send_sms",
        flask_adapter.endpoint(receiver, parse_sms, handler),
        methods=["POST"],
    )

    def post(body: bytes, headers: dict[str, str]) -> Reply:
        answer = app.test_client().post("/send-sms", data=body, headers=headers)
        return Reply(
            answer.status_code,
            {name.lower(): value for name, value in answer.headers.items()},
            answer.data,
        )

    return post


if not django_settings.configured:
    django_settings.configure(ALLOWED_HOSTS=["testserver"], DATA_UPLOAD_MAX_MEMORY_SIZE=5_000_000)
    django.setup()


def in_django(receiver: Receiver, handler: Handler) -> Post:
    class Urls:
        urlpatterns = (path("send-sms", django_adapter.endpoint(receiver, parse_sms, handler)),)

    def post(body: bytes, headers: dict[str, str]) -> Reply:
        with override_settings(
            ROOT_URLCONF=Urls, MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"]
        ):
            answer = Client(enforce_csrf_checks=True).post(
                "/send-sms", data=body, content_type="application/json", headers=headers
            )
        return Reply(
            answer.status_code,
            {name.lower(): value for name, value in answer.headers.items()},
            answer.content,
        )

    return post


@pytest.fixture(params=[in_starlette, in_fastapi, in_flask, in_django])
def serve(request: pytest.FixtureRequest) -> Callable[[Receiver, Handler], Post]:
    framework: Callable[[Receiver, Handler], Post] = request.param
    return framework


def post_signed(post: Post, body: dict[str, Any], x_attempt: str = "1") -> Reply:
    request = callback(body, x_attempt=x_attempt)
    return post(request.body, {**request.headers, "content-type": "application/json"})


def receiver(**options: Any) -> Receiver:
    return Receiver(SECRET, clock=Clock(), **options)


def test_a_signed_callback_reaches_the_handler_once(
    serve: Callable[[Receiver, Handler], Post],
) -> None:
    sent: list[SmsMessage] = []
    post = serve(receiver(), sent.append)
    first, second = (post_signed(post, sms(message="Café"), x_attempt="2") for _ in range(2))
    assert (first.status, first.headers["content-type"], json.loads(first.body)) == (
        200,
        "application/json",
        {"success": True},
    )
    assert (second.status, json.loads(second.body)) == (200, {"success": True, "duplicate": True})
    assert [(message.message, message.attempt) for message in sent] == [("Café", 2)]


def test_an_unsigned_callback_is_refused(serve: Callable[[Receiver, Handler], Post]) -> None:
    sent: list[SmsMessage] = []
    reply = serve(receiver(), sent.append)(
        json.dumps(sms()).encode(), {"content-type": "application/json"}
    )
    assert (reply.status, json.loads(reply.body)["success"], sent) == (401, False, [])


def test_an_answer_keeps_its_retry_after(serve: Callable[[Receiver, Handler], Post]) -> None:
    def handler(message: SmsMessage) -> None:
        raise SlowDown(30)

    reply = post_signed(serve(receiver(), handler), sms())
    assert (reply.status, reply.headers["retry-after"]) == (429, "30")


def test_a_body_over_the_limit_is_refused(serve: Callable[[Receiver, Handler], Post]) -> None:
    sent: list[SmsMessage] = []
    assert (
        post_signed(serve(receiver(max_bytes=1_000), sent.append), sms(message="x" * 2_000)).status
        == 413
    )
    assert not sent


@pytest.mark.parametrize("framework", [in_starlette, in_fastapi])
def test_a_coroutine_function_may_be_the_handler(
    framework: Callable[[Receiver, Handler], Post],
) -> None:
    sent: list[str] = []

    async def handler(message: SmsMessage) -> None:
        await asyncio.sleep(0)
        sent.append(message.to)

    assert post_signed(framework(receiver(), handler), sms()).status == 200
    assert sent == ["+15550100"]


def test_only_posts_are_answered_by_the_view() -> None:
    view = django_adapter.endpoint(receiver(), parse_sms, lambda _: None)
    assert view(RequestFactory().get("/send-sms")).status_code == 405


def get_starlette(receiver: Receiver, headers: dict[str, str]) -> Reply:
    routes = [Route("/sms-sent/{job_id}", starlette_adapter.ask_endpoint(receiver))]
    return asyncio.run(asgi_get(Starlette(routes=routes), headers))


def get_fastapi(receiver: Receiver, headers: dict[str, str]) -> Reply:
    app = fastapi.FastAPI()
    app.add_api_route("/sms-sent/{job_id}", starlette_adapter.ask_endpoint(receiver))
    return asyncio.run(asgi_get(app, headers))


async def asgi_get(app: Any, headers: dict[str, str]) -> Reply:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as client:
        answer = await client.get("/sms-sent/job-1", headers=headers)
        return Reply(answer.status_code, dict(answer.headers), answer.content)


def get_flask(receiver: Receiver, headers: dict[str, str]) -> Reply:
    app = flask.Flask("receiver")
    app.add_url_rule("/sms-sent/<job_id>", "sms_sent", flask_adapter.ask_endpoint(receiver))
    answer = app.test_client().get("/sms-sent/job-1", headers=headers)
    return Reply(answer.status_code, dict(answer.headers), answer.data)


def get_django(receiver: Receiver, headers: dict[str, str]) -> Reply:
    class Urls:
        urlpatterns = (path("sms-sent/<str:job_id>", django_adapter.ask_endpoint(receiver)),)

    with override_settings(ROOT_URLCONF=Urls, MIDDLEWARE=[]):
        answer = Client().get("/sms-sent/job-1", headers=headers)
    return Reply(answer.status_code, dict(answer.headers), answer.content)


@pytest.mark.parametrize("get", [get_starlette, get_fastapi, get_flask, get_django])
def test_the_question_whether_a_message_was_delivered_is_answered(
    get: Callable[[Receiver, dict[str, str]], Reply],
) -> None:
    asked, headers = receiver(), signed_headers(b"")
    assert (get(asked, headers).status, get(asked, {}).status) == (404, 401)
    asked.receive(callback(sms()), parse_sms, lambda _: None)
    reply = get(asked, headers)
    assert (reply.status, json.loads(reply.body)) == (200, {"delivered": True})
