"""Queue Services: SMS and email of a multi-tenant application, sent when due, within exact
limits.
"""

__version__ = "0.2.0"
