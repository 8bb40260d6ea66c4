"""One claim's decisions, step by step, without a store."""

from __future__ import annotations

import msgspec

from queue_services.domain.claim_lane import Candidate
from queue_services.domain.claim_plan import ClaimPlan, Taken
from queue_services.domain.gate import CampaignState
from queue_services.domain.limits import LimitLog, slot_at
from queue_services.domain.message import FOREVER, Priority
from tests.domain.lane_queue import Lane, candidate, request
from tests.domain.limit_world import EPOCH

NOW = EPOCH


def plan_of(lanes: list[Lane], rate: float = 50, **changes: object) -> ClaimPlan:
    """A plan that has read its lanes."""
    plan = ClaimPlan(request(rate, **changes), LimitLog(), NOW, paused=False)
    plan.take_lanes([lane.locked(index, EPOCH) for index, lane in enumerate(lanes)])
    while reads := plan.reads():
        plan.found(one for read in reads for one in lanes[read.lane].first(read))
    return plan


def lanes_of(taken: list[Taken]) -> list[int]:
    return [one.candidate.lane for one in taken]


def test_a_paused_channel_asks_for_nothing_and_waits_for_a_wake() -> None:
    plan = ClaimPlan(request(50), LimitLog(), NOW, paused=True)
    assert (plan.room, plan.wake_at(None)) == (0, FOREVER)


def test_a_claim_with_slots_takes_what_the_horizon_holds_and_one_ahead_the_buffers_span() -> None:
    at_once = ClaimPlan(request(50), LimitLog(), NOW, paused=False).room
    ahead = ClaimPlan(request(50, reserves=False), LimitLog(), NOW, paused=False).room
    filled = ClaimPlan(request(50, reserves=False, waiting={1: 10}), LimitLog(), NOW, paused=False)
    assert 0 < at_once < ahead
    assert filled.room == ahead - 10


def test_a_lane_with_less_than_its_turn_leaves_the_rest_to_those_behind_it() -> None:
    plan = plan_of([Lane("one", due=1), Lane("two", due=1), Lane("many")], 50)
    plan.judge({})
    taken = plan.reserve(LimitLog(), paused=False)
    assert lanes_of(taken)[:2] == [0, 1]
    assert lanes_of(taken).count(2) == plan.room - 2


def test_choosing_and_reserving_take_the_same_messages() -> None:
    lanes = [Lane("a"), Lane("b", weight=2), Lane("c", due=3)]
    ahead, at_once = plan_of(lanes), plan_of(lanes)
    ahead.judge({})
    at_once.judge({})
    chosen = {one.candidate.id for one in ahead.choose()}
    reserved = {one.candidate.id for one in at_once.reserve(LimitLog(), paused=False)}
    assert reserved
    assert reserved <= chosen


def test_a_message_that_turns_out_to_be_gone_gives_its_slot_back() -> None:
    plan = plan_of([Lane("acme")])
    plan.judge({})
    log = LimitLog()
    chosen = plan.reserve(log, paused=False)
    plan.claimed(chosen, {one.candidate.id for one in chosen[1:]})
    assert len(plan.taken) == len(chosen) - 1
    assert sum(log.counts) == len(chosen) - 1


def test_what_may_not_be_sent_is_ended_or_parked_and_not_taken() -> None:
    def with_campaign(identity: str, **members: object) -> Candidate:
        return msgspec.structs.replace(candidate(identity, 0), **members)

    plan = plan_of([Lane("acme", due=0)])
    plan._found[0] = [
        with_campaign("plain"),
        with_campaign("expired", expires_at=NOW),
        with_campaign("cancelled", campaign=1, epoch=0),
        with_campaign("requeued", campaign=1, epoch=1),
        with_campaign("paused", campaign=2),
        with_campaign("changing", campaign=3),
    ]
    states = {1: CampaignState("active", 1, NOW - 5), 2: CampaignState("paused", 0, None)}
    unsendable = plan.judge(states)
    assert plan.campaigns() == [1, 2, 3]
    assert unsendable.expired == ["expired"]
    assert unsendable.doomed == [(NOW - 5, (0, 1, plan.before, 1, 1))]
    assert unsendable.parked == [(0, 1, plan.before, 2)]
    assert {one.id for one in plan._sendable} == {"plain", "requeued"}


def test_a_lane_that_used_its_turn_goes_behind_and_one_cut_short_keeps_its_place() -> None:
    used, short = Lane("used"), Lane("short")
    plan = plan_of([used, short], most=6)
    plan.judge({})
    chosen = plan.reserve(LimitLog(), paused=False)
    plan.claimed(chosen, {one.candidate.id for one in chosen})
    places = {place.lane.id: place for place in plan.places({0: (FOREVER, NOW), 1: (FOREVER, NOW)})}
    assert lanes_of(chosen).count(0) == 4
    assert (places[0].due_at >= NOW, places[0].lane.deficit) == (True, 0)
    assert places[1].due_at == EPOCH
    assert places[1].lane.deficit > 0


def test_messages_claimed_ahead_move_the_lanes_own_slot_as_if_they_had_theirs() -> None:
    plan = plan_of([Lane("acme", own=5)], reserves=False)
    plan.judge({})
    chosen = plan.choose()
    plan.claimed(chosen, {one.candidate.id for one in chosen})
    [place] = plan.places({0: (FOREVER, NOW)})
    assert chosen
    assert slot_at(LimitLog(), 5, ahead=True) < NOW < place.slot_at
    assert place.lane.log.gaps == []


def test_high_of_lanes_passed_over_gets_every_fourth_slot() -> None:
    plan = plan_of([Lane("many")], 100)
    urgent = Lane("urgent").locked(7, EPOCH)
    urgent.next_high_at = EPOCH
    assert plan.kept > 0
    reads = plan.take_passed_over([urgent])
    assert [(read.lane, read.priority) for read in reads] == [(7, Priority.HIGH)]
    plan.found(candidate(f"high-{at}", 7, Priority.HIGH) for at in range(reads[0].most))
    plan.judge({})
    taken = plan.reserve(LimitLog(), paused=False)
    assert [at for at, lane in enumerate(lanes_of(taken)) if lane == 7] == list(
        range(3, len(taken), 4)
    )
