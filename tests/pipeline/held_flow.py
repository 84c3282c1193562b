"""The flow `evaluate-model`, which waits after its first benchmark; see `tests.pipeline.held`."""

from evalboard.settings import load_settings
from evalboard_prefect.flows.evaluate_flow import evaluate_model
from tests.pipeline.held import hold_all

__all__ = ["evaluate_model"]

hold_all(load_settings().home, {"keep": 2})
