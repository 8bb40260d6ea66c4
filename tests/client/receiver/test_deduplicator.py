from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from sqlalchemy import Engine, create_engine

from queue_services_client.receiver import Claim, Deduplicator, MemoryDeduplicator
from queue_services_client.receiver.sqlalchemy import SqlDeduplicator, metadata


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", "sql"])
def deduplicator(request: pytest.FixtureRequest, engine: Engine) -> Deduplicator:
    return (
        MemoryDeduplicator(lease=60)
        if request.param == "memory"
        else SqlDeduplicator(engine, lease=60)
    )


def test_a_key_is_new_once_then_in_progress_then_accepted(deduplicator: Deduplicator) -> None:
    assert deduplicator.claim("j", 0.0) is Claim.NEW
    assert deduplicator.claim("j", 1.0) is Claim.IN_PROGRESS
    deduplicator.accept("j", 2.0)
    assert deduplicator.claim("j", 1_000_000.0) is Claim.ACCEPTED
    assert deduplicator.claim("k", 3.0) is Claim.NEW


def test_a_released_key_is_new_again(deduplicator: Deduplicator) -> None:
    deduplicator.claim("j", 0.0)
    deduplicator.release("j", 0.0)
    assert deduplicator.claim("j", 1.0) is Claim.NEW


def test_an_accepted_key_cannot_be_released(deduplicator: Deduplicator) -> None:
    deduplicator.claim("j", 0.0)
    deduplicator.accept("j", 0.0)
    deduplicator.release("j", 0.0)
    assert deduplicator.claim("j", 1.0) is Claim.ACCEPTED


def test_a_dead_claim_is_taken_over_and_its_first_owner_cannot_release_it(
    deduplicator: Deduplicator,
) -> None:
    deduplicator.claim("j", 0.0)
    assert deduplicator.claim("j", 59.9) is Claim.IN_PROGRESS
    assert deduplicator.claim("j", 60.0) is Claim.NEW
    deduplicator.release("j", 0.0)
    assert deduplicator.claim("j", 61.0) is Claim.IN_PROGRESS


def test_one_of_many_threads_gets_a_key(deduplicator: Deduplicator) -> None:
    claims: list[Claim] = []
    together = threading.Barrier(8)

    def claim() -> None:
        together.wait()
        claims.append(deduplicator.claim("j", 0.0))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claim.name for claim in claims) == ["IN_PROGRESS"] * 7 + ["NEW"]


def test_memory_forgets_the_key_that_was_used_longest_ago() -> None:
    deduplicator = MemoryDeduplicator(capacity=2)
    for key in ("a", "b"):
        deduplicator.claim(key, 0.0)
        deduplicator.accept(key, 0.0)
    assert deduplicator.claim("a", 1.0) is Claim.ACCEPTED
    deduplicator.claim("c", 2.0)
    assert deduplicator.claim("a", 3.0) is Claim.ACCEPTED
    assert deduplicator.claim("b", 3.0) is Claim.NEW


def test_what_one_process_accepted_another_drops(engine: Engine) -> None:
    first, second = SqlDeduplicator(engine), SqlDeduplicator(engine)
    first.claim("j", 0.0)
    first.accept("j", 1.0)
    assert second.claim("j", 2.0) is Claim.ACCEPTED


def test_pruning_forgets_what_was_accepted_before_and_no_claim(engine: Engine) -> None:
    deduplicator = SqlDeduplicator(engine)
    for key, at in (("old", 1.0), ("new", 100.0)):
        deduplicator.claim(key, at)
        deduplicator.accept(key, at)
    deduplicator.claim("running", 1.0)
    assert deduplicator.prune(before=50.0) == 1
    assert [deduplicator.claim(key, 2.0) for key in ("old", "new", "running")] == [
        Claim.NEW,
        Claim.ACCEPTED,
        Claim.IN_PROGRESS,
    ]


def stepwise(make: Callable[[], Deduplicator]) -> type[RuleBasedStateMachine]:
    """Whatever is done in whatever order: no key has two live claims, and none is handled
    after it was accepted.
    """

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.deduplicator, self.now = make(), 0.0
            self.live: dict[str, float] = {}
            self.accepted: set[str] = set()

        @rule(key=st.sampled_from("abc"), seconds=st.sampled_from([0.5, 59.0, 61.0]))
        def claim(self, key: str, seconds: float) -> None:
            self.now += seconds
            claim = self.deduplicator.claim(key, self.now)
            alive = key in self.live and self.live[key] > self.now - 60
            assert claim is (
                Claim.ACCEPTED
                if key in self.accepted
                else Claim.IN_PROGRESS
                if alive
                else Claim.NEW
            )
            if claim is Claim.NEW:
                self.live[key] = self.now

        @rule(key=st.sampled_from("abc"))
        def accept(self, key: str) -> None:
            if key in self.live:
                self.deduplicator.accept(key, self.now)
                self.accepted.add(key)

        @rule(key=st.sampled_from("abc"))
        def release(self, key: str) -> None:
            if key in self.live:
                self.deduplicator.release(key, self.live[key])
                if key not in self.accepted:
                    del self.live[key]

    return Machine


def sql_in_memory() -> Deduplicator:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    return SqlDeduplicator(engine)


TestMemorySteps = stepwise(MemoryDeduplicator).TestCase
TestSqlSteps = stepwise(sql_in_memory).TestCase
TestSqlSteps.settings = settings(max_examples=25, deadline=None)
