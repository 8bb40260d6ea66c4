"""One suite for the fake service and the real one: what holds for the one must hold for the
other.
"""
