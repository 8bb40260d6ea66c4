"""Feeds bytes to every decoder of a body, the service's and the client package's, guided by
the branches they reach.

    python -m tests.fuzz.decoders -max_total_time=60

Needs `pip install atheris` (Linux; not among the locked packages). Anything but a value or
the documented refusal is a finding.
"""

from __future__ import annotations

import contextlib
import importlib
import sys

import msgspec

from queue_services.domain.message import Message
from queue_services.errors import InvalidRequest, TooLarge
from queue_services.wire import batches, bodies, changes, fields, intake, keys, metrics, workspaces
from queue_services_client import types
from queue_services_client import wire as client
from queue_services_client.receiver import events, messages
from queue_services_client.receiver.refusals import TooLarge as TooLargeBatch
from queue_services_client.receiver.refusals import Unreadable

NOW = 1_742_638_530_123_000
SHAPES: list[type[msgspec.Struct]] = [
    bodies.JobIdsBody,
    bodies.RescheduleBody,
    bodies.ShiftBody,
    bodies.ForecastBody,
    keys.KeyBody,
    metrics.ResetBody,
    workspaces.LiftBody,
]
ANSWERS: list[type[msgspec.Struct]] = [
    client.Problem,
    client.BatchAnswer,
    client.JobAnswer,
    types.ScheduleResult,
    types.JobList,
    types.Workspace,
]


def decode(body: bytes) -> None:
    """Let each decoder have its try."""
    for decoder in (intake.sms, intake.email, intake.element):
        with contextlib.suppress(InvalidRequest):
            assert isinstance(decoder(body, NOW, intake.Rules()), Message)
    for take_apart in (batches.elements, batches.lines):
        with contextlib.suppress(InvalidRequest, TooLarge):
            list(take_apart(body))
    for change in (changes.workspace_change, changes.tier_change):
        with contextlib.suppress(InvalidRequest):
            change(body)
    for shape in SHAPES:
        with contextlib.suppress(InvalidRequest):
            fields.read(body, shape)
    decode_as_client(body)


def decode_as_client(body: bytes) -> None:
    """The same for what the client package reads: answers, and callbacks."""
    for answer in ANSWERS:
        with contextlib.suppress(msgspec.DecodeError):
            client.decode(answer, body)
    with contextlib.suppress(msgspec.DecodeError):
        client.decode_workspace(body)
    for reader in (messages.parse, messages.parse_sms, messages.parse_email, events.parse_event):
        with contextlib.suppress(Unreadable):
            reader(body)
        with contextlib.suppress(Unreadable, TooLargeBatch):
            list(messages.parse_batch(body, reader))


if __name__ == "__main__":
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(sys.argv, decode)
    atheris.Fuzz()
