"""Runs each test of the suite in both worlds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.client.suite.endpoint import Endpoint
from tests.client.suite.worlds import FakeWorld, RealWorld, World, real_service


@pytest.fixture(scope="session")
def started(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Endpoint, frozenset[str], bool]]:
    endpoint = Endpoint()
    with real_service(tmp_path_factory.mktemp("queue"), endpoint) as (url, paths, moves):
        yield url, endpoint, paths, moves


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    workspace = f"w-{uuid.uuid4().hex[:12]}"
    if request.param == "fake":
        yield FakeWorld(workspace)
        return
    url, endpoint, paths, moves = request.getfixturevalue("started")
    real = RealWorld(workspace, url, endpoint, paths, moves=moves)
    with real.service:
        yield real
