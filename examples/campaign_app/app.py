"""The web application: the addresses of the parts in `application`, and what runs in the
background.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException
from pydantic import BaseModel

from campaign_app.application import Application, warn_of_late
from campaign_app.campaign_builder import WELCOME
from campaign_app.contacts import ContactRow, WorkspaceRow
from queue_services_client import QueueServiceError, Step, ValidationFailed
from queue_services_client.receiver import parse_email, parse_event, parse_sms
from queue_services_client.receiver.starlette import endpoint
from queue_services_client.reconcile import reconcile_every

RECONCILE_EVERY = timedelta(minutes=5)
MONITOR_EVERY_MINUTES = 10


class NewContact(BaseModel):
    id: str
    workspace_id: str
    name: str
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None


class NewStep(BaseModel):
    day: int
    at: str
    channel: str
    subject: str = ""
    template: str


def create_app(parts: Application, *, background: bool = True) -> FastAPI:
    """The web application over `parts`; `background` starts reconciliation and the monitor
    with it.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not background:
            yield
            return
        threading.Thread(
            target=parts.monitor.run_every, args=(MONITOR_EVERY_MINUTES,), daemon=True
        ).start()
        task = asyncio.create_task(
            reconcile_every(RECONCILE_EVERY, parts.tracker, parts.service, on_report=warn_of_late)
        )
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    app = FastAPI(title="Campaign application", lifespan=lifespan)
    app.include_router(callbacks(parts))
    app.include_router(contacts_and_campaigns(parts))
    return app


def callbacks(parts: Application) -> APIRouter:
    """What the service calls."""
    router = APIRouter()
    router.add_api_route(
        "/send-sms", endpoint(parts.receiver, parse_sms, parts.mailer.send_sms), methods=["POST"]
    )
    router.add_api_route(
        "/api/email/send",
        endpoint(parts.receiver, parse_email, parts.mailer.send_email),
        methods=["POST"],
    )
    router.add_api_route(
        "/queue-events", endpoint(parts.receiver, parse_event, parts.on_event), methods=["POST"]
    )
    return router


def contacts_and_campaigns(parts: Application) -> APIRouter:
    """What the application's users call. Give it your own login; this example has none."""
    router = APIRouter()

    @router.put("/workspaces/{workspace_id}")
    def put_workspace(workspace_id: str, timezone: str = "UTC") -> None:
        parts.contacts.add(WorkspaceRow(id=workspace_id, timezone=timezone))

    @router.put("/contacts")
    def put_contacts(contacts: list[NewContact]) -> None:
        parts.contacts.add(*(ContactRow(**contact.model_dump()) for contact in contacts))

    @router.post("/workspaces/{workspace_id}/campaigns/{campaign_id}/launch")
    def launch(
        workspace_id: str, campaign_id: str, steps: list[NewStep] | None = None
    ) -> dict[str, Any]:
        chosen = WELCOME if steps is None else [Step(**step.model_dump()) for step in steps]
        launched = _or_http_error(lambda: parts.builder.launch(campaign_id, workspace_id, chosen))
        return {
            "accepted": launched.accepted,
            "replayed": launched.replayed,
            "failures": [failure.error for failure in launched.failures],
        }

    @router.get("/workspaces/{workspace_id}/campaigns/{campaign_id}")
    def progress(workspace_id: str, campaign_id: str) -> dict[str, int]:
        return parts.builder.progress(campaign_id, workspace_id)

    @router.get("/messages/{key}")
    def message_status(key: str) -> dict[str, Any]:
        status = parts.message_status(key)
        if status is None:
            raise HTTPException(404, f"there is no message {key!r}")
        return status

    @router.post("/workspaces/{workspace_id}/contacts/{contact_id}/password-reset")
    def password_reset(workspace_id: str, contact_id: str) -> None:
        try:
            _or_http_error(lambda: parts.reset_password(workspace_id, contact_id))
        except LookupError as error:
            raise HTTPException(
                404, f"there is no contact {contact_id!r} with an email address"
            ) from error

    return router


def _or_http_error(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except ValidationFailed as error:
        raise HTTPException(422, str(error)) from error
    except QueueServiceError as error:
        raise HTTPException(503, str(error)) from error
