"""How the flows are deployed: `prefect.yaml`."""
