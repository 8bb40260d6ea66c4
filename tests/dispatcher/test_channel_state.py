"""How many slots one reservation asks for, and which workspaces are left out."""

from __future__ import annotations

from queue_services.dispatcher.channel_state import (
    BLOCKED_FOR,
    LARGEST_GROUP,
    SMALLEST_GROUP,
    ChannelState,
)
from queue_services.dispatcher.flights import Flights
from tests.dispatcher.flying import flight


def test_the_group_is_halved_when_starts_are_late_and_grows_while_none_is() -> None:
    state = ChannelState(50.0)
    before, misses = state.group, 0
    misses += before
    assert state.next_group(misses) == before // 2
    assert state.next_group(misses) > before // 2
    for _ in range(100):
        state.next_group(misses)
    assert state.group == LARGEST_GROUP
    for _ in range(20):
        misses += LARGEST_GROUP
        state.next_group(misses)
    assert state.group == SMALLEST_GROUP


def test_a_workspace_without_an_answer_that_holds_as_many_as_are_free_is_left_out() -> None:
    state, flights = ChannelState(50.0), Flights(4)
    hanging, other = [flight(workspace="hangs") for _ in range(2)], flight(workspace="other")
    for one in (*hanging, other):
        flights.add(one)
        flights.connect(one)
    state.buffer.add([flight(workspace="hangs")])
    now = 10 * BLOCKED_FOR
    assert state.overdue(flights, now) == set()
    later = now + BLOCKED_FOR + 1
    assert state.overdue(flights, later) == {"hangs"}
    assert state.left_out(later) == ("hangs",)
    state.served("hangs")
    assert state.left_out(later) == ()
