"""What a scheduled message waits for, from its lane's row. Called by the job flows alone."""

from __future__ import annotations

from queue_services.domain.forecast.estimate import waiting_for as last_to_end
from queue_services.domain.forecast.load import Wait
from queue_services.domain.limits import HORIZON, WINDOW
from queue_services.domain.message import Instant, Priority
from queue_services.domain.workspace import opens_at
from queue_services.queue.lane_settings import read_terms
from queue_services.storage.port import Row


def waiting_for(
    lane: Row, due_at: Instant, priority: Priority, now: Instant, *, paused: bool, counted: bool
) -> Wait:
    """What a message waits for that is due, or due again, at `due_at`; `paused` says that
    its campaign is, `counted` that it has counted for a day already: no quota holds it
    back.

    `lane` are the columns that the job statements select of it: pauses of workspace and
    channel, hold, own limit and its next slot, terms, day, and whether other lanes come
    before it.
    """
    (
        lane_paused,
        channel_paused,
        held_until,
        rate,
        slot_at,
        text,
        day_ends_at,
        day_count,
        others_first,
    ) = lane
    terms = read_terms(text)
    at = max(now, due_at)
    own_slot_at = 0
    if (
        rate is not None and slot_at > 0
        # of the lane's next message; of those behind it, its limit is what they wait for as
        # long as it is used
    ):
        own_slot_at = slot_at + HORIZON + int(WINDOW / rate)
    if terms.daily_quota is not None and not counted and day_count >= terms.daily_quota:
        own_slot_at = max(own_slot_at, day_ends_at)
    return last_to_end(
        now,
        due_at,
        paused=bool(paused or lane_paused or channel_paused),
        opening=0 if priority is Priority.HIGH else opens_at(terms, at, at),
        held_until=held_until,
        own_slot_at=own_slot_at,
        others_first=bool(others_first),
    )
