"""How the flows are deployed: `prefect.yaml`, and the server's automations."""

HEARTBEAT_SECONDS = 30
"""Between two signs of life of a flow run."""
