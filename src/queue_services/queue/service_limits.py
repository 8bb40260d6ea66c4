"""The whole service's limits: a stored one wins over every process's setting, within a second,
and may have an end and a reason.

One `ServiceLimits` a process is shared by all that read a limit; `dispatcher.settings_watch`
refreshes it. The log of slots stays as it is: no second exceeds the larger of two limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import UNSET, UnsetType

from queue_services.domain.message import Channel, Instant
from queue_services.domain.tiers import service_limits
from queue_services.domain.timed import NOTHING_SAID, Timed, TimedChange
from queue_services.queue import timed_settings
from queue_services.queue.timed_settings import SERVICE, TimedKind
from queue_services.queue.transactions import reads, wakes, writes
from queue_services.settings.slices import LimitSettings
from queue_services.storage.port import Database, Tx


class ServiceLimits(Mapping[Channel, float]):
    """The limits in force by channel, messages a second, as this process last read them."""

    def __init__(self, settings: LimitSettings) -> None:
        self._set = service_limits(settings)
        self._stored: dict[Channel, float] = {}
        self._noted: dict[Channel, float] = {}

    def __getitem__(self, channel: Channel) -> float:
        return self._stored.get(channel, self._set[channel])

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._set)

    def __len__(self) -> int:
        return len(self._set)

    def setting(self, channel: Channel) -> float:
        """This process's setting, whatever is stored."""
        return self._set[channel]

    async def refresh(self, database: Database) -> None:
        """Read the stored limits. Raises StoreUnavailable."""
        self._stored = await stored.run(database)

    async def note(self, database: Database, now: Instant) -> None:
        """Write down the limits in force where this process has not yet: `verify` holds what was
        sent against the limits of then. Raises StoreUnavailable.
        """
        if self._noted != (current := dict(self)):
            await note_change.run(database, self._noted, current, now)
            self._noted = current


class ChannelControl(msgspec.Struct, frozen=True):
    """A channel's controls: whether it is paused, its stored limit (None: the setting's), and
    the ends and reasons of both.
    """

    channel: Channel
    paused: bool
    stored: float | None
    pause: Timed
    limit: Timed


class ChannelChange(msgspec.Struct, frozen=True):
    """What to change of a channel: UNSET stays, None takes the stored limit away. The end and
    the reason are those of what is changed.
    """

    paused: bool | UnsetType = UNSET
    rate: float | UnsetType | None = UNSET
    timed: TimedChange = NOTHING_SAID


@reads
async def stored(tx: Tx) -> dict[Channel, float]:
    """The stored limits by channel."""
    return {Channel(channel): rate for channel, rate in await tx.fetch("stored_limits")}


@writes
async def note_change(
    tx: Tx, former: Mapping[Channel, float], current: Mapping[Channel, float], now: Instant
) -> None:
    """Add the limits that differ from `former`, a process's own, or from the newest of any
    process where it has none.
    """
    newest = {Channel(name): rate for name, rate in await tx.fetch("service_limit_changes")}
    before = {**newest, **former}
    changed = [
        (SERVICE, channel.value, now, before.get(channel), rate)
        for channel, rate in current.items()
        if before.get(channel) != rate
    ]
    await tx.each("add_limit_changes", changed)


@reads
async def controls(tx: Tx) -> dict[Channel, ChannelControl]:
    """The controls of every channel."""
    rates = await stored(tx)
    paused = {name: bool(paused) for name, _, paused in await tx.fetch("channel_states")}
    timed = await timed_settings.of(tx, SERVICE)
    return {
        channel: ChannelControl(
            channel,
            paused[channel.value],
            rates.get(channel),
            timed.get((TimedKind.CHANNEL_PAUSE, channel.value), Timed()),
            timed.get((TimedKind.CHANNEL_LIMIT, channel.value), Timed()),
        )
        for channel in Channel
    }


@wakes
async def change(tx: Tx, channel: Channel, wanted: ChannelChange, now: Instant) -> ChannelControl:
    """Change a channel's pause and limit. Raises InvalidRequest for an end that has passed or
    that nothing in force can have.
    """
    before = (await controls(tx))[channel]
    paused = before.paused if wanted.paused is UNSET else wanted.paused
    rate = before.stored if wanted.rate is UNSET else wanted.rate
    names_pause, names_limit = wanted.paused is not UNSET, wanted.rate is not UNSET
    neither = not names_pause and not names_limit
    of_pause = names_pause or (neither and before.paused)
    of_limit = names_limit or (neither and before.stored is not None)
    in_force = (of_pause and paused) or (of_limit and rate is not None)
    timed_settings.check_until("until", wanted.timed, now, in_force=in_force)
    if names_pause:
        await tx.fetch("pause_channel", channel.value, int(paused))
    if names_limit and rate is None:
        await tx.fetch("delete_channel_limit", channel.value)
    elif names_limit:
        await tx.fetch("save_channel_limit", channel.value, rate)
    if of_pause:
        await timed_settings.follow(
            tx,
            TimedKind.CHANNEL_PAUSE,
            SERVICE,
            channel.value,
            wanted.timed if paused else NOTHING_SAID,
            value_changed=names_pause,
            former=False,
        )
    if of_limit:
        await timed_settings.follow(
            tx,
            TimedKind.CHANNEL_LIMIT,
            SERVICE,
            channel.value,
            wanted.timed if rate is not None else NOTHING_SAID,
            value_changed=names_limit,
            former=before.stored,
        )
    return (await controls(tx))[channel]
