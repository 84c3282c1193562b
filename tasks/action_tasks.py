"""Tasks that do to the queue what people want."""

from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from evalboard.queueing import actions
from evalboard.queueing.actions import Acted
from evalboard.queueing.finding import Wanted
from evalboard.settings import load_settings
from tasks.runs import stop_run

BY = "a flow run"


@task(name="Requeue", cache_policy=NO_CACHE)
def requeue(wanted: Sequence[Wanted]) -> list[Acted]:
    """Start requests again."""
    return actions.requeue(wanted, load_settings(), now=datetime.now(UTC), by=BY)


@task(name="Cancel", cache_policy=NO_CACHE)
def cancel(wanted: Sequence[Wanted]) -> list[Acted]:
    """Cancel requests and stop the runs that work on them."""
    return actions.cancel(wanted, load_settings(), now=datetime.now(UTC), by=BY, stop_run=stop_run)


@task(name="Prioritise", cache_policy=NO_CACHE)
def prioritise(wanted: Sequence[Wanted], priority: int) -> list[Acted]:
    """Give waiting requests another priority."""
    return actions.prioritise(wanted, priority, load_settings())
