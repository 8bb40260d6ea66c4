"""Syntax of email addresses and media URLs, and the form in which a recipient is searched
for. Used by `intake` and by the job search.

Looks nothing up: an address that is well written may still lead nowhere.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import email_validator

from queue_services.domain.message import Channel
from queue_services.wire import patterns
from queue_services.wire.bodies import LONGEST_MEDIA_URL

# Tenants do test with addresses at example.test and localhost; this is how the library is told so.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_ORDINARY = re.compile(patterns.EMAIL)
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_NOT_DIGITS = re.compile(r"[^0-9]")

LONGEST_ADDRESS = 254


def email_address(text: str) -> str:
    """Return `text` if it is an email address (RFC 5321 and 6531; no quoted local part, no
    address literal). Raises ValueError that says why not.
    """
    if _ORDINARY.fullmatch(text):  # 30 times as fast as the library, which judges the rest
        return text
    if len(text) > LONGEST_ADDRESS:  # the library's time grows with the square of the length
        raise ValueError(f"must be an email address of at most {LONGEST_ADDRESS} characters")
    try:
        email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except email_validator.EmailNotValidError as error:
        raise ValueError(f"must be an email address: {error}") from None
    return text


def media_url(text: str) -> str:
    """Return `text` if it is an http or https URL with a host. Raises ValueError."""
    try:
        parts = urlsplit(text)
        if (
            parts.scheme in {"http", "https"}
            and parts.hostname
            and parts.port != 0
            and len(text) <= LONGEST_MEDIA_URL
            and not _NOT_IN_URLS.search(text)
        ):
            return text
    except ValueError:  # a port that is no number, an open bracket
        pass
    raise ValueError("must be an http or https URL with a host, such as https://example.com/a.png")


def searched_recipient(recipient: str, channel: Channel | None = None) -> str:
    """The form in which a recipient is kept for search: an email address in lower case, of
    a phone number the digits alone.
    """
    if channel is Channel.EMAIL or (channel is None and "@" in recipient):
        return recipient.lower()
    return _NOT_DIGITS.sub("", recipient)
