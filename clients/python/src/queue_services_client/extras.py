"""Libraries that parts of the package need and its plain installation does not bring."""

from __future__ import annotations

from types import TracebackType


class Extra:
    """Imports of the library that the extra `name` brings: a missing one is an ImportError
    that says how to install it.

    with Extra("flask"):
        from flask import request
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        """Nothing is prepared."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, ModuleNotFoundError):
            raise ImportError(  # noqa: TRY004 - that is what an import raises
                f"{error.name} is not installed: pip install 'queue-services-client[{self.name}]'",
                name=error.name,
            ) from error
