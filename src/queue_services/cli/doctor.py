"""The command `doctor`: says of everything that the service needs whether it is there. Used
by `cli`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from queue_services.cli.checks import Check, State, diagnose
from queue_services.cli.core import DatabaseUrl
from queue_services.cli.terminal import Terminal
from queue_services.errors import ConfigurationError
from queue_services.settings import Settings

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


def doctor(
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print one JSON object")
    ] = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Check settings, database, version, clock, endpoints, signature, limits and disk: a line
    each with OK, WARN or FAIL, and what to do. Changes nothing.

    Exit code 1 where something failed; a warning is no failure.
    """
    try:
        settings = Settings.from_environment(database_url=database_url)
        checks = [Check("settings", State.OK, _summary(settings))]
        checks += asyncio.run(diagnose(settings))
    except ConfigurationError as error:
        checks = [
            Check("settings", State.FAIL, f"{fault.field}: {fault.message}")
            for fault in error.faults
        ]
    if as_json:
        ok = all(check.state is not State.FAIL for check in checks)
        print(msgspec.json.encode({"ok": ok, "checks": checks}).decode())
    else:
        _show(checks)
    if any(check.state is State.FAIL for check in checks):
        sys.exit(1)


def _summary(settings: Settings) -> str:
    count = len(settings.sources)
    return f"{count} {'is' if count == 1 else 'are'} set; `queue-services check-config` shows them"


def _show(checks: list[Check]) -> None:
    terminal = Terminal(soft_wrap=True)
    for check in checks:
        terminal.print(f"{check.state:4}", style=_STYLES[check.state], end="")
        advice = f"; {check.advice}" if check.advice else ""
        terminal.print(f"  {check.name:10} {check.about}{advice}")
