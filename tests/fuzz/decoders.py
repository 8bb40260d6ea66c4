"""Feeds bytes to every decoder of a message's body, guided by the branches they reach: `python -m tests.fuzz.decoders -max_total_time=60`.

Needs `pip install atheris` (Linux; not among the locked packages). Anything but a message or an InvalidRequest is a finding.
"""

from __future__ import annotations

import contextlib
import importlib
import sys

from queue_services.domain.message import Message
from queue_services.errors import InvalidRequest, TooLarge
from queue_services.wire import batches, bodies, fields, intake

NOW = 1_742_638_530_123_000


def decode(body: bytes) -> None:
    """Let each decoder have its try."""
    for decoder in (intake.sms, intake.email, intake.element):
        with contextlib.suppress(InvalidRequest):
            assert isinstance(decoder(body, NOW, intake.Rules()), Message)
    for take_apart in (batches.elements, batches.lines):
        with contextlib.suppress(InvalidRequest, TooLarge):
            list(take_apart(body))
    for shape in (bodies.JobIdsBody, bodies.RescheduleBody, bodies.ShiftBody):
        with contextlib.suppress(InvalidRequest):
            fields.read(body, shape)


if __name__ == "__main__":
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(sys.argv, decode)
    atheris.Fuzz()
