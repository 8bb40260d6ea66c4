"""Logging: one line an event, readable on a terminal, JSON elsewhere, with nothing in it
that belongs to a message's recipient.

Modules call `get_logger(__name__)` and log fields, not sentences. `bootstrap` calls
`configure` once; the loggers of uvicorn and asyncio then go the same way.
Importing this module is enough for `redaction.redact` to see every event, so no line
escapes before that call either.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from queue_services.redaction import printable, redact

_ROUTED = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")
_CHAIN: Sequence[Processor] = (
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    cast("Processor", redact),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.PositionalArgumentsFormatter(),
        *_CHAIN,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module: `get_logger(__name__).info("batch settled", lane=...,
    messages=50)`.
    """
    return structlog.stdlib.get_logger(name)


def configure(level: str = "info", style: str = "auto", stream: TextIO = sys.stderr) -> None:
    """Send every logger's events of at least `level` to `stream`, as `console` text or
    `json`; `auto` is console on a terminal alone.
    """
    terminal = stream.isatty()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_CHAIN,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(style == "console" or (style == "auto" and terminal), terminal),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _ROUTED:
        routed = logging.getLogger(name)
        routed.handlers.clear()
        routed.propagate = True
    logging.captureWarnings(capture=True)


def _renderers(console: bool, colors: bool) -> list[Processor]:
    if not console:
        return [structlog.processors.JSONRenderer()]
    return [
        _one_line,
        structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback
        ),
    ]


def _one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Control characters written out, so that no value can forge a line or move a
    terminal's cursor; JSON does that by itself.

    A traceback keeps its lines, set in: an event begins at the margin.
    """
    return {
        key: _set_in(value)
        if key in ("exception", "stack")
        else printable(value)
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _set_in(traceback: str) -> str:
    return "\n".join(f"  {printable(line)}" for line in traceback.split("\n"))
