"""Decides who already takes part while an application moves to Queue Services step by step.
Pure; used by `plan` and by applications.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """Which contacts go through Queue Services: those of the campaign `kinds` and
    `workspaces` named (None for all), and of them `percent`.

    A contact's place is fixed by a hash of its id and `name`: raising `percent` only adds
    contacts; another `name` draws others.

    >>> Rollout(kinds=frozenset({"welcome"}), percent=100).allows("c-1", workspace_id="acme",
    ...     kind="newsletter")
    False
    """

    name: str = "queue-services"
    kinds: frozenset[str] | None = None
    workspaces: frozenset[str] | None = None
    percent: float = 100.0

    def allows(self, contact_id: str, *, workspace_id: str, kind: str | None = None) -> bool:
        """Whether the contact takes part; the same answer every time."""
        if self.kinds is not None and kind not in self.kinds:
            return False
        if self.workspaces is not None and workspace_id not in self.workspaces:
            return False
        return fraction(self.name, workspace_id, contact_id) * 100 < self.percent


def fraction(*names: str) -> float:
    """A number from 0 up to 1 that is the same for the same names everywhere, and spread
    evenly over many.
    """
    digest = sha256("\0".join(names).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
