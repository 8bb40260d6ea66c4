"""Messages of a world's workspace."""

from __future__ import annotations

from typing import Any

from queue_services_client import Contact, Email, Sms
from tests.client.suite.worlds import World


def sms(world: World, **members: Any) -> Sms:
    return Sms(
        **{
            "to": "+49 170 1234567",
            "message": "See you at ten",
            "contact_id": f"c-{world.workspace}",
            "workspace_id": world.workspace,
            **members,
        }
    )


def email(world: World, **members: Any) -> Email:
    base = {
        "to": "ada@example.org",
        "subject": "Welcome",
        "html": "<p>Hello</p>",
        "contact_id": f"c-{world.workspace}",
        "workspace_id": world.workspace,
    }
    return Email(**{**base, **members})


def contacts(count: int) -> list[Contact]:
    return [
        Contact(
            f"c-{number}",
            phone=f"+4917012345{number:02d}",
            email=f"c{number}@example.org",
            fields={"name": f"N{number}"},
        )
        for number in range(count)
    ]
