"""The command `metrics`: the figures of the store, whether or not a service runs on it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from queue_services import cli
from queue_services.cli import metrics


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command said, which ended well."""
    with contextlib.suppress(SystemExit):
        cli.main(arguments)
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


@pytest.fixture
def url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A store with two messages in it."""
    url = f"sqlite:///{tmp_path}/queue.db"
    for _ in range(2):
        run(
            capsys,
            "schedule",
            "sms",
            "--to",
            "+15550100",
            "--workspace",
            "acme",
            "--contact",
            "c1",
            "--message",
            "hello",
            "--database-url",
            url,
        )
    return url


def test_figures_are_shown_by_channel(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    head, sms, email, *rest = run(capsys, "metrics", "--database-url", url).splitlines()
    assert head.split()[:3] == ["channel", "processed", "batches"]
    assert sms.split() == ["sms", "0", "0", "0.00%", "0", "0.0", "0", "never"]
    assert (email.split()[0], rest) == ("email", [])


def test_a_workspace_is_shown_with_its_limits(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, sms, email = run(
        capsys, "metrics", "--workspace", "acme", "--database-url", url
    ).splitlines()
    assert sms.split() == ["sms", "standard", "50/s", "0%", "0", "0", "2", "0", "never"]
    assert email.split()[2] == "100/s"


def test_watching_shows_them_again_until_interrupted(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    tables = metrics._tables

    async def interrupted(*arguments: object) -> object:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise KeyboardInterrupt
        return await tables(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(metrics, "_tables", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main(["metrics", "--watch", "--seconds", "0.1", "--database-url", url])
    assert (ended.value.code, looks) == (130, 3)
    assert "processed" in capsys.readouterr().out
