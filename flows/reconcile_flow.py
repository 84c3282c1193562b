"""Flow `reconcile`: release requests whose runs have died."""

from prefect import flow

from evalboard.queueing.reconcile import Reconciliation
from tasks.board_tasks import publish_queue
from tasks.reconcile_tasks import read_runs, set_right


@flow(name="reconcile")
def reconcile() -> Reconciliation:
    """Release requests whose runs are gone, and finish those whose results are stored."""
    done = set_right(read_runs())
    publish_queue()
    return done
