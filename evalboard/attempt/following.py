"""The next suite of a model, on the engines that have loaded it."""

import time
from datetime import datetime

from evalboard.attempt.model import Attempt
from evalboard.attempt.opening import claim_waiting
from evalboard.attempt.running import are_stopped, ask_next
from evalboard.attempt.waiting import waiting_suites
from evalboard.containing import contained
from evalboard.errors import EvalboardError
from evalboard.intake.polling import evaluation_of


def follow(attempt: Attempt, *, now: datetime) -> Attempt | None:
    """Claim the next suite that the attempt's model waits for, and return its attempt.

    The engines were loaded for it. What a model began to wait for after that is left to the queue, and
    so is what cannot be claimed.

    Args:
        attempt: An attempt whose benchmarks have ended. Its request is still claimed, so no other run
            starts the model.
        now: Time of the claim.
    """
    further = attempt.engine.further_suites
    if attempt.request_path is None or not further or are_stopped(attempt):
        return None
    following = contained(
        lambda: _follow(attempt, now), f"The next suite of {attempt.record.model!r}"
    )
    return None if isinstance(following, EvalboardError) else following


def _follow(attempt: Attempt, now: datetime) -> Attempt | None:
    settings = attempt.engine.settings
    loaded_for = attempt.engine.further_suites
    waiting = waiting_suites(attempt.record, settings, now=now)
    found = next((each for each in waiting if each.suite in loaded_for), None)
    if found is None:
        return None
    request = evaluation_of(found.path, found.record)
    record = claim_waiting(request, settings, run_id=attempt.run_id, now=now)
    benchmarks = tuple(b.key for b in found.suite.select(request.benchmarks))
    following = attempt.model_copy(
        update={
            "request": request,
            "record": record,
            "request_path": found.path,
            "suite": found.suite,
            "engine": attempt.engine.asking(found.suite, benchmarks),
            "started": time.time(),
        }
    )
    ask_next(following)
    return following
