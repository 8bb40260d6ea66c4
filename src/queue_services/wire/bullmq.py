"""Turns a job of BullMQ into an element of a batch, by the members of its data or by a map.

Called by `queue.bullmq_import`. The names are BullMQ's (job hash and options) and those of
`bodies`; the result is what POST /api/schedule-batch takes, and `intake.element` checks it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from queue_services.wire import bodies
from queue_services.wire.times import rfc3339

MEMBERS = frozenset(
    name
    for shape in (bodies.SmsElement, bodies.EmailElement)
    for name in shape.__struct_encode_fields__
) | {"channel"}
"""What a message of either channel may say."""
JOB_FIELDS = ("name", "data", "opts", "timestamp", "priority", "parentKey", "rjk", "defa")
"""The fields of a job's hash that the import reads. `rjk` names the job's scheduler; `defa` is
why BullMQ will fail the job in place of running it."""
_SET_BY_IMPORT = ("delay", "scheduledFor", "idempotencyKey")
_PRIORITIES = ("high", "normal", "low")
_encode = msgspec.json.Encoder().encode


class BullJob(msgspec.Struct, frozen=True):
    """A job as Redis holds it. `data` and `opts` are its JSON; `timestamp` and `due` are
    milliseconds since 1970; `due` is None for a job that waits for a worker alone.
    """

    id: str
    name: str
    data: bytes
    opts: bytes
    timestamp: int
    priority: int
    due: int | None = None


Map = Callable[[BullJob], dict[str, Any]]
"""The members of a job's message. Raises ValueError, which says why there is none."""


def by_data(job: BullJob) -> dict[str, Any]:
    """The message that a job's data is: SMS with `phoneNumber`, email with `to` and `html`.

    BullMQ knows when the job is due, so `delay` and `scheduledFor` in the data do not count;
    members that no message has are left out, as POST /api/schedule-sms does.
    """
    data = _object(job.data, dict[str, msgspec.Raw])
    given = {name for name, value in data.items() if bytes(value) not in (b"null", b'""')}
    is_sms, is_email = "phoneNumber" in given, {"to", "html"} <= given
    if is_sms == is_email:
        raise ValueError(
            "the data has both `phoneNumber` and `to` with `html`; say with --map which it is"
            if is_sms
            else "the data has neither `phoneNumber` (SMS) nor `to` with `html` (email);"
            " say with --map what it is"
        )
    shape = bodies.SmsElement if is_sms else bodies.EmailElement
    members: dict[str, Any] = {
        name: data[name]
        for name in shape.__struct_encode_fields__
        if name in given and name not in _SET_BY_IMPORT
    }
    if "priority" in members and bytes(members["priority"]).strip(b'"').decode() not in _PRIORITIES:
        del members["priority"]
    return {"channel": "sms" if is_sms else "email", **members}


def by_paths(text: bytes) -> Map:
    """A map from a JSON object: for each member of the message, the path of its value in the
    job's data (`"user.id"`), or `{"value": ...}`; `channel` is `sms` or `email` itself.

    Raises ValueError for a text that is no such object.
    """
    paths = _object(text, dict[str, Any])
    if strange := sorted(paths.keys() - MEMBERS):
        raise ValueError(f"no message has the member {', '.join(strange)}")
    if paths.get("channel") not in ("sms", "email"):
        raise ValueError('`channel` must be "sms" or "email"')
    for name, path in paths.items():
        constant = isinstance(path, dict) and path.keys() == {"value"}
        if not constant and not (isinstance(path, str) and path):
            raise ValueError(f'`{name}` must be a path such as "user.id", or {{"value": ...}}')

    def members(job: BullJob) -> dict[str, Any]:
        data = _object(job.data, dict[str, Any])
        found = {
            name: path["value"] if isinstance(path, dict) else _at(data, path)
            for name, path in paths.items()
            if name != "channel"
        }
        present = {name: value for name, value in found.items() if value is not None}
        return {"channel": paths["channel"], **present}

    return members


def by_function(function: Callable[[dict[str, Any]], Any]) -> Map:
    """A map from a function of the user's: it is given the job as a dictionary (`described`)
    and returns the message's members, or None where the job is no message.
    """

    def members(job: BullJob) -> dict[str, Any]:
        try:
            given = function(described(job))
        except Exception as error:  # noqa: BLE001 - the user's code: whatever it raises is the reason
            raise ValueError(f"the map raised {type(error).__name__}: {error}") from None
        if isinstance(given, dict):
            return given
        raise ValueError(f"the map returned {given!r:.100}, not a dictionary")

    return members


def described(job: BullJob) -> dict[str, Any]:
    """A job as a map's function gets it. `scheduledFor` is None where no time is set."""
    return {
        "id": job.id,
        "name": job.name,
        "data": _object(job.data, Any),
        "opts": _object(job.opts, Any),
        "timestamp": job.timestamp,
        "priority": job.priority,
        "scheduledFor": None if job.due is None else rfc3339(job.due * 1000),
    }


def element(job: BullJob, members: dict[str, Any], queue: str) -> bytes:
    """The element of a batch for a job: its message, when BullMQ would have run it, and an
    idempotency key that is the same each time the job of this `queue` is imported.

    BullMQ runs jobs without a priority before all others, so one with a priority is `low`
    unless the message says otherwise. Raises ValueError.
    """
    if members.get("delay") is not None:
        raise ValueError("delay: is counted from the import; return scheduledFor")
    complete = {**members, "idempotencyKey": idempotency_key(job, queue)}
    complete.pop("delay", None)
    if complete.get("scheduledFor") is None and job.due is not None:
        complete["scheduledFor"] = rfc3339(job.due * 1000)
    if job.priority > 0 and complete.get("priority") is None:
        complete["priority"] = "low"
    try:
        return _encode(complete)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the message is not JSON: {error}") from None


def idempotency_key(job: BullJob, queue: str) -> str:
    """The key under which a job is imported. The time of its making is in it: BullMQ lets an
    id be used again once its job is gone.
    """
    key = f"bullmq:{queue}:{job.id}:{job.timestamp}"
    if len(key) <= bodies.LONGEST_ID:
        return key
    return f"bullmq:{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()}"


def _object(text: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("is no JSON object") from None


def _at(data: Any, path: str) -> Any:
    """The value at a path of member names with dots in between; None where there is none."""
    for name in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data
