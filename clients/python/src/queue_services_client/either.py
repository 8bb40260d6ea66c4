"""Lets a call be written once and used by both clients: `service.status(id)` is a Job, and
so is `await async_service.status(id)`.

Used by `calls` and `campaigns`. A method decorated with `@call` builds a `Call[T]` and
nothing more. Reached through a `Blocking` caller it becomes a method that returns T;
through an `Awaiting` one, a method that returns an awaitable of T; type checkers see each
with the method's own parameters. The same holds for `@flow` (several calls, one result) and
`@pages` (an iterator over a long list). The alternative, thin methods in two classes,
doubles some thirty signatures and docstrings, and nothing but care would keep them alike.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, update_wrapper, wraps
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from queue_services_client.call import Call, Retries, Steps, exchange

T = TypeVar("T")
P = ParamSpec("P")
C = TypeVar("C", bound="Caller")
S = TypeVar("S", bound="Caller")


class Caller:
    """Something that carries out calls: a client, or what belongs to one."""

    retries: Retries
    raise_errors: bool
    now: Callable[[], datetime]

    def ask(self, call: Call[T]) -> Steps[T]:
        """The steps of one call, for a flow to `yield from`."""
        return exchange(call, self.retries, self.now, raise_errors=self.raise_errors)


class Part(Caller, Generic[S]):
    """What belongs to a client, such as a campaign, and carries out its calls through it."""

    def __init__(self, service: S) -> None:
        self._service, self.now = service, service.now

    def ask(self, call: Call[T]) -> Steps[T]:
        return self._service.ask(call)


class Blocking(Caller, ABC):
    """Carries out calls at once: `service.status(id)` is a Job."""

    @abstractmethod
    def run(self, steps: Steps[T]) -> T:
        """Carry out `steps`, waiting, and return what they return."""


class Awaiting(Caller, ABC):
    """Carries out calls when awaited: `await service.status(id)` is a Job."""

    @abstractmethod
    async def run(self, steps: Steps[T]) -> T:
        """Carry out `steps` and return what they return."""


class Method(Generic[C, P, T]):
    """A method that waits or is awaited, as its caller is. Made by `call` and `flow`.

    `steps` is what it does, for another flow to `yield from`, the caller being the first argument.
    """

    def __init__(self, steps: Callable[Concatenate[C, P], Steps[T]]) -> None:
        self.steps = steps
        update_wrapper(self, steps)
        self.__signature__ = _signature(steps, "{}")

    @overload
    def __get__(self, caller: None, owner: type) -> Self: ...
    @overload
    def __get__(self, caller: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, caller: Awaiting, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, caller: Any, owner: type) -> Any:
        if caller is None:
            return self

        @wraps(self.steps)
        def bound(*args: P.args, **kwargs: P.kwargs) -> Any:
            return self(caller, *args, **kwargs)

        return _bind(bound, self.steps, "Awaitable[{}]" if isinstance(caller, Awaiting) else "{}")

    def __call__(self, caller: C, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        run: Callable[[Steps[T]], Any] = caller.run  # type: ignore[attr-defined]  # every caller that is one is Blocking or Awaiting
        return run(self.steps(caller, *args, **kwargs))


def flow(steps: Callable[Concatenate[C, P], Steps[T]]) -> Method[C, P, T]:
    """Decorates a generator of steps, such as several `yield from self.ask(call)`."""
    return Method(steps)


def call(build: Callable[Concatenate[C, P], Call[T]]) -> Method[C, P, T]:
    """Decorates a method that builds one call."""

    @wraps(build)
    def steps(caller: C, /, *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
        return (yield from caller.ask(build(caller, *args, **kwargs)))

    return Method(steps)


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """A list longer than one answer: `page(cursor)` asks for some of its elements and the
    cursor of what follows, None at the end.
    """

    page: Callable[[str | None], Call[tuple[Sequence[T], str | None]]]


class Listing(Generic[C, P, T]):
    """A method that returns an iterator, or an async one, as its caller is. Made by `pages`."""

    def __init__(self, build: Callable[Concatenate[C, P], Pages[T]]) -> None:
        self._build = build
        update_wrapper(self, build)
        self.__signature__ = _signature(build, "Iterator[{}]")

    @overload
    def __get__(self, caller: None, owner: type) -> Self: ...
    @overload
    def __get__(self, caller: Blocking, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, caller: Awaiting, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, caller: Any, owner: type) -> Any:
        if caller is None:
            return self

        @wraps(self._build)
        def bound(*args: P.args, **kwargs: P.kwargs) -> Any:
            return self(caller, *args, **kwargs)

        awaits = isinstance(caller, Awaiting)
        return _bind(bound, self._build, "AsyncIterator[{}]" if awaits else "Iterator[{}]")

    def __call__(self, caller: C, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        listing = self._build(caller, *args, **kwargs)
        return (
            _walk_awaiting(caller, listing)
            if isinstance(caller, Awaiting)
            else _walk(cast("Blocking", caller), listing)
        )


def pages(build: Callable[Concatenate[C, P], Pages[T]]) -> Listing[C, P, T]:
    """Decorates a method that says how to ask for a page."""
    return Listing(build)


@cache
def _signature(function: Callable[..., Any], answer: str) -> inspect.Signature:
    """What `help` shows of a method: `answer` around the T of the Call[T], Steps[T] or
    Pages[T] that `function` is annotated to return.
    """
    shown = inspect.signature(function)
    inner = str(shown.return_annotation).partition("[")[2].removesuffix("]")
    return shown.replace(return_annotation=answer.format(inner))


def _bind(bound: Callable[..., Any], function: Callable[..., Any], answer: str) -> Any:
    """`bound`, shown without the caller that it has already."""
    shown = _signature(function, answer)
    parameters = list(shown.parameters.values())[1:]
    bound.__signature__ = shown.replace(parameters=parameters)  # type: ignore[attr-defined]
    return bound


def _walk(caller: Blocking, listing: Pages[T]) -> Iterator[T]:
    cursor: str | None = None
    while True:
        elements, cursor = caller.run(caller.ask(listing.page(cursor)))
        yield from elements
        if cursor is None:
            return


async def _walk_awaiting(caller: Awaiting, listing: Pages[T]) -> AsyncIterator[T]:
    cursor: str | None = None
    while True:
        elements, cursor = await caller.run(caller.ask(listing.page(cursor)))
        for element in elements:
            yield element
        if cursor is None:
            return
