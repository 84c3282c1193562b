"""A driver of a Ray cluster for an engine, whose specification is on its standard input."""

import signal
import sys

from evalboard.engine.placing.cluster import connect
from evalboard.engine.placing.nodes import PlaceSearch
from evalboard.engine.placing.preparing_ahead import prepare_on_cluster
from evalboard.engine.spec import EngineSpec

if __name__ == "__main__":
    spec = EngineSpec.model_validate_json(sys.stdin.readline())
    if sys.argv[1] == "prepare":
        prepare_on_cluster(spec)
    else:
        connect(spec.settings)
        PlaceSearch(spec, lambda: None).find(600)
        print("taken", flush=True)  # noqa: T201
        signal.pause()
