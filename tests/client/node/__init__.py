"""What the Node package is held against: files that the Python side writes, and the service."""
