"""Reads the variables of the settings, and shows their values with every secret masked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from queue_services.errors import ConfigurationError, Fault
from queue_services.settings import types
from queue_services.settings.variable import PREFIX, Variable

_READ_BY_OTHERS = {"QUEUE_SERVICES_URL", "QUEUE_SERVICES_KEY", "QUEUE_SERVICES_TEST_PG_BIN"}
# Kubernetes sets these in every pod beside a Service called queue-services;
# QUEUE_SERVICES_PORT is then tcp://ADDRESS:PORT.
_KUBERNETES = re.compile(r"QUEUE_SERVICES_(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP|SCTP)\w*)")


def written(
    variable: Variable, environ: Mapping[str, str], option: Any
) -> tuple[str, str | None, str]:
    """The name a setting was found under, its text (None = nowhere), and its source."""
    if option is not None:
        return "--" + variable.name.lower().replace("_", "-"), _as_text(option), "option"
    for name in variable.names():
        if name == "QUEUE_SERVICES_PORT" and "://" in environ.get(name, ""):
            continue
        kept_in = environ.get(name + "_FILE") if variable.secret else None
        if environ.get(name) and kept_in:
            raise ConfigurationError(Fault(name, f"set it or {name}_FILE, not both"))
        if kept_in:
            return name + "_FILE", _file_text(name + "_FILE", kept_in), "file"
        if environ.get(name):
            return name, environ[name].strip(), "environment"
    return variable.shown, None, "default"


def _file_text(name: str, path: str) -> str:
    """The one line of a secret's file. Raises ConfigurationError where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(
            Fault(
                name,
                f"the file it names cannot be read ({reason}); give the path of a readable file",
            )
        ) from None


def read(name: str, variable: Variable, written: str) -> Any:
    """The typed value. Raises ConfigurationError with the reader's advice."""
    try:
        return variable.read(written)
    except ValueError as error:
        raise ConfigurationError(Fault(name, str(error))) from None


def _as_text(option: Any) -> str:
    """A command line's value as it would stand in the environment, so that both are checked
    by the same reader.
    """
    if isinstance(option, (list, tuple)):
        return ",".join(str(element) for element in option)
    return str(option)


def unknown_names(environ: Mapping[str, str], variables: Iterable[Variable]) -> Iterator[Fault]:
    """A fault for each QUEUE_SERVICES_ name that nothing reads: a misspelt limit must not
    silently be the default.
    """
    known = {
        name for variable in variables for name in (*variable.names(), *variable.file_names())
    } | _READ_BY_OTHERS
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and not _KUBERNETES.fullmatch(name):
            near = difflib.get_close_matches(name, sorted(known), n=1)
            yield Fault(
                name,
                (
                    f"is no setting; did you mean {near[0]}?"
                    if near
                    else "is no setting; remove it (`queue-services check-config` lists all)"
                ),
            )


def shown(value: Any, variable: Variable) -> str:
    """The value as `check-config` may show it: of a URL or a path what authenticates nobody."""
    if value in (None, (), ""):
        return "not set"
    if isinstance(value, tuple):
        return ", ".join(str(element) for element in value)
    if variable.read in (types.base_url, types.database_url, types.path):
        return types.masked_url(value)
    if variable.secret:
        return "***"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
