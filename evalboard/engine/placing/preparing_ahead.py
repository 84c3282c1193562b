"""Find the files of the next model on a machine of the Ray cluster."""

from evalboard.engine.placing.allotment import starting_limits
from evalboard.engine.placing.cluster import connect, disconnect
from evalboard.engine.placing.nodes import PlaceSearch
from evalboard.engine.spec import EngineSpec


def prepare_on_cluster(spec: EngineSpec) -> None:
    """Find the files of a model whose turn comes, on the machine where a search for it begins.

    Args:
        spec: Specification of its engine, before it has its resources.

    Raises:
        EvalboardError: The cluster does not answer, or no machine of it can run the engine.
    """
    connect(spec.settings)
    try:
        limits = starting_limits(spec)
        if limits.resource == "gpus":
            sized = spec.model_copy(update={"limits": limits})
            PlaceSearch(sized, look=lambda: None).prepare_likely()
    finally:
        disconnect()
