"""The columns that track a message, as a mixin for the application's own table, and a ready
table. Needs SQLAlchemy 2.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from queue_services_client.extras import Extra
from queue_services_client.tracking.tracker import due_at
from queue_services_client.types import Email, Message, Sms, Status

with Extra("sqlalchemy"):
    from sqlalchemy import DateTime, Dialect, Enum, Index, MetaData, String, Text, TypeDecorator
    from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime; databases without time zones keep it in UTC, so that instants
    compare as they should.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return (
            None
            if value is None
            else value.replace(tzinfo=UTC)
            if value.tzinfo is None
            else value.astimezone(UTC)
        )


def open_index(table: str) -> Index:
    """What finds open messages; a class with `__table_args__` of its own lists it there."""
    return Index(f"ix_{table}_queue_open", "queue_status", "scheduled_for", "queue_key")


class QueuedMessageMixin:
    """The columns that track a message in a table of the application's own.

    `queue_key` is its idempotency key, `queue_job_id` the service's id once it is
    scheduled, `queue_status` and `queue_error` what became of it, `queue_changed_at` since
    when, `scheduled_for` when it is due. Write `to_message`, from which a lost message is
    scheduled again.
    """

    queue_key: Mapped[str] = mapped_column(String(255), unique=True)
    queue_job_id: Mapped[str | None] = mapped_column(String(255), index=True)
    queue_status: Mapped[Status] = mapped_column(
        Enum(Status, native_enum=False, length=16), default=Status.SCHEDULED
    )
    queue_error: Mapped[str | None] = mapped_column(Text)
    queue_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    scheduled_for: Mapped[datetime] = mapped_column(UtcDateTime)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - SQLAlchemy calls it with the class
        return (open_index(cls.__tablename__),)  # type: ignore[attr-defined]  # the class it is mixed into has one

    def to_message(self) -> Message:
        """The message, with `queue_key` as its idempotency key and `scheduled_for` as its delay."""
        raise NotImplementedError(
            f"write {type(self).__name__}.to_message, so that a message the service lost can be"
            " scheduled again"
        )


class Base(DeclarativeBase):
    """The declarative base of the ready table, with metadata of its own."""

    metadata = MetaData()


metadata = Base.metadata


class QueueCursor(Base):
    """How far the changes of a feed (a workspace, "" for all) were read."""

    __tablename__ = "queue_cursor"

    feed: Mapped[str] = mapped_column(String(255), primary_key=True)
    cursor: Mapped[str] = mapped_column(Text)


class QueuedMessage(QueuedMessageMixin, Base):
    """The ready table: a row a message, its content as JSON."""

    __tablename__ = "queued_message"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(String(255))
    contact_id: Mapped[str] = mapped_column(String(255))
    campaign_id: Mapped[str | None] = mapped_column(String(255), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    content: Mapped[str] = mapped_column(Text)

    @classmethod
    def values(cls, message: Message, key: str, now: datetime) -> dict[str, Any]:
        """A row's columns for `message`, which is due as said at `now`."""
        members = {
            name: value
            for name, value in msgspec.structs.asdict(message).items()
            if name != "delay" and value is not None
        }
        return {
            "queue_key": key,
            "queue_status": Status.SCHEDULED,
            "scheduled_for": due_at(message.delay, now),
            "workspace_id": message.workspace_id,
            "contact_id": message.contact_id,
            "campaign_id": message.campaign_id,
            "channel": "sms" if isinstance(message, Sms) else "email",
            "content": msgspec.json.encode({**members, "idempotency_key": key}).decode(),
        }

    def to_message(self) -> Message:
        members = msgspec.json.decode(self.content)
        if "expires_at" in members:
            members["expires_at"] = datetime.fromisoformat(members["expires_at"])
        kind: type[Message] = Sms if self.channel == "sms" else Email
        return kind(**members, delay=self.scheduled_for)
