"""The command `doctor`: a line for each thing that the service needs."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from queue_services.cli import checks
from queue_services.cli.checks import MEBIBYTE, Check, State
from queue_services.delivery.signing import new_secret
from queue_services.settings import Settings
from tests.cli.test_verify import run, url
from tests.delivery.receiver import listening

__all__ = ["url"]


class Usage(NamedTuple):
    free: int


def settings(**values: Any) -> Settings:
    return Settings.from_environment({}, **values)


def states(found: list[Check]) -> dict[str, State]:
    return {check.name: check.state for check in found}


def test_each_check_is_a_line_and_warnings_are_no_failure(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "doctor", "--database-url", url)
    lines = dict(line.split()[1::-1] for line in said.splitlines())
    assert code == 0
    assert lines == {
        "settings": "OK",
        "database": "OK",
        "clock": "OK",
        "version": "OK",
        "access": "OK",
        "sms": "WARN",
        "email": "WARN",
        "signature": "WARN",
        "limits": "OK",
        "disk": "OK",
    }


def test_json_has_the_same_checks_and_a_failure_is_exit_code_1(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_API_URL", "http://127.0.0.1:1")
    code, said = run(capsys, "doctor", "--json", "--database-url", url)
    report = json.loads(said)
    failed = [check for check in report["checks"] if check["state"] == "FAIL"]
    assert (code, report["ok"]) == (1, False)
    assert [check["name"] for check in failed] == ["email"]
    assert "EMAIL_API_URL" in failed[0]["advice"]


def test_settings_that_cannot_work_are_a_failure_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_SERVICES_SMS_PER_SECONDS", "5")
    monkeypatch.setenv("PORT", "http")
    code, said = run(capsys, "doctor")
    assert code == 1
    assert [line.split()[:3:2] for line in said.splitlines()] == [
        ["FAIL", "QUEUE_SERVICES_SMS_PER_SECONDS:"],
        ["FAIL", "PORT:"],
    ]


async def test_a_database_that_is_away_fails_and_its_password_is_not_shown() -> None:
    away = settings(database_url="postgresql://u:secret@127.0.0.1:1/d")
    (check,) = await checks.check_store(away)
    assert (check.name, check.state) == ("database", State.FAIL)
    assert "secret" not in check.about


def test_a_store_that_is_not_made_yet_is_no_failure_and_is_not_made(tmp_path: Path) -> None:
    unmade = settings(database_url=f"sqlite:///{tmp_path}/none.db")
    found = asyncio.run(checks.check_store(unmade))
    assert states(found) == {"database": State.WARN, "access": State.OK}
    assert list(tmp_path.iterdir()) == []


async def test_a_schema_of_another_version_fails(postgres_url: str) -> None:
    found = await checks.check_store(settings(database_url=postgres_url))
    assert states(found) == {"database": State.OK, "clock": State.OK, "version": State.FAIL}
    assert "queue-services migrate" in found[-1].advice


@pytest.mark.parametrize(
    ("options", "keys", "state"),
    [
        ({}, False, State.OK),
        ({"host": "0.0.0.0"}, False, State.FAIL),  # noqa: S104
        ({"host": "0.0.0.0"}, True, State.OK),  # noqa: S104
        ({"host": "0.0.0.0", "admin_key": "k" * 32}, False, State.OK),  # noqa: S104
        ({"host": "0.0.0.0", "insecure": True}, False, State.WARN),  # noqa: S104
    ],
)
def test_an_address_that_others_reach_needs_a_key(
    options: dict[str, Any], keys: bool, state: State
) -> None:
    assert checks.check_access(settings(**options), keys=keys).state == state


@pytest.mark.parametrize(
    ("ahead", "state"), [(0, State.OK), (-900_000, State.OK), (3_000_000, State.WARN)]
)
def test_a_clock_that_is_a_second_off_is_a_warning(ahead: int, state: State) -> None:
    assert checks.check_clock(ahead).state == state


@pytest.mark.parametrize(
    ("status", "state"), [(200, State.OK), (404, State.OK), (302, State.OK), (502, State.WARN)]
)
async def test_an_endpoint_is_asked_by_head_and_any_answer_but_5xx_is_well(
    status: int, state: State
) -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 %d X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n" % status)

    async with listening(answer) as port:
        base = f"http://127.0.0.1:{port}"
        check = await checks.check_endpoint("sms", base, "/send-sms", "SMS_API_URL")
    assert check.state == state
    assert [head.split(b"\r\n")[0] for head in heads] == [b"HEAD /send-sms HTTP/1.1"]


async def test_an_endpoint_is_shown_without_its_login() -> None:
    check = await checks.check_endpoint("sms", "http://u:pw@127.0.0.1:1", "/x", "SMS_API_URL")
    assert check.state is State.FAIL
    assert "pw" not in check.about


def test_a_signature_is_verified_as_a_receiver_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_signature(new_secret()).state is State.OK
    assert checks.check_signature(None).state is State.WARN
    wrong = {"webhook-id": "d", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    monkeypatch.setattr(checks, "signature_headers", lambda *_: wrong)
    assert checks.check_signature(new_secret()).state is State.FAIL


@pytest.mark.parametrize(
    ("options", "files", "expected"),
    [
        ({}, -1, {"limits": State.OK}),
        ({}, 100_000, {"limits": State.OK}),
        ({}, 1_024, {"limits": State.OK, "files": State.WARN}),
        ({"sms_per_second": 2_000}, -1, {"limits": State.WARN}),
        ({"sms_per_second": 2_000, "concurrency": 1_050}, -1, {"limits": State.OK}),
    ],
)
def test_limits_must_fit_the_concurrency_and_the_open_files(
    options: dict[str, Any], files: int, expected: dict[str, State]
) -> None:
    assert states(list(checks.check_limits(settings(**options), files))) == expected


@pytest.mark.parametrize(
    ("free", "size", "state"),
    [
        (2_000, 0, State.OK),
        (900, 0, State.WARN),
        (2_000, 3_000, State.WARN),
        (200, 0, State.FAIL),
    ],
)
def test_the_disk_must_have_room_for_growth_and_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, size: int, state: State
) -> None:
    with (tmp_path / "queue.db").open("wb") as store:
        store.truncate(size * MEBIBYTE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free * MEBIBYTE))
    assert checks.check_disk(f"sqlite:///{tmp_path}/queue.db").state == state


def test_the_disk_of_a_folder_that_is_not_there_fails(tmp_path: Path) -> None:
    assert checks.check_disk(f"sqlite:///{tmp_path}/none/queue.db").state is State.FAIL
