"""The command line `queue-services`: starts processes, and asks the service what the API
would be asked.

Holds no rule: settings come from `settings`, everything else from `bootstrap` and
`queue`. Exit codes: 0 done, 1 refused or failed, 2 wrong settings or usage.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Never

import cyclopts
from cyclopts import Parameter
from rich.table import Table

from queue_services import __version__, bootstrap, log
from queue_services.cli import (
    alerts,
    audit,
    campaigns,
    channels,
    completion,
    doctor,
    forecast,
    import_bullmq,
    init,
    jobs,
    keys,
    metrics,
    operations,
    store,
    workspace,
)
from queue_services.cli.core import DatabaseUrl
from queue_services.cli.terminal import Terminal, print_table
from queue_services.errors import ConfigurationError, QueueServicesError, Refusal
from queue_services.settings import Settings

app = cyclopts.App(
    name="queue-services",
    version=__version__,
    help="Sends a multi-tenant application's SMS and email when they are due, within exact limits.",
)
app.command(jobs.schedule, name="schedule")
app.command(jobs.app, name="jobs")
app.command(keys.app, name="keys")
app.command(metrics.metrics, name="metrics")
app.command(workspace.app, name="workspace")
app.command(workspace.tiers, name="tiers")
app.command(forecast.forecast, name="forecast")
app.command(alerts.app, name="alerts")
app.command(campaigns.app, name="campaigns")
app.command(operations.app, name="operations")
app.command(channels.app, name="channels")
app.command(audit.audit, name="audit")
app.command(store.verify, name="verify")
app.command(store.erase, name="erase")
app.command(store.backup, name="backup")
app.command(import_bullmq.app, name="import")
app.command(init.init, name="init")
app.command(doctor.doctor, name="doctor")
completion.register(app)

Host = Annotated[str | None, Parameter(help="address to listen on (HOST)")]
Port = Annotated[int | None, Parameter(help="port to listen on, 0 for a free one (PORT)")]
TestClock = Annotated[
    bool | None,
    Parameter(negative="", help="for tests: let POST /api/test-clock/advance move the time"),
]
Insecure = Annotated[
    bool | None, Parameter(negative="", help="serve other addresses than loopback without a key")
]

AcceptStore = Annotated[
    bool,
    Parameter(
        negative="",
        help="the store was restored or upgraded: take the PostgreSQL server it is on for its own",
    ),
]


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: every error of ours becomes a sentence on stderr and an exit code.
    `arguments` stand for the command line's.
    """
    try:
        app(arguments)
    except ConfigurationError as error:
        _fail(
            "The settings cannot work:\n"
            + "\n".join(f"  {fault.field}: {fault.message}" for fault in error.faults),
            2,
        )
    except Refusal as error:
        faults = getattr(error, "faults", ())
        _fail("\n".join(f"{fault.field}: {fault.message}" for fault in faults) or str(error), 1)
    except (QueueServicesError, OSError) as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command
def serve(
    *,
    host: Host = None,
    port: Port = None,
    database_url: DatabaseUrl = None,
    insecure: Insecure = None,
    test_clock: TestClock = None,
) -> None:
    """Run everything in one process: API and dispatcher."""
    _run(
        _settings(
            host=host,
            port=port,
            database_url=database_url,
            insecure=insecure,
            test_clock=test_clock,
        ),
        api=True,
        dispatch=True,
    )


@app.command
def api(
    *,
    host: Host = None,
    port: Port = None,
    database_url: DatabaseUrl = None,
    insecure: Insecure = None,
) -> None:
    """Run the API alone; dispatchers run elsewhere."""
    _run(
        _settings(host=host, port=port, database_url=database_url, insecure=insecure),
        api=True,
        dispatch=False,
    )


@app.command
def dispatcher(*, database_url: DatabaseUrl = None) -> None:
    """Run a dispatcher alone; any number of them share the limits."""
    _run(_settings(database_url=database_url), api=False, dispatch=True)


@app.command
def migrate(*, accept_store: AcceptStore = False, database_url: DatabaseUrl = None) -> None:
    """Bring the store's schema up to date. Every process does so at its start, too."""
    settings = _settings(database_url=database_url)

    async def work() -> None:
        async with bootstrap.open_core(settings, accept=accept_store):
            pass

    run_async(work)
    Terminal().print("The schema is up to date.")


@app.command(name="check-config")
def check_config(*, host: Host = None, port: Port = None, database_url: DatabaseUrl = None) -> None:
    """Show every setting in force and where it comes from; secrets are masked."""
    settings = _settings(host=host, port=port, database_url=database_url)
    table = Table("setting", "value", "from", "what it is", box=None, pad_edge=False)
    for line in settings.describe():
        table.add_row(line.name, line.value, line.source, line.about)
    print_table(table)


@app.command
def demo(
    *, keep: Annotated[bool, Parameter(negative="", help="leave it running afterwards")] = False
) -> None:
    """Show the main job: a campaign of SMS and email through a service and a receiver of
    its own.
    """
    from queue_services.demo import run_demo  # noqa: PLC0415 - what it draws with is not needed by anything else

    sys.exit(run_demo(keep=keep))


def run_async(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `work` on the event loop that production uses."""
    with asyncio.Runner(loop_factory=bootstrap.new_event_loop) as runner:
        runner.run(work())


def _run(settings: Settings, *, api: bool, dispatch: bool) -> None:
    log.configure(settings.log_level, settings.log_format)
    run_async(lambda: bootstrap.run(settings, api=api, dispatch=dispatch))


def _settings(**options: Any) -> Settings:
    return Settings.from_environment(**options)


def _fail(message: str, code: int) -> Never:
    for line in message.splitlines():
        Terminal(stderr=True, soft_wrap=True).print(line, style="red")
    sys.exit(code)
