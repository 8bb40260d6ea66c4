"""What every page works with: the services, the settings that the dashboard needs, and the
shared reading of live figures. One object a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from queue_services.clock import Clock
from queue_services.dashboard.live import Live
from queue_services.dashboard.login import Login
from queue_services.dashboard.sessions import Sessions
from queue_services.domain.message import Channel
from queue_services.queue.audit import Audit
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.intake import Intake
from queue_services.queue.operation_runner import OperationRunner
from queue_services.settings.slices import DashboardSettings
from queue_services.settings.variable import Described
from queue_services.storage.port import Database
from queue_services.web.bodies import Memory
from queue_services.web.clients import Tries
from queue_services.wire.intake import Rules


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One object a process, which `writer` names in the tallies. `limits` are the settings',
    messages a second; `described` are all settings as `check-config` shows them.
    """

    database: Database
    clock: Clock
    writer: str
    settings: DashboardSettings
    limits: Mapping[Channel, float]
    described: Sequence[Described]
    version: str
    login: Login
    tries: Tries
    sessions: Sessions
    live: Live
    audit: Audit
    forecasts: Forecasts
    intake: Intake
    operations: OperationRunner
    rules: Rules
    memory: Memory
