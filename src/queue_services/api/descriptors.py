"""How many connections of clients a process takes, by the files that it may open.

Asked once at the start, by `bootstrap`.
"""

from __future__ import annotations

import resource

import structlog

from queue_services.api.connections import SPARE
from queue_services.settings import Settings

DESCRIPTORS = 200
"""Files and sockets that a process needs beside its clients' connections and its callbacks."""

log = structlog.get_logger(__name__)


def most_connections(settings: Settings) -> int:
    """How many connections of clients the process takes: those of the settings, or fewer
    where it may not open as many files.

    The dispatcher's connections come first: clients must not be able to use up what they need.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + SPARE + settings.concurrency + DESCRIPTORS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = max(1, min(settings.max_connections, settings.max_connections - (wanted - soft)))
    if most < settings.max_connections:
        log.warning(
            "fewer connections than QUEUE_SERVICES_MAX_CONNECTIONS: raise the limit of open files"
            " (ulimit -n)",
            most=most,
            files=soft,
        )
    return most
