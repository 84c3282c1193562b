"""The flow `poll-requests`, which waits before it reads the queue; see `tests.pipeline.held`."""

from evalboard.settings import load_settings
from evalboard_prefect.flows.poll_flow import poll_requests
from tests.pipeline.held import hold_all

__all__ = ["poll_requests"]

hold_all(load_settings().home, {"poll": 1})
