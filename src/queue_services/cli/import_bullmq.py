"""The command `import bullmq`: moves what waits in a BullMQ queue into the store. It opens
both itself, so no API need run.

Used by `cli`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import cyclopts
import msgspec
from cyclopts import Parameter

from queue_services import bootstrap
from queue_services.cli.core import DatabaseUrl, with_core
from queue_services.cli.terminal import Terminal
from queue_services.clock import Clock
from queue_services.domain.message import Message
from queue_services.errors import ConfigurationError, Fault
from queue_services.queue import intake as storing
from queue_services.queue.bullmq_import.importer import Importer, Report
from queue_services.queue.bullmq_import.layout import Queue
from queue_services.queue.bullmq_import.redis import connected
from queue_services.queue.records import Insertion
from queue_services.settings import Settings
from queue_services.wire import bullmq, intake

WRITER = "import"

app = cyclopts.App(name="import", help="Take over what waits in another queue.")


@app.command(name="bullmq")
def import_bullmq(
    *,
    redis: Annotated[
        str, Parameter(help="where BullMQ's Redis is: redis://USER:PASSWORD@HOST:PORT/DATABASE")
    ],
    queue: Annotated[str, Parameter(help="the queue's name")],
    prefix: Annotated[str, Parameter(help="the `prefix` of the queue's options")] = "bull",
    map_file: Annotated[
        Path | None,
        Parameter(
            name="--map",
            help="a .py file with a function `map_job(job)` that returns the message, or a .json"
            " file of paths into the job's data",
        ),
    ] = None,
    dry_run: Annotated[
        bool, Parameter(negative="", help="say what would be done; change nothing")
    ] = False,
    wait: Annotated[
        float,
        Parameter(
            help="seconds to wait for jobs that a worker runs or a rate limit holds",
            validator=cyclopts.validators.Number(gte=0, lte=86_400),
        ),
    ] = 10,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print one JSON object")
    ] = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Move the delayed and waiting jobs of a BullMQ queue into the store, each exactly once,
    while BullMQ's workers keep running. Run it again after a crash: it resumes.

    Exit code 0: nothing is left in the queue. 1: some jobs are, and are listed. Active,
    repeatable, flow and rate-limited jobs, and those that cannot be mapped, stay as they are.
    """
    settings = Settings.from_environment(database_url=database_url)
    mapping = bullmq.by_data if map_file is None else load_map(map_file)

    async def preview() -> Report:
        clock = Clock()
        async with connected(redis) as server:
            read = _reader(settings, clock)
            target = Queue(prefix, queue)
            return await Importer(server, target, clock, mapping=mapping, read=read).preview()

    async def run(core: bootstrap.Core) -> Report:
        async with connected(redis) as server:
            read = _reader(settings, core.clock)
            target = Queue(prefix, queue)
            importer = Importer(server, target, core.clock, mapping=mapping, read=read, wait=wait)
            return await importer.run(lambda messages: _write(core, messages))

    report = asyncio.run(preview()) if dry_run else with_core(database_url, run)
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        _show(report, Queue(prefix, queue), dry_run=dry_run)
    if report.left:
        sys.exit(1)


def load_map(path: Path) -> bullmq.Map:
    """The map in a file. Raises ConfigurationError for one that holds none."""
    try:
        if path.suffix == ".py":
            return bullmq.by_function(_function(path))
        return bullmq.by_paths(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(Fault("--map", f"{path}: {error.strerror}")) from None
    except ValueError as error:
        raise ConfigurationError(Fault("--map", f"{path}: {error}")) from None


def _function(path: Path) -> Callable[[dict[str, Any]], Any]:
    """`map_job` of a Python file, or its only public function. Raises ValueError."""
    spec = importlib.util.spec_from_file_location("queue_services_map", path)
    if spec is None or spec.loader is None:
        raise ValueError("is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except OSError:
        raise
    except Exception as error:  # the user's code: whatever it raises is the fault
        raise ValueError(f"cannot be run: {type(error).__name__}: {error}") from error
    functions = [
        function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
    ]
    chosen = getattr(module, "map_job", functions[0] if len(functions) == 1 else None)
    if callable(chosen):
        return chosen
    raise ValueError("must define a function map_job(job)")


def _reader(settings: Settings, clock: Clock) -> Callable[[bytes], Message]:
    rules = intake.Rules(
        settings.callback_paths,
        counts_segments=settings.counts_segments,
        searched=settings.search_metadata,
    )
    return lambda element: intake.element(element, clock.now(), rules)


async def _write(core: bootstrap.Core, messages: Sequence[Message]) -> Sequence[Insertion]:
    insertions = await core.database.write(storing.insert, messages, core.clock.now(), WRITER)
    core.database.wake()
    return insertions


def _show(report: Report, queue: Queue, *, dry_run: bool) -> None:
    terminal = Terminal(soft_wrap=True)
    done = "would be moved" if dry_run else "moved"
    resumed = f", {report.resumed:,} of them from an import that was stopped"
    terminal.print(f"{queue}: {report.moved:,} jobs {done}{resumed if report.resumed else ''}")
    for left in report.left:
        terminal.print(f"left {left.id} ({left.why}): {left.about}")
    if report.left:
        terminal.print(f"{len(report.left):,} jobs are left in BullMQ")
