"""Reconciliation: `reconcile` once, `reconcile_every` as a task, `python -m
queue_services_client.reconcile` from cron.
"""

from queue_services_client.reconcile.reconciliation import (
    Reconciliation,
    reconcile,
    reconcile_every,
)

__all__ = ["Reconciliation", "reconcile", "reconcile_every"]
