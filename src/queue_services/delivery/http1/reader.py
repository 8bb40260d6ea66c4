"""Reads answers from the bytes of a connection, within bounds, with llhttp.

As lenient as clients are: folded headers, a blank before a colon, bare line feeds. Whatever
leaves open where an answer ends is none: two lengths, a length together with chunks.
"""

from __future__ import annotations

import httptools

from queue_services.delivery.http1.answer import Response
from queue_services.errors import QueueServicesError

FIELD_BYTES = 8190  # of a name, a value, a reason phrase
FIELDS = 128
HEAD_BYTES = 64 * 1024  # all heads of one answer together: informational ones, too
WIRE_BYTES = 16  # for each byte of a body: chunks' sizes, extensions and trailers, too
_READ = frozenset({b"content-length", b"transfer-encoding", b"content-type", b"retry-after"})


class Malformed(QueueServicesError):
    """What came is no answer, or one beyond the bounds; no text of its own comes with it."""


class AnswerReader:
    """Reads one answer after the other, of each at most `body_bytes`. `reusable` says of the
    last whether its connection can carry another request.
    """

    def __init__(self, body_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self.reusable = self._complete = self._suspect = self._head_only = False
        self._received = self._fields = self._status = 0
        self._fault = ""
        self._head: dict[bytes, bytes] = {}
        self._body = bytearray()

    def begin(self, *, head_only: bool = False) -> None:
        """Forget the last answer; the next one follows, without a body if `head_only`."""
        self._received, self._head_only = 0, head_only
        self._begin_head()

    def feed(self, data: bytes) -> Response | None:
        """The answer, if these bytes complete it, or as much of it as is read. Raises
        Malformed.
        """
        self._received += len(data)
        self._suspect = self._received > FIELD_BYTES or b"\0" in data
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError) as stopped:
            if self._status != 101:  # what follows that is another protocol
                raise Malformed(f"The answer is no HTTP/1.1: {self._fault or stopped}") from None
            self._complete, self.reusable = True, False
        if self._fault:
            raise Malformed(f"The answer is no HTTP/1.1: {self._fault}")
        if self._complete:
            return self._response(whole=True)
        if not self._status and self._received > HEAD_BYTES:
            raise Malformed(f"The answer's head is over {HEAD_BYTES:,} bytes.")
        most = self._body_bytes
        if self._status and self._head_only:
            self.reusable = False
            return self._response(whole=True)
        if len(self._body) >= most or self._received > most * WIRE_BYTES + HEAD_BYTES:
            self.reusable = False
            return self._response(whole=False)
        return None

    def end(self) -> Response | None:
        """The answer that the end of the connection completes: one whose length was not told."""
        self.reusable = False
        lengthless = b"content-length" not in self._head and not self._chunked()
        return self._response(whole=True) if self._status and lengthless else None

    def _check(self, name: bytes, value: bytes) -> None:
        if self._fields > FIELDS or len(value) > FIELD_BYTES or len(name) > FIELD_BYTES:
            self._fault = f"over {FIELDS} headers, or one of over {FIELD_BYTES:,} bytes"
        elif b"\0" in value:
            self._fault = "a header that holds NUL"

    def _response(self, *, whole: bool) -> Response:
        body, retry_after = bytes(self._body), self._head.get(b"retry-after")
        return Response(
            self._status,
            body[: self._body_bytes],
            self._head.get(b"content-type", b"").decode("latin-1"),
            None if retry_after is None else retry_after.decode("latin-1"),
            whole and len(body) <= self._body_bytes,
        )

    def _chunked(self) -> bool:
        return self._head.get(b"transfer-encoding", b"").lower().endswith(b"chunked")

    def _begin_head(self) -> None:
        self.reusable = self._complete = False
        self._fields = self._status = 0
        self._fault = ""
        self._head = {}
        self._body = bytearray()

    # Called by the parser, which would wrap what these raise: they note faults instead.

    def on_message_begin(self) -> None:
        if self._complete:  # a second answer behind the first
            self.reusable = False

    def on_status(self, reason: bytes) -> None:
        if len(reason) > FIELD_BYTES:
            self._fault = f"a reason phrase of over {FIELD_BYTES:,} bytes"

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        if self._suspect or self._fields > FIELDS:
            self._check(name, value)
        field = name.lower()
        if field in _READ and not self._status:  # behind the status come trailers
            self._head.setdefault(field, value)

    def on_headers_complete(self) -> None:
        if not self._complete:
            self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._body += body

    def on_message_complete(self) -> None:
        if self._complete:
            return
        if 100 <= self._status < 200 and self._status != 101:  # the answer is still to come
            self._begin_head()
            return
        self._complete = True
        self.reusable = self._parser.should_keep_alive()
