"""What a scheduling body may hold, and the message that comes of it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from queue_services.domain.message import Channel, Content, Message, Priority
from queue_services.wire import intake
from queue_services.wire.times import rfc3339
from tests.wire.builders import EMAIL, LEFT_OUT, NOW, SMS, email, encoded, faults, sms

DAY_MS = 86_400_000
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DEEP = "metadata", json.loads('{"a":' + "[" * 101 + "]" * 101 + "}")


def content(message: Message) -> Content:
    return msgspec.json.decode(message.payload, type=Content)


def test_an_sms_becomes_a_message_with_its_number_passed_on_unchanged() -> None:
    message = sms(mediaUrl="https://example.com/a.png")
    assert (message.workspace, message.channel, message.contact, message.campaign) == (
        "workspace-1",
        Channel.SMS,
        "contact-1",
        None,
    )
    assert (message.created_at, message.due_at, message.expires_at, message.priority) == (
        NOW,
        NOW,
        None,
        Priority.NORMAL,
    )
    assert message.recipient == "15550109999"
    assert content(message) == Content(
        to="+1 (555) 010-9999",
        text="Hello",
        media_url="https://example.com/a.png",
        metadata=content(message).metadata,
    )


def test_an_email_becomes_a_message_that_is_found_by_its_address_in_lower_case() -> None:
    message = email()
    assert (message.channel, message.recipient) == (Channel.EMAIL, "ada@example.com")
    assert (content(message).to, content(message).subject, content(message).html) == (
        "Ada@Example.com",
        "Hello",
        "<p>Hello</p>",
    )


def test_to_is_read_in_place_of_phone_number() -> None:
    assert content(sms(phoneNumber=LEFT_OUT, to="555 0100")).to == "555 0100"
    assert content(sms(to=SMS["phoneNumber"])).to == SMS["phoneNumber"]


def test_two_numbers_that_differ_are_refused() -> None:
    assert faults(sms, to="555 0100") == {"to": "differs from `phoneNumber`; give one of the two"}


def test_an_integer_workspace_becomes_its_decimal_text() -> None:
    assert [sms(workspaceId=given).workspace for given in (42, -7, 10**30, 5.0)] == [
        "42",
        "-7",
        str(10**30),
        "5",
    ]


def test_metadata_is_passed_on_as_it_came_and_read_for_the_campaign_and_the_endpoint() -> None:
    sent = (
        b'{"campaignId": 5,  "callbackEndpoint": "/hook?a=1", "price": 1.10, "big":'
        b" 12345678901234567890123}"
    )
    message = intake.sms(
        encoded(SMS, {"metadata": "HERE"}).replace(b'"HERE"', sent), NOW, intake.Rules()
    )
    assert message.campaign == "5"
    assert content(message).endpoint == "/hook?a=1"
    assert bytes(content(message).metadata) == sent


@pytest.mark.parametrize("given", [True, 1.5, ["a"], {"a": 1}, None, ""])
def test_a_campaign_id_that_is_neither_text_nor_integer_is_passed_on_and_not_read(
    given: Any,
) -> None:
    message = sms(metadata={"campaignId": given})
    assert message.campaign is None
    assert json.loads(bytes(content(message).metadata)) == {"campaignId": given}


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": None},
        {"metadata": {"callbackEndpoint": None}},
        {"delay": None},
        {"scheduledFor": None},
        {"expiresAt": None},
    ],
)
def test_an_optional_member_that_is_null_is_absent(changes: dict[str, Any]) -> None:
    message = sms(priority=None, idempotencyKey=None, mediaUrl=None, to=None, **changes)
    assert (
        message.due_at,
        message.expires_at,
        content(message).endpoint,
        message.idempotency_key,
    ) == (NOW, None, None, None)


def test_unknown_members_are_ignored_at_the_original_endpoints() -> None:
    assert sms(campaign="x", subject=1).workspace == "workspace-1"
    assert email(phoneNumber=17, anything={"a": []}).workspace == "workspace-1"


def test_unknown_members_are_refused_in_a_batch() -> None:
    assert set(
        faults(
            intake.element,
            encoded(SMS, {"channel": "sms", "subject": "x", "foo": 1}),
            NOW,
            intake.Rules(),
        )
    ) == {"subject", "foo"}


@pytest.mark.parametrize("channel", ["fax", "SMS", None, 1, LEFT_OUT, ["sms"]])
def test_an_element_of_a_batch_names_its_channel(channel: Any) -> None:
    assert set(faults(intake.element, encoded(SMS, {"channel": channel}), NOW, intake.Rules())) == {
        "channel"
    }


def test_an_element_is_decoded_by_its_channel() -> None:
    decoded = [
        intake.element(encoded(members, {"channel": name}), NOW, intake.Rules())
        for name, members in (("sms", SMS), ("email", EMAIL))
    ]
    assert [message.channel for message in decoded] == [Channel.SMS, Channel.EMAIL]


def test_ids_are_version_7_and_begin_with_the_time() -> None:
    message = sms()
    assert message.id[14] == "7"
    assert int(message.id.replace("-", "")[:12], 16) == NOW // 1000


# Times


@pytest.mark.parametrize(
    ("delay", "due"),
    [(0, 0), (1000, 1_000_000), (1e3, 1_000_000), (0.5, 500), (400 * DAY_MS, 400 * DAY_MS * 1000)],
)
def test_a_delay_is_milliseconds_from_now(delay: float, due: int) -> None:
    assert sms(delay=delay).due_at - NOW == due


def test_a_delay_may_be_written_with_an_exponent() -> None:
    assert (
        intake.sms(encoded(SMS, {"delay": 17}).replace(b"17", b"1e3"), NOW, intake.Rules()).due_at
        == NOW + 1_000_000
    )


@pytest.mark.parametrize(
    "delay",
    [
        -1,
        -0.001,
        400 * DAY_MS + 1,
        1e300,
        float("nan"),
        float("inf"),
        float("-inf"),
        "1000",
        "",
        True,
        False,
        [],
        {},
        [1],
    ],
)
def test_a_delay_that_is_no_finite_number_of_at_most_400_days_is_refused(delay: Any) -> None:
    assert set(faults(sms, delay=delay)) == {"delay"}


def test_a_delay_too_large_for_a_double_is_refused() -> None:
    for digits in (b"1e400", b"9" * 500, b"9" * 5000):
        assert set(
            faults(
                intake.sms, encoded(SMS, {"delay": 17}).replace(b"17", digits), NOW, intake.Rules()
            )
        ) == {"delay"}


def test_scheduled_for_is_an_instant_in_any_zone() -> None:
    assert sms(scheduledFor="2025-03-22T11:15:31.123456+01:00").due_at == NOW + 1_000_000


def test_a_past_instant_is_now() -> None:
    assert sms(scheduledFor="2020-01-01T00:00:00Z").due_at == NOW
    assert sms(scheduledFor="2020-01-01T00:00:00Z", delay=0).due_at == NOW


@pytest.mark.parametrize(
    "given",
    [
        "2025-03-22T11:15:30",
        "tomorrow",
        "",
        1742638530123,
        True,
        "2027-03-22T11:15:30Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_scheduled_for_must_be_an_instant_with_offset_at_most_400_days_ahead(given: Any) -> None:
    assert set(faults(sms, scheduledFor=given)) == {"scheduledFor"}


def test_delay_and_scheduled_for_may_be_a_second_apart() -> None:
    assert (
        sms(delay=60_000, scheduledFor=rfc3339(NOW + 60_900_000)).due_at
        == (NOW + 60_900_000) // 1000 * 1000
    )


@pytest.mark.parametrize("delay", [0, 58_000])
def test_delay_and_scheduled_for_more_than_a_second_apart_are_refused(delay: int) -> None:
    assert set(faults(sms, delay=delay, scheduledFor=rfc3339(NOW + 60_000_000))) == {"scheduledFor"}


def test_expires_at_is_kept_even_when_it_is_past() -> None:
    assert sms(expiresAt="2020-01-01T00:00:00Z").expires_at == 1_577_836_800_000_000


@pytest.mark.parametrize("given", ["2025-03-22T11:15:30", "soon", 5])
def test_expires_at_must_be_an_instant(given: Any) -> None:
    assert set(faults(sms, expiresAt=given)) == {"expiresAt"}


# Members


@pytest.mark.parametrize(
    ("field", "given"),
    [
        *(
            ("phoneNumber", given)
            for given in ["12", "1" * 33, "555-CALL", "١٢٣٤", "555\n", "---", "", 5550100, "1,2,3"]
        ),
        *(("message", given) for given in ["", 5, None]),
        *(("contactId", given) for given in ["", 5, None, "c" * 256, LEFT_OUT]),
        *(
            ("workspaceId", given)
            for given in ["", 5.5, True, None, "w" * 256, 10**255, [], LEFT_OUT]
        ),
        *(
            ("mediaUrl", given)
            for given in [
                "ftp://x/a",
                "http://",
                "//x/a",
                "https:///a",
                "http://x:99999/",
                "http://a b/",
                "javascript:alert(1)",
                "",
                5,
            ]
        ),
        *(("priority", given) for given in ["urgent", "HIGH", "", 1]),
        *(("idempotencyKey", given) for given in ["", "k" * 256, 5]),
        *(("metadata", given) for given in [[], "x", 5, True, {"a": "x" * 16_384}]),
        DEEP,
    ],
)
def test_a_member_that_breaks_its_rule_is_the_only_one_named(field: str, given: Any) -> None:
    assert set(faults(sms, **{field: given})) == {field}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("phoneNumber", "1" * 32),
        ("phoneNumber", "1-1"),
        ("contactId", "c" * 255),
        ("idempotencyKey", "k" * 255),
    ],
)
def test_a_member_at_the_edge_of_its_rule_is_taken(field: str, given: Any) -> None:
    assert faults(sms, **{field: given}) == {}


@pytest.mark.parametrize("name", ["phoneNumber", "message", "contactId", "workspaceId"])
def test_a_required_member_of_an_sms_may_not_be_missing(name: str) -> None:
    assert faults(sms, **{name: LEFT_OUT}) == {name: "is required"}


@pytest.mark.parametrize("name", ["to", "subject", "html", "contactId", "workspaceId"])
def test_a_required_member_of_an_email_may_not_be_missing(name: str) -> None:
    assert faults(email, **{name: LEFT_OUT}) == {name: "is required"}


@pytest.mark.parametrize(
    "address",
    [
        "a@b.co",
        "first.last+tag@mail.example.com",
        "user@localhost",
        "user@shop.test",
        "ü@exämple.com",
        "a@xn--bcher-kva.example",
    ],
)
def test_an_address_is_judged_by_its_syntax_alone(address: str) -> None:
    assert content(email(to=address)).to == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "plain",
        "@b.co",
        "a@",
        "a@b@c.co",
        "a b@c.co",
        "a..b@c.co",
        ".a@c.co",
        "a@-b.co",
        "a@b..co",
        "a@b.co\n",
        "A <a@b.co>",
        "a@b.co,c@d.co",
        5,
        "a" * 65 + "@b.co",
    ],
)
def test_what_is_no_address_is_refused(address: Any) -> None:
    assert set(faults(email, to=address)) == {"to"}


def test_an_address_of_two_million_characters_is_refused_at_once() -> None:
    assert set(faults(email, to="a@" + "é" * 2_000_000)) == {"to"}


@pytest.mark.parametrize(
    "path",
    [
        "//evil",
        "http://evil/x",
        "/\\evil",
        "/../x",
        "/%2e%2e/x",
        "@evil",
        "/a\nb",
        "/a#b",
        "",
        "relative",
        "/" + "x" * 2000,
        5,
        ["/x"],
    ],
)
def test_a_callback_endpoint_that_could_lead_elsewhere_is_refused(path: Any) -> None:
    assert set(faults(sms, metadata={"callbackEndpoint": path})) == {"metadata.callbackEndpoint"}


def test_a_callback_endpoint_begins_with_one_of_the_prefixes_that_are_set() -> None:
    rules = intake.Rules(callback_paths=("/hooks/", "/send-sms"))
    assert content(sms(rules, metadata={"callbackEndpoint": "/hooks/a"})).endpoint == "/hooks/a"
    assert faults(sms, rules, metadata={"callbackEndpoint": "/admin"}) == {
        "metadata.callbackEndpoint": "must begin with /hooks/ or /send-sms"
    }


def test_metadata_of_16_kib_as_sent_is_taken_and_one_byte_more_is_not() -> None:
    spaces = 16_384 - len('{"a":""}')
    for extra, expected in ((0, set()), (1, {"metadata"})):
        body = encoded(SMS, {"metadata": "HERE"}).replace(
            b'"HERE"', b'{"a":' + b" " * (spaces + extra) + b'""}'
        )
        assert set(faults(intake.sms, body, NOW, intake.Rules())) == expected


def test_metadata_may_hold_many_small_objects_but_no_deep_ones() -> None:
    assert (
        faults(sms, metadata={"rows": [{"a": [1]} for _ in range(200)], "text": "{[" * 200}) == {}
    )


def test_metadata_may_not_hold_a_number_that_the_application_could_not_read() -> None:
    body = encoded(SMS, {"metadata": {"a": 17}}).replace(b"17", b"1e400")
    assert faults(intake.sms, body, NOW, intake.Rules()) == {
        "metadata": "holds a number that is out of range"
    }


def test_a_campaign_id_is_at_most_255_characters() -> None:
    assert set(faults(sms, metadata={"campaignId": "c" * 256})) == {"metadata.campaignId"}


# Whole bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b"{",
        b"{'a': 1}",
        b'{"a": 01}',
        b"\xff",
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":1}x',
        b"[" * 10_000 + b"]" * 10_000,
    ],
)
def test_what_is_no_json_object_is_refused_as_a_whole(body: bytes) -> None:
    for decode in (intake.sms, intake.email, intake.element):
        assert set(faults(decode, body, NOW, intake.Rules())) == {"body"}


def test_json_nested_ten_thousand_deep_is_refused_wherever_it_stands() -> None:
    for name in ("anything", "metadata", "message"):
        body = encoded(SMS, {name: "HERE"}).replace(
            b'"HERE"', b'{"a":' * 10_000 + b"1" + b"}" * 10_000
        )
        assert "body" in faults(intake.sms, body, NOW, intake.Rules())


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\uDFFF", "\\ud83dx"])
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"message": "a HERE"}, "message"),
        ({"contactId": "HERE"}, "contactId"),
        ({"ignored": "HERE"}, "ignored"),
        ({"metadata": {"a": [{"b": "HERE"}]}}, "metadata.a.0.b"),
    ],
)
def test_nul_and_lone_surrogates_are_refused_in_every_value(
    escape: str, changes: dict[str, Any], field: str
) -> None:
    body = encoded(SMS, changes).replace(b"HERE", escape.encode())
    assert set(faults(intake.sms, body, NOW, intake.Rules())) == {field}


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800"])
def test_nul_and_lone_surrogates_are_refused_in_every_name(escape: str) -> None:
    for changes in ({"HERE": 1}, {"metadata": {"HERE": 1}}, {"ignored": {"x": {"HERE": 1}}}):
        [field] = faults(
            intake.sms, encoded(SMS, changes).replace(b"HERE", escape.encode()), NOW, intake.Rules()
        )
        assert field.encode()  # it can be written into an answer


def test_a_backslash_before_u0000_is_text() -> None:
    assert (
        content(intake.sms(encoded(SMS, {"message": "a\\u0000"}), NOW, intake.Rules())).text
        == "a\\u0000"
    )


def test_a_surrogate_pair_is_one_character() -> None:
    assert content(sms(message="😀")).text == "😀"


def test_of_members_that_are_there_twice_the_last_one_counts() -> None:
    body = encoded(SMS, {})[:-1] + b', "message": "second"}'
    assert content(intake.sms(body, NOW, intake.Rules())).text == "second"


def test_all_faults_of_a_body_are_named_at_once() -> None:
    found = faults(
        sms,
        phoneNumber="x",
        message="",
        contactId=LEFT_OUT,
        workspaceId=True,
        delay=float("nan"),
        scheduledFor="x",
        mediaUrl="x",
        metadata={"callbackEndpoint": "//e", "campaignId": "c" * 300},
        priority="x",
        expiresAt="x",
        idempotencyKey="",
    )
    assert set(found) == {
        "phoneNumber",
        "message",
        "contactId",
        "workspaceId",
        "delay",
        "scheduledFor",
        "mediaUrl",
        "metadata.callbackEndpoint",
        "metadata.campaignId",
        "priority",
        "expiresAt",
        "idempotencyKey",
    }


# Idempotency


@pytest.mark.parametrize("header", ["order-17", '"order-17"', "  order-17 ", '"order-17" '])
def test_the_key_may_come_in_the_header_quoted_or_bare(header: str) -> None:
    assert sms(key_header=header).idempotency_key == "order-17"


def test_a_quoted_key_is_unescaped() -> None:
    assert sms(key_header=r'"a \"b\" \\c"').idempotency_key == r'a "b" \c'


@pytest.mark.parametrize(
    "header", ["", '"', '"a', '"a"b', r'"a\x"', "schlüssel", "a\tb", '""', "k" * 256, '"a";p=1']
)
def test_a_header_that_is_no_key_is_refused(header: str) -> None:
    assert set(faults(sms, key_header=header)) == {"Idempotency-Key"}


def test_a_key_given_twice_must_be_the_same() -> None:
    assert sms(key_header='"k"', idempotencyKey="k").idempotency_key == "k"
    assert set(faults(sms, key_header="k", idempotencyKey="l")) == {"idempotencyKey"}


def test_time_priority_and_the_order_of_metadata_do_not_count_as_another_message() -> None:
    first = sms(idempotencyKey="k", delay=5, metadata={"a": 1, "b": {"c": 1, "d": 2}})
    again = sms(
        idempotencyKey="k",
        priority="high",
        expiresAt="2030-01-01T00:00:00Z",
        metadata={"b": {"d": 2, "c": 1}, "a": 1},
    )
    assert first.fingerprint == again.fingerprint != None  # noqa: E711


@pytest.mark.parametrize(
    "changes",
    [
        {"phoneNumber": "555 0100"},
        {"message": "Bye"},
        {"contactId": "contact-2"},
        {"mediaUrl": "https://x/a"},
        {"metadata": {"a": 1}},
    ],
)
def test_another_recipient_content_contact_or_metadata_is_another_message(
    changes: dict[str, Any],
) -> None:
    assert sms(idempotencyKey="k").fingerprint != sms(idempotencyKey="k", **changes).fingerprint


def test_a_message_without_a_key_needs_no_fingerprint() -> None:
    assert sms().fingerprint is None


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (TRACE, TRACE),
        (f" {TRACE} ", TRACE),
        (f"cc-{TRACE[3:]}-what-will-be", TRACE),
        (f"{TRACE}-more", None),
        (f"ff-{TRACE[3:]}", None),
        (TRACE.upper(), None),
        (TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), None),
        (TRACE[:-1], None),
        ("", None),
    ],
)
def test_a_traceparent_is_read_as_its_standard_says_and_else_ignored(
    header: str, kept: str | None
) -> None:
    assert intake.traceparent(header) == kept


def test_a_trace_is_kept_with_the_message_and_makes_no_other_message_of_it() -> None:
    rules = intake.Rules(traceparent=TRACE)
    traced, plain = (
        intake.sms(encoded(SMS, {"idempotencyKey": "k"}), NOW, each)
        for each in (rules, intake.Rules())
    )
    assert (content(traced).traceparent, content(plain).traceparent) == (TRACE, None)
    assert "traceparent" not in plain.payload
    assert traced.fingerprint == plain.fingerprint
