"""Reads what the service reports about messages and limits (`message.failed`,
`ratelimit.exceeded`, ...). Called by `Receiver` and by applications.
"""

from __future__ import annotations

import msgspec

from queue_services_client.receiver.messages import NOT_JSON
from queue_services_client.receiver.refusals import Unreadable
from queue_services_client.types import Event


def parse_event(body: bytes, attempt: int = 1) -> Event:  # noqa: ARG001 - the same signature as the readers of messages
    """The event in `body`. Types and members that this version does not know are passed
    over, so that a newer service can add some.

    Raises Unreadable, naming the member that is wrong.
    """
    try:
        return msgspec.json.decode(body, type=Event)
    except NOT_JSON as error:
        raise Unreadable(f"the body is not an event: {error}") from None
