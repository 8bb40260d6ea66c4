"""When messages would start and finish under the limits and the backlog of today."""
