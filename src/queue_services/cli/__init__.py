"""The command line, one module a subject."""

from queue_services.cli.app import main

__all__ = ["main"]
