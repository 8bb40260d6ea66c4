"""Candidates that wait for their own limit's slots within a claim: each lane has one place
among them, the latest it was given.
"""

from __future__ import annotations

from queue_services.domain.slot_plan import Wish, _Waiting
from tests.support.builders import NOW


def wish(number: int, lane: int = 1) -> Wish:
    return Wish(lane, "acme", NOW + number)


def test_one_that_waits_anew_for_a_later_slot_is_not_met_before_it_though_others_of_its_lane_wait_behind() -> (
    None
):
    waiting = _Waiting()
    first, *others = [wish(number) for number in range(3)]
    waiting.put(first, 10)
    assert all(waiting.follow(one) for one in others)
    assert waiting.pop(10) is first
    waiting.put(first, 20)
    assert waiting.pop(15) is None
    assert [waiting.pop(20) for _ in range(3)] == [first, *others]
    assert waiting.pop(20) is None
    assert not waiting.follow(wish(4))


def test_lanes_are_met_in_the_order_of_their_slots() -> None:
    waiting = _Waiting()
    for lane, slot in ((1, 30), (2, 10), (3, 20)):
        waiting.put(wish(lane, lane), slot)
    assert [found.lane for found in (waiting.pop(25), waiting.pop(25)) if found] == [2, 3]
    assert waiting.pop(25) is None
