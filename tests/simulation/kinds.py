"""What sort of world a seed makes, by its last digit: most are plain; some are made to
break one rule that a plain one seldom tries.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What is special about a world."""

    PLAIN = "plain"
    CROWDED = "crowded"
    """Three dispatchers share full limits, and all stand still for a moment again and
    again: many starts miss their slots, and few find others at once.
    """
    SET_BACK = "set back"
    """One dispatcher with a backlog, whose database's clock is set: nothing but its silence
    keeps the limit then.
    """
    TOLD = "told"
    """The application is told of events, and is as unreliable there as elsewhere."""
    METERED = "metered"
    """Two applications hand in by one key with a quota, each at an API process of its own:
    what is over it is handed in in a later minute.
    """
    STEPPED = "stepped"
    """The database's clock is set by an hour and more, forward and back, again and again, while
    dispatchers run or none does.
    """
    AWAY = "away"
    """The store is away from a dispatcher, or from all, for longer than a lease."""
    UNANSWERED = "unanswered"
    """Many a COMMIT is carried out and not answered."""


KINDS = {
    1: Kind.STEPPED,
    2: Kind.AWAY,
    3: Kind.UNANSWERED,
    4: Kind.CROWDED,
    5: Kind.SET_BACK,
    7: Kind.TOLD,
    8: Kind.TOLD,
    9: Kind.METERED,
}


def kind_of(seed: int) -> Kind:
    return KINDS.get(seed % 10, Kind.PLAIN)
