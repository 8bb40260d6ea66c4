"""No key, password or signing secret is seen where people look: logs, errors, the command
line, answers, `check-config`.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from queue_services import cli, log
from queue_services.delivery.signing import new_secret
from queue_services.domain.key import new_key
from queue_services.settings import Settings
from queue_services.settings.slices import ApiSettings
from tests.api.service import SMS, serving

SIGNING, PASSWORD = new_secret(), "hunter2-hunter2-hunter2-hunter2-hunter2"
SECRETS = {
    "QUEUE_SERVICES_DATABASE_URL": f"postgresql://me:{PASSWORD}@127.0.0.1:1/queue",
    "SMS_API_URL": f"https://me:{PASSWORD}@app.example",
    "EVENTS_URL": f"https://me:{PASSWORD}@app.example/events",
    "QUEUE_SERVICES_SIGNING_SECRET": SIGNING,
    "QUEUE_SERVICES_ADMIN_KEY": PASSWORD,
    "QUEUE_SERVICES_CALLBACK_AUTHORIZATION": f"Bearer {PASSWORD}",
    "BULL_BOARD_USERNAME": "me",
    "BULL_BOARD_PASSWORD": PASSWORD,
}


def hidden(said: str) -> bool:
    return (
        PASSWORD not in said and SIGNING not in said and SIGNING.removeprefix("whsec_") not in said
    )


@pytest.mark.parametrize(
    "command", [["check-config"], ["jobs"], ["keys", "list"], ["migrate"], ["api"]]
)
def test_a_command_whose_store_is_away_tells_no_secret(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PORT", "0")
    with pytest.raises(SystemExit) as ended:
        cli.main(command)
    said = "".join(capsys.readouterr())
    assert ended.value.code == (0 if command == ["check-config"] else 1), said
    assert said
    assert hidden(said)
    assert hidden(repr(Settings.from_environment(SECRETS)))


def test_a_log_line_that_is_handed_a_secret_does_not_pass_it_on() -> None:
    stream, key = io.StringIO(), new_key()
    log.configure("info", "json", stream)
    said = log.get_logger("a")
    said.info(
        "careless",
        authorization=PASSWORD,
        settings={
            "signing_secret": SIGNING,
            "headers": {"Webhook-Signature": PASSWORD, "Cookie": PASSWORD},
        },
    )
    said.info(
        f"key {key} is not {SIGNING}",
        url=f"https://me:{PASSWORD}@app.example",
        sent=f"Bearer {PASSWORD}",
    )
    logging.getLogger("uvicorn").warning(
        "cannot connect to https://me:%s@app.example with %s", PASSWORD, key
    )
    try:
        int(f"{key} and {SIGNING} and postgresql://me:{PASSWORD}@db/q")
    except ValueError:
        said.exception("broken")
    assert len(stream.getvalue().splitlines()) == 4
    assert hidden(stream.getvalue())
    assert key not in stream.getvalue()


async def test_no_answer_repeats_a_key_or_shows_what_is_secret_of_a_workspace(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, ApiSettings(admin_key=PASSWORD)) as service:
        own = {"authorization": f"Bearer {PASSWORD}"}
        _, key = await service.keys.create("acme")
        workspace = {
            "signingSecret": SIGNING,
            "callbackBaseUrls": {"sms": f"https://me:{PASSWORD}@a.example"},
            "eventsUrl": f"https://me:{PASSWORD}@a.example",
        }
        answers = [
            await service.client.put("/api/workspaces/acme", json=workspace, headers=own),
            await service.client.get("/api/workspaces/acme", headers=own),
            await service.client.get("/api/workspaces", headers=own),
            await service.client.get("/api/keys", headers=own),
            await service.client.put(
                "/api/workspaces/acme", json={"signingSecret": SIGNING + "!"}, headers=own
            ),
            await service.client.post(
                "/api/schedule-sms", json=SMS, headers={"authorization": f"Bearer {key}"}
            ),
            await service.client.get("/api/jobs", headers={"authorization": f"Bearer {key}x"}),
            await service.client.get("/api/jobs", headers={"authorization": f"Basic {PASSWORD}"}),
        ]
        assert [answer.status_code for answer in answers] == [
            200,
            200,
            200,
            200,
            400,
            403,
            401,
            401,
        ]
        for answer in answers:
            assert hidden(answer.text)
            assert key not in answer.text
