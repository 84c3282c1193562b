"""Attempts at a request of one model."""

from datetime import datetime

from evalboard.attempt.model import Attempt
from evalboard.engine.spec import EngineSpec
from evalboard.intake.submission import EvaluationRequest
from evalboard.lifecycle import claim
from evalboard.records.request import Claim, RequestRecord
from evalboard.stores.addresses import open_queue


def claimed(spec: EngineSpec, request: RequestRecord, run_id: str, *, now: datetime) -> Attempt:
    """Add a request to the queue, claim it for a run on this machine, and return the attempt."""
    queue = open_queue(spec.settings)
    path = queue.add(request)
    mine = Claim(run_id=run_id, host="here")
    return Attempt(
        request=EvaluationRequest(model=request.model),
        is_trial=False,
        record=queue.change(path, lambda record: claim(record, mine, now=now), message="claim"),
        request_path=path,
        run_id=run_id,
        run_url="",
        suite=spec.suite,
        engine=spec,
        started=0.0,
    )
