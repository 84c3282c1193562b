"""Flow `build-board`: results store -> table -> board store."""

from prefect import flow

from tasks.queue_tasks import publish_board, publish_queue


@flow(name="build-board")
def build_board() -> bool:
    """Build the board from all results and write it when it changed; return whether it did."""
    publish_queue()
    return publish_board()
