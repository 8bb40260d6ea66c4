"""Whether a request is the service's, its workspace the application's, and its message to be
handled now. Called by `Receiver`.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Collection, Iterable
from typing import TypeAlias

from queue_services_client.receiver.deduplicator import Checked, Claim, Deduplicator, Readable
from queue_services_client.receiver.messages import Incoming
from queue_services_client.receiver.refusals import (
    InProgress,
    NotAdmitted,
    Refusal,
    UnknownWorkspace,
    Unverified,
)
from queue_services_client.receiver.signature import decode_secret, verify
from queue_services_client.types import CallbackRequest, Event

Workspaces: TypeAlias = Collection[str] | Callable[[str], bool]
_log = logging.getLogger("queue_services_client.receiver")


class Admission:
    """The checks before a handler is called; the arguments are `Receiver`'s. `blocks`: they
    may do I/O.
    """

    def __init__(
        self,
        secrets: str | Iterable[str] | None,
        authorization: str | None,
        workspaces: Workspaces | None,
        deduplicator: Deduplicator,
    ) -> None:
        given = [secrets] if isinstance(secrets, str) else secrets
        self._keys = None if given is None else [decode_secret(secret) for secret in given]
        if self._keys == []:
            raise ValueError(
                "no signing secret is given; give one, or None for an endpoint that nobody else can"
                " reach"
            )
        if authorization == "":
            raise ValueError(
                "the authorization to expect is empty; give the header's whole value, or None"
            )
        self._authorization, self._workspaces = authorization, workspaces
        self._deduplicator = deduplicator
        self.blocks = deduplicator.blocks or callable(workspaces)
        if isinstance(deduplicator, Checked):
            deduplicator.check()

    def verify(self, request: CallbackRequest, now: float) -> None:
        """Raises Unverified for a request that is not the service's."""
        headers = lower(request)
        if self._keys is not None:
            verify(headers, request.body, self._keys, now=now)
        if self._authorization is not None and not hmac.compare_digest(
            headers.get("authorization", "").encode(errors="replace"), self._authorization.encode()
        ):
            raise Unverified("the header authorization is not the one agreed on")

    def know(self, workspace: str | None) -> None:
        """Raises UnknownWorkspace for a workspace that is not the application's, NotAdmitted
        where that cannot be found out. None is no workspace, and passes.
        """
        known = self._workspaces
        if known is None or workspace is None:
            return
        try:
            ours = known(workspace) if callable(known) else workspace in known
        except Refusal:
            raise
        except Exception as error:
            _log.exception("the check of workspace %s failed", workspace)
            raise NotAdmitted from error
        if not ours:
            raise UnknownWorkspace(f"workspace {workspace!r} is not known here")

    def admit(self, message: Incoming | Event, key: str, now: float) -> bool:
        """Whether the message is to be handled now; False means it was before. Raises
        UnknownWorkspace, InProgress or NotAdmitted.
        """
        if not isinstance(message, Event):
            self.know(message.workspace_id)
        try:
            claim = self._deduplicator.claim(key, now)
        except Refusal:
            raise
        except Exception as error:
            _log.exception("%s could not be claimed", key)
            raise NotAdmitted from error
        if claim is Claim.IN_PROGRESS:
            raise InProgress
        return claim is Claim.NEW

    def state(self, key: str, now: float) -> Claim:
        """What is known of a key; NEW where the deduplicator does not tell. Raises NotAdmitted."""
        if not isinstance(self._deduplicator, Readable):
            return Claim.NEW
        try:
            return self._deduplicator.state(key, now)
        except Exception as error:
            _log.exception("the state of %s could not be read", key)
            raise NotAdmitted from error


def lower(request: CallbackRequest) -> dict[str, str]:
    """The headers of `request`, their names in lower case."""
    return {name.lower(): value for name, value in request.headers.items()}
