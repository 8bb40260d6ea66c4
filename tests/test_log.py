"""The log: one line an event, and nothing in it that belongs to a recipient."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services import log
from queue_services.redaction import masked_recipient, redact, redacted_text

PHONE, ADDRESS = "+15550100034", "jane.doe@example.com"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes during a test; the root logger is put back after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    log.configure("debug", "json", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_fields(lines: Lines) -> None:
    log.get_logger("queue_services.dispatcher").info("batch settled", workspace="acme", messages=50)
    (line,) = lines()
    assert (line["event"], line["workspace"], line["messages"], line["level"], line["logger"]) == (
        "batch settled",
        "acme",
        50,
        "info",
        "queue_services.dispatcher",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["timestamp"])


def test_the_servers_loggers_go_the_same_way(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning("Invalid request from %s", ADDRESS)
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == (
        "Invalid request from j***@example.com",
        "warning",
        "uvicorn.error",
    )


def test_events_under_the_level_are_left_out(stream: io.StringIO) -> None:
    log.configure("warning", "json", stream)
    log.get_logger("a").info("quiet")
    log.get_logger("a").warning("loud")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_auto_writes_json_where_there_is_no_terminal(stream: io.StringIO) -> None:
    log.configure("info", "auto", stream)
    log.get_logger("a").info("hello")
    assert json.loads(stream.getvalue())["event"] == "hello"


def test_a_console_line_cannot_be_forged_by_a_value(stream: io.StringIO) -> None:
    log.configure("info", "console", stream)
    log.get_logger("a").info("job failed", contact="7\n2026-01-01 [info] all is well \x1b[2J")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_a_traceback_on_a_console_is_set_in_and_its_text_cannot_move_the_cursor(
    stream: io.StringIO,
) -> None:
    log.configure("info", "console", stream)
    try:
        int("7\x1b[2J\u2028\r")
        pytest.fail("it is no number")
    except ValueError as error:
        error.add_note("\n2026-01-01 [info] all is well")
        log.get_logger("a").exception("delivery broke")
    first, *others = stream.getvalue().rstrip("\n").split("\n")
    assert "delivery broke" in first
    assert len(others) > 3
    assert all(line.startswith("  ") and line.isprintable() for line in others)


def test_a_traceback_is_masked_too(lines: Lines) -> None:
    try:
        int(f"{ADDRESS} or {PHONE}")
    except ValueError:
        log.get_logger("a").exception("delivery broke")
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    for line in lines():
        assert "'j***@example.com or +1555***34'" in line["exception"]


def test_body_fields_never_reach_a_line_however_deep(lines: Lines) -> None:
    log.get_logger("a").info(
        "rejected",
        request={
            "to": PHONE,
            "html": "<p>secret</p>",
            "jobs": [{"Metadata": {"a": "secret"}, "contact": "c1"}],
        },
        subject="secret",
    )
    (line,) = lines()
    assert line["request"] == {"to": "+1555***34", "jobs": [{"contact": "c1"}]}
    assert "subject" not in line


def test_a_struct_shows_its_type_alone(lines: Lines) -> None:
    class Letter(msgspec.Struct):
        words: str

    log.get_logger("a").info("odd", letter=Letter("secret"), raw=b"secret")
    (line,) = lines()
    assert (line["letter"], line["raw"]) == ("<Letter>", "<bytes>")


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        (PHONE, "+1555***34"),
        ("+1 (555) 010-0034", "+1555***34"),
        ("15550100034", "1555***34"),
        ("5550134", "***34"),
        ("911", "***"),
        (ADDRESS, "j***@example.com"),
        ('"jane doe"@example.com', "j***@example.com"),
    ],
)
def test_a_recipient_keeps_just_enough_to_recognise_it(recipient: str, shown: str) -> None:
    assert masked_recipient(recipient) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"no route for {PHONE}.", "no route for +1555***34."),
        ("call +1 (555) 010-0034 now", "call +1555***34 now"),
        (
            f'{{"to":"{ADDRESS}","html":"<p>a \\" secret</p>","ok":1}}',
            '{"to":"j***@example.com","html=***,"ok":1}',
        ),
        ("Content(to=None, text='secret', html=None)", "Content(to=None, text=***, html=None)"),
        (
            'said {\\"message\\": \\"secret\\", \\"code\\": 7}',
            'said {\\"message=***, \\"code\\": 7}',
        ),
        ('cut off: {"subject": "secr', 'cut off: {"subject=***'),
        ('x "metadata": {"a": "secret"} y', 'x "metadata=***'),
        (
            "GET /api/jobs?recipient=jane%40example.com",
            "GET /api/jobs?recipient=j***%40example.com",
        ),
        (f"no caller for qs_{'0af' * 20}!", "no caller for qs_***!"),
        ("bad secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.", "bad secret whsec_***"),
        ("{'Authorization': 'Bearer abc.def-0123'}", "{'Authorization': 'Bearer ***'}"),
        ("authorization: basic YW55OnNlY3JldA==", "authorization: basic ***"),
        ("postgresql://me:secret@db/q is away", "postgresql://***@db/q is away"),
        ("null value\nDETAIL:  Failing row contains (1, secret).", "null value\nDETAIL: *** "),
    ],
)
def test_a_sentence_is_masked_where_it_tells_too_much(text: str, shown: str) -> None:
    assert redacted_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "job 01934c5e-7b12-7123-8123-123456789012 at 2025-03-22T10:15:30.123Z",
        "listening on http://127.0.0.1:54321/send-sms",
        "refused by 192.168.100.200 on 2025-03-22",
        "HTTP 503 after 3 tries",
    ],
)
def test_ids_times_and_server_addresses_stay_readable(text: str) -> None:
    assert redacted_text(text) == text


@given(
    st.from_regex(r"\+?[0-9][0-9 ().-]{7,20}[0-9]", fullmatch=True),
    st.sampled_from(["failed: {} !", "{}", "to={},", "'{}'"]),
)
def test_no_number_of_seven_digits_survives_in_a_sentence(number: str, sentence: str) -> None:
    digits = re.sub(r"\D", "", number)
    if (
        len(digits) < 7
        or re.search(r"[ ().-]{4}", number)
        or re.search(r"\d{4}-\d\d-\d\d|(\d{1,3}\.){3}\d", number)
    ):
        return
    assert digits not in re.sub(r"\D", "", redacted_text(sentence.format(number)))


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.integers() | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=6,
        ),
    )
)
def test_whatever_is_logged_comes_out_as_plain_json(fields: dict[str, Any]) -> None:
    shown = redact(
        None,
        "info",
        {key: value for key, value in fields.items() if key not in ("_record", "_from_structlog")},
    )
    assert json.loads(json.dumps(shown)) == shown
