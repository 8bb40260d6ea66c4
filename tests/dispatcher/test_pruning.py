"""Old jobs go in bites that hold up no delivery, whatever the store's speed is."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, cast

import pytest
from benchmarks.pruning import measure

from queue_services.clock import Clock
from queue_services.dispatcher.bites import LONGEST, SMALLEST, Bites
from queue_services.dispatcher.maintenance import Maintenance
from queue_services.queue import event_queue, retention
from tests.support.virtual import run_virtual

OLD = 100_000
MORE_LATE = 20.0
"""Milliseconds: the most that pruning may add to a delivery's lateness."""


def bitten(rows: int, row: float, first: int = 100, most: int = 500) -> tuple[list[int], float]:
    """The sizes of the bites that take so many rows, of `row` seconds each; and how long it
    took.
    """

    async def scenario() -> tuple[list[int], float]:
        loop, sizes, left = asyncio.get_running_loop(), list[int](), rows

        async def bite(size: int) -> int:
            nonlocal left
            done = min(size, left)
            await asyncio.sleep(done * row)
            left -= done
            sizes.append(done)
            return done

        await Bites(Clock(monotonic=loop.time, wall=loop.time), first, most).take_all(bite)
        return sizes, loop.time()

    return run_virtual(scenario)


def test_bites_grow_where_the_store_is_fast_and_never_beyond_the_most() -> None:
    sizes, _ = bitten(10_000, row=0.000_001)
    assert max(sizes) == 500
    assert sum(sizes) == 10_000


def test_bites_shrink_until_one_takes_a_few_milliseconds() -> None:
    sizes, _ = bitten(10_000, row=0.000_2)
    assert max(sizes[3:]) * 200 <= 1.3 * LONGEST
    assert sum(sizes) == 10_000


def test_bites_stay_above_a_smallest_size_and_rest_for_most_of_the_time() -> None:
    sizes, took = bitten(500, row=0.01)
    assert set(sizes[5:-1]) == {SMALLEST}
    assert took > 4 * 500 * 0.01


class Store:
    """A store with some rows of each kind to delete, whose rows of one kind are dearer than
    those of all others.
    """

    def __init__(self, dear: Any, rows: int) -> None:
        self.sizes: defaultdict[Any, list[int]] = defaultdict(list)
        self._dear, self._left = dear, defaultdict[Any, int](lambda: rows)

    async def write(self, flow: Any, before: int, most: int) -> int:
        done = min(most, self._left[flow])
        self._left[flow] -= done
        self.sizes[flow].append(done)
        await asyncio.sleep(done * (0.000_2 if flow is self._dear else 0.000_001))
        return done


def test_what_is_learnt_of_one_kind_of_row_says_nothing_of_another() -> None:
    async def scenario() -> dict[Any, list[int]]:
        loop, store = asyncio.get_running_loop(), Store(dear=retention.prune, rows=5_000)
        maintenance = Maintenance(
            cast("Any", store),
            Clock(monotonic=loop.time, wall=loop.time),
            cast("Any", None),
            cast("Any", None),
            identity=1,
            writer="m1",
            rates={},
            retention=1,
            history_age=1,
        )
        await maintenance.prune()
        store._left.clear()
        await maintenance.prune()
        return store.sizes

    sizes = run_virtual(scenario)
    assert (
        max(sizes[event_queue.prune]) == max(sizes[retention.prune_exceedances]) == retention.BITE
    )
    assert max(sizes[retention.prune]) * 200 <= 1.3 * LONGEST


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
async def test_old_jobs_go_while_messages_fall_due_on_time(backend: str) -> None:
    figures = await measure(backend, OLD)
    print(f"{backend}: {figures}")
    assert not figures.finished, "pruning was over before the messages were due"
    assert figures.median_bite <= 2 * LONGEST / 1_000
    assert figures.p99_beside <= figures.p99_alone + MORE_LATE
