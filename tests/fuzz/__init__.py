"""Harnesses for fuzzers that are not among the locked packages."""
