"""Reconciles again and again, as a task or in a thread. Called by the application."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from queue_services_client.errors import QueueServiceError
from queue_services_client.reconcile.reconciliation import (
    Reconciliation,
    Service,
    reconcile_until,
)
from queue_services_client.tracking.tracker import Tracker

_log = logging.getLogger("queue_services_client.reconcile")


async def reconcile_every(
    interval: timedelta,
    tracker: Tracker,
    service: Service,
    *,
    on_report: Callable[[Reconciliation], object] | None = None,
    workspace_id: str | None = None,
) -> None:
    """Reconciles, waits `interval`, and so on until cancelled. A service or database that
    is away is logged and waited out. `on_report` may be a coroutine function.

    Runs in a thread, as tracker and service block; start it with `asyncio.create_task`. A
    reconciliation under way ends with its current page when the task is cancelled.
    """
    while True:
        stop = threading.Event()
        try:
            report = await asyncio.to_thread(reconcile_until, stop, tracker, service, workspace_id)
            said = None if on_report is None else on_report(report)
            if inspect.isawaitable(said):
                await said
        except asyncio.CancelledError:
            stop.set()
            raise
        except QueueServiceError as error:
            _log.warning("not reconciled: %s", error)
        except Exception:  # noqa: BLE001 - a periodic task that ends with one bad day is found out too late
            _log.exception("not reconciled")
        await asyncio.sleep(interval.total_seconds())


def keep_reconciling(
    interval: timedelta,
    tracker: Tracker,
    service: Service,
    *,
    on_report: Callable[[Reconciliation], object] | None = None,
    workspace_id: str | None = None,
    stop: threading.Event | None = None,
) -> None:
    """As `reconcile_every`, for applications without an event loop: blocks its thread until
    `stop` is set, for ever without one.

    threading.Thread(target=keep_reconciling, args=(interval, tracker, service), daemon=True)
    """
    stop = stop or threading.Event()
    while not stop.is_set():
        try:
            report = reconcile_until(stop, tracker, service, workspace_id)
            if on_report is not None:
                on_report(report)
        except QueueServiceError as error:
            _log.warning("not reconciled: %s", error)
        except Exception:  # noqa: BLE001 - as in reconcile_every
            _log.exception("not reconciled")
        stop.wait(interval.total_seconds())
