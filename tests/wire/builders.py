"""Bodies as callers send them, right unless changed."""

from __future__ import annotations

import json
from typing import Any

from queue_services.domain.message import Message
from queue_services.errors import InvalidRequest
from queue_services.wire import intake

NOW = 1_742_638_530_123_456
SMS = {
    "phoneNumber": "+1 (555) 010-9999",
    "message": "Hello",
    "contactId": "contact-1",
    "workspaceId": "workspace-1",
}
EMAIL = {
    "to": "Ada@Example.com",
    "subject": "Hello",
    "html": "<p>Hello</p>",
    "contactId": "contact-1",
    "workspaceId": "workspace-1",
}
LEFT_OUT = object()


def encoded(members: dict[str, Any], changes: dict[str, Any]) -> bytes:
    """`members` with `changes`, as JSON; LEFT_OUT removes one."""
    return json.dumps(
        {name: value for name, value in {**members, **changes}.items() if value is not LEFT_OUT}
    ).encode()


def sms(
    rules: intake.Rules | None = None, key_header: str | None = None, **changes: Any
) -> Message:
    return intake.sms(encoded(SMS, changes), NOW, rules or intake.Rules(), key_header)


def email(
    rules: intake.Rules | None = None, key_header: str | None = None, **changes: Any
) -> Message:
    return intake.email(encoded(EMAIL, changes), NOW, rules or intake.Rules(), key_header)


def faults(decode: Any, *args: Any, **changes: Any) -> dict[str, str]:
    """The faults that `decode` finds, by field; {} when it finds none."""
    try:
        decode(*args, **changes)
    except InvalidRequest as error:
        return {fault.field: fault.message for fault in error.faults}
    return {}
