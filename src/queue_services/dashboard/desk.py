"""What every page works with: the services, the settings that the dashboard needs, and the
shared reading of live figures. One object a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from queue_services.clock import Clock
from queue_services.dashboard.live import Live
from queue_services.dashboard.login import Login
from queue_services.dashboard.sessions import Session, Sessions, Visitor
from queue_services.domain.message import Channel
from queue_services.queue.audit import Audit
from queue_services.queue.forecasts import Forecasts
from queue_services.queue.intake import Intake
from queue_services.queue.operation_runner import OperationRunner
from queue_services.queue.quotas import Quotas
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
    quotas: Quotas

    async def may_look(self, session: Session, visitor: Visitor) -> bool:
        """Whether somebody who was let in still may look: until the session ends, or the key is
        revoked or expires.
        """
        if session.stored is None:
            return visitor.key is None or await self.login.keys.in_force(visitor.key) is not None
        return await self.login.holder(await self.sessions.known(session)) is not None
