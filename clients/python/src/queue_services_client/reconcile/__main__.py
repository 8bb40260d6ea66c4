"""`python -m queue_services_client.reconcile --database-url sqlite:///app.db`: one
reconciliation, for cron. Needs SQLAlchemy 2.

The service is QUEUE_SERVICES_URL with QUEUE_SERVICES_KEY. Prints what was done as one line
of JSON; exits 0 when it was done, 1 when the service or the database is away (the next run
goes on), 2 for bad arguments, 3 when messages are late and --fail-when-late is given.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from queue_services_client.errors import QueueServiceError
from queue_services_client.extras import Extra
from queue_services_client.reconcile.reconciliation import (
    LATE_AFTER,
    RESCHEDULE_WITHIN,
    Reconciliation,
    reconcile,
)
from queue_services_client.service import QueueService
from queue_services_client.tracking.sqlalchemy import QueuedMessage, QueuedMessageMixin, SqlTracker

with Extra("sqlalchemy"):
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with `arguments` (the process's own by default) and returns its exit
    status.
    """
    options = _parser().parse_args(arguments)
    try:
        report = _reconcile(options)
    except (QueueServiceError, SQLAlchemyError) as error:
        sys.stderr.write(f"not reconciled: {error}\n")
        return 1
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    return 3 if options.fail_when_late and report.late_count else 0


def _reconcile(options: argparse.Namespace) -> Reconciliation:
    engine = create_engine(options.database_url)
    try:
        with QueueService() as service:
            return reconcile(
                SqlTracker(engine, options.model),
                service,
                workspace_id=options.workspace,
                full=options.full,
                late_after=timedelta(minutes=options.late_after_minutes),
                reschedule_within=timedelta(days=options.reschedule_within_days),
            )
    finally:
        engine.dispose()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m queue_services_client.reconcile",
        description="Bring the application's table in line with the service.",
    )
    parser.add_argument(
        "--database-url", required=True, help="the application's database, as SQLAlchemy names it"
    )
    parser.add_argument(
        "--model",
        type=_model,
        default=QueuedMessage,
        help=(
            "your class with QueuedMessageMixin, as package.module:Class; default: the ready table"
        ),
    )
    parser.add_argument(
        "--workspace", help="only the changes of this workspace, for a key that sees no other"
    )
    parser.add_argument(
        "--full", action="store_true", help="ask for every open message; once a day is enough"
    )
    parser.add_argument(
        "--late-after-minutes",
        type=float,
        default=LATE_AFTER / timedelta(minutes=1),
        help="default: %(default)g",
    )
    parser.add_argument(
        "--reschedule-within-days",
        type=float,
        default=RESCHEDULE_WITHIN / timedelta(days=1),
        help="default: %(default)g",
    )
    parser.add_argument(
        "--fail-when-late", action="store_true", help="exit 3 when messages are late, for an alert"
    )
    return parser


def _model(name: str) -> type[QueuedMessageMixin]:
    module, _, attribute = name.partition(":")
    try:
        model = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None
    if not (isinstance(model, type) and issubclass(model, QueuedMessageMixin)):
        raise argparse.ArgumentTypeError(f"{name} is no class with QueuedMessageMixin")
    return model


if __name__ == "__main__":
    sys.exit(main())
