"""Cursors of the change feed. Administrators get a position as it is; a workspace's key gets it
encrypted, for that workspace alone: positions are numbered over all workspaces, so two of
them would tell how much the others have sent in between.

Called by the API. Positions that former versions gave to workspaces as they are stay valid.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from queue_services.errors import Fault, InvalidRequest
from queue_services.queue.changes import Position
from queue_services.queue.transactions import writes
from queue_services.storage.port import Database, Tx

AFTER = "after"
IV_BYTES, HALF_BYTES = 12, 8


class FeedCursors:
    """The cursors of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._secret: bytes | None = None

    async def written(self, position: Position, workspace: str | None) -> str:
        """The cursor of a position, for a workspace's key or (None) an administrator's."""
        if workspace is None:
            return f"{position.transaction}-{position.number}"
        secret = await self._known()
        plain = b"".join(
            number.to_bytes(HALF_BYTES, "big") for number in (position.transaction, position.number)
        )
        iv = _iv(secret, workspace, plain)
        return urlsafe_b64encode(iv + _encrypted(secret, iv, plain)).rstrip(b"=").decode()

    async def read(self, cursor: str, workspace: str | None) -> Position:
        """The position of a cursor. Raises InvalidRequest for one that was not given to this
        workspace.
        """
        transaction, mark, number = cursor.partition("-")
        if mark and transaction.isdecimal() and number.isdecimal():
            return Position(int(transaction), int(number))
        if workspace is not None:
            secret = await self._known()
            content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            iv, encrypted = content[:IV_BYTES], content[IV_BYTES:]
            plain = _encrypted(secret, iv, encrypted)
            if hmac.compare_digest(iv, _iv(secret, workspace, plain)):
                halves = (plain[:HALF_BYTES], plain[HALF_BYTES:])
                return Position(*(int.from_bytes(half, "big") for half in halves))
        raise InvalidRequest(Fault(AFTER, "must be the `cursor` of an earlier answer"))

    async def _known(self) -> bytes:
        if self._secret is None:
            self._secret = bytes.fromhex(
                await keep_secret.run(self._database, secrets.token_hex(32))
            )
        return self._secret


@writes
async def keep_secret(tx: Tx, proposed: str) -> str:
    """The secret of every process: the first that was proposed."""
    await tx.fetch("keep_feed_secret", proposed)
    [[kept]] = await tx.fetch("read_feed_secret")
    return str(kept)


def _iv(secret: bytes, workspace: str, plain: bytes) -> bytes:
    """Made of what it encrypts: one position has one cursor, and a changed cursor is found out
    (SIV, RFC 5297, with HMAC).
    """
    text = workspace.encode("utf-8", "surrogatepass")
    return hmac.digest(secret, b"position %b" % plain + text, "sha256")[:IV_BYTES]


def _encrypted(secret: bytes, iv: bytes, text: bytes) -> bytes:
    """`text` as the stream of an initialization vector encrypts it, or decrypts it."""
    stream = hmac.digest(secret, b"stream %b" % iv, "sha256")
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))
