"""The application's own tables: the workspaces it serves and their contacts."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from queue_services_client import Contact


class Base(DeclarativeBase):
    pass


class WorkspaceRow(Base):
    __tablename__ = "workspace"

    id: Mapped[str] = mapped_column(primary_key=True)
    timezone: Mapped[str] = mapped_column(default="UTC")


class ContactRow(Base):
    __tablename__ = "contact"

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    timezone: Mapped[str | None]


class Contacts:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, *rows: WorkspaceRow | ContactRow) -> None:
        with Session(self._engine) as session, session.begin():
            for row in rows:
                session.merge(row)

    def timezone_of(self, workspace_id: str) -> str | None:
        """The workspace's zone; None for one this application does not know."""
        with Session(self._engine) as session:
            return session.scalar(
                select(WorkspaceRow.timezone).where(WorkspaceRow.id == workspace_id)
            )

    def is_known(self, workspace_id: str) -> bool:
        return self.timezone_of(workspace_id) is not None

    def find(self, workspace_id: str, contact_id: str) -> ContactRow | None:
        with Session(self._engine) as session:
            row = session.get(ContactRow, contact_id)
            return row if row is not None and row.workspace_id == workspace_id else None

    def of(self, workspace_id: str) -> Iterable[Contact]:
        """The workspace's contacts, as campaigns take them."""
        with Session(self._engine) as session:
            rows = session.scalars(
                select(ContactRow)
                .where(ContactRow.workspace_id == workspace_id)
                .order_by(ContactRow.id)
            ).all()
        return [
            Contact(
                row.id,
                phone=row.phone,
                email=row.email,
                zone=row.timezone,
                fields={"name": row.name},
            )
            for row in rows
        ]
