"""Callback endpoints for Django. Handlers are plain functions.

    urlpatterns = [
        path("send-sms", endpoint(receiver, parse_sms, send_sms)),
        path("sms-sent/<str:job_id>", ask_endpoint(receiver)),
    ]

They are exempt from CSRF checks, which protect browsers' sessions: here the signature
proves the sender. Raise DATA_UPLOAD_MAX_MEMORY_SIZE (2.5 MB) to 5 MB where emails may be as
large as the service takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar, cast

from queue_services_client.extras import Extra
from queue_services_client.receiver.messages import Incoming, Reader
from queue_services_client.receiver.receiver import Receiver
from queue_services_client.types import CallbackRequest, Event

with Extra("django"):
    from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]  # Django ships no types
    from django.views.decorators.csrf import csrf_exempt  # type: ignore[import-untyped]
    from django.views.decorators.http import require_GET, require_POST  # type: ignore[import-untyped]

T = TypeVar("T", bound=Incoming | Event)
View: TypeAlias = Callable[[HttpRequest], HttpResponse]


def endpoint(receiver: Receiver, reader: Reader[T], handler: Callable[[T], object]) -> View:
    """The view whose bodies `reader` (`parse_sms`, `parse_email`, `parse_event`) reads and
    `handler` handles; see `Receiver.receive`.
    """

    def receive(request: HttpRequest) -> HttpResponse:
        answer = receiver.receive(
            CallbackRequest(path=request.path, headers=dict(request.headers), body=request.body),
            reader,
            handler,
        )
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))

    return cast("View", csrf_exempt(require_POST(receive)))


def ask_endpoint(receiver: Receiver) -> Callable[..., HttpResponse]:
    """The view at which the service asks whether a message was delivered, on a path that ends
    in `<str:job_id>`; see `Receiver.ask`.
    """

    def ask(request: HttpRequest, job_id: str) -> HttpResponse:
        asked = CallbackRequest(
            method="GET", path=request.path, headers=dict(request.headers), body=b""
        )
        answer = receiver.ask(asked, job_id)
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))

    return cast("Callable[..., HttpResponse]", require_GET(ask))
