"""The operations: each says what may be asked, and does it in a transaction of the store by
the rules of `domain`. Called by the API, the dashboard, the CLI and the dispatcher.
"""
