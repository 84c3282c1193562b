"""How the flows are deployed: `prefect.yaml`, and the server's automations."""

HEARTBEAT_SECONDS = 30
"""Interval between two heartbeats of a flow run."""
