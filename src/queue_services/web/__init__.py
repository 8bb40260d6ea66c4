"""What the API and the dashboard share as HTTP servers: how a request's body is read."""
