"""The lanes beside one that is foreseen: all but itself; where they are too many for all
forecasts together, some stand for all.
"""

from __future__ import annotations

import pytest

from queue_services.domain.forecast import competing_lanes
from queue_services.domain.forecast.competing_lanes import CompetingLanes
from queue_services.domain.forecast.estimate import forecast
from queue_services.domain.forecast.load import LaneLoad, Load
from queue_services.domain.message import SECOND

NOW = 1_700_000_000 * SECOND
MANY = {
    f"w{number}": LaneLoad(
        due=number % 100 + 1,
        waves=((NOW + number * SECOND, 20),),
        limit=5 if number % 4 == 0 else None,
    )
    for number in range(1000)
}


def test_few_lanes_are_seen_as_they_are_and_never_the_lane_itself() -> None:
    few = {
        "a": LaneLoad(due=1),
        "b": LaneLoad(due=2),
        "c": LaneLoad(due=3, waves=((NOW, 1), (NOW + SECOND, 2))),
    }
    found = CompetingLanes(few, forecasts=1)
    assert found.of("b") == [few["a"], few["c"]]
    assert found.of("nobody") == list(few.values())


def test_of_too_many_lanes_some_stand_for_all_and_for_all_but_the_lane_itself() -> None:
    found = CompetingLanes(MANY, forecasts=200)
    assert len(found.of("nobody")) < 120
    for name in ("nobody", "w0", "w99", "w500"):
        standing = found.of(name)
        assert sum(lane.lanes for lane in standing) == 1000 - (name in MANY)
        assert sum(lane.lanes * lane.backlog for lane in standing) == pytest.approx(
            sum(lane.backlog for lane in MANY.values()), rel=0.03
        )
        assert sum(lane.lanes for lane in standing if lane.limit) == 250 - (
            name in MANY and bool(MANY[name].limit)
        )


def test_waves_that_are_too_many_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(competing_lanes, "FEWEST_EVENTS", 4)
    lanes = {"a": LaneLoad(waves=tuple((NOW + number * SECOND, 2) for number in range(90)))}
    [found] = CompetingLanes(lanes, forecasts=40_000).of("nobody")
    assert found.waves == (
        (NOW + 15 * SECOND, 60),
        (NOW + 45 * SECOND, 60),
        (NOW + 75 * SECOND, 60),
    )


@pytest.mark.parametrize("name", ["w1", "w50", "w999"])
def test_beside_those_that_stand_for_all_the_same_is_foreseen(name: str) -> None:
    def end(forecasts: int) -> float:
        found = forecast(
            Load(NOW, 500, MANY[name], CompetingLanes(MANY, forecasts).of(name)), 300, NOW
        )
        assert found.end_at is not None
        return (found.end_at - NOW) / SECOND

    assert end(200) == pytest.approx(end(1), rel=0.05)
