"""The dashboard at /admin/queues."""
