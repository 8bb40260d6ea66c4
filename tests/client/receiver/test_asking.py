"""The service's question whether a message was delivered, before it sends it again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from queue_services_client.receiver import (
    Claim,
    Deduplicator,
    MemoryDeduplicator,
    Receiver,
    RetryLater,
    SmsMessage,
    parse_sms,
)
from queue_services_client.receiver.sqlalchemy import MissingTable, SqlDeduplicator
from queue_services_client.types import CallbackAnswer, CallbackRequest

from .builders import NOW, OTHER_SECRET, SECRET, Clock, callback, signed_headers, sms

Ask = Callable[[Receiver, CallbackRequest], CallbackAnswer]


def question(job_id: str = "job-1", secret: str = SECRET, **headers: str) -> CallbackRequest:
    signed = signed_headers(b"", secret, NOW, job_id)
    named = {"x-workspace-id": "w1", **headers}
    return CallbackRequest(
        method="GET", path=f"/sms-sent/{job_id}", headers={**signed, **named}, body=b""
    )


def receiver(**options: Any) -> Receiver:
    options.setdefault("clock", Clock())
    return Receiver(SECRET, **options)


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    if request.param == "sync":
        return lambda asked, request: asked.ask(request, "job-1")
    return lambda asked, request: asyncio.run(asked.ask_async(request, "job-1"))


@pytest.fixture(params=["memory", "sql"])
def deduplicator(request: pytest.FixtureRequest, tmp_path: Path) -> Deduplicator:
    if request.param == "memory":
        return MemoryDeduplicator(lease=60)
    sql = SqlDeduplicator(create_engine(f"sqlite:///{tmp_path / 'app.db'}"), lease=60)
    sql.create_tables()
    return sql


def said(answer: CallbackAnswer) -> tuple[int, Any]:
    return answer.status, json.loads(answer.body)


def test_only_an_accepted_message_counts_as_delivered(ask: Ask, deduplicator: Deduplicator) -> None:
    asked = receiver(deduplicator=deduplicator)
    assert said(ask(asked, question())) == (404, {"delivered": False})
    asked.receive(callback(sms()), parse_sms, lambda _: None)
    assert said(ask(asked, question())) == (200, {"delivered": True})


def test_while_its_handler_runs_nothing_is_said_yet(deduplicator: Deduplicator) -> None:
    asked, answers = receiver(deduplicator=deduplicator), list[CallbackAnswer]()

    def handler(message: SmsMessage) -> None:
        answers.append(asked.ask(question(), message.job_id))

    asked.receive(callback(sms()), parse_sms, handler)
    assert [answer.status for answer in answers] == [202]


def test_what_failed_was_not_delivered(ask: Ask, deduplicator: Deduplicator) -> None:
    def handler(message: SmsMessage) -> None:
        raise RetryLater

    asked = receiver(deduplicator=deduplicator)
    asked.receive(callback(sms()), parse_sms, handler)
    assert ask(asked, question()).status == 404


def test_a_claim_whose_process_died_counts_no_longer_than_its_lease(
    deduplicator: Deduplicator,
) -> None:
    clock = Clock()
    asked = receiver(deduplicator=deduplicator, clock=clock)
    deduplicator.claim("job-1", NOW)
    assert asked.ask(question(), "job-1").status == 202
    clock.now = NOW + 60
    assert asked.ask(question(), "job-1").status == 404


def test_asking_claims_nothing(deduplicator: Deduplicator) -> None:
    receiver(deduplicator=deduplicator).ask(question(), "job-1")
    assert deduplicator.claim("job-1", NOW) is Claim.NEW


def test_a_question_that_is_not_signed_is_not_answered(ask: Ask) -> None:
    assert ask(receiver(), question(secret=OTHER_SECRET)).status == 401


def test_a_question_for_an_unknown_workspace_is_not_answered(ask: Ask) -> None:
    assert ask(receiver(workspaces={"w2"}), question()).status == 403


class Older:
    """A deduplicator of before the question."""

    blocks = False

    def __init__(self) -> None:
        self.accepted: set[str] = set()

    def claim(self, key: str, now: float) -> Claim:
        return Claim.ACCEPTED if key in self.accepted else Claim.NEW

    def accept(self, key: str, now: float) -> None:
        self.accepted.add(key)

    def release(self, key: str, claimed_at: float) -> None:
        """Nothing is claimed."""


def test_a_deduplicator_that_cannot_tell_lets_the_message_come_again_and_drops_it(
    ask: Ask,
) -> None:
    asked, sent = receiver(deduplicator=Older()), list[SmsMessage]()
    asked.receive(callback(sms()), parse_sms, sent.append)
    assert said(ask(asked, question())) == (404, {"delivered": False})
    asked.receive(callback(sms()), parse_sms, sent.append)
    assert len(sent) == 1


def test_a_missing_table_is_told_when_the_receiver_is_made(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    with pytest.raises(MissingTable, match="create_tables"):
        receiver(deduplicator=SqlDeduplicator(engine))
    SqlDeduplicator(engine).create_tables()
    receiver(deduplicator=SqlDeduplicator(engine))


def test_a_table_that_vanishes_uses_no_try_of_any_message(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    deduplicator = SqlDeduplicator(engine)
    deduplicator.create_tables()
    served, sent = receiver(deduplicator=deduplicator), list[SmsMessage]()
    with engine.begin() as connection:
        connection.exec_driver_sql("drop table queue_delivery")
    answer = served.receive(callback(sms()), parse_sms, sent.append)
    assert (answer.status, answer.headers["retry-after"], sent) == (503, "5", [])
    assert served.ask(question(), "job-1").status == 503


def test_a_database_that_is_away_at_the_start_does_not_stop_it(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'none' / 'app.db'}")
    receiver(deduplicator=SqlDeduplicator(engine))


def test_a_workspace_check_that_breaks_uses_no_try() -> None:
    def broken(workspace: str) -> bool:
        raise ConnectionError

    served = receiver(workspaces=broken)
    answer = served.receive(callback(sms()), parse_sms, lambda _: None)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
