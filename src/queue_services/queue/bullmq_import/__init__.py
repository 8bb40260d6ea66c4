"""Moves what waits in a BullMQ queue into the store, while BullMQ's workers keep running.

`importer` walks the queue and says what became of each job; `moving` takes jobs out of it
and removes them; `reading` finds and judges them; `layout` knows BullMQ's keys; `redis`
speaks to the server.
"""
