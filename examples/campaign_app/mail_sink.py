"""A mail server that keeps what it gets and delivers nothing, for the demonstration and the
tests. Speaks just enough SMTP (RFC 5321).
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage as Mail
from types import TracebackType
from typing import Self


class MailSink(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1; `mails` are those received. An address that begins with
    `nobody` does not exist, one with `busy` must wait.
    """

    daemon_threads = True

    def __init__(self, port: int = 0, on_mail: Callable[[Mail], object] = lambda _: None) -> None:
        super().__init__(("127.0.0.1", port), _Session)
        self.mails: list[Mail] = []
        self.on_mail = on_mail
        self.port = int(self.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: MailSink

    def handle(self) -> None:
        self._say("220 sink")
        while line := self.rfile.readline().decode(errors="replace").strip():
            command = line.upper()
            if command.startswith("RCPT TO:<NOBODY"):
                self._say("550 no such mailbox")
            elif command.startswith("RCPT TO:<BUSY"):
                self._say("450 try later")
            elif command == "DATA":
                self._say("354 go on")
                self._receive()
                self._say("250 kept")
            elif command == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _receive(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        self.server.mails.append(mail)
        self.server.on_mail(mail)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
