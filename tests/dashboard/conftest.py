"""The dashboard that this folder's tests look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dashboard.site import Site, opened


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A dashboard on this machine, without a key or a login."""
    async with opened(tmp_path) as running:
        yield running
