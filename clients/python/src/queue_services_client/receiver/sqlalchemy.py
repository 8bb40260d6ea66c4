"""A deduplicator in the application's own database, for several processes and across
restarts. Needs SQLAlchemy 2.

Its table is `queue_delivery` in `metadata`: create it with `create_tables()` or name
`metadata` to your migration tool.
"""

from __future__ import annotations

import logging

from queue_services_client.errors import QueueServiceError
from queue_services_client.extras import Extra
from queue_services_client.receiver.deduplicator import LEASE, Claim

with Extra("sqlalchemy"):
    from sqlalchemy import (
        Column,
        Double,
        Engine,
        MetaData,
        String,
        Table,
        delete,
        insert,
        inspect,
        select,
        update,
    )
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

_log = logging.getLogger("queue_services_client.receiver")

metadata = MetaData()
delivery = Table(
    "queue_delivery",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("claimed_at", Double, nullable=False),
    Column("accepted_at", Double, index=True),
)


class MissingTable(QueueServiceError):
    """The table `queue_delivery` is not there, so that no callback could be handled."""


class SqlDeduplicator:
    """Remembers keys in `queue_delivery`; each call is one short transaction of its own.
    `engine` is a synchronous one; the lease is in seconds.
    """

    blocks = True

    def __init__(self, engine: Engine, lease: float = LEASE) -> None:
        self._engine, self._lease = engine, lease

    def create_tables(self) -> None:
        """Creates `queue_delivery` where it is missing. With a migration tool, name `metadata`
        to it instead.
        """
        metadata.create_all(self._engine)

    def check(self) -> None:
        """Raises MissingTable. A database that is away is logged: it may be back when the first
        callback comes.
        """
        try:
            missing = not inspect(self._engine).has_table(delivery.name)
        except SQLAlchemyError as error:
            _log.warning("whether the table %s is there is not known: %s", delivery.name, error)
            return
        if missing:
            raise MissingTable(
                f"the table {delivery.name} is missing: call SqlDeduplicator(engine)."
                "create_tables(), or name queue_services_client.receiver.sqlalchemy.metadata to"
                " your migration tool"
            )

    def state(self, key: str, now: float) -> Claim:
        with self._engine.connect() as connection:
            row = connection.execute(
                select(delivery.c.claimed_at, delivery.c.accepted_at).where(delivery.c.id == key)
            ).first()
        if row is None:
            return Claim.NEW
        if row.accepted_at is not None:
            return Claim.ACCEPTED
        return Claim.IN_PROGRESS if row.claimed_at > now - self._lease else Claim.NEW

    def claim(self, key: str, now: float) -> Claim:
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(delivery).values(id=key, claimed_at=now))
        except IntegrityError:
            return self._claim_again(key, now)
        return Claim.NEW

    def accept(self, key: str, now: float) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(delivery).where(delivery.c.id == key).values(accepted_at=now))

    def release(self, key: str, claimed_at: float) -> None:
        mine = (
            (delivery.c.id == key)
            & (delivery.c.claimed_at == claimed_at)
            & delivery.c.accepted_at.is_(None)
        )
        with self._engine.begin() as connection:
            connection.execute(delete(delivery).where(mine))

    def prune(self, before: float) -> int:
        """Forgets what was accepted before the Unix second `before`, and returns how many. Keep
        what the service may still repeat: 30 days by default.
        """
        with self._engine.begin() as connection:
            return connection.execute(
                delete(delivery).where(delivery.c.accepted_at < before)
            ).rowcount

    def _claim_again(self, key: str, now: float) -> Claim:
        dead = (
            (delivery.c.id == key)
            & delivery.c.accepted_at.is_(None)
            & (delivery.c.claimed_at <= now - self._lease)
        )
        with self._engine.begin() as connection:
            if connection.execute(update(delivery).where(dead).values(claimed_at=now)).rowcount:
                return Claim.NEW
            accepted_at = connection.execute(
                select(delivery.c.accepted_at).where(delivery.c.id == key)
            ).scalar()
        # No row: it was released between the two statements. The service comes again, and
        # the next claim finds it free.
        return Claim.IN_PROGRESS if accepted_at is None else Claim.ACCEPTED
