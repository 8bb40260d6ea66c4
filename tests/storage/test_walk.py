"""Whatever is asked in whatever order: every message is in one place, nothing is stranded,
and every count equals the rows it stands for.
"""

from __future__ import annotations

import pytest

from queue_services.queue import campaigns
from tests.storage.store import Store
from tests.storage.walk import Walk

STEPS = 50


async def walk(store: Store, seed: int, steps: int) -> Walk:
    walk = Walk(store, seed)
    taken: list[str] = []
    for _ in range(steps):
        taken.append(await walk.step())
        try:
            await walk.check()
        except AssertionError as broken:
            broken.add_note(f"seed {seed}, after {len(taken)} steps: {' '.join(taken[-8:])}")
            raise
    return walk


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long(bounded=True))])
async def test_every_rule_holds_after_every_step_of_a_random_walk(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "BITE", 3)
    walked = await walk(store, seed, STEPS)
    await walked.finish()
    await walked.check()
    assert await store.select("select * from pending") == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1_000, 1_010))
async def test_every_rule_holds_after_every_step_of_many_long_walks(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "BITE", 3)
    walked = await walk(store, seed, 9 * STEPS)
    await walked.finish()
    await walked.check()
    assert await store.select("select * from pending") == []
