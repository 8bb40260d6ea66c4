"""A tracker in the application's own database: `SqlTracker` over `QueuedMessage`, the ready
table, or over a class of the application's own.

    tracker = SqlTracker(engine)                    # the ready table tracker =
    SqlTracker(engine, CampaignMessage)   # class CampaignMessage(QueuedMessageMixin, Base)

Needs SQLAlchemy 2 and a synchronous engine; asynchronous applications call it in a thread.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar, cast

import msgspec

from queue_services_client.extras import Extra
from queue_services_client.tracking.tables import (
    QueueCursor,
    QueuedMessage,
    QueuedMessageMixin,
    metadata,
    open_index,
)
from queue_services_client.tracking.tracker import OPEN, JobState, OpenMessage, due_at, event_state
from queue_services_client.types import Event, Message, ScheduleResult, Status

with Extra("sqlalchemy"):
    from sqlalchemy import (
        Connection,
        Engine,
        Table,
        and_,
        bindparam,
        delete,
        insert,
        or_,
        select,
        tuple_,
        update,
    )
    from sqlalchemy.exc import IntegrityError
    from sqlalchemy.orm import Session

__all__ = ["QueuedMessage", "QueuedMessageMixin", "SqlTracker", "metadata", "open_index"]

PAGE = 1_000
T = TypeVar("T")


class SqlTracker:
    """Tracks the rows of `model`. Each call is one transaction, or one for each 1,000
    messages. Implements `Tracker`.
    """

    def __init__(self, engine: Engine, model: type[QueuedMessageMixin] = QueuedMessage) -> None:
        self._engine, self._model = engine, model
        self._table = cast("Table", model.__table__)  # type: ignore[attr-defined]  # the class it is mixed into is mapped
        self._rows = self._table.c

    def create_tables(self) -> None:
        """Creates the model's table and the cursors' where they are missing. With a migration
        tool, name `tracking.tables.metadata` to it instead.
        """
        for table in (self._table, cast("Table", QueueCursor.__table__)):
            table.create(self._engine, checkfirst=True)

    def plan(self, messages: Iterable[Message], now: datetime) -> list[Message]:
        """Writes messages into the ready table and returns them, each with a key and its
        instant, to be scheduled as they are now.

        A key that is there already keeps its row, unless the service had refused it. With a
        model of your own, add its rows yourself. Raises ValueError for a key that another
        workspace's message has.
        """
        planned: list[Message] = []
        for some in _chunks(messages):
            keyed = [
                msgspec.structs.replace(
                    one,
                    delay=due_at(one.delay, now),
                    idempotency_key=one.idempotency_key or uuid.uuid4().hex,
                )
                for one in some
            ]
            try:
                self._insert(keyed, now)
            except (
                IntegrityError
            ):  # another process wrote some of these keys meanwhile; now they are seen
                self._insert(keyed, now)
            planned += keyed
        return planned

    def record(self, *results: ScheduleResult) -> None:
        mine = self._rows.queue_key == bindparam("key")
        unscheduled = and_(mine, self._rows.queue_job_id.is_(None))
        other_job = and_(
            mine,
            or_(self._rows.queue_job_id.is_(None), self._rows.queue_job_id != bindparam("job_id")),
        )
        fresh = {
            "queue_job_id": bindparam("job_id"),
            "queue_status": Status.SCHEDULED,
            "queue_error": None,
            "queue_changed_at": None,
        }
        failed = [
            {"key": one.idempotency_key, "error": one.error}
            for one in results
            if not one.success and one.faults
        ]
        noted = [
            {"key": one.idempotency_key, "error": one.error}
            for one in results
            if not one.success and not one.faults
        ]
        with self._engine.begin() as connection:
            _each(
                connection,
                update(self._table).where(other_job).values(fresh),
                [{"key": o.idempotency_key, "job_id": o.job_id} for o in results if o.success],
            )
            _each(
                connection,
                update(self._table)
                .where(unscheduled)
                .values(queue_status=Status.FAILED, queue_error=bindparam("error")),
                failed,
            )
            _each(
                connection,
                update(self._table).where(unscheduled).values(queue_error=bindparam("error")),
                noted,
            )

    def apply(self, states: Iterable[JobState]) -> int:
        mine = self._rows.queue_job_id == bindparam("job_id")
        older = or_(
            self._rows.queue_changed_at.is_(None), self._rows.queue_changed_at < bindparam("at")
        )
        # Two comparisons, not IN: an expanding IN cannot be sent for many rows at once.
        outdated = and_(
            or_(*(self._rows.queue_status == status for status in OPEN)),
            self._rows.queue_status != bindparam("status"),
        )
        to: dict[str, Any] = {
            "queue_status": bindparam("status"),
            "queue_error": bindparam("error"),
        }
        changed = 0
        for some in _chunks(states):
            parameters = [msgspec.structs.asdict(state) for state in some]
            with self._engine.begin() as connection:
                dated = [one for one in parameters if one["at"] is not None]
                changed += _each(
                    connection,
                    update(self._table)
                    .where(mine, older)
                    .values({**to, "queue_changed_at": bindparam("at")}),
                    dated,
                )
                changed += _each(
                    connection,
                    update(self._table).where(mine, outdated).values(to),
                    [one for one in parameters if one["at"] is None],
                )
        return changed

    def apply_event(self, event: Event) -> bool:
        state = event_state(event)
        return state is not None and self.apply([state]) > 0

    def open_messages(
        self, *, due_before: datetime | None = None, unrecorded: bool = False
    ) -> Iterator[Sequence[OpenMessage]]:
        rows = self._rows
        for status in OPEN:
            query = select(
                rows.queue_key, rows.queue_job_id, rows.queue_status, rows.scheduled_for
            ).where(rows.queue_status == status)
            if due_before is not None:
                query = query.where(rows.scheduled_for < due_before)
            if unrecorded:
                query = query.where(rows.queue_job_id.is_(None))
            query = query.order_by(rows.scheduled_for, rows.queue_key).limit(PAGE)
            page = self._page(query)
            while page:
                yield page
                page = self._page(
                    query.where(
                        tuple_(rows.scheduled_for, rows.queue_key)
                        > (page[-1].scheduled_for, page[-1].key)
                    )
                )

    def messages(self, keys: Sequence[str]) -> list[Message]:
        with Session(self._engine) as session:
            found = {
                row.queue_key: row.to_message()
                for some in _chunks(keys)
                for row in session.scalars(self._with_keys(some))
            }
        return [found[key] for key in keys if key in found]

    def fail(self, keys: Sequence[str], error: str, now: datetime) -> None:
        ended = {"queue_status": Status.FAILED, "queue_error": error, "queue_changed_at": now}
        for some in _chunks(keys):
            with self._engine.begin() as connection:
                connection.execute(
                    update(self._table)
                    .where(self._rows.queue_key.in_(some), self._rows.queue_status.in_(OPEN))
                    .values(ended)
                )

    def cursor(self, feed: str) -> str | None:
        with Session(self._engine) as session:
            kept = session.get(QueueCursor, feed)
            return kept.cursor if kept else None

    def keep_cursor(self, feed: str, cursor: str) -> None:
        with Session(self._engine) as session, session.begin():
            session.merge(QueueCursor(feed=feed, cursor=cursor))

    def _insert(self, messages: Sequence[Message], now: datetime) -> None:
        if not issubclass(self._model, QueuedMessage):
            raise TypeError(
                f"plan writes the ready table; add {self._model.__name__} rows in your own"
                " transaction, before you schedule"
            )
        rows = {message.idempotency_key: message for message in messages}
        refused = and_(self._rows.queue_job_id.is_(None), self._rows.queue_status == Status.FAILED)
        with self._engine.begin() as connection:
            connection.execute(delete(self._table).where(self._rows.queue_key.in_(rows), refused))
            there = connection.execute(
                select(self._rows.queue_key, self._rows.workspace_id).where(
                    self._rows.queue_key.in_(rows)
                )
            )
            for key, workspace in there:
                if rows.pop(key).workspace_id != workspace:
                    raise ValueError(
                        f"the key {key!r} is a message of workspace {workspace!r}; begin keys with"
                        " the workspace"
                    )
            if rows:
                connection.execute(
                    insert(self._table),
                    [self._model.values(message, key or "", now) for key, message in rows.items()],
                )

    def _page(self, query: Any) -> list[OpenMessage]:
        with self._engine.connect() as connection:
            return [OpenMessage(*row) for row in connection.execute(query)]

    def _with_keys(self, keys: Sequence[str]) -> Any:
        return select(self._model).where(self._model.queue_key.in_(keys))


def _each(connection: Connection, statement: Any, parameters: list[dict[str, Any]]) -> int:
    """How many rows were changed; one after another where the driver (asyncpg) cannot tell
    that of many at once.
    """
    if len(parameters) > 1 and connection.dialect.supports_sane_multi_rowcount:
        return connection.execute(statement, parameters).rowcount
    return sum(connection.execute(statement, one).rowcount for one in parameters)


def _chunks(things: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some
