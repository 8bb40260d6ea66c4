"""Many tenants with real processes, measured at a receiver: limits of their own in every
second, and turns for all. On SQLite and on PostgreSQL.
"""

from __future__ import annotations

import pytest

from tests.acceptance.crowds import (
    LIMIT_OF_MANY,
    OWN_LIMITS,
    SERVICE_LIMIT,
    many_beside_one,
    three_limits,
)
from tests.acceptance.test_main_job import store

__all__ = ["store"]

pytestmark = [pytest.mark.alone, pytest.mark.long]


async def test_three_workspaces_get_at_most_their_own_in_every_second_and_together_all_of_the_limit(
    store: tuple[str, tuple[str, ...]],
) -> None:
    url, commands = store
    shares = await three_limits(commands, url, seconds=20)
    assert {name: shares.densest_by_workspace[name] for name in OWN_LIMITS} == OWN_LIMITS
    assert shares.densest <= SERVICE_LIMIT
    assert shares.per_second >= 0.97 * SERVICE_LIMIT


async def test_one_message_of_each_of_10000_workspaces_is_served_within_their_share_beside_one_with_100000(
    store: tuple[str, tuple[str, ...]],
) -> None:
    url, commands = store
    crowd = await many_beside_one(commands, url, small=10_000, big=100_000)
    assert crowd.densest <= LIMIT_OF_MANY
    assert crowd.last_after <= crowd.bound
