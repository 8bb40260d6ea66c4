"""How a process starts and ends as a whole."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from queue_services import bootstrap
from queue_services.dispatcher import build
from queue_services.errors import ConfigurationError
from queue_services.settings import Settings


class Dispatching:
    """Stands in for a dispatcher whose dispatching ends by itself."""

    identity = 1

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def run(self) -> None:
        await asyncio.sleep(0)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """It has ended already."""


def settings(folder: Path, **more: str) -> Settings:
    """Of a service on a free port, with a store of its own."""
    return Settings.from_environment(
        {"PORT": "0", "QUEUE_SERVICES_DATABASE_URL": f"sqlite:///{folder}/queue.db", **more}
    )


@pytest.mark.parametrize("error", [None, RuntimeError("broken")])
async def test_a_process_whose_dispatching_ends_by_itself_stops_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    async def ends_at_once(*_: Any, **__: Any) -> Dispatching:
        return Dispatching(error)

    monkeypatch.setattr(build, "build", ends_at_once)
    async with asyncio.timeout(20):
        if error is None:
            await bootstrap.run(settings(tmp_path), api=True, dispatch=True)
        else:
            with pytest.raises(RuntimeError, match="broken"):
                await bootstrap.run(settings(tmp_path), api=True, dispatch=True)


async def test_a_host_that_others_reach_is_refused_without_a_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HOST"):
        await bootstrap.run(settings(tmp_path, HOST="0.0.0.0"), api=True, dispatch=False)  # noqa: S104
