"""A message that a dispatcher holds, from its claim until it is settled or given back."""

from __future__ import annotations

import msgspec

from queue_services.domain.message import Channel, Instant


class ClaimedMessage(msgspec.Struct, frozen=True, gc=False):
    """A message that this dispatcher holds until its lease ends, to be started at `slot`; not
    before `slot`, where it has to get its slot yet. `number` is what its attempt will be called.

    `units` are how much it takes of a limit. `base_url` and `secrets` (newest first) are
    the workspace's own, where it has any. `events` says that its end makes an event. `kept`:
    it was claimed for one of the slots that are kept for `high`; `limited`: its lane has a
    limit under the channel's; `probe`: it tries whether
    its lane's endpoint answers again. `day_ends_at` is the end of the day whose quota it
    counts for; 0: for none.
    """

    id: str
    lane: int
    workspace: str
    channel: Channel
    contact: str
    campaign: int | None
    epoch: int
    claim: int
    number: int
    tries: int
    refused_since: Instant | None
    due_at: Instant
    visible_at: Instant
    expires_at: Instant | None
    slot: Instant
    payload: str
    units: int = 1
    base_url: str | None = None
    secrets: tuple[str, ...] = ()
    events: bool = False
    priority: int = 1
    kept: bool = False
    limited: bool = False
    probe: bool = False
    day_ends_at: Instant = 0
