"""The shapes of alerts and their sinks on the wire: bodies and answers, as typed structs, and
what each becomes in the words of the domain.

A description completes the sentence "FIELD must be ..." in a fault.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queue_services.domain.alerts import AlertState, Figure, Rule, Subject
from queue_services.domain.message import SECOND, Channel
from queue_services.errors import Fault, InvalidRequest
from queue_services.wire import fields, patterns
from queue_services.wire.addresses import email_address
from queue_services.wire.answers import Answer, Time
from queue_services.wire.bodies import Id, Text, Whole
from queue_services.wire.workspaces import LONGEST_URL

LONGEST_HOLD_SECONDS = 86_400
LONGEST_QUIET_SECONDS = 30 * 86_400
MOST_SINKS = 20
MOST_RECIPIENTS = 50

FigureName = Literal[
    "failedShare",
    "oldestDueSeconds",
    "exceededPerMinute",
    "dispatchers",
    "backlogClearsSeconds",
    "endpointHeld",
]
FIGURE_NAMES: dict[Figure, FigureName] = {
    Figure.FAILED_SHARE: "failedShare",
    Figure.OLDEST_DUE_SECONDS: "oldestDueSeconds",
    Figure.EXCEEDED_PER_MINUTE: "exceededPerMinute",
    Figure.DISPATCHERS: "dispatchers",
    Figure.BACKLOG_CLEARS_SECONDS: "backlogClearsSeconds",
    Figure.ENDPOINT_HELD: "endpointHeld",
}
FIGURES = {name: figure for figure, name in FIGURE_NAMES.items()}
StateName = Literal["ok", "pending", "firing"]
Number = Annotated[float, Meta(description="a finite number")]
_Hold = Annotated[Whole, Meta(ge=0, le=LONGEST_HOLD_SECONDS)]
_Quiet = Annotated[Whole, Meta(ge=0, le=LONGEST_QUIET_SECONDS)]
_SinkUrl = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_URL,
        description="an http or https URL with a host, of at most 2,000 characters",
        extra_json_schema={"pattern": patterns.MEDIA_URL},
    ),
]
_Port = Annotated[Whole, Meta(ge=1, le=65_535, description="a port, 1 to 65535")]
_Address = Annotated[
    str,
    Meta(
        min_length=1,
        description="an email address",
        extra_json_schema={"format": "email", "pattern": patterns.EMAIL},
    ),
]
_SECRET = "whsec_ followed by the base64 of 24 to 64 random bytes; or null"  # noqa: S105 - a rule


class WhenBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """When an alert fires: the figure is `over` or `under` a number for `forSeconds`."""

    figure: FigureName
    channel: Channel | None = None
    workspace_id: Id | None = None
    over: Number | UnsetType = UNSET
    under: Number | UnsetType = UNSET
    for_seconds: Annotated[
        _Hold, Meta(description="a whole number of seconds, 0 to 86,400 (a day)")
    ] = 60


class AlertBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """An alert. `clear` is the figure's value at which it ends, by default the one that it fires
    beyond; within `quietSeconds` of a notified firing no other is notified.
    """

    when: WhenBody
    notify: Annotated[
        list[Id], Meta(max_length=MOST_SINKS, description="a list of at most 20 sinks' names")
    ] = []
    quiet_seconds: Annotated[
        _Quiet, Meta(description="a whole number of seconds, 0 to 2,592,000 (30 days)")
    ] = 3600
    clear: Number | None = None


class WebhookBody(
    msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="webhook"
):
    """A URL that takes Standard Webhooks. `secret` is never shown; left out, it stays."""

    url: _SinkUrl
    secret: (
        Annotated[
            Annotated[str, Meta(extra_json_schema={"pattern": patterns.SECRET})] | None,
            Meta(description=_SECRET),
        ]
        | UnsetType
    ) = UNSET


class SlackBody(
    msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="slack"
):
    """A URL that takes Slack's `{"text": ...}`."""

    url: _SinkUrl


class SmtpBody(
    msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="smtp"
):
    """A mail server. With `tls`: implicit on port 465, else STARTTLS is required. `password` is
    never shown; left out, it stays.
    """

    host: Annotated[str, Meta(min_length=1, max_length=253, description="a host name or address")]
    port: _Port
    tls: bool = True
    username: Text | None = None
    password: Text | UnsetType | None = UNSET
    sender: _Address = msgspec.field(name="from")
    to: Annotated[
        Annotated[list[_Address], Meta(min_length=1, max_length=MOST_RECIPIENTS)] | _Address,
        Meta(description="an email address, or a list of 1 to 50"),
    ]


SinkBody = WebhookBody | SlackBody | SmtpBody
_SHAPES: dict[str, type[msgspec.Struct]] = {
    "webhook": WebhookBody,
    "slack": SlackBody,
    "smtp": SmtpBody,
}


