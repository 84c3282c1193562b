"""Flow `reconcile`: release requests whose runs have died.

`python -m evalboard_prefect.flows.reconcile_flow` runs it before a worker starts. As a run of its
deployment it would wait for the place of a run that died with the last worker.
"""

from prefect import flow

from evalboard.queueing.reconcile import Reconciliation
from evalboard_prefect.tasks.board_tasks import publish_queue
from evalboard_prefect.tasks.reconcile_tasks import read_runs, set_right
from evalboard_prefect.tasks.runs import run_in_order


@flow(name="reconcile")
def reconcile() -> Reconciliation:
    """Release requests whose runs are gone, and finish those whose results are stored."""
    with run_in_order():
        done = set_right(read_runs())
        publish_queue()
        return done


if __name__ == "__main__":
    reconcile()
