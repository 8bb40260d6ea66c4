"""A lean HTTP/1.1 client: one request at a time on each of its pooled connections, written
in the step in which it is started. Nothing in it knows of messages.
"""
