"""What every page works with: the services, the settings that the dashboard needs, and the
shared reading of live figures. One object a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from queue_services.clock import Clock
from queue_services.dashboard.live import Live
from queue_services.dashboard.login import Login, Tries
from queue_services.dashboard.sessions import Sessions
from queue_services.domain.message import Channel
from queue_services.queue.audit import Audit
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.intake import Intake
from queue_services.queue.operation_runner import OperationRunner
from queue_services.storage.port import Database
from queue_services.wire.intake import Rules


class Described(Protocol):
    """A setting in force, as `check-config` shows it: secrets masked."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def about(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class DashboardSettings:
    """What the dashboard needs of the settings; limits are messages a second."""

    username: str | None = None
    password: str | None = None
    admin_key: str | None = None
    read_only: bool = False
    limits: Mapping[Channel, float]
    concurrency: int = 256
    max_attempts: int = 3
    callback_paths: tuple[str, ...] = ("/",)
    counts_segments: bool = False
    described: Sequence[Described] = ()
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One object a process, which `writer` names in the tallies."""

    database: Database
    clock: Clock
    writer: str
    settings: DashboardSettings
    login: Login
    tries: Tries
    sessions: Sessions
    live: Live
    audit: Audit
    forecasts: Forecasts
    intake: Intake
    operations: OperationRunner
    rules: Rules
