"""What is set for a workspace: how changes add up, and what its lanes are claimed by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.calendar import DAY, Window, opening
from queue_services.domain.message import SECOND, Channel
from queue_services.domain.scaling import Scaling
from queue_services.domain.tiers import Scale, Tier, TierChange
from queue_services.domain.tiers import changed as changed_tier
from queue_services.domain.workspace import (
    Change,
    LaneTerms,
    Secret,
    Workspace,
    changed,
    lane_terms,
    opens_at,
    own_limit,
    secrets_in_force,
)

SMS, EMAIL = Channel.SMS, Channel.EMAIL
NOW = 1_800_000_000 * SECOND  # Friday, 08:00 in UTC
ACME = Workspace("acme")

limits = st.dictionaries(st.sampled_from(Channel), st.none() | st.integers(1, 100))
changes = st.builds(
    Change,
    tier=st.sampled_from(["free", "premium", None]),
    limits=limits,
    paused=st.dictionaries(st.sampled_from(Channel), st.none() | st.booleans()),
    window=st.sampled_from([None, Window("08:00", "21:00")]),
)


@given(st.lists(changes, max_size=6), changes)
def test_a_change_made_twice_is_made_once(before: list[Change], last: Change) -> None:
    workspace = ACME
    for change in before:
        workspace = changed(workspace, change, NOW)
    once = changed(workspace, last, NOW)
    assert changed(once, last, NOW) == once
    assert once.limits == {
        c: v for c, v in (workspace.limits | last.limits).items() if v is not None
    }
    assert set(once.paused.values()) <= {True}


@given(st.lists(changes, max_size=6))
def test_what_is_cleared_is_as_if_it_had_never_been_set(before: list[Change]) -> None:
    workspace = ACME
    for change in before:
        workspace = changed(workspace, change, NOW)
    nothing = dict.fromkeys(Channel)
    cleared = Change(
        tier=None,
        timezone=None,
        limits=nothing,
        base_urls=nothing,
        paused=nothing,
        events_url=None,
        secret=None,
        window=None,
    )
    assert changed(workspace, cleared, NOW) == ACME
    assert changed(workspace, Change(), NOW) == workspace


def test_secrets_that_were_replaced_are_kept_for_a_day_each() -> None:
    workspace = changed(ACME, Change(secret="one"), NOW)
    workspace = changed(workspace, Change(secret="two"), NOW + 1)
    workspace = changed(workspace, Change(secret="three"), NOW + 2)
    assert secrets_in_force(workspace, NOW + 3) == ("three", "two", "one")
    assert secrets_in_force(workspace, NOW + 1 + DAY) == ("three", "two")
    assert secrets_in_force(workspace, NOW + 2 + DAY) == ("three",)
    assert changed(workspace, Change(secret="three"), NOW + 3).secrets == workspace.secrets
    assert changed(workspace, Change(secret="one"), NOW + 3).secrets[0] == Secret("one")
    assert secrets_in_force(changed(workspace, Change(secret="one"), NOW + 3), NOW + 3) == (
        "one",
        "three",
        "two",
    )


def test_events_that_were_turned_off_are_on_again_when_their_address_is_set() -> None:
    off = Workspace("acme", events_url="https://acme.example", events_off=True)
    assert changed(off, Change(limits={SMS: 1}), NOW).events_off
    assert not changed(off, Change(events_url="https://acme.example"), NOW).events_off


@pytest.mark.parametrize(
    ("override", "tiers", "scaled", "expected"),
    [
        (None, None, None, None),
        (None, 5, None, 5),
        (20, 5, None, 20),
        (20, 5, Scaling(20, 25), 25),
        (20, 5, Scaling(10, 25), 20),
        (None, 5, Scaling(5, 6), 6),
    ],
)
def test_the_limit_of_a_lane_is_its_own_else_its_tiers_as_scaled(
    override: float | None, tiers: float | None, scaled: Scaling | None, expected: float | None
) -> None:
    workspace = Workspace("acme", limits={} if override is None else {SMS: override})
    tier = Tier("t", limits={SMS: tiers}, auto_scale={SMS: Scale(100, 1.25)})
    assert own_limit(workspace, tier, SMS, scaled) == expected
    assert own_limit(workspace, tier, EMAIL, None) is None


def test_a_tier_change_takes_away_and_adds_by_channel() -> None:
    tier = Tier("t", {SMS: 5, EMAIL: 6}, 2, {SMS: Scale(10, 2)}, {EMAIL: 9})
    found = changed_tier(
        tier,
        TierChange(
            limits={SMS: None}, auto_scale={SMS: None, EMAIL: Scale(20, 2)}, daily_quota={SMS: 3}
        ),
    )
    assert found == Tier("t", {EMAIL: 6}, 2, {EMAIL: Scale(20, 2)}, {SMS: 3, EMAIL: 9})
    assert changed_tier(tier, TierChange(weight=None)).weight == 1


def test_a_lane_needs_to_know_of_a_callback_only_where_there_is_one_of_its_own() -> None:
    own = Workspace("acme", base_urls={SMS: "https://acme.example"})
    assert lane_terms(ACME, Tier("t"), SMS) == LaneTerms()
    assert (
        lane_terms(own, Tier("t"), SMS).callback,
        lane_terms(own, Tier("t"), EMAIL).callback,
    ) == (True, False)
    assert lane_terms(Workspace("acme", secrets=(Secret("s"),)), Tier("t"), EMAIL).callback


@given(
    at=st.integers(0, 7 * DAY),
    ahead=st.integers(0, 300_000),
    window=st.sampled_from(
        [Window("08:00", "08:01"), Window("22:00", "06:00", (1, 3)), Window("00:00", "12:00")]
    ),
)
def test_no_message_may_start_at_a_time_at_which_its_window_is_closed(
    at: int, ahead: int, window: Window
) -> None:
    terms = LaneTerms(window=window)
    now = NOW + at
    opens = opens_at(terms, now, now + ahead)
    assert opens >= now
    assert opening(window, "UTC", opens) == opens
    if opens <= now + ahead:  # it may start at once, and at any time that this claim gives
        assert opening(window, "UTC", now + ahead) == now + ahead


def test_a_claim_that_reaches_beyond_the_closing_in_the_workspaces_zone_waits_for_the_next_opening_there() -> (
    None
):
    terms, hour = LaneTerms(window=Window("08:00", "21:00"), zone="Asia/Kathmandu"), DAY // 24
    closes = NOW - NOW % DAY + 21 * hour - 23 * hour // 4  # 5:45 ahead of UTC
    assert opens_at(terms, closes - 1_000, closes - 1) <= closes - 1_000
    assert opens_at(terms, closes - 1_000, closes) == closes + 11 * hour


def test_without_a_window_everything_may_start() -> None:
    assert opens_at(LaneTerms(), NOW, NOW + 1) == 0
