"""Callback endpoints for Flask. Handlers are plain functions.

sms = endpoint(receiver, parse_sms, send_sms)
app.add_url_rule("/send-sms", "send_sms", sms, methods=["POST"])
app.add_url_rule("/sms-sent/<job_id>", "sms_sent", ask_endpoint(receiver))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from queue_services_client.extras import Extra
from queue_services_client.receiver.messages import Incoming, Reader
from queue_services_client.receiver.receiver import Receiver
from queue_services_client.types import CallbackRequest, Event

with Extra("flask"):
    from flask import Response, request

T = TypeVar("T", bound=Incoming | Event)


def endpoint(
    receiver: Receiver, reader: Reader[T], handler: Callable[[T], object]
) -> Callable[[], Response]:
    """The endpoint whose bodies `reader` (`parse_sms`, `parse_email`, `parse_event`) reads
    and `handler` handles; see `Receiver.receive`.
    """

    def receive() -> Response:
        request.max_content_length = receiver.max_bytes
        headers = dict(request.headers.items())
        answer = receiver.receive(
            CallbackRequest(path=request.path, headers=headers, body=request.get_data()),
            reader,
            handler,
        )
        return Response(answer.body, answer.status, answer.headers)

    return receive


def ask_endpoint(receiver: Receiver) -> Callable[[str], Response]:
    """The endpoint at which the service asks whether a message was delivered, on a path that
    ends in `<job_id>`; see `Receiver.ask`.
    """

    def ask(job_id: str) -> Response:
        headers = dict(request.headers.items())
        asked = CallbackRequest(method="GET", path=request.path, headers=headers, body=b"")
        answer = receiver.ask(asked, job_id)
        return Response(answer.body, answer.status, answer.headers)

    return ask
