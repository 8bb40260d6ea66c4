"""Finding jobs by what an operator has at hand: the beginning of an id, recipient, contact or
campaign, a whole idempotency key, or a value in the metadata.

Called by the job list, operations and the dashboard. Few matches are looked up by index and
become a list of ids; where the beginning is of very many jobs, the newest jobs are read until a
page is full: then it is never far to the next match.
"""

from __future__ import annotations

import re

import msgspec

from queue_services.queue.records import JobFilter
from queue_services.storage.port import Tx

FEW = 1_000
"""Matches of one kind that become a list of ids."""
_HEX_ID = re.compile(r"[0-9a-f]{2,8}(?:-[0-9a-f]{0,4}){0,3}(?:-[0-9a-f]{0,12})?")
_NUMBER = re.compile(r"[+()\-. 0-9]+")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_LOWEST_ID = "00000000-0000-0000-0000-000000000000"
_HIGHEST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_LAST = "\U0010ffff"
"""Sorts after every text that begins alike."""


async def resolve(tx: Tx, wanted: JobFilter) -> JobFilter:
    """The filter with the jobs that match its `text` as a list of ids, or as a beginning to
    compare with where they are many.
    """
    if wanted.text is None:
        return wanted
    text = wanted.text.lower()
    digits = re.sub(r"\D", "", text) if _NUMBER.fullmatch(text) else None
    found: set[str] = set()
    for ids in (
        await _by_id(tx, text),
        await _by_recipient(tx, text if digits is None else digits),
        await _starting(tx, "find_contact_start", text),
        await _starting(tx, "find_campaign_start", text),
        [row[0] for row in await tx.fetch("find_key", wanted.text, FEW)],
    ):
        if len(ids) > FEW:
            return msgspec.structs.replace(wanted, beginning=digits or text)
        found.update(ids)
    return msgspec.structs.replace(wanted, ids=tuple(sorted(found)))


async def _by_id(tx: Tx, text: str) -> list[str]:
    if not _HEX_ID.fullmatch(text) or len(text) > len(_LOWEST_ID):
        return []
    first, last = text + _LOWEST_ID[len(text) :], text + _HIGHEST_ID[len(text) :]
    if not (_ID.fullmatch(first) and _ID.fullmatch(last)):
        return []
    return [row[0] for row in await tx.fetch("find_id_start", first, last, FEW + 1)]


async def _by_recipient(tx: Tx, text: str) -> list[str]:
    return await _starting(tx, "find_recipient_start", text) if text else []


async def _starting(tx: Tx, statement: str, text: str) -> list[str]:
    return [row[0] for row in await tx.fetch(statement, text, text + _LAST, FEW + 1)]
