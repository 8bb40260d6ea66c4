"""Alerts and their sinks: what is set, where each alert stands, and one step of evaluating
them.

Called by the API and the CLI, and every 5 s by `dispatcher.alerts`, in whichever process
holds the watch. A transition, its event and its notifications are one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isinf

import msgspec

from queue_services.domain.alerts import Evaluation, Rule, Standing, Subject, Transition, evaluate
from queue_services.domain.message import SECOND, Instant, new_id
from queue_services.domain.notifications import AnySink, Report
from queue_services.errors import Conflict, Fault, InvalidRequest, NotFound
from queue_services.queue import events
from queue_services.queue.transactions import reads, writes
from queue_services.storage.port import Tx

WATCH = 15 * SECOND
"""How long a process holds the watch: evaluations are 5 s apart, so a slow one keeps it, and
after a crash another process goes on within three evaluations.
"""
FURTHEST_HOLD = 10 * WATCH


class Alert(msgspec.Struct, frozen=True):
    """An alert as it is set, and where it stands."""

    name: str
    rule: Rule
    standing: Standing = Standing()


_encode = msgspec.json.Encoder().encode
_read_rule = msgspec.json.Decoder(Rule).decode
_read_standing = msgspec.json.Decoder(Standing).decode
_sink_decoder: msgspec.json.Decoder[AnySink] = msgspec.json.Decoder(AnySink)


@reads
async def every(tx: Tx) -> list[Alert]:
    """All alerts, by name."""
    return [_alert(*row) for row in await tx.fetch("all_alerts")]


@reads
async def find(tx: Tx, name: str) -> Alert:
    """The alert called `name`. Raises NotFound."""
    for rule, standing in await tx.fetch("find_alert", name):
        return _alert(name, rule, standing)
    raise NotFound("alert", name)


@writes
async def put(tx: Tx, name: str, rule: Rule) -> Alert:
    """Set an alert. A changed condition begins as OK; one that only changes its sinks or times
    stays where it stands. Raises InvalidRequest for a sink that is not there.
    """
    known = {row[0] for row in await tx.fetch("share_alert_sinks", sorted(set(rule.sinks)))}
    if unknown := [sink for sink in rule.sinks if sink not in known]:
        raise InvalidRequest(
            Fault("notify", f"there is no sink called {unknown[0]!r}; PUT it first")
        )
    alert = Alert(name, rule)
    for text, standing in await tx.fetch("lock_alert", name):
        if _same_condition(_read_rule(text), rule):
            alert = Alert(name, rule, _read_standing(standing))
    await tx.fetch("save_alert", name, _text(rule), _text(alert.standing))
    return alert


@writes
async def delete(tx: Tx, name: str) -> Alert:
    """Remove an alert and return it. Raises NotFound."""
    for rule, standing in await tx.fetch("lock_alert", name):
        await tx.fetch("delete_alert", name)
        return _alert(name, rule, standing)
    raise NotFound("alert", name)


@reads
async def sinks(tx: Tx) -> dict[str, AnySink]:
    """All sinks, by name."""
    return {name: _sink_decoder.decode(text) for name, text in await tx.fetch("all_alert_sinks")}


@reads
async def find_sink(tx: Tx, name: str) -> AnySink:
    """The sink called `name`. Raises NotFound."""
    for row in await tx.fetch("find_alert_sink", name):
        return _sink_decoder.decode(row[0])
    raise NotFound("alert sink", name)


@writes
async def put_sink(tx: Tx, name: str, sink: AnySink, kept_secrets: Iterable[str] = ()) -> AnySink:
    """Set a sink. The members named in `kept_secrets` keep the value they have: a secret is never
    shown, so a client that changes another member cannot repeat it.
    """
    for row in await tx.fetch("lock_alert_sink", name):
        before = _sink_decoder.decode(row[0])
        if type(before) is type(sink):
            kept = {member: getattr(before, member) for member in kept_secrets}
            sink = msgspec.structs.replace(sink, **kept)
    await tx.fetch("save_alert_sink", name, _text(sink))
    return sink


@writes
async def delete_sink(tx: Tx, name: str) -> AnySink:
    """Remove a sink and return it. Raises NotFound, and Conflict while an alert uses it."""
    found = await tx.fetch("lock_alert_sink", name)
    if not found:
        raise NotFound("alert sink", name)
    used_by = [one.name for one in await every(tx) if name in one.rule.sinks]
    if used_by:
        raise Conflict(
            f"The alert {used_by[0]!r} notifies this sink; take it out of `notify` first.",
            alerts=used_by,
        )
    await tx.fetch("delete_alert_sink", name)
    return _sink_decoder.decode(found[0][0])


@writes
async def hold_watch(tx: Tx, holder: str, now: Instant) -> bool:
    """Take or keep the watch: whether this process is the one that evaluates."""
    return bool(await tx.fetch("hold_alert_watch", holder, now, now + WATCH, now + FURTHEST_HOLD))


@writes
async def advance(tx: Tx, values: Mapping[Subject, float], now: Instant) -> list[Report]:
    """Compare every alert with its figure; what changed, each with its event and its
    notifications. An alert that was set after the figures were read waits for the next step.
    """
    reports = []
    for name, rule_text, standing_text in await tx.fetch("lock_alerts"):
        rule, before = _read_rule(rule_text), _read_standing(standing_text)
        if rule.subject not in values:
            continue
        result = evaluate(rule, before, values[rule.subject], now)
        if result.standing != before:
            await tx.fetch("save_standing", name, _text(result.standing))
        if result.transition is not None:
            reports.append(await _report(tx, name, rule, result, result.transition, now))
    return reports


async def _report(
    tx: Tx, name: str, rule: Rule, result: Evaluation, transition: Transition, now: Instant
) -> Report:
    value = result.standing.value
    report = Report(name, transition, rule, None if value is None or isinf(value) else value, now)
    await events.alert(tx, name, transition, rule, report.value, now)
    if result.notify:
        body = _text(report)
        rows = [(new_id(now), sink, body, now) for sink in rule.sinks]
        for row in rows:
            await tx.fetch("insert_notification", *row)
    return report


def _same_condition(before: Rule, after: Rule) -> bool:
    return (before.subject, before.threshold, before.over) == (
        after.subject,
        after.threshold,
        after.over,
    )


def _alert(name: str, rule: str, standing: str) -> Alert:
    return Alert(name, _read_rule(rule), _read_standing(standing))


def _text(value: msgspec.Struct) -> str:
    return _encode(value).decode()
