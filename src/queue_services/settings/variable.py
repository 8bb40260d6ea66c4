"""A setting's line: where it comes from, how it is read and how it is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
D = TypeVar("D")

PREFIX = "QUEUE_SERVICES_"


@dataclass(frozen=True, slots=True)
class Variable:
    """Where one setting comes from. `plain` ones are read under their bare name as well, as
    the original service did.
    """

    name: str
    read: Callable[[str], Any]
    about: str
    secret: bool
    plain: bool

    def names(self) -> Iterator[str]:
        """The names it may have in the environment; the first that is set wins."""
        yield PREFIX + self.name
        if self.plain:
            yield self.name

    def file_names(self) -> Iterator[str]:
        """The names of those that hold the path of a file with a secret in it."""
        yield from (name + "_FILE" for name in self.names() if self.secret)

    @property
    def shown(self) -> str:
        """The name that documentation and faults use."""
        return self.name if self.plain else PREFIX + self.name


def setting(
    name: str,
    read: Callable[[str], T],
    default: D,
    about: str,
    *,
    secret: bool = False,
    plain: bool = False,
) -> T | D:
    """A field of a slice, read from the variable `name` by `read`."""
    variable = Variable(name, read, about, secret, plain)
    return dataclasses.field(default=default, metadata={"variable": variable})


@dataclass(frozen=True, slots=True)
class Described:
    """One line of `check-config`: `value` is masked where it is secret, `source` is
    default, environment, file or option.
    """

    name: str
    value: str
    source: str
    about: str
