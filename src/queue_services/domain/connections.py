"""How many connections a workspace may take: it starts a delivery only while it holds fewer
than are free.

One comparison shares any number of connections: after 1, 2, 4 workspaces that hang, 128,
64, 16 of 256 are free, where a fixed share would run out.
"""

from __future__ import annotations


def allowance(free: int, held: int) -> int:
    """How many deliveries in a row a workspace with `held` connections may start when
    `free` are free: each start takes one and frees none.
    """
    return max(0, (free - held + 1) // 2)
