"""Names and shapes on the wire: the only camelCase of the service. Turns what callers send
into domain values, and domain values into answers.
"""
