"""What a job holds, as its page shows it: recipient, texts, HTML and metadata out of the
stored payload. Called by `jobs` and `job`.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from queue_services.domain.message import Content
from queue_services.queue.records import Job
from queue_services.redaction import masked_recipient

ERASED = "erased"
"""In place of a recipient that was erased."""

_read = msgspec.json.Decoder(Content).decode


def content_of(job: Job) -> Content:
    """The stored content."""
    return _read(job.payload)


def recipient_of(job: Job) -> str:
    """Whom it goes to; an empty text where that was erased."""
    return _read(job.payload).to


def metadata_of(content: Content) -> Any:
    """The caller's object."""
    return msgspec.json.decode(content.metadata)


def without_recipient(value: Any, recipient: str) -> Any:
    """A text, or texts within JSON, with the recipient masked wherever it stands."""
    if isinstance(value, str):
        return value.replace(recipient, masked_recipient(recipient)) if recipient else value
    if isinstance(value, dict):
        return {name: without_recipient(member, recipient) for name, member in value.items()}
    if isinstance(value, list):
        return [without_recipient(element, recipient) for element in value]
    return value


_FRAME = re.compile(
    r"<(/?)(?:iframe|frameset|frame|object|embed|fencedframe|portal)\b", re.IGNORECASE
)


def without_frames(html: str) -> str:
    """An email's HTML with no frame of its own: a page within it would be under its own rules.

    Each such element gets a name that browsers do not know. Only these letters behind a `<`
    can begin one (HTML, 13.2.5.6), whatever else is around them.
    """
    return _FRAME.sub(r"<\1removed-frame", html)