class WhenMembers(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=False):
    """An alert's condition; the one of `over` and `under` that is not used is null."""

    figure: FigureName
    channel: Channel | None
    workspace_id: str | None
    over: float | None
    under: float | None
    for_seconds: int


class AlertMembers(msgspec.Struct, rename="camel", kw_only=True):
    """An alert and where it stands. `value` is the figure at the newest evaluation, null before
    the first or where a backlog does not clear.
    """

    name: str
    when: WhenMembers
    notify: list[str]
    quiet_seconds: int
    clear: float
    state: StateName
    since: Time | None
    value: float | None
    last_notified_at: Time | None


class AlertAnswer(AlertMembers, kw_only=True):
    """One alert."""

    success: Literal[True] = True


class AlertsAnswer(Answer, kw_only=True):
    """All alerts, by name."""

    alerts: list[AlertMembers]


class SinkMembers(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """A sink; the members of its type alone. Secrets are not shown, only whether they are set."""

    name: str
    type: Literal["webhook", "slack", "smtp"]
    url: str | UnsetType = UNSET
    secret_set: bool | UnsetType = UNSET
    host: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    tls: bool | UnsetType = UNSET
    username: str | UnsetType | None = UNSET
    password_set: bool | UnsetType = UNSET
    sender: str | UnsetType = msgspec.field(name="from", default=UNSET)
    to: list[str] | UnsetType = UNSET


class SinkAnswer(SinkMembers, kw_only=True, omit_defaults=False):
    """One sink."""

    success: Literal[True] = True


class SinksAnswer(Answer, kw_only=True):
    """All sinks, by name."""

    sinks: list[SinkMembers]


class SinkTestAnswer(Answer, kw_only=True):
    """What became of a test notification; `error` says why it was not delivered."""

    delivered: bool
    error: str | None


def rule_of(body: AlertBody) -> Rule:
    """The rule in a body. Raises InvalidRequest with every fault."""
    when, faults = body.when, list[Fault]()
    if (when.over is UNSET) == (when.under is UNSET):
        faults.append(Fault("when", "must have one of `over` and `under`"))
    if when.figure == "dispatchers" and (when.channel or when.workspace_id):
        faults.append(
            Fault("when", "`dispatchers` is the service's: leave `channel` and `workspaceId` out")
        )
    over = when.over is not UNSET
    threshold = when.over if isinstance(when.over, int | float) else when.under
    threshold = float(threshold) if isinstance(threshold, int | float) else 0.0
    clear_at = threshold if body.clear is None else float(body.clear)
    if clear_at > threshold if over else clear_at < threshold:
        side = "at most `over`" if over else "at least `under`"
        faults.append(Fault("clear", f"must be {side}: the alert clears on the good side of it"))
    if faults:
        raise InvalidRequest(*faults)
    return Rule(
        Subject(FIGURES[when.figure], when.channel, when.workspace_id),
        threshold,
        over,
        int(when.for_seconds) * SECOND,
        int(body.quiet_seconds) * SECOND,
        clear_at,
        tuple(dict.fromkeys(body.notify)),
    )


def alert_facts(rule: Rule, value: float | None) -> dict[str, str | float | None]:
    """What an event and a notification say of an alert's rule and its figure's value; None: the
    figure is infinite.
    """
    subject = rule.subject
    return {
        "figure": FIGURE_NAMES[subject.figure],
        "channel": None if subject.channel is None else subject.channel.value,
        "workspaceId": subject.workspace,
        "value": value,
        "over" if rule.over else "under": rule.threshold,
        "clear": rule.clear_at,
    }


def read_sink_body(content: bytes) -> WebhookBody | SlackBody | SmtpBody:
    """The sink in a body, by its `type`. Raises InvalidRequest with every fault."""
    members, _ = fields.split(content, ("type",))
    given = members.get("type")
    kind = None if given is None else msgspec.json.decode(given)
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise InvalidRequest(Fault("type", "must be `webhook`, `slack` or `smtp`"))
    body: Any = fields.read(content, _SHAPES[kind])
    faults = []
    for name in ("sender", "to"):
        for address in _addresses(getattr(body, name, ())):
            try:
                email_address(address)
            except ValueError as error:
                faults.append(Fault("from" if name == "sender" else name, str(error)))
    if faults:
        raise InvalidRequest(*faults)
    return body  # type: ignore[no-any-return]  # the decoder made it of one of the shapes


def recipients(body: SmtpBody) -> tuple[str, ...]:
    """The addresses of a body's `to`, one or a list."""
    return tuple(_addresses(body.to))


def state_name(state: AlertState) -> StateName:
    """A state as the wire calls it."""
    return state.value


def _addresses(given: str | list[str] | tuple[()]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
