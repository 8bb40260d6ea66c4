"""No body, however it is made to hurt, keeps the event loop for long: the dispatcher shares
it in `serve`.

Measured is the time of the processor that one step of the loop took, so that other work on
the machine does not count.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from asyncio import events
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.service import EMAIL, JSON, NDJSON, SMS, serving

pytestmark = pytest.mark.alone

LONGEST_MS = 60
"""Measured are 2-40 on a machine of two cores; each was up to 800 before it was bounded."""

ELEMENT = {**SMS, "channel": "sms"}
WRONG = dict.fromkeys(
    (
        "phoneNumber",
        "message",
        "contactId",
        "workspaceId",
        "delay",
        "scheduledFor",
        "mediaUrl",
        "metadata",
        "priority",
        "expiresAt",
    ),
    False,
)
WIDE = {f"x{index}": index for index in range(100_000)}
SINGLE, ADDRESS, BATCH, ATOMIC = (
    "/api/schedule-sms",
    "/api/schedule-email",
    "/api/schedule-batch",
    "/api/schedule-batch?atomic=true",
)


def batch(*elements: bytes) -> bytes:
    return b'{"messages":[' + b",".join(elements) + b"]}"


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * depth + b"]" * depth + b"}"


def text(body: Any) -> bytes:
    return json.dumps(body).encode()


Body = tuple[str, dict[str, str], Callable[[], bytes]]
BODIES: dict[str, Body] = {
    "100,000 members and a fault": (SINGLE, JSON, lambda: text({**SMS, "message": 3, **WIDE})),
    "100,000 NULs": (SINGLE, JSON, lambda: text({**SMS, **dict.fromkeys(WIDE, "\0")})),
    "400,000 arrays and a fault": (
        SINGLE,
        JSON,
        lambda: text({**SMS, "message": 3, "x": [[]] * 400_000}),
    ),
    "2,000,000 open brackets": (SINGLE, JSON, lambda: b"[" * 2_000_000),
    "metadata of 1.6 MB": (SINGLE, JSON, lambda: text({**SMS, "metadata": {"a": [[]] * 400_000}})),
    "a number of 1,900,000 digits": (SINGLE, JSON, lambda: b'{"delay":' + b"9" * 1_900_000 + b"}"),
    "an address of 1,800,000 dots": (
        ADDRESS,
        JSON,
        lambda: text({**EMAIL, "to": "a." * 900_000 + "@b.co"}),
    ),
    "330,000 wrong ids": ("/api/job-status", JSON, lambda: text({"jobIds": [1] * 330_000})),
    "10,000 elements of ten faults": (
        BATCH,
        JSON,
        lambda: batch(*[text({"channel": "sms", **WRONG})] * 10_000),
    ),
    "10,000 elements of ten faults, atomic": (
        ATOMIC,
        JSON,
        lambda: batch(*[text({"channel": "sms", **WRONG})] * 10_000),
    ),
    "10,000 lines of ten faults": (
        BATCH,
        NDJSON,
        lambda: b"\n".join([text({"channel": "sms", **WRONG})] * 10_000),
    ),
    "16 elements of 100,000 members": (
        BATCH,
        JSON,
        lambda: batch(*[text({**ELEMENT, "message": 4, **WIDE})] * 16),
    ),
    "10,000,000 tiny lines": (BATCH, NDJSON, lambda: b"{}\n" * 10_000_000),
    "32,000,000 blank lines": (BATCH, NDJSON, lambda: b"\n" * 32_000_000),
    "10,000,000 empty elements": (BATCH, JSON, lambda: batch(b"{}," * 10_000_000 + b"{}")),
    "32,000,000 spaces": (BATCH, JSON, lambda: b" " * 32_000_000),
    "what looks like seams": (
        BATCH,
        JSON,
        lambda: batch(b'{"a":[' + b'{"a":0},{"":[{}' * 2_000_000 + b"{}]}"),
    ),
    "28 MB of another shape": (BATCH, JSON, lambda: text({"other": ["abc"] * 4_000_000})),
    "15 escaped texts of 2 MB": (
        BATCH,
        JSON,
        lambda: batch(*[text({**ELEMENT, "message": "é" * 330_000})] * 15),
    ),
    "metadata a hundred deep": (
        BATCH,
        JSON,
        lambda: batch(*[text({**ELEMENT, "metadata": 1})[:-2] + nested(98) + b"}"] * 10_000),
    ),
    "10,000 good ones": (BATCH, JSON, lambda: batch(*[text(ELEMENT)] * 10_000)),
}
QUICK = {
    "400,000 arrays and a fault",
    "100,000 NULs",
    "10,000 lines of ten faults",
    "32,000,000 blank lines",
    "what looks like seams",
}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Milliseconds of processor time of each step of the loop. What the test itself holds
    is not looked through by the collector, as in a process.
    """
    taken: list[float] = []
    run = events.Handle._run

    def timed(handle: events.Handle) -> None:
        began = time.thread_time()
        run(handle)
        taken.append((time.thread_time() - began) * 1000)

    monkeypatch.setattr(events.Handle, "_run", timed)
    gc.collect()
    gc.freeze()
    return taken


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in BODIES],
)
async def test_no_body_keeps_the_loop_for_long(
    tmp_path: Path, steps: list[float], name: str
) -> None:
    path, headers, made = BODIES[name]
    body = made()
    async with serving(tmp_path) as service:
        await service.client.post(SINGLE, json=SMS)
        await next_step()
        steps.clear()
        answer = await service.client.post(path, content=body, headers=headers, timeout=60)
        await next_step()
    print(f"{name}: {answer.status_code}, {max(steps):.1f} ms of {sum(steps):.0f}")
    assert answer.status_code in (200, 400, 413)
    assert max(steps) < LONGEST_MS


async def next_step() -> None:
    """Let the step that is running be counted."""
    for _ in range(2):
        await asyncio.sleep(0)
