"""Tiers, limits in force and which figures are accepted."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.domain.message import Channel
from queue_services.domain.tiers import (
    DEFAULT_TIER,
    SHIPPED,
    Limit,
    Source,
    Tier,
    limit_fault,
    limit_in_force,
    quota_fault,
    scale_fault,
    weight_fault,
)

limits = st.one_of(st.integers(1, 1000), st.floats(0.01, 1, exclude_max=True))


@pytest.mark.parametrize(
    ("tier", "override", "scaled", "expected"),
    [
        (None, None, None, Limit(50, Source.SERVICE)),
        (10, None, None, Limit(10, Source.TIER)),
        (10, 5, None, Limit(5, Source.WORKSPACE)),
        (10, 20, None, Limit(20, Source.WORKSPACE)),
        (10, None, 12, Limit(12, Source.SCALED)),
        (10, 5, 6, Limit(6, Source.SCALED)),
        (10, None, 10, Limit(10, Source.TIER)),  # scaling has not raised it
        (
            10,
            20,
            12,
            Limit(20, Source.WORKSPACE),
        ),  # what scaling made of an earlier, lower limit lowers none
        (10, None, 62, Limit(50, Source.SERVICE)),  # never above the service's
        (200, None, None, Limit(50, Source.SERVICE)),
        (None, 50, None, Limit(50, Source.SERVICE)),  # the channel's log keeps it already
        (None, None, 80, Limit(50, Source.SERVICE)),  # there is no limit of its own to raise
        (None, 0.2, None, Limit(0.2, Source.WORKSPACE)),
    ],
)
def test_a_limit_falls_back_from_workspace_to_tier_to_service(
    tier: float | None, override: float | None, scaled: float | None, expected: Limit
) -> None:
    assert limit_in_force(50, tier, override, scaled) == expected


@given(limits, st.none() | limits, st.none() | limits, st.none() | limits)
def test_no_limit_in_force_passes_the_services(
    service: float, tier: float | None, override: float | None, scaled: float | None
) -> None:
    limit = limit_in_force(service, tier, override, scaled)
    assert limit.rate <= service
    assert (limit.source is Source.SERVICE) == (limit.rate == service)


@pytest.mark.parametrize("value", [1, 50, 50.0, 1_000_000, 0.2, 0.00001, 0.999])
def test_whole_numbers_and_numbers_below_one_are_limits(value: object) -> None:
    assert limit_fault(value) is None


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        -0.5,
        1.5,
        50.25,
        1_000_001,
        10**400,
        1e-9,
        math.nan,
        math.inf,
        -math.inf,
        True,
        "50",
        None,
        [50],
    ],
)
def test_anything_else_is_no_limit(value: object) -> None:
    assert "whole number" in (limit_fault(value) or "")


@pytest.mark.parametrize("value", [0, -1, 0.1, 0.3, 101, math.nan, math.inf, True, "1", None])
def test_a_weight_is_in_quarters_up_to_a_hundred(value: object) -> None:
    assert "0.25" in (weight_fault(value) or "")
    assert weight_fault(0.25) is weight_fault(1) is weight_fault(2.5) is weight_fault(100) is None


@pytest.mark.parametrize(
    ("maximum", "step", "member"),
    [
        (0, 1.25, "max"),
        (1.5, 1.25, "max"),
        (None, 1.25, "max"),
        (200, 1, "step"),
        (200, 0.5, "step"),
        (200, 11, "step"),
        (200, math.nan, "step"),
        (200, "2", "step"),
    ],
)
def test_a_fault_of_automatic_scaling_names_its_member(
    maximum: object, step: object, member: str
) -> None:
    assert (scale_fault(maximum, step) or "").startswith(f"{member}: ")


def test_the_scaling_of_the_contract_is_accepted() -> None:
    assert scale_fault(200, 1.25) is None


@pytest.mark.parametrize("value", [0, -1, 1.5, math.nan, math.inf, 10**12, True, "1000"])
def test_a_quota_is_a_whole_number_of_messages(value: object) -> None:
    assert "whole number" in (quota_fault(value) or "")
    assert quota_fault(1) is quota_fault(1_000_000) is None


def test_the_shipped_tiers_would_be_accepted_from_a_caller() -> None:
    assert [tier.name for tier in SHIPPED] == ["free", "standard", "premium"]
    for tier in SHIPPED:
        assert weight_fault(tier.weight) is None
        assert all(
            limit_fault(limit) is None for limit in tier.limits.values() if limit is not None
        )
        assert all(
            scale_fault(scale.max, scale.step) is None
            for scale in tier.auto_scale.values()
            if scale is not None
        )


def test_standard_is_the_service_itself() -> None:
    assert next(tier for tier in SHIPPED if tier.name == DEFAULT_TIER) == Tier(DEFAULT_TIER)


def test_a_tier_survives_being_stored() -> None:
    for tier in SHIPPED:
        stored = msgspec.json.decode(msgspec.json.encode(tier), type=Tier)
        assert stored == tier
        assert stored.limits.get(Channel.SMS) == tier.limits.get(Channel.SMS)
