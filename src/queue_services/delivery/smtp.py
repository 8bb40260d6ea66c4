"""Sends mail by SMTP (RFC 5321), to an address that the guard allows.

Called by `delivery.notifications`. The connection is made here, after DNS, so that the guard
sees the address that is really dialled; the protocol is aiosmtplib's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from email.message import EmailMessage

import aiosmtplib
import msgspec

AddressGuard = Callable[[str], str | None]
"""Says why an address is not dialled, or None."""
IMPLICIT_TLS_PORT = 465


class MailServer(msgspec.Struct, frozen=True):
    """A server and how to log in. `tls`: implicit on port 465 (RFC 8314), else STARTTLS is
    required (RFC 3207).
    """

    host: str
    port: int
    tls: bool = True
    username: str | None = None
    password: str | None = None


async def send(
    server: MailServer, message: EmailMessage, guard: AddressGuard, seconds: float
) -> str | None:
    """Send a message within `seconds`; None when the server took it, else why it did not.
    Raises nothing but CancelledError.
    """
    try:
        async with asyncio.timeout(seconds):
            sock = await _connect(server.host, server.port, guard)
            try:
                implicit = server.tls and server.port == IMPLICIT_TLS_PORT
                client = aiosmtplib.SMTP(
                    hostname=server.host,
                    sock=sock,
                    use_tls=implicit,
                    start_tls=server.tls and not implicit,
                    username=server.username,
                    password=server.password,
                    timeout=seconds,
                )
                async with client:
                    await client.send_message(message)
            finally:
                sock.close()
    except TimeoutError:
        return f"The mail server did not answer within {seconds:g} s."
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return f"{error or type(error).__name__}"
    return None


async def _connect(host: str, port: int, guard: AddressGuard) -> socket.socket:
    """A connected socket to the first address of `host` that answers. Raises OSError, also where
    the guard refuses an address.
    """
    loop = asyncio.get_running_loop()
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        if reason := guard(str(address[0])):
            raise OSError(reason)
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure
