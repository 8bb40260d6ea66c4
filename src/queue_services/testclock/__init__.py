"""Time that a test moves: a clock that jumps, and what holds it while real work is done."""
