"""What can be asked of the service, a module a subject; used by the API, the dashboard and
the CLI.
"""
