"""`queue-services demo`: a campaign through a service and a receiver of its own, watched
from schedule to arrival.
"""

from queue_services.demo.run import run_demo

__all__ = ["run_demo"]
