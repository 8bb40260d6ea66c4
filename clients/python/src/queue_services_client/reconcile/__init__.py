"""Reconciliation: `reconcile` once, `reconcile_every` as a task, `keep_reconciling` in a
thread, `python -m queue_services_client.reconcile` from cron.
"""

from queue_services_client.reconcile.periodic import keep_reconciling, reconcile_every
from queue_services_client.reconcile.reconciliation import Reconciliation, reconcile

__all__ = ["Reconciliation", "keep_reconciling", "reconcile", "reconcile_every"]
