"""How the flows are deployed: the server, its work pool, `prefect.yaml`, and its automations."""

HEARTBEAT_SECONDS = 30
"""Interval between two heartbeats of a flow run."""
