"""The gate: what is checked of a claimed message when it takes its slot, on every path to a
start. A message it refuses is given back, and the next claim ends, parks or keeps it.

Called by the reserving flow. What else may stop a start (suppression, caps) belongs here.
"""

from __future__ import annotations

from typing import NamedTuple

from queue_services.domain.claimed import ClaimedMessage
from queue_services.domain.message import Instant, Priority
from queue_services.domain.workspace import LaneTerms, opens_at


class CampaignState(NamedTuple):
    """A campaign as claims read it: messages of an epoch before `cancel_epoch` are cancelled."""

    state: str
    cancel_epoch: int
    cancelled_at: Instant | None

    @property
    def holds(self) -> bool:
        """Whether its messages wait."""
        return self.state in ("paused", "shifting")


class LaneState(NamedTuple):
    """A lane as it is when slots are reserved."""

    paused: bool
    held_until: Instant
    terms: LaneTerms


def is_open(
    message: ClaimedMessage,
    lane: LaneState,
    campaign: CampaignState | None,
    now: Instant,
    latest: Instant,
) -> bool:
    """Whether a message may start between `now` and `latest`, the last slot it could get."""
    if message.expires_at is not None and message.expires_at <= now:
        return False
    if lane.paused or (lane.held_until > now and not message.probe):
        return False
    if campaign is not None and (campaign.holds or message.epoch < campaign.cancel_epoch):
        return False
    return (
        lane.terms.window is None
        or message.priority == Priority.HIGH
        or opens_at(lane.terms, now, latest) <= latest
    )
