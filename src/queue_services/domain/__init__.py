"""Pure rules: no I/O, no await, `now` is an argument (integer microseconds since 1970, UTC)."""
