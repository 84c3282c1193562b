"""Flow `refresh-models`: ask the Hub about the models -> results store -> board."""

from prefect import flow

from evalboard_prefect.tasks.board_tasks import publish_board, show_board
from evalboard_prefect.tasks.hub_tasks import ask_hub


@flow(name="refresh-models")
def refresh_models() -> bool:
    """Note the hearts of all models and which the Hub has no more. Return whether the board changed."""
    changed = ask_hub() and publish_board()
    if changed:
        show_board()
    return changed
