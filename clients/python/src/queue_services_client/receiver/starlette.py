"""Callback endpoints for Starlette and FastAPI. Handlers are coroutine functions, or plain
ones, which run in a thread.

    Route("/send-sms", endpoint(receiver, parse_sms, send_sms), methods=["POST"])
    Route("/sms-sent/{job_id}", ask_endpoint(receiver))

The same endpoints serve FastAPI, by `app.add_api_route`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from queue_services_client.extras import Extra
from queue_services_client.receiver.messages import Incoming, Reader
from queue_services_client.receiver.receiver import Receiver
from queue_services_client.types import CallbackRequest, Event

with Extra("starlette"):
    from starlette.requests import Request
    from starlette.responses import Response

T = TypeVar("T", bound=Incoming | Event)


def endpoint(
    receiver: Receiver, reader: Reader[T], handler: Callable[[T], object]
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint whose bodies `reader` (`parse_sms`, `parse_email`, `parse_event`) reads
    and `handler` handles; see `Receiver.receive_async`.
    """

    async def receive(request: Request) -> Response:
        body = await _body(request, receiver.max_bytes)
        answer = await receiver.receive_async(
            CallbackRequest(path=request.url.path, headers=request.headers, body=body),
            reader,
            handler,
        )
        return Response(answer.body, answer.status, answer.headers)

    return receive


def ask_endpoint(receiver: Receiver) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint at which the service asks whether a message was delivered, on a path that
    ends in `{job_id}`; see `Receiver.ask`.
    """

    async def ask(request: Request) -> Response:
        answer = await receiver.ask_async(
            CallbackRequest(method="GET", path=request.url.path, headers=request.headers, body=b""),
            request.path_params["job_id"],
        )
        return Response(answer.body, answer.status, answer.headers)

    return ask


async def _body(request: Request, limit: int) -> bytes:
    """The body, or its first bytes past `limit`: no more is held in memory of a body that
    is refused anyway.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            break
    return bytes(body)
