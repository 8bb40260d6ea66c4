"""The shapes of tiers on the wire: bodies and answers, as typed structs.

A description completes the sentence "FIELD must be ..." in a fault.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from queue_services.domain import tiers
from queue_services.wire.answers import Answer
from queue_services.wire.workspaces import BY_CHANNEL, LimitsAnswer, LimitsBody, Number, PerSecond

_WEIGHT = {"minimum": tiers.LIGHTEST, "maximum": tiers.HEAVIEST, "multipleOf": tiers.LIGHTEST}
_QUOTA = {"minimum": 1, "maximum": tiers.LARGEST_QUOTA, "multipleOf": 1}
Quota = Annotated[
    Number | None,
    Meta(description="a whole number of messages a day; or null", extra_json_schema=_QUOTA),
]
QUOTA = (
    "Messages a day of the workspace's zone, by channel; null takes it away. Past it new messages"
    " wait for the next day, `high` ones too; retries go on."
)


class ScaleBody(msgspec.Struct, forbid_unknown_fields=True):
    """Automatic scaling: a limit that is used up is raised `step`-fold, up to `max` a second."""

    max: Annotated[PerSecond, Meta(description="a limit: a whole number of messages a second")]
    step: Annotated[
        Number,
        Meta(
            description="a number above 1",
            extra_json_schema={"exclusiveMinimum": 1, "maximum": tiers.LARGEST_STEP},
        ),
    ]


class AutoScaleBody(msgspec.Struct, forbid_unknown_fields=True):
    """Automatic scaling by channel; null is none."""

    sms: (
        Annotated[ScaleBody | None, Meta(description="an object with `max` and `step`; or null")]
        | UnsetType
    ) = UNSET
    email: (
        Annotated[ScaleBody | None, Meta(description="an object with `max` and `step`; or null")]
        | UnsetType
    ) = UNSET


class QuotasBody(msgspec.Struct, forbid_unknown_fields=True):
    """Messages that may be sent in a workspace's day, by channel; null is any number."""

    sms: Quota | UnsetType = UNSET
    email: Quota | UnsetType = UNSET


class TierBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to change of a tier, or to make it of: what is not given stays, null clears."""

    limits: Annotated[LimitsBody | None, Meta(description=BY_CHANNEL)] | UnsetType = UNSET
    auto_scale: Annotated[AutoScaleBody | None, Meta(description=BY_CHANNEL)] | UnsetType = UNSET
    weight: (
        Annotated[
            Number | None,
            Meta(
                description="a multiple of 0.25 from 0.25 to 100; or null",
                extra_json_schema=_WEIGHT,
            ),
        ]
        | UnsetType
    ) = UNSET
    daily_quota: Annotated[QuotasBody | None, Meta(description=QUOTA)] | UnsetType = UNSET


class ScaleAnswer(msgspec.Struct):
    """As `ScaleBody`."""

    max: float
    step: float


class AutoScaleAnswer(msgspec.Struct):
    """By channel; null where there is none."""

    sms: ScaleAnswer | None
    email: ScaleAnswer | None


class QuotasAnswer(msgspec.Struct):
    """By channel; null where there is none."""

    sms: int | None
    email: int | None


class Tier(msgspec.Struct, rename="camel", kw_only=True):
    """What the workspaces of a tier get; null is the service's limit, no automatic scaling,
    no quota.
    """

    name: str
    limits: LimitsAnswer
    auto_scale: AutoScaleAnswer
    weight: float
    daily_quota: QuotasAnswer


class TierAnswer(Tier, kw_only=True):
    """A tier by itself."""

    success: Literal[True] = True


class TiersAnswer(Answer, kw_only=True):
    """All tiers, by name."""

    tiers: list[Tier]
