"""A small application that schedules campaigns with Queue Services and sends what falls
due. Start with README.md, then `app`.
"""
