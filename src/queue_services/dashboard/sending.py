"""Sending a test message: a form for an SMS or an email, read by the very rules that the
API has.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.responses import Response

from queue_services.dashboard import forms, view
from queue_services.dashboard.visits import Need, Page, Visit
from queue_services.domain.message import Channel, Instant, Message
from queue_services.errors import Fault, InvalidRequest, NotFound
from queue_services.wire import intake
from queue_services.wire.fields import shown

NOT_PASSED_ON = ("token", "channel", "seconds")

_DECODE: dict[Channel, Callable[[bytes, Instant, intake.Rules], Message]] = {
    Channel.SMS: intake.sms,
    Channel.EMAIL: intake.email,
}


async def form(visit: Visit) -> Response:
    """GET /send."""
    return visit.page(
        "send.html", channel=_channel(visit.asked("channel") or "sms"), filled={}, faults=()
    )


async def send(visit: Visit) -> Response:
    """POST /send: the fields of the form are the members of the call of the same channel."""
    channel, desk = _channel(visit.filled("channel") or "sms"), visit.desk
    filled = {
        name: text
        for name, text in visit.form.items()
        if name not in NOT_PASSED_ON and text.strip()
    }
    try:
        message = _read(visit, channel, filled)
    except InvalidRequest as error:
        faults = [
            Fault(_WORDS.get(fault.field.lower(), fault.field), fault.message)
            for fault in error.faults
        ]
        return visit.page("send.html", 400, channel=channel, filled=dict(visit.form), faults=faults)
    await visit.hand_in(1)
    async with visit.audited(f"send test {channel.value}", message.id, workspace=message.workspace):
        [insertion] = await desk.intake.schedule_all([message])
    return visit.go(view.path("jobs", insertion.id), "The test message is scheduled.")


def _read(visit: Visit, channel: Channel, filled: dict[str, str]) -> Message:
    """The message that the form holds. Raises InvalidRequest."""
    message = _DECODE[channel](
        msgspec.json.encode(filled | _delay(visit)), visit.now, visit.desk.rules
    )
    if visit.workspace not in (None, message.workspace):
        raise InvalidRequest(Fault("workspace", "is not the workspace of your key"))
    return message


def _delay(visit: Visit) -> dict[str, float]:
    text = visit.filled("seconds")
    if text is None:
        return {}
    try:
        return {"delay": float(text) * 1000}
    except ValueError:
        raise InvalidRequest(Fault("seconds", "must be a number of seconds")) from None


def _channel(name: str) -> Channel:
    if name not in set(Channel):
        raise NotFound("channel", shown(name))
    return Channel(name)


_WORDS = {
    "phonenumber": "phone number",
    "contactid": "contact",
    "workspaceid": "workspace",
    "html": "HTML",
    "delay": "delay",
}

PAGES = [Page("GET", "/send", form, Need.SEND), Page("POST", "/send", send, Need.SEND, forms.LARGE)]
