"""Flow `build-board`: results store -> table -> board store -> Space."""

from prefect import flow

from evalboard_prefect.tasks.board_tasks import publish_board, publish_queue, show_board


@flow(name="build-board")
def build_board() -> bool:
    """Build the board from all results. Write it if it changed, and return whether it did."""
    publish_queue(wait=True)
    changed = publish_board()
    if changed:
        show_board()
    return changed
