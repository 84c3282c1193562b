"""Tasks that reconcile requests with dead runs."""

from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from evalboard.queueing import reconcile as core
from evalboard.queueing.claims import server_name
from evalboard.queueing.judging import RunState
from evalboard.wording import plain
from evalboard_prefect.tasks.runs import end_dead_runs, run_states
from evalboard_prefect.tasks.settings import load_settings


@task(name="Read runs", cache_policy=NO_CACHE)
def read_runs() -> dict[str, RunState]:
    """End in Prefect the runs that are gone, and ask it for those that have claimed requests."""
    end_dead_runs()
    return run_states(core.claimed_runs(load_settings()))


@task(name="Reconcile requests", cache_policy=NO_CACHE)
def set_right(runs: dict[str, RunState]) -> core.Reconciliation:
    """Release every RUNNING request whose run is gone, and log anomalies."""
    settings = load_settings()
    done = core.reconcile(settings, runs, now=datetime.now(UTC), server=server_name(settings))
    log = get_run_logger()
    for kind in ("released", "failed", "finished", "cancelled", "unclear", "unverified"):
        for path, _, reason in getattr(done, kind):
            log.warning("%s: %s (%s)", kind, plain(path), plain(reason))
    for path in done.unrequested:
        log.warning("results without a matching request: %s", plain(path))
    for path, problem in done.problems.items():
        log.error("%s could not be reconciled: %s", plain(path), plain(problem))
    return done
