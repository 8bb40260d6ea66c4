"""The client's reading of the environment: the only place in this package that does so.

`QUEUE_SERVICES_URL` (default `http://127.0.0.1:3000`), `QUEUE_SERVICES_KEY`, and for the
receiver `QUEUE_SERVICES_SIGNING_SECRET`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from queue_services_client.errors import Fault, ValidationFailed

DEFAULT_URL = "http://127.0.0.1:3000"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the service is and how to speak to it. `key` and `signing_secret` never show in
    a repr.
    """

    url: str = DEFAULT_URL
    key: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)


def from_environment(
    environ: Mapping[str, str] | None = None, *, url: str | None = None, key: str | None = None
) -> Settings:
    """The settings in `environ` (the process's own by default), `url` and `key` taking
    their place where given; an empty value counts as absent.

    Raises ValidationFailed for a URL that is not http(s).

    >>> from_environment({"QUEUE_SERVICES_URL": "https://queue.example/"}).url
    'https://queue.example'
    """
    environ = os.environ if environ is None else environ
    return Settings(
        url=_checked(url or environ.get("QUEUE_SERVICES_URL") or DEFAULT_URL),
        key=(key or environ.get("QUEUE_SERVICES_KEY") or "").strip()
        or None,  # a key read from a file often ends in a line break
        signing_secret=environ.get("QUEUE_SERVICES_SIGNING_SECRET") or None,
    )


def _checked(url: str) -> str:
    """`url` without a trailing slash. Raises ValidationFailed unless it is http(s); the
    message does not repeat it, as it may hold a key.
    """
    if not url.startswith(("http://", "https://")):
        raise ValidationFailed.of(
            Fault(
                "QUEUE_SERVICES_URL",
                "give the service's address, as in https://queue.example or http://127.0.0.1:3000",
            )
        )
    return url.rstrip("/")
