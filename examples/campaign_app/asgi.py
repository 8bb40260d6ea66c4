"""For a deployment: `uvicorn campaign_app.asgi:create --factory`, with the environment that
`settings` reads.
"""

from __future__ import annotations

from fastapi import FastAPI
from sqlalchemy import create_engine

from campaign_app.app import create_app
from campaign_app.application import Application
from campaign_app.sending import Mailer
from campaign_app.settings import from_environment
from queue_services_client import QueueService


def create() -> FastAPI:
    settings = from_environment()
    mailer = Mailer(settings.smtp_host, settings.smtp_port)
    return create_app(
        Application(
            create_engine(settings.database_url), QueueService(), mailer, settings.signing_secret
        )
    )
