"""How a call is built: its path, its body, and what reads its answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec import UNSET

from queue_services_client import wire
from queue_services_client.call import Call
from queue_services_client.errors import Fault, ValidationFailed
from queue_services_client.types import Job

T = TypeVar("T")


def get(path: str, answer: type[T], query: dict[str, str] | None = None) -> Call[T]:
    """A GET whose answer is read as `answer`; it may be repeated."""
    return Call("GET", path, partial(wire.decode, answer), query=query or {}, repeatable=True)


def post(
    path: str,
    read: Callable[[bytes], T],
    body: Any = UNSET,
    *,
    query: dict[str, str] | None = None,
    repeatable: bool = False,
) -> Call[T]:
    """A POST whose answer `read` reads; `repeatable` where sending it twice does what
    sending it once does.
    """
    write = None if body is UNSET else partial(wire.encode, body)
    return Call("POST", path, read, write, query=query or {}, repeatable=repeatable)


def act_on_job(
    verb: str, job_id: str, body: Callable[[], Any] | None = None, *, repeatable: bool = False
) -> Call[Job]:
    """A call that acts on one job. Not repeatable by itself: asked twice, the second answer
    is a Conflict that says nothing of the first.
    """
    write = (lambda: wire.encode(body())) if body else None
    return Call(
        "POST",
        f"/api/{verb}-job/{segment(job_id, wire.JOB_ID)}",
        lambda content: wire.decode(wire.JobAnswer, content).job,
        write,
        repeatable=repeatable,
    )


def segment(name: str, field: str) -> str:
    """`name` as one segment of a path. Raises ValidationFailed for those that a path cannot
    hold, which would lead to another call.
    """
    if name in {"", ".", ".."}:
        raise ValidationFailed.of(Fault(field, f"{name!r} names nothing"))
    return quote(name, safe="")
