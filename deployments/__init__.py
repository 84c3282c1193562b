"""How the flows are deployed: the server, its work pool, `prefect.yaml`, and its automations."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
POOL = "evalboard"
"""Name of the work pool."""
EVALUATIONS = "evaluations"
"""Work queue of the evaluations. A worker takes as many at a time as its machine has places."""
DEFAULT_QUEUE = "default"
"""Work queue of everything else, which takes seconds."""
TEMPLATE: dict[str, Any] = json.loads((FOLDER / "pool.json").read_text(encoding="utf-8"))
"""The pool's job template: what a worker does for every run."""
HEARTBEAT_SECONDS = 30
"""Interval between two heartbeats of a flow run."""
ENVIRONMENT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)}
"""What every run's environment has beside its worker's."""
NO_HEARTBEATS = {"PREFECT_FLOWS": json.dumps({"heartbeat_frequency": None})}
"""Instead of `ENVIRONMENT` for runs on a server that waits for no heartbeats. With them the end of every
flow run takes up to a second: Prefect waits for their thread, which sleeps by the second."""
ENVIRONMENT_VARIABLE = "evalboard_environment"
"""Variable of Prefect with `ENVIRONMENT`.

The template names it. A worker adds the environment of a run to an environment that the template contains,
but not to that of a variable.
"""
