"""The application's settings, from the environment; the client's own (QUEUE_SERVICES_URL,
QUEUE_SERVICES_KEY) are read by the client.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    signing_secret: str = field(repr=False)
    database_url: str = "sqlite:///campaign-app.db"
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 2525


def from_environment() -> Settings:
    return Settings(
        signing_secret=os.environ["QUEUE_SERVICES_SIGNING_SECRET"],
        database_url=os.environ.get("DATABASE_URL", Settings.database_url),
        smtp_host=os.environ.get("SMTP_HOST", Settings.smtp_host),
        smtp_port=int(os.environ.get("SMTP_PORT", Settings.smtp_port)),
    )
