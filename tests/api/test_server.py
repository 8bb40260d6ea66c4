"""How a process stops listening."""

from __future__ import annotations

import socket
import sys

import pytest

from queue_services.api.server import begin_no_more, listening


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux alone can do this")
def test_a_socket_that_begins_no_more_serves_what_it_has_begun_and_takes_nothing_new() -> None:
    with (
        listening("127.0.0.1", 0, shared=False) as listener,
        socket.create_connection(listener.getsockname()) as early,
    ):
        begin_no_more(listener.fileno())
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.2)
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(10)
            early.sendall(b"hello")
            assert accepted.recv(5) == b"hello"
