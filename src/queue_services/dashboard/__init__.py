"""The dashboard at /admin/queues: pages drawn on the server, which read fully without
JavaScript. Built by `app.Dashboard`.
"""
