"""Failures that are the same fault: an error's text without what differs from job to job.

Called when a job fails, so that thousands of failures are listed as the few faults they are.
"""

from __future__ import annotations

import hashlib
import re

CUT = "…"
LONGEST = 300
"""Characters of a fault's text."""

_DIFFERS = re.compile(
    r"""[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}  # a UUID
    | "(?:[^"\\]|\\.)*" | (?<!\w)'(?:[^'\\]|\\.)*'(?!\w) | `[^`]*` | “[^”]*” | «[^»]*»  # quoted
    | (?<![^\W\d_])[+-]?\d+(?:[.,:]\d+)*  # a number, a time""",
    re.VERBOSE | re.IGNORECASE,
)


def fault_of(error: str | None) -> str:
    """An error's text, its UUIDs, numbers and quoted texts replaced by `…`."""
    return _DIFFERS.sub(CUT, error or "")[:LONGEST]


def group_of(status_code: int | None, fault: str) -> str:
    """The id of the group of failures with this status and fault: 16 hexadecimal digits."""
    return hashlib.sha256(f"{status_code}\n{fault}".encode()).hexdigest()[:16]
