"""A flow that writes down what its process has, and one that takes its time."""

import json
import time
from pathlib import Path

from prefect import flow
from prefect.settings import get_current_settings


@flow(name="record")
def record(file: str) -> None:
    """Write the interval of heartbeats in seconds, and the working directory."""
    seen = {
        "heartbeat": get_current_settings().flows.heartbeat_frequency,
        "folder": str(Path.cwd()),
    }
    Path(file).write_text(json.dumps(seen), encoding="utf-8")


@flow(name="rest")
def rest(seconds: float) -> None:
    """Do nothing for a while."""
    time.sleep(seconds)
