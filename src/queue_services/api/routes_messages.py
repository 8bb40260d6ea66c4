"""Scheduling: one SMS, one email, a batch. Holds no rule: `wire.intake` decodes,
`queue.intake` writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import UNSET

from queue_services.api import render
from queue_services.api.calls import Call, Incoming, Services
from queue_services.api.guard import Caller, Scope
from queue_services.domain.message import Instant, Message
from queue_services.errors import Conflict, Fault, InvalidRequest
from queue_services.queue.intake import GROUP, KeyConflicts
from queue_services.queue.records import Insertion
from queue_services.web import bodies as reading
from queue_services.wire import answers, batches, bodies, intake

KEY_HEADER = "Idempotency-Key"
AT_ONCE_SECONDS = 0.001
"""Of work on a batch, between two looks at what else the event loop has to do: a delivery
takes several steps of the loop within 8 ms.
"""

TRACE_HEADER = "traceparent"

CONFLICT = "was first used for another message"

Messages = dict[int, Message]
Refusals = dict[int, tuple[Fault, ...]]
Decode = Callable[[bytes, Instant, intake.Rules, str | None], Message]


async def schedule_sms(incoming: Incoming) -> answers.ScheduleAnswer:
    """POST /api/schedule-sms."""
    return await _schedule(incoming, intake.sms)


async def schedule_email(incoming: Incoming) -> answers.ScheduleAnswer:
    """POST /api/schedule-email."""
    return await _schedule(incoming, intake.email)


async def schedule_batch(incoming: Incoming) -> answers.BatchAnswer:
    """POST /api/schedule-batch."""
    if KEY_HEADER in incoming.request.headers:
        raise InvalidRequest(
            Fault(
                KEY_HEADER, "is for one message; give each message of a batch an `idempotencyKey`"
            )
        )
    elements = await _taken_apart(incoming)
    await incoming.hand_in(len(elements))
    if incoming.query.atomic == "true":
        messages, refused = await _decode(elements, range(len(elements)), incoming)
        insertions = await _accept_all(incoming.services, messages, refused)
    else:
        messages, refused, insertions = await _accept_each(elements, incoming)
    accepted = dict(zip(messages, insertions, strict=True))
    results, turn = [], _Turn()
    for index in range(len(messages) + len(refused)):
        results.append(_result(index, accepted.get(index), refused.get(index, ())))
        if turn.is_over():
            await asyncio.sleep(0)
    rejected = sum(result.job_id is UNSET for result in results)
    return answers.BatchAnswer(accepted=len(results) - rejected, rejected=rejected, results=results)


class _Turn:
    """The time that one batch may have the event loop for."""

    def __init__(self) -> None:
        self._time = asyncio.get_running_loop().time
        self._ends = 0.0

    def is_over(self) -> bool:
        """Whether others must be let run now; if so, the next turn begins."""
        now = self._time()
        over = now >= self._ends
        if over:
            self._ends = now + AT_ONCE_SECONDS
        return over


async def _schedule(incoming: Incoming, decode: Decode) -> answers.ScheduleAnswer:
    keys = set(incoming.request.headers.getlist(KEY_HEADER))
    if len(keys) > 1:
        raise InvalidRequest(Fault(KEY_HEADER, "is there more than once"))
    await incoming.hand_in(1)
    message = decode(incoming.content, incoming.now, _rules(incoming), next(iter(keys), None))
    incoming.caller.only(message.workspace)
    [insertion] = await incoming.services.intake.schedule([message])
    if insertion.conflict:
        raise Conflict(
            f"The idempotency key was first used for another message, job {insertion.id}; nothing"
            " was scheduled."
        )
    return render.scheduled(insertion, message.channel, incoming.now)


def _rules(incoming: Incoming) -> intake.Rules:
    """The rules of the process, and with them the trace that the request belongs to."""
    rules, given = incoming.services.rules, incoming.request.headers.get(TRACE_HEADER)
    trace = None if given is None else intake.traceparent(given)
    return rules if trace is None else msgspec.structs.replace(rules, traceparent=trace)


async def _taken_apart(incoming: Incoming) -> list[bytes]:
    """Every element of the body; when this returns, it is known to be well formed and not
    too long, and nothing has been kept.
    """
    taken: list[bytes] = []
    turn = _Turn()
    for element in (
        batches.lines(incoming.content)
        if incoming.media_type == reading.NDJSON
        else batches.elements(incoming.content)
    ):
        if element:
            taken.append(element)
        if turn.is_over():
            await asyncio.sleep(0)
    # the process holds a large body once, not thrice: as it came, in parts, and as messages
    incoming.content = b""
    return taken


async def _decode(
    elements: list[bytes], part: range, incoming: Incoming
) -> tuple[Messages, Refusals]:
    """The messages and the faults of a part of the batch, by index; takes what it decodes
    out of `elements`.
    """
    messages: Messages = {}
    refused: Refusals = {}
    rules, turn = _rules(incoming), _Turn()
    for index in part:
        if turn.is_over():
            await asyncio.sleep(0)
        try:
            element, elements[index] = elements[index], b""
            messages[index] = _element(element, incoming.now, rules, incoming.caller)
        except InvalidRequest as error:
            refused[index] = error.faults
    return messages, refused


async def _accept_each(
    elements: list[bytes], incoming: Incoming
) -> tuple[Messages, Refusals, list[Insertion]]:
    """Accept what has no faults; while one part is written, the next is decoded."""
    messages: Messages = {}
    refused: Refusals = {}
    writing: list[asyncio.Task[list[Insertion]]] = []
    for start in range(0, len(elements), GROUP):
        found, wrong = await _decode(
            elements, range(start, min(start + GROUP, len(elements))), incoming
        )
        writing.append(asyncio.create_task(incoming.services.intake.schedule(list(found.values()))))
        messages |= found
        refused |= wrong
    parts = await asyncio.gather(*writing)
    return messages, refused, [insertion for part in parts for insertion in part]


def _element(element: bytes, now: Instant, rules: intake.Rules, caller: Caller) -> Message:
    if len(element) > batches.LARGEST_MESSAGE:
        raise InvalidRequest(Fault("body", "is larger than 2 MiB"))
    message = intake.element(element, now, rules)
    if caller.workspace not in (None, message.workspace):
        raise InvalidRequest(Fault(answers.WORKSPACE, "is not the workspace of the key"))
    return message


async def _by_index(refused: Refusals) -> list[Fault]:
    """Every fault of an atomic batch, with the index of its message."""
    faults: list[Fault] = []
    turn = _Turn()
    for index, found in refused.items():
        faults += [Fault(f"messages[{index}].{fault.field}", fault.message) for fault in found]
        if turn.is_over():
            await asyncio.sleep(0)
    return faults


async def _accept_all(services: Services, messages: Messages, refused: Refusals) -> list[Insertion]:
    if refused:
        raise InvalidRequest(*await _by_index(refused))
    if not messages:
        return []
    try:
        return await services.intake.schedule_all(list(messages.values()))
    except KeyConflicts as error:
        faults = [
            Fault(f"messages[{index}].{answers.IDEMPOTENCY_KEY}", CONFLICT)
            for index in error.indexes
        ]
        raise Conflict(
            f"{len(faults):,} messages have an idempotency key that was first used for another"
            " message; nothing was scheduled.",
            faults=faults,
        ) from None


def _result(
    index: int, insertion: Insertion | None, faults: tuple[Fault, ...]
) -> answers.BatchResult:
    if insertion is None:
        return answers.BatchResult(index=index, errors=render.field_errors(faults))
    if insertion.conflict:
        return answers.BatchResult(
            index=index, errors=[answers.FieldError(answers.IDEMPOTENCY_KEY, CONFLICT)]
        )
    return answers.BatchResult(
        index=index, job_id=insertion.id, replayed=True if insertion.replayed else UNSET
    )


CALLS = [
    Call(
        "POST",
        "/api/schedule-sms",
        schedule_sms,
        "Schedule an SMS",
        answers.ScheduleAnswer,
        scope=Scope.SEND,
        body=bodies.SmsBody,
        reads=reading.SINGLE,
        decodes=False,
        headers=(KEY_HEADER,),
        errors=(409, 429),
        tag="Scheduling",
    ),
    Call(
        "POST",
        "/api/schedule-email",
        schedule_email,
        "Schedule an email",
        answers.ScheduleAnswer,
        scope=Scope.SEND,
        body=bodies.EmailBody,
        reads=reading.SINGLE,
        decodes=False,
        headers=(KEY_HEADER,),
        errors=(409, 429),
        tag="Scheduling",
    ),
    Call(
        "POST",
        "/api/schedule-batch",
        schedule_batch,
        "Schedule up to 10,000 messages",
        answers.BatchAnswer,
        scope=Scope.SEND,
        query=bodies.BatchQuery,
        body=bodies.BatchBody,
        reads=reading.BATCH,
        decodes=False,
        errors=(409, 429),
        tag="Scheduling",
    ),
]
