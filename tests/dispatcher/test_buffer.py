"""The buffer: whose turn it is, and which of a lane's messages takes it."""

from __future__ import annotations

from collections.abc import Sequence

from queue_services.dispatcher.buffer import Buffer
from queue_services.dispatcher.flights import Flight
from queue_services.domain.message import Priority
from tests.dispatcher.flying import flight


def nobody_blocked(_: str) -> bool:
    return False


def taken(buffer: Buffer, most: int = 100) -> tuple[list[Flight], list[Flight]]:
    return buffer.take(most, nobody_blocked)


def filled(flights: Sequence[Flight]) -> Buffer:
    buffer = Buffer()
    buffer.add(flights)
    return buffer


def test_turns_are_taken_in_the_order_of_the_claims() -> None:
    flights = [flight(lane=lane) for lane in (1, 2, 1, 3)]
    buffer = filled(flights)
    assert taken(buffer, 3) == ([], flights[:3])
    assert taken(buffer, 3) == ([], flights[3:])
    assert (len(buffer), buffer.total, buffer.size) == (0, 0, 0)
    assert not buffer.units
    assert not buffer.held


def test_a_high_message_takes_its_lanes_next_turn_and_no_other_lanes() -> None:
    first, other, last = flight(lane=1), flight(lane=2), flight(lane=1)
    buffer = filled([first, other, last])
    high = flight(lane=1, priority=Priority.HIGH)
    buffer.add([high])
    assert taken(buffer) == ([], [high, other, first, last])


def test_what_is_kept_for_high_is_apart_and_limited_lanes_go_first() -> None:
    kept, limited, plain = flight(kept=True, lane=1), flight(limited=True, lane=2), flight(lane=3)
    assert taken(filled([plain, limited, kept])) == ([kept], [limited, plain])


def test_what_came_to_nothing_is_taken_again_before_all_others() -> None:
    flights = [flight(lane=lane) for lane in (1, 2, 3)]
    buffer = filled(flights)
    buffer.put_back(taken(buffer, 2)[1])
    assert taken(buffer) == ([], flights)


def test_a_blocked_workspace_keeps_its_place() -> None:
    blocked, other = flight(workspace="slow", lane=1), flight(lane=2)
    buffer = filled([blocked, other])
    assert buffer.take(9, lambda name: name == "slow") == ([], [other])
    assert taken(buffer) == ([], [blocked])


def test_what_was_removed_is_not_taken_and_not_counted() -> None:
    gone, left = flight(lane=1), flight(lane=1)
    buffer = filled([gone, left])
    buffer.remove(gone)
    assert (len(buffer), buffer.flights(), dict(buffer.units)) == (1, [left], {1: 1})
    assert taken(buffer) == ([], [left])
