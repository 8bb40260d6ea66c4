"""The settings in force, read from the environment: the only package that looks there.
Called by `bootstrap` and `cli`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from queue_services.errors import ConfigurationError, Fault
from queue_services.settings import reading, slices
from queue_services.settings.variable import PREFIX, Described, Variable


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings(
    slices.ApiSettings,
    slices.DashboardSettings,
    slices.DispatchSettings,
    slices.CallbackSettings,
    slices.ProcessSettings,
):
    """The settings in force, checked and typed: every slice in one object."""

    sources: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)

    VARIABLES: ClassVar[Mapping[str, Variable]]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """Read every setting; `options` (command line; None = not given) go before the
        environment, an empty variable counts as unset.

        A secret may also stand in a file: `NAME_FILE` holds its path. Raises ConfigurationError
        with every fault found.
        """
        if strange := options.keys() - cls.VARIABLES.keys():
            raise TypeError(f"no such settings: {', '.join(sorted(strange))}")
        faults = list(reading.unknown_names(environ, cls.VARIABLES.values()))
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        for field, variable in cls.VARIABLES.items():
            try:
                name, written, source = reading.written(variable, environ, options.get(field))
                if written is not None:
                    values[field], sources[field] = reading.read(name, variable, written), source
            except ConfigurationError as error:
                faults.extend(error.faults)
        settings = cls(**values, sources=sources)
        if (settings.bull_board_username is None) != (settings.bull_board_password is None):
            faults.append(
                Fault("BULL_BOARD_USERNAME", "set it and BULL_BOARD_PASSWORD, or neither")
            )
        if faults:
            raise ConfigurationError(*faults)
        return settings

    def describe(self) -> list[Described]:
        """Every setting with its value and where it came from, for `check-config`; secrets, and
        credentials in URLs, are masked.
        """
        return [
            Described(
                variable.shown,
                reading.shown(getattr(self, field), variable),
                self.sources.get(field, "default"),
                variable.about,
            )
            for field, variable in self.VARIABLES.items()
        ]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{line.name}={line.value}' for line in self.describe())})"


Settings.VARIABLES = {
    field.name: field.metadata["variable"]
    for slice_ in slices.SLICES
    for field in dataclasses.fields(slice_)
}


def environment_for(**values: str) -> dict[str, str]:
    """This process's environment with `values` as its only settings: for a process that
    shares neither our store nor our keys.
    """
    ours = {
        name
        for variable in Settings.VARIABLES.values()
        for name in (*variable.names(), *variable.file_names())
    }
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(PREFIX)
    } | values
