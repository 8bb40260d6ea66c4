"""Gives messages to code that has its own names for the same things. Called by applications
whose endpoints are older than the service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from queue_services_client.receiver.messages import EmailMessage, Incoming, SmsMessage

T = TypeVar("T")

METADATA = "metadata."
OURS = {field.name for kind in (SmsMessage, EmailMessage) for field in msgspec.structs.fields(kind)}


class FieldMap:
    """The application's names for a message's fields: `{theirs: ours}`.

    A dot in theirs nests (`contact.phone`); ours may reach into the metadata
    (`metadata.campaign`). What a message does not have is left out. Raises ValueError for a
    field that no message has.

    >>> names = FieldMap({"contact.phone": "to", "text": "message", "tag": "metadata.tag"})
    >>> names.apply(SmsMessage(to="+1555", message="Hi", contact_id="c", workspace_id="w",
    ...     job_id="j", metadata={"tag": "vip"}))
    {'contact': {'phone': '+1555'}, 'text': 'Hi', 'tag': 'vip'}
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        unknown = [
            ours for ours in names.values() if ours not in OURS and not ours.startswith(METADATA)
        ]
        if unknown:
            raise ValueError(
                f"messages have no {', '.join(unknown)}; they have {', '.join(sorted(OURS))} and"
                " metadata.<name>"
            )
        self._names = dict(names)

    def apply(self, message: Incoming) -> dict[str, Any]:
        """The message in the application's names."""
        theirs: dict[str, Any] = {}
        for name, ours in self._names.items():
            found = _find(message, ours)
            if found is not msgspec.UNSET:
                _place(theirs, name.split("."), found)
        return theirs

    def before(self, handler: Callable[[dict[str, Any]], T]) -> Callable[[Incoming], T]:
        """A handler for the receiver that calls `handler`, synchronous or not, with the message
        in its own names.
        """
        return lambda message: handler(self.apply(message))


def _find(message: Incoming, ours: str) -> Any:
    if not ours.startswith(METADATA):
        return getattr(message, ours, msgspec.UNSET)
    found: Any = message.metadata
    for name in ours.removeprefix(METADATA).split("."):
        if not isinstance(found, dict) or name not in found:
            return msgspec.UNSET
        found = found[name]
    return found


def _place(target: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        target = target.setdefault(name, {})
    target[path[-1]] = value
